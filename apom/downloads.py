"""A take leaves the house as a file: clean, for everybody who may look at it, or with how it was made, for who works on it.

What is stored is never rewritten: what is different is put in on the way (`apom.media.patches`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apom.errors import NotAllowed, NotFound
from apom.models import Actor, Asset, AssetType, Exported, Role, SourceType
from apom.names import media_name
from apom.projects import need
from apom.store import Store, Tx, assets, boxes

if TYPE_CHECKING:
    from uuid import UUID

    from apom.media.labels import Label
    from apom.media.patches import Patched
    from apom.media.storage import LocalStorage


@dataclass(frozen=True, kw_only=True)
class Download:
    """What is sent: `name`, the shot's code and the beginning of the take's id."""

    name: str
    media_type: str
    file: Patched


class Downloads:
    """Takes as files to keep."""

    def __init__(self, store: Store, storage: LocalStorage) -> None:
        self._store = store
        self._storage = storage

    @contextmanager
    def open(self, actor: Actor, asset_id: UUID, *, metadata: bool) -> Iterator[Download]:
        """The original of a take, readable until the end of the block.

        `metadata`: with prompt, model and seed, and whatever it said when it came; else without any of that. Raises
        NotFound, NotAllowed, BadMedia, Unavailable, OSError.
        """
        from apom.media.blank import clean
        from apom.media.labels import labelled
        from apom.media.patches import Patched

        with self._store.read() as tx:
            take, code = self._found(tx, actor, asset_id, metadata)
        is_sound = take.asset_type is AssetType.AUDIO and not metadata  # it has a copy without words already
        path = self._storage.path((take.proxy_key if is_sound else take.file_key) or "")
        with tempfile.TemporaryDirectory(prefix="apom-download-") as folder:
            without = Patched if is_sound else clean
            file = labelled(path, label_of(take, code), Path(folder)) if metadata else without(path)
            yield Download(
                name=media_name(code, take.id, path.suffix),
                media_type=take.mime or "application/octet-stream",
                file=file,
            )

    def write(self, actor: Actor, asset_id: UUID, path: Path, *, metadata: bool) -> Exported:
        """The same at `path`; a folder gets it under its name. Raises as `open` does."""
        with self.open(actor, asset_id, metadata=metadata) as found:
            target = path / found.name if path.is_dir() else path
            size = found.file.write(target)
            return Exported(path=target, name=found.name, mime=found.media_type, bytes=size)

    def _found(self, tx: Tx, actor: Actor, asset_id: UUID, metadata: bool) -> tuple[Asset, str]:
        take = assets.get(tx, actor.user_id, asset_id)
        if take is None:
            raise NotFound
        if need(tx, actor, take.project_id, Role.VIEWER) is Role.VIEWER and metadata:
            raise NotAllowed("Viewers download clean files: without prompt, model and seed. An editor gets them, too.")
        if take.file_key is None or take.purged_at is not None:
            raise NotFound("The file of this take is not here.")
        box = boxes.get(tx, actor.user_id, take.box_id)
        return take, box.code if box else ""


def label_of(take: Asset, code: str) -> Label:
    """What is written about a take."""
    from apom.media.labels import Label

    return Label(
        take=take.id,
        shot=code,
        made_at=take.created_at,
        is_generated=take.source_type is not SourceType.UPLOADED,
        prompt=take.prompt_text,
        model=take.ai_model,
        seed=take.seed,
        width=take.width,
        height=take.height,
        params=take.generation_config,
    )
