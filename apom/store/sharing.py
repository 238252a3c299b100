"""Rounds and review links: what a client sees, and who may."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Round, SharedLink
from apom.store import Tx
from apom.store.projects import visible

LINK = """l.id, l.project_id, l.label, l.expires_at, l.can_comment, l.can_approve, l.can_download, l.show_prompts,
    l.revoked_at, l.created_by, l.created_at"""


def publish(tx: Tx, round: Round) -> None:
    """Freezes the cut: every shot in order with its headliner and its trims."""
    tx.all(
        "insert into round (id, project_id, number, note, published_by, published_at) values ($1, $2, $3, $4, $5, $6)",
        round.id,
        round.project_id,
        round.number,
        round.note,
        round.published_by,
        round.published_at,
    )
    tx.all(
        "insert into round_shot (round_id, position, box_id, code, name, asset_id, in_s, out_s)"
        " select $1, order_index, id, code, name, headliner_asset_id, in_s, out_s from box"
        " where project_id = $2 and kind = 'SHOT' and trashed_at is null",
        round.id,
        round.project_id,
    )


def last_round(tx: Tx, project_id: UUID) -> Round | None:
    """The newest published round."""
    row = tx.one(
        "select id, project_id, number, note, published_at, published_by from round where project_id = $1"
        " order by number desc limit 1",
        project_id,
    )
    return Round(**row) if row else None


def round_shots(tx: Tx, round_id: UUID) -> list[dict[str, Any]]:
    """The frozen shots in order, with what a reviewer may know of each take."""
    return tx.all(
        "select s.code, s.name, s.asset_id, s.in_s, s.out_s, a.asset_type, a.width, a.height, a.duration_s, a.fps,"
        " a.placeholder, r.prompt_text"
        " from round_shot s left join asset a on a.id = s.asset_id and a.purged_at is null"
        " left join asset_recipe r on r.asset_id = a.id where s.round_id = $1 order by s.position",
        round_id,
    )


def insert_link(tx: Tx, link: SharedLink, token_hash: str) -> None:
    """A new review link."""
    tx.all(
        "insert into shared_link (id, token_hash, project_id, label, expires_at, can_comment, can_approve, can_download,"
        " show_prompts, created_by, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
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
    )


def live_link(tx: Tx, token_hash: str, now: datetime) -> SharedLink | None:
    """The link behind a token that is neither revoked nor expired."""
    row = tx.one(
        f"select {LINK} from shared_link l where l.token_hash = $1 and l.revoked_at is null and l.expires_at > $2",
        token_hash,
        now,
    )
    return SharedLink(**row) if row else None


def links(tx: Tx, user_id: UUID, project_id: UUID) -> tuple[SharedLink, ...]:
    """A project's links, newest first, for a member."""
    rows = tx.all(
        f"select {LINK} from shared_link l {visible('l.project_id')} where l.project_id = $2"
        " order by l.created_at desc, l.id",
        user_id,
        project_id,
    )
    return tuple(SharedLink(**row) for row in rows)


def link(tx: Tx, user_id: UUID, link_id: UUID) -> SharedLink | None:
    """One link, for a member of its project."""
    row = tx.one(f"select {LINK} from shared_link l {visible('l.project_id')} where l.id = $2", user_id, link_id)
    return SharedLink(**row) if row else None


def revoke(tx: Tx, link_id: UUID, now: datetime) -> None:
    """It ends now."""
    tx.all("update shared_link set revoked_at = $2, updated_at = $2 where id = $1 and revoked_at is null", link_id, now)


def in_a_round(tx: Tx, *, box_id: UUID | None = None, asset_id: UUID | None = None) -> bool:
    """Whether a published round shows this box or this take."""
    return (
        tx.value(
            "select 1 from round_shot where ($1::uuid is null or box_id = $1) and ($2::uuid is null or asset_id = $2) limit 1",
            box_id,
            asset_id,
        )
        is not None
    )
