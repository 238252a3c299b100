"""Clocks that jump, a store that is busy, steps that fall over, providers that ask to wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import person
from engine_room import health, offer, until
from loopback import Loopback, answer, said

from apom import steps, testing
from apom.config import Settings
from apom.engine.wiring import MediaKeeper
from apom.models import Box, Generation, State, Status, Step, Take
from apom.providers.client import Client
from apom.steps import Arrived
from apom.store import generations
from apom.studio import Studio, Workspace, utc_now

CREATE, INFO = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"


class Jumping:
    """The wall clock, set by somebody."""

    by = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by


@pytest.fixture
def wall() -> Jumping:
    return Jumping()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    with testing.sandbox(tmp_path / "sandbox", image_s=1.0, small=True) as running:
        yield running.url


def open_studio(tmp_path: Path, url: str, clock: Any = utc_now) -> Studio:
    return Studio.open(Settings(data_dir=tmp_path / "data", sandbox_url=url), clock=clock)


def at_home(studio: Studio, name: str = "alice") -> tuple[Workspace, Box]:
    alice = studio.workspace(person(studio, name))
    return alice, alice.create_box(alice.create_project("P"), "one")


def submitted(url: str) -> int:
    return int(httpx.get(url + "/_sandbox/stats").json()["submitted"])


def are_sent(url: str, count: int) -> None:
    until(lambda: submitted(url) == count)


@pytest.mark.parametrize("hours", [25, -25])
def test_a_clock_that_is_set_fails_nothing_and_sends_nothing_twice(
    tmp_path: Path, sandbox: str, wall: Jumping, hours: int
) -> None:
    httpx.post(sandbox + "/_sandbox/settings", json={"create_delay_s": 0.3})
    with open_studio(tmp_path, sandbox, wall) as house:
        alice, box = at_home(house)
        seen: set[Status] = set()
        takes: list[Take] = []
        for jump in (0, hours, 0):
            wall.by = timedelta(hours=jump)
            takes += alice.generate(box, "x", n=2)
            are_sent(sandbox, len(takes))
        until(lambda: seen.update(t.status for t in map(alice.asset, takes)) or seen >= {Status.COMPLETED})
        done = alice.wait(takes, timeout_s=90)
        assert {t.status for t in done} == {Status.COMPLETED}, [t.error_message for t in done]
        assert Status.ATTENTION not in seen
        assert submitted(sandbox) == len(takes)


@pytest.mark.parametrize("hours", [25, -25])
def test_a_clock_that_was_set_while_the_house_was_closed_fails_nothing(
    tmp_path: Path, sandbox: str, wall: Jumping, hours: int
) -> None:
    with open_studio(tmp_path, sandbox, wall) as house:
        alice, box = at_home(house)
        httpx.post(sandbox + "/_sandbox/settings", json={"image_s": 5})
        take = alice.generate(box, "x")[0]
        until(lambda: alice.asset(take).external_task_id)
        httpx.post(sandbox + "/_sandbox/settings", json={"image_s": 0.5})
    wall.by = timedelta(hours=hours)
    with open_studio(tmp_path, sandbox, wall) as house:
        again = house.workspace(alice.actor)
        new = again.generate(box, "y")[0]
        assert again.wait([new], timeout_s=90)[0].status is Status.COMPLETED
        assert again.wait([take], timeout_s=90)[0].status is Status.COMPLETED
        assert submitted(sandbox) == 2


def test_whoever_writes_for_long_makes_no_submission_late_and_no_tick_miss(
    tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "timeout_s", 3.0)
    httpx.post(sandbox + "/_sandbox/settings", json={"create_delay_s": 0.5, "no_lookup": 1})
    with open_studio(tmp_path, sandbox) as house:
        alice, box = at_home(house)
        takes = alice.generate(box, "x", n=3)
        until(lambda: submitted(sandbox) == 3)
        with house._store.write():
            for _ in range(45):
                time.sleep(0.1)
                age_s = house.engine.vitals().age_s
                assert age_s is not None and age_s < 2, "it ticks all the while"
        done = alice.wait(takes, timeout_s=90)
        assert [t.status for t in done] == [Status.COMPLETED] * 3, [t.error_message for t in done]
        assert submitted(sandbox) == 3


def test_a_step_that_falls_over_puts_one_aside_and_the_others_go_on(
    tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = steps.poll
    with open_studio(tmp_path, sandbox) as house:
        alice, box = at_home(house)
        bad, good = alice.generate(box, "x", n=2)
        is_broken = threading.Event()
        is_broken.set()

        async def falls_over(generation: Any, *args: Any, **more: Any) -> Any:
            if generation.asset_id == bad.id and is_broken.is_set():
                raise ZeroDivisionError("a mistake of ours")
            return await poll(generation, *args, **more)

        monkeypatch.setattr(steps, "poll", falls_over)
        assert alice.wait([good], timeout_s=90)[0].status is Status.COMPLETED
        assert alice.asset(bad).status is Status.PROCESSING
        is_broken.clear()
        assert alice.wait([bad], timeout_s=90)[0].status is Status.COMPLETED
        assert submitted(sandbox) == 2


def test_health_is_red_while_a_tick_is_late(tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apom.health.LATE_S", 0.6)
    with open_studio(tmp_path, sandbox) as house:
        until(lambda: house.health().ok)
        house.engine._loop.call_soon_threadsafe(time.sleep, 1.5)
        until(lambda: not house.health().ok, 5)
        until(lambda: house.health().ok, 5)


def test_a_stop_waits_for_the_answer_to_a_submission(tmp_path: Path, sandbox: str) -> None:
    httpx.post(sandbox + "/_sandbox/settings", json={"create_delay_s": 1.0})
    with open_studio(tmp_path, sandbox) as house:
        alice, box = at_home(house)
        alice.generate(box, "x", n=2)
        until(lambda: submitted(sandbox) == 2)
        started = time.monotonic()
        house.engine.stop()
        assert time.monotonic() - started < 10
        with house._store.read() as tx:
            rows = generations.unfinished(tx)
        assert [(row.state, bool(row.task_id)) for row in rows] == [(State.PROCESSING, True)] * 2


class TestAProviderThatAsksToWait:
    """It says how long, in seconds or as a date by a clock that is an hour behind."""

    @pytest.mark.parametrize("kind", ["seconds", "date"])
    def test_everybody_waits_and_the_row_is_sent_when_it_may(self, tmp_path: Path, kind: str) -> None:
        behind = datetime.now(UTC) - timedelta(hours=1)
        wish = "2" if kind == "seconds" else format_datetime(behind + timedelta(seconds=2), usegmt=True)
        headers = {"Retry_After": wish, "Date": format_datetime(behind, usegmt=True)}
        body = {"code": 429, "msg": "too many"}
        ordered = said({"code": 200, "data": {"taskId": "t1"}})
        with Loopback() as server:
            server.on("POST", CREATE, said(body, 429, **headers), ordered)
            server.on("GET", INFO, said({"code": 200, "data": {"taskId": "t1", "state": "generating"}}))
            with open_studio(tmp_path, server.url) as house:
                alice, box = at_home(house)
                first = alice.generate(box, "x")[0]
                until(lambda: health(alice).paused_until)
                paused_until = health(alice).paused_until
                assert paused_until is not None
                assert timedelta(seconds=1) < paused_until - datetime.now(UTC) < timedelta(seconds=2.1)
                second = alice.generate(box, "y")[0]
                until(lambda: [i.position for i in alice.queue().items] == [1, 2])
                assert {i.step for i in alice.queue().items} == {Step.WAITING}
                time.sleep(0.5)
                assert server.count("POST", CREATE) == 1, "nobody is sent"
                until(lambda: server.count("POST", CREATE) == 3)
                until(lambda: {alice.asset(t).status for t in (first, second)} == {Status.PROCESSING})
                until(lambda: [i.step for i in alice.queue().items] == [Step.AT_PROVIDER] * 2)
                assert alice.queue().items[0].since > alice.queue().items[0].ordered_at
                rate = health(alice).error_rate
                assert rate is not None and 0 < rate < 1

    def test_a_poll_that_is_refused_pauses_the_polls_and_not_the_submissions(self, tmp_path: Path) -> None:
        ordered = said({"code": 200, "data": {"taskId": "t1"}})
        with Loopback() as server:
            server.on("POST", CREATE, ordered)
            server.on("GET", INFO, answer(json.dumps({"code": 429}), 429, Retry_After="3"))
            with open_studio(tmp_path, server.url) as house:
                alice, box = at_home(house)
                alice.generate(box, "x")
                until(lambda: health(alice).paused_until)
                alice.generate(box, "y")
                until(lambda: server.count("POST", CREATE) == 2, 2)
                assert server.count("GET", INFO) == 1


def test_people_who_order_little_do_not_wait_for_one_who_orders_much(tmp_path: Path, sandbox: str) -> None:
    with open_studio(tmp_path, sandbox) as house:
        offer(house, lambda file: file["limits"].update(concurrent=1))
        alice, box = at_home(house)
        many = alice.generate(box, "x", n=10)
        bob, bobs = at_home(house, "bob")
        one = bob.generate(bobs, "y")[0]
        until(lambda: [i.position for i in bob.queue().items if i.position] == [1])
        assert {i.asset_id for i in bob.queue().items} == {one.id}, "a stranger's are not listed"
        assert bob.wait([one], timeout_s=90)[0].status is Status.COMPLETED
        assert sum(alice.asset(t).status is Status.COMPLETED for t in many) <= 3


def test_what_is_being_stored_keeps_nobody_from_the_provider(
    tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_storing, may_store = threading.Event(), threading.Event()
    keep = MediaKeeper.keep

    def slow_keep(self: MediaKeeper, path: Path, generation: Generation, index: int) -> Arrived:
        is_storing.set()
        assert may_store.wait(60)
        return keep(self, path, generation, index)

    monkeypatch.setattr(MediaKeeper, "keep", slow_keep)
    with open_studio(tmp_path, sandbox) as house:
        offer(house, lambda file: file["limits"].update(concurrent=1))
        alice, box = at_home(house)
        takes = [alice.generate(box, "x")[0]]
        assert is_storing.wait(60)
        takes += alice.generate(box, "y")
        are_sent(sandbox, 2)
        may_store.set()
        assert {take.status for take in alice.wait(takes, timeout_s=90)} == {Status.COMPLETED}


def test_how_long_a_model_takes_is_known_after_a_restart(tmp_path: Path, sandbox: str) -> None:
    with open_studio(tmp_path, sandbox) as house:
        alice, box = at_home(house)
        alice.wait(alice.generate(box, "x"), timeout_s=90)
    with open_studio(tmp_path, sandbox) as house:
        assert house.engine._history._took["sandbox/sandbox-image"][0] >= 1.0
        assert health(house.workspace(alice.actor)).last_success_at
