"""Browsers that look through review links, and what was done there."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from apom.models import LinkAction, LinkActivity, Page, Reviewer, new_id
from apom.store import Tx, pages

REVIEWER = """id, link_id, project_id, name, admitted_at, round_seen, round_before, visit_at, before_at, seen_at,
    created_at"""


def get(tx: Tx, link_id: UUID, browser_hash: str) -> Reviewer | None:
    """The reviewer behind a browser's secret."""
    row = tx.one(
        f"select {REVIEWER} from reviewer where link_id = $1 and browser_hash = $2",
        link_id,
        browser_hash,
    )
    return Reviewer(**row) if row else None


def insert(tx: Tx, reviewer: Reviewer, browser_hash: str) -> None:
    """A browser that comes for the first time."""
    tx.all(
        "insert into reviewer (id, link_id, project_id, browser_hash, name, visit_at, seen_at, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        reviewer.id,
        reviewer.link_id,
        reviewer.project_id,
        browser_hash,
        reviewer.name,
        reviewer.visit_at,
        reviewer.seen_at,
        reviewer.created_at,
    )


def set_visit(tx: Tx, reviewer: Reviewer) -> None:
    """When it was here, and which rounds it has seen."""
    tx.all(
        "update reviewer set round_seen = $2::integer, round_before = $3::integer, visit_at = $4,"
        " before_at = $5::timestamptz, seen_at = $6 where id = $1",
        reviewer.id,
        reviewer.round_seen,
        reviewer.round_before,
        reviewer.visit_at,
        reviewer.before_at,
        reviewer.seen_at,
    )


def set_name(tx: Tx, reviewer_id: UUID, name: str) -> None:
    """What a reviewer wants to be called, also under what they have said already."""
    tx.all("update reviewer set name = $2 where id = $1", reviewer_id, name)
    tx.all("update comment set author_name = $2 where reviewer_id = $1", reviewer_id, name)


def admit(tx: Tx, reviewer_id: UUID, now: datetime) -> None:
    """It gave the link's password."""
    tx.all("update reviewer set admitted_at = $2 where id = $1", reviewer_id, now)


def note(tx: Tx, reviewer: Reviewer, action: LinkAction, now: datetime, box_id: UUID | None = None) -> None:
    """Remembers what was done, and that somebody was here."""
    tx.all(
        "insert into link_activity (id, project_id, link_id, reviewer_id, box_id, action, happened_at)"
        " values ($1, $2, $3, $4, $5::uuid, $6, $7)",
        new_id(),
        reviewer.project_id,
        reviewer.link_id,
        reviewer.id,
        box_id,
        action,
        now,
    )
    tx.all("update reviewer set seen_at = $2 where id = $1", reviewer.id, now)


def has_noted(tx: Tx, reviewer: Reviewer, action: LinkAction, since: datetime, box_id: UUID) -> bool:
    """Whether that was remembered of this box since then."""
    return (
        tx.value(
            "select 1 from link_activity where reviewer_id = $1 and action = $2 and happened_at >= $3 and box_id = $4"
            " limit 1",
            reviewer.id,
            action,
            since,
            box_id,
        )
        is not None
    )


def count(tx: Tx, link_id: UUID, since: datetime, reviewer_id: UUID | None = None) -> int:
    """Comments and verdicts through a link since then, by all or by one reviewer."""
    actions = ", ".join(
        f"'{action}'" for action in (LinkAction.COMMENTED, LinkAction.APPROVED, LinkAction.CHANGES_WANTED)
    )
    return int(
        tx.value(
            f"select count(*) from link_activity where link_id = $1 and happened_at > $2 and action in ({actions})"
            " and ($3::uuid is null or reviewer_id = $3)",
            link_id,
            since,
            reviewer_id,
        )
    )


def activity(tx: Tx, link_id: UUID, cursor: str | None, limit: int) -> Page[LinkActivity]:
    """What was done with a link, newest first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        'select a.id, a.link_id, a.happened_at as "at", a.action, r.name, b.code as box_code, b.name as box_name'
        " from link_activity a join reviewer r on r.id = a.reviewer_id left join box b on b.id = a.box_id"
        " where a.link_id = $1 and ($2::timestamptz is null or (a.happened_at, a.id) < ($2, $3::uuid))"
        " order by a.happened_at desc, a.id desc limit $4",
        link_id,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(LinkActivity(**row) for row in rows)
    shown, is_last = found[:limit], len(found) <= limit
    return Page[LinkActivity](items=shown, next=None if is_last else pages.cursor(shown[-1].at, shown[-1].id))
