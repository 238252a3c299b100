"""Which takes nobody marked, when they leave, and what everything takes up.

`leaving`, in the statements below, are the takes that may go: nothing that people marked in any way, nothing that a take
that stays was made from. Days count from the last activity of the project, and an open round is one: they begin when its
last link has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apom.models import Page, RetentionRun, StorageUse, Take
from apom.store import Tx, pages
from apom.store.assets import TAKE
from apom.store.projects import visible

# no tags: of `= '[]'` PostgreSQL expects a two-hundredth of the takes instead of nearly all, and looks up each by itself
UNMARKED = """not a.is_favorite and a.rating = 0 and a.status in ('COMPLETED', 'FAILED', 'CANCELLED')
    and b.kind = 'SHOT' and b.headliner_asset_id is distinct from a.id and length(cast(r.tags as text)) <= 2
    and not exists (select 1 from comment c where c.asset_id = a.id)
    and not exists (select 1 from verdict v where v.asset_id = a.id)
    and not exists (select 1 from round_shot s where s.asset_id = a.id)
    and not exists (select 1 from project p where p.soundtrack_asset_id = a.id)
    and not exists (select 1 from round t where t.soundtrack_asset_id = a.id)"""
DAYS = """days as materialized (
  select p.id as project_id, coalesce(p.retention_days, $2::integer) as days,
    greatest(p.updated_at, coalesce(r.published_at, p.updated_at), coalesce(o.closed_at, p.updated_at)) as since
  from project p
  left join (select project_id, max(published_at) as published_at from round group by project_id) r
    on r.project_id = p.id
  left join (select project_id, max(least(expires_at, coalesce(revoked_at, expires_at))) as closed_at
    from shared_link group by project_id) o on o.project_id = r.project_id)"""
MADE_FROM = """made_from as (
  select asset_id as id, source_asset_id as source from asset_input
  union all select id, parent_asset_id from asset where parent_asset_id is not null)"""


def _leaving(candidates: str, is_kept: str) -> str:
    """The takes that may go: the candidates, without those that a take that stays was made from.

    `is_kept`: whether a take `u` that is no candidate stays.
    """
    return f"""with recursive {DAYS}, {MADE_FROM}, candidate as materialized ({candidates}),
    needed(id) as (
      select m.source from made_from m join candidate c on c.id = m.source join asset u on u.id = m.id
        left join candidate too on too.id = m.id where too.id is null and {is_kept}
      union select m.source from needed n join made_from m on m.id = n.id join candidate c on c.id = m.source),
    leaving as materialized (select c.* from candidate c where not exists (select 1 from needed n where n.id = c.id))"""


# $1: until when; $2: the studio's days; 0 for never, as for a project's own
FORGOTTEN = _leaving(
    f"""select a.id, a.project_id, a.box_id, a.leaves_at, coalesce(a.bytes, 0) as bytes,
    greatest(a.created_at, d.since) + d.days * interval '1 day' as due_at
  from asset a join days d on d.project_id = a.project_id join box b on b.id = a.box_id
    join asset_recipe r on r.asset_id = a.id
  where a.trashed_at is null and a.purged_at is null and d.days > 0
    and greatest(a.created_at, d.since) + d.days * interval '1 day' <= $1::timestamptz and {UNMARKED}""",
    "u.trashed_at is null and u.purged_at is null",
)
# $1: thrown away until when
OVERDUE = _leaving(
    f"""select a.id, a.project_id, a.box_id, coalesce(a.bytes, 0) as bytes
  from asset a join days d on d.project_id = a.project_id join box b on b.id = a.box_id
    join asset_recipe r on r.asset_id = a.id
  where a.trashed_at <= $1::timestamptz and a.purged_at is null and d.days > 0 and {UNMARKED}""",
    "u.purged_at is null",
)
# $1: nothing; $2: nothing; $3: the project whose trash is emptied. A person's word: what others said of a take goes along.
THROWN = _leaving(
    """select a.id, a.project_id, a.box_id, coalesce(a.bytes, 0) as bytes from asset a
  where a.project_id = $3 and a.trashed_at is not null and a.purged_at is null and $1::timestamptz is not null
    and a.status in ('COMPLETED', 'FAILED', 'CANCELLED')
    and not exists (select 1 from round_shot s where s.asset_id = a.id)
    and not exists (select 1 from round t where t.soundtrack_asset_id = a.id)
    and not exists (select 1 from verdict v where v.asset_id = a.id)""",
    "u.purged_at is null",
)
USE = """count(a.id) filter (where a.trashed_at is null) as takes,
    count(a.id) filter (where a.trashed_at is null and a.asset_type = 'AUDIO') as sounds,
    cast(coalesce(sum(a.bytes) filter (where a.trashed_at is null), 0) as bigint) as bytes,
    count(a.id) filter (where a.trashed_at is not null) as trashed,
    cast(coalesce(sum(a.bytes) filter (where a.trashed_at is not null), 0) as bigint) as trashed_bytes,
    count(a.id) filter (where a.leaves_at is not null and a.trashed_at is null) as leaving,
    cast(coalesce(sum(a.bytes) filter (where a.leaves_at is not null and a.trashed_at is null), 0) as bigint)
      as leaving_bytes,
    count(a.missing_at) filter (where a.trashed_at is null) as missing"""


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many takes, and the bytes of their originals."""

    takes: int = 0
    bytes: int = 0


def takes(tx: Tx) -> int:
    """How many there are in all, without the trash."""
    return int(tx.value("select count(*) from asset where trashed_at is null"))


def forgotten(tx: Tx, until: datetime, days: int, project_id: UUID | None = None) -> Count:
    """What is due by then."""
    return _count(tx, FORGOTTEN, until, days, project_id)


def going(tx: Tx, now: datetime, days: int, project_id: UUID | None = None) -> Count:
    """What goes to the trash now: due, and said before."""
    if not tx.value(
        "select exists (select 1 from asset where leaves_at <= $1::timestamptz and trashed_at is null)", now
    ):
        return Count()
    return _count(tx, FORGOTTEN, now, days, project_id, "leaves_at <= $1")


def overdue(tx: Tx, until: datetime, days: int, project_id: UUID | None = None) -> Count:
    """What has lain in the trash since then."""
    if not tx.value(
        "select exists (select 1 from asset where trashed_at <= $1::timestamptz and purged_at is null)", until
    ):
        return Count()
    return _count(tx, OVERDUE, until, days, project_id)


def _count(tx: Tx, which: str, at: datetime, days: int, project_id: UUID | None, where: str = "true") -> Count:
    row = tx.one(
        f"{which} select count(*) as takes, coalesce(sum(bytes), 0) as bytes from leaving"
        f" where ($3::uuid is null or project_id = $3) and {where}",
        at,
        days,
        project_id,
    )
    assert row is not None, "an aggregate has one row"
    return Count(takes=int(row["takes"]), bytes=int(row["bytes"]))


def page(
    tx: Tx, project_id: UUID, until: datetime, days: int, soonest: datetime, cursor: str | None, limit: int
) -> Page[Take]:
    """Takes of a project that go by then, the first to go first; `leaves_at` says when, `soonest` at the soonest."""
    at, after = pages.position(cursor)
    take = TAKE.replace("a.leaves_at", "d.goes_at as leaves_at")
    rows = tx.all(
        f"{FORGOTTEN}, dated as (select id, coalesce(leaves_at, greatest(due_at, $4::timestamptz)) as goes_at"
        "  from leaving where project_id = $3)"
        f" select {take} from dated d join asset a on a.id = d.id join box b on b.id = a.box_id"
        " where $5::timestamptz is null or (d.goes_at, a.id) > ($5, $6::uuid) order by d.goes_at, a.id limit $7",
        until,
        days,
        project_id,
        soonest,
        at,
        after,
        pages.size(limit) + 1,
    )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return Page[Take](
        items=tuple(Take(**row) for row in shown),
        next=None if last is None else pages.cursor(last["leaves_at"], last["id"]),
    )


def announce(tx: Tx, until: datetime, days: int, soonest: datetime) -> int:
    """Says of what is due by then when it goes, and of what is not any more that it stays; how many are new."""
    tx.all(
        f"{FORGOTTEN} update asset set leaves_at = null where leaves_at is not null"
        " and not exists (select 1 from leaving l where l.id = asset.id)",
        until,
        days,
    )
    new = tx.all(
        f"{FORGOTTEN} update asset set leaves_at = greatest(l.due_at, $3::timestamptz) from leaving l"
        " where asset.id = l.id and asset.leaves_at is null returning asset.id",
        until,
        days,
        soonest,
    )
    return len(new)


def trash(tx: Tx, now: datetime, days: int) -> set[tuple[UUID, UUID]]:
    """What was announced and is due goes to the trash; the (project, box) it was in."""
    rows = tx.all(
        f"{FORGOTTEN} update asset set trashed_at = $1, leaves_at = null from leaving l"
        " where asset.id = l.id and asset.leaves_at <= $1 returning asset.project_id, asset.box_id",
        now,
        days,
    )
    return {(row["project_id"], row["box_id"]) for row in rows}


def purge(tx: Tx, until: datetime, days: int, now: datetime) -> set[tuple[UUID, UUID]]:
    """What has lain in the trash since then counts as gone from now on, its files too; the (project, box) it was in."""
    rows = tx.all(
        f"{OVERDUE} update asset set purged_at = $3 from leaving l where asset.id = l.id"
        " returning asset.project_id, asset.box_id",
        until,
        days,
        now,
    )
    return {(row["project_id"], row["box_id"]) for row in rows}


def thrown(tx: Tx, project_id: UUID, now: datetime) -> Count:
    """What emptying the trash of a project would purge."""
    return _count(tx, THROWN, now, 0, project_id)


def empty(tx: Tx, project_id: UUID, now: datetime) -> None:
    """Purges it."""
    tx.all(
        f"{THROWN} update asset set purged_at = $1 from leaving l where asset.id = l.id and $2::integer is not null",
        now,
        0,
        project_id,
    )


def remains(tx: Tx, limit: int) -> list[tuple[UUID, tuple[str, ...]]]:
    """Takes that are purged and whose files may still be there, with the keys of those that go."""
    rows = tx.all(
        "select id, file_key, preview_key, proxy_key from asset where purged_at is not null"
        " and (file_key is not null or preview_key is not null or proxy_key is not null) order by purged_at, id limit $1",
        limit,
    )
    return [(row.pop("id"), tuple(key for key in row.values() if key)) for row in rows]


def forget(tx: Tx, asset_ids: Sequence[UUID]) -> None:
    """Their files are gone; the small picture and the recipe stay."""
    tx.all(
        "update asset set file_key = null, preview_key = null, proxy_key = null where id = any($1::uuid[])",
        list(asset_ids),
    )


def record(tx: Tx, run: RetentionRun) -> None:
    """What a run did."""
    row = run.model_dump()
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    tx.all(f"insert into retention_run ({', '.join(row)}) values ({places})", *row.values())


def runs(tx: Tx, limit: int) -> tuple[RetentionRun, ...]:
    """The last ones, newest first."""
    rows = tx.all("select * from retention_run order by happened_at desc, id desc limit $1", limit)
    return tuple(RetentionRun(**row) for row in rows)


def last_at(tx: Tx) -> datetime | None:
    """When the clock was last right."""
    at: datetime | None = tx.value("select max(happened_at) from retention_run where held is distinct from 'CLOCK'")
    return at


def use_by_project(tx: Tx, user_id: UUID) -> tuple[StorageUse, ...]:
    """What a person's projects take up, the largest first."""
    rows = tx.all(
        f"select p.id as project_id, p.name as project_name, {USE} from project p {visible('p.id')}"
        " left join asset a on a.project_id = p.id and a.purged_at is null group by p.id, p.name"
        " order by bytes desc, project_name",
        user_id,
    )
    return tuple(StorageUse(**row) for row in rows)


def use_by_box(tx: Tx, project_id: UUID) -> tuple[StorageUse, ...]:
    """What the boxes of a project take up, in their order."""
    rows = tx.all(
        f"select p.id as project_id, p.name as project_name, b.id as box_id, b.code, b.name as box_name, {USE}"
        " from box b join project p on p.id = b.project_id"
        " left join asset a on a.box_id = b.id and a.purged_at is null where b.project_id = $1"
        " group by p.id, p.name, b.id, b.code, b.name, b.kind, b.order_index"
        " order by b.order_index nulls last, b.code",
        project_id,
    )
    return tuple(StorageUse(**row) for row in rows)
