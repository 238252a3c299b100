"""Does one step for what is in hand: knows whom to ask and with what, and nothing of when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from apom import steps
from apom.engine.callbacks import Callbacks
from apom.engine.desk import OLDEST_S, Held
from apom.engine.history import History
from apom.engine.outcomes import WRITE_WAIT_S
from apom.models import Generation
from apom.steps import Keeper, Lender, Outcome, Source
from apom.store import Store, generations

if TYPE_CHECKING:
    from apom.providers.client import Client, Rendered
    from apom.providers.spec import Model, ProviderSpec

GRACE_S = 60.0
LEASE_MARGIN_S = 5.0
COLLECT_AT_ONCE = 4
DEFAULT_EXPECTED_S = 10.0


def lease(timeout_s: float = 0.0) -> timedelta:
    """How long an intent is its owner's: longer than its submission may take in all."""
    return timedelta(seconds=max(steps.LEASE_S, timeout_s + LEASE_MARGIN_S))


class Providers(Lender, Protocol):
    """Where the engine finds the provider of a generation and the files that go into it."""

    def client(self, snapshot: str) -> Client:
        """The client for a kept provider file. Called on the engine's loop."""

    def sources(self, generation: Generation) -> list[Source]:
        """The inputs, in order. Blocking. Raises NotFound."""

    async def close(self) -> None:
        """Ends every connection."""


class Worker:
    """`owner`: whose intents are ours; `history`: how long each model takes."""

    def __init__(
        self,
        *,
        store: Store,
        keeper: Keeper,
        providers: Providers,
        callbacks: Callbacks,
        history: History,
        clock: Callable[[], datetime],
        owner: str,
    ) -> None:
        self.keeper = keeper
        self._store = store
        self._providers = providers
        self._callbacks = callbacks
        self._history = history
        self._clock = clock
        self._owner = owner
        self._collecting = asyncio.Semaphore(COLLECT_AT_ONCE)

    async def close(self) -> None:
        """Ends every connection."""
        await self._providers.close()

    def client(self, generation: Generation) -> tuple[Client, Model]:
        """Whom to ask about a generation, and what was ordered there."""
        client = self._providers.client(generation.snapshot)
        return client, client.spec.model(generation.model)

    def spec(self, generation: Generation) -> ProviderSpec:
        """The provider, as its file said when it was ordered."""
        return self.client(generation)[0].spec

    def oldest_s(self, generation: Generation) -> float:
        """How old a submission may be when it is taken up: it is looked at for a while before anybody calls it late."""
        client, model = self.client(generation)
        block = model.poll_block(client.spec)
        deadline_s = block.deadline_s if block else OLDEST_S
        return OLDEST_S if generation.attention else min(OLDEST_S, deadline_s - min(GRACE_S, deadline_s / 2))

    async def prepare(self, held: Held) -> Rendered:
        """The request, its inputs uploaded. Raises ApomError."""
        generation = held.generation
        client, model = self.client(generation)
        sources = await asyncio.to_thread(self._providers.sources, generation) if generation.inputs else []
        url = self._callbacks.url(generation) if client.spec.callback else None
        return await steps.prepare(generation, client, model, sources, self._providers, url)

    async def submit(self, held: Held, request: Rendered) -> Outcome:
        """Sends it. The intent is committed."""
        client, model = self.client(held.generation)
        return await steps.submit(held.generation, client, model, request, self.keeper, now=self._clock())

    def longest_lease_s(self, generation: Generation) -> float:
        """How long a submission of this model may be somebody's, in seconds."""
        client, model = self.client(generation)
        return lease(client.timeout_of(model)).total_seconds()

    async def recover(self, held: Held) -> Outcome | None:
        """A submission without an answer: ours, or that of a process which gave no sign for a whole lease.

        None when somebody else has it after all. Raises Occupied.
        """
        if held.generation.owner != self._owner and not self._adopt(held):
            return None
        client, model = self.client(held.generation)
        return await steps.recover(
            held.generation,
            client,
            model,
            self.keeper,
            age_s=held.age_s,
            is_called_back=self._is_called_back(client),
        )

    def _adopt(self, held: Held) -> bool:
        now = self._clock()
        with self._store.write(wait_s=WRITE_WAIT_S) as tx:
            is_ours = generations.adopt(tx, held.generation, self._owner, now + lease(), now)
        held.generation = held.generation.model_copy(update={"owner": self._owner, "lease_until": now + lease()})
        return is_ours

    def _is_called_back(self, client: Client) -> bool:
        return client.spec.callback is not None and self._callbacks.are_possible

    async def poll(self, held: Held) -> Outcome:
        """Asks how far it is."""
        client, model = self.client(held.generation)
        block = model.poll_block(client.spec)
        unknown_s = min(DEFAULT_EXPECTED_S, block.every_s * 2) if block else DEFAULT_EXPECTED_S
        return await steps.poll(
            held.generation,
            client,
            model,
            self.keeper,
            age_s=held.age_s,
            expected_s=self._history.expected_s(held.generation) or unknown_s,
            now=self._clock(),
            is_called_back=self._is_called_back(client),
        )

    async def collect(self, held: Held) -> Outcome:
        """Fetches and stores what is ready; a few at a time."""
        async with self._collecting:
            client, model = self.client(held.generation)
            return await steps.collect(held.generation, client, model, self.keeper, age_s=held.done_s)
