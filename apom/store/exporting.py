"""What leaves the house in documents: the headliners of a project with their recipes, in one question each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Json
from apom.store import Tx

TAKE = """select a.id, a.box_id, a.number, a.asset_type, a.source_type, a.status, a.is_favorite, a.rating, a.ai_model, a.seed,
    a.thumb_key, a.purged_at, a.width, a.height, a.duration_s, a.bytes, a.sha256, a.created_at, r.prompt_text, r.rights,
    u.username as made_by, g.cost, g.cost_unit
  from asset a join asset_recipe r on r.asset_id = a.id left join app_user u on u.id = a.created_by
  left join (select asset_id, max(cost_unit) as cost_unit,
      sum(case when state = 'FAILED' then cost_actual else coalesce(cost_actual, cost_estimate) end) as cost
    from generation where project_id = $1 group by asset_id) g on g.asset_id = a.id
  where a.project_id = $1 and a.trashed_at is null"""


def headliners(tx: Tx, project_id: UUID, asset_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The takes that stand for their shots, by id."""
    rows = tx.all(f"{TAKE} and a.id = any($2::uuid[])", project_id, list(asset_ids))
    return {row["id"]: _read(row) for row in rows}


def takes(tx: Tx, project_id: UUID) -> list[dict[str, Any]]:
    """Every take that is not in the trash, shot by shot, as they were made."""
    return [_read(row) for row in tx.all(f"{TAKE} order by a.box_id, a.created_at, a.id", project_id)]


def said_to_clients(tx: Tx, project_id: UUID) -> dict[UUID, list[tuple[str, str]]]:
    """(who, what) of each shot, for documents that clients get: nothing INTERNAL, nothing hidden."""
    rows = tx.all(
        "select box_id, author_name, text from comment where project_id = $1 and visibility = 'CLIENT'"
        " and hidden_at is null order by created_at, id",
        project_id,
    )
    found = defaultdict[UUID, list[tuple[str, str]]](list)
    for row in rows:
        found[row["box_id"]].append((row["author_name"], row["text"]))
    return found


def choices(tx: Tx, user_id: UUID) -> dict[str, Json]:
    """What a person chose last, by format."""
    rows = tx.all("select format, choices from export_choice where user_id = $1", user_id)
    return {row["format"]: json.loads(row["choices"]) for row in rows}


def remember(tx: Tx, user_id: UUID, format: str, chosen: Json, now: datetime) -> None:
    """The same for the next time."""
    tx.all(
        "insert into export_choice (user_id, format, choices, updated_at) values ($1, $2, $3, $4)"
        " on conflict (user_id, format) do update set choices = excluded.choices, updated_at = excluded.updated_at",
        user_id,
        format,
        json.dumps(chosen),
        now,
    )


def _read(row: dict[str, Any]) -> dict[str, Any]:
    row["rights"] = json.loads(row["rights"])
    return row
