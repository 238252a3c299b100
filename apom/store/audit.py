"""What is remembered: appended, never changed, no secrets in it."""

from __future__ import annotations

from datetime import datetime

from apom.models import AuditEntry, Page, new_id
from apom.store import Tx, pages


def append(tx: Tx, now: datetime, actor: str, action: str, object: str = "", address: str = "") -> None:
    """One more entry. `object`: what it was about, as `project:…`."""
    tx.all(
        "insert into audit_entry (id, happened_at, actor, action, object, address) values ($1, $2, $3, $4, $5, $6)",
        new_id(),
        now,
        actor,
        action,
        object,
        address,
    )


def page(tx: Tx, cursor: str | None, limit: int) -> Page[AuditEntry]:
    """Entries, newest first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        'select id, happened_at as "at", actor, action, object, address from audit_entry'
        " where $1::timestamptz is null or (happened_at, id) < ($1, $2::uuid) order by happened_at desc, id desc limit $3",
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(AuditEntry(**row) for row in rows[:limit])
    return Page[AuditEntry](items=found, next=pages.cursor(found[-1].at, found[-1].id) if len(rows) > limit else None)


def latest(tx: Tx, limit: int) -> tuple[AuditEntry, ...]:
    """The last entries, newest first."""
    rows = tx.all(
        'select id, happened_at as "at", actor, action, object, address from audit_entry'
        " order by happened_at desc, id limit $1",
        limit,
    )
    return tuple(AuditEntry(**row) for row in rows)
