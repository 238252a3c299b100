"""What was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Unpack
from uuid import UUID

from apom.asking import Wanted, id_of, parts_of
from apom.fields import AssetChanges
from apom.models import (
    Arriving,
    Asset,
    AssetType,
    Box,
    Job,
    Judgement,
    Mark,
    Marked,
    Page,
    Ref,
    Rows,
    SourceType,
    Status,
    Take,
    Upload,
)
from apom.search import Filter
from apom.studio.workspace.part import Part


class Takes(Part):
    """Takes: brought in, found, and chosen from."""

    # brought in

    def receive(self, box: Ref, upload: Upload, content: Iterable[bytes]) -> Arriving:
        """What `upload` does piece by piece, for what is no file here: `content` goes behind the first `upload.offset` bytes.

        Raises as `upload` does, Conflict where `offset` does not fit what is here, and Unavailable.
        """
        return self._studio.uploads.receive(self.actor, id_of(box), upload, content)

    def received(self, box: Ref, upload_id: UUID) -> Arriving:
        """How far an upload is: where one goes on with it. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.uploads.received(self.actor, id_of(box), upload_id)

    def known_files(self, project: Ref, sha256: Sequence[str]) -> frozenset[str]:
        """Those of these files (SHA-256, in hex) that a take of the project has. Raises NotFound, Invalid."""
        return self._studio.uploads.known(self.actor, id_of(project), sha256)

    def frame(self, asset: Ref, at_s: float | None = None, *, box: Ref | None = None) -> Take:
        """The picture that is seen `at_s` seconds into a clip, None for its last, as a new take.

        `box`: the shot of the same project it goes to. Raises NotFound, NotAllowed, Invalid, BadMedia.
        """
        return self._studio.stills.frame(self.actor, id_of(asset), at_s, None if box is None else id_of(box))

    # found

    def asset(self, asset: Ref) -> Asset:
        """One take with everything about it. Raises NotFound."""
        return self._studio.assets.get(self.actor, id_of(asset))

    def file(self, asset: Ref, name: str) -> tuple[Path, str]:
        """A stored file of a take: (path, media type). `name`: the last part of its key. Raises NotFound."""
        return self._studio.assets.file(self.actor, id_of(asset), name)

    def get_box_assets(
        self,
        box: Ref,
        *,
        asset_type: AssetType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Take]:
        """A box's takes, newest first; with `trashed` those in its trash instead. Raises NotFound."""
        wanted = Filter(
            box_id=id_of(box),
            asset_type=asset_type,
            status=status,
            favorites=favorites,
            min_rating=min_rating,
            trashed=trashed,
        )
        return self._studio.assets.page(self.actor, wanted, cursor, limit)

    def get_assets(self, assets: Sequence[Ref]) -> Rows[Take]:
        """These takes as they are now, those in the trash too; left out what is not there. Raises Invalid.

        At most `LIMITS.marks` at once.
        """
        return Rows(self._studio.assets.several(self.actor, [id_of(asset) for asset in assets]), Take)

    def search_assets(
        self,
        text: str = "",
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        batch: Ref | None = None,
        asset_type: AssetType | None = None,
        source_type: SourceType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        ai_model: str | None = None,
        tag: str | None = None,
        created_by: Ref | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Take]:
        """Takes whose prompt or shot (name, code) has every word of `text`, newest first.

        `-word` must not be there, `"two words"` stand together; letters match in either case. `since` is the first
        moment, `until` the first one after the last; both aware. `trashed`: those in the trash instead, with the recipes
        of those whose files were cleaned away. Raises NotFound, Invalid.
        """
        wanted = Filter(
            project_id=None if project is None else id_of(project),
            box_id=None if box is None else id_of(box),
            batch_id=None if batch is None else id_of(batch),
            asset_type=asset_type,
            source_type=source_type,
            status=status,
            favorites=favorites,
            min_rating=min_rating,
            trashed=trashed,
            ai_model=ai_model,
            tag=tag,
            created_by=None if created_by is None else id_of(created_by),
            since=since,
            until=until,
        )
        return self._studio.assets.page(self.actor, wanted, cursor, limit, text)

    def count_assets(self, text: str = "", **wanted: Unpack[Wanted]) -> int:
        """How many takes there are of what `search_assets` finds. Raises NotFound, Invalid."""
        return self._studio.bulk.count(self.actor, Filter(**parts_of(wanted)), text)

    def get_favorite_assets(
        self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 200
    ) -> Page[Take]:
        """Favourites of a project, or of all the actor's projects. Raises NotFound."""
        wanted = Filter(project_id=None if project is None else id_of(project), favorites=True)
        return self._studio.assets.page(self.actor, wanted, cursor, limit)

    # chosen from

    def mark(self, marks: Sequence[Mark]) -> Marked:
        """Favourites, ratings, headliners, trash: many at once, each for itself, said absolutely (see `Mark`).

        The same marks again change nothing, so a request whose answer was lost can be repeated. Raises Invalid for
        none or more than `LIMITS.marks`.
        """
        return self._studio.assets.mark(self.actor, marks)

    def mark_all(self, mark: Judgement, text: str = "", **wanted: Unpack[Wanted]) -> Job:
        """Marks every take that `search_assets` finds now, as a job; what arrives later is left alone.

        Its result says how many are `changed`, how many were the `same` already, and how many were `refused` by which
        sentence. Raises NotFound, NotAllowed, Invalid.
        """
        return self._studio.bulk.order(self.actor, mark, Filter(**parts_of(wanted)), text)

    def update_asset(self, asset: Ref, **changes: Unpack[AssetChanges]) -> Asset:
        """Favourite, rating, tags. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.assets.update(self.actor, id_of(asset), changes)

    def toggle_favorite(self, asset: Ref) -> Take:
        """Raises NotFound, NotAllowed."""
        return self._studio.assets.toggle_favorite(self.actor, id_of(asset))

    def set_headliner(self, box: Ref, asset: Ref | None) -> Box:
        """The take that stands for the shot; None for none. Raises NotFound, NotAllowed, Invalid."""
        return self._studio.assets.set_headliner(self.actor, id_of(box), None if asset is None else id_of(asset))

    def delete_asset(self, asset: Ref) -> None:
        """A take and its files, for good. Raises NotFound, NotAllowed, Conflict."""
        self._studio.assets.delete(self.actor, id_of(asset))
