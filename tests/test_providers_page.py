"""The Providers page in a real browser: a key goes in and never comes out, is tried, and its models can be chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import idle, listen, screen
from loopback import Loopback, said
from playwright.sync_api import Browser, Page, expect
from test_providers_service import CREDIT, KEY

from apom import testing
from apom.config import Settings
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"


def sign_in(browser: Browser, url: str, name: str, path: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark").new_page()
    page.goto(url + path)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    return page


def opened(page: Page, title: str) -> None:
    """A section of the page."""
    page.get_by_text(title, exact=True).first.click()
    idle(page)


def test_a_provider_is_set_up_edited_and_chosen(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIE_API_KEY", raising=False)
    with Loopback() as kie:
        kie.on("GET", CREDIT, said({"code": 200, "data": 512.5}), said({"code": 401, "msg": f"bad key {KEY}"}))
        with Studio.open(Settings(data_dir=tmp_path), engine=False) as studio:
            studio.register("alice", PASSWORD)
            studio.operator().add_user("bob", PASSWORD)
            studio.operator().set_address("kie", kie.url, may_be_private=True)
            actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
            assert actor is not None
            alice = studio.workspace(actor)
            box = alice.create_box(alice.create_project("Lighthouse"), "Harbour")
        with testing.server(tmp_path) as app:
            page = sign_in(browser, app.url, "alice", "/providers")
            errors, frames = listen(page), []
            page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(data)))
            expect(page.get_by_text("Kie.ai", exact=True)).to_be_visible(timeout=30_000)
            idle(page)
            screen(page, "providers", tmp_path)

            page.set_viewport_size({"width": 390, "height": 844})
            idle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            screen(page, "providers-phone", tmp_path)
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto(f"{app.url}/providers?provider=kie")
            page.get_by_placeholder("paste it here").fill(KEY)
            page.get_by_role("button", name="Keep the key").click()
            expect(page.get_by_text(f"····{KEY[-4:]}")).to_be_visible(timeout=30_000)
            idle(page)
            expect(page.get_by_placeholder("paste it here")).to_have_value("")
            page.get_by_role("button", name="Test, free of charge").click()
            expect(page.get_by_text("512.5")).to_be_visible(timeout=20_000)
            page.get_by_role("button", name="Test, free of charge").click()
            expect(page.get_by_role("alert").get_by_text("bad key")).to_be_visible(timeout=20_000)
            screen(page, "provider", tmp_path)

            opened(page, "Show what would be sent")
            page.get_by_label("Prompt", exact=True).fill('say "{{model}}"')
            page.get_by_role("button", name="Show it, send nothing").click()
            expect(page.get_by_test_id("stCode")).to_contain_text(r"say \"{{model}}\"", timeout=20_000)
            expect(page.get_by_test_id("stCode")).not_to_contain_text(KEY)

            opened(page, "File")
            text = page.get_by_label("File", exact=True)
            original = text.input_value()
            text.fill(original.replace('"bearer"', '"magic"', 1))
            page.get_by_role("button", name="Check and keep").click()
            expect(page.get_by_role("alert").get_by_text("auth")).to_be_visible(timeout=20_000)
            text.fill(original.replace('"name": "Kie.ai"', '"name": "Kie of ours"', 1))
            page.get_by_role("button", name="Check and keep").click()
            expect(page.get_by_text("Kie of ours").first).to_be_visible(timeout=20_000)
            screen(page, "provider-edited", tmp_path)

            page.goto(f"{app.url}/box?box={box.id}")
            page.get_by_role("combobox", name="Model").click(timeout=30_000)
            page.get_by_role("option", name=re.compile("Kie of ours · ")).first.click()
            expect(page.get_by_text(re.compile("about .* a take"))).to_be_visible(timeout=20_000)
            screen(page, "provider-chosen", tmp_path)
            assert errors == []
            assert not any(KEY in str(frame) for frame in frames)
            assert not page.evaluate(
                "key => JSON.stringify([{...localStorage}, {...sessionStorage}]).includes(key)", KEY
            )
            page.context.close()

            page = sign_in(browser, app.url, "bob", "/providers?provider=kie")
            expect(page.get_by_text("What can be generated with.")).to_be_visible(timeout=30_000)
            expect(page.get_by_placeholder("paste it here")).to_have_count(0)
            page.context.close()
