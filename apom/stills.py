"""A moment of a clip as a take of its own: to judge, to edit, or to start the next shot from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.assets import need_take
from apom.errors import Invalid, NotFound
from apom.events import Hub
from apom.models import (
    Actor,
    Asset,
    AssetInput,
    AssetType,
    Box,
    Event,
    InputRole,
    Role,
    SourceType,
    Status,
    Take,
    new_id,
)
from apom.projects import need_box
from apom.store import Store, Tx, assets, boxes, projects

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage


@dataclass(frozen=True, kw_only=True)
class Still:
    """A picture that was cut: its files are stored, its row is not there yet."""

    take: Asset
    file: dict[str, Any]

    def put(self, tx: Tx) -> None:
        """Its row, with the next number of its shot."""
        take = self.take
        assets.insert(tx, [take.model_copy(update={"number": boxes.count_takes(tx, take.box_id, 1)})])
        assets.set_file(tx, take.id, take.asset_type, self.file, take.created_at)
        projects.touch(tx, take.project_id, take.created_at)

    def event(self) -> Event:
        """What is told of it once its row is there."""
        return Event(
            type="asset_status_changed",
            project_id=self.take.project_id,
            box_id=self.take.box_id,
            asset_id=self.take.id,
            status=Status.COMPLETED,
        )


class Stills:
    """Cuts pictures out of clips."""

    def __init__(self, store: Store, storage: LocalStorage, env: str, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._env = env
        self._hub = hub
        self._clock = clock

    def frame(self, actor: Actor, asset_id: UUID, at_s: float | None, box_id: UUID | None = None) -> Take:
        """The picture that is seen `at_s` seconds into a clip, None for its last, as a new take.

        `box_id`: the shot of the same project it goes to; None for the clip's own. Raises NotFound, NotAllowed, Invalid,
        BadMedia.
        """
        with self._store.read() as tx:
            clip, box = self._parts(tx, actor, asset_id, box_id)
        with self.cut(actor, clip, box, at_s) as still, self._store.write() as tx:
            self._parts(tx, actor, asset_id, box.id)
            still.put(tx)
        self._hub.publish(still.event())
        with self._store.read() as tx:
            take = assets.take(tx, actor.user_id, still.take.id)
        if take is None:  # deleted in this very moment
            raise NotFound
        return take

    @contextmanager
    def cut(self, actor: Actor, clip: Take, box: Box, at_s: float | None, id: UUID | None = None) -> Iterator[Still]:
        """Cuts, measures and stores a picture; its files go again when what is done with it fails. Raises Invalid, BadMedia.

        `id`: what the new take will be called.
        """
        if clip.asset_type is not AssetType.VIDEO or clip.file_key is None:
            raise Invalid("Choose a clip that is here: only clips have moments.", field="asset_id")
        take = _asset(actor, clip, box, at_s, id or new_id(), self._clock())
        with self._storage.temp() as path:
            file = self._stored(clip.file_key, path, at_s, take.id)
        from apom.media.arrive import discard

        try:
            yield Still(take=take, file=file)
        except BaseException:
            discard(self._storage, file)
            raise

    def _parts(self, tx: Tx, actor: Actor, asset_id: UUID, box_id: UUID | None) -> tuple[Take, Box]:
        clip = need_take(tx, actor, asset_id, Role.EDITOR)
        box = need_box(tx, actor, clip.box_id if box_id is None else box_id, Role.EDITOR)
        if box.project_id != clip.project_id:
            raise Invalid("Choose a shot of the clip's own project.", field="box_id")
        return clip, box

    def _stored(self, key: str, path: Path, at_s: float | None, asset_id: UUID) -> dict[str, Any]:
        """The file first, then its row, never the other way round."""
        from apom.media.arrive import take_in
        from apom.media.stills import write_still

        write_still(self._storage.path(key), path, at_s)
        return take_in(self._storage, path, env=self._env, asset_id=asset_id, expect=AssetType.IMAGE)[1]


def _asset(actor: Actor, clip: Take, box: Box, at_s: float | None, asset_id: UUID, now: datetime) -> Asset:
    source = AssetInput(
        asset_id=asset_id,
        source_asset_id=clip.id,
        role=InputRole.EDIT_SOURCE,
        at_s=clip.duration_s if at_s is None else at_s,
    )
    return Asset(
        id=asset_id,
        project_id=box.project_id,
        box_id=box.id,
        number=0,
        asset_type=AssetType.IMAGE,
        source_type=SourceType.UPLOADED,
        status=Status.COMPLETED,
        parent_asset_id=clip.id,
        inputs=(source,),
        created_by=actor.user_id,
        created_at=now,
        updated_at=now,
    )
