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
from functools import partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from apom.engine.callbacks import Callbacks
from apom.engine.history import History
from apom.engine.run import Run
from apom.engine.told import Told
from apom.engine.worker import Providers, Worker
from apom.errors import ApomError, Unavailable
from apom.events import Hub
from apom.models import Generation, Json, ProviderHealth
from apom.steps import Keeper
from apom.store import Store

log = logging.getLogger("apom.engine")
ASK_S = 30.0
HANDOVER_S = 3.0  # the server before us may be at its last words
TURN_S = 5.0  # an engine whose place was taken looks so often whether it is free again
T = TypeVar("T")
Chore: TypeAlias = Callable[[Providers], Coroutine[Any, Any, None]]


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """How the engine is: seconds since its last tick, and how many generations it has in hand.

    `age_s`: None while it does not run. `is_replaced`: because the engine of another process works on the store.
    """

    age_s: float | None
    in_flight: int
    is_replaced: bool = False


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
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._ended_at = 0.0
        self._is_replaced = False
        self._run: Run | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._duty = contextlib.ExitStack()
        self._chores: list[tuple[Chore, float]] = []

    def declare(self, chore: Chore, every_s: float) -> None:
        """What is done now and then on the engine's loop, and never at the same time twice. Before `start`."""
        self._chores.append((chore, every_s))

    def start(self) -> None:
        """Starts the thread; returns when the loop runs. What was unfinished goes on.

        Raises StoreBusy when the engine of another process works on the same store.
        """
        is_ours = self._duty.enter_context(self._store.hold("engine", wait_s=HANDOVER_S))
        self._ending.clear()
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
        """One life of the loop after another: one that lost its place, or fell over, begins anew when it may."""
        while not self._ending.is_set():
            try:
                asyncio.run(self._main(running, is_ours))
            except BaseException as error:
                if not running.done():
                    running.set_exception(error)
                    return
                log.exception("the engine has stopped; it begins anew")
            finally:
                self._run = None
            self._await_turn(is_ours)

    def _await_turn(self, is_ours: Callable[[], bool]) -> None:
        """Until nobody else's engine works on the store and a moment has passed, or this one is to end."""
        is_free = False
        while not self._ending.is_set():
            with contextlib.suppress(ApomError):  # the database is away: nobody works
                is_free = is_ours()
                self._is_replaced = not is_free
            if self._ending.wait(TURN_S) or is_free:
                return

    async def _main(self, running: Future[None], is_ours: Callable[[], bool]) -> None:
        self._loop = asyncio.get_running_loop()
        self._history = History(self._store)
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"  # of this life: what another left is not ours
        self._providers = self._make_providers()
        worker = Worker(
            store=self._store,
            keeper=self._keeper,
            providers=self._providers,
            callbacks=self._callbacks,
            history=self._history,
            clock=self._clock,
            owner=owner,
        )
        self._run = Run(
            store=self._store,
            worker=worker,
            history=self._history,
            hub=self._hub,
            clock=self._clock,
            owner=owner,
            is_ours=is_ours,
            chores=[(partial(chore, self._providers), every_s) for chore, every_s in self._chores],
        )
        self._told = Told(self._store, self._hub, self._clock, worker.client, self._run.heed)
        if self._ending.is_set():  # asked to while this was made
            self._run.stopping.set()
        await self._run.live(lambda: None if running.done() else running.set_result(None))

    def wind_down(self) -> None:
        """Begins to stop, and does not wait: no new submissions, those under way are answered and committed."""
        if not self._ending.is_set():
            self._ended_at = time.monotonic()
        self._ending.set()
        self._tell(lambda run: run.stopping.set())

    def stop(self, timeout_s: float = 10.0) -> None:
        """Winds down, and waits until the thread has ended or `timeout_s` have passed since it was told to."""
        self.wind_down()
        if self._thread is not None:
            self._thread.join(max(0.0, timeout_s - (time.monotonic() - self._ended_at)))
        self._duty.close()

    def wake(self) -> None:
        """There is something new in the store."""
        self._tell(Run.look)

    def heed(self, *generation_ids: UUID) -> None:
        """A person has spoken about these generations."""

        def heed_each(run: Run) -> None:
            for id in generation_ids:
                run.heed(id)

        self._tell(heed_each)

    def _tell(self, what: Callable[[Run], object]) -> None:
        run = self._run
        if run is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended a moment ago: the next start reads the rows
                self._loop.call_soon_threadsafe(what, run)

    def vitals(self) -> Vitals:
        """For the health check."""
        run = self._run
        if run is None or run.ticked is None:
            return Vitals(age_s=None, in_flight=0, is_replaced=self._is_replaced)
        return Vitals(age_s=time.monotonic() - run.ticked, in_flight=len(run.desk.held))

    @property
    def is_on(self) -> bool:
        """Whether this process works on the store: what only one process may do goes with it."""
        run = self._run
        return run is not None and not run.stopping.is_set()

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

    def ask(self, chore: Chore) -> None:
        """Does a chore now, and waits for it. Raises Unavailable."""
        if self._run is None:
            raise Unavailable("The engine does not run here, so no provider can be asked. Try again when it does.")
        self._ask(chore(self._providers))

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
        gates = [] if run is None else list(run.desk.gates.values())
        return {id: place for gate in gates for place, id in enumerate(gate.line.order(), start=1)}

    def providers(self) -> dict[str, ProviderHealth]:
        """How the providers that were asked since the start have been doing."""
        run = self._run
        if run is None:
            return {}
        now, found = self._clock(), {}
        for name in {*run.desk.gates, *self._history.delivered}:
            health = ProviderHealth(provider=name, title=name, last_success_at=self._history.delivered.get(name))
            if (gate := run.desk.gates.get(name)) is not None:
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
