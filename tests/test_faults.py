"""Each call to the store, the provider and the storage fails, before or after it was done: the end is the same.

In simulated time, so that every call of a day's work can be tried.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import person
from simulation import Faults, Time, insists, rests, run, simulated, until

from apom import steps
from apom.errors import Conflict
from apom.models import Box, Generation, State, Status
from apom.store import generations
from apom.studio import Studio, Workspace
from apom.testing.invariants import assert_invariants, books

ENDS = {Status.COMPLETED: 3, Status.CANCELLED: 1}
CALLS = ["commit", "request", "put"]
STEP = 3  # every third call in the quick run


@dataclass(frozen=True)
class Day:
    """A studio in simulated time, and alice in it."""

    studio: Studio
    alice: Workspace
    box: Box
    time: Time
    faults: Faults

    async def work(self) -> None:
        """Three takes, one of them taken back, and a clip of another."""
        alice = self.alice
        self.faults.is_armed = True
        slow = (await insists(lambda: alice.generate(self.box, "[slow] x", token="the-slow-one")))[0]
        picture, _ = await insists(lambda: alice.generate(self.box, "x", n=2, token="the-others"))
        await asyncio.sleep(2)
        try:
            await insists(lambda: alice.cancel(slow))
        except Conflict:
            assert alice.asset(slow).status is Status.CANCELLED, "it was done, and said to be not"
        await until(lambda: alice.asset(picture).status is Status.COMPLETED)
        await insists(lambda: alice.animate(picture, token="a-clip-of-it"))
        await rests(self.studio)
        self.faults.is_armed = False


def ended(
    monkeypatch: pytest.MonkeyPatch, folder: Path, faults: Faults, work: Callable[[Day], Any] = Day.work
) -> Counter[Status]:
    """How the takes ended; the invariants hold."""
    with simulated(monkeypatch, folder, faults) as (studio, now):
        alice = studio.workspace(person(studio, "alice"))
        day = Day(studio, alice, alice.create_box(alice.create_project("P"), "one"), now, faults)
        run(studio, now, lambda: work(day))
        seen = assert_invariants(studio, books(folder / "sandbox"))
    return Counter(status for status, _, _ in seen.takes.values())


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """How many calls of each kind a day has, when none fails."""
    faults = Faults()
    with pytest.MonkeyPatch.context() as patch:
        assert ended(patch, tmp_path_factory.mktemp("day"), faults) == ENDS
    return faults.calls


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_a_call_that_fails_once_changes_nothing_in_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calls: Counter[str], kind: str, is_done: bool, part: int
) -> None:
    """`is_done`: it was done, and fails nevertheless."""
    tried = range(1 + part, calls[kind] + 1, STEP)
    happened = 0
    for nth in tried:
        faults = Faults({(kind, nth): is_done})
        assert ended(monkeypatch, tmp_path / str(nth), faults) == ENDS, f"{kind} {nth}"
        happened += faults.happened
    assert happened >= len(tried) - 1, "polls come by chance, so one day may have a call less"


def many(chance: random.Random, calls: Mapping[str, int]) -> Faults:
    """A day on which every tenth call fails."""
    every = [(kind, nth) for kind in CALLS for nth in range(1, calls[kind] * 2)]
    return Faults({call: chance.random() < 0.5 for call in every if chance.random() < 0.1})


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 300), marks=pytest.mark.long)], ids=["few", "many"])
def test_on_a_day_on_which_every_tenth_call_fails_nothing_is_lost_or_made_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calls: Counter[str], seeds: range
) -> None:
    for seed in seeds:
        faults = many(random.Random(seed), calls)
        assert ended(monkeypatch, tmp_path / str(seed), faults) == ENDS, f"seed {seed}: {faults.planned}"


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["prepare", "submit", "poll", "collect"])
def test_a_mistake_of_ours_in_any_step_puts_one_aside_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str, is_done: bool
) -> None:
    right, left = getattr(steps, step), [3]
    unlucky: list[Any] = []

    async def wrong(generation: Generation, *args: Any, **more: Any) -> Any:
        is_hit = generation.asset_id in unlucky and left[0] > 0
        left[0] -= is_hit
        if is_hit and not is_done:
            raise ZeroDivisionError
        found = await right(generation, *args, **more)
        if is_hit:
            raise ZeroDivisionError
        return found

    async def work(day: Day) -> None:
        takes = day.alice.generate(day.box, "x", n=3)
        unlucky.append(takes[0].id)
        begun = time.monotonic()
        await until(lambda: {day.alice.asset(t).status for t in takes[1:]} == {Status.COMPLETED})
        assert time.monotonic() - begun < 20, "the others do not wait for it"
        await rests(day.studio)

    monkeypatch.setattr(steps, step, wrong)
    assert ended(monkeypatch, tmp_path, Faults(), work) == {Status.COMPLETED: 3}
    assert left[0] < 3, "it did happen"


@pytest.mark.parametrize("hours", [25, -25])
@pytest.mark.parametrize("at_s", [0.3, 1, 3, 5])
def test_a_clock_that_is_set_while_takes_are_in_flight_makes_none_late(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hours: int, at_s: float
) -> None:
    async def work(day: Day) -> None:
        begun = time.monotonic()
        day.alice.generate(day.box, "x", n=3)
        await asyncio.sleep(at_s)
        day.time.set_by = timedelta(hours=hours)
        day.alice.generate(day.box, "y")
        await asyncio.sleep(2)
        day.time.set_by = timedelta()
        day.alice.generate(day.box, "z")
        await rests(day.studio)
        assert time.monotonic() - begun < 30, "nothing waits for a day"

    assert ended(monkeypatch, tmp_path, Faults(), work) == {Status.COMPLETED: 5}


@pytest.mark.parametrize("answers_after_s", [5, 30], ids=["in time", "never"])
def test_a_stop_lets_submissions_under_way_come_home_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers_after_s: float
) -> None:
    """One that comes home is kept; one that does not is looked up after the next start."""
    with simulated(monkeypatch, tmp_path, Faults(), create_delay_s=answers_after_s) as (studio, now):
        alice = studio.workspace(person(studio, "alice"))
        box = alice.create_box(alice.create_project("P"), "one")

        async def sends() -> None:
            alice.generate(box, "x", n=2)
            await until(lambda: len(books(tmp_path / "sandbox")) == 2)

        run(studio, now, sends)
        assert now.stopped_within_s < 10
        with studio._store.read() as tx:
            states = [(row.state, bool(row.task_id)) for row in generations.unfinished(tx)]
        assert states == [(State.PROCESSING, True) if answers_after_s < 8 else (State.SUBMITTING, False)] * 2
        run(studio, now, lambda: rests(studio))
        seen = assert_invariants(studio, books(tmp_path / "sandbox"))
        assert len(seen.of(Status.COMPLETED)) == 2
