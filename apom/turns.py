"""How much is done at once of what takes long: what one person asks for a hundred times takes the others' turn from nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from apom.errors import TooMany

T = TypeVar("T")
WAIT_S = 5.0


class Turns:
    """`most` at a time, and `each` of them for one person or one link; who has to wait is told in `words`. For many threads."""

    def __init__(self, most: int, each: int, words: str) -> None:
        self._most = most
        self._words = words
        self._each = each
        self._lock = threading.Lock()
        self._taken = Counter[Hashable]()

    @contextmanager
    def taken(self, who: Hashable) -> Iterator[None]:
        """While something is done. Raises TooMany."""
        with self._lock:
            if self._taken[who] >= self._each or self._taken.total() >= self._most:
                raise TooMany(self._words, retry_after_s=WAIT_S)
            self._taken[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[who] -= 1
                if not self._taken[who]:
                    del self._taken[who]

    def during(self, who: Hashable, chunks: Iterator[T]) -> Iterator[T]:
        """These, with a turn from now on until the last, or until nobody holds them any more. Raises TooMany."""

        def held() -> Iterator[T | None]:
            with self.taken(who):
                yield None
                yield from chunks

        begun = held()
        next(begun)  # what has not begun would give nothing back
        return begun  # type: ignore[return-value]  # what is left are chunks
