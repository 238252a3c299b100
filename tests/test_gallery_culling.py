"""Culling by keyboard against the real server: whatever the network does, the store agrees with the screen in the end."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from browser import idle
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from apom import testing
from apom.config import Settings
from apom.models import Asset, AssetType, Box, SourceType, Status, new_id
from apom.store import assets
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
MARKS = "**/api/assets/marks"
SLOW = {"offline": False, "latency": 1200, "downloadThroughput": -1, "uploadThroughput": -1}
TROUBLES = ["aborted", "answer lost", "overloaded", "offline", "slow"]
MANY = 320  # more than the first page of the gallery has
GESTURES = ("f", "Delete", "h", "", "3")  # one after the other, take after take


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What somebody thinks of a take."""

    favorite: bool = False
    headliner: bool = False
    rating: int = 0


@dataclass
class Room:
    """alice at a box of the real server. The window is high enough for all of its takes to be in sight."""

    context: BrowserContext
    page: Page
    url: str
    box: str

    def screen(self) -> dict[int, Judged]:
        """What the cards say, by the number of the take."""
        read = """cards => cards.map(card => [card.ariaLabel,
            card.querySelector("[data-act=favorite]").ariaPressed, card.querySelector("[data-act=headliner]").ariaPressed])"""
        found = {}
        for label, favorite, headliner in self.page.get_by_role("gridcell").evaluate_all(read):
            rating = re.search(r"rated (\d)", label)
            number = int(re.match(r"Take (\d+)", label)[1])  # type: ignore[index]
            judged = Judged(
                favorite=favorite == "true", headliner=headliner == "true", rating=int(rating[1]) if rating else 0
            )
            found[number] = judged
        return found

    def store(self) -> dict[int, Judged]:
        """What the store says, by the number of the take."""
        takes = self.context.request.get(f"{self.url}/api/boxes/{self.box}/assets?limit=500").json()["items"]
        return {
            take["number"]: Judged(favorite=take["is_favorite"], headliner=take["is_headliner"], rating=take["rating"])
            for take in takes
        }

    def agree(self, expected: dict[int, Judged]) -> None:
        """Screen, store and what was pressed say the same: the screen at once, the store within twenty seconds."""
        assert self.screen() == expected
        deadline = time.monotonic() + 20
        while self.store() != expected and time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
        assert self.store() == expected
        self.page.wait_for_timeout(500)
        assert self.screen() == expected
        expect(self.page.locator(".stuck")).to_be_hidden()


Seat: TypeAlias = Callable[[int], Room]


def fill(data: Path, counts: list[int]) -> list[str]:
    """A store with alice, a project, and a box for each count, with so many takes; the boxes' ids."""
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        token, _ = studio.login("alice", PASSWORD)
        actor = studio.resolve(token=token)
        assert actor
        alice = studio.workspace(actor)
        boxes = alice.create_boxes(alice.create_project("The lighthouse"), [f"{count} takes" for count in counts])
        with studio._store.write() as tx:
            for box, count in zip(boxes, counts, strict=True):
                assets.insert(tx, [picture(box, n) for n in range(1, count + 1)])
    return [str(box.id) for box in boxes]


def picture(box: Box, n: int) -> Asset:
    return Asset(
        id=new_id(),
        project_id=box.project_id,
        box_id=box.id,
        number=n,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.UPLOADED,
        status=Status.COMPLETED,
        created_by=box.created_by,
        created_at=BEGAN + timedelta(seconds=n),
        updated_at=BEGAN,
    )


@pytest.fixture(scope="module")
def rooms(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    """Takes a seat before so many takes; every test gets a box of its own."""
    data = tmp_path_factory.mktemp("culling")
    counts = [100, *[40] * len(TROUBLES), 10, MANY, MANY]
    free = list(zip(counts, fill(data, counts), strict=True))
    with testing.server(data) as app:

        def seat(count: int) -> Room:
            place = next(place for place in free if place[0] == count)
            free.remove(place)
            return seated(browser, app.url, place[1], count)

        yield seat


def seated(browser: Browser, url: str, box: str, count: int) -> Room:
    """alice in front of her takes, the newest with the focus; of many in a window of its usual height."""
    context = browser.new_context(viewport={"width": 1440, "height": 800 if count == MANY else 2400})
    sign_in = {"username": "alice", "password": PASSWORD}
    assert context.request.post(f"{url}/api/session", data=sign_in, headers={"Origin": url}).ok
    page = context.new_page()
    page.goto(f"{url}/box?box={box}")
    newest = page.get_by_role("gridcell", name=f"Take {count},")
    newest.wait_for()
    idle(page)
    if count != MANY:
        page.get_by_label("Size of the pictures").fill("0")
        expect(page.get_by_role("gridcell")).to_have_count(count)
    newest.focus()
    return Room(context, page, url, box)


def cull(
    page: Page, count: int, *, keys_per_s: float, at: dict[int, Callable[[], None]] | None = None
) -> dict[int, Judged]:
    """Judges take after take by keyboard; what should be left. `at`: what happens before the so-manieth take."""
    left: dict[int, Judged] = {}
    due = time.monotonic()

    def press(key: str) -> None:
        nonlocal due
        page.keyboard.press(key)
        due += 1 / keys_per_s
        page.wait_for_timeout(max(0, 1000 * (due - time.monotonic())))

    for n, gesture in zip(range(count, 0, -1), itertools.cycle(GESTURES)):
        if at and count - n in at:
            at[count - n]()
        if gesture:
            press(gesture)
        if gesture == "Delete":  # the focus goes on by itself
            continue
        if gesture == "h":
            left = {other: Judged(favorite=j.favorite, rating=j.rating) for other, j in left.items()}
        left[n] = Judged(favorite=gesture == "f", headliner=gesture == "h", rating=3 if gesture == "3" else 0)
        press("ArrowRight")
    return left


def test_a_hundred_takes_at_ten_keys_a_second(rooms: Seat) -> None:
    room = rooms(100)
    posts: list[str] = []
    room.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    room.agree(cull(room.page, 100, keys_per_s=10))
    assert {url.partition("/api")[2] for url in posts} == {"/assets/marks"}
    room.context.close()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_lost_when_the_network_is(rooms: Seat, trouble: str) -> None:
    room = rooms(40)
    page, turns = room.page, itertools.count()

    def disturb(route: Route) -> None:
        if next(turns) % 3 == 2:
            return route.continue_()
        if trouble == "overloaded":
            return route.fulfill(status=503, json={"detail": "Too much to do."})
        if trouble == "answer lost":
            with suppress(Error):  # the server may end an idle connection just then: as lost as the others
                route.fetch()
        route.abort()

    def begin() -> None:
        if trouble == "offline":
            room.context.set_offline(True)
        elif trouble == "slow":
            room.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
        else:
            page.route(MARKS, disturb)

    def end() -> None:
        room.context.set_offline(False)
        page.unroute_all(behavior="ignoreErrors")  # one may be on its way back just now

    room.agree(cull(page, 40, keys_per_s=20, at={8: begin, 32: end}))
    room.context.close()


def test_who_leaves_at_once_loses_nothing(rooms: Seat) -> None:
    room = rooms(10)
    expected = cull(room.page, 10, keys_per_s=100)
    room.page.goto("about:blank")
    deadline = time.monotonic() + 5
    while room.store() != expected and time.monotonic() < deadline:
        room.page.wait_for_timeout(50)
    assert room.store() == expected
    room.context.close()


def test_all_results_are_marked_by_a_job_and_what_it_threw_away_comes_back(rooms: Seat) -> None:
    room = rooms(MANY)
    page, bar, notice = room.page, room.page.locator(".bar"), room.page.locator(".notice")

    def count(**which: str) -> int:
        found = room.context.request.get(f"{room.url}/api/assets/count", params={"box_id": room.box, **which})
        return int(found.text())

    def take_all() -> None:
        page.get_by_role("gridcell").first.focus()
        page.keyboard.press("Control+a")
        expect(bar).to_contain_text("100 selected")
        bar.get_by_role("button", name=f"All {MANY} results").click()
        expect(bar).to_contain_text(f"All {MANY} selected")
        expect(bar.get_by_role("button", name="Headliner")).to_be_hidden()

    take_all()
    bar.get_by_role("button", name="Rate 3").click()
    expect(notice).to_contain_text(f"{MANY} takes changed", timeout=20_000)
    expect(notice.get_by_role("button")).to_have_count(0)
    assert count(min_rating="3") == MANY
    expect(page.get_by_role("gridcell", name=re.compile("rated 3")).first).to_be_visible()
    take_all()
    page.keyboard.press("Delete")
    expect(page.get_by_role("gridcell")).to_have_count(0, timeout=20_000)
    expect(notice).to_contain_text(f"{MANY} takes changed")
    assert (count(), count(trashed="true")) == (0, MANY)
    notice.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("gridcell", name=f"Take {MANY},")).to_be_visible(timeout=20_000)
    expect(notice).to_contain_text(f"{MANY} takes changed", timeout=20_000)
    assert (count(), count(trashed="true")) == (MANY, 0)
    room.context.close()


def test_all_results_are_offered_though_the_list_is_read_again_meanwhile(rooms: Seat) -> None:
    room = rooms(MANY)
    page, asked = room.page, list[Route]()
    page.route("**/api/assets/count?*", lambda route: asked.append(route))
    page.keyboard.press("Control+a")
    with page.expect_response(lambda answer: "/assets?limit=" in answer.url):
        everything = {"mark": {"rating": 2}, "which": {"box_id": room.box}}
        room.context.request.post(f"{room.url}/api/assets/mark-all", data=everything, headers={"Origin": room.url})
    asked[0].continue_()
    expect(page.locator(".bar").get_by_role("button", name=f"All {MANY} results")).to_be_visible()
    room.context.close()
