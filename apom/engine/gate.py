"""How fast one provider may be asked: slots, a token bucket for submissions, another for polls, and the line before them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from apom.engine.line import Line

if TYPE_CHECKING:
    from apom.providers.spec import Limits

BURST = 4  # a quarter of the tokens at once, the others evenly: in no window of `per_s` more than `count`
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
REMEMBERED = 50
SENDING = 32  # submissions being made ready or sent at once: more would wait for connections with their intents written


class Bucket:
    """At most `count` in any `per_s` seconds, kept as the time at which it is full again (generic cell rate algorithm)."""

    def __init__(self, count: int, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        burst = max(1, count // BURST)
        self._spacing = per_s / max(1, count - burst)
        self._depth = burst * self._spacing
        self._clock = clock
        self._full_at = 0.0
        self._refused = 0
        self.paused_until = 0.0

    def wait_s(self) -> float:
        """Until there is a token, 0 when there is one."""
        now = self._clock()
        early = max(self._full_at, now) + self._spacing - now - self._depth
        return max(0.0, early, self.paused_until - now)

    def take(self) -> bool:
        """Takes a token, if there is one."""
        if self.wait_s() > 1e-9:
            return False
        self._full_at = max(self._full_at, self._clock()) + self._spacing
        return True

    def pause(self, wish_s: float) -> None:
        """The provider asked to wait; when it does not say how long (0), longer each time."""
        wait_s = wish_s or min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._refused, 10))
        self._refused += 1
        self.paused_until = max(self.paused_until, self._clock() + wait_s)

    def went_well(self) -> None:
        """It takes requests again."""
        self._refused = 0


class Gate:
    """One provider's door. `slots`: submissions under way or at the provider at once.

    `inside`: who has a slot; `sending`: who of them has no answer yet.
    """

    def __init__(self, *, slots: int, submits: Bucket, polls: Bucket) -> None:
        self.line = Line()
        self.submits = submits
        self.polls = polls
        self.inside: set[UUID] = set()
        self.sending: set[UUID] = set()
        self._slots = slots
        self._answers: deque[bool] = deque(maxlen=REMEMBERED)

    @classmethod
    def of(cls, limits: Limits) -> Gate:
        """As the provider file says."""
        return cls(
            slots=limits.concurrent,
            submits=Bucket(limits.submit.count, limits.submit.per_s),
            polls=Bucket(limits.poll.count, limits.poll.per_s),
        )

    def next(self) -> UUID | None:
        """Lets the next one in, with a slot and a token; None when it is nobody's turn."""
        is_full = len(self.inside) >= self._slots or len(self.sending) >= SENDING
        if is_full or not len(self.line) or not self.submits.take():
            return None
        id = self.line.next()
        assert id is not None, "somebody waits"
        self.inside.add(id)
        self.sending.add(id)
        return id

    def answered(self, id: UUID) -> None:
        """It is sent, or it is not: the next one may be."""
        self.sending.discard(id)

    def leave(self, id: UUID) -> None:
        """Out of the line, or out of its slot."""
        self.inside.discard(id)
        self.sending.discard(id)
        self.line.leave(id)

    def heard(self, is_well: bool | None) -> None:
        """Whether the provider answered as it should; None when it was not asked."""
        if is_well is not None:
            self._answers.append(is_well)

    @property
    def error_rate(self) -> float | None:
        """Of the last answers, 0 to 1; None without any."""
        answers = list(self._answers)
        return answers.count(False) / len(answers) if answers else None

    @property
    def paused_s(self) -> float:
        """How long it is still paused for submissions or polls."""
        return max(0.0, max(self.submits.paused_until, self.polls.paused_until) - time.monotonic())
