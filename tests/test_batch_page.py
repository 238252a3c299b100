"""Many takes at once in a real browser: planned, refused with every reason, ordered once, followed to their end."""

from __future__ import annotations

import re
from pathlib import Path

from browser import idle, listen, screen
from playwright.sync_api import Browser, expect

from apom import testing
from apom.config import Settings
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"


def furnish(data: Path) -> None:
    """alice with a project of three shots, two of which have a prompt."""
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        boxes = alice.create_boxes(alice.create_project("Lighthouse"), ["Harbour", "Keeper", "Storm"])
        alice.update_box(boxes[0], prompt_text="harbour at {dawn|night}")
        alice.update_box(boxes[1], prompt_text="old keeper, rim light")


def test_shots_with_prompts_of_their_own_are_planned_ordered_and_arrive(browser: Browser, tmp_path: Path) -> None:
    furnish(tmp_path / "data")
    with testing.server(tmp_path / "data", sandbox_image_s="0.3") as app:
        page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
        errors = listen(page)
        page.goto(app.url)
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=re.compile("Lighthouse")).click()
        page.get_by_role("button", name="Generate").click()

        expect(page.get_by_text("Shot 030 has no prompt yet.")).to_be_visible(timeout=20_000)
        generate = page.get_by_test_id("stMain").get_by_role("button", name="Generate")
        expect(generate).to_be_disabled()
        page.get_by_role("button", name="Remove 030 Storm").click()
        expect(page.get_by_role("heading", name="3 takes in all")).to_be_visible()
        expect(page.get_by_text("12 play credits")).to_be_visible()
        page.get_by_role("textbox", name="Seeds").fill("7, 21")
        page.get_by_role("textbox", name="Seeds").press("Tab")
        expect(page.get_by_role("heading", name="6 takes in all")).to_be_visible()
        idle(page)
        generate.click()
        expect(page.get_by_text("Ordered. The takes arrive in their shots.")).to_be_visible()
        expect(page.get_by_text("6 finished")).to_be_visible(timeout=60_000)
        screen(page, "generate", tmp_path)
        assert errors == []


def test_what_was_typed_stays_and_what_cannot_be_ordered_is_said(browser: Browser, tmp_path: Path) -> None:
    furnish(tmp_path / "data")
    with testing.server(tmp_path / "data", sandbox_image_s="3600") as app:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        errors = listen(page)
        page.goto(app.url)
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=re.compile("Lighthouse")).click()
        page.wait_for_url("**/board**")
        idle(page)
        page.get_by_role("button", name=re.compile("Storm")).first.click()
        page.get_by_role("textbox", name="Prompt", exact=True).fill("storm, {rain|hail}")
        page.get_by_role("button", name="Several models, prompts or shots").click()
        expect(page.get_by_role("heading", name="2 takes in all")).to_be_visible(timeout=20_000)  # typed, not saved

        page.get_by_text("The same for all", exact=True).click()
        prompts = page.get_by_role("textbox", name="Prompts")
        prompts.fill("waves at {dawn|noon|night}")
        prompts.press("Tab")
        page.get_by_text("3 prompts").click()
        expect(page.get_by_text("waves at noon", exact=True)).to_be_visible()
        page.get_by_text("Each shot's own", exact=True).click()
        expect(prompts).to_have_count(0)
        page.get_by_text("The same for all", exact=True).click()
        expect(prompts).to_have_value("waves at {dawn|noon|night}")

        page.get_by_text("Clips from headliners", exact=True).click()
        expect(page.get_by_text("Shot 030 has no headliner to start from.")).to_be_visible()
        expect(page.get_by_text("takes no first frame")).to_have_count(0)
        page.get_by_text("Pictures", exact=True).click()
        seeds = page.get_by_role("textbox", name="Seeds")
        seeds.fill("7, twenty")
        seeds.press("Tab")
        expect(page.get_by_text("“twenty” is no seed.")).to_be_visible()
        generate = page.get_by_test_id("stMain").get_by_role("button", name="Generate")
        expect(generate).to_have_count(0)
        seeds.fill("7")
        seeds.press("Tab")
        expect(page.get_by_text("is no seed")).to_have_count(0)
        idle(page)
        generate.click()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("button", name="Cancel 3 takes").click()
        expect(page.get_by_text("3 cancelled")).to_be_visible()
        expect(page.get_by_role("button", name="Order again")).to_be_visible()
        assert errors == []
