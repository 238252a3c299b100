"""How fast one provider may be asked: slots, a token bucket, and a pause it wished for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Gate:
    """`slots`: submissions under way or at the provider at once; `count` submissions per `per_s` seconds."""

    slots: int
    count: int
    per_s: float
    held: set[object] = field(default_factory=set)
    paused_until: float = 0.0
    _sent: list[float] = field(default_factory=list)

    def enter(self, who: object) -> bool:
        """Takes a slot and a token for `who`, if both are there now."""
        now = time.monotonic()
        self._sent = [at for at in self._sent if now - at < self.per_s]
        if who in self.held or len(self.held) >= self.slots or len(self._sent) >= self.count or now < self.paused_until:
            return False
        self.held.add(who)
        self._sent.append(now)
        return True

    def hold(self, who: object) -> None:
        """`who` is at the provider already, whatever the limits say now."""
        self.held.add(who)

    def leave(self, who: object) -> None:
        """The slot is free again."""
        self.held.discard(who)

    def pause(self, seconds: float) -> None:
        """The provider asked to wait."""
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)
