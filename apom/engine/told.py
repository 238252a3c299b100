"""A task id that somebody tells us, a person or a callback: believed only when the provider itself knows it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from apom import steps
from apom.engine.outcomes import WRITE_WAIT_S
from apom.errors import ApomError, Invalid, ProviderError, Unavailable
from apom.events import Hub
from apom.models import Event, Generation, Json, State, Status
from apom.store import Store, assets, generations

if TYPE_CHECKING:
    from apom.providers.client import Client
    from apom.providers.spec import Model

log = logging.getLogger("apom.engine")
AGAIN_S = 5.0  # the same call within this time says nothing new
TRIED_AGAIN_S = (1.0, 3.0, 9.0, 27.0)
REMEMBERED = 1024
Call: TypeAlias = tuple[UUID, int]  # about which generation, and the hash of what was said


class Told:
    """`client`: whom to ask about a generation. `heed`: reads a generation's row again."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        clock: Callable[[], datetime],
        client: Callable[[Generation], tuple[Client, Model]],
        heed: Callable[[UUID], None],
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._client = client
        self._heed = heed
        self._asked: dict[Call, float] = {}

    async def confirm(self, generation: Generation, text: str) -> tuple[str, Json]:
        """The task behind an id, as (id, what the polls need). Raises Invalid when the provider does not know it,
        Misconfigured and ProviderError when it cannot be asked.
        """
        from apom.providers.rules import task_names

        client, model = self._client(generation)
        block = model.poll_block(client.spec)
        names = task_names(block.request) & set(model.submit_block(client.spec).take) if block else set()
        if len(names) != 1:
            raise Invalid("{provider} needs more than an id to find a task again.", provider=client.spec.name)
        task: Json = {names.pop(): text}
        if not await client.confirm(model, task):
            raise Invalid(
                "{provider} does not know this task. Copy its id from the provider's own list.",
                field="task_id",
                provider=client.spec.name,
            )
        return steps.task_id(model, client.spec, task) or text, task

    async def called_back(self, generation_id: UUID, body: bytes) -> None:
        """The provider called about a generation that knows no task: what it says may be the lost id."""
        if self._was_just_asked((generation_id, hash(body))):
            return
        try:
            await self._learn_in_the_end(generation_id, body)
        except ApomError as error:
            log.info("generation %s: the callback told nothing that could be confirmed: %s", generation_id, error)
        except Exception:
            log.exception("generation %s: its callback could not be read", generation_id)

    async def _learn_in_the_end(self, generation_id: UUID, body: bytes) -> None:
        """It calls once: when it cannot be asked just now, or our store is busy, that is tried again for some time."""
        for wait_s in TRIED_AGAIN_S:
            try:
                return await self._learn(generation_id, body)
            except (ProviderError, Unavailable) as error:
                if isinstance(error, ProviderError) and error.kind not in steps.AGAIN_BY_ITSELF:
                    raise
            await asyncio.sleep(wait_s)
        return await self._learn(generation_id, body)

    async def _learn(self, generation_id: UUID, body: bytes) -> None:
        with self._store.read() as tx:
            generation = generations.get(tx, generation_id)
        if generation is None or generation.task_id or generation.state not in (State.SUBMITTING, State.ATTENTION):
            return
        text = self._named_in(generation, body)
        if not text:
            return
        id, task = await self.confirm(generation, text)
        now = self._clock()
        with self._store.write(wait_s=WRITE_WAIT_S) as tx:
            if generations.has_task(tx, generation.provider, id, generation.id):
                return
            decision = generation.decision
            if not generations.speak(
                tx, generation, now, state=State.PROCESSING, decision=decision, task=task, task_id=id, looks_anew=True
            ):
                return
            if decision is None:
                assets.set_status(tx, [generation.asset_id], Status.PROCESSING, None, now)
        self._heed(generation.id)
        self._hub.publish(
            Event(
                type="asset_status_changed",
                project_id=generation.project_id,
                box_id=generation.box_id,
                asset_id=generation.asset_id,
                status=decision or Status.PROCESSING,
            )
        )

    def _named_in(self, generation: Generation, body: bytes) -> str:
        from apom.providers.expressions import parse_json, read

        client, _ = self._client(generation)
        if client.spec.callback is None:
            return ""
        found = read(client.spec.callback.task_id, {"body": parse_json(body)})
        return str(found)[:200] if isinstance(found, str | int) else ""

    def _was_just_asked(self, call: Call) -> bool:
        now = time.monotonic()
        if now - self._asked.get(call, -AGAIN_S) < AGAIN_S:
            return True
        if len(self._asked) >= REMEMBERED:
            self._asked = {other: at for other, at in self._asked.items() if now - at < AGAIN_S}
        self._asked[call] = now
        return False
