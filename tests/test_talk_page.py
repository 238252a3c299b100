"""What is said about a take, in the big view: drawn, timed, to the team or to clients, live, and no key goes astray."""

from __future__ import annotations

import re

from browser import LIVE_MS, SlowLine, idle, listen
from playwright.sync_api import Page, expect
from review_room import box_named
from test_review import House, _left, axe, draw_box, enter, house  # noqa: F401  (fixtures: pytest finds them here)

from apom.models import Comment, Visibility


def big_view(house: House, page: Page, name: str = "Harbour at dawn", *, talk: str = "&talk=1") -> Page:  # noqa: F811
    box = box_named(house.alice, name)  # type: ignore[arg-type]
    page.goto(f"{house.app.url}/box?box={box.id}&take={box.headliner_asset_id}{talk}")
    page.get_by_role("dialog").wait_for(timeout=20_000)
    idle(page)
    return page


def wind(page: Page, to: float) -> None:
    page.locator("video").evaluate(
        "(film, to) => new Promise(done => { film.onseeked = done; film.currentTime = to })", to
    )


def said(house: House, text: str) -> Comment:  # noqa: F811
    (found,) = [
        each for each in house.alice.comments(project=house.alice.projects().items[0]).items if each.text == text
    ]
    return found


def test_a_member_draws_writes_and_chooses_who_reads_it(house: House) -> None:  # noqa: F811
    client = enter(house.context(), house.link())
    page = big_view(house, house.context("alice", viewport={"width": 1440, "height": 900}).new_page())
    errors = listen(page)
    field, dialog = page.get_by_label("Comment on this take"), page.get_by_role("dialog")
    wind(page, 1.5)
    draw_box(page)
    field.press_sequentially("fh 5 darker here")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".talk .text")).to_have_text(["fh 5 darker here"])
    inside = said(house, "fh 5 darker here")
    assert (inside.visibility, inside.timecode_s) == (Visibility.INTERNAL, 1.5)
    assert inside.region and inside.region.kind == "box"
    take = house.alice.get_assets([inside.asset_id])[0]  # type: ignore[list-item]
    assert (take.is_favorite, take.is_headliner, take.rating) == (False, True, 0), "typing is no culling"

    wind(page, 3)
    dialog.get_by_role("button", name="Client", exact=True).click()
    field.fill("The light is warmer now")
    page.get_by_role("button", name="Send to client").click()
    expect(client.locator(".talk").get_by_text("The light is warmer now")).to_be_visible(timeout=LIVE_MS)
    expect(client.get_by_text("darker here")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Internal")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Behind the links now.")).to_be_visible()

    field.fill("half a thought")
    client.get_by_label("Your name").fill("Vera")
    client.locator(".talk li", has_text="warmer now").get_by_role("button", name="Reply").click()
    client.get_by_label("Comment on this shot").fill("Much better")
    client.get_by_role("button", name="Send").click()
    row = page.locator(".talk li", has_text="Much better")
    expect(row).to_contain_text("through “client”", timeout=LIVE_MS)
    expect(field).to_have_value("half a thought")
    client.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("list", name="Verdicts, round by round")).to_contain_text("Round 1")
    expect(page.get_by_role("list", name="Verdicts, round by round")).to_contain_text("Vera: Approved")
    expect(page.get_by_role("button", name="2 open comments")).to_be_visible()
    assert axe(page) == []

    page.get_by_role("button", name="alice: fh 5 darker here").click()
    assert page.locator("video").evaluate("film => film.currentTime") == 1.5
    expect(page.locator(".canvas rect").first).to_be_visible()
    root = page.locator(".talk li", has_text="darker here")
    root.get_by_role("button", name="Resolve").click()
    expect(root.get_by_text("Done")).to_be_visible()
    expect(page.get_by_role("button", name="1 open comment")).to_be_visible()
    root.get_by_role("button", name="Edit").click()
    field.fill("darker at the edge")
    page.get_by_role("button", name="Send").click()
    root = page.locator(".talk li", has_text="darker at the edge")
    root.get_by_role("button", name="Delete").click()
    root.get_by_role("button", name="Delete it for good?").click()
    expect(root).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("gridcell", name=re.compile("Clip 2.*1 open comment"))).to_be_visible()
    assert errors == []


def test_who_only_looks_speaks_to_the_team_and_what_was_begun_waits_for_its_take(house: House) -> None:  # noqa: F811
    page = house.context("victor", viewport={"width": 390, "height": 844}).new_page()
    line = SlowLine(page)
    big_view(house, page, "The keeper", talk="")
    page.get_by_role("button", name=re.compile("Comments")).click()
    expect(page.get_by_role("button", name="Client", exact=True)).to_have_count(0)
    field = page.get_by_label("Comment on this take")
    field.fill("the hat?")
    line.hold()
    page.get_by_role("button", name=re.compile("(Next|Previous) take")).and_(page.locator(":enabled")).click()
    expect(field).to_have_value("")
    page.wait_for_timeout(800)  # so that the page asks for the words beside it, and Python answers
    page.get_by_role("button", name=re.compile("(Next|Previous) take")).and_(page.locator(":enabled")).click()
    expect(field).to_have_value("the hat?")
    page.wait_for_timeout(300)
    line.release()
    idle(page)
    expect(field).to_have_value("the hat?")  # the answer for the take that was left does not bring it back
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".talk .text")).to_have_text(["the hat?"])
    assert said(house, "the hat?").visibility is Visibility.INTERNAL
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
