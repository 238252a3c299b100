"""The queue page in a real browser, on the real server: what is stuck is answered, many are cancelled, a thousand wait."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import idle, listen
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from apom import testing
from apom.config import Settings
from apom.models import Attention, BatchOrder, Box, Role, State, Take
from apom.studio import Studio, Workspace

PASSWORD = "seven tall ships at dawn"
MODEL = "sandbox/sandbox-image"
REFUSED = "The provider refused the prompt: “policy, code 1301”."
ELSEWHERE = "document.querySelector('[data-testid=stMain]')"


def become(studio: Studio, take: Take, state: State, words: str, attention: Attention | None = None) -> None:
    """A take as a provider's mishap leaves it behind."""
    with studio._store.write() as tx:
        tx.all(
            "update generation set state = $2, attention = $3::text, task = $4 where asset_id = $1",
            take.id,
            state,
            attention,
            json.dumps({}),
        )
        tx.all("update asset set status = $2, error_message = $3 where id = $1", take.id, state.status, words)


def ordered(ws: Workspace, box: Box, count: int) -> list[Take]:
    order = BatchOrder(prompts=("harbour at dawn",), models=(MODEL,), boxes=(box.id,), seeds=tuple(range(count)))
    ws.order_batch(box.project_id, order)
    return list(ws.get_box_assets(box, limit=min(count, 500)).items)


def furnish(data: Path) -> None:
    """alice with takes that are lost, failed and on their way; bob, a stranger; victor, who looks on."""
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        for name in ("bob", "victor"):
            studio.operator().add_user(name, PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        boxes = {
            name: alice.create_box(alice.create_project(name), f"{name} shot")
            for name in ("Stuck", "Few", "Many", "Lost")
        }
        alice.set_member(boxes["Stuck"].project_id, "victor", Role.VIEWER)
        for take in [*ordered(alice, boxes["Stuck"], 3), *ordered(alice, boxes["Lost"], 2)]:
            become(studio, take, State.ATTENTION, "Its answer was lost. <b>Choose.</b>", Attention.LOST)
        few = ordered(alice, boxes["Few"], 9)
        for take in few[:3]:
            become(studio, take, State.FAILED, REFUSED)
        ordered(alice, boxes["Many"], 1000)


@dataclass(frozen=True)
class House:
    """A running server with all of that, and who is signed in where."""

    url: str
    browser: Browser

    def context(self, name: str, **options: object) -> BrowserContext:
        context = self.browser.new_context(viewport={"width": 1280, "height": 860}, **options)  # type: ignore[arg-type]
        body = {"username": name, "password": PASSWORD}
        assert context.request.post(f"{self.url}/api/session", data=body, headers={"Origin": self.url}).ok
        return context


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("queue") / "data"
    furnish(data)
    with testing.server(data, sandbox_image_s="3600") as app:
        yield House(app.url, browser)


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    context = house.context("alice")
    page = context.new_page()
    errors = listen(page)
    page.goto(f"{house.url}/queue")
    page.get_by_role("heading", name="In flight").wait_for()
    yield page
    context.close()
    assert [error for error in errors if "422" not in error] == [], "the browser notes every refusal"


def only(page: Page, project: str) -> None:
    page.get_by_label("Project").select_option(project)
    expect(page.locator(".where").first).to_have_text(project)


def rows(page: Page, kind: str) -> Locator:
    return page.locator(f"section.{kind} li")


def button(where: Page | Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


def axe(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("() => axe.run('[data-testid^=stBidi]')")
    return [f"{broken['id']}: {node['html'][:160]}" for broken in found["violations"] for node in broken["nodes"]]


def test_of_a_thousand_rows_few_are_in_the_document(page: Page) -> None:
    only(page, "Many")
    expect(page.get_by_text("1,000 in flight")).to_be_visible()
    expect(page.get_by_text("16 of 16 at once")).to_be_visible()
    flight = rows(page, "flight")
    assert 5 < flight.count() < 40
    height = page.evaluate(f"{ELSEWHERE}.scrollHeight")
    assert height > 1000 * 60, "all of them have their place"
    page.evaluate(f"{ELSEWHERE}.scrollTo(0, {height})")
    expect(flight.last).to_have_attribute("aria-posinset", "1000")
    assert flight.count() < 40
    waiting = flight.last
    expect(waiting).to_contain_text("Waiting")
    expect(waiting).to_contain_text("in line")
    page.evaluate(f"{ELSEWHERE}.scrollTo(0, 0)")
    expect(flight.first).to_contain_text("At the provider")
    before = flight.first.locator(".time").inner_text()
    expect(flight.first.locator(".time")).not_to_have_text(before)  # the clock runs
    flight.first.get_by_role("checkbox").focus()
    page.keyboard.press("ArrowDown")
    expect(flight.nth(1).get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 selected")).to_be_hidden()


def test_what_is_stuck_is_answered_and_moves(page: Page) -> None:
    only(page, "Stuck")
    stuck = rows(page, "attention")
    expect(stuck).to_have_count(3)
    expect(stuck.first).to_contain_text("Its answer was lost. <b>Choose.</b>")
    badge = page.get_by_role("link", name=re.compile("Queue, .* 5 need you"))
    expect(badge).to_be_visible()

    button(stuck.first, "Paste the task's id").click()
    page.get_by_label("The task's id").fill("not one of ours")
    button(page.get_by_role("dialog"), "Paste the task's id").click()
    expect(page.get_by_text("one word, without spaces")).to_be_visible()
    assert page.get_by_label("The task's id").input_value() == "not one of ours", "what was typed stays"
    button(page, "Leave it").click()

    button(stuck.first, "Order again").click()
    expect(page.get_by_text("it may be billed a second time")).to_be_visible()
    button(page, "Leave it").click()
    expect(stuck).to_have_count(3)
    button(stuck.first, "Order again").click()
    button(page.get_by_role("dialog"), "Order again").click()
    expect(page.get_by_text("1 take is ordered again.")).to_be_visible()
    expect(stuck).to_have_count(2)
    expect(rows(page, "flight")).to_have_count(1)

    page.get_by_label("Select everything that needs you").check()
    button(page.locator(".bar"), "Give up (2)").click()
    button(page.get_by_role("dialog"), "Give up").click()
    expect(page.get_by_text("2 takes given up.")).to_be_visible()
    expect(rows(page, "failed")).to_have_count(2)
    expect(page.get_by_role("link", name=re.compile("Queue, .* 2 need you"))).to_be_visible()


def test_many_are_cancelled_and_many_tried_again(page: Page) -> None:
    only(page, "Few")
    expect(rows(page, "flight")).to_have_count(6)
    expect(rows(page, "failed").first).to_contain_text(REFUSED)
    page.get_by_label("Select everything in flight").check()
    button(page.locator(".bar"), "Cancel (6)").click()
    button(page.get_by_role("dialog"), "Cancel").click()
    expect(page.get_by_text("6 takes cancelled.")).to_be_visible()
    expect(rows(page, "flight")).to_have_count(0)

    page.get_by_label("Select everything that failed").check()
    button(page.locator(".bar"), "Try again (3)").click()
    button(page.get_by_role("dialog"), "Try again").click()
    expect(page.get_by_text("3 takes are on their way again.")).to_be_visible()
    expect(rows(page, "flight")).to_have_count(3)
    expect(rows(page, "failed")).to_have_count(0)


def test_a_stranger_sees_nothing_and_who_looks_on_decides_nothing(house: House) -> None:
    bobs = house.context("bob")
    page = bobs.new_page()
    page.goto(f"{house.url}/queue")
    expect(page.get_by_text("Nothing is on its way")).to_be_visible()
    idle(page)
    assert "Many" not in page.content() and page.locator("section li").count() == 0
    bobs.close()
    victors = house.context("victor", color_scheme="dark", reduced_motion="reduce")
    page = victors.new_page()
    page.goto(f"{house.url}/queue")
    page.get_by_text("Stuck shot").first.wait_for()
    assert page.locator(".deed:visible").count() == 0
    expect(page.locator(".pick").first).to_be_disabled()
    assert axe(page) == []
    victors.close()


def test_the_big_view_and_the_gallery_offer_the_same_answers(page: Page) -> None:
    only(page, "Lost")
    rows(page, "attention").first.get_by_role("link").click()
    page.wait_for_url(re.compile("/box"))
    view = page.get_by_role("dialog").filter(has=page.get_by_role("region", name=re.compile("^Take")))
    for answer in ("Paste the task's id", "Order again", "Give up"):
        expect(button(view, answer)).to_be_visible()
    button(view, "Give up").click()
    expect(view.get_by_text("Failed").first).to_be_visible()
    expect(button(view, "Try again")).to_be_visible()
    page.keyboard.press("Escape")
    expect(view).to_be_hidden()

    card = page.locator("[data-status=ATTENTION]")
    expect(card).to_have_count(1)
    button(card, "What can be done about it").click()
    expect(page.get_by_text("Its answer was lost. <b>Choose.</b>").last).to_be_visible()
    button(page.get_by_role("dialog"), "Give up").click()
    expect(card).to_have_count(0)
    expect(page.locator("[data-status=FAILED]")).to_have_count(2)
    page.get_by_role("link", name=re.compile("^Queue")).click()
    page.get_by_role("heading", name="Failed in the last seven days").wait_for()


def test_what_was_spent_is_shown_and_taken_along(page: Page, tmp_path: Path) -> None:
    page.get_by_text("Spending", exact=True).click()
    page.get_by_text("Play prices of the sandbox: no money").wait_for()
    page.get_by_text("No money was spent in this time.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    download.value.save_as(tmp_path / "statement.csv")
    text = (tmp_path / "statement.csv").read_text("utf-8-sig")
    assert text.startswith("month,provider,project") and ",sandbox,Few," in text


def test_everybody_can_use_it_on_a_phone_too(house: House) -> None:
    context = house.context("alice", color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{house.url}/queue")
    page.get_by_role("heading", name="In flight").wait_for()
    idle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing sticks out"
    assert axe(page) == []
    page.get_by_label("Select everything in flight").check()
    assert axe(page) == []
    assert page.locator(".bar").bounding_box()["width"] <= 390  # type: ignore[index]
    context.close()
