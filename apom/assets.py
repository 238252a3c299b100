"""Takes: favourites, headliners, ratings, deletion, and who may see which file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from apom.errors import Conflict, Invalid, NotFound
from apom.events import Hub
from apom.fields import AssetChanges, check
from apom.models import Actor, Asset, AssetType, Box, Event, Page, Role, Status, Take
from apom.projects import need, need_box
from apom.store import Store, Tx, assets, audit, boxes, generations, projects, sharing

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage


def need_take(tx: Tx, actor: Actor, asset_id: UUID, least: Role) -> Take:
    """The take, if the actor has the right in its project."""
    take = assets.take(tx, actor.user_id, asset_id)
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
        if asset is None:
            raise NotFound
        return asset

    def of_box(
        self, actor: Actor, box_id: UUID, asset_type: AssetType | None, cursor: str | None, limit: int
    ) -> Page[Take]:
        """A box's takes, newest first. Raises NotFound."""
        with self._store.read() as tx:
            need_box(tx, actor, box_id, Role.VIEWER)
            return assets.page(tx, actor.user_id, box_id=box_id, asset_type=asset_type, cursor=cursor, limit=limit)

    def favorites(self, actor: Actor, project_id: UUID | None, cursor: str | None, limit: int) -> Page[Take]:
        """Favourite takes of one project, or of all of the actor's. Raises NotFound."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return assets.page(tx, actor.user_id, project_id=project_id, favorites=True, cursor=cursor, limit=limit)

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
        """A take and its files, for good; as headliner it is cleared.

        Raises Conflict while it is on its way, when others were made from it, or when a published round shows it.
        """
        now = self._clock()
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR)
            if assets.in_flight(tx, asset_id=asset_id):
                raise Conflict("This take is still on its way. Wait for it, or cancel it if it was not sent.")
            used = assets.used_by(tx, asset_id)
            if used:
                raise Conflict("It is in use: {count} made from it. Delete what was made from it first.", count=used)
            if sharing.in_a_round(tx, asset_id=asset_id):
                raise Conflict("A published round shows this take. What a client saw is kept.")
            keys = assets.keys(tx, asset_id=asset_id)
            boxes.clear_headliner(tx, asset_id, now)
            assets.delete(tx, asset_id)
            audit.append(tx, now, actor.username, "asset.delete", f"asset:{asset_id} project:{take.project_id}")
        for key in keys:
            self._storage.delete(key)
        self._changed(take)

    def cancel(self, actor: Actor, asset_id: UUID) -> Take:
        """Stops a take that was not sent yet: nothing is paid. Raises Conflict when it is too late for that."""
        now = self._clock()
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR)
            if not generations.cancel(tx, asset_id, now):
                raise Conflict("It has been sent already, and the provider cannot take it back. It will arrive.")
            assets.set_status(tx, [asset_id], Status.CANCELLED, None, now)
        self._changed(take, Status.CANCELLED)
        return take.model_copy(update={"status": Status.CANCELLED})

    def file(self, actor: Actor, asset_id: UUID, name: str) -> tuple[Path, str]:
        """A stored file of a take by the last part of its key: (path, media type). Raises NotFound."""
        with self._store.read() as tx:
            found = assets.with_key(tx, actor.user_id, asset_id, name)
        if found is None:
            raise NotFound
        return self._storage.path(found["key"]), _mime(found["key"], found["mime"])

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


def _mime(key: str, original: str) -> str:
    """The media type of a stored file: the original's from its bytes, of those we made from their ending."""
    return {"thumb": "image/webp", "preview": "video/mp4"}.get(key.rsplit("/", 1)[1].split("-")[0], original)
