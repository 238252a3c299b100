"""What credit was left at the providers, reading by reading, and what our own entries say of the same time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from apom.models import new_id
from apom.store import Tx


class Reading(NamedTuple):
    """What was left at a moment, in the provider's unit."""

    amount: float
    read_at: datetime


def insert(tx: Tx, provider: str, amount: float, unit: str | None, now: datetime) -> None:
    """One more reading."""
    tx.all(
        "insert into balance_reading (id, provider, amount, unit, read_at) values ($1, $2, $3, $4::text, $5)",
        new_id(),
        provider,
        amount,
        unit,
        now,
    )


def between(tx: Tx, provider: str, since: datetime, until: datetime) -> Sequence[Reading]:
    """A provider's readings, the earliest first. `until` is exclusive."""
    rows = tx.all(
        "select amount, read_at from balance_reading where provider = $1 and read_at >= $2 and read_at < $3"
        " order by read_at, id",
        provider,
        since,
        until,
    )
    return [Reading(**row) for row in rows]


def newest(tx: Tx) -> dict[str, datetime]:
    """When each provider was read last."""
    rows = tx.all("select provider, max(read_at) as read_at from balance_reading group by provider")
    return {row["provider"]: row["read_at"] for row in rows}


def has_spent(tx: Tx, provider: str, since: datetime) -> bool:
    """Whether something was ordered there after that moment."""
    found = tx.value("select 1 from ledger_entry where provider = $1 and happened_at > $2 limit 1", provider, since)
    return found is not None


def entered(tx: Tx, provider: str, unit: str | None, after: datetime, until: datetime) -> tuple[float, int]:
    """What our entries after one moment and until another come to in a unit, and how many of them have no price.

    What came with a project from another house was paid there: its person is nobody of this one.
    """
    row = tx.one(
        "select coalesce(sum(coalesce(actual, estimate)) filter (where unit is not distinct from $2::text), 0) as units,"
        " count(*) filter (where coalesce(actual, estimate) is null) as unpriced"
        " from ledger_entry where provider = $1 and happened_at > $3 and happened_at <= $4"
        " and user_id in (select id from app_user)",
        provider,
        unit,
        after,
        until,
    )
    assert row is not None, "a sum is always there"
    return float(row["units"]), int(row["unpriced"])
