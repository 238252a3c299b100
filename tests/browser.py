"""Debian's Chromium, driven by Playwright: started once per test process, a fresh profile per test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ARGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
# Streamlit's client probes the page's own path first; on a deep link that is not there
EXPECTED = ("_stcore/health", "_stcore/host-config", "status of 404")

# What a test means to be fast has a time-out of its own; all else only has to come, however loaded the machine is
expect.set_options(timeout=20_000)
LIVE_MS = 10_000  # what comes by an event: without one, a page looks again after fifteen seconds


@pytest.fixture(scope="module")  # its event loop would be in the way of the other modules
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is needed: make browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


class SlowLine:
    """What Streamlit says to the page, held back for a while. `sent`: what the page said."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str | bytes] = []
        self._held: list[str | bytes] | None = None
        self._but = False
        page.route_web_socket(re.compile("/_stcore/stream"), self._join)

    def _join(self, there: WebSocketRoute) -> None:
        self._page = there
        self._server = there.connect_to_server()
        there.on_message(self._ask)
        self._server.on_message(self._answer)

    def _ask(self, said: str | bytes) -> None:
        self.sent.append(said)
        self._server.send(said)

    def _answer(self, said: str | bytes) -> None:
        if self._held is None or (self._but and _is_begun(said)):
            self._page.send(said)
        else:
            self._held.append(said)

    def hold(self, *, but_begun: bool = False) -> None:
        """`but_begun`: that a script has begun comes through."""
        self._held, self._but = [], but_begun

    def release(self) -> None:
        held, self._held = self._held or [], None
        for said in held:
            self._page.send(said)


def _is_begun(said: str | bytes) -> bool:
    return isinstance(said, bytes) and ForwardMsg.FromString(said).session_status_changed.script_is_running


def idle(page: Page) -> None:
    """Until Streamlit has drawn everything."""
    page.wait_for_selector(IDLE, timeout=20_000)
    page.wait_for_timeout(250)


def listen(page: Page) -> list[str]:
    """Errors of the page's console, the expected ones left out."""
    errors: list[str] = []

    def hear(text: str, where: str) -> None:
        if not any(known in text or known in where for known in EXPECTED):
            errors.append(f"{text} {where}")

    page.on("console", lambda m: hear(m.text, m.location.get("url", "")) if m.type == "error" else None)
    page.on("pageerror", lambda error: hear(str(error), ""))
    return errors


def screen(page: Page, name: str, folder: Path) -> None:
    """A picture of the page: for docs/screens with `make screens`, else for whoever looks into the test's folder."""
    target = Path(os.environ.get("APOM_SCREENS") or folder)
    target.mkdir(parents=True, exist_ok=True)
    shot = target / f"{name}.png"
    page.screenshot(path=shot)
    with Image.open(shot) as image:
        image.save(shot.with_suffix(".webp"), quality=82)
    shot.unlink()


def loaded(pictures: Locator, count: int, timeout_ms: int = 60_000) -> None:
    """Until that many pictures are there and decoded."""
    for i in range(count):
        picture = pictures.nth(i)
        picture.wait_for(state="visible", timeout=timeout_ms)
        picture.evaluate("img => img.complete || new Promise(done => { img.onload = done; })")
        assert picture.evaluate("img => img.naturalWidth") > 100
