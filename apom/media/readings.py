"""A large file on its way out of a bucket: in parts, several at a time, handed on in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from apom.config import MB
from apom.errors import Unavailable

FIRST_BYTES = 1 * MB  # who only looks at the beginning gets it soon, and wastes little
PART_BYTES = 8 * MB
AHEAD = 3  # parts of one file, while one is used
MOST_AHEAD = 24  # of all files; beyond that each reads one at a time
AT_ONCE = 10
TRIES = 3


class Readings:
    """For all files of a bucket: many threads may read.

    In memory are a part or two for each who reads, and at most 200 MB ahead of all of them.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._room = threading.Semaphore(MOST_AHEAD)

    def read(self, fetch: Callable[[int, int], bytes], start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to `end`; `fetch(first, last)` has some of them. Raises what that raises."""
        parts: deque[tuple[Future[bytes], Callable[[], bytes], bool]] = deque()
        spans = _spans(start, end)
        try:
            while True:
                while len(parts) < AHEAD and (not parts or self._room.acquire(blocking=False)):
                    is_extra, span = bool(parts), next(spans, None)
                    if span is None:
                        self._free(is_extra)
                        break
                    ask = partial(fetch, *span)
                    parts.append((self._pool.submit(ask), ask, is_extra))
                if not parts:
                    return
                part, again, is_extra = parts.popleft()
                self._free(is_extra)
                yield _had(part, again)
        finally:
            for part, _, is_extra in parts:  # who breaks off waits for nothing
                part.cancel()
                self._free(is_extra)

    def _free(self, is_extra: bool) -> None:
        if is_extra:
            self._room.release()

    def close(self) -> None:
        """What was not asked for yet is not."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _had(part: Future[bytes], again: Callable[[], bytes]) -> bytes:
    """What failed before anybody waited for it, or broke off, is asked for as often as it takes to be sure."""
    with suppress(Unavailable):
        return part.result()
    for _ in range(TRIES - 1):
        with suppress(Unavailable):
            return again()
    return again()


def _spans(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Small at first, twice as large each time."""
    size = FIRST_BYTES
    while start < end:
        last = min(start + size, end)
        yield start, last
        start, size = last, min(2 * size, PART_BYTES)
