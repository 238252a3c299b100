"""What a film is made to, as people set it: the project's format and sound, a shot's part of its clip."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browser import idle, listen, screen
from media_samples import clip, sound
from playwright.sync_api import Browser, Page, expect

from apom import testing
from apom.client import RemoteStudio, RemoteWorkspace
from apom.models import Role

GOOD = "seven tall ships at dawn"


def signed_in(browser: Browser, url: str, name: str, path: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
    page.goto(url + path)
    page.get_by_label("User name").first.fill(name)
    page.get_by_label("Password", exact=True).first.fill(GOOD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("User name").first.wait_for(state="hidden")
    idle(page)
    return page


def wait_for(found: Callable[[], object], page: Page, within_s: float = 15) -> None:
    for _ in range(int(within_s * 5)):
        if found():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not come about")


def open_settings(page: Page, tab: str) -> None:
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("tab", name=tab).click()
    idle(page)


def test_format_sound_and_timing_are_set_on_the_pages(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data") as app, RemoteStudio(app.url) as studio:
        studio.register("alice", GOOD)
        with studio.login("alice", GOOD) as ws:
            walk(browser, app.url, ws, tmp_path)


def walk(browser: Browser, url: str, ws: RemoteWorkspace, folder: Path) -> None:
    project = ws.create_project("Lighthouse")
    shot = ws.create_box(project, "Harbour")
    take = ws.upload(shot, clip(folder / "x.mp4", seconds=4, size=(640, 360))).take
    page = signed_in(browser, url, "alice", f"/board?project={project.id}")
    errors = listen(page)

    open_settings(page, "Format")
    page.get_by_label("How long it should become, in seconds").fill("60")
    page.get_by_role("combobox", name="Width × height").fill("9:16")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    wait_for(lambda: ws.project(project).target_s == 60, page)
    assert (ws.project(project).width, ws.project(project).height, ws.project(project).fps) == (1080, 1920, 24)

    idle(page)
    open_settings(page, "Soundtrack")
    page.get_by_role("button", name="Add sound").click()
    page.locator("input[type=file]").set_input_files(sound(folder / "theme.mp3", seconds=3))
    page.get_by_role("button", name="Upload 1 file").click()
    wait_for(lambda: ws.project(project).soundtrack_asset_id, page)
    player = page.locator("audio")
    player.wait_for()
    assert player.evaluate("it => new Promise(done => { it.oncanplay = () => done(it.duration); it.load() })") > 2.9
    expect(page.get_by_role("combobox", name="Plays under the cut")).to_have_value("theme.mp3 · 0:03")
    screen(page, "soundtrack", folder)

    page.goto(f"{url}/box?box={shot.id}&take={take.id}")
    idle(page)
    video = page.locator("video")
    video.evaluate("it => new Promise(done => { it.onseeked = done; it.currentTime = 1 })")
    page.keyboard.press("i")
    page.get_by_text("Make this clip the headliner first").wait_for()
    page.keyboard.press("h")
    wait_for(lambda: ws.box(shot).headliner_asset_id == take.id, page)
    page.keyboard.press("i")
    page.get_by_text("The shot lasts 3.00 s").wait_for()
    video.evaluate("it => new Promise(done => { it.onseeked = done; it.currentTime = 2.5 })")
    page.keyboard.press("o")
    page.get_by_text("The shot lasts 1.50 s").wait_for()
    assert (ws.box(shot).in_s, ws.box(shot).out_s) == (1, 2.5)
    page.keyboard.press("Escape")
    page.get_by_text("1.50 s of 4.00 s on screen").wait_for()
    page.get_by_label("Out (seconds)").fill("3")
    page.keyboard.press("Enter")
    page.get_by_text("2.00 s of 4.00 s on screen").wait_for()
    page.get_by_label("In (seconds)").fill("3.5")
    page.keyboard.press("Enter")
    page.get_by_text("In has to come before out").wait_for()

    page.get_by_text("Shot", exact=True).click()
    page.get_by_label("Section").fill("Scene 2")
    page.get_by_label("Code").fill("A1")
    page.get_by_role("button", name="Save", exact=True).click()
    wait_for(lambda: (ws.box(shot).code, ws.box(shot).section) == ("A1", "Scene 2"), page)
    page.goto(f"{url}/board?project={project.id}")
    page.get_by_text("0:02 of 1:00").wait_for()
    page.get_by_text(re.compile("1 take · 2.0 s")).wait_for()
    assert errors == []

    ws.add_user("victor", GOOD)
    ws.set_member(project, "victor", Role.VIEWER)
    page = signed_in(browser, url, "victor", f"/box?box={shot.id}&take={take.id}")
    page.locator("video").wait_for()
    page.keyboard.press("o")
    page.wait_for_timeout(500)
    assert ws.box(shot).out_s == 3, "who may only look sets nothing"
    expect(page.get_by_label("In (seconds)")).to_have_count(0)
