"""What people decided about takes of a round: appended, never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apom.models import Verdict
from apom.store import Tx
from apom.store.projects import visible


def insert(tx: Tx, verdict: Verdict, reviewer_id: UUID | None = None) -> None:
    """One more. `reviewer_id`: whose it is when it came through a link."""
    tx.all(
        "insert into verdict (id, project_id, round_id, box_id, asset_id, link_id, user_id, reviewer_id, name, verdict,"
        " is_read, created_at) values ($1, $2, $3, $4, $5::uuid, $6::uuid, $7::uuid, $8::uuid, $9, $10, false, $11)",
        verdict.id,
        verdict.project_id,
        verdict.round_id,
        verdict.box_id,
        verdict.asset_id,
        verdict.link_id,
        verdict.user_id,
        reviewer_id,
        verdict.name,
        verdict.verdict,
        verdict.created_at,
    )


def of(tx: Tx, user_id: UUID, project_id: UUID, box_id: UUID | None) -> tuple[Verdict, ...]:
    """A project's verdicts, or those about a box, newest first, for a member."""
    rows = tx.all(
        "select v.id, v.project_id, v.round_id, r.number as round_number, v.box_id, b.code as box_code, v.asset_id,"
        " a.number as take_number, v.link_id, v.user_id, v.name, v.verdict, coalesce(v.is_read, false) as is_read,"
        f" v.created_at from verdict v {visible('v.project_id')} join round r on r.id = v.round_id"
        " join box b on b.id = v.box_id left join asset a on a.id = v.asset_id"
        " where v.project_id = $2 and ($3::uuid is null or v.box_id = $3) order by v.created_at desc, v.id",
        user_id,
        project_id,
        box_id,
    )
    return tuple(Verdict(**row) for row in rows)


def last_words(tx: Tx, round_id: UUID) -> list[dict[str, Any]]:
    """What each person said last of each shot of a round: box_id, verdict, reviewer_id."""
    return tx.all(
        "select box_id, verdict, reviewer_id from (select v.*, row_number() over ("
        "  partition by v.box_id, coalesce(v.reviewer_id, v.user_id) order by v.created_at desc, v.id desc) as n"
        " from verdict v where v.round_id = $1) said where n = 1",
        round_id,
    )


def mark(tx: Tx, ids: Sequence[UUID], *, is_read: bool) -> None:
    """Read, or not."""
    tx.all("update verdict set is_read = $2 where id = any($1::uuid[])", list(ids), is_read)
