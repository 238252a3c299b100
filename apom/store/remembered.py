"""A few rows that are asked for all the time and change now and then, such as what the engine looks up for every request."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from apom.errors import Unavailable
from apom.store import Store, Tx

T = TypeVar("T")
KEPT_S = 5.0  # another process may write them: on PostgreSQL a command beside the server


class Remembered(Generic[T]):
    """What `read` finds, read anew when it was forgotten or is `KEPT_S` old. From any thread.

    While the store does not answer, what was known goes on counting: an engine must not stumble over a restart of it.
    """

    def __init__(self, store: Store, read: Callable[[Tx], T]) -> None:
        self._store = store
        self._read = read
        self._known: tuple[float, T] | None = None  # good until, in seconds of the monotonic clock
        self._changes = 0

    def __call__(self) -> T:
        """The rows. Raises Unavailable when they were never read and cannot be."""
        known, changes, now = self._known, self._changes, time.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        try:
            with self._store.read() as tx:
                found = self._read(tx)
        except Unavailable:
            if known is None:
                raise
            return known[1]
        # what was read before a change that has been committed since is old already
        self._known = (now + KEPT_S if changes == self._changes else -math.inf, found)
        return found

    def forget(self) -> None:
        """They were changed, and that is committed."""
        self._changes += 1
        if self._known is not None:
            self._known = (-math.inf, self._known[1])
