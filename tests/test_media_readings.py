"""Parts of a large file are fetched several at a time, handed on in order, and never too many of them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from stopping import until

from apom.config import MB
from apom.errors import Unavailable
from apom.media import readings
from apom.media.readings import Readings

CONTENT = bytes(range(256)) * (40 * MB // 256) + b"the end"


class Bucket:
    """Counts what is asked of it; while it is shut nothing comes."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.is_open = threading.Event()
        self.is_open.set()

    def fetch(self, start: int, end: int) -> bytes:
        self.asked.append((start, end))
        assert self.is_open.wait(10)
        return CONTENT[start:end]


@pytest.fixture
def reader() -> Iterator[Readings]:
    reader = Readings()
    yield reader
    reader.close()


@pytest.mark.parametrize(("start", "end"), [(0, len(CONTENT)), (5, 6), (3 * MB, 33 * MB + 1), (7, 7)])
def test_they_come_in_order_and_small_at_first(reader: Readings, start: int, end: int) -> None:
    bucket = Bucket()
    assert b"".join(reader.read(bucket.fetch, start, end)) == CONTENT[start:end]
    asked = sorted(bucket.asked)
    assert all(last == first for (_, last), (first, _) in itertools.pairwise(asked))
    sizes = [last - first for first, last in asked]
    assert sizes[:1] == [min(readings.FIRST_BYTES, end - start)] * (end > start)
    assert max(sizes, default=0) <= readings.PART_BYTES


def test_some_are_fetched_while_one_is_used(reader: Readings) -> None:
    bucket = Bucket()
    reading = reader.read(bucket.fetch, 0, len(CONTENT))
    assert next(reading) == CONTENT[: readings.FIRST_BYTES]
    until(lambda: len(bucket.asked) == readings.AHEAD)


def test_many_who_wait_hold_no_more_than_one_each_beyond_what_there_is_for_all(
    reader: Readings,
) -> None:
    bucket, many = Bucket(), 2 * readings.MOST_AHEAD
    waiting = [reader.read(bucket.fetch, 0, len(CONTENT)) for _ in range(many)]
    for each in waiting:
        next(each)
    assert len(bucket.asked) <= many + readings.MOST_AHEAD
    assert all(b"".join(each) == CONTENT[readings.FIRST_BYTES :] for each in waiting), "the last ones, one at a time"


def test_who_breaks_off_waits_for_nothing_and_makes_room(reader: Readings) -> None:
    bucket = Bucket()
    for _ in range(2 * readings.MOST_AHEAD):
        reading = reader.read(bucket.fetch, 0, len(CONTENT))
        next(reading)
        bucket.is_open.clear()
        reading.close()  # type: ignore[attr-defined]
        bucket.is_open.set()
    assert reader._room._value == readings.MOST_AHEAD


def test_a_bucket_that_is_away_is_said_after_some_tries(reader: Readings) -> None:
    is_away, failed = threading.Event(), list[int]()

    def fetch(start: int, end: int) -> bytes:
        if is_away.is_set():
            failed.append(start)
            raise Unavailable("Away.")
        return CONTENT[start:end]

    reading = reader.read(fetch, 0, len(CONTENT))
    got = [next(reading)]
    is_away.set()
    with pytest.raises(Unavailable):
        next(reader.read(fetch, 0, 10))
    assert len(failed) >= readings.TRIES
    is_away.clear()
    assert b"".join([*got, *reading]) == CONTENT


def test_one_that_failed_while_another_was_used_is_no_end(reader: Readings) -> None:
    failed = list[int]()

    def fetch(start: int, end: int) -> bytes:
        if start and start not in failed:
            failed.append(start)
            raise Unavailable("Away.")
        return CONTENT[start:end]

    assert b"".join(reader.read(fetch, 0, len(CONTENT))) == CONTENT
    assert len(failed) > readings.AHEAD


def test_what_goes_wrong_is_raised_where_it_belongs_and_makes_room(reader: Readings) -> None:
    def fetch(start: int, end: int) -> bytes:
        if start >= 3 * MB:
            raise ConnectionError("broken")
        return CONTENT[start:end]

    got = []
    with pytest.raises(ConnectionError):
        got.extend(reader.read(fetch, 0, len(CONTENT)))
    assert b"".join(got) == CONTENT[: 3 * MB]
    assert reader._room._value == readings.MOST_AHEAD
