"""The edge as a real browser meets it: the policy, a form under no-referrer, and a tab whose session ends elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from served import Served, served

REPORT = """document.addEventListener("securitypolicyviolation", event =>
    console.warn("VIOLATION", event.effectiveDirective, event.blockedURI))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(REPORT)
        yield page
        browser.close()


def test_signing_in_by_a_form_and_being_signed_out_elsewhere(server: Served, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(server.url + "/secret")
    expect(page.get_by_text("SIGN IN for /secret")).to_be_visible(timeout=20_000)
    page.get_by_role("textbox").fill("alice-9")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("SECRET of alice")).to_be_visible(timeout=20_000)
    assert page.evaluate("document.cookie.includes('apom_session')") is False
    page.get_by_role("button", name="guarded").click()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    assert "callback" in server.marks()

    server.logout("alice-9")
    page.get_by_role("button", name="bare").click()
    expect(page.get_by_text("SIGN IN for /secret")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("SECRET of alice")).to_have_count(0)
    assert "bare callback" not in server.marks()

    violations = [text for text in said if text.startswith("VIOLATION")]
    assert set(violations) <= {
        "VIOLATION script-src wasm-eval"
    }  # protobuf tries WebAssembly for long numbers, then does without
