"""Long work that is no generation: begun, followed, paused, stopped, and gone on with after a restart.

The row is the truth. A kind of work is a function that gets a `Work` and answers with its result; what it notes on the
way is where it goes on when the process ends in the middle.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS
from apom.errors import ApomError, Conflict, NotAllowed, NotFound, Unavailable
from apom.events import Hub
from apom.models import OPEN_JOBS, Actor, Event, Job, JobState, Json, Page, Role, new_id
from apom.projects import need
from apom.store import Store, Tx, audit, jobs, users

log = logging.getLogger("apom.jobs")
AT_ONCE = 2
LOOK_S = 5.0
NOTE_S = 0.5  # progress is written and told at most so often
TRIES = 5  # in a row, while the store or something else is away
FAULT = "It stopped at a fault of apom's own. Please report this; what was done so far is kept."


class Stopped(Exception):
    """A person has stopped or paused the work, another process has taken it over, or this one ends: leave at once."""


class Work:
    """One run of a job, as its function sees it. `saved`: what an earlier run noted, {} at first."""

    def __init__(self, run: Run, saved: Json) -> None:
        self.job = run.job
        self.saved = saved
        self._run = run
        self._noted = float("-inf")

    def note(self, progress: float, saved: Mapping[str, JsonValue] | None = None) -> None:
        """How far it is, 0 to 1, and where another run would go on. Call it often, after each piece. Raises Stopped."""
        if saved is not None or self._is_time():
            with self._run.store.write() as tx:
                self.note_in(tx, progress, saved)
        self.check()

    def note_in(self, tx: Tx, progress: float, saved: Mapping[str, JsonValue] | None = None) -> None:
        """The same in a transaction of the work's own, so that a piece and the note of it are there together or not.

        Raises Stopped when somebody else has the job by now: the piece must not be then.
        """
        if not self._run.note(tx, min(1.0, max(0.0, progress)), saved):
            raise Stopped
        if self._is_time():
            self._noted = time.monotonic()
            self._run.tell()

    def check(self) -> None:
        """Before each piece: raises Stopped when this process is about to end."""
        if self._run.is_ending():
            raise Stopped

    def _is_time(self) -> bool:
        return time.monotonic() - self._noted >= NOTE_S


Kind: TypeAlias = Callable[[Work], JsonValue]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A job in the hands of a thread. `owner`: tells this run from every other of the same job."""

    job: Job
    owner: str
    store: Store
    clock: Callable[[], datetime]
    is_ending: Callable[[], bool]
    tell: Callable[[], None]

    def note(self, tx: Tx, progress: float, saved: Mapping[str, JsonValue] | None) -> bool:
        """Whether the job is this run's still."""
        kept = None if saved is None else dict(saved)
        return jobs.note(tx, self.job.id, self.owner, progress, kept, self.clock())

    def end(self, state: JobState, result: JsonValue = None, message: str | None = None) -> None:
        """Writes how it ended, unless somebody else has had the last word."""
        try:
            with self.store.write() as tx:
                jobs.end(tx, self.job.id, self.owner, state, result, message, self.clock())
        except ApomError:  # the row stays RUNNING without a run that goes on: it is taken up once the store is back
            log.warning("the end of job %s could not be written", self.job.id, exc_info=True)
        self.tell()


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """How the threads are: how many there should be, and how many there are."""

    threads: int
    alive: int


def need_job(tx: Tx, actor: Actor, job_id: UUID) -> Job:
    """The job, if the actor has a say in it: their own, or their project's as an editor. Raises NotFound, NotAllowed."""
    job = jobs.get(tx, actor.user_id, job_id)
    if job is None:
        raise NotFound
    if job.project_id is not None and job.created_by != actor.user_id:
        need(tx, actor, job.project_id, Role.EDITOR)
    return job


def ordered_by(tx: Tx, job: Job) -> Actor:
    """Whoever ordered it. Raises NotAllowed when the account has ended."""
    user = users.get(tx, job.created_by)
    if user is None or not user.is_active:
        raise NotAllowed("The account that ordered this has ended.")
    return Actor(user_id=user.id, username=user.username, language=user.language)


class Jobs:
    """Admits jobs and runs them, two at once, in threads of its own.

    `is_on`: whether this process is the one that works on the store; what another left in the middle is taken up then.
    """

    def __init__(
        self, store: Store, hub: Hub, clock: Callable[[], datetime], is_on: Callable[[], bool] = lambda: True
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._is_on = is_on
        self._kinds: dict[str, Kind] = {}
        self._threads: list[threading.Thread] = []
        self._owners: set[str] = set()
        self._tries: Counter[UUID] = Counter()
        self._woken = threading.Condition()
        self._news = 0
        self._ending = threading.Event()

    def declare(self, kind: str, act: Kind) -> None:
        """What work of this kind does. Before `start`."""
        self._kinds[kind] = act

    def start(self) -> None:
        """Begins to work; what an earlier process left in the middle goes on."""
        for n in range(AT_ONCE):
            thread = threading.Thread(target=self._work, name=f"apom-job-{n}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wind_down(self) -> None:
        """Begins to stop, and does not wait: the work under way leaves at its next note."""
        self._ending.set()
        self._wake()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Winds down and waits until the threads have ended; a later process goes on from there."""
        self.wind_down()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads.clear()

    def vitals(self) -> Vitals:
        """For the health check."""
        return Vitals(threads=len(self._threads), alive=sum(thread.is_alive() for thread in self._threads))

    def add(self, actor: Actor, kind: str, request: Mapping[str, JsonValue], *, project_id: UUID | None = None) -> Job:
        """New work, by somebody whose right to it the caller has checked."""
        now = self._clock()
        job = Job(
            id=new_id(),
            kind=kind,
            project_id=project_id,
            state=JobState.PENDING,
            request=dict(request),
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
        )
        with self._store.write() as tx:
            jobs.insert(tx, job)
        self._changed(job)
        self._wake()
        return job

    def get(self, actor: Actor, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        with self._store.read() as tx:
            job = jobs.get(tx, actor.user_id, job_id)
        if job is None:
            raise NotFound
        return job

    def page(self, actor: Actor, project_id: UUID | None, cursor: str | None, limit: int) -> Page[Job]:
        """The actor's jobs, or a project's, newest first. Raises NotFound."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return jobs.page(tx, actor.user_id, project_id=project_id, cursor=cursor, limit=limit)

    def check_queue(self, actor: Actor, kind: str) -> None:
        """Whether a person may order one more of that kind: the others want their turn, too. Raises Conflict."""
        latest = self.page(actor, None, None, LIMITS.page).items
        mine = sum(job.kind == kind and job.created_by == actor.user_id and job.state in OPEN_JOBS for job in latest)
        if mine >= LIMITS.jobs_waiting:
            raise Conflict("You have {n} of these under way already. Wait until one is done, or stop one.", n=mine)

    def cancel(self, actor: Actor, job_id: UUID) -> Job:
        """Stops it for good; what it has done stays. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, OPEN_JOBS, JobState.CANCELLED)

    def pause(self, actor: Actor, job_id: UUID) -> Job:
        """Stops it until it is resumed. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, (JobState.PENDING, JobState.RUNNING), JobState.PAUSED)

    def resume(self, actor: Actor, job_id: UUID) -> Job:
        """Goes on from what was noted last; one that failed is tried again. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, (JobState.PAUSED, JobState.FAILED), JobState.PENDING)

    def _move(self, actor: Actor, job_id: UUID, before: tuple[JobState, ...], after: JobState) -> Job:
        with self._store.write() as tx:
            job = need_job(tx, actor, job_id)
            if not jobs.move(tx, job_id, before, after, self._clock()):
                raise Conflict("This cannot be done any more: the work has moved on. Look at it again.")
            audit.append(tx, self._clock(), actor.username, f"job.{after.lower()}", f"job:{job_id}")
        self._changed(job)
        self._wake()
        return self.get(actor, job_id)

    def _wake(self) -> None:
        with self._woken:
            self._news += 1
            self._woken.notify_all()

    def _work(self) -> None:
        while not self._ending.is_set():
            seen = self._news
            run = self._next() if self._is_on() else None
            if run is not None:
                self._do(run)
                continue
            with self._woken:
                if self._news == seen:
                    self._woken.wait(LOOK_S)

    def _next(self) -> Run | None:
        """The job whose turn it is, in this thread's hands."""
        try:
            with self._store.read() as tx:
                is_one = jobs.startable(tx, sorted(self._kinds), sorted(self._owners)) is not None
            return self._claim() if is_one else None
        except ApomError:
            log.warning("the next job could not be looked up; it is tried again", exc_info=True)
        except Exception:
            log.exception("the next job could not be begun; it is tried again")
        return None

    def _claim(self) -> Run | None:
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._owners.add(owner)
        try:
            with self._store.write() as tx:
                found = jobs.startable(tx, sorted(self._kinds), sorted(self._owners))
                if found is not None and jobs.begin(tx, *found, owner, self._clock()):
                    return self._run(found[0], owner)
        except BaseException:
            self._owners.discard(owner)
            raise
        self._owners.discard(owner)
        return None

    def _run(self, job: Job, owner: str) -> Run:
        return Run(
            job=job.model_copy(update={"state": JobState.RUNNING}),
            owner=owner,
            store=self._store,
            clock=self._clock,
            is_ending=lambda: self._ending.is_set() or not self._is_on(),
            tell=lambda: self._changed(job),
        )

    def _do(self, run: Run) -> None:
        job = run.job
        run.tell()
        try:
            saved = dict(job.result) if isinstance(job.result, dict) else {}
            run.end(JobState.DONE, self._kinds[job.kind](Work(run, saved)))
            self._tries.pop(job.id, None)
        except Stopped:
            run.end(JobState.PENDING)
        except Unavailable as error:
            self._try_again(run, error)
        except ApomError as error:
            run.end(JobState.FAILED, message=str(error))
        except BaseException:  # whatever it is, it ends the job and not the thread
            log.exception("job %s (%s) failed", job.id, job.kind)
            run.end(JobState.FAILED, message=FAULT)
        finally:
            self._owners.discard(run.owner)

    def _try_again(self, run: Run, error: Unavailable) -> None:
        """What is away comes back mostly; when it does not, a person is told."""
        self._tries[run.job.id] += 1
        if self._tries[run.job.id] < TRIES:
            log.warning("job %s (%s) could not go on; it is tried again: %s", run.job.id, run.job.kind, error)
            self._ending.wait(LOOK_S)
            return run.end(JobState.PENDING)
        del self._tries[run.job.id]
        run.end(JobState.FAILED, message=str(error))

    def _changed(self, job: Job) -> None:
        if job.project_id is not None:
            self._hub.publish(Event(type="job_changed", project_id=job.project_id, job_id=job.id))
