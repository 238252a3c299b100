"""The big view: a picture is edited, a clip gives a frame and goes on in the next shot."""

from pathlib import Path

from browser import idle, listen, screen
from playwright.sync_api import Browser, Page, expect

from apom import runfile, testing
from apom.client import OperatorClient, connect
from apom.models import AssetType

PASSWORD = "seven tall ships at dawn"


def sign_in(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="New project")).to_be_visible(timeout=30_000)
    return page


def press(page: Page, name: str) -> None:
    """A button of the big view, once its dialog is drawn; then the dialog is gone."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_visible(timeout=30_000)
    idle(page)
    button.click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=30_000)


def test_a_picture_is_edited_and_a_clip_goes_on(browser: Browser, tmp_path: Path) -> None:
    with testing.server(tmp_path / "data", sandbox_image_s="0.1", sandbox_video_s="0.1") as app:
        run = runfile.read(tmp_path / "data")
        assert run is not None
        operator = OperatorClient(run.url, run.token)
        operator.add_user("alice", PASSWORD)
        operator.set_monthly_limit("alice", 200)
        with connect(app.url, operator.create_token("alice", "test")[1]) as alice:
            one, two = alice.create_boxes(alice.create_project("Lighthouse"), ["Harbour", "Storm"])
            picture = alice.wait(alice.generate(one, "a boat"), timeout_s=60)[0]
            clip = alice.wait([alice.animate(picture)], timeout_s=60)[0]
            page = sign_in(browser, app.url)
            errors = listen(page)

            page.goto(f"{app.url}/box?box={one.id}&take={picture.id}")
            page.get_by_label("Change").fill("make it {night}")
            press(page, "Edit")
            assert alice.asset(alice.get_box_assets(one).items[0]).prompt_text == "make it {night}"

            page.goto(f"{app.url}/box?box={one.id}&take={clip.id}")
            page.get_by_role("button", name="This moment as a picture (S)").click(timeout=30_000)
            expect(page.get_by_text("The picture lies beside the clip.")).to_be_visible(timeout=30_000)
            assert alice.get_box_assets(one).items[0].parent_asset_id == clip.id
            screen(page, "continue", tmp_path)

            press(page, "Continue in the next shot")
            expect(page.get_by_text("020 Storm")).to_be_visible(timeout=30_000)
            assert {take.asset_type for take in alice.get_box_assets(two).items} == {AssetType.IMAGE, AssetType.VIDEO}

            page.goto(f"{app.url}/account")
            expect(page.get_by_text("200.00 of 200.00 USD is left.")).to_be_visible(timeout=30_000)
            assert errors == []
            page.close()
