"""Waiting for takes: look, say how they are, look again. The same loop here and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeAlias, TypeVar
from uuid import UUID

from apom.config import LIMITS
from apom.errors import NotFound, Unavailable
from apom.models import OPEN_JOBS, OPEN_STATUSES, Job, Page, Rows, Take

Look: TypeAlias = Callable[[Sequence[UUID]], tuple[Take, ...]]
T = TypeVar("T")
OnChange: TypeAlias = Callable[[tuple[Take, ...]], object]
Onlooker: TypeAlias = Callable[[], AbstractContextManager[OnChange | None]]

FIRST_S = 0.05
SLOWER = 1.5
SLOWEST_S = 0.5

_onlooker: Onlooker = nullcontext


def show_with(onlooker: Onlooker) -> None:
    """From now on waiting looks like this, where `on_change` is left out: for a person who looks on."""
    global _onlooker
    _onlooker = onlooker


def wait(look: Look, ids: Sequence[UUID], *, timeout_s: float | None, on_change: OnChange | None) -> Rows[Take]:
    """The takes, in the order of `ids`, once none of them is on its way any more.

    It looks often at first and twice a second later on, and only after those that are still on their way. `on_change`
    is told all of them after each look. Raises NotFound when one is deleted meanwhile, Unavailable after `timeout_s`.
    """
    with _onlooker() if on_change is None else nullcontext(on_change) as told:
        return _wait(look, ids, timeout_s, told)


def ended(look: Callable[[UUID], Job], job: Job) -> Job:
    """A job once it has come to its end, however that is. Raises what `look` raises."""
    while job.state in OPEN_JOBS:
        time.sleep(SLOWEST_S)
        job = look(job.id)
    return job


def every(page: Callable[[str | None], Page[T]]) -> list[T]:
    """All pages of a list, its last item first."""
    found, cursor = list[T](), None
    while True:
        shown = page(cursor)
        found += shown.items
        cursor = shown.next
        if cursor is None:
            return found[::-1]


def _wait(look: Look, ids: Sequence[UUID], timeout_s: float | None, on_change: OnChange | None) -> Rows[Take]:
    end = None if timeout_s is None else time.monotonic() + timeout_s
    takes: dict[UUID, Take] = {}
    going = list(dict.fromkeys(ids))
    pause = FIRST_S
    while True:
        found = {take.id: take for some in _batches(going) for take in look(some)}
        if len(found) < len(going):
            raise NotFound
        takes |= found
        going = [id for id in going if takes[id].status in OPEN_STATUSES]
        if on_change is not None:
            on_change(tuple(takes[id] for id in ids))
        if not going:
            return Rows((takes[id] for id in ids), Take)
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise _late(len(going), timeout_s)
        time.sleep(pause if left is None else min(pause, left))
        pause = min(pause * SLOWER, SLOWEST_S)


def _batches(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    rest = iter(ids)
    while some := list(islice(rest, LIMITS.marks)):
        yield some


def _late(count: int, timeout_s: float | None) -> Unavailable:
    return Unavailable(
        "{count} takes are still on their way after {seconds} s. They go on by themselves and nothing is lost: wait"
        " again, or look later.",
        count=count,
        seconds=f"{timeout_s:g}",
    )
