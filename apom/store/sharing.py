"""Rounds and review links: what a client sees, and who may."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Round, RoundShot, SharedLink
from apom.store import Tx
from apom.store.projects import assignments, visible

LINK = """l.id, l.project_id, l.label, l.expires_at, l.can_comment, l.can_approve, l.can_download, l.show_prompts,
    l.revoked_at, l.created_by, l.created_at, p.name as project_name, l.password_hash is not null as has_password"""
USED = f"""
select {LINK}, coalesce(o.n, 0) as visits, coalesce(c.n, 0) as comments, s.last_seen_at
from shared_link l {visible("l.project_id")} join project p on p.id = l.project_id
left join (select link_id, count(*) as n from link_activity where action = 'OPENED' group by link_id) o
    on o.link_id = l.id
left join (select link_id, count(*) as n from comment group by link_id) c on c.link_id = l.id
left join (select link_id, max(seen_at) as last_seen_at from reviewer group by link_id) s on s.link_id = l.id
"""
SHOWN_KEY = "(case when a.asset_type = 'AUDIO' then a.proxy_key else a.file_key end)"  # of sound the copy without words
SWITCHES = frozenset("can_comment can_approve can_download show_prompts".split())
ROUND = "r.id, r.project_id, r.number, r.note, r.published_at, r.published_by, r.soundtrack_asset_id"


def publish(tx: Tx, round: Round) -> None:
    """Freezes the cut: every shot in order with its headliner and its trims."""
    tx.all(
        "insert into round (id, project_id, number, note, published_by, published_at, soundtrack_asset_id)"
        " values ($1, $2, $3, $4, $5, $6, $7::uuid)",
        round.id,
        round.project_id,
        round.number,
        round.note,
        round.published_by,
        round.published_at,
        round.soundtrack_asset_id,
    )
    tx.all(
        "insert into round_shot (round_id, position, box_id, code, name, asset_id, in_s, out_s, duration_s)"
        " select $1, order_index, id, code, name, headliner_asset_id, in_s, out_s, duration_s from box"
        " where project_id = $2 and kind = 'SHOT' and trashed_at is null",
        round.id,
        round.project_id,
    )


def rounds(tx: Tx, user_id: UUID, project_id: UUID) -> tuple[Round, ...]:
    """A project's rounds, newest first, for a member."""
    rows = tx.all(
        f"select {ROUND} from round r {visible('r.project_id')} where r.project_id = $2 order by r.number desc",
        user_id,
        project_id,
    )
    return tuple(Round(**row) for row in rows)


def round_(tx: Tx, user_id: UUID, round_id: UUID) -> Round | None:
    """One round, for a member of its project."""
    row = tx.one(f"select {ROUND} from round r {visible('r.project_id')} where r.id = $2", user_id, round_id)
    return Round(**row) if row else None


def last_round(tx: Tx, project_id: UUID) -> Round | None:
    """The newest published round."""
    row = tx.one(f"select {ROUND} from round r where r.project_id = $1 order by r.number desc limit 1", project_id)
    return Round(**row) if row else None


def last_with(tx: Tx, asset_id: UUID) -> UUID | None:
    """The newest round that shows a take, by id."""
    found: UUID | None = tx.value(
        "select r.id from round r join round_shot s on s.round_id = r.id where s.asset_id = $1"
        " order by r.number desc limit 1",
        asset_id,
    )
    return found


def shots(tx: Tx, project_id: UUID, number: int) -> tuple[RoundShot, ...]:
    """The frozen shots of a project's round, in order; none when there is no such round."""
    rows = tx.all(
        "select s.round_id, s.position, s.box_id, s.code, s.name, s.asset_id, s.in_s, s.out_s, s.duration_s"
        " from round_shot s join round r on r.id = s.round_id where r.project_id = $1 and r.number = $2"
        " order by s.position",
        project_id,
        number,
    )
    return tuple(RoundShot(**row) for row in rows)


def takes(tx: Tx, asset_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """What a reviewer may know of each of these takes; files that are gone are None."""
    rows = tx.all(
        f"select a.id, a.number, a.asset_type, {SHOWN_KEY} as file_key, a.thumb_key, a.preview_key, a.placeholder, a.mime,"
        " a.width, a.height, a.duration_s, a.fps, r.prompt_text from asset a join asset_recipe r on r.asset_id = a.id"
        " where a.id = any($1::uuid[]) and a.purged_at is null",
        list(asset_ids),
    )
    return {row["id"]: row for row in rows}


def originals(tx: Tx, asset_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """The files of these takes, with what a manifest for clients says; those that are gone are left out."""
    rows = tx.all(
        "select a.id, a.number, a.asset_type, a.file_key, a.width, a.height, a.duration_s, a.created_at, r.prompt_text"
        " from asset a join asset_recipe r on r.asset_id = a.id"
        " where a.id = any($1::uuid[]) and a.purged_at is null and a.file_key is not null",
        list(asset_ids),
    )
    return {row["id"]: row for row in rows}


def file_key(tx: Tx, project_id: UUID, asset_id: UUID, tail: str) -> dict[str, Any] | None:
    """The stored file of a take that some round of the project shows, whose key ends in `/{asset}/{tail}`: key, mime."""
    return tx.one(
        f"select case when {SHOWN_KEY} like $3 then {SHOWN_KEY} when a.thumb_key like $3 then a.thumb_key"
        " else a.preview_key end as key, a.mime from asset a where a.id = $2 and a.purged_at is null"
        f" and ({SHOWN_KEY} like $3 or a.thumb_key like $3 or a.preview_key like $3)"
        " and a.id in (select s.asset_id from round_shot s join round r on r.id = s.round_id where r.project_id = $1"
        "  union all select soundtrack_asset_id from round where project_id = $1)",
        project_id,
        asset_id,
        f"%/a/{asset_id}/{tail}",
    )


def format_of(tx: Tx, project_id: UUID) -> dict[str, Any]:
    """What a reviewer sees of the project itself: project_name, fps, width, height."""
    found = tx.one("select name as project_name, fps, width, height from project where id = $1", project_id)
    assert found is not None, "its link is there"
    return found


def insert_link(tx: Tx, link: SharedLink, token_hash: str, password_hash: str | None) -> None:
    """A new review link."""
    tx.all(
        "insert into shared_link (id, token_hash, project_id, label, expires_at, can_comment, can_approve, can_download,"
        " show_prompts, created_by, created_at, updated_at, password_hash)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12::text)",
        link.id,
        token_hash,
        link.project_id,
        link.label,
        link.expires_at,
        link.can_comment,
        link.can_approve,
        link.can_download,
        link.show_prompts,
        link.created_by,
        link.created_at,
        password_hash,
    )


def live_link(tx: Tx, token_hash: str, now: datetime) -> SharedLink | None:
    """The link behind a token that is neither revoked nor expired."""
    row = tx.one(
        f"select {LINK} from shared_link l join project p on p.id = l.project_id"
        " where l.token_hash = $1 and l.revoked_at is null and l.expires_at > $2",
        token_hash,
        now,
    )
    return SharedLink(**row) if row else None


def password_hash(tx: Tx, link_id: UUID) -> str | None:
    """What a link's password is checked against."""
    found: str | None = tx.value("select password_hash from shared_link where id = $1", link_id)
    return found


def links(tx: Tx, user_id: UUID, project_id: UUID | None, live_at: datetime | None) -> tuple[SharedLink, ...]:
    """The links of a project, or of all of a member's projects, newest first. `live_at`: only those that work then."""
    rows = tx.all(
        f"{USED} where ($2::uuid is null or l.project_id = $2)"
        " and ($3::timestamptz is null or (l.revoked_at is null and l.expires_at > $3)) order by l.created_at desc, l.id",
        user_id,
        project_id,
        live_at,
    )
    return tuple(SharedLink(**row) for row in rows)


def link(tx: Tx, user_id: UUID, link_id: UUID) -> SharedLink | None:
    """One link, for a member of its project."""
    row = tx.one(f"{USED} where l.id = $2", user_id, link_id)
    return SharedLink(**row) if row else None


def set_switches(tx: Tx, link_id: UUID, switches: dict[str, Any], now: datetime) -> None:
    """What those behind it may do from now on."""
    sets = assignments(switches, SWITCHES, 3)
    tx.all(f"update shared_link set updated_at = $2, {sets} where id = $1", link_id, now, *switches.values())


def revoke(tx: Tx, link_id: UUID, now: datetime) -> None:
    """It ends now."""
    tx.all("update shared_link set revoked_at = $2, updated_at = $2 where id = $1 and revoked_at is null", link_id, now)


def in_a_round(tx: Tx, *, box_id: UUID | None = None, asset_id: UUID | None = None) -> bool:
    """Whether a published round shows this box or this take, or plays it."""
    return (
        tx.value(
            "select 1 from round_shot where ($1::uuid is null or box_id = $1) and ($2::uuid is null or asset_id = $2)"
            " union all select 1 from round r join asset a on a.id = r.soundtrack_asset_id"
            " where ($1::uuid is null or a.box_id = $1) and ($2::uuid is null or a.id = $2) limit 1",
            box_id,
            asset_id,
        )
        is not None
    )
