"""The admin's page in a real browser: an account is made, found, given a limit and shut out; a setting is changed."""

from __future__ import annotations

from pathlib import Path

from browser import idle, listen, screen
from playwright.sync_api import Browser, Page, expect

from apom import testing
from apom.config import Settings
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"


def sign_in(browser: Browser, url: str, name: str, path: str) -> Page:
    page = browser.new_context(viewport={"width": 1200, "height": 800}, color_scheme="dark").new_page()
    page.goto(url + path)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    return page


def dialog(page: Page, button: str) -> None:
    """Pressed, and the dialog is gone."""
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=20_000)
    idle(page)


def test_an_admin_looks_after_people_and_settings(browser: Browser, tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path), engine=False) as studio:
        studio.register("alice", PASSWORD)
        studio.operator().add_user("bob", PASSWORD)
    with testing.server(tmp_path) as app:
        page = sign_in(browser, app.url, "alice", "/admin")
        errors = listen(page)
        page.get_by_role("button", name="New account").click(timeout=30_000)
        page.get_by_label("User name").fill("carol <b>")
        page.get_by_label("First password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_text("A user name has 2 to 60 letters")).to_be_visible(timeout=20_000)
        page.get_by_label("User name").fill("carol")
        dialog(page, "Make the account")
        expect(page.get_by_role("button", name="Change", exact=True)).to_have_count(3)
        screen(page, "admin-people", tmp_path)

        page.get_by_label("Name or e-mail address").fill("bo")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Change", exact=True)).to_have_count(1)
        page.get_by_role("button", name="Change", exact=True).click()
        page.get_by_role("dialog").get_by_text("May sign in").click()
        page.get_by_label("May spend in a month").fill("40")
        dialog(page, "Save")
        expect(page.get_by_text("40.00 a month")).to_be_visible()
        expect(page.get_by_text("cannot sign in", exact=True)).to_be_visible()

        page.get_by_role("radio", name="Settings").click()
        page.get_by_label("Exchange rates", exact=True).fill("EUR: 1.08")
        page.get_by_label("Days until the trash", exact=True).fill("21")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Exchange rates is no JSON")).to_be_visible(timeout=20_000)
        page.get_by_label("Exchange rates", exact=True).fill('{"EUR": {"USD": 1.08}}')
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible(timeout=20_000)
        screen(page, "admin-settings", tmp_path)
        page.get_by_role("radio", name="Log").click()
        expect(page.get_by_text("The last")).to_be_visible(timeout=20_000)
        idle(page)
        screen(page, "admin-log", tmp_path)
        assert errors == []

        stranger = sign_in(browser, app.url, "carol", "/admin")
        expect(stranger.get_by_text("Only an admin can see and change this.")).to_be_visible(timeout=30_000)
    with Studio.open(Settings(data_dir=tmp_path), engine=False) as studio:
        assert {s.key: s.value for s in studio.operator().config()}["retention_days"] == 21
        rows = {user.username: (user.is_active, user.monthly_limit) for user in studio.operator().users()}
    assert rows == {"alice": (True, None), "bob": (False, 40.0), "carol": (True, None)}
