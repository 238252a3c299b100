"""The gallery in a real browser, over a REST interface of the demo: thousands of takes, hands, pushes, mishaps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browser import IDLE
from playwright.sync_api import Locator, Page, expect
from ui_demo_visit import Visit, paid_visit, served_demo  # noqa: F401  (fixtures: pytest finds them here)

from apom.words import forms

MANY = 5000
SOON_MS = 1000
ALL_SENT = """() => [...(globalThis[Symbol.for("apom")] ?? new Map()).values()]
    .every(shelf => !shelf.waiting.length && !shelf.sent.length)"""


def cards(page: Page) -> Locator:
    return page.get_by_role("gridcell")


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("gridcell", name=re.compile(f"^{name},"))


def opened(visit: Visit, n: int = 40, **query: str) -> Page:
    page = visit.open("&".join(["show=gallery", f"n={n}", *(f"{k}={v}" for k, v in query.items())]))
    if n:
        cards(page).first.wait_for()
    return page


def focused(page: Page) -> str:
    """The name of the take that has the focus."""
    found: str = page.evaluate(
        "() => document.querySelector('[data-testid=stBidiComponentRegular], [data-testid^=stBidi]') && "
        "[...document.querySelectorAll('*')].map(n => n.shadowRoot?.activeElement).find(Boolean)?.ariaLabel"
    )
    return found.split(",")[0] if found else ""


def top(page: Page) -> float:
    found: float = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTop")
    return found


def scroll(page: Page, to: float) -> None:
    page.evaluate("y => document.querySelector('[data-testid=stMain]').scrollTo(0, y)", to)
    page.wait_for_timeout(100)


def marks(visit: Visit) -> list[dict[str, Any]]:
    """Every mark that the server got, in order."""
    visit.page.wait_for_function(ALL_SENT)
    batches: list[list[dict[str, Any]]] = visit.get("marks")
    return [mark for batch in batches for mark in batch]


def test_of_five_thousand_takes_few_are_in_the_document(visit: Visit) -> None:
    page = opened(visit, MANY)
    expect(page.get_by_text(f"{MANY + 5:,} takes")).to_be_visible()
    assert cards(page).count() < 60
    grid = page.get_by_role("grid", name="Takes")
    rows, columns = (int(grid.get_attribute(f"aria-{name}") or 0) for name in ("rowcount", "colcount"))
    assert rows == -(-(MANY + 5) // columns), "all of them are announced"
    card(page, "Take 5000").focus()
    page.keyboard.press("End")
    expect(card(page, "Take 1")).to_be_focused(timeout=20_000)
    expect(card(page, "Take 1")).to_be_in_viewport()
    assert cards(page).count() < 60
    page.get_by_label("Size of the pictures").fill("0")
    assert 60 < cards(page).count() < 200
    page.get_by_label("Size of the pictures").fill("1")
    card(page, "Take 1").focus()
    page.keyboard.press("Home")
    expect(cards(page).first).to_be_in_viewport()
    assert page.locator("[role=gridcell] img[loading=lazy]").count() == cards(page).count()


def test_scrolling_far_shows_places_first_and_then_the_takes(visit: Visit) -> None:
    page = opened(visit, 1200)
    scroll(page, 30_000)
    expect(card(page, "Take 299")).to_be_attached(timeout=10_000)
    expect(page.locator(".bone")).to_have_count(0)


def test_a_mark_shows_at_once_and_goes_without_a_rerun(visit: Visit) -> None:
    page = opened(visit)
    card(page, "Take 39").hover()
    heart = card(page, "Take 39").get_by_role("button", name="Favourite")
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true", timeout=SOON_MS)
    sent = marks(visit)
    assert [(mark["is_favorite"], len(mark)) for mark in sent] == [(True, 2)]
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "false", timeout=SOON_MS)
    assert [mark["is_favorite"] for mark in marks(visit)] == [True, False]
    assert visit.did() == [], "Streamlit heard nothing"


def test_a_refused_mark_goes_back_and_says_why(visit: Visit) -> None:
    page = opened(visit)
    page.get_by_role("button", name="Trash").scroll_into_view_if_needed()
    card(page, "Take 12").focus()
    page.keyboard.press("f")
    expect(page.get_by_text("Take 12: A published round shows this take.")).to_be_visible()
    expect(card(page, "Take 12").get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")


def test_keys_judge_the_take_that_has_the_focus(visit: Visit) -> None:
    page = opened(visit)
    card(page, "Take 40").focus()
    for key in ("f", "ArrowRight", "h", "ArrowRight", "4", "ArrowRight", "5", "ArrowLeft", "0", "?", "f", "Escape"):
        page.keyboard.press(key)
    sent = marks(visit)
    last = {mark["asset_id"]: {**mark, "asset_id": 0} for mark in sent}
    words = [{"is_favorite": True}, {"is_headliner": True}, {"rating": 0}, {"rating": 5}]
    assert list(last.values()) == [{"asset_id": 0, **word} for word in words], "the last word on each take"
    expect(page.locator("[data-act=headliner][aria-pressed=true]")).to_have_count(1)
    page.get_by_label("Least rating").focus()
    page.keyboard.press("h")
    assert len(marks(visit)) == len(sent), "not while one is in a field"
    card(page, "Take 40").focus()
    page.keyboard.press("Control+f")
    page.keyboard.press("Enter")
    assert visit.did() == [("gallery", "open")]
    assert len(marks(visit)) == len(sent)


def test_what_is_thrown_away_comes_back(visit: Visit) -> None:
    page = opened(visit)
    card(page, "Take 40").focus()
    page.keyboard.press("h")
    page.keyboard.press("Delete")
    expect(card(page, "Take 40")).to_have_count(0)
    expect(card(page, "Take 39")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Delete")
    expect(page.get_by_text("2 takes in the trash")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(card(page, "Take 39")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(card(page, "Take 40")).to_have_count(0), "one throw has a way back"
    page.get_by_role("button", name="Trash").click()
    expect(cards(page)).to_have_count(1)
    card(page, "Take 40").get_by_role("checkbox").click(force=True)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    page.get_by_role("button", name="Trash").click()
    expect(card(page, "Take 40")).to_be_visible()


def test_for_good_only_after_a_question(visit: Visit) -> None:
    page = opened(visit, 41)
    card(page, "Take 41").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Trash").click()
    card(page, "Take 41").focus()
    page.keyboard.press("Delete")
    expect(page.get_by_text("1 take goes with its file, for good.")).to_be_visible()
    page.get_by_role("button", name="Keep").click()
    expect(cards(page)).to_have_count(1)
    card(page, "Take 41").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The trash is empty")).to_be_visible()


def test_what_is_on_its_way_is_not_thrown_away_but_cancelled(visit: Visit) -> None:
    page = opened(visit, 48)
    card(page, "Take 53").focus()
    page.keyboard.press("Delete")
    expect(page.get_by_text("This take is still on its way")).to_be_visible()
    working = page.locator("[data-status=PROCESSING]")
    before = working.locator(".time").inner_text()
    assert re.fullmatch(r"1:\d\d", before)
    expect(working.locator(".time")).not_to_have_text(before)
    working.hover()
    working.get_by_role("button", name="Cancel").click()
    expect(working).to_have_count(0)
    assert marks(visit) == []


def test_selections(visit: Visit) -> None:
    page = opened(visit)
    bar = page.locator(".bar")
    card(page, "Take 40").click(modifiers=["Control"])
    card(page, "Take 37").click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    card(page, "Take 33").click()
    expect(bar).to_contain_text("5 selected")
    assert visit.did() == [], "while one selects, a click selects"
    expect(bar.get_by_role("button", name="Headliner")).to_be_hidden()
    bar.get_by_role("button", name="Rate 3").click()
    assert {mark["rating"] for mark in marks(visit)} == {3}
    expect(card(page, "Take 39")).to_have_attribute("aria-selected", "true")
    page.get_by_label("Least rating").select_option("3")
    expect(cards(page)).to_have_count(5)
    expect(bar).to_be_hidden()
    cards(page).first.focus()
    page.keyboard.press("Control+a")
    expect(bar).to_contain_text("5 selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.reload()
    expect(cards(page)).to_have_count(5), "the tab remembers the filter"


def test_all_that_is_here_is_selected_and_goes_in_small_batches(visit: Visit) -> None:
    page = opened(visit, 450)
    cards(page).first.focus()
    page.keyboard.press("End")
    expect(card(page, "Take 1")).to_be_focused(timeout=20_000)
    page.keyboard.press("Control+a")
    expect(page.locator(".bar")).to_contain_text("455 selected")
    page.keyboard.press("f")
    sent = marks(visit)
    assert len(sent) == 450, "what is a picture can be a favourite"
    assert max(len(batch) for batch in visit.get("marks")) <= 200


def test_a_finger_opens_and_a_finger_that_stays_selects(visit: Visit) -> None:
    context = visit.page.context.browser
    assert context
    phone = context.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.goto(visit.url("show=gallery&n=40"))
    page.wait_for_selector(IDLE)
    card(page, "Take 37").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    card(page, "Take 40").tap()
    box = card(page, "Take 39").bounding_box()
    assert box
    spot = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch = phone.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [spot]})
    page.wait_for_timeout(600)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".bar")).to_contain_text("1 selected")
    card(page, "Take 37").tap()
    expect(page.locator(".bar")).to_contain_text("2 selected")
    assert page.locator(".bar").bounding_box()["width"] <= 390  # type: ignore[index]
    page.wait_for_selector(IDLE)
    assert [entry["action"] for entry in visit.get("log")] == ["open"]
    phone.close()


def test_what_arrives_moves_nothing_that_is_looked_at(visit: Visit) -> None:
    page = opened(visit, 200)
    box = visit.get("box/200")
    scroll(page, 2000)
    seen = card(page, "Take 160")
    seen.focus()
    page.keyboard.press("x")
    picture = seen.locator("img")
    picture.evaluate("node => { node.mine = true }")
    at, y = top(page), seen.bounding_box()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    visit.post(
        "take",
        {**box[0], "id": "00000000-0000-4000-8000-000000000001", "number": 900, "created_at": "2026-12-24T00:00:00Z"},
    )
    visit.post(
        "take",
        {**box[0], "id": "00000000-0000-4000-8000-000000000002", "number": 901, "created_at": "2026-12-24T00:00:01Z"},
    )
    expect(page.get_by_role("button", name="2 new takes")).to_be_visible(timeout=SOON_MS)
    assert (top(page), seen.bounding_box(), focused(page)) == (at, y, "Take 160")
    expect(seen).to_have_attribute("aria-selected", "true")
    assert picture.evaluate("node => node.mine") is True
    assert [url for url in requests if "/m/" in url] == []
    page.get_by_role("button", name="2 new takes").click()
    expect(card(page, "Take 901")).to_be_in_viewport()
    visit.post(
        "take",
        {**box[0], "id": "00000000-0000-4000-8000-000000000003", "number": 902, "created_at": "2026-12-24T00:00:02Z"},
    )
    expect(card(page, "Take 902")).to_be_in_viewport(timeout=SOON_MS)
    assert visit.did() == []


def test_a_take_becomes_a_picture_in_its_place(visit: Visit) -> None:
    page = opened(visit, 43)
    takes = visit.get("box/43")
    waiting = next(take for take in takes if take["status"] == "PENDING")
    done = next(take for take in takes if take["status"] == "COMPLETED")
    node = card(page, f"Take {waiting['number']}")
    node.evaluate("node => { node.mine = true }")
    visit.post("take", {**waiting, "status": "PROCESSING"})
    expect(node.get_by_text("Working")).to_be_visible(timeout=SOON_MS)
    arrived = {name: done[name] for name in ("status", "thumb_key", "file_key", "placeholder")}
    visit.post("take", {**waiting, **arrived})
    expect(node.locator("img")).to_be_visible(timeout=SOON_MS)
    assert node.evaluate("node => node.mine") is True


def test_what_happened_while_the_line_was_lost_is_seen_afterwards(visit: Visit) -> None:
    page = opened(visit, 44)
    takes = visit.get("box/44")
    waiting = next(take for take in takes if take["status"] == "PENDING")
    visit.post("take?quiet=1", {**waiting, "status": "CANCELLED"})
    page.wait_for_timeout(300)
    expect(page.locator("[data-status=PENDING]")).to_have_count(1)
    visit.post("drop")
    expect(page.locator("[data-status=PENDING]")).to_have_count(0, timeout=5000)


def test_a_clip_plays_silently_under_the_mouse(visit: Visit) -> None:
    page = opened(visit)
    card(page, "Clip 38").hover()
    video = page.locator("[role=gridcell] video")
    expect(video).to_have_js_property("muted", True)
    expect(video).to_have_js_property("paused", False)
    page.mouse.move(5, 5)
    expect(video).to_have_count(0)


def test_who_may_only_look_finds_nothing_to_press(visit: Visit) -> None:
    page = opened(visit, looks="1")
    card(page, "Take 40").focus()
    for key in ("f", "h", "3", "Delete", "x"):
        page.keyboard.press(key)
    expect(page.locator(".bar")).to_contain_text("1 selected")
    assert marks(visit) == []
    card(page, "Take 39").hover()
    expect(card(page, "Take 39").get_by_role("button", name="Favourite")).to_have_count(0)


def test_an_empty_box_says_what_to_do(visit: Visit) -> None:
    page = opened(visit, 0)
    expect(page.get_by_text("Describe the shot and press Generate.")).to_be_visible()
    page.get_by_role("button", name="Clips").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_server_that_does_not_answer_is_asked_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/api/boxes/*/assets?*", lambda route: route.abort())
    visit.open("show=gallery&n=40")
    expect(page.get_by_text("The takes could not be read")).to_be_visible()
    page.unroute("**/api/boxes/*/assets?*")
    page.get_by_role("button", name="Try again").click()
    card(page, "Take 40").wait_for()
    page.route("**/m/thumb/**", lambda route: route.abort())
    page.get_by_role("button", name="Favourites").click()
    expect(card(page, "Take 1").get_by_text("The picture did not load")).to_be_visible()
    visit.complaints = [text for text in visit.complaints if "ERR_FAILED" not in text]  # what this test has cut


def test_the_big_view_leafs_at_once_and_python_follows(visit: Visit) -> None:
    page = visit.open("show=viewer&n=14")
    expect(page.get_by_role("region", name="Take 7")).to_be_focused()
    assert page.get_by_role("button", name="Next take").is_disabled(), "without a gallery there are no neighbours"
    page = visit.open("show=viewer,gallery&n=14")
    expect(page.get_by_text("13 / 19")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("region", name="Clip 6")).to_be_visible(timeout=SOON_MS)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("region", name="Take 3")).to_be_visible(timeout=SOON_MS)
    shown = [entry for entry in visit.log() if entry["action"] == "show"]
    assert visit.get("box/14")[2]["id"] == shown[-1]["id"]
    for key in ("h", "4", "Delete"):
        page.keyboard.press(key)
    expect(page.get_by_role("region", name="Clip 2")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Take 3")).to_be_visible()
    expect(page.get_by_role("region").get_by_role("button", name="Headliner")).to_have_attribute("aria-pressed", "true")
    sent = marks(visit)
    assert sent[-1] | {"asset_id": 0} == {"asset_id": 0, "trashed": False, "is_headliner": True}
    page.get_by_label("Comment", exact=True).fill("f")
    for key in ("ArrowLeft", "h", "Delete"):
        page.get_by_label("Comment", exact=True).press(key)
    assert len(marks(visit)) == len(sent), "not while one types"
    page.keyboard.press("Escape")


def test_a_phrase_has_all_the_forms_a_language_needs() -> None:
    found = forms("{n} take", "{n} takes")
    assert found == {"one": "{n} take", "few": "{n} takes", "many": "{n} takes", "other": "{n} takes"}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_everybody_can_use_it(visit: Visit, scheme: str) -> None:
    page = visit.page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    opened(visit)
    assert visit.axe() == []
    card(page, "Take 40").focus()
    page.keyboard.press("x")
    assert visit.axe() == []
    page.keyboard.press("?")
    assert visit.axe() == []
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(card(page, "Take 40").get_by_role("checkbox")).to_be_focused()
