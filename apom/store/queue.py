"""What is on its way, waits for a person, or failed of late, across projects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import QueueSummary, Status
from apom.store import Tx, pages
from apom.store.generations import held_back
from apom.store.lists import Parameters
from apom.store.projects import visible

PROMPT_CHARS = 240
OPEN = "a.status in ('PENDING', 'PROCESSING', 'ATTENTION')"
# and what arrived after it was stopped; but nothing that was ordered again, or long ago
FAILED = (
    "((a.status = 'FAILED' or (a.status = 'CANCELLED' and a.file_key is not null)) and g.retried_at is null"
    " and a.updated_at >= {since}::timestamptz)"
)
# the rows first, then what they look like: a shot's cover is its headliner, else its newest picture
SELECT = """
with wanted as (
    select g.id as generation_id, g.state, coalesce(g.since, g.created_at) as since, g.attention, g.provider, g.model,
        g.cost_estimate, g.cost_unit, (g.task->'results') is not null and g.decision is null as has_results,
        a.file_key is not null as has_file, a.id as asset_id, a.number, a.asset_type, a.status, a.error_message,
        a.project_id, a.box_id, a.created_at as ordered_at, a.created_by, a.batch_id, a.parent_asset_id, me.role,
        {paused} as is_paused
    from asset a {visible} join generation g on g.asset_id = a.id
    where a.trashed_at is null and {where} order by a.created_at {order}, a.id {order} limit {most}
),
cover as (
    select distinct on (t.box_id) t.box_id, t.thumb_key, t.placeholder from asset t join box b on b.id = t.box_id
    where t.box_id in (select box_id from wanted) and t.thumb_key is not null and t.trashed_at is null
    order by t.box_id, (t.id = b.headliner_asset_id) desc nulls last, t.created_at desc, t.id desc
)
select w.*, p.name as project_name, b.code as box_code, b.name as box_name, u.username as created_by_name,
    substr(r.prompt_text, 1, {chars}) as prompt_text, coalesce(source.thumb_key, cover.thumb_key) as thumb_key,
    case when source.thumb_key is null then cover.placeholder else source.placeholder end as placeholder
from wanted w join project p on p.id = w.project_id join box b on b.id = w.box_id join app_user u on u.id = w.created_by
join asset_recipe r on r.asset_id = w.asset_id left join asset source on source.id = w.parent_asset_id
left join cover on cover.box_id = w.box_id order by w.ordered_at {order}, w.asset_id {order}
"""


def page(
    tx: Tx,
    user_id: UUID,
    *,
    project_id: UUID | None,
    created_by: UUID | None,
    status: Status | None,
    failed_since: datetime,
    cursor: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows in the order they were asked for, those that failed the newest first; and the next page's cursor."""
    values, is_failed = Parameters(user_id), status is Status.FAILED
    where = [FAILED.format(since=values.add(failed_since)) if is_failed else OPEN]
    if status is not None and not is_failed:
        where.append(f"a.status = {values.add(status)}")
    if project_id is not None:
        where.append(f"a.project_id = {values.add(project_id)}")
    if created_by is not None:
        where.append(f"a.created_by = {values.add(created_by)}")
    at, after = pages.position(cursor)
    if at is not None:
        way = "<" if is_failed else ">"
        where.append(f"(a.created_at, a.id) {way} ({values.add(at)}::timestamptz, {values.add(after)}::uuid)")
    rows = _selected(tx, where, values, pages.size(limit) + 1, newest_first=is_failed)
    found = rows[:limit]
    more = len(rows) > limit
    return found, pages.cursor(found[-1]["ordered_at"], found[-1]["asset_id"]) if more else None


def several(tx: Tx, user_id: UUID, asset_ids: Sequence[UUID], *, failed_since: datetime) -> list[dict[str, Any]]:
    """Those of these takes that are in the queue or failed of late, in the order they were asked for."""
    values = Parameters(user_id)
    kinds = f"({OPEN} or {FAILED.format(since=values.add(failed_since))})"
    return _selected(tx, [kinds, f"a.id = any({values.add(list(asset_ids))}::uuid[])"], values, len(asset_ids))


def _selected(
    tx: Tx, where: Sequence[str], values: Parameters, most: int, *, newest_first: bool = False
) -> list[dict[str, Any]]:
    select = SELECT.format(
        visible=visible("a.project_id"),
        paused=held_back("g"),
        where=" and ".join(where),
        order="desc" if newest_first else "asc",
        most=values.add(most),
        chars=PROMPT_CHARS,
    )
    return tx.all(select, *values.all)


def summary(tx: Tx, user_id: UUID) -> tuple[QueueSummary, ...]:
    """A row for each project that has something in the queue, by name."""
    rows = tx.all(
        "select a.project_id, p.name as project_name, me.role,"
        " count(*) filter (where a.status <> 'ATTENTION') as in_flight,"
        " count(*) filter (where a.status = 'ATTENTION') as attention"
        f" from asset a {visible('a.project_id')} join project p on p.id = a.project_id"
        f" where {OPEN} and a.trashed_at is null group by a.project_id, p.name, me.role order by p.name, a.project_id",
        user_id,
    )
    return tuple(QueueSummary(**row) for row in rows)
