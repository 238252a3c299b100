"""Projects and their members. `visible` is the one place that says whose rows a person may read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Member, Page, Project, Role
from apom.store import Tx, pages


def visible(project_id: str) -> str:
    """The join every read goes through: only rows of projects in which `$1` is a member. `me.role` is the right."""
    return f"join project_member me on me.project_id = {project_id} and me.user_id = $1"


SELECT = """
with wanted as (select p.*, me.role from project p {visible} where {where}),
shots as (
    select project_id, count(*) as n from box
    where kind = 'SHOT' and trashed_at is null and project_id in (select id from wanted) group by project_id
),
takes as (
    select project_id, count(*) filter (where asset_type <> 'AUDIO') as n,
        count(*) filter (where status in ('PENDING', 'PROCESSING')) as active,
        count(*) filter (where status = 'ATTENTION') as attention, cast(sum(bytes) as bigint) as bytes,
        count(leaves_at) as leaving, min(leaves_at) as leaves_at
    from asset where trashed_at is null and project_id in (select id from wanted) group by project_id
),
unread as (
    select project_id, count(*) as n from (
        select project_id from comment where not is_read and user_id is distinct from $1
        union all select project_id from verdict where not is_read and user_id is distinct from $1
    ) said where project_id in (select id from wanted) group by project_id
)
select w.id, w.name, w.notes, w.fps, w.width, w.height, w.target_s, w.style_text, w.currency, w.budget,
    w.retention_days, w.soundtrack_asset_id, w.is_archived, w.created_by, w.created_at, w.updated_at, w.role,
    coalesce(shots.n, 0) as boxes_count, coalesce(takes.n, 0) as assets_count, coalesce(takes.active, 0) as active_count,
    coalesce(takes.attention, 0) as attention_count, coalesce(takes.bytes, 0) as bytes,
    coalesce(unread.n, 0) as unread_count, coalesce(takes.leaving, 0) as leaving_count, takes.leaves_at
from wanted w left join shots on shots.project_id = w.id left join takes on takes.project_id = w.id
left join unread on unread.project_id = w.id
order by w.updated_at desc, w.id desc
"""
SETTABLE = frozenset(
    "name notes fps width height target_s style_text currency budget retention_days is_archived soundtrack_asset_id".split()
)


def assignments(changes: dict[str, Any], settable: frozenset[str], first: int) -> str:
    """`name = $3, notes = $4, …` for the columns a change names; only columns of `settable` can be meant."""
    unknown = changes.keys() - settable
    if unknown:
        raise KeyError(f"not settable: {sorted(unknown)}")
    return ", ".join(f"{column} = ${n}" for n, column in enumerate(changes, start=first))


def ids(tx: Tx, user_id: UUID) -> frozenset[UUID]:
    """All projects somebody is in."""
    return frozenset(row["id"] for row in tx.all(f"select p.id from project p {visible('p.id')}", user_id))


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


def style(tx: Tx, user_id: UUID, project_id: UUID) -> str:
    """How everything in a project should look, in words; "" for who does not see it."""
    select = f"select p.style_text from project p {visible('p.id')} where p.id = $2"
    return str(tx.value(select, user_id, project_id) or "")


def role(tx: Tx, user_id: UUID, project_id: UUID) -> Role | None:
    """A person's role, None for a stranger."""
    found = tx.value("select role from project_member where project_id = $1 and user_id = $2", project_id, user_id)
    return Role(found) if found else None


def roles(tx: Tx, user_id: UUID, project_ids: Collection[UUID]) -> dict[UUID, Role]:
    """A person's role in each of these projects, without those they are a stranger in."""
    rows = tx.all(
        "select project_id, role from project_member where user_id = $1 and project_id = any($2::uuid[])",
        user_id,
        list(project_ids),
    )
    return {row["project_id"]: Role(row["role"]) for row in rows}


def get(tx: Tx, user_id: UUID, project_id: UUID) -> Project | None:
    """A project as one of its members sees it."""
    return next(iter(_selected(tx, "p.id = $2", user_id, project_id)), None)


def page(tx: Tx, user_id: UUID, archived: bool, cursor: str | None, limit: int) -> Page[Project]:
    """A person's projects, the one worked on last first."""
    at, after = pages.position(cursor)
    found = _selected(
        tx,
        "p.is_archived = $2 and ($3::timestamptz is null or (p.updated_at, p.id) < ($3, $4::uuid))"
        " order by p.updated_at desc, p.id desc limit $5",
        user_id,
        archived,
        at,
        after,
        pages.size(limit) + 1,
    )
    shown = found[:limit]
    is_last = len(found) == len(shown)
    return Page[Project](items=shown, next=None if is_last else pages.cursor(shown[-1].updated_at, shown[-1].id))


def _selected(tx: Tx, where: str, user_id: UUID, *args: object) -> tuple[Project, ...]:
    """What is counted is narrowed first: a store of many projects is not added up for one."""
    select = SELECT.format(visible=visible("p.id"), where=where)
    return tuple(Project(**row) for row in tx.all(select, user_id, *args))


def mosaic(tx: Tx, user_id: UUID, project_ids: list[UUID], each: int) -> list[dict[str, Any]]:
    """The first shots of each project, by headliner or newest take: project_id, thumb_key, placeholder."""
    return tx.all(
        "with shots as ("
        "  select b.id, b.project_id, b.headliner_asset_id,"
        "    row_number() over (partition by b.project_id order by b.order_index nulls last, b.id) as n"
        f"  from box b {visible('b.project_id')} where b.project_id = any($2::uuid[])"
        "    and b.id in (select box_id from asset where thumb_key is not null and trashed_at is null and asset_type <> 'AUDIO')"
        "), covers as ("
        "  select s.project_id, s.n, (array_agg("
        "      a.id order by (a.id = s.headliner_asset_id) desc nulls last, a.created_at desc, a.id desc))[1] as cover_id"
        "  from shots s join asset a on a.box_id = s.id and a.thumb_key is not null and a.trashed_at is null"
        "   and a.asset_type <> 'AUDIO'"
        "  where s.n <= $3 group by s.project_id, s.n"
        ") select c.project_id, a.thumb_key, a.placeholder from covers c join asset a on a.id = c.cover_id"
        " order by c.project_id, c.n",
        user_id,
        project_ids,
        each,
    )


def update(tx: Tx, project_id: UUID, changes: dict[str, Any], now: datetime) -> None:
    """Sets the columns that `changes` names."""
    sets = assignments(changes, SETTABLE, 3)
    tx.all(f"update project set updated_at = $2, {sets} where id = $1", project_id, now, *changes.values())
    _keep(tx, project_id)


def clear_soundtrack(
    tx: Tx, now: datetime, *, asset_ids: Collection[UUID] = (), box_id: UUID | None = None
) -> list[UUID]:
    """Takes that go away, some or all of a box, play under no cut any more; the projects that this changed."""
    rows = tx.all(
        "update project set soundtrack_asset_id = null, updated_at = $1 where soundtrack_asset_id in"
        " (select id from asset where id = any($2::uuid[]) or box_id = $3::uuid) returning id",
        now,
        list(asset_ids),
        box_id,
    )
    return [row["id"] for row in rows]


def touch(tx: Tx, project_id: UUID, now: datetime) -> None:
    """Somebody worked on it."""
    tx.all("update project set updated_at = $2 where id = $1", project_id, now)
    _keep(tx, project_id)


def _keep(tx: Tx, project_id: UUID) -> None:
    """The days until its takes go begin anew, so that none is about to."""
    tx.all("update asset set leaves_at = null where project_id = $1 and leaves_at is not null", project_id)


def delete(tx: Tx, project_id: UUID) -> None:
    """The project and every row that belongs to it, the ledger and the audit excepted."""
    for table in ("asset_recipe", "asset_input"):
        tx.all(f"delete from {table} where asset_id in (select id from asset where project_id = $1)", project_id)
    tx.all(
        "delete from generation_output where generation_id in (select id from generation where project_id = $1)",
        project_id,
    )
    tx.all("delete from round_shot where round_id in (select id from round where project_id = $1)", project_id)
    for table in (
        "comment verdict link_activity reviewer round shared_link invitation batch job handover generation asset box"
        " project_member".split()
    ):
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
    """A person leaves; the shots that were theirs are nobody's."""
    tx.all("update box set assignee_id = null where project_id = $1 and assignee_id = $2", project_id, user_id)
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
