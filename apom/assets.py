"""Takes: lists and search, marks, deletion, and who may see which file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from apom import words
from apom.answers import answers_about
from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotFound
from apom.events import Hub
from apom.fields import AssetChanges, check
from apom.marks import Known, Made, make
from apom.media.arrive import MIMES
from apom.models import Actor, Asset, Box, Event, Mark, Marked, Page, Refusal, Role, Status, Take
from apom.projects import need, need_box
from apom.search import Filter, parse
from apom.store import Store, Tx, assets, audit, batches, boxes, generations, lists, projects, sharing

if TYPE_CHECKING:
    from apom.media.storage import Coming, LocalStorage

SMALL = ("thumb-", "preview-")


def need_take(tx: Tx, actor: Actor, asset_id: UUID, least: Role, *, even_trashed: bool = False) -> Take:
    """The take, if the actor has the right in its project."""
    take = assets.take(tx, actor.user_id, asset_id, even_trashed=even_trashed)
    if take is None:
        raise NotFound
    need(tx, actor, take.project_id, least)
    return take


class Assets:
    """Read and change takes; new ones come from `generate`."""

    def __init__(self, store: Store, storage: LocalStorage, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._hub = hub
        self._clock = clock

    def get(self, actor: Actor, asset_id: UUID) -> Asset:
        """One take with everything about it. Raises NotFound."""
        with self._store.read() as tx:
            asset = assets.get(tx, actor.user_id, asset_id)
            generation = generations.of_take(tx, asset_id) if asset else None
        if asset is None:
            raise NotFound
        if generation is None:
            return asset
        return asset.model_copy(
            update={
                "external_task_id": generation.task_id,
                "attention": generation.attention,
                "answers": answers_about(asset, generation),
            }
        )

    def page(self, actor: Actor, wanted: Filter, cursor: str | None, limit: int, text: str = "") -> Page[Take]:
        """Takes that a filter lets through and that have the words of `text`, newest first. Raises NotFound, Invalid."""
        check_wanted(wanted, text)
        with self._store.read() as tx:
            found = lists.page(tx, actor.user_id, wanted, parse(text), cursor, limit)
            if not found.items:  # is there nothing in it, or is it not there?
                if wanted.project_id is not None:
                    need(tx, actor, wanted.project_id, Role.VIEWER)
                if wanted.box_id is not None:
                    need_box(tx, actor, wanted.box_id, Role.VIEWER)
                if wanted.batch_id is not None and batches.get(tx, actor.user_id, wanted.batch_id) is None:
                    raise NotFound
        return found

    def several(self, actor: Actor, ids: Sequence[UUID]) -> tuple[Take, ...]:
        """Those of these takes that are there, in the trash or not, newest first. Raises Invalid for too many."""
        _not_too_many(ids)
        with self._store.read() as tx:
            return lists.several(tx, actor.user_id, ids)

    def mark(self, actor: Actor, marks: Sequence[Mark]) -> Marked:
        """Each mark for itself, in order, in one transaction. What was so already is not written again.

        Raises Invalid for none or too many.
        """
        if not marks:
            raise Invalid("Mark at least one take.", field="marks")
        _not_too_many(marks)
        now = self._clock()
        with self._store.write() as tx:
            known, made, events = mark_in(tx, actor, marks, now)
            takes = lists.several(tx, actor.user_id, [*known.takes, *put_down(known, made)])
        self._hub.publish(*events)
        refused = (
            Refusal(asset_id=id, code=error.code, detail=words.say(error, actor.language)) for id, error in made.refused
        )
        return Marked(takes=takes, refused=tuple(refused))

    def update(self, actor: Actor, asset_id: UUID, changes: Mapping[str, object]) -> Asset:
        """Changes what people think of a take. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR)
            values = check(AssetChanges, changes)
            if values:
                assets.update(tx, asset_id, values, self._clock())
        self._changed(take)
        return self.get(actor, asset_id)

    def toggle_favorite(self, actor: Actor, asset_id: UUID) -> Take:
        """A favourite becomes none, and the other way round: the project's, not a person's."""
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR)
            assets.flip_favorite(tx, asset_id, self._clock())
        self._changed(take)
        return take.model_copy(update={"is_favorite": not take.is_favorite})

    def set_headliner(self, actor: Actor, box_id: UUID, asset_id: UUID | None) -> Box:
        """The take that stands for the shot; None for none. Raises Invalid for a take of another box, or not here yet."""
        with self._store.write() as tx:
            box = need_box(tx, actor, box_id, Role.EDITOR)
            if asset_id is not None:
                take = assets.take(tx, actor.user_id, asset_id)
                if take is None or take.box_id != box_id:
                    raise Invalid("The headliner must be a take of this shot.", field="asset_id")
                if take.status is not Status.COMPLETED:
                    raise Invalid("This take is not here yet. Wait until it has arrived.", field="asset_id")
            now = self._clock()
            boxes.set_headliner(tx, box_id, asset_id, now)
            projects.touch(tx, box.project_id, now)
            box = need_box(tx, actor, box_id, Role.EDITOR)
        self._hub.publish(Event(type="boxes_changed", project_id=box.project_id, box_id=box_id, asset_id=asset_id))
        return box

    def delete(self, actor: Actor, asset_id: UUID) -> None:
        """A take and its files, for good, in the trash or not; as headliner and as soundtrack it is cleared.

        Raises Conflict while it is on its way, when others were made from it, or when a published round shows it.
        """
        now = self._clock()
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR, even_trashed=True)
            if assets.in_flight(tx, asset_id=asset_id):
                raise Conflict("This take is still on its way. Wait for it, or cancel it if it was not sent.")
            used = assets.used_by(tx, asset_id)
            if used:
                raise Conflict("It is in use: {count} made from it. Delete what was made from it first.", count=used)
            if sharing.in_a_round(tx, asset_id=asset_id):
                raise Conflict("A published round shows this take. What a client saw is kept.")
            keys = assets.keys(tx, asset_id=asset_id)
            boxes.clear_headliner(tx, asset_id, now)
            projects.clear_soundtrack(tx, now, asset_ids=[asset_id])
            assets.delete(tx, asset_id)
            audit.append(tx, now, actor.username, "asset.delete", f"asset:{asset_id} project:{take.project_id}")
        self._storage.drop(*keys)
        self._changed(take)

    def file(self, actor: Actor, asset_id: UUID, name: str) -> tuple[Path, str]:
        """A stored file of a take by the last part of its key: (path, media type). Raises NotFound."""
        stored, mime = self._stored(actor, asset_id, name)
        return self._storage.path(stored), mime

    def opened(self, actor: Actor, asset_id: UUID, name: str) -> tuple[Path | Coming, str]:
        """The same for who passes it on: a large file that is not here is not waited for. Raises NotFound."""
        stored, mime = self._stored(actor, asset_id, name)
        if name.startswith(SMALL):  # a bucket need not be asked how large
            return self._storage.path(stored), mime
        return self._storage.coming(stored) or self._storage.path(stored), mime

    def _stored(self, actor: Actor, asset_id: UUID, name: str) -> tuple[str, str]:
        """The key and the media type."""
        with self._store.read() as tx:
            found = assets.with_key(tx, actor.user_id, asset_id, name)
        if found is None:
            raise NotFound
        return found["key"], media_type(found["key"], found["mime"])

    def address(self, actor: Actor, asset_id: UUID, name: str) -> str | None:
        """Where a browser fetches it instead, for minutes; None: `file` has it. Raises NotFound, Misconfigured."""
        return self._storage.address(*self._stored(actor, asset_id, name))

    def _changed(self, take: Take, status: Status | None = None) -> None:
        self._hub.publish(
            Event(
                type="asset_status_changed" if status else "assets_changed",
                project_id=take.project_id,
                box_id=take.box_id,
                asset_id=take.id,
                status=status,
            )
        )


def check_wanted(wanted: Filter, text: str) -> None:
    """Whether a search can be made. Raises Invalid."""
    if len(text) > LIMITS.search_chars:
        raise Invalid("Search for at most {most} characters.", field="text", most=LIMITS.search_chars)
    if any(at is not None and at.tzinfo is None for at in (wanted.since, wanted.until)):
        raise Invalid("Say in which time zone that is.", field="since")


def mark_in(
    tx: Tx, actor: Actor, marks: Sequence[Mark], now: datetime, thrown_at: datetime | None = None
) -> tuple[Known, Made, list[Event]]:
    """Makes marks: what was known before, what is different, and what to publish after the commit.

    `thrown_at`: since when what is thrown away lies in the trash, if not since now.
    """
    known = _known(tx, actor, {mark.asset_id for mark in marks})
    made = make(known, marks, thrown_at or now)
    assets.set_marks(tx, list(made.takes.values()), now)
    for box_id, headliner in made.headliners.items():
        boxes.set_headliner(tx, box_id, headliner, now)
    thrown = [id for id, take in made.takes.items() if take.trashed_at is not None]
    silenced = projects.clear_soundtrack(tx, now, asset_ids=thrown) if thrown else []
    events = _events(known, made) + [Event(type="project_changed", project_id=id) for id in silenced]
    for project_id in {event.project_id for event in events if event.project_id}:
        projects.touch(tx, project_id, now)
    return known, made, events


def _not_too_many(asked: Sequence[object]) -> None:
    if len(asked) > LIMITS.marks:
        raise Invalid("At most {most} takes at once.", most=LIMITS.marks)


def _known(tx: Tx, actor: Actor, ids: Collection[UUID]) -> Known:
    takes = {take.id: take for take in lists.several(tx, actor.user_id, ids)}
    return Known(
        takes=takes,
        roles=projects.roles(tx, actor.user_id, {take.project_id for take in takes.values()}),
        headliners=boxes.headliners(tx, {take.box_id for take in takes.values()}),
    )


def put_down(known: Known, made: Made) -> list[UUID]:
    """The headliners that made room for another, or for none."""
    return [before for box_id in made.headliners if (before := known.headliners[box_id]) is not None]


def _events(known: Known, made: Made) -> list[Event]:
    """One per box and kind of change."""
    homes = {take.box_id: take.project_id for take in known.takes.values()}
    changed = {box_id: [take.id for take in made.takes.values() if take.box_id == box_id] for box_id in homes}
    events = [
        Event(type="assets_changed", project_id=homes[box_id], box_id=box_id, asset_ids=tuple(ids))
        for box_id, ids in changed.items()
        if ids
    ]
    return events + [
        Event(
            type="boxes_changed",
            project_id=homes[box_id],
            box_id=box_id,
            asset_ids=tuple(id for id in (known.headliners[box_id], headliner) if id is not None),
        )
        for box_id, headliner in made.headliners.items()
    ]


def media_type(key: str, original: str) -> str:
    """The media type of a stored file: the original's from its bytes, of those we made from their ending."""
    variant, _, tail = key.rsplit("/", 1)[1].partition("-")
    return original if variant == "original" else MIMES["." + tail.rpartition(".")[2]]
