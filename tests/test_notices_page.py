"""The bell and the Notifications page in a real browser, and what goes out beside them: a mail, a signed post."""

from __future__ import annotations

from pathlib import Path

from browser import LIVE_MS, idle, listen, screen
from engine_room import until
from loopback import Loopback, answer
from mail_room import post_office
from playwright.sync_api import Browser, expect
from test_providers_page import PASSWORD, sign_in
from test_review import axe
from test_webhooks import is_signed

from apom import testing
from apom.client import RemoteStudio
from apom.config import Settings
from apom.models import Role
from apom.studio import Studio


def test_what_happens_reaches_the_open_page_the_mail_and_the_chat(browser: Browser, tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path, sandbox_image_s=0.05)) as studio:
        studio.register("alice", PASSWORD, email="alice@example.com")
        studio.operator().add_user("victor", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        project = alice.create_project("Lighthouse")
        alice.set_member(project, "victor", Role.VIEWER)
        shot = alice.create_box(project, "Harbour")
        take = alice.wait(alice.generate(shot, "harbour at dawn"), timeout_s=30)[0]
    with Loopback() as chat, post_office() as postbox:
        chat.on("POST", "/hook", answer("", 204))
        with (
            testing.server(
                tmp_path,
                webhook_hosts=chat.url.removeprefix("http://"),
                smtp_host="127.0.0.1",
                smtp_port=str(postbox.port),
                smtp_from="apom@example.com",
                smtp_tls="none",
            ) as app,
            RemoteStudio(app.url) as studio_there,
        ):
            page = sign_in(browser, app.url, "alice", "/notices")
            errors = listen(page)
            expect(page.get_by_text("Nothing has happened yet")).to_be_visible(timeout=30_000)
            page.goto(app.url + "/account")
            page.get_by_role("button", name="By mail").first.click()
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_text("Saved.")).to_be_visible()
            page.get_by_text("Add a webhook").click()
            page.get_by_label("Name", exact=True).fill("Team chat")
            page.get_by_role("button", name="Send me a test").click()
            expect(page.get_by_text("Sent to alice@example.com.")).to_be_visible()
            expect(page.get_by_text("Saved.")).to_have_count(0)  # all below it moves up, open and with what was typed
            expect(page.get_by_label("Name", exact=True)).to_have_value("Team chat")
            page.get_by_label("Address", exact=True).fill(chat.url + "/hook")
            page.get_by_role("button", name="Add", exact=True).click()
            secret = page.locator("code", has_text="whsec_").inner_text()
            idle(page)
            screen(page, "account-notifications", tmp_path)
            page.goto(app.url + "/notices")
            page.get_by_text("Nothing has happened yet").wait_for()
            victor = studio_there.login("victor", PASSWORD)
            victor.add_comment(take, "The boat is <b>too</b> *small*")
            row = page.get_by_role("listitem").filter(has_text="victor commented on 010 Harbour")
            expect(row).to_be_visible(timeout=LIVE_MS)
            expect(row).to_contain_text("The boat is <b>too</b> *small*")
            expect(page.get_by_role("link", name="Notifications, 1 unread")).to_be_visible(timeout=LIVE_MS)
            until(lambda: chat.count("POST", "/hook"), 10)
            assert is_signed(chat.seen[-1], secret)
            assert chat.seen[-1].json["text"].startswith("*victor commented on 010 Harbour*\nThe boat is &lt;b&gt;too")
            assert [mail["Subject"] for mail in postbox.mails] == ["apom: This is a test"], "the rest once an hour"
            idle(page)
            screen(page, "notices", tmp_path)
            assert axe(page) == []
            page.set_viewport_size({"width": 390, "height": 844})
            idle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            row.get_by_role("link").click()
            page.wait_for_url("**/box?**take=**")
            expect(page.get_by_role("link", name="Notifications", exact=True)).to_be_visible(timeout=10_000)
            assert errors == []
            victor.close()
