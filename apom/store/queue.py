"""What is on its way or waits for a person, across projects."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apom.models import Status
from apom.store import Tx, pages
from apom.store.projects import visible


def page(
    tx: Tx, user_id: UUID, *, project_id: UUID | None, status: Status | None, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows in the order they were asked for, and the next page's cursor. `status`: only those."""
    at, after = pages.position(cursor)
    rows = tx.all(
        "select g.id as generation_id, g.state, g.since, g.attention, g.provider, g.model, g.cost_estimate, g.cost_unit,"
        " a.id as asset_id, a.number, a.asset_type, a.status, a.error_message, a.project_id, p.name as project_name,"
        " a.box_id, b.code as box_code, b.name as box_name, a.created_at as ordered_at, a.created_by,"
        " u.username as created_by_name, a.batch_id"
        f" from asset a {visible('a.project_id')} join generation g on g.asset_id = a.id join project p on p.id = a.project_id"
        " join box b on b.id = a.box_id join app_user u on u.id = a.created_by"
        " where a.status in ('PENDING', 'PROCESSING', 'ATTENTION') and a.trashed_at is null"
        " and ($2::uuid is null or a.project_id = $2) and ($3::text is null or a.status = $3)"
        " and ($4::timestamptz is null or (a.created_at, a.id) > ($4, $5::uuid))"
        " order by a.created_at, a.id limit $6",
        user_id,
        project_id,
        status,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = rows[:limit]
    more = len(rows) > limit
    return found, pages.cursor(found[-1]["ordered_at"], found[-1]["asset_id"]) if more else None
