"""What nobody marked leaves: said some days before, then to the trash, and after some days there its files go.

The recipe of a take and its thumbnail stay, so that it can be found, proved and made again. A run is one transaction;
files are deleted after it, as long as that takes, and what a killed process has left is gone on with.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from apom.accounts import need_admin
from apom.errors import ApomError, Conflict
from apom.events import Hub
from apom.models import Actor, Emptied, Event, Held, Page, RetentionPlan, RetentionRun, Role, StorageUse, Take, new_id
from apom.projects import need
from apom.store import Store, Tx, audit, retention, system
from apom.words import HELD_WORDS

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

log = logging.getLogger("apom.retention")
NOTICE = timedelta(days=3)
DAILY = timedelta(hours=24)
STEADY = timedelta(hours=25)  # between two runs; more, and the clock may have been set
SHARE = 0.3  # of all takes, that may go at once
LOOK_S = 600.0
PIECE = 200  # takes whose files are deleted between two notes
SHOWN = 30


class Retention:
    """Says what goes, and lets it go."""

    def __init__(self, store: Store, storage: LocalStorage, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._hub = hub
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def plan(self, actor: Actor, project_id: UUID | None) -> RetentionPlan:
        """What the next run does in a project, or, for an admin, everywhere. Raises NotFound, NotAllowed."""
        if project_id is None:
            need_admin(actor)
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return _plan(tx, self._clock(), project_id)

    def plan_all(self) -> RetentionPlan:
        """What the next run does everywhere."""
        with self._store.read() as tx:
            return _plan(tx, self._clock())

    def leaving(self, actor: Actor, project_id: UUID, cursor: str | None, limit: int) -> Page[Take]:
        """Takes that go within the days of notice, the first to go first. Raises NotFound, Invalid."""
        now = self._clock()
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            return retention.page(tx, project_id, now + NOTICE, _days(tx), now + NOTICE, cursor, limit)

    def use(self, actor: Actor, project_id: UUID | None) -> tuple[StorageUse, ...]:
        """What the actor's projects take up, or the boxes of one. Raises NotFound."""
        with self._store.read() as tx:
            if project_id is None:
                return retention.use_by_project(tx, actor.user_id)
            need(tx, actor, project_id, Role.VIEWER)
            return retention.use_by_box(tx, project_id)

    def runs(self, actor: Actor) -> tuple[RetentionRun, ...]:
        """What the last runs did, newest first, for an admin. Raises NotAllowed."""
        need_admin(actor)
        with self._store.read() as tx:
            return retention.runs(tx, SHOWN)

    def run(self, by: str, *, confirmed: bool = False) -> RetentionRun:
        """Announces, throws away, purges; `confirmed`: a person has looked, and what holds it back does not.

        Does nothing but say so when it has to be confirmed.
        """
        with self._one_at_a_time:
            now = self._clock()
            with self._store.write() as tx:
                tx.take_time()
                plan = _plan(tx, now)
                run = RetentionRun(id=new_id(), happened_at=now, started_by=by, takes=plan.takes)
                if plan.held is not None and not confirmed:
                    run, places = run.model_copy(update={"held": plan.held}), set[tuple[UUID, UUID]]()
                else:
                    run, places = _clean(tx, run, plan, now)
                retention.record(tx, run)
                what = "retention.held" if run.held else "retention.run"
                audit.append(tx, now, by, what, f"trashed:{run.trashed} purged:{run.purged}")
        self._tell(places)
        return run

    def empty_trash(self, actor: Actor, project_id: UUID) -> Emptied:
        """The files of all that lies in the trash of a project go, for good; recipes stay. The owner's to say.

        What a published round shows, what has a verdict, and what a take that is there was made from stays. Raises
        NotFound, NotAllowed.
        """
        now = self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.OWNER)
            whole = sum(each.trashed for each in retention.use_by_box(tx, project_id))
            going = retention.thrown(tx, project_id, now)
            retention.empty(tx, project_id, now)
            audit.append(tx, now, actor.username, "trash.empty", f"project:{project_id} takes:{going.takes}")
        self._hub.publish(Event(type="project_changed", project_id=project_id))
        return Emptied(purged=going.takes, purged_bytes=going.bytes, kept=whole - going.takes)

    async def look(self, _: object) -> None:
        """A chore of the engine: a run a day, and the files of what is purged. Raises nothing."""
        try:
            await asyncio.to_thread(self.go_on)
        except ApomError as error:
            log.warning("what nobody marked could not be cleaned away now; it is later: %s", error)
        except Exception:
            log.exception("what nobody marked could not be cleaned away now; it is later")

    def go_on(self) -> None:
        """The same, for who has no loop. Raises Unavailable."""
        with self._store.read() as tx:
            last = next(iter(retention.runs(tx, 1)), None)
        if last is None or self._clock() - last.happened_at >= DAILY:
            self.run("apom")
        self.delete_files()

    def delete_files(self) -> int:
        """Deletes the files of what is purged, piece by piece; of how many takes. Raises Unavailable: later, then."""
        deleted = 0
        while True:
            with self._store.read() as tx:
                piece = retention.remains(tx, PIECE)
            if not piece:
                return deleted
            self._storage.delete(*(key for _, keys in piece for key in keys))
            with self._store.write() as tx:
                retention.forget(tx, [asset_id for asset_id, _ in piece])
            deleted += len(piece)

    def _tell(self, places: Iterable[tuple[UUID, UUID]]) -> None:
        events = [Event(type="assets_changed", project_id=project, box_id=box) for project, box in places]
        self._hub.publish(*events)


def confirmable(run: RetentionRun) -> RetentionRun:
    """The run, when it was not held. Raises Conflict with what a person should look at."""
    if run.held is not None:
        raise Conflict(HELD_WORDS[run.held])
    return run


def _clean(
    tx: Tx, run: RetentionRun, plan: RetentionPlan, now: datetime
) -> tuple[RetentionRun, set[tuple[UUID, UUID]]]:
    """What was announced goes, and what goes next is announced."""
    places = retention.purge(tx, now - timedelta(days=plan.trash_days), plan.days, now)
    places |= retention.trash(tx, now, plan.days)
    announced = retention.announce(tx, now + NOTICE, plan.days, now + NOTICE)
    done = {
        "announced": announced,
        "trashed": plan.to_trash,
        "trashed_bytes": plan.to_trash_bytes,
        "purged": plan.to_purge,
        "purged_bytes": plan.to_purge_bytes,
    }
    return run.model_copy(update=done), places


def _plan(tx: Tx, now: datetime, project_id: UUID | None = None) -> RetentionPlan:
    days, trash_days = _days(tx), int(str(system.value(tx, "trash_days")))
    leaving = retention.forgotten(tx, now + NOTICE, days, project_id)
    going = retention.going(tx, now, days, project_id)
    overdue = retention.overdue(tx, now - timedelta(days=trash_days), days, project_id)
    takes = retention.takes(tx)
    return RetentionPlan(
        days=days,
        trash_days=trash_days,
        takes=takes,
        leaving=leaving.takes,
        leaving_bytes=leaving.bytes,
        to_trash=going.takes,
        to_trash_bytes=going.bytes,
        to_purge=overdue.takes,
        to_purge_bytes=overdue.bytes,
        held=_held(retention.last_at(tx), now, going.takes, takes),
    )


def _held(last: datetime | None, now: datetime, going: int, takes: int) -> Held | None:
    """Why a run should wait for a person. `last`: when one last did what it should."""
    if last is not None and now - last > STEADY:
        return Held.CLOCK
    return Held.SHARE if going > SHARE * takes else None


def _days(tx: Tx) -> int:
    return int(str(system.value(tx, "retention_days")))
