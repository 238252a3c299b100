"""A browser at the demo of our components (ui_demo), behind the Content-Security-Policy that is served."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import IDLE
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize

PROBES = ("_stcore/health", "_stcore/host-config")  # Streamlit's client looks for them below every path
WIDE: ViewportSize = {"width": 1280, "height": 860}


@pytest.fixture(name="demo", scope="module")
def served_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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

    def url(self, query: str) -> str:
        return f"{self._demo}/?{query}"

    def open(self, query: str) -> Page:
        self.page.goto(self.url(query))
        self.page.wait_for_selector(IDLE)
        return self.page

    def settle(self) -> None:
        """Until the script has run for what was done, as far as one can see from outside."""
        self.page.wait_for_timeout(250)
        self.page.wait_for_selector(IDLE)

    def log(self) -> list[Any]:
        self.settle()
        found: list[Any] = httpx.get(f"{self._demo}/demo/log").json()
        return found

    def did(self) -> list[tuple[str, str]]:
        return [(entry["of"], entry["action"]) for entry in self.log()]

    def get(self, path: str) -> Any:
        return httpx.get(f"{self._demo}/demo/{path}").json()

    def axe(self) -> list[str]:
        """What is wrong for people with disabilities, in our component."""
        self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("() => axe.run('[data-testid^=stBidi]')")
        return [f"{broken['id']}: {node['html'][:160]}" for broken in found["violations"] for node in broken["nodes"]]

    def post(self, path: str, body: object = None) -> Any:
        return httpx.post(f"{self._demo}/demo/{path}", json=body).json()


@pytest.fixture(name="visit")
def paid_visit(browser: Browser, demo: str) -> Iterator[Visit]:
    context = browser.new_context(color_scheme="dark", viewport=WIDE)
    visit = Visit(context.new_page(), demo)
    yield visit
    title = visit.page.title()
    context.close()
    assert "HACKED" not in title
    assert visit.complaints == []
