"""Killed in the middle: everything goes on, and nothing is submitted twice.

The trials start the engine without a dashboard, which takes a second; two tests kill the whole server.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from engine_room import until
from stopping import house

from apom import testing
from apom.config import Settings
from apom.models import State, Status
from apom.store import generations
from apom.studio import Studio
from apom.testing.crashes import POINTS
from apom.testing.invariants import Seen, assert_invariants, books
from apom.testing.storm import Storm

TAKES = 12
SLOTS = 6
AT_ONCE = 4
HURRIED = "from apom.testing.alone import hurry; hurry(0.25)"  # before a server starts: a lease is 5 s
KILL_S = 2.2  # a kill comes so long after a life began, at the latest


@dataclass(kw_only=True)
class Trial:
    """A studio that is killed, and what is known of it from outside. `lookup`: the provider can be asked by our own id."""

    folder: Path
    url: str
    takes: int
    lookup: bool = True
    pace: float = 1.0
    seen: Seen | None = None
    acknowledged: set[UUID] = field(default_factory=set)
    in_flight: set[UUID] = field(default_factory=set)
    kills: int = 0

    def lives(self, *options: str, kill_after_s: float | None = None, stop_after_s: float | None = None) -> None:
        """One life: to its end by itself, by SIGKILL, or by SIGTERM; then what it left is looked at."""
        how = ["--takes", str(self.takes), "--pace", str(self.pace), *options, *(["--no-lookup"] * (not self.lookup))]
        with testing.life(self.folder / "data", self.url, *how) as life:
            if kill_after_s is not None:
                time.sleep(kill_after_s)
                life.kill()
            elif stop_after_s is not None:
                time.sleep(stop_after_s)
                life.process.terminate()
            code = life.ended(180)
        for line in life.said:
            if line.startswith("ordered"):
                self.acknowledged |= {UUID(id) for id in line.split()[1:]}
        self.kills += code != 0
        self.look(is_resting=life.said[-1] == "rests\n" and stop_after_s is None)

    def look(self, *, is_resting: bool) -> None:
        """Reads what is there, as the next life will."""
        with Studio.open(Settings(data_dir=self.folder / "data", sandbox_url=self.url), engine=False) as studio:
            tasks = books(self.folder / "sandbox")
            self.seen = assert_invariants(studio, tasks, earlier=self.seen, is_resting=is_resting)
            with studio._store.read() as tx:
                open_rows = generations.unfinished(tx)
        assert self.acknowledged <= self.seen.takes.keys(), "I8: an order was acknowledged, and is gone"
        if not is_resting:
            self.in_flight |= {row.asset_id for row in open_rows if row.state is State.SUBMITTING}

    def ends(self) -> Counter[Status]:
        """A last life without a kill; the takes by how they ended."""
        self.lives()
        assert self.seen is not None
        ended = Counter(status for status, _, _ in self.seen.takes.values())
        assert ended.total() == self.takes, f"lost: {ended}"
        asked = self.seen.of(Status.ATTENTION)
        assert asked == (frozenset() if self.lookup else self.in_flight), "only what was in flight is a person's"
        assert ended.keys() <= {Status.COMPLETED, Status.ATTENTION}, ended
        return ended


def trial(folder: Path, seed: int, *, lookup: bool, takes: int = 60, pace: float = 1.0) -> Counter[str]:
    """Two SIGKILLs at random moments, then a life to the end. `pace`: of the waits for the provider, 1 for the real ones."""
    chance = random.Random(seed)
    with testing.chaos(folder / "sandbox", Storm(), image_s=0.3) as provider:
        httpx.post(provider.url + "/_sandbox/settings", json={"create_delay_s": 0.2})
        one = Trial(folder=folder, url=provider.url, takes=takes, lookup=lookup, pace=pace)
        for _ in range(2):
            one.lives(kill_after_s=chance.uniform(0.05, KILL_S))
        ended = one.ends()
        created = len(books(folder / "sandbox"))
    asked = ended[Status.ATTENTION]
    return Counter(
        takes=takes, kills=one.kills, in_flight=len(one.in_flight), asked=asked, really_made=created - takes + asked
    )


def trials(folder: Path, count: int, **options: Any) -> Counter[str]:
    """Many, some at a time, since most of a trial is waiting; what they found together."""
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda seed: trial(folder / str(seed), seed, **options), range(count)))
    total = sum(found, Counter())
    minutes = (time.monotonic() - started) / 60
    print(f"\n{count} trials, {options}, {minutes:.1f} min: {dict(total)}")  # noqa: T201
    return total


@pytest.mark.parametrize("lookup", [True, False], ids=["lookup", "no lookup"])
def test_killed_twice_at_random_moments_nothing_is_lost_or_sent_twice(tmp_path: Path, lookup: bool) -> None:
    assert trials(tmp_path, 2, lookup=lookup, takes=20, pace=0.25)["kills"] >= 2


@pytest.mark.long
@pytest.mark.parametrize("lookup", [True, False], ids=["lookup", "no lookup"])
def test_a_hundred_kills_at_random_moments_lose_nothing_and_pay_nothing_twice(tmp_path: Path, lookup: bool) -> None:
    total = trials(tmp_path, 50, lookup=lookup)
    assert total["takes"] == 3000 and total["kills"] >= 95, "hardly a life may end before its kill"
    assert total["asked"] <= (0 if lookup else SLOTS * total["kills"])


BEFORE = {  # what has to go wrong before somebody gets there
    "after a lost one is adopted": "after the POST, before its answer is committed",
    "after a lost one is looked up": "after the POST, before its answer is committed",
}


NTH = {"while the POST is under way": 2, "within the commit of outcomes": 3, "between the files of a result": 2}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_moment_it_goes_on(tmp_path: Path, point: str) -> None:
    drains = "drain" in point
    with testing.chaos(tmp_path / "sandbox", Storm(), image_s=0.2) as provider:
        httpx.post(provider.url + "/_sandbox/settings", json={"create_delay_s": 1.0 if drains else 0.2})
        one = Trial(folder=tmp_path, url=provider.url, takes=4, pace=0.1)
        for moment in filter(None, (BEFORE.get(point), point)):
            one.lives("--crash", moment, "--nth", str(NTH.get(moment, 1)), stop_after_s=0.6 if drains else None)
        assert one.kills == 1 + (point in BEFORE), "it was reached"
        assert one.ends() == {Status.COMPLETED: 4}


class Served:
    """alice at the whole server, by REST. `signed_in`: the cookies of a life before."""

    def __init__(self, url: str, signed_in: httpx.Cookies | None = None) -> None:
        self.client = httpx.Client(base_url=url, headers={"Origin": url}, cookies=signed_in, timeout=30)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def order(self) -> str:
        self.client.post("/api/users", json={"username": "alice", "password": "seven tall ships at dawn"})
        project = self.client.post("/api/projects", json={"name": "P"}).json()["id"]
        box = str(self.client.post(f"/api/projects/{project}/boxes", json={"names": ["one"]}).json()[0]["id"])
        ordered = self.client.post(f"/api/boxes/{box}/generate", json={"prompt": "harbour", "n": TAKES})
        assert ordered.status_code == 201, ordered.text
        return box

    def takes(self, box: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.client.get(f"/api/boxes/{box}/assets").json()["items"]
        return found

    def ended(self, box: str) -> list[str]:
        until(lambda: not {"PENDING", "PROCESSING"} & {take["status"] for take in self.takes(box)})
        return [take["status"] for take in self.takes(box)]


def submitted(url: str) -> int:
    return int(httpx.get(url + "/_sandbox/stats").json()["submitted"])


def test_twelve_takes_in_flight_survive_a_sigkill_and_are_submitted_once(tmp_path: Path, database_url: str) -> None:
    with testing.sandbox(tmp_path / "sandbox", image_s=4, small=True) as sandbox:
        settings = {"sandbox_url": sandbox.url, "database_url": database_url}
        with testing.server(tmp_path / "data", **settings) as app, Served(app.url) as alice:
            box = alice.order()
            until(lambda: submitted(sandbox.url) == TAKES)
            time.sleep(0.3)  # the answer to the last submission is committed a moment later
            app.kill()
        with testing.server(tmp_path / "data", **settings) as app, Served(app.url, alice.client.cookies) as alice:
            assert alice.ended(box) == ["COMPLETED"] * TAKES
            assert submitted(sandbox.url) == TAKES
            file = alice.client.get(alice.takes(box)[0]["file_url"])
            assert (file.status_code, file.headers["content-type"]) == (200, "image/png")
            assert app.stop() == 0


def test_the_whole_server_killed_while_submitting_asks_the_provider_and_goes_on(tmp_path: Path) -> None:
    with testing.chaos(tmp_path / "sandbox", Storm(), image_s=0.3) as sandbox:
        httpx.post(sandbox.url + "/_sandbox/settings", json={"create_delay_s": 1.0})
        with house(tmp_path, HURRIED, sandbox_url=sandbox.url) as home, Served(home.app.url) as alice:
            box = alice.order()
            until(lambda: submitted(sandbox.url) > 0)
            home.app.kill()
        again = house(tmp_path, HURRIED, sandbox_url=sandbox.url)
        with again as home, Served(home.app.url, alice.client.cookies) as alice:
            assert alice.ended(box) == ["COMPLETED"] * TAKES
        with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
            assert_invariants(studio, books(tmp_path / "sandbox"))
