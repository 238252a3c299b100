"""Where people have notifications posted, and what is on its way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Webhook, new_id
from apom.store import Tx, arrays, notices

COLUMNS = "id, name, shown, preset, template, is_active, last_ok_at, last_error, failing_since, created_at"
AT_ONCE = 2  # of one webhook: one that is slow holds up its own


@dataclass(frozen=True, kw_only=True)
class Due:
    """One post that is to be made now. `notification`: the row as its person may see it; None when they may not any more."""

    id: UUID
    tries: int
    webhook: Webhook
    sealed: str
    user_id: UUID
    language: str
    notification_id: UUID
    notification: dict[str, Any] | None = None


def insert(tx: Tx, user_id: UUID, webhook: Webhook, sealed: str) -> None:
    """A new one."""
    tx.all(
        "insert into webhook (id, user_id, name, preset, template, sealed, shown, is_active, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        webhook.id,
        user_id,
        webhook.name,
        webhook.preset,
        webhook.template,
        sealed,
        webhook.shown,
        webhook.is_active,
        webhook.created_at,
    )


def of(tx: Tx, user_id: UUID) -> tuple[Webhook, ...]:
    """Somebody's, the oldest first."""
    rows = tx.all(f"select {COLUMNS} from webhook where user_id = $1 order by created_at, id", user_id)
    return tuple(Webhook(**row) for row in rows)


def get(tx: Tx, user_id: UUID, webhook_id: UUID) -> tuple[Webhook, str] | None:
    """One of somebody's, and its sealed address and secret."""
    row = tx.one(f"select {COLUMNS}, sealed from webhook where id = $2 and user_id = $1", user_id, webhook_id)
    if row is None:
        return None
    sealed = row.pop("sealed")
    return Webhook(**row), sealed


def sealed(tx: Tx) -> list[str]:
    """What lies sealed in all of them."""
    return [row["sealed"] for row in tx.all("select sealed from webhook order by created_at limit 50")]


def set_active(tx: Tx, webhook_id: UUID, is_active: bool) -> None:
    """Whether it is posted to; what was on its way to one that was turned off is over."""
    tx.all("update webhook set is_active = $2, failing_since = null where id = $1", webhook_id, is_active)
    if is_active:
        tx.all("update webhook set last_error = null where id = $1", webhook_id)
    else:
        tx.all("delete from delivery where webhook_id = $1", webhook_id)


def set_template(tx: Tx, webhook_id: UUID, template: str) -> None:
    """What is posted from now on."""
    tx.all("update webhook set template = $2 where id = $1", webhook_id, template)


def delete(tx: Tx, webhook_id: UUID) -> None:
    """It is forgotten, with what was posted there."""
    tx.all("delete from delivery where webhook_id = $1", webhook_id)
    tx.all("delete from webhook where id = $1", webhook_id)


# on the way


def order(tx: Tx, pairs: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """(notification, webhook): to be posted as soon as possible."""
    if not pairs:
        return
    columns: arrays.Columns = {
        "id": ("uuid", [new_id() for _ in pairs]),
        "notification_id": ("uuid", [notification for notification, _ in pairs]),
        "webhook_id": ("uuid", [webhook for _, webhook in pairs]),
        "tries": ("integer", [0 for _ in pairs]),
        "next_at": ("timestamptz", [now for _ in pairs]),
    }
    arrays.insert(tx, "delivery", columns)


def is_due(tx: Tx, now: datetime) -> bool:
    """Whether there is something to post."""
    return tx.value("select 1 from delivery where next_at <= $1 limit 1", now) is not None


def claim(tx: Tx, now: datetime, until: datetime, limit: int) -> list[Due]:
    """What is due, a few of each webhook: a try is counted before it is made, and the next is not before `until`."""
    rows = tx.all(
        "select d.id, d.tries, d.notification_id, w.user_id, w.sealed, u.language,"
        f" {', '.join(f'w.{name}' + (' as webhook_id' if name == 'id' else '') for name in COLUMNS.split(', '))}"
        " from (select d.*, row_number() over (partition by webhook_id order by next_at, id) as place"
        "   from delivery d where next_at <= $1) d"
        " join webhook w on w.id = d.webhook_id and w.is_active join app_user u on u.id = w.user_id and u.is_active"
        f" where d.place <= {AT_ONCE} order by d.next_at, d.id limit $2",
        now,
        limit,
    )
    ids = [row["id"] for row in rows]
    tx.all("update delivery set tries = tries + 1, next_at = $2 where id = any($1::uuid[])", ids, until)
    tx.all(
        "delete from delivery where next_at <= $1 and webhook_id in (select w.id from webhook w"
        " join app_user u on u.id = w.user_id where not w.is_active or not u.is_active)",
        now,
    )
    return [_due(tx, row) for row in rows]


def _due(tx: Tx, row: dict[str, Any]) -> Due:
    webhook = {name: row["webhook_id" if name == "id" else name] for name in COLUMNS.split(", ")}
    return Due(
        id=row["id"],
        tries=row["tries"] + 1,
        webhook=Webhook(**webhook),
        sealed=row["sealed"],
        user_id=row["user_id"],
        language=row["language"],
        notification_id=row["notification_id"],
        notification=notices.get(tx, row["user_id"], row["notification_id"]),
    )


def settle(tx: Tx, delivery_id: UUID, next_at: datetime | None) -> None:
    """It is over, or tried again then."""
    if next_at is None:
        tx.all("delete from delivery where id = $1", delivery_id)
    else:
        tx.all("update delivery set next_at = $2 where id = $1", delivery_id, next_at)


def went_well(tx: Tx, webhook_id: UUID, now: datetime) -> None:
    """It answered as it should."""
    tx.all("update webhook set last_ok_at = $2, last_error = null, failing_since = null where id = $1", webhook_id, now)


def went_wrong(tx: Tx, webhook_id: UUID, reason: str, now: datetime) -> datetime | None:
    """It did not; since when that has been so, None when it is turned off or gone."""
    tx.all(
        "update webhook set last_error = $2, failing_since = coalesce(failing_since, $3::timestamptz) where id = $1",
        webhook_id,
        reason,
        now,
    )
    since: datetime | None = tx.value("select failing_since from webhook where id = $1 and is_active", webhook_id)
    return since
