"""What submissions cost: one entry each, which outlives takes, projects and people; and what is promised but not yet spent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Generation, StatementRow, new_id
from apom.store import Tx

NOT_ENTERED = "not exists (select 1 from ledger_entry l where l.generation_id = g.id)"


def enter(tx: Tx, g: Generation, *, is_play: bool, now: datetime) -> None:
    """What a submission cost, or may have cost while `cost_actual` is open: one entry each, for good."""
    units = g.cost_estimate if g.cost_actual is None else g.cost_actual
    amount = None if g.rate is None or units is None else units * g.rate
    known = tx.all(
        "update ledger_entry set actual = $2::double precision, unit = $3::text, amount = $4::double precision"
        " where generation_id = $1 returning id",
        g.id,
        g.cost_actual,
        g.cost_unit,
        amount,
    )
    if known:
        return
    tx.all(
        "insert into ledger_entry (id, generation_id, user_id, project_id, provider, model, estimate, actual, unit, is_play,"
        " currency, rate, amount, happened_at) values ($1, $2, $3, $4, $5, $6, $7::double precision, $8::double precision,"
        " $9::text, $10, $11::text, $12::double precision, $13::double precision, $14)",
        new_id(),
        g.id,
        g.created_by,
        g.project_id,
        g.provider,
        g.model,
        g.cost_estimate,
        g.cost_actual,
        g.cost_unit,
        is_play,
        g.currency,
        g.rate,
        amount,
        now,
    )


def clear(tx: Tx, generation_id: UUID) -> None:
    """What was feared to have cost something has cost nothing."""
    tx.all("update ledger_entry set actual = 0, amount = 0 where generation_id = $1 and actual is null", generation_id)


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
        " where ($1::uuid is null or l.user_id = $1 or l.project_id in"
        "   (select project_id from project_member where user_id = $1))"
        " and ($2::timestamptz is null or l.happened_at >= $2) and ($3::timestamptz is null or l.happened_at < $3)"
        " and ($4::uuid is null or l.project_id = $4)"
        " group by 1, l.provider, l.project_id, p.name, l.user_id, u.username, l.unit, l.is_play, l.currency"
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
