"""Boxes: shots in order, references, cuts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Box, BoxKind
from apom.store import Tx
from apom.store.projects import assignments, visible

SELECT = """
with wanted as (select b.* from box b {visible} where b.trashed_at is null and {where}),
counted as (
    select a.box_id, count(*) as n, count(*) filter (where a.status in ('PENDING', 'PROCESSING')) as active,
        count(*) filter (where a.status = 'ATTENTION') as attention,
        (array_agg(a.id order by (a.id = w.headliner_asset_id) desc nulls last, a.created_at desc, a.id desc)
            filter (where a.thumb_key is not null))[1] as cover_id
    from asset a join wanted w on w.id = a.box_id where a.trashed_at is null group by a.box_id
),
{reviewed}
select w.id, w.project_id, p.name as project_name, w.code, w.name, w.kind, w.section, w.prompt_text, w.line, w.notes,
    w.duration_s, w.in_s, w.out_s, w.assignee_id, coalesce(whose.username, '') as assignee_name, w.order_index,
    w.headliner_asset_id, case when h.asset_type = 'VIDEO' then h.duration_s end as clip_s, cover.thumb_key as cover_key,
    cover.placeholder as cover_placeholder, coalesce(c.n, 0) as assets_count, coalesce(c.active, 0) as active_count,
    coalesce(c.attention, 0) as attention_count, coalesce(u.n, 0) as unread_count, s.asset_id as reviewed_asset_id,
    coalesce(v.approvals, 0) as approvals, coalesce(v.changes_wanted, 0) as changes_wanted, w.created_by, w.created_at,
    w.updated_at
from wanted w join project p on p.id = w.project_id
left join counted c on c.box_id = w.id left join asset cover on cover.id = c.cover_id
left join asset h on h.id = w.headliner_asset_id left join app_user whose on whose.id = w.assignee_id
left join unread u on u.box_id = w.id left join shown s on s.box_id = w.id left join judged v on v.box_id = w.id
order by w.order_index nulls last, w.code
"""
# What was said about boxes of `wanted`, and what the last round shows of them and got for it.
REVIEWED = """unread as (
    select box_id, count(*) as n from (
        select box_id from comment where not is_read and user_id is distinct from $1
        union all select box_id from verdict where not is_read and user_id is distinct from $1
    ) said where box_id in (select id from wanted) group by box_id
),
shown as (
    select s.box_id, s.asset_id, s.round_id from round_shot s
    join (select project_id, max(number) as number from round
        where project_id in (select project_id from wanted) group by project_id) last on true
    join round r on r.id = s.round_id and r.project_id = last.project_id and r.number = last.number
    where s.box_id in (select id from wanted)
),
judged as (
    select box_id, count(*) filter (where verdict = 'APPROVED') as approvals,
        count(*) filter (where verdict = 'CHANGES_WANTED') as changes_wanted
    from (
        select v.box_id, v.verdict, row_number() over (
            partition by v.box_id, coalesce(v.reviewer_id, v.user_id) order by v.created_at desc, v.id desc) as n
        from verdict v join shown s on s.round_id = v.round_id and s.box_id = v.box_id
    ) said where n = 1 group by box_id
)"""
SETTABLE = frozenset("name code section prompt_text line notes duration_s in_s out_s assignee_id".split())


@dataclass(frozen=True, kw_only=True)
class Place:
    """The project of a box, and what it is there."""

    project_id: UUID
    kind: BoxKind


def insert(tx: Tx, boxes: list[Box]) -> None:
    """New boxes, as they stand in `boxes`."""
    for box in boxes:
        tx.all(
            "insert into box (id, project_id, code, name, kind, section, prompt_text, line, notes, duration_s, in_s, out_s,"
            " order_index, takes_made, created_by, created_at, updated_at, assignee_id) values ($1, $2, $3, $4, $5, $6, $7, $8,"
            " $9, $10::double precision, $11::double precision, $12::double precision, $13::integer, 0, $14, $15, $16,"
            " $17::uuid)",
            box.id,
            box.project_id,
            box.code,
            box.name,
            box.kind,
            box.section,
            box.prompt_text,
            box.line,
            box.notes,
            box.duration_s,
            box.in_s,
            box.out_s,
            box.order_index,
            box.created_by,
            box.created_at,
            box.updated_at,
            box.assignee_id,
        )


def get(tx: Tx, user_id: UUID, box_id: UUID) -> Box | None:
    """A box as a member of its project sees it."""
    return next(iter(_selected(tx, "b.id = $2", user_id, box_id)), None)


def place(tx: Tx, box_id: UUID) -> Place | None:
    """Where a box is, whoever asks."""
    row = tx.one("select project_id, kind from box where id = $1 and trashed_at is null", box_id)
    return None if row is None else Place(project_id=row["project_id"], kind=BoxKind(row["kind"]))


def of_project(tx: Tx, user_id: UUID, project_id: UUID, kind: BoxKind | None = None) -> tuple[Box, ...]:
    """The shots in order, then the other boxes by code."""
    return _selected(tx, "b.project_id = $2 and ($3::text is null or b.kind = $3)", user_id, project_id, kind)


def _selected(tx: Tx, where: str, user_id: UUID, *args: object) -> tuple[Box, ...]:
    """What is counted is narrowed first: a store of many projects is not added up for one shot."""
    select = SELECT.format(visible=visible("b.project_id"), where=where, reviewed=REVIEWED)
    return tuple(Box(**row) for row in tx.all(select, user_id, *args))


def among(tx: Tx, project_id: UUID, box_ids: Collection[UUID]) -> set[UUID]:
    """Those of these boxes that are in a project."""
    rows = tx.all(
        "select id from box where project_id = $1 and id = any($2::uuid[]) and trashed_at is null",
        project_id,
        list(box_ids),
    )
    return {row["id"] for row in rows}


def own(tx: Tx, user_id: UUID, box_ids: Collection[UUID]) -> list[dict[str, Any]]:
    """Of those of these boxes that a person may see: id, code, prompt, headliner_id."""
    return tx.all(
        "select b.id, b.code, b.prompt_text as prompt, b.headliner_asset_id as headliner_id from box b"
        f" {visible('b.project_id')} where b.id = any($2::uuid[]) and b.trashed_at is null",
        user_id,
        list(box_ids),
    )


def count_takes(tx: Tx, box_id: UUID, more: int) -> int:
    """Takes the next `more` numbers of a box, which are never given twice; the first of them."""
    return first_numbers(tx, {box_id: more})[box_id]


def first_numbers(tx: Tx, more: Mapping[UUID, int]) -> dict[UUID, int]:
    """Takes so many numbers of each of these boxes; the first of them by box."""
    rows = tx.all(
        "update box set takes_made = takes_made + v.more from ("
        "  select unnest($1::uuid[]) as id, unnest($2::integer[]) as more) v"
        " where box.id = v.id returning box.id, box.takes_made",
        list(more),
        list(more.values()),
    )
    return {row["id"]: row["takes_made"] - more[row["id"]] + 1 for row in rows}


def codes(tx: Tx, project_id: UUID) -> set[str]:
    """The codes that are taken."""
    return {row["code"] for row in tx.all("select code from box where project_id = $1", project_id)}


def order(tx: Tx, project_id: UUID) -> list[UUID]:
    """The shots' ids, in order."""
    rows = tx.all(
        "select id from box where project_id = $1 and kind = 'SHOT' and trashed_at is null order by order_index, code",
        project_id,
    )
    return [row["id"] for row in rows]


def set_order(tx: Tx, ids: list[UUID], now: datetime) -> None:
    """These shots get the places 0..n-1; places that stay as they are are not written."""
    tx.all(
        "update box set order_index = v.place, updated_at = $3 from ("
        "  select unnest($1::uuid[]) as id, unnest($2::integer[]) as place) v"
        " where box.id = v.id and box.order_index is distinct from v.place",
        ids,
        list(range(len(ids))),
        now,
    )


def update(tx: Tx, box_id: UUID, changes: dict[str, Any], now: datetime) -> None:
    """Sets the columns that `changes` names."""
    sets = assignments(changes, SETTABLE, 3)
    tx.all(f"update box set updated_at = $2, {sets} where id = $1", box_id, now, *changes.values())


def set_headliner(tx: Tx, box_id: UUID, asset_id: UUID | None, now: datetime) -> None:
    """The take that stands for the shot; None for none."""
    tx.all("update box set headliner_asset_id = $2::uuid, updated_at = $3 where id = $1", box_id, asset_id, now)


def headliners(tx: Tx, box_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The take that stands for each of these boxes, None where there is none."""
    rows = tx.all("select id, headliner_asset_id from box where id = any($1::uuid[])", list(box_ids))
    return {row["id"]: row["headliner_asset_id"] for row in rows}


def clear_headliner(tx: Tx, asset_id: UUID, now: datetime) -> None:
    """A take that goes away stands for no shot any more."""
    tx.all("update box set headliner_asset_id = null, updated_at = $2 where headliner_asset_id = $1", asset_id, now)


def delete(tx: Tx, box_id: UUID) -> None:
    """A box and everything in it; its takes' files are the caller's."""
    for table in ("asset_recipe", "asset_input"):
        tx.all(f"delete from {table} where asset_id in (select id from asset where box_id = $1)", box_id)
    tx.all("delete from generation_output where generation_id in (select id from generation where box_id = $1)", box_id)
    for table in ("comment", "verdict", "link_activity", "round_shot", "generation", "asset"):
        tx.all(f"delete from {table} where box_id = $1", box_id)
    tx.all("delete from box where id = $1", box_id)
