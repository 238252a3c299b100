"""Our components in a real browser, behind the Content-Security-Policy that is served. The gallery: test_gallery.py."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from ui_demo_visit import Visit, paid_visit, served_demo  # noqa: F401  (fixtures: pytest finds them here)

from apom.models import new_id
from apom.ui.components.assembly import read_actions


def test_every_component_mounts_together_in_peace(visit: Visit) -> None:
    page = visit.open("")
    for part in ("Shots, in order", "Projects"):
        expect(page.get_by_role("list", name=part)).to_be_visible()
    expect(page.get_by_role("grid", name="Takes")).to_be_attached()
    expect(page.get_by_role("gridcell").first).to_be_visible()
    expect(page.get_by_role("region", name="Take 7")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("looked 1 times")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=", exact=False)).to_have_count(2)  # hostile words are only words
    assert page.locator("img[src=x]").count() == 0


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
    assert visit.did() == [("shots", "later")] * 3
    expect(codes).to_have_text(["020", "030", "040", "010", "050", "060"])


def test_a_project_card_opens(visit: Visit) -> None:
    page = visit.open("show=projects")
    page.get_by_role("button", name="Harbour").click()
    assert visit.did() == [("projects", "open")]


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
