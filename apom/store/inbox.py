"""Comments and verdicts of others, across the projects of a person."""

from __future__ import annotations

import json
from collections.abc import Collection
from uuid import UUID

from apom.models import InboxItem, Page, Unread, Visibility
from apom.store import Tx, pages
from apom.store.projects import visible

SAID = f"""
select c.id, 'comment' as kind, c.created_at as said_at, c.is_read, c.is_resolved, c.hidden_at is not null as is_hidden,
    c.project_id, c.box_id, c.asset_id, c.round_id, c.link_id, c.user_id, c.author_name, c.text, c.visibility, c.region,
    c.timecode_s, c.end_s, c.parent_comment_id, null::text as verdict
from comment c {visible("c.project_id")}
union all
select v.id, 'verdict', v.created_at, coalesce(v.is_read, false), false, false, v.project_id, v.box_id, v.asset_id,
    v.round_id, v.link_id, v.user_id, v.name, '', '{Visibility.CLIENT}', null::json, null::double precision,
    null::double precision, null::uuid, v.verdict
from verdict v {visible("v.project_id")}
"""
ITEM = f"""
select i.id, i.kind, i.said_at as "at", i.is_read, i.is_resolved, i.is_hidden, i.project_id, p.name as project_name,
    me.role, i.box_id, b.code as box_code, b.name as box_name, i.asset_id, a.number as take_number, a.asset_type,
    a.thumb_key, a.placeholder, r.number as round_number, l.label as link_label, i.author_name, i.text, i.visibility,
    i.region, i.timecode_s, i.end_s, i.parent_comment_id, i.verdict
from ({SAID}) i {visible("i.project_id")} join project p on p.id = i.project_id join box b on b.id = i.box_id
left join asset a on a.id = i.asset_id left join round r on r.id = i.round_id
left join shared_link l on l.id = i.link_id
"""


def page(
    tx: Tx, user_id: UUID, *, project_id: UUID | None, is_read: bool | None, cursor: str | None, limit: int
) -> Page[InboxItem]:
    """What others said, newest first. None: everywhere; read and unread."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"{ITEM} where i.user_id is distinct from $1 and ($2::uuid is null or i.project_id = $2)"
        " and ($3::boolean is null or i.is_read = $3)"
        " and ($4::timestamptz is null or (i.said_at, i.id) < ($4, $5::uuid))"
        " order by i.said_at desc, i.id desc limit $6",
        user_id,
        project_id,
        is_read,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(_item(**row) for row in rows)
    shown, is_last = found[:limit], len(found) <= limit
    return Page[InboxItem](items=shown, next=None if is_last else pages.cursor(shown[-1].at, shown[-1].id))


def several(tx: Tx, user_id: UUID, ids: Collection[UUID]) -> tuple[InboxItem, ...]:
    """Those of these that a person may see, newest first."""
    rows = tx.all(f"{ITEM} where i.id = any($2::uuid[]) order by i.said_at desc, i.id desc", user_id, list(ids))
    return tuple(_item(**row) for row in rows)


def _item(region: str | None, **row: object) -> InboxItem:
    return InboxItem.model_validate({**row, "region": json.loads(region) if region else None})


def unread(tx: Tx, user_id: UUID) -> tuple[Unread, ...]:
    """How much of each project nobody has read, where there is something."""
    rows = tx.all(
        "select i.project_id, p.name as project_name, count(*) as unread from ("
        "  select project_id, user_id from comment where not is_read"
        "  union all select project_id, user_id from verdict where not is_read"
        f") i {visible('i.project_id')} join project p on p.id = i.project_id where i.user_id is distinct from $1"
        " group by i.project_id, p.name order by p.name, i.project_id",
        user_id,
    )
    return tuple(Unread(**row) for row in rows)
