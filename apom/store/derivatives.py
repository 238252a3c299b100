"""What is made from takes' originals: where it is, and what is still to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.store import Tx
from apom.store.projects import assignments

MADE = frozenset(["thumb_key", "preview_key", "proxy_key", "needs_proxy", "placeholder"])
ORIGINAL = "select id, project_id, box_id, file_key, created_by from asset where"


@dataclass(frozen=True, kw_only=True)
class Original:
    """A take whose file is here."""

    id: UUID
    project_id: UUID
    box_id: UUID
    file_key: str
    created_by: UUID


def waiting(tx: Tx, limit: int) -> list[Original]:
    """Clips that browsers cannot play and that nobody has taken up, the oldest first."""
    rows = tx.all(
        f"{ORIGINAL} needs_proxy and file_key is not null and purged_at is null order by created_at, id limit $1", limit
    )
    return [Original(**row) for row in rows]


def take_up(tx: Tx, asset_id: UUID) -> None:
    """From now on it is looked after."""
    tx.all("update asset set needs_proxy = false where id = $1", asset_id)


def get(tx: Tx, asset_id: UUID) -> Original | None:
    """One of them."""
    row = tx.one(f"{ORIGINAL} id = $1 and file_key is not null and purged_at is null", asset_id)
    return Original(**row) if row else None


def count(tx: Tx, project_id: UUID) -> int:
    """How many a project has."""
    return int(
        tx.value(
            "select count(*) from asset where project_id = $1 and file_key is not null and purged_at is null",
            project_id,
        )
    )


def after(tx: Tx, project_id: UUID, asset_id: UUID | None) -> Original | None:
    """The next of a project, by id."""
    row = tx.one(
        f"{ORIGINAL} project_id = $1 and file_key is not null and purged_at is null"
        " and ($2::uuid is null or id > $2::uuid) order by id limit 1",
        project_id,
        asset_id,
    )
    return Original(**row) if row else None


def keys(tx: Tx, asset_id: UUID) -> set[str]:
    """The files that were made from a take."""
    row = tx.one("select thumb_key, preview_key, proxy_key from asset where id = $1", asset_id) or {}
    return {key for key in row.values() if key}


def set_made(tx: Tx, asset_id: UUID, file: Mapping[str, Any], now: datetime) -> bool:
    """Sets what `file` names; False when the take or its file is gone."""
    sets = assignments(dict(file), MADE, 3)
    return bool(
        tx.all(
            f"update asset set updated_at = $2, {sets} where id = $1 and file_key is not null and purged_at is null"
            " returning id",
            asset_id,
            now,
            *file.values(),
        )
    )
