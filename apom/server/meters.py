"""How often something may happen: a token bucket per key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

KEYS = 4096


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`burst` at once, then `per_s` every second."""

    per_s: float
    burst: int


class Meter:
    """A token bucket per key, kept as the time at which it is full again (the generic cell rate algorithm)."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = 1 / rate.per_s
        self._depth = rate.burst * self._spacing
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait_s(self, key: str) -> float:
        """Takes a token and says 0, or says after how many seconds there will be one."""
        return self._take(key, may_owe=False)

    def owed_s(self, key: str) -> float:
        """Takes a token in any case and says how many seconds it comes too early."""
        return self._take(key, may_owe=True)

    def _take(self, key: str, *, may_owe: bool) -> float:
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._spacing
        early = max(0.0, full_at - now - self._depth)
        if may_owe or early == 0:
            self._make_room(now)
            self._full_at[key] = full_at
        return early

    def _make_room(self, now: float) -> None:
        if len(self._full_at) >= KEYS:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
