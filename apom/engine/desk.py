"""What the engine has in hand, in memory: the generations, when each is due, which are being worked on, at whose gate.

Times are monotonic seconds, so a wall clock that jumps makes nothing late and nothing early.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from apom.engine.gate import Gate
from apom.models import Generation, State

if TYPE_CHECKING:
    from apom.providers.spec import Limits

OLDEST_S = 43200.0  # the wall clock is believed so far: after a restart everything is looked after for some time more


@dataclass(kw_only=True)
class Held:
    """A generation in hand. `sent_at`, `done_at`: when it was submitted (or a person asked anew), when its files were
    ready. `is_stale`: a person has spoken, so the row has to be read again. `faults`: steps that fell over in a row.
    """

    generation: Generation
    sent_at: float
    done_at: float
    is_stale: bool = False
    faults: int = 0
    called_at: float = 0.0
    ticket: int = 0

    @property
    def age_s(self) -> float:
        """Since it was submitted."""
        return time.monotonic() - self.sent_at

    @property
    def done_s(self) -> float:
        """Since its files were ready."""
        return time.monotonic() - self.done_at


class Desk:
    """Everything in hand. `busy`: a step is under way; `settling`: it is ready to be sent, or its outcome to be committed.

    `gates`: the providers' doors, by name; `limits`: how fast the provider of a generation may be asked. Only the
    engine's loop changes it.
    """

    def __init__(self, limits: Callable[[Generation], Limits]) -> None:
        self._limits = limits
        self.gates: dict[str, Gate] = {}
        self.held: dict[UUID, Held] = {}
        self.busy: dict[UUID, asyncio.Task[None]] = {}
        self.settling: set[UUID] = set()
        self._due: list[tuple[float, int, UUID]] = []
        self._tickets = 0

    def take(self, generation: Generation, now: datetime, oldest_s: float = OLDEST_S) -> Held:
        """Into the hand, as old as the wall clock says now, but no older than `oldest_s`."""
        at = time.monotonic()
        g = generation
        done_at = g.task.get("done_at")
        held = Held(
            generation=g,
            sent_at=at - min(_since(g.asked_at or g.submitted_at, now), oldest_s),
            done_at=at - _since(datetime.fromisoformat(done_at) if isinstance(done_at, str) else None, now),
        )
        self.held[g.id] = held
        return held

    def push(self, id: UUID, wait_s: float) -> None:
        """Due in `wait_s` seconds, whatever was said before."""
        self._tickets += 1
        self.held[id].ticket = self._tickets
        heapq.heappush(self._due, (time.monotonic() + max(0.0, wait_s), self._tickets, id))

    def gate(self, generation: Generation) -> Gate:
        """Its provider's."""
        if generation.provider not in self.gates:
            self.gates[generation.provider] = Gate.of(self._limits(generation))
        return self.gates[generation.provider]

    def leave_if_unsent(self, generation: Generation) -> None:
        """What was not sent after all gives its slot back."""
        if generation.state is State.PENDING:
            self.gate(generation).leave(generation.id)

    def forget(self, id: UUID) -> None:
        """Out of hand: when it goes on, its row is read again."""
        held = self.held.pop(id, None)
        if held is not None:
            self.gate(held.generation).leave(id)

    def is_free(self, id: UUID) -> bool:
        """Whether nothing is under way for it."""
        return id not in self.busy and id not in self.settling

    def due(self) -> Iterator[Held]:
        """What is due now and free."""
        while self._due and self._due[0][0] <= time.monotonic():
            _, ticket, id = heapq.heappop(self._due)
            held = self.held.get(id)
            if held is not None and held.ticket == ticket and self.is_free(id):
                yield held


def _since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else min(max(0.0, (now - at).total_seconds()), OLDEST_S)
