"""Marks on everything that a filter lets through: said once, made by a job in small pieces.

A piece and the note of it are one transaction, so a process that is killed leaves nothing half done and repeats nothing.
What arrives after the order is not marked: takes are gone through from the newest that was there, towards older ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from pydantic import Field, JsonValue

from apom import words
from apom.assets import check_wanted, mark_in, put_down
from apom.config import LIMITS
from apom.errors import Conflict, Invalid
from apom.events import Hub
from apom.jobs import Jobs, Work, need_job, ordered_by
from apom.models import OPEN_JOBS, Actor, Job, Judgement, Mark, Record, Role, Take
from apom.projects import need, need_box
from apom.search import Filter, Words, parse
from apom.store import Store, Tx, lists, pages

KIND = "bulk"
PIECE = LIMITS.marks
LAST = UUID(int=2**128 - 1)


class Order(Record):
    """What a job of this kind is asked to do. `start`: the cursor before the newest take that was there; `total`: how many.

    `fronts`: takes that stand for their shot again once they are put back.
    """

    mark: Judgement
    wanted: Filter
    text: str = ""
    start: str
    total: int
    fronts: tuple[UUID, ...] = ()


class Tally(Record):
    """What was done so far. `refused`: how many, by the sentence that says why; `fronts`: headliners thrown away."""

    at: str = Field(description="the cursor after the last take that was looked at")
    changed: int = 0
    same: int = Field(0, description="were so already")
    refused: dict[str, int] = Field(default_factory=dict)
    fronts: tuple[UUID, ...] = ()

    @property
    def seen(self) -> int:
        """How many takes were looked at."""
        return self.changed + self.same + sum(self.refused.values())


class Bulk:
    """Orders such jobs, and does them."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime], jobs: Jobs) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._jobs = jobs
        jobs.declare(KIND, self._act)

    def count(self, actor: Actor, wanted: Filter, text: str) -> int:
        """How many takes a filter lets through. Raises NotFound, Invalid."""
        check_wanted(wanted, text)
        with self._store.read() as tx:
            _home(tx, actor, wanted, Role.VIEWER)
            return lists.count(tx, actor.user_id, wanted, parse(text))

    def order(self, actor: Actor, mark: Judgement, wanted: Filter, text: str) -> Job:
        """Marks what a filter lets through now. Raises NotFound, NotAllowed, Invalid."""
        if mark == Judgement():
            raise Invalid("Say what to mark them with.", field="mark")
        check_wanted(wanted, text)
        return self._order(actor, mark, wanted, text)

    def undo(self, actor: Actor, job_id: UUID) -> Job:
        """Stops a job that throws away, and puts back what it threw away. Raises NotFound, NotAllowed, Conflict."""
        with self._store.read() as tx:
            job = need_job(tx, actor, job_id)
        if job.kind != KIND or not Order.model_validate(job.request).mark.trashed:
            raise Conflict("There is no way back from this by itself.")
        if job.state in OPEN_JOBS:
            with suppress(Conflict):  # it has come to its end this moment
                self._jobs.cancel(actor, job_id)
        done = _tally(self._jobs.get(actor, job_id))
        wanted = Filter(project_id=job.project_id, trashed=True, trashed_at=job.created_at)
        return self._order(actor, Judgement(trashed=False), wanted, "", done.fronts)

    def _order(self, actor: Actor, mark: Judgement, wanted: Filter, text: str, fronts: Sequence[UUID] = ()) -> Job:
        said = parse(text)
        with self._store.read() as tx:
            project_id = _home(tx, actor, wanted, Role.EDITOR)
            newest = lists.page(tx, actor.user_id, wanted, said, None, 1).items
            start = pages.cursor(newest[0].created_at if newest else self._clock(), LAST)
            total = lists.count(tx, actor.user_id, wanted, said, start)
        order = Order(mark=mark, wanted=wanted, text=text, start=start, total=total, fronts=tuple(fronts))
        return self._jobs.add(actor, KIND, order.model_dump(mode="json"), project_id=project_id)

    def _act(self, work: Work) -> JsonValue:
        order, done = Order.model_validate(work.job.request), _tally(work.job)
        said = parse(order.text)
        while True:
            work.check()
            takes = self._next(work.job, order, said, done.at)
            if not takes:
                return done.model_dump(mode="json")
            done = self._piece(work, order, takes, done)

    def _next(self, job: Job, order: Order, said: Words, at: str) -> tuple[Take, ...]:
        with self._store.read() as tx:
            return lists.page(tx, job.created_by, order.wanted, said, at, PIECE).items

    def _piece(self, work: Work, order: Order, takes: Sequence[Take], done: Tally) -> Tally:
        """Some takes. What may be done is asked anew each time: rights may have ended meanwhile. Raises NotAllowed."""
        marks = [_mark(order, take) for take in takes]
        with self._store.write() as tx:
            actor = ordered_by(tx, work.job)
            known, made, events = mark_in(tx, actor, marks, self._clock(), work.job.created_at)
            refused = Counter(done.refused) + Counter(words.say(error, actor.language) for _, error in made.refused)
            changed = len(made.takes)
            done = Tally(
                at=pages.cursor(takes[-1].created_at, takes[-1].id),
                changed=done.changed + changed,
                same=done.same + len(takes) - changed - len(made.refused),
                refused=dict(refused),
                fronts=(*done.fronts, *put_down(known, made)),
            )
            work.note_in(tx, done.seen / max(1, order.total), done.model_dump(mode="json"))
        self._hub.publish(*events)
        return done


def _home(tx: Tx, actor: Actor, wanted: Filter, least: Role) -> UUID | None:
    """The project that a filter stays in, None for all of the actor's. Raises NotFound, NotAllowed."""
    if wanted.box_id is not None:
        return need_box(tx, actor, wanted.box_id, least).project_id
    if wanted.project_id is not None:
        need(tx, actor, wanted.project_id, least)
    return wanted.project_id


def _tally(job: Job) -> Tally:
    """Where a job of this kind is."""
    return Tally.model_validate(job.result or {"at": job.request["start"]})


def _mark(order: Order, take: Take) -> Mark:
    is_headliner = True if take.id in order.fronts else None
    return Mark(asset_id=take.id, is_headliner=is_headliner, **order.mark.model_dump())
