"""What becomes of a step's outcome: noted in memory or committed with others, and told to whoever listens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apom.engine.desk import Desk, Held
from apom.engine.history import History
from apom.engine.outcomes import WRITE_WAIT_S, Done, Outbox
from apom.errors import Occupied, Unavailable
from apom.events import Hub
from apom.models import Event, Generation, State
from apom.steps import Keeper, Outcome

if TYPE_CHECKING:
    from apom.providers.spec import ProviderSpec

log = logging.getLogger("apom.engine")
BUSY_S = 0.2  # so long after the store was busy it is tried again
AWAY_S = 1.0  # and so long after it could not be written


class Clerk:
    """`wake`: the next tick comes now; `look`: and it reads what is new in the store. `outcome`: there is something to
    flush. Lives on the engine's loop.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        desk: Desk,
        history: History,
        keeper: Keeper,
        hub: Hub,
        clock: Callable[[], datetime],
        spec: Callable[[Generation], ProviderSpec],
        wake: Callable[[], None],
        look: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._desk = desk
        self._history = history
        self._keeper = keeper
        self._hub = hub
        self._clock = clock
        self._spec = spec
        self._wake = wake
        self._look = look
        self._loop = asyncio.get_running_loop()
        self.outcome = asyncio.Event()

    def finish(self, held: Held, outcome: Outcome) -> None:
        """A step is over: into memory when only a timer moved, else on the list that is committed next."""
        before = held.generation
        self._learn(held, outcome)
        next_at = self._clock() + timedelta(seconds=outcome.wait_s)
        after = before.model_copy(update={**outcome.changes, "state": outcome.state, "next_at": next_at})
        if outcome.durable:
            self._outbox.add(Done(before=before, after=after, outcome=outcome, is_play=self._spec(before).is_play))
            self._desk.settling.add(before.id)
            self.outcome.set()
        elif held.is_stale:
            self._desk.forget(before.id)
            self._look()
        else:
            held.generation = after
            self._desk.leave_if_unsent(after)
            self._desk.push(after.id, outcome.wait_s)

    def _learn(self, held: Held, outcome: Outcome) -> None:
        """How the provider is, and how long its model took."""
        before = held.generation
        gate = self._desk.gate(before)
        gate.heard(outcome.is_well)
        gate.answered(before.id)
        bucket = gate.polls if before.state in (State.PROCESSING, State.STORING) else gate.submits
        if outcome.pause_s is not None:
            bucket.pause(outcome.pause_s)
        elif outcome.is_well:
            bucket.went_well()
        if before.state is State.PROCESSING and outcome.state is State.STORING:
            held.done_at = time.monotonic()
            if before.asked_at is None:
                self._history.took(before, held.age_s)

    async def flush(self, wait_s: float = WRITE_WAIT_S) -> None:
        """Commits what is done, in one transaction, then tells who listens and goes on with what is not at its end."""
        try:
            done, written = self._outbox.commit(self._clock(), wait_s)
        except Unavailable as error:
            is_busy = isinstance(error, Occupied)
            if not is_busy:
                log.warning("outcomes could not be saved; they are kept and tried again", exc_info=True)
            self._loop.call_later(BUSY_S if is_busy else AWAY_S, self.outcome.set)
            return
        self._desk.settling.difference_update(d.before.id for d in done)
        unwritten = [d for d in done if d.before.id not in written]
        for d in written.values():
            self._go_on(d)
        for d in unwritten:
            self._desk.forget(d.before.id)
        if unwritten:
            self._look()
        elif done:
            self._wake()
        for arrived in self._outbox.orphans(unwritten):
            self._keeper.discard(arrived)

    def _go_on(self, d: Done) -> None:
        after, held = d.after.model_copy(update={"owner": None, "lease_until": None}), self._desk.held[d.after.id]
        is_late = after.attention is not None
        if after.state is State.COMPLETED:
            self._history.delivered[after.provider] = self._clock()
        if after.state in (State.PENDING, State.PROCESSING, State.STORING) and not held.is_stale:
            held.generation = after
            self._desk.leave_if_unsent(after)
            if is_late or after.state is State.STORING:  # the provider's part is over: others need not wait for it
                self._desk.gate(after).leave(after.id)
            self._desk.push(after.id, d.outcome.wait_s)
        else:
            self._desk.forget(after.id)
            if held.is_stale:
                self._look()
        if after.state in (State.COMPLETED, State.FAILED, State.CANCELLED):
            self._keeper.release(after)
        self.publish(after)

    def publish(self, generation: Generation) -> None:
        """Tells who listens how a take is."""
        self._hub.publish(
            Event(
                type="asset_status_changed",
                project_id=generation.project_id,
                box_id=generation.box_id,
                asset_id=generation.asset_id,
                status=generation.status,
            )
        )
