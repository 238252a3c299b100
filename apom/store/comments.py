"""What was said about takes: by members to each other, and between them and those behind review links."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Comment, Page, Region, ReviewComment, Visibility
from apom.store import Tx, pages
from apom.store.projects import visible

COMMENT = """c.id, c.project_id, c.box_id, b.code as box_code, b.name as box_name, c.asset_id, a.number as take_number,
    c.round_id, r.number as round_number, c.link_id, l.label as link_label, c.user_id, c.parent_comment_id,
    c.author_name, c.text, c.visibility, c.region, c.timecode_s, c.end_s, c.is_read, c.is_resolved,
    c.hidden_at is not null as is_hidden, c.created_at, c.updated_at"""
FROM = f"""from comment c {visible("c.project_id")} join box b on b.id = c.box_id left join asset a on a.id = c.asset_id
left join round r on r.id = c.round_id left join shared_link l on l.id = c.link_id"""
# What those behind a link may read, said once: to clients, not hidden, about a take that a round has shown.
SHOWN = f"""c.visibility = '{Visibility.CLIENT}' and c.hidden_at is null and c.asset_id in (
    select s.asset_id from round_shot s join round sr on sr.id = s.round_id where sr.project_id = c.project_id)"""


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "region": json.loads(row["region"]) if row["region"] else None}


def insert(tx: Tx, comment: Comment, reviewer_id: UUID | None = None) -> None:
    """A new comment. `reviewer_id`: whose it is when it came through a link."""
    tx.all(
        "insert into comment (id, project_id, box_id, asset_id, round_id, link_id, user_id, reviewer_id,"
        " parent_comment_id, author_name, text, visibility, region, timecode_s, end_s, is_read, is_resolved, created_at,"
        " updated_at) values ($1, $2, $3, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::uuid, $9::uuid, $10, $11, $12,"
        " $13::text::json, $14::double precision, $15::double precision, false, false, $16, $16)",
        comment.id,
        comment.project_id,
        comment.box_id,
        comment.asset_id,
        comment.round_id,
        comment.link_id,
        comment.user_id,
        reviewer_id,
        comment.parent_comment_id,
        comment.author_name,
        comment.text,
        comment.visibility,
        _json(comment.region),
        comment.timecode_s,
        comment.end_s,
        comment.created_at,
    )


def _json(region: Region | None) -> str | None:
    return None if region is None else region.model_dump_json()


def get(tx: Tx, user_id: UUID, comment_id: UUID) -> Comment | None:
    """A comment as a member of its project reads it."""
    row = tx.one(f"select {COMMENT} {FROM} where c.id = $2", user_id, comment_id)
    return Comment(**_read(row)) if row else None


def several(tx: Tx, user_id: UUID, ids: Collection[UUID]) -> tuple[Comment, ...]:
    """Those of these comments that a person may read, oldest first."""
    rows = tx.all(
        f"select {COMMENT} {FROM} where c.id = any($2::uuid[]) order by c.created_at, c.id", user_id, list(ids)
    )
    return tuple(Comment(**_read(row)) for row in rows)


def page(
    tx: Tx,
    user_id: UUID,
    *,
    project_id: UUID,
    box_id: UUID | None,
    asset_id: UUID | None,
    unresolved: bool,
    cursor: str | None,
    limit: int,
) -> Page[Comment]:
    """What was said in a project, about a box or about a take; newest first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"select {COMMENT} {FROM} where c.project_id = $2 and ($3::uuid is null or c.box_id = $3)"
        " and ($4::uuid is null or c.asset_id = $4) and (not $5 or not c.is_resolved)"
        " and ($6::timestamptz is null or (c.created_at, c.id) < ($6, $7::uuid))"
        " order by c.created_at desc, c.id desc limit $8",
        user_id,
        project_id,
        box_id,
        asset_id,
        unresolved,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(Comment(**_read(row)) for row in rows)
    shown, is_last = found[:limit], len(found) <= limit
    return Page[Comment](items=shown, next=None if is_last else pages.cursor(shown[-1].created_at, shown[-1].id))


def for_reviewers(
    tx: Tx, project_id: UUID, reviewer_id: UUID | None, cursor: str | None, limit: int
) -> Page[ReviewComment]:
    """What those behind a link may read, newest first; an answer only where what it answers is there, too."""
    at, after = pages.position(cursor)
    rows = tx.all(
        "select c.id, c.box_id, c.asset_id, r.number as round_number, c.parent_comment_id, c.author_name,"
        " c.link_id is not null as is_guest, c.reviewer_id is not distinct from $2::uuid and c.reviewer_id is not null"
        " as is_mine, c.text, c.region, c.timecode_s, c.end_s, c.is_resolved, c.created_at, c.updated_at"
        " from comment c left join round r on r.id = c.round_id"
        f" where c.project_id = $1 and {SHOWN} and (c.parent_comment_id is null or c.parent_comment_id in ("
        f"   select c.id from comment c where c.project_id = $1 and {SHOWN}))"
        " and ($3::timestamptz is null or (c.created_at, c.id) < ($3, $4::uuid))"
        " order by c.created_at desc, c.id desc limit $5",
        project_id,
        reviewer_id,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(ReviewComment(**_read(row)) for row in rows)
    shown, is_last = found[:limit], len(found) <= limit
    return Page[ReviewComment](items=shown, next=None if is_last else pages.cursor(shown[-1].created_at, shown[-1].id))


def said_to_clients(tx: Tx, project_id: UUID, comment_id: UUID) -> dict[str, Any] | None:
    """A comment that those behind a link may read: id, box_id, asset_id, round_id, parent_comment_id, reviewer_id."""
    return tx.one(
        "select c.id, c.box_id, c.asset_id, c.round_id, c.parent_comment_id, c.reviewer_id from comment c"
        f" where c.project_id = $1 and c.id = $2 and {SHOWN}",
        project_id,
        comment_id,
    )


def answers(tx: Tx, comment_id: UUID) -> int:
    """How many comments answer it."""
    return int(tx.value("select count(*) from comment where parent_comment_id = $1", comment_id))


def set_text(tx: Tx, comment_id: UUID, text: str, now: datetime) -> None:
    """Other words. Who had read it reads it again."""
    tx.all("update comment set text = $2, updated_at = $3, is_read = false where id = $1", comment_id, text, now)


def mark(
    tx: Tx,
    ids: Sequence[UUID],
    *,
    is_read: bool | None,
    is_resolved: bool | None,
    hidden_at: datetime | None,
    hides: bool,
) -> None:
    """Sets what is said of it; None leaves a flag as it is. `hides`: whether `hidden_at` is to be set."""
    tx.all(
        "update comment set is_read = coalesce($2::boolean, is_read), is_resolved = coalesce($3::boolean, is_resolved),"
        " hidden_at = case when $4 then $5::timestamptz else hidden_at end where id = any($1::uuid[])",
        list(ids),
        is_read,
        is_resolved,
        hides,
        hidden_at,
    )


def delete(tx: Tx, comment_id: UUID) -> None:
    """A comment and what answers it."""
    tx.all("delete from comment where parent_comment_id = $1 or id = $1", comment_id)
