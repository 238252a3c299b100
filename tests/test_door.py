"""What somebody clicked leads where it should, however slow the line and whatever became of the page meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from browser import SlowLine, expect, idle
from playwright.sync_api import Browser, Locator, Page
from ws_client import Tab

from apom import testing
from apom.config import Settings
from apom.models import Box, Project
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"


@dataclass(frozen=True)
class House:
    """The real server; alice with a project of two shots; the first."""

    url: str
    token: str
    project: Project
    box: Box


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("door")
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        token, _ = studio.login("alice", PASSWORD)
        actor = studio.resolve(token=token)
        assert actor is not None
        alice = studio.workspace(actor)
        project = alice.create_project("Lighthouse")
        box, _ = alice.create_boxes(project, ["Harbour at dawn", "The keeper"])
    with testing.server(data) as app:
        yield House(app.url, token, project, box)


def test_a_click_that_is_sent_again_leads_on_from_where_one_is_by_now(house: House) -> None:
    """The page may have been drawn anew in between, by what was sent before it was left."""
    query, n = f"project={house.project.id}", time.time_ns() // 1_000_000
    with Tab(house.url, house.token) as tab:
        for _ in range(2):
            assert "2 shots" in tab.run(page="board", query=query)
            tab.ask(page_hash=tab.pages["board"], query=query, acted=("apom.shots", "open", house.box.id, n))
            assert any("Harbour at dawn" in tab.drawn(within_s=5) for _ in range(3))


def test_what_a_page_sends_after_it_was_left_does_not_bring_it_back(house: House) -> None:
    """As when a link is clicked in the moment in which something else on the page wants to be drawn again."""
    query = f"project={house.project.id}"
    with Tab(house.url, house.token) as tab:
        tab.run(page="board", query=query)
        (fragment,) = tab.fragments
        assert "2 shots" in tab.run(page_hash=tab.pages["board"], query=query, fragment=fragment), "while one is there"
        tab.ask(page_hash=tab.pages["storage"])
        tab.ask(page_hash=tab.pages["board"], query=query, fragment=fragment)
        runs = [run for run in (tab.drawn(within_s=3) for _ in range(3)) if run.end == "finished"]
        assert [any("take up" in text for text in run.texts) for run in runs] == [True]


@pytest.fixture
def page(house: House, browser: Browser) -> Iterator[Page]:
    """alice's first page, which nothing has been drawn on yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "apom_session", "value": house.token, "url": house.url}])
    yield context.new_page()
    context.close()


def opened(house: House, page: Page) -> Locator:
    """The card of the project, ready to be clicked."""
    page.goto(house.url)
    card = page.get_by_role("button", name=re.compile("Lighthouse"))
    card.wait_for()
    idle(page)
    return card


def test_a_slow_answer_leads_on_and_not_back(house: House, page: Page) -> None:
    line = SlowLine(page)
    card = opened(house, page)
    line.hold()
    card.click()
    page.wait_for_timeout(4000)
    line.release()
    page.get_by_role("button", name=re.compile("Harbour at dawn")).first.click()
    expect(page).to_have_url(re.compile(f"box={house.box.id}"))
    idle(page)
    expect(page).to_have_url(re.compile(f"box={house.box.id}"))


def test_what_is_being_answered_is_not_sent_again(house: House, page: Page) -> None:
    line = SlowLine(page)
    opened(house, page).click()
    first = page.get_by_role("listitem").filter(has_text="Harbour at dawn")
    first.wait_for()
    idle(page)
    line.hold(but_begun=True)
    first.get_by_role("button", name="later").click()
    page.wait_for_timeout(4000)
    assert sum(b"later" in said for said in line.sent if isinstance(said, bytes)) == 1
    line.release()
    idle(page)
    expect(page.get_by_role("listitem").first).to_contain_text("The keeper")
