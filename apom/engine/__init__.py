"""Who calls the steps, and when: one thread with its own event loop.

The row is the truth; memory holds only due times. A short tick starts what is due, outcomes are committed together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from apom.engine.callbacks import Callbacks
from apom.engine.history import History
from apom.engine.run import Run
from apom.engine.told import Told
from apom.engine.worker import Providers, Worker
from apom.errors import Unavailable
from apom.events import Hub
from apom.models import Generation, Json, ProviderHealth
from apom.steps import Keeper
from apom.store import Store

log = logging.getLogger("apom.engine")
ASK_S = 30.0
HANDOVER_S = 3.0  # the server before us may be at its last words
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """How the engine is: seconds since its last tick, and how many generations it has in hand."""

    age_s: float | None
    in_flight: int


class Engine:
    """Runs generations from PENDING to the end. Everything here may be called from any thread."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        providers: Callable[[], Providers],
        callbacks: Callbacks,
        hub: Hub,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._make_providers = providers
        self._callbacks = callbacks
        self._hub = hub
        self._clock = clock
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._thread: threading.Thread | None = None
        self._run: Run | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._duty = contextlib.ExitStack()

    def start(self) -> None:
        """Starts the thread; returns when the loop runs. What was unfinished goes on.

        Raises StoreBusy when the engine of another process works on the same store.
        """
        is_ours = self._duty.enter_context(self._store.hold("engine", wait_s=HANDOVER_S))
        running: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._thread_main, args=(running, is_ours), name="apom-engine", daemon=True
        )
        self._thread.start()
        try:
            running.result(timeout=30)
        except BaseException:
            self._duty.close()
            raise

    def _thread_main(self, running: Future[None], is_ours: Callable[[], bool]) -> None:
        try:
            asyncio.run(self._main(running, is_ours))
        except BaseException as error:
            if not running.done():
                running.set_exception(error)
            else:
                log.exception("the engine has stopped")
        finally:
            self._run = None

    async def _main(self, running: Future[None], is_ours: Callable[[], bool]) -> None:
        self._loop = asyncio.get_running_loop()
        self._history = History(self._store)
        worker = Worker(
            store=self._store,
            keeper=self._keeper,
            providers=self._make_providers(),
            callbacks=self._callbacks,
            history=self._history,
            clock=self._clock,
            owner=self._owner,
        )
        self._run = Run(
            store=self._store,
            worker=worker,
            history=self._history,
            hub=self._hub,
            clock=self._clock,
            owner=self._owner,
            is_ours=is_ours,
        )
        self._told = Told(self._store, self._hub, self._clock, worker.client, self._run.heed)
        await self._run.live(lambda: running.set_result(None))

    def stop(self, timeout_s: float = 15.0) -> None:
        """No new submissions; those under way are answered and committed; then the thread ends."""
        if self._thread is not None and self._thread.is_alive():
            self._tell(lambda run: run.stopping.set())
            self._thread.join(timeout_s)
        self._duty.close()

    def wake(self) -> None:
        """There is something new in the store."""
        self._tell(Run.look)

    def heed(self, generation_id: UUID) -> None:
        """A person has spoken about a generation."""
        self._tell(lambda run: run.heed(generation_id))

    def _tell(self, what: Callable[[Run], object]) -> None:
        run = self._run
        if run is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended a moment ago: the next start reads the rows
                self._loop.call_soon_threadsafe(what, run)

    def vitals(self) -> Vitals:
        """For the health check."""
        run = self._run
        if run is None or run.ticked is None:
            return Vitals(age_s=None, in_flight=0 if run is None else len(run.desk.held))
        return Vitals(age_s=time.monotonic() - run.ticked, in_flight=len(run.desk.held))

    def call_back(self, provider: str, generation_id: UUID, proof: str, body: bytes) -> bool:
        """A provider called; False for an address that we never gave out. What it says is only a reason to look."""
        if not self._callbacks.is_ours(provider, generation_id, proof):
            return False
        self._tell(lambda run: self._called_back(run, generation_id, body))
        return True

    def _called_back(self, run: Run, generation_id: UUID, body: bytes) -> None:
        run.hurry(generation_id)
        task = asyncio.ensure_future(self._told.called_back(generation_id, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def confirm(self, generation: Generation, text: str) -> tuple[str, Json]:
        """The provider's task behind an id that a person gave: (id, what the polls need). Blocking.

        Raises Invalid when the provider does not know it, Unavailable, Misconfigured, ProviderError.
        """
        if self._run is None:
            raise Unavailable("The engine does not run here, so the provider cannot be asked. Try again when it does.")
        return self._ask(self._told.confirm(generation, text))

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        asked = asyncio.run_coroutine_threadsafe(question, self._loop)
        try:
            return asked.result(timeout=ASK_S)
        except TimeoutError:
            asked.cancel()
            raise Unavailable("The provider did not answer in time. Try again in a moment.") from None

    def places(self) -> dict[UUID, int]:
        """Who waits at which place before its provider, from 1."""
        run = self._run
        gates = [] if run is None else list(run.gates.values())
        return {id: place for gate in gates for place, id in enumerate(gate.line.order(), start=1)}

    def providers(self) -> dict[str, ProviderHealth]:
        """How the providers that were asked since the start have been doing."""
        run = self._run
        if run is None:
            return {}
        now, found = self._clock(), {}
        for name in {*run.gates, *self._history.delivered}:
            health = ProviderHealth(provider=name, title=name, last_success_at=self._history.delivered.get(name))
            if (gate := run.gates.get(name)) is not None:
                paused_s = gate.paused_s
                health = health.model_copy(
                    update={
                        "error_rate": gate.error_rate,
                        "paused_until": now + timedelta(seconds=paused_s) if paused_s else None,
                        "in_flight": len(gate.inside),
                        "waiting": len(gate.line),
                    }
                )
            found[name] = health
        return found
