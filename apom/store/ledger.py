"""What submissions cost: one entry each, which outlives takes, projects and people; and what is promised but not yet spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Generation, SpendingDay, StatementRow, new_id
from apom.store import Tx, arrays

NOT_ENTERED = "not exists (select 1 from ledger_entry l where l.generation_id = g.id)"


def enter(tx: Tx, sent: Sequence[tuple[Generation, bool]], now: datetime) -> None:
    """What submissions cost, or may have cost while `cost_actual` is open, and whether their prices are for play: one
    entry each, for good.
    """
    known: arrays.Columns = {
        "generation_id": ("uuid", [g.id for g, _ in sent]),
        "actual": ("double precision", [g.cost_actual for g, _ in sent]),
        "unit": ("text", [g.cost_unit for g, _ in sent]),
        "amount": ("double precision", [_amount(g) for g, _ in sent]),
    }
    tx.all(
        "update ledger_entry set actual = v.actual, unit = v.unit, amount = v.amount"
        f" from (select {arrays.unnested(known)}) v where ledger_entry.generation_id = v.generation_id",
        *arrays.values(known),
    )
    enter_new(tx, sent, now)


def enter_new(tx: Tx, sent: Sequence[tuple[Generation, bool]], now: datetime) -> None:
    """Submissions and whether their prices are for play; those that have an entry keep it as it is."""
    columns: arrays.Columns = {
        "id": ("uuid", [new_id() for _ in sent]),
        "generation_id": ("uuid", [g.id for g, _ in sent]),
        "user_id": ("uuid", [g.created_by for g, _ in sent]),
        "project_id": ("uuid", [g.project_id for g, _ in sent]),
        "batch_id": ("uuid", [g.batch_id for g, _ in sent]),
        "provider": ("text", [g.provider for g, _ in sent]),
        "model": ("text", [g.model for g, _ in sent]),
        "estimate": ("double precision", [g.cost_estimate for g, _ in sent]),
        "actual": ("double precision", [g.cost_actual for g, _ in sent]),
        "unit": ("text", [g.cost_unit for g, _ in sent]),
        "is_play": ("boolean", [is_play for _, is_play in sent]),
        "currency": ("text", [g.currency for g, _ in sent]),
        "rate": ("double precision", [g.rate for g, _ in sent]),
        "amount": ("double precision", [_amount(g) for g, _ in sent]),
        "happened_at": ("timestamptz", [now for _ in sent]),
    }
    tx.all(
        f"insert into ledger_entry ({', '.join(columns)}) select {', '.join(columns)}"
        f" from (select {arrays.unnested(columns)}) v"
        " where not exists (select 1 from ledger_entry l where l.generation_id = v.generation_id)",
        *arrays.values(columns),
    )


def _amount(g: Generation) -> float | None:
    units = g.cost_estimate if g.cost_actual is None else g.cost_actual
    return None if g.rate is None or units is None else units * g.rate


def clear(tx: Tx, generation_ids: Sequence[UUID]) -> None:
    """What was feared to have cost something has cost nothing."""
    tx.all(
        "update ledger_entry set actual = 0, amount = 0 where generation_id = any($1::uuid[]) and actual is null",
        list(generation_ids),
    )


def spent(
    tx: Tx, *, project_id: UUID | None = None, user_id: UUID | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Money spent, a row per currency: currency (None for what has no rate), amount, count. Play prices are no money."""
    return tx.all(
        "select currency, coalesce(sum(amount), 0) as amount, count(*) filter (where amount is null) as unpriced"
        " from ledger_entry where not is_play and ($1::uuid is null or project_id = $1)"
        " and ($2::uuid is null or user_id = $2) and ($3::timestamptz is null or happened_at >= $3) group by currency",
        project_id,
        user_id,
        since,
    )


def promised(
    tx: Tx, *, project_id: UUID | None = None, user_id: UUID | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Money that what is ordered and not done will cost, a row per currency."""
    return tx.all(
        "select g.currency, coalesce(sum(g.amount), 0) as amount from generation g"
        f" where g.amount is not null and g.finished_at is null and {NOT_ENTERED}"
        " and ($1::uuid is null or g.project_id = $1) and ($2::uuid is null or g.created_by = $2)"
        " and ($3::timestamptz is null or g.created_at >= $3) group by g.currency",
        project_id,
        user_id,
        since,
    )


# $1: whose projects and own orders count, null for all; $2 and $3: from when and until when; $4: of which project
SEEN = """($1::uuid is null or l.user_id = $1
    or l.project_id in (select project_id from project_member where user_id = $1))
    and ($2::timestamptz is null or l.happened_at >= $2) and ($3::timestamptz is null or l.happened_at < $3)
    and ($4::uuid is null or l.project_id = $4)"""


def by_day(
    tx: Tx, *, reader: UUID, since: datetime | None, until: datetime | None, project_id: UUID | None
) -> tuple[SpendingDay, ...]:
    """Day x provider x model, the earliest first. See `statement`."""
    rows = tx.all(
        "select date_trunc('day', l.happened_at) as day, l.provider, l.model, l.unit, l.is_play, l.currency,"
        " count(*) as takes, sum(coalesce(l.actual, l.estimate)) as units, sum(l.amount) as amount,"
        " count(*) filter (where l.amount is null and not l.is_play) as unpriced from ledger_entry l"
        f" where {SEEN} group by 1, l.provider, l.model, l.unit, l.is_play, l.currency"
        " order by 1, l.provider, l.model, l.unit, l.currency",
        reader,
        since,
        until,
        project_id,
    )
    return tuple(SpendingDay(**row) for row in rows)


def statement(
    tx: Tx,
    *,
    reader: UUID | None,
    since: datetime | None = None,
    until: datetime | None = None,
    project_id: UUID | None = None,
) -> tuple[StatementRow, ...]:
    """Month x provider x project x person, the newest month first.

    `reader`: whose projects and own orders count, None for an operator, who sees all. `until` is exclusive.
    """
    rows = tx.all(
        "select date_trunc('month', l.happened_at) as month, l.provider, l.project_id, p.name as project_name, l.user_id,"
        " u.username, l.unit, l.is_play, l.currency, count(*) as takes,"
        " sum(coalesce(l.actual, l.estimate)) as units, sum(l.amount) as amount,"
        " count(*) filter (where l.amount is null and not l.is_play) as unpriced"
        " from ledger_entry l left join project p on p.id = l.project_id left join app_user u on u.id = l.user_id"
        f" where {SEEN} group by 1, l.provider, l.project_id, p.name, l.user_id, u.username, l.unit, l.is_play, l.currency"
        " order by 1 desc, l.provider, p.name nulls last, u.username nulls last, l.unit, l.currency",
        reader,
        since,
        until,
        project_id,
    )
    return tuple(StatementRow(**row) for row in rows)


def by_currency(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Sums by their currency; what has none is left out."""
    return {row["currency"]: float(row["amount"]) for row in rows if row["currency"] is not None}
