"""A moment of a clip as a take of its own: to judge, to edit, or to start the next shot from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
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
        if clip.asset_type is not AssetType.VIDEO or clip.file_key is None:
            raise Invalid("Choose a clip that is here: only clips have moments.", field="asset_id")
        asset = _asset(actor, clip, box, at_s, self._clock())
        with self._storage.temp() as path:
            file = self._cut(clip.file_key, path, at_s, asset.id)
        try:
            with self._store.write() as tx:
                self._parts(tx, actor, asset_id, box.id)
                asset = asset.model_copy(update={"number": boxes.count_takes(tx, box.id, 1)})
                assets.insert(tx, [asset])
                assets.set_file(tx, asset.id, asset.asset_type, file, asset.created_at)
                projects.touch(tx, box.project_id, asset.created_at)
        except BaseException:
            for column in ("file_key", "thumb_key"):
                self._storage.delete(str(file[column]))
            raise
        self._hub.publish(
            Event(
                type="asset_status_changed",
                project_id=box.project_id,
                box_id=box.id,
                asset_id=asset.id,
                status=Status.COMPLETED,
            )
        )
        with self._store.read() as tx:
            take = assets.take(tx, actor.user_id, asset.id)
        if take is None:  # deleted in this very moment
            raise NotFound
        return take

    def _parts(self, tx: Tx, actor: Actor, asset_id: UUID, box_id: UUID | None) -> tuple[Take, Box]:
        clip = need_take(tx, actor, asset_id, Role.EDITOR)
        box = need_box(tx, actor, clip.box_id if box_id is None else box_id, Role.EDITOR)
        if box.project_id != clip.project_id:
            raise Invalid("Choose a shot of the clip's own project.", field="box_id")
        return clip, box

    def _cut(self, key: str, path: Path, at_s: float | None, asset_id: UUID) -> dict[str, object]:
        """Cuts, measures and stores the picture; its file first, then its row, never the other way round."""
        from apom.media.arrive import arrive, columns, keep
        from apom.media.stills import write_still

        write_still(self._storage.path(key), path, at_s)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            arrival = arrive(path, Path(folder), expect=AssetType.IMAGE)
            kept = keep(self._storage, arrival, path, env=self._env, asset_id=asset_id)
        return columns(arrival, kept)


def _asset(actor: Actor, clip: Take, box: Box, at_s: float | None, now: datetime) -> Asset:
    asset_id = new_id()
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
