"""Who calls the steps, and when: one thread with its own event loop.

The row is the truth; memory holds only due times. A short tick starts what is due, outcomes are committed together.
A fault of one generation puts that one aside, never the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import os
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from apom import steps
from apom.engine.gate import Gate
from apom.engine.outcomes import Done, commit
from apom.errors import ApomError, Unavailable
from apom.events import Hub
from apom.models import Event, Generation, InputRole, State, Status
from apom.steps import Keeper, Outcome
from apom.store import Store, assets, generations

if TYPE_CHECKING:
    from apom.providers.client import Client, Rendered
    from apom.providers.spec import Model

log = logging.getLogger("apom.engine")
TICK_S = 0.25
GROUP_S = 0.015
LOOK_S = 5.0
LEASE = timedelta(seconds=30)  # longer than a submission may take in all (15 s)
LONGEST_WAIT = timedelta(minutes=10)
DRAIN_S = 9.0
COLLECT_AT_ONCE = 4
DEFAULT_EXPECTED_S = 10.0


class Providers(Protocol):
    """Where the engine finds the provider of a generation and the files that go into it."""

    def client(self, snapshot: str) -> Client:
        """The client for a kept provider file. Called on the engine's loop."""

    def files(self, generation: Generation) -> list[tuple[InputRole, Path, str]]:
        """(role, path, mime) of the inputs. Blocking. Raises NotFound."""

    async def close(self) -> None:
        """Ends every connection."""


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """How the engine is: seconds since its last tick, and how many generations it has in hand."""

    age_s: float | None
    in_flight: int


class Engine:
    """Runs generations from PENDING to the end. `start`, `wake` and `stop` may be called from any thread."""

    def __init__(
        self, store: Store, keeper: Keeper, providers: Callable[[], Providers], hub: Hub, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._make_providers = providers
        self._hub = hub
        self._clock = clock
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._thread: threading.Thread | None = None
        self._ticked: float | None = None
        self._looked: float | None = None
        self._live: dict[UUID, Generation] = {}

    def start(self) -> None:
        """Starts the thread; returns when the loop runs. What was unfinished goes on."""
        running: Future[None] = Future()
        self._thread = threading.Thread(target=self._thread_main, args=(running,), name="apom-engine", daemon=True)
        self._thread.start()
        running.result(timeout=30)

    def _thread_main(self, running: Future[None]) -> None:
        try:
            asyncio.run(self._main(running))
        except BaseException as error:
            if not running.done():
                running.set_exception(error)
            else:
                log.exception("the engine has stopped")
        finally:
            self._ticked = None

    def wake(self) -> None:
        """There is something new in the store."""
        if self._thread is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop ended a moment ago: the next start reads the rows
                self._loop.call_soon_threadsafe(self._look_now)

    def _look_now(self) -> None:
        self._looked = None
        self._woken.set()

    def stop(self, timeout_s: float = 15.0) -> None:
        """No new submissions; those under way are answered and committed; then the thread ends."""
        if self._thread is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout_s)

    def vitals(self) -> Vitals:
        """For the health check."""
        return Vitals(
            age_s=None if self._ticked is None else time.monotonic() - self._ticked, in_flight=len(self._live)
        )

    async def _main(self, running: Future[None]) -> None:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._loop = asyncio.get_running_loop()
        self._woken, self._stopping, self._outcome = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._due: list[tuple[float, int, UUID]] = []
        self._pushed = 0
        self._busy: dict[UUID, asyncio.Task[None]] = {}
        self._ready: dict[UUID, Rendered] = {}
        self._done: list[Done] = []
        self._gates: dict[str, Gate] = {}
        self._took: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=25))
        self._collecting = asyncio.Semaphore(COLLECT_AT_ONCE)
        self._providers = self._make_providers()
        # coroutine jobs run on this loop; a late one still runs, once
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_job(self._tick, "interval", seconds=TICK_S)
        scheduler.start()
        self._woken.set()
        pumps = [
            asyncio.create_task(self._on(self._woken, self._tick)),
            asyncio.create_task(self._on(self._outcome, self._flush, GROUP_S)),
        ]
        running.set_result(None)
        await self._stopping.wait()
        scheduler.shutdown(wait=False)
        await self._drain()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await self._providers.close()

    async def _on(self, event: asyncio.Event, act: Callable[[], Awaitable[None]], group_s: float = 0.0) -> None:
        """Acts when an event is set, at most once per `group_s`."""
        while True:
            await event.wait()
            await asyncio.sleep(group_s)
            event.clear()
            try:
                await act()
            except Exception:
                log.exception("the engine stumbled; it goes on")

    async def _drain(self) -> None:
        """What holds an intent is answered; everything else is left as its row says."""
        submitting = [
            self._busy[id] for id, g in self._live.items() if g.state is State.SUBMITTING and id in self._busy
        ]
        if submitting:
            await asyncio.wait(submitting, timeout=DRAIN_S)
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        for _ in range(3):  # a task id that was paid for is worth more than one try
            await self._flush()

    async def _tick(self) -> None:
        """Takes up what is new, starts what is due, sends what is ready."""
        self._ticked = time.monotonic()
        if self._stopping.is_set():
            return
        try:
            self._take_up()
            while self._due and self._due[0][0] <= time.monotonic():
                generation = self._live.get(heapq.heappop(self._due)[2])
                if generation is not None and generation.id not in self._busy:
                    self._start_or_wait(generation)
            self._send()
        except ApomError:
            log.warning("the store could not be read or written; the next tick tries again", exc_info=True)
        except Exception:
            log.exception("a tick failed; the next one tries again")

    def _take_up(self) -> None:
        """Reads what is new in the store: when woken, and now and then to be sure."""
        if self._looked is not None and time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        with self._store.read() as tx:
            new = generations.unfinished(tx, but=list(self._live))
        for generation in new:
            try:
                self._hold(generation)
            except Exception:
                log.exception("generation %s cannot be taken up; the others go on", generation.id)

    def _hold(self, generation: Generation) -> None:
        """Into memory, and onto the heap: after a clock that jumped, no longer than a wait may be."""
        if generation.state is not State.PENDING:
            self._gate(generation).hold(generation.id)
        due, longest = generation.next_at, LONGEST_WAIT
        if generation.state is State.SUBMITTING and generation.lease_until is not None:
            due, longest = generation.lease_until, LEASE
        wait = min(due - self._clock(), longest)
        self._live[generation.id] = generation
        self._push(generation.id, wait.total_seconds())

    def _push(self, id: UUID, wait_s: float) -> None:
        self._pushed += 1
        heapq.heappush(self._due, (time.monotonic() + max(0.0, wait_s), self._pushed, id))

    def _gate(self, generation: Generation) -> Gate:
        if generation.provider not in self._gates:
            limits = self._client(generation)[0].spec.limits
            self._gates[generation.provider] = Gate(
                slots=limits.concurrent, count=limits.submit.count, per_s=limits.submit.per_s
            )
        return self._gates[generation.provider]

    def _client(self, generation: Generation) -> tuple[Client, Model]:
        client = self._providers.client(generation.snapshot)
        return client, client.spec.model(generation.model)

    def _start_or_wait(self, generation: Generation) -> None:
        try:
            self._start(generation)
        except Exception:
            log.exception("generation %s could not be started; it is tried again", generation.id)
            self._push(generation.id, steps.backoff(4).total_seconds())

    def _start(self, generation: Generation) -> None:
        if generation.state is State.PENDING and not self._gate(generation).enter(generation.id):
            self._push(generation.id, TICK_S)
            return
        step = {
            State.PENDING: self._prepare,
            State.SUBMITTING: self._recover,
            State.PROCESSING: self._poll,
            State.STORING: self._collect,
        }[generation.state]
        self._run(generation, step(generation))

    def _run(self, generation: Generation, step: Coroutine[None, None, Outcome | None]) -> None:
        async def guarded() -> None:
            try:
                is_play = self._client(generation)[0].spec.is_play
                outcome = await step
            except Exception:
                log.exception("generation %s: a step failed and is tried again", generation.id)
                self._busy.pop(generation.id, None)
                if generation.state is State.SUBMITTING:  # the POST may have gone out
                    self._finish(generation, steps.lost(self._clock()), is_play=False)
                else:
                    self._leave_unsent(generation)
                    self._push(generation.id, steps.backoff(3).total_seconds())
                return
            self._busy.pop(generation.id, None)
            if outcome is not None:
                self._finish(generation, outcome, is_play=is_play)

        self._busy[generation.id] = asyncio.create_task(guarded())

    def _leave_unsent(self, generation: Generation) -> None:
        if generation.state is State.PENDING:
            self._gate(generation).leave(generation.id)

    async def _prepare(self, generation: Generation) -> Outcome | None:
        client, model = self._client(generation)
        try:
            files = await asyncio.to_thread(self._providers.files, generation)
            self._ready[generation.id] = await steps.prepare(generation, client, model, files)
        except ApomError as error:
            return steps.unprepared(generation, error, self._clock())
        self._woken.set()
        return None

    def _send(self) -> None:
        """Commits the intents of everything that is ready, in one transaction, and only then lets the POSTs go."""
        ready, self._ready = self._ready, {}
        if not ready:
            return
        now = self._clock()
        try:
            with self._store.write() as tx:
                claimed = generations.claim(tx, list(ready), self._owner, now + LEASE, now)
                assets.set_status(tx, [self._live[id].asset_id for id in claimed], Status.PROCESSING, None, now)
        except BaseException:
            # An error on COMMIT leaves it open whether the intents are there: nothing is sent, the rows tell.
            for id in ready:
                self._gate(self._live[id]).leave(id)
                del self._live[id]
            raise
        for id, request in ready.items():
            if id not in claimed:  # cancelled, deleted, or somebody else's by now
                self._gate(self._live[id]).leave(id)
                del self._live[id]
                continue
            generation = self._live[id].model_copy(
                update={"state": State.SUBMITTING, "owner": self._owner, "submitted_at": now}
            )
            self._live[id] = generation
            self._publish(generation)
            self._run(generation, self._submit(generation, request))

    async def _submit(self, generation: Generation, request: Rendered) -> Outcome:
        client, model = self._client(generation)
        return await steps.submit(generation, client, model, request, self._clock())

    async def _recover(self, generation: Generation) -> Outcome:
        return steps.lost(self._clock())

    async def _poll(self, generation: Generation) -> Outcome:
        client, model = self._client(generation)
        took = self._took[f"{generation.provider}/{generation.model}"]
        expected_s = median(took) if took else min(DEFAULT_EXPECTED_S, model.poll_block(client.spec).every_s * 2)
        return await steps.poll(generation, client, model, expected_s, self._clock())

    async def _collect(self, generation: Generation) -> Outcome:
        async with self._collecting:
            client, _ = self._client(generation)
            return await steps.collect(generation, client, self._keeper, self._clock())

    def _finish(self, before: Generation, outcome: Outcome, *, is_play: bool) -> None:
        """A step's outcome: into memory when only a timer moved, else on the list that is committed next."""
        after = before.model_copy(
            update={**outcome.changes, "state": outcome.state, "next_at": outcome.next_at, "owner": None}
        )
        if before.state is State.PROCESSING and outcome.state is State.STORING and before.submitted_at is not None:
            self._took[f"{before.provider}/{before.model}"].append(
                (self._clock() - before.submitted_at).total_seconds()
            )
        if not outcome.durable:
            self._live[before.id] = after
            self._leave_unsent(after)
            self._push(before.id, (outcome.next_at - self._clock()).total_seconds())
            return
        if outcome.pause_s is not None:
            self._gate(before).pause(outcome.pause_s)
        self._done.append(Done(before=before, after=after, outcome=outcome, is_play=is_play))
        self._outcome.set()

    async def _flush(self) -> None:
        """Commits what is done, in one transaction, then tells who listens and goes on with what is not at its end."""
        done, self._done = self._done, []
        if not done:
            return
        try:
            written = self._commit(done)
        except Unavailable:
            log.warning("outcomes could not be saved; they are kept and tried again", exc_info=True)
            self._done = done + self._done
            self._loop.call_later(1.0, self._outcome.set)
            return
        for d in done:
            if d.before.id not in written:
                log.warning("generation %s was not written; its row is read again", d.before.id)
                self._drop(d.before)
                continue
            if d.after.state in (State.PENDING, State.PROCESSING, State.STORING):
                self._live[d.after.id] = d.after
                self._leave_unsent(d.after)
                self._push(d.after.id, (d.after.next_at - self._clock()).total_seconds())
            else:
                self._drop(d.after)
            self._publish(d.after)
        self._woken.set()

    def _commit(self, done: list[Done]) -> set[UUID]:
        """All together; if that fails, each alone, so that one that cannot be written holds up no other."""
        try:
            return commit(self._store, done, self._owner, self._clock())
        except Unavailable:
            raise
        except Exception:
            if len(done) > 1:
                return set().union(*(self._commit([d]) for d in done))
            log.exception("generation %s: its outcome could not be written", done[0].before.id)
            return set()

    def _drop(self, generation: Generation) -> None:
        self._gate(generation).leave(generation.id)
        self._live.pop(generation.id, None)

    def _publish(self, generation: Generation) -> None:
        self._hub.publish(
            Event(
                type="asset_status_changed",
                project_id=generation.project_id,
                box_id=generation.box_id,
                asset_id=generation.asset_id,
                status=generation.state.status,
            )
        )
