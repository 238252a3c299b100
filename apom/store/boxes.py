"""Boxes: shots in order, references, cuts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Box, BoxKind
from apom.store import Tx
from apom.store.projects import assignments, visible

SELECT = f"""
select b.id, b.project_id, p.name as project_name, b.code, b.name, b.kind, b.section, b.prompt_text, b.line, b.notes,
    b.duration_s, b.in_s, b.out_s, b.order_index, b.headliner_asset_id,
    coalesce(h.thumb_key, n.thumb_key) as cover_key,
    coalesce(h.placeholder, n.placeholder) as cover_placeholder,
    coalesce(c.n, 0) as assets_count, coalesce(c.active, 0) as active_count,
    coalesce(c.attention, 0) as attention_count, b.created_by, b.created_at, b.updated_at
from box b {visible("b.project_id")}
join project p on p.id = b.project_id
left join asset h on h.id = b.headliner_asset_id
left join (
    select distinct on (box_id) box_id, thumb_key, placeholder from asset
    where thumb_key is not null and trashed_at is null order by box_id, created_at desc, id
) n on n.box_id = b.id
left join (
    select box_id, count(*) as n, count(*) filter (where status in ('PENDING', 'PROCESSING')) as active,
        count(*) filter (where status = 'ATTENTION') as attention
    from asset where trashed_at is null group by box_id
) c on c.box_id = b.id
"""
SETTABLE = frozenset("name code section prompt_text line notes duration_s in_s out_s".split())


def insert(tx: Tx, boxes: list[Box]) -> None:
    """New boxes, as they stand in `boxes`."""
    for box in boxes:
        tx.all(
            "insert into box (id, project_id, code, name, kind, section, prompt_text, line, notes, duration_s, in_s, out_s,"
            " order_index, takes_made, created_by, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
            " $10::double precision, $11::double precision, $12::double precision, $13::integer, 0, $14, $15, $16)",
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
        )


def get(tx: Tx, user_id: UUID, box_id: UUID) -> Box | None:
    """A box as a member of its project sees it."""
    row = tx.one(f"{SELECT} where b.id = $2 and b.trashed_at is null", user_id, box_id)
    return Box(**row) if row else None


def of_project(tx: Tx, user_id: UUID, project_id: UUID, kind: BoxKind | None = None) -> tuple[Box, ...]:
    """The shots in order, then the other boxes by code."""
    rows = tx.all(
        f"{SELECT} where b.project_id = $2 and b.trashed_at is null and ($3::text is null or b.kind = $3)"
        " order by b.order_index nulls last, b.code",
        user_id,
        project_id,
        kind,
    )
    return tuple(Box(**row) for row in rows)


def count_takes(tx: Tx, box_id: UUID, more: int) -> int:
    """Takes the next `more` numbers of a box, which are never given twice; the first of them."""
    last = tx.value("update box set takes_made = takes_made + $2 where id = $1 returning takes_made", box_id, more)
    return int(last) - more + 1


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


def clear_headliner(tx: Tx, asset_id: UUID, now: datetime) -> None:
    """A take that goes away stands for no shot any more."""
    tx.all("update box set headliner_asset_id = null, updated_at = $2 where headliner_asset_id = $1", asset_id, now)


def delete(tx: Tx, box_id: UUID) -> None:
    """A box and everything in it; its takes' files are the caller's."""
    for table in ("asset_recipe", "asset_input"):
        tx.all(f"delete from {table} where asset_id in (select id from asset where box_id = $1)", box_id)
    tx.all("delete from generation_output where generation_id in (select id from generation where box_id = $1)", box_id)
    for table in ("comment", "verdict", "round_shot", "generation", "asset"):
        tx.all(f"delete from {table} where box_id = $1", box_id)
    tx.all("delete from box where id = $1", box_id)
