"""Who goes next, and how fast: people in turn, batches behind, tokens by the clock."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apom.engine.gate import Bucket
from apom.engine.line import BATCH_EVERY, Line

PEOPLE = [UUID(int=n) for n in range(4)]
ORDERS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.booleans()), max_size=40)


def line_of(orders: list[tuple[UUID, bool]]) -> Line:
    line = Line()
    for n, (who, is_batch) in enumerate(orders):
        line.join(UUID(int=1000 + n), who, is_batch=is_batch)
    return line


def emptied(line: Line) -> list[UUID]:
    found = []
    while (id := line.next()) is not None:
        found.append(id)
    return found


@given(ORDERS, st.integers(0, 9))
def test_the_order_that_is_shown_is_the_order_they_go_in_and_nobody_is_lost(
    orders: list[tuple[UUID, bool]], taken: int
) -> None:
    line = line_of(orders)
    first = [id for _ in range(taken) if (id := line.next()) is not None]
    shown = line.order()
    assert shown == emptied(line)
    assert sorted((*first, *shown)) == [UUID(int=1000 + n) for n in range(len(orders))]
    assert len(line) == 0


@given(ORDERS)
def test_people_take_turns_and_each_persons_own_stay_in_order(orders: list[tuple[UUID, bool]]) -> None:
    owner = {UUID(int=1000 + n): who for n, (who, _) in enumerate(orders)}
    waiting: defaultdict[UUID, int] = defaultdict(int)
    for who in owner.values():
        waiting[who] += 1
    went: defaultdict[UUID, int] = defaultdict(int)
    last: dict[UUID, UUID] = {}
    for id in emptied(line_of([(who, False) for who, _ in orders])):
        who = owner[id]
        assert last.get(who, UUID(int=0)) < id
        last[who] = id
        went[who] += 1
        waiting[who] -= 1
        assert all(went[who] <= went[other] + 1 for other, left in waiting.items() if left)


@given(st.integers(1, 30), st.integers(1, 30))
def test_what_somebody_waits_for_goes_first_and_a_batch_is_never_forgotten(singles: int, batch: int) -> None:
    line = line_of([(PEOPLE[0], True)] * batch + [(PEOPLE[1], False)] * singles)
    lanes = ["batch" if id.int - 1000 < batch else "single" for id in emptied(line)]
    both = lanes[: max(i for i in range(len(lanes)) if "single" in lanes[i:] and "batch" in lanes[i:]) + 1]
    assert both.count("batch") <= len(both) // BATCH_EVERY + 1
    for i in range(len(both) - BATCH_EVERY):
        assert "batch" in both[i : i + BATCH_EVERY]


def test_one_that_was_turned_away_is_the_first_of_its_persons_own() -> None:
    line = line_of([(PEOPLE[0], False)] * 3)
    back = line.next()
    assert back is not None
    line.join(back, PEOPLE[0], is_batch=False, at_head=True)
    assert line.next() == back
    line.leave(UUID(int=1001))
    line.leave(UUID(int=7))
    assert line.order() == [UUID(int=1002)]


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 50), st.floats(0.5, 60), st.lists(st.floats(0, 10), max_size=60))
def test_no_window_ever_sees_more_than_the_provider_takes(count: int, per_s: float, steps: list[float]) -> None:
    time = Time()
    bucket = Bucket(count, per_s, time)
    taken: list[float] = []
    for step in (0.0, *steps):
        time.now += step
        while bucket.take():
            taken.append(time.now)
    for i, start in enumerate(taken):
        assert sum(at < start + per_s - 1e-6 for at in taken[i:]) <= count


def test_a_bucket_that_waits_as_it_says_uses_what_it_may() -> None:
    time = Time()
    bucket = Bucket(20, 10.0, time)
    taken = 0
    while time.now < 1100:
        taken += bucket.take()
        time.now += bucket.wait_s()
    assert 150 <= taken <= 160, "three quarters of the limit for ever, the rest as a burst"


def test_a_provider_that_asks_to_wait_is_left_alone_for_longer_each_time_it_does_not_say() -> None:
    time = Time()
    bucket = Bucket(20, 10.0, time)
    for wait_s in (2, 4, 8):
        bucket.pause(0)
        assert bucket.wait_s() == wait_s and not bucket.take()
        time.now += wait_s
    bucket.pause(30)
    assert bucket.wait_s() == 30
    bucket.pause(1)
    assert bucket.wait_s() == 30, "the longest wish counts"
    time.now += 30
    bucket.went_well()
    bucket.pause(0)
    assert bucket.wait_s() == 2
