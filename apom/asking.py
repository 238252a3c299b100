"""How things are asked for: by a record or its id; which takes; with which model unless one is named."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from apom.errors import NotFound
from apom.models import AssetType, Ref, SourceType, Status

DEFAULT_IMAGE = "sandbox/sandbox-image"
DEFAULT_VIDEO = "sandbox/sandbox-video"


def id_of(thing: Ref) -> UUID:
    """The id of a record, or the id itself. What cannot be an id is not there: raises NotFound."""
    if isinstance(thing, str):
        try:
            return UUID(thing)
        except ValueError:
            raise NotFound from None
    return thing if isinstance(thing, UUID) else thing.id


class Wanted(TypedDict, total=False):
    """Which takes, as `search_assets` takes it; `trashed`: those in the trash instead."""

    project: Ref | None
    box: Ref | None
    batch: Ref | None
    asset_type: AssetType | None
    source_type: SourceType | None
    status: Status | None
    favorites: bool
    min_rating: int
    trashed: bool
    ai_model: str | None
    tag: str | None
    created_by: Ref | None
    since: datetime | None
    until: datetime | None


def parts_of(wanted: Wanted) -> dict[str, Any]:
    """What is wanted as the fields of a `Filter`: records as their ids."""
    refs = {"project": "project_id", "box": "box_id", "batch": "batch_id", "created_by": "created_by"}
    found: dict[str, Any] = dict(wanted)
    return {refs.get(name, name): id_of(it) if it and name in refs else it for name, it in found.items()}
