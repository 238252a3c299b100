"""How things are asked for: by a record or its id; which takes; with which model unless one is named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias, TypedDict
from uuid import UUID

from apom.config import LIMITS, MB
from apom.errors import Invalid, NotFound, TooLarge
from apom.models import AssetType, Ref, SourceType, Status

DEFAULT_IMAGE = "sandbox/sandbox-image"
DEFAULT_VIDEO = "sandbox/sandbox-video"


Table: TypeAlias = bytes | Path | str  # a table's content, or where its file is


def content_of(table: Table) -> bytes:
    """The bytes of a table. Raises Invalid for a file that cannot be read, TooLarge."""
    if isinstance(table, bytes):
        return table
    try:
        with Path(table).open("rb") as file:
            content = file.read(LIMITS.table_bytes + 1)
    except OSError as error:
        raise Invalid("{path} cannot be read: {reason}.", path=table, reason=error.strerror or error) from None
    if len(content) > LIMITS.table_bytes:
        raise TooLarge("A table may have {most} MB. Save only the sheet with the shots.", most=LIMITS.table_bytes // MB)
    return content


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
