"""Rates, on a clock of our own."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from apom.server.meters import KEYS, Meter, Rate
from apom.server.throttle import paced


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


RATE = Rate(per_s=4, burst=10)


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=80))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    meter = Meter(RATE, clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        if meter.wait_s("key") == 0:
            taken.append(clock.now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= RATE.burst + RATE.per_s * (taken[last] - taken[first]) + 1e-6


@given(st.integers(min_value=1, max_value=200))
def test_the_wait_it_names_is_long_enough_and_not_longer(asked: int) -> None:
    clock = Clock()
    meter = Meter(RATE, clock)
    waits = [meter.wait_s("key") for _ in range(asked)]
    assert waits[:10] == [0] * min(asked, 10)
    if asked > 10:
        assert waits[-1] == pytest.approx(0.25)
        clock.now += waits[-1] + 1e-6
        assert meter.wait_s("key") == 0


def test_debts_grow_one_after_the_other() -> None:
    meter = Meter(RATE, Clock())
    owed = [meter.owed_s("key") for _ in range(14)]
    assert owed[:10] == [0] * 10
    assert owed[10:] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_keys_do_not_touch_each_other_and_old_ones_are_forgotten() -> None:
    clock = Clock()
    meter = Meter(RATE, clock)
    for n in range(KEYS):
        assert meter.wait_s(str(n)) == 0
    clock.now += 60
    assert meter.wait_s("one more") == 0
    assert len(meter._full_at) == 1


def test_a_socket_waits_for_its_messages_and_not_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    messages: list[Message] = [{"type": "websocket.receive"}] * 12 + [{"type": "websocket.disconnect"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def read_all() -> None:
        slow = paced(Meter(RATE, Clock()), "key", receive)
        while (await slow())["type"] != "websocket.disconnect":
            pass

    asyncio.run(read_all())
    assert len(slept) == 12
    assert slept[:10] == [0] * 10
    assert all(later > earlier for earlier, later in pairwise(slept[9:]))
