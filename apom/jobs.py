"""Long work that is no generation: begun, followed, paused, stopped, and gone on with after a restart.

The row is the truth. A kind of work is a function that gets a `Work` and answers with its result; what it notes on the
way is where it goes on when the process ends in the middle.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from pydantic import JsonValue

from apom.errors import ApomError, Conflict, NotFound
from apom.events import Hub
from apom.models import Actor, Event, Job, JobState, Json, Page, Role, new_id
from apom.projects import need
from apom.store import Store, audit, jobs

log = logging.getLogger("apom.jobs")
AT_ONCE = 2
OPEN = (JobState.PENDING, JobState.RUNNING, JobState.PAUSED)
LOOK_S = 5.0
NOTE_S = 0.5  # progress is written at most so often
FAULT = "It stopped at a fault of apom's own. Please report this; what was done so far is kept."


class Stopped(Exception):
    """A person has stopped or paused the work, or the process is ending: leave at once."""


class Work:
    """One run of a job, as its function sees it. `saved`: what an earlier run noted, {} at first."""

    def __init__(self, job: Job, note: Callable[[float, Json | None], bool], ending: threading.Event) -> None:
        self.job = job
        self.saved: Json = dict(job.result) if isinstance(job.result, dict) else {}
        self._note = note
        self._ending = ending
        self._noted = float("-inf")

    def note(self, progress: float, saved: Mapping[str, JsonValue] | None = None) -> None:
        """How far it is, 0 to 1, and where another run would go on. Call it often, after each piece. Raises Stopped."""
        now = time.monotonic()
        if now - self._noted < NOTE_S and saved is None and not self._ending.is_set():
            return
        self._noted = now
        if (
            not self._note(min(1.0, max(0.0, progress)), None if saved is None else dict(saved))
            or self._ending.is_set()
        ):
            raise Stopped


Kind: TypeAlias = Callable[[Work], JsonValue]


class Jobs:
    """Admits jobs and runs them, two at once, in threads of its own."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._kinds: dict[str, Kind] = {}
        self._threads: list[threading.Thread] = []
        self._woken = threading.Condition()
        self._news = 0
        self._ending = threading.Event()

    def declare(self, kind: str, act: Kind) -> None:
        """What work of this kind does. Before `start`."""
        self._kinds[kind] = act

    def start(self) -> None:
        """Begins to work; what an earlier process left in the middle goes on."""
        with self._store.write() as tx:
            jobs.begin_again(tx, self._clock())
        for n in range(AT_ONCE):
            thread = threading.Thread(target=self._work, name=f"apom-job-{n}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Lets the work under way reach its next note, and ends the threads; a later process goes on from there."""
        self._ending.set()
        self._wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads.clear()

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

    def cancel(self, actor: Actor, job_id: UUID) -> Job:
        """Stops it for good; what it has done stays. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, OPEN, JobState.CANCELLED)

    def pause(self, actor: Actor, job_id: UUID) -> Job:
        """Stops it until it is resumed. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, (JobState.PENDING, JobState.RUNNING), JobState.PAUSED)

    def resume(self, actor: Actor, job_id: UUID) -> Job:
        """Goes on from what was noted last; one that failed is tried again. Raises NotFound, NotAllowed, Conflict."""
        return self._move(actor, job_id, (JobState.PAUSED, JobState.FAILED), JobState.PENDING)

    def _move(self, actor: Actor, job_id: UUID, before: tuple[JobState, ...], after: JobState) -> Job:
        with self._store.write() as tx:
            job = jobs.get(tx, actor.user_id, job_id)
            if job is None:
                raise NotFound
            if job.project_id is not None and job.created_by != actor.user_id:
                need(tx, actor, job.project_id, Role.EDITOR)
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
            try:
                job = self._claim()
            except ApomError:
                log.warning("the next job could not be looked up; it is tried again", exc_info=True)
                job = None
            if job is not None:
                self._run(job)
                continue
            with self._woken:
                if self._news == seen:
                    self._woken.wait(LOOK_S)

    def _claim(self) -> Job | None:
        with self._store.write() as tx:
            for job in jobs.waiting(tx, sorted(self._kinds), 1):
                if jobs.move(tx, job.id, (JobState.PENDING,), JobState.RUNNING, self._clock()):
                    return job.model_copy(update={"state": JobState.RUNNING})
        return None

    def _run(self, job: Job) -> None:
        def note(progress: float, saved: Json | None) -> bool:
            with self._store.write() as tx:
                goes_on = jobs.note(tx, job.id, progress, saved, self._clock())
            self._changed(job)
            return goes_on

        self._changed(job)
        try:
            result = self._kinds[job.kind](Work(job, note, self._ending))
            self._end(job, JobState.DONE, result, None)
        except Stopped:
            if self._ending.is_set():
                self._end(job, JobState.PENDING, None, None)
        except ApomError as error:
            self._end(job, JobState.FAILED, None, str(error))
        except Exception:
            log.exception("job %s (%s) failed", job.id, job.kind)
            self._end(job, JobState.FAILED, None, FAULT)

    def _end(self, job: Job, state: JobState, result: JsonValue, message: str | None) -> None:
        try:
            with self._store.write() as tx:
                jobs.end(tx, job.id, state, result, message, self._clock())
        except ApomError:  # the row stays RUNNING: the next start goes on with it
            log.warning("the end of job %s could not be written", job.id, exc_info=True)
        self._changed(job)

    def _changed(self, job: Job) -> None:
        if job.project_id is not None:
            self._hub.publish(Event(type="job_changed", project_id=job.project_id))
