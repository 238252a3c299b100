"""What is ready to be sent: the intents are committed together, and only then the POSTs go."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from apom.engine.desk import Desk, Held
from apom.engine.outcomes import WRITE_WAIT_S
from apom.engine.worker import lease
from apom.errors import Occupied
from apom.models import State, Status
from apom.store import Store, assets, generations

if TYPE_CHECKING:
    from apom.providers.client import Rendered


class Intents:
    """Requests that hold a slot and a token and wait for their intent to be on disk. `owner`: whose they are."""

    def __init__(self, store: Store, desk: Desk, clock: Callable[[], datetime], owner: str) -> None:
        self._store = store
        self._desk = desk
        self._clock = clock
        self._owner = owner
        self._ready: dict[UUID, Rendered] = {}

    def add(self, held: Held, request: Rendered) -> None:
        """With the next commit."""
        self._ready[held.generation.id] = request
        self._desk.settling.add(held.generation.id)

    def commit(self) -> list[tuple[Held, Rendered]]:
        """Writes the intents of everything that is ready in one transaction; answers with what may be sent now.

        Raises Occupied, and nothing has happened then; for any other error nothing may be sent, and the rows tell.
        """
        if not self._ready:
            return []
        now = self._clock()
        until = now + max(lease(request.timeout_s) for request in self._ready.values())
        try:
            claimed = self._claimed(now, until)
        except Occupied:
            raise
        except BaseException:
            # An error on COMMIT leaves it open whether the intents are there.
            for id in self._taken():
                self._desk.forget(id)
            raise
        return [
            (self._sent(id, now, until), request) for id, request in self._taken().items() if self._may_go(id, claimed)
        ]

    def _claimed(self, now: datetime, until: datetime) -> set[UUID]:
        with self._store.write(wait_s=WRITE_WAIT_S) as tx:
            claimed = generations.claim(tx, list(self._ready), self._owner, until, now)
            taken = [self._desk.held[id].generation.asset_id for id in claimed]
            assets.set_status(tx, taken, Status.PROCESSING, None, now)
        return claimed

    def _taken(self) -> dict[UUID, Rendered]:
        ready, self._ready = self._ready, {}
        self._desk.settling.difference_update(ready)
        return ready

    def _may_go(self, id: UUID, claimed: set[UUID]) -> bool:
        """False for what is cancelled, deleted, or somebody else's by now."""
        if id not in claimed:
            self._desk.forget(id)
        return id in claimed

    def _sent(self, id: UUID, now: datetime, until: datetime) -> Held:
        held = self._desk.held[id]
        sent = {"state": State.SUBMITTING, "owner": self._owner, "submitted_at": now, "lease_until": until}
        held.generation = held.generation.model_copy(update=sent)
        held.sent_at = time.monotonic()
        return held
