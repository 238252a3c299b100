"""Our components in a real browser, behind the Content-Security-Policy that is served."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from apom.models import new_id
from apom.ui.components.assembly import read_actions

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PROBES = ("_stcore/health", "_stcore/host-config")  # Streamlit's client looks for them below every path
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo in a process of its own, with the theme of this checkout."""
    here = Path(__file__).parent
    folder = tmp_path_factory.mktemp("demo")
    (folder / ".streamlit").symlink_to(here.parent / ".streamlit")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", f"import ui_demo; ui_demo.main({port})"]
    env = os.environ | {"PYTHONPATH": f"{here.parent}{os.pathsep}{here}"}
    log = folder / "log"
    with log.open("w") as out, subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out) as process:
        try:
            await_health(process, f"http://127.0.0.1:{port}/_stcore/health", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(15)


def await_health(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until the server answers, half a minute at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


class Visit:
    """A page of the demo, and what reached Python from it."""

    def __init__(self, page: Page, demo: str) -> None:
        self.page, self._demo = page, demo
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        httpx.delete(f"{demo}/demo/log")

    def _hear(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not any(probe in where for probe in PROBES):
            self.complaints.append(f"{message.text} ({where})")

    def open(self, query: str) -> Page:
        self.page.goto(f"{self._demo}/?{query}")
        self.page.wait_for_selector(QUIET)
        return self.page

    def settle(self) -> None:
        """Until the script has run for what was done, as far as one can see from outside."""
        self.page.wait_for_timeout(250)
        self.page.wait_for_selector(QUIET)

    def log(self) -> list[Any]:
        self.settle()
        found: list[Any] = httpx.get(f"{self._demo}/demo/log").json()
        return found

    def did(self) -> list[tuple[str, str, bool | None]]:
        return [(entry["of"], entry["action"], entry["on"]) for entry in self.log()]

    def post(self, path: str, body: object = None) -> Any:
        return httpx.post(f"{self._demo}/demo/{path}", json=body).json()


@pytest.fixture
def visit(browser: Browser, demo: str) -> Iterator[Visit]:
    context = browser.new_context(color_scheme="dark", viewport={"width": 1280, "height": 860})
    visit = Visit(context.new_page(), demo)
    yield visit
    title = visit.page.title()
    context.close()
    assert "HACKED" not in title
    assert visit.complaints == []


def test_every_component_mounts_together_in_peace(visit: Visit) -> None:
    page = visit.open("")
    for part in ("Takes", "Shots, in order", "Projects"):
        expect(page.get_by_role("list", name=part)).to_be_visible()
    expect(page.get_by_role("region", name="Take 7")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("looked 1 times")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=", exact=False)).to_have_count(3)  # hostile words are only words
    assert page.locator("img[src=x]").count() == 0


def test_a_click_reaches_python_once_and_shows_at_once(visit: Visit) -> None:
    page = visit.open("show=takes")
    heart = page.locator("li").filter(has_text="Take 2 ·").get_by_role("button", name="Favourite")
    page.locator("li").filter(has_text="Take 2 ·").hover()
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true", timeout=100)
    assert visit.did() == [("takes", "favorite", True)]
    heart.click()
    assert visit.did() == [("takes", "favorite", True), ("takes", "favorite", False)]
    expect(heart).to_have_attribute("aria-pressed", "false")


def test_pictures_keep_their_nodes_when_the_data_changes(visit: Visit) -> None:
    page = visit.open("show=takes")
    picture = page.locator("li").filter(has_text="Take 7 ·").locator("img")
    picture.evaluate("node => { node.mine = true }")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="Again").click()
    page.locator("li").filter(has_text="Take 8 ·").get_by_role("button", name="Headliner").click(force=True)
    assert visit.did() == [("takes", "headliner", True)]
    assert picture.evaluate("node => node.mine") is True
    assert [url for url in requests if "/m/" in url] == []


def test_quick_keys_lose_nothing(visit: Visit) -> None:
    page = visit.open("show=takes")
    page.locator("[data-status=FAILED] .open").focus()
    page.keyboard.press("f")  # there is nothing to like
    page.locator("li").filter(has_text="Take 6 ·").locator(".open").focus()
    page.keyboard.press("Control+f")
    for _ in range(5):
        page.keyboard.press("f")
        page.keyboard.press("ArrowRight")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    did = visit.log()
    assert [entry["action"] for entry in did] == [*["favorite"] * 5, "headliner", "open"]
    assert len({entry["id"] for entry in did}) == 6
    assert [entry["n"] for entry in did] == sorted({entry["n"] for entry in did})
    expect(page.locator("[data-act=headliner][aria-pressed=true]")).to_have_count(1)


def test_the_clock_of_a_running_take_ticks(visit: Visit) -> None:
    page = visit.open("show=takes")
    time = page.locator("[data-status=PROCESSING] .time")
    expect(time).to_have_text(re.compile(r"1:1[2-9]"))
    before = time.inner_text()
    expect(time).not_to_have_text(before)
    page.locator("[data-status=PROCESSING]").hover()
    page.locator("[data-status=PROCESSING]").get_by_role("button", name="Cancel").click()
    assert visit.did() == [("takes", "cancel", None)]


def test_a_clip_plays_silently_under_the_mouse(visit: Visit) -> None:
    page = visit.open("show=takes")
    page.locator("li").filter(has_text="Take 2 ·").hover()
    video = page.locator("li video")
    expect(video).to_have_js_property("muted", True)
    expect(video).to_have_js_property("paused", False)
    page.mouse.move(5, 5)
    expect(video).to_have_count(0)


def test_an_empty_gallery_says_what_to_do(visit: Visit) -> None:
    visit.open("show=takes&n=0")
    expect(visit.page.get_by_text("No takes yet")).to_be_visible()


def test_two_hundred_takes_are_there_and_load_as_they_are_scrolled_to(visit: Visit) -> None:
    page = visit.open("show=takes&n=200")
    expect(page.locator("li")).to_have_count(204)
    assert page.locator("li img[loading=lazy]").count() == 204


def test_the_viewer_listens_to_keys_but_not_while_one_types(visit: Visit) -> None:
    page = visit.open("show=viewer")
    expect(page.get_by_role("region", name="Take 7")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("f")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Comment").fill("f")
    page.get_by_label("Comment").press("ArrowLeft")
    page.get_by_label("Comment").press("h")
    assert visit.did() == [("viewer", "next", None), ("viewer", "favorite", False), ("viewer", "close", None)]


def test_a_click_shows_the_pictures_own_pixels(visit: Visit) -> None:
    page = visit.open("show=viewer")
    picture = page.get_by_role("img", name="Take 7")
    assert picture.bounding_box()["width"] < 1280  # type: ignore[index]
    picture.click(position={"x": 600, "y": 300})
    assert picture.bounding_box()["width"] == 1920  # type: ignore[index]
    picture.click(position={"x": 1000, "y": 500})
    assert picture.bounding_box()["width"] < 1280  # type: ignore[index]
    assert visit.did() == []


def test_the_viewer_plays_a_clip(visit: Visit) -> None:
    page = visit.open("show=viewer&take=clip")
    video = page.locator("video")
    page.wait_for_selector("video")
    assert video.evaluate("async video => { video.muted = true; await video.play(); return video.duration }") > 1
    expect(page.get_by_role("button", name="Actual size")).to_have_count(0)


def test_shots_move_by_button_and_by_keyboard(visit: Visit) -> None:
    page = visit.open("show=shots")
    codes = page.locator(".code")
    first = page.locator("li").filter(has_text="010")
    first.hover()
    first.get_by_role("button", name="Move later").click()
    expect(codes).to_have_text(["020", "010", "030", "040", "050", "060"], timeout=100)
    expect(page.get_by_text("Shot 010 is now 2 of 6")).to_be_attached()
    expect(first.get_by_role("button", name="Move later")).to_be_focused()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowRight")
    assert visit.did() == [("shots", "later", None)] * 3
    expect(codes).to_have_text(["020", "030", "040", "010", "050", "060"])


def test_a_project_card_opens(visit: Visit) -> None:
    page = visit.open("show=projects")
    page.get_by_role("button", name="Harbour").click()
    assert visit.did() == [("projects", "open", None)]


def test_a_burst_of_events_is_one_look_and_a_lost_socket_another(visit: Visit) -> None:
    page = visit.open("show=live")
    expect(page.get_by_text("looked 1 times")).to_be_visible()
    burst = [{"type": "asset_status_changed", "version": n, "project_id": "p"} for n in range(20)]
    while visit.post("publish", burst)["listeners"] < 1:
        page.wait_for_timeout(50)
    expect(page.get_by_text("looked 2 times")).to_be_visible()
    assert [(entry["type"], entry["version"]) for entry in visit.log()] == [("asset_status_changed", 19)]
    visit.post("drop")
    expect(page.get_by_text("looked 3 times")).to_be_visible()
    assert visit.log()[-1]["type"] == "caught_up"
    expect(page.get_by_text("Connection lost")).not_to_be_visible()


def test_leaving_the_page_hangs_up(visit: Visit) -> None:
    visit.open("show=live")
    while not visit.post("publish", [])["listeners"]:
        visit.page.wait_for_timeout(50)
    visit.open("show=projects")
    assert visit.post("publish", [{}])["listeners"] == 0


def test_a_refused_sign_in_says_why_and_keeps_what_was_typed(visit: Visit) -> None:
    page = visit.open("show=signin")
    assert page.locator("form").evaluate("form => form.getRootNode() === document")
    page.get_by_label("User name").fill(" alice ")
    page.get_by_label("Password", exact=True).fill("rrcc")  # Streamlit's shortcuts, were they not typed into a field
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong. <img src=x onerror=alert(1)>")
    expect(page.get_by_label("User name")).to_have_value(" alice ")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    assert visit.log() == [{"username": "alice", "password": "rrcc"}]
    visit.complaints = [text for text in visit.complaints if "401" not in text]  # the browser notes every 401


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "/\\evil.example"])
def test_an_accepted_sign_in_stays_on_this_site(visit: Visit, elsewhere: str) -> None:
    page = visit.open(f"show=signin&next={elsewhere}")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password", exact=True).fill("right")
    origin = page.url.split("/?")[0]
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    assert page.url.startswith(origin + "/")


def test_a_password_can_be_looked_at(visit: Visit) -> None:
    page = visit.open("show=signin&first=1")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_attribute("autocomplete", "new-password")
    page.get_by_role("button", name="Show the password").click()
    expect(field).to_have_attribute("type", "text")


def test_actions_are_read_once_in_order_and_only_when_well_formed() -> None:
    one, two = ({"n": n, "action": "open", "id": str(new_id())} for n in (1, 2))
    assert [action.n for action in read_actions([two, one], after=0)] == [1, 2]
    assert [action.n for action in read_actions([two, one], after=1)] == [2]
    for hostile in (None, "open", {"n": 1}, [one, {"n": 3, "action": "open", "id": "../x"}], [one | {"more": 1}]):
        assert read_actions(hostile, after=0) == ()  # type: ignore[arg-type]
