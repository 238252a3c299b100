"""One life of the engine's loop: what is due is started, what is done is committed together.

A fault of one generation puts that one aside, never the loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from uuid import UUID

from apom import steps
from apom.engine.clerk import Clerk
from apom.engine.desk import Desk, Held
from apom.engine.history import History
from apom.engine.intents import Intents
from apom.engine.outcomes import Outbox
from apom.engine.worker import Worker
from apom.errors import ApomError, Occupied
from apom.events import Hub
from apom.models import Generation, State
from apom.steps import Outcome
from apom.store import Store, generations

log = logging.getLogger("apom.engine")
TICK_S = 0.25
GROUP_S = 0.015
REST = 4.0  # commits take a fifth of the loop's time at most: under load they bring more at once, not more often
LOOK_S = 5.0
DUTY_S = 15.0
LONGEST_WAIT_S = 600.0
SOON_S = 10.0  # what is taken up is looked at within this time, whatever a clock says that may have been set
DRAIN_S = 8.0
LAST_WORDS_S = 0.6
FAULTS_OF_A_SUBMISSION = 5


class Run:
    """Made on the loop it lives on; everything but `vitals` is called there."""

    def __init__(
        self,
        *,
        store: Store,
        worker: Worker,
        history: History,
        hub: Hub,
        clock: Callable[[], datetime],
        owner: str,
        is_ours: Callable[[], bool],
        chores: Sequence[tuple[Callable[[], Awaitable[None]], float]] = (),
    ) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._is_ours = is_ours
        self._chores = chores
        self._loop = asyncio.get_running_loop()
        self._woken, self.stopping = asyncio.Event(), asyncio.Event()
        self._looked: float | None = None
        self.ticked: float | None = None
        self.desk = Desk(lambda generation: worker.spec(generation).limits)
        self._intents = Intents(store, self.desk, clock, owner)
        self._clerk = Clerk(
            outbox=Outbox(store, owner),
            desk=self.desk,
            history=history,
            keeper=worker.keeper,
            hub=hub,
            clock=clock,
            spec=worker.spec,
            wake=self._woken.set,
            look=self.look,
        )

    async def live(self, running: Callable[[], None]) -> None:
        """Ticks until `stopping` is set, then drains. `running` is called once it ticks."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        # coroutine jobs run on this loop; a late one still runs, once
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_job(self._beat, "interval", seconds=TICK_S)
        scheduler.add_job(self._keep_duty, "interval", seconds=DUTY_S)
        for chore, every_s in self._chores:
            scheduler.add_job(chore, "interval", seconds=every_s)
        scheduler.start()
        self._woken.set()
        pumps = [
            asyncio.create_task(self._on(self._woken, self._tick)),
            asyncio.create_task(self._on(self._clerk.outcome, self._clerk.flush, group_s=GROUP_S, rest=REST)),
        ]
        self.ticked = time.monotonic()
        running()
        await self.stopping.wait()
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # it calls errors what is only called off
        scheduler.shutdown(wait=False)
        await self._drain()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await self._worker.close()

    async def _keep_duty(self) -> None:
        """One engine works on a store. Rows are fenced against two, but the one that lost its place has to go."""
        try:
            if await asyncio.to_thread(self._is_ours):
                return
        except ApomError:
            return  # the database is away: nobody knows, nobody works
        log.error("the engine of another process works on this store now; this one waits until that one ends")
        self.stopping.set()

    def look(self) -> None:
        """There is something new in the store."""
        self._looked = None
        self._woken.set()

    def heed(self, id: UUID) -> None:
        """A person has spoken about a generation: its row is read again, at once or when its step is over."""
        held = self.desk.held.get(id)
        if held is not None and not self.desk.is_free(id):
            held.is_stale = True
        else:
            self.desk.forget(id)
        self.look()

    def hurry(self, id: UUID) -> None:
        """The provider called: a poll is due now, once a second at most."""
        held = self.desk.held.get(id)
        now = time.monotonic()
        if held is None or held.generation.state is not State.PROCESSING or not self.desk.is_free(id):
            return
        if now - held.called_at < 1.0:
            return
        held.called_at = now
        self.desk.push(id, 0.0)
        self._woken.set()

    async def _on(
        self, event: asyncio.Event, act: Callable[[], Awaitable[None]], *, group_s: float = 0.0, rest: float = 0.0
    ) -> None:
        """Acts `group_s` after an event is set, then rests `rest` times as long as that took."""
        rested = 0.0
        while True:
            await event.wait()
            await asyncio.sleep(max(group_s, rested - time.monotonic()))
            event.clear()
            began = time.monotonic()
            try:
                await act()
            except Exception:
                log.exception("the engine stumbled; it goes on")
            rested = time.monotonic() + rest * (time.monotonic() - began)

    async def _drain(self) -> None:
        """What holds an intent is answered; everything else is left as its row says."""
        desk = self.desk
        sending = [
            desk.busy[id] for id, h in desk.held.items() if h.generation.state is State.SUBMITTING and id in desk.busy
        ]
        if sending:
            await asyncio.wait(sending, timeout=DRAIN_S)
        for task in desk.busy.values():
            task.cancel()
        await asyncio.gather(*desk.busy.values(), return_exceptions=True)
        for _ in range(3):  # a task id that was paid for is worth more than one try
            await self._clerk.flush(LAST_WORDS_S)

    async def _beat(self) -> None:
        """The scheduler's tick, the one that the health check counts: those in between need no scheduler."""
        self.ticked = time.monotonic()
        await self._tick()

    async def _tick(self) -> None:
        """Takes up what is new, starts what is due, sends what is ready."""
        if self.stopping.is_set():
            return
        try:
            self._take_up()
            for held in self.desk.due():
                self._try(held, self._start)
            self._let_in()
            self._send()
        except Occupied:
            log.debug("somebody else is writing for long; the next tick tries again")
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
            new = generations.unfinished(tx, but=list(self.desk.held))
        now = self._clock()
        for generation in new:
            try:
                self._hold(generation, now)
            except Exception:
                log.exception("generation %s cannot be taken up; the others go on", generation.id)

    def _hold(self, generation: Generation, now: datetime) -> None:
        """Into the hand: after a clock that jumped, nothing waits longer than a wait may be."""
        gate = self.desk.gate(generation)
        due_at, longest_s = generation.next_at, SOON_S
        if generation.state is State.PENDING:
            due_at = now  # who waits in line is let in by the line
        elif generation.attention is None and generation.state is not State.STORING:
            gate.inside.add(generation.id)
        if generation.state is State.SUBMITTING and generation.lease_until is not None:
            due_at, longest_s = generation.lease_until, self._worker.longest_lease_s(generation)
        self.desk.take(generation, now, self._worker.oldest_s(generation))
        self.desk.push(generation.id, min((due_at - now).total_seconds(), longest_s))

    def _try(self, held: Held, start: Callable[[Held], None]) -> None:
        try:
            start(held)
        except Exception:
            log.exception("generation %s could not be started; it is tried again", held.generation.id)
            self._put_aside(held)

    def _put_aside(self, held: Held) -> None:
        held.faults += 1
        self.desk.leave_if_unsent(held.generation)
        self.desk.push(held.generation.id, steps.backoff(held.faults + 2, most_s=LONGEST_WAIT_S))

    def _start(self, held: Held) -> None:
        generation = held.generation
        gate = self.desk.gate(generation)
        if generation.state is State.PENDING:
            at_head = generation.attempts > 0
            gate.line.join(generation.id, generation.created_by, is_batch=generation.is_batch, at_head=at_head)
        elif generation.state is State.PROCESSING and not gate.polls.take():
            self.desk.push(generation.id, gate.polls.wait_s())
        else:
            step = {
                State.SUBMITTING: self._recover,
                State.PROCESSING: self._worker.poll,
                State.STORING: self._worker.collect,
            }[generation.state]
            self._run(held, step(held))

    def _let_in(self) -> None:
        """Whoever's turn it is at each provider."""
        for gate in self.desk.gates.values():
            while (id := gate.next()) is not None:
                held = self.desk.held.get(id)
                if held is None or held.generation.state is not State.PENDING or id in self.desk.busy:
                    gate.leave(id)
                    continue
                self._try(held, lambda held: self._run(held, self._prepare(held)))

    def _run(self, held: Held, step: Coroutine[None, None, Outcome | None]) -> None:
        id = held.generation.id

        async def guarded() -> None:
            try:
                outcome = await step
                held.faults = 0
            except Exception:
                log.exception("generation %s: a step failed and is tried again", id)
                outcome = self._stumbled(held)
            finally:
                self.desk.busy.pop(id, None)
            if outcome is not None:
                self._try(held, lambda held: self._clerk.finish(held, outcome))

        self.desk.busy[id] = asyncio.create_task(guarded())

    def _stumbled(self, held: Held) -> Outcome:
        """A step that fell over is tried again, later each time; a submission nobody can recover is a person's."""
        held.faults += 1
        if held.generation.state is State.SUBMITTING and held.faults >= FAULTS_OF_A_SUBMISSION:
            return steps.lost(held.generation)
        wait_s = steps.backoff(held.faults + 2, most_s=LONGEST_WAIT_S)
        return Outcome(state=held.generation.state, wait_s=wait_s, durable=False)

    async def _prepare(self, held: Held) -> Outcome | None:
        try:
            self._intents.add(held, await self._worker.prepare(held))
        except ApomError as error:
            return steps.unprepared(held.generation, error)
        self._woken.set()
        return None

    async def _recover(self, held: Held) -> Outcome | None:
        outcome = await self._worker.recover(held)
        if outcome is None:  # somebody else moved it: its row is read again once this step is over
            self._loop.call_soon(self.heed, held.generation.id)
        return outcome

    def _send(self) -> None:
        """Lets the POSTs go whose intents are committed. Raises Occupied, and nothing has happened then."""
        for held, request in self._intents.commit():
            self._clerk.publish(held.generation)
            self._run(held, self._worker.submit(held, request))
