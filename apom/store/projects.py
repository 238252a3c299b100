"""Projects and their members. `visible` is the one place that says whose rows a person may read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Member, Page, Project, Role
from apom.store import Tx, pages


def visible(project_id: str) -> str:
    """The join every read goes through: only rows of projects in which `$1` is a member. `me.role` is the right."""
    return f"join project_member me on me.project_id = {project_id} and me.user_id = $1"


SELECT = f"""
select p.id, p.name, p.notes, p.fps, p.width, p.height, p.target_s, p.style_text, p.currency, p.budget,
    p.retention_days, p.is_archived, p.created_by, p.created_at, p.updated_at, me.role,
    coalesce(b.n, 0) as boxes_count, coalesce(a.n, 0) as assets_count, coalesce(a.active, 0) as active_count,
    coalesce(a.attention, 0) as attention_count, coalesce(a.bytes, 0) as bytes
from project p {visible("p.id")}
left join (
    select project_id, count(*) as n from box where kind = 'SHOT' and trashed_at is null group by project_id
) b on b.project_id = p.id
left join (
    select project_id, count(*) as n, count(*) filter (where status in ('PENDING', 'PROCESSING')) as active,
        count(*) filter (where status = 'ATTENTION') as attention, cast(sum(bytes) as bigint) as bytes
    from asset where trashed_at is null group by project_id
) a on a.project_id = p.id
"""
SETTABLE = frozenset(
    "name notes fps width height target_s style_text currency budget retention_days is_archived".split()
)


def assignments(changes: dict[str, Any], settable: frozenset[str], first: int) -> str:
    """`name = $3, notes = $4, …` for the columns a change names; only columns of `settable` can be meant."""
    unknown = changes.keys() - settable
    if unknown:
        raise KeyError(f"not settable: {sorted(unknown)}")
    return ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, start=first))


def insert(tx: Tx, project: Project) -> None:
    """A new project and its owner."""
    tx.all(
        "insert into project (id, name, notes, fps, width, height, target_s, style_text, currency, budget,"
        " retention_days, is_archived, created_by, created_at, updated_at) values"
        " ($1, $2, $3, $4, $5, $6, $7::double precision, $8, $9, $10::double precision, $11::integer, $12, $13, $14, $15)",
        project.id,
        project.name,
        project.notes,
        project.fps,
        project.width,
        project.height,
        project.target_s,
        project.style_text,
        project.currency,
        project.budget,
        project.retention_days,
        project.is_archived,
        project.created_by,
        project.created_at,
        project.updated_at,
    )
    add_member(tx, project.id, project.created_by, Role.OWNER, project.created_at)


def role(tx: Tx, user_id: UUID, project_id: UUID) -> Role | None:
    """A person's role, None for a stranger."""
    found = tx.value("select role from project_member where project_id = $1 and user_id = $2", project_id, user_id)
    return Role(found) if found else None


def get(tx: Tx, user_id: UUID, project_id: UUID) -> Project | None:
    """A project as one of its members sees it."""
    row = tx.one(f"{SELECT} where p.id = $2", user_id, project_id)
    return Project(**row) if row else None


def page(tx: Tx, user_id: UUID, archived: bool, cursor: str | None, limit: int) -> Page[Project]:
    """A person's projects, the one worked on last first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"{SELECT} where p.is_archived = $2 and ($3::timestamptz is null or (p.updated_at, p.id) < ($3, $4::uuid))"
        " order by p.updated_at desc, p.id desc limit $5",
        user_id,
        archived,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(Project(**row) for row in rows[:limit])
    return Page(items=found, next=pages.cursor(found[-1].updated_at, found[-1].id) if len(rows) > limit else None)


def mosaic(tx: Tx, user_id: UUID, project_ids: list[UUID], each: int) -> list[dict[str, Any]]:
    """The first shots of each project, by headliner or newest take: project_id, thumb_key, placeholder."""
    return tx.all(
        "select project_id, thumb_key, placeholder from ("
        "  select project_id, thumb_key, placeholder, row_number() over ("
        "    partition by project_id order by place nulls last, box_id) as n from ("
        "    select distinct on (b.id) b.project_id, b.id as box_id, b.order_index as place, a.thumb_key, a.placeholder"
        f"    from box b {visible('b.project_id')} join asset a on a.box_id = b.id and a.trashed_at is null"
        "    where b.project_id = any($2) and a.thumb_key is not null"
        "    order by b.id, a.id is not distinct from b.headliner_asset_id desc, a.created_at desc, a.id) c"
        ") t where n <= $3 order by project_id, n",
        user_id,
        project_ids,
        each,
    )


def update(tx: Tx, project_id: UUID, changes: dict[str, Any], now: datetime) -> None:
    """Sets the columns that `changes` names."""
    sets = assignments(changes, SETTABLE, 3)
    tx.all(f"update project set updated_at = $2, {sets} where id = $1", project_id, now, *changes.values())


def touch(tx: Tx, project_id: UUID, now: datetime) -> None:
    """Somebody worked on it."""
    tx.all("update project set updated_at = $2 where id = $1", project_id, now)


def delete(tx: Tx, project_id: UUID) -> None:
    """The project and every row that belongs to it, the ledger and the audit excepted."""
    for table in ("asset_recipe", "asset_input"):
        tx.all(f"delete from {table} where asset_id in (select id from asset where project_id = $1)", project_id)
    tx.all(
        "delete from generation_output where generation_id in (select id from generation where project_id = $1)",
        project_id,
    )
    tx.all("delete from round_shot where round_id in (select id from round where project_id = $1)", project_id)
    for table in "comment verdict round shared_link invitation batch job generation asset box project_member".split():
        tx.all(f"delete from {table} where project_id = $1", project_id)
    tx.all("delete from project where id = $1", project_id)


def add_member(tx: Tx, project_id: UUID, user_id: UUID, role: Role, now: datetime) -> None:
    """A person joins, or gets another role."""
    tx.all(
        "insert into project_member (project_id, user_id, role, created_at) values ($1, $2, $3, $4)"
        " on conflict (project_id, user_id) do update set role = excluded.role",
        project_id,
        user_id,
        role,
        now,
    )


def remove_member(tx: Tx, project_id: UUID, user_id: UUID) -> None:
    """A person leaves."""
    tx.all("delete from project_member where project_id = $1 and user_id = $2", project_id, user_id)


def members(tx: Tx, user_id: UUID, project_id: UUID) -> tuple[Member, ...]:
    """Who is in a project, for one who is."""
    rows = tx.all(
        f"select m.project_id, m.user_id, u.username, m.role from project_member m {visible('m.project_id')}"
        " join app_user u on u.id = m.user_id where m.project_id = $2 order by m.created_at, u.username_key",
        user_id,
        project_id,
    )
    return tuple(Member(**row) for row in rows)
