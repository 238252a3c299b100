"""The Storage page in a real browser: what goes soon is said, can be kept, and the trash is emptied by the owner's word."""

from __future__ import annotations

from pathlib import Path

from browser import idle, listen, screen
from playwright.sync_api import Browser, expect
from test_providers_page import PASSWORD, sign_in

from apom import testing
from apom.config import Settings
from apom.models import Mark
from apom.studio import Studio


def test_what_goes_soon_is_seen_and_kept_and_the_trash_is_emptied(browser: Browser, tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path, sandbox_image_s=0.05)) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        project = alice.create_project("Lighthouse")
        shot = alice.create_box(project, "Harbour")
        takes = alice.wait(alice.generate(shot, "harbour at dawn", n=4), timeout_s=120)
        alice.set_headliner(shot, takes[0])
        alice.mark([Mark(asset_id=takes[1].id, trashed=True)])
        with studio._store.write() as tx:
            tx.all("update project set updated_at = updated_at - interval '9 days'")
            tx.all("update asset set created_at = created_at - interval '9 days'")
        assert studio.operator().run_retention().announced == 2
    with testing.server(tmp_path) as app:
        page = sign_in(browser, app.url, "alice", f"/board?project={project.id}")
        errors = listen(page)
        expect(page.get_by_text("2 takes go to the trash from")).to_be_visible(timeout=30_000)
        page.get_by_text("Look at them").click()
        expect(page.get_by_text("goes on")).to_have_count(2)
        idle(page)
        screen(page, "storage", tmp_path)
        page.set_viewport_size({"width": 390, "height": 844})
        idle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_text("Keep all of them for 10 more days").click()
        expect(page.get_by_text("Nothing. Takes that nobody marked")).to_be_visible()
        expect(page.get_by_text("its files go from")).to_have_count(1)
        screen(page, "storage-trash", tmp_path)
        page.get_by_text("Empty the trash").click()
        page.get_by_text("Empty it for good").click()
        expect(page.get_by_text("1 take lost its files.")).to_be_visible()
        expect(page.get_by_text("The trash of this project is empty.")).to_be_visible()
        page.goto(app.url + f"/box?box={shot.id}&take={takes[1].id}")
        expect(page.get_by_text("The files were cleaned away.")).to_be_visible(timeout=30_000)
        page.get_by_text("Delete the recipe too").click()
        screen(page, "recipe", tmp_path)
        page.get_by_role("button", name="Delete it for good").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.goto(app.url + f"/board?project={project.id}")
        expect(page.get_by_text("1 shot · 3 takes")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("go to the trash from")).to_have_count(0)
        page.goto(app.url + "/storage")
        expect(page.get_by_text("There is nothing to clean away now.")).to_be_visible(timeout=30_000)
        page.get_by_text("Clean now").click()
        expect(page.get_by_test_id("stToastText").get_by_text("0 announced")).to_be_visible()
        page.get_by_role("button", name="Lighthouse").click()
        expect(page.get_by_text("010 Harbour")).to_be_visible()
        assert errors == []
