"""A newcomer's first two minutes, in a real browser, against the real process."""

from __future__ import annotations

import re
import time
from pathlib import Path

from browser import idle, listen, loaded, screen
from playwright.sync_api import Browser, Locator, Page, expect

from apom import testing

SHOTS = "Harbour at dawn\nThe keeper climbs the stairs\nStorm over the sea"


def register(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password", exact=True).fill("seven tall ships at dawn")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("Make your first project").wait_for()


def make_shots(page: Page, url: str, project: str, lines: str) -> None:
    """A first account, its first project, and a shot per line: now at its board."""
    register(page, url)
    page.get_by_label("Name").fill(project)
    page.get_by_role("button", name="Create project").click()
    page.get_by_label("One line for each shot").fill(lines)
    page.get_by_role("button", name="Make shots").click()
    page.get_by_role("button", name="Make shots").wait_for(state="hidden")
    page.get_by_text(lines.splitlines()[-1], exact=True).wait_for()
    idle(page)  # nobody is faster than the page here


def take(page: Page, name: str) -> Locator:
    """A card of the gallery."""
    return page.get_by_role("gridcell", name=re.compile(f"^{name},"))


def test_from_the_first_page_to_a_clip_that_plays_and_seeks(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.5", sandbox_video_s="0.5") as app:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
        page = context.new_page()
        errors = listen(page)
        began = time.monotonic()

        page.goto(app.url)
        page.get_by_label("User name").wait_for()
        screen(page, "sign-in", tmp_path)
        make_shots(page, app.url, "The lighthouse", SHOTS)
        page.get_by_role("button", name=re.compile("^010, Harbour")).click()

        prompt = page.get_by_label("Prompt")
        prompt.fill("harbour at dawn, fishing boats, golden light over the sea")
        page.get_by_role("slider", name="Takes").press("ArrowRight")
        page.get_by_role("slider", name="Takes").press("ArrowRight")
        idle(page)
        page.get_by_role("button", name="Generate").click()
        prompt.fill("typed while the takes arrive")
        loaded(page.get_by_role("gridcell").locator("img"), 4)
        assert time.monotonic() - began < 120
        assert prompt.input_value() == "typed while the takes arrive", "what was typed stays"
        screen(page, "shot", tmp_path)

        first = take(page, "Take 4")
        first.hover()
        for mark in ("Favourite", "Headliner"):
            first.get_by_role("button", name=mark).click()
            expect(first.get_by_role("button", name=mark)).to_have_attribute("aria-pressed", "true")

        first.locator("img").click()
        page.get_by_role("button", name="Animate").wait_for()
        idle(page)
        page.wait_for_timeout(600)
        screen(page, "take", tmp_path)
        page.get_by_role("button", name="Animate").click()
        clip = take(page, "Clip 5")
        loaded(clip.locator("img"), 1)
        idle(page)
        clip.locator("img").click()
        video = page.locator("video[controls]")
        video.wait_for()
        video.evaluate("async v => { v.muted = true; await v.play(); }")
        page.wait_for_function("v => v.currentTime > 0.3", arg=video.element_handle())
        video.evaluate("v => { v.pause(); v.currentTime = 2.5; }")
        page.wait_for_function("v => !v.seeking && Math.abs(v.currentTime - 2.5) < 0.1", arg=video.element_handle())
        screen(page, "clip", tmp_path)
        page.keyboard.press("Escape")

        page.get_by_role("link", name="The lighthouse").click()
        page.get_by_text("5 takes").first.wait_for()
        loaded(page.get_by_role("listitem").first.locator("img"), 1)
        screen(page, "board", tmp_path)
        page.get_by_role("link", name="Projects").click()
        page.get_by_text("The lighthouse").wait_for()
        idle(page)
        screen(page, "projects", tmp_path)
        assert errors == []
        context.close()


def test_the_sample_project_fills_itself_and_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.2") as app:
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="light")
        page = context.new_page()
        register(page, app.url)
        page.get_by_role("button", name="Open a sample project").click()
        page.get_by_text("Harbour at dawn").wait_for()
        idle(page)
        page.get_by_role("button", name=re.compile("^010, Harbour")).click()
        loaded(page.get_by_role("gridcell").locator("img"), 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing sticks out"
        screen(page, "phone", tmp_path)
        context.close()


def test_a_status_change_is_seen_within_a_second_in_a_second_tab(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.5") as app:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        make_shots(page, app.url, "P", "one")
        page.get_by_role("button", name=re.compile("^010, one")).click()
        page.get_by_label("Prompt").wait_for()
        idle(page)
        box = page.url.split("box=")[1]
        made = context.request.post(
            f"{app.url}/api/boxes/{box}/generate", data={"prompt": "x"}, headers={"Origin": app.url}
        )
        assert made.status == 201, made.text()
        asset = made.json()[0]["id"]
        page.get_by_role("gridcell").wait_for(timeout=1000)
        while context.request.get(f"{app.url}/api/assets/{asset}").json()["status"] != "COMPLETED":
            page.wait_for_timeout(50)
        page.get_by_role("gridcell").locator("img").wait_for(state="visible", timeout=1000)
        context.close()


def test_a_viewer_sees_and_cannot_change_and_a_stranger_sees_nothing(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.2") as app:
        alices = browser.new_context()
        page = alices.new_page()
        register(page, app.url)
        headers = {"Origin": app.url}
        project = alices.request.post(f"{app.url}/api/projects", data={"name": "P"}, headers=headers).json()["id"]
        box = alices.request.post(
            f"{app.url}/api/projects/{project}/boxes", data={"names": ["one"]}, headers=headers
        ).json()
        alices.request.post(f"{app.url}/api/boxes/{box[0]['id']}/generate", data={"prompt": "x"}, headers=headers)
        from apom import runfile
        from apom.client import OperatorClient

        run = runfile.read(tmp_path / "data")
        assert run is not None
        for name in ("bob", "victor"):
            OperatorClient(run.url, run.token).add_user(name, "seven tall ships at dawn")
        member = {"username": "victor", "role": "VIEWER"}
        assert alices.request.put(f"{app.url}/api/projects/{project}/members", data=member, headers=headers).ok
        address = f"{app.url}/box?box={box[0]['id']}"
        for name, sees in (("victor", True), ("bob", False)):
            theirs = browser.new_context()
            page = theirs.new_page()
            page.goto(address)
            assert page.get_by_text("one").count() == 0, "nothing before the sign-in"
            page.get_by_label("User name").fill(name)
            page.get_by_label("Password", exact=True).fill("seven tall ships at dawn")
            page.get_by_role("button", name="Sign in", exact=True).click()
            if sees:
                loaded(page.get_by_role("gridcell").locator("img"), 1)
                assert page.url == address
                assert page.get_by_role("button", name="Generate").count() == 0
                assert page.get_by_role("button", name="Favourite (F)").count() == 0
            else:
                page.get_by_text("There is nothing here by that id").wait_for()
                assert page.get_by_role("gridcell").count() == 0
            theirs.close()
        alices.close()


def test_there_is_always_a_way_back(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data") as app:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        make_shots(page, app.url, "P", "one")
        page.get_by_text("one", exact=True).click()  # a shot's name opens it, not only its picture
        page.get_by_label("Prompt").wait_for()
        idle(page)
        page.get_by_label("Prompt").fill("typed words")
        page.get_by_role("link", name="P", exact=True).click()  # with the focus still in the prompt
        page.get_by_role("button", name="Add shots").wait_for()
        idle(page)
        page.get_by_role("button", name=re.compile("^010, one")).click()
        page.get_by_label("Prompt").wait_for()
        idle(page)
        page.go_back()
        page.get_by_role("button", name="Add shots").wait_for()
        idle(page)
        page.get_by_role("button", name=re.compile("^010, one")).click()
        page.get_by_label("Prompt").wait_for()
        idle(page)
        page.get_by_text("Shot", exact=True).click()
        page.wait_for_timeout(700)  # while it opens, what is under the pointer moves away
        page.get_by_role("button", name="Delete shot").click()
        page.get_by_text("The shot and its 0 takes go").wait_for()
        page.get_by_role("button", name="Delete for good").click()
        page.get_by_label("One line for each shot").wait_for()
        page.goto(f"{app.url}/box?box=123")
        page.get_by_text("There is nothing here by that id").wait_for()
        page.get_by_text("Back to the projects").click()
        page.get_by_role("button", name="New project").wait_for()
        context.close()
