"""Money: what a unit is worth, what a project and a person may still spend, what was spent.

Every amount is kept in the provider's unit and in the project's currency with the rate that was used. Play prices are
never added to money.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias, cast
from uuid import UUID

from apom.errors import Invalid, OverBudget
from apom.models import Actor, Allowance, Project, Role, Spending, SpendingDay, StatementRow
from apom.projects import need
from apom.store import Store, Tx, ledger, projects, system, users
from apom.words import N_

if TYPE_CHECKING:
    from apom.providers.spec import Worth

Rates: TypeAlias = Mapping[str, Mapping[str, float]]  # what one unit costs in each currency


@dataclass(frozen=True, kw_only=True)
class Line:
    """A part of an order: `n` takes of one model. `price`: for one take, in `unit`; None when nobody knows."""

    provider: str
    price: float | None
    unit: str | None
    n: int
    is_play: bool
    worth: Worth | None = None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What one take of a line will cost in the project's currency, and the rate that says so; None where none does."""

    currency: str | None = None
    rate: float | None = None
    amount: float | None = None


def rate(rates: Rates, unit: str, currency: str, *, worth: Worth | None = None) -> float | None:
    """What one `unit` costs in `currency`, over at most one other currency; None when nobody said.

    An admin's word goes before that of the provider's file.
    """
    straight = _straight(rates, unit, currency)
    if straight is not None:
        return straight
    known = {**({worth.currency: worth.amount} if worth else {}), **rates.get(unit, {})}
    ways = ((first, _straight(rates, over, currency)) for over, first in known.items())
    return next((first * second for first, second in ways if second is not None), None)


def _straight(rates: Rates, unit: str, currency: str) -> float | None:
    if unit == currency:
        return 1.0
    forth, back = rates.get(unit, {}).get(currency), rates.get(currency, {}).get(unit)
    return forth if forth is not None else 1 / back if back else None


def rate_of(rates: Rates, line: Line, currency: str) -> float | None:
    """The rate for a line's unit: under `provider/unit` first, for two providers' credits are not the same."""
    if line.unit is None:
        return None
    own = f"{line.provider}/{line.unit}"
    found = rate({own: rates[own], **rates} if own in rates else rates, own, currency, worth=line.worth)
    return found if found is not None else rate(rates, line.unit, currency)


def total(amounts: Mapping[str, float], currency: str, rates: Rates) -> float | None:
    """Sums of several currencies in one; None when one of them has no rate."""
    parts = [(amount, rate(rates, other, currency)) for other, amount in amounts.items() if amount]
    if any(found is None for _, found in parts):
        return None
    return sum(amount * found for amount, found in parts if found is not None)


def in_currency(tx: Tx, amounts: Mapping[str, float], currency: str) -> float | None:
    """As `total`, at the rates of now."""
    return total(amounts, currency, _rates(tx))


def month_of(now: datetime) -> datetime:
    """When the month began, in UTC."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    """When the next month begins."""
    return month_of(month_of(month) + timedelta(days=31))


class Money:
    """Admits orders against budgets and limits, and says what was spent."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def quote(
        self, tx: Tx, actor: Actor, project_id: UUID, lines: Sequence[Line]
    ) -> tuple[tuple[Quote, ...], tuple[OverBudget, ...]]:
        """Prices an order: a quote for each line, and every reason why so much may not be spent.

        It goes beyond the project's budget or the person's limit of this month, or either is set and nobody knows what it
        would cost. It holds for the transaction it was asked in: store the order in the same.
        """
        project = projects.get(tx, actor.user_id, project_id)
        assert project is not None, "its role was read a moment ago"
        rates = _rates(tx)
        quotes = tuple(_quote(line, project.currency, rates) for line in lines)
        paid = [(line, quote) for line, quote in zip(lines, quotes, strict=True) if not line.is_play]
        limit = users.monthly_limit(tx, actor.user_id)
        if not paid or (project.budget is None and limit is None):
            return quotes, ()
        unknown = _unknown(paid, project.currency)
        if unknown:
            return quotes, unknown
        cost = sum((quote.amount or 0.0) * line.n for line, quote in paid)
        checks = (
            _against_project(tx, project, cost, rates),
            self._against_person(tx, actor, project, cost, limit, rates),
        )
        return quotes, tuple(found for found in checks if found is not None)

    def _against_person(
        self, tx: Tx, actor: Actor, project: Project, cost: float, limit: float | None, rates: Rates
    ) -> OverBudget | None:
        if limit is None:
            return None
        mine = str(system.value(tx, "currency"))
        worth = rate(rates, project.currency, mine)
        if worth is None:
            return OverBudget(NO_EXCHANGE, unit=project.currency, currency=mine)
        taken = _taken(tx, user_id=actor.user_id, since=month_of(self._clock()))
        return _beyond(cost * worth, taken, limit, mine, rates, OVER_PERSON)

    def spending(self, actor: Actor, project_id: UUID) -> Spending:
        """What a project has spent and promised. Raises NotFound."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            project = projects.get(tx, actor.user_id, project_id)
            assert project is not None, "its role was read in this snapshot"
            rates = _rates(tx)
            rows = ledger.spent(tx, project_id=project_id)
            promised = ledger.promised(tx, project_id=project_id)
        return Spending(
            project_id=project_id,
            currency=project.currency,
            budget=project.budget,
            spent=total(ledger.by_currency(rows), project.currency, rates),
            promised=total(ledger.by_currency(promised), project.currency, rates),
            unpriced=sum(row["unpriced"] for row in rows),
        )

    def allowance(self, actor: Actor) -> Allowance:
        """What the actor spent in this month and may still spend."""
        month = month_of(self._clock())
        with self._store.read() as tx:
            currency, rates = str(system.value(tx, "currency")), _rates(tx)
            limit = users.monthly_limit(tx, actor.user_id)
            rows = ledger.spent(tx, user_id=actor.user_id, since=month)
            coming = ledger.promised(tx, user_id=actor.user_id, since=month)
        spent, promised = (total(ledger.by_currency(found), currency, rates) for found in (rows, coming))
        is_known = limit is not None and spent is not None and promised is not None
        return Allowance(
            month=month,
            currency=currency,
            limit=limit,
            spent=spent,
            promised=promised,
            left=max(0.0, (limit or 0.0) - (spent or 0.0) - (promised or 0.0)) if is_known else None,
            unpriced=sum(row["unpriced"] for row in rows),
        )

    def by_day(
        self, actor: Actor, *, since: datetime | None, until: datetime | None, project_id: UUID | None
    ) -> tuple[SpendingDay, ...]:
        """Day x provider x model, the earliest first. Raises NotFound, Invalid."""
        _check_zones(since, until)
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            return ledger.by_day(tx, reader=actor.user_id, since=since, until=until, project_id=project_id)

    def statement(
        self,
        actor: Actor | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        project_id: UUID | None = None,
    ) -> tuple[StatementRow, ...]:
        """Month x provider x project x person. None as `actor` is the operator, who sees all. Raises NotFound, Invalid."""
        _check_zones(since, until)
        with self._store.read() as tx:
            if actor is not None and project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            reader = None if actor is None else actor.user_id
            return ledger.statement(tx, reader=reader, since=since, until=until, project_id=project_id)


def _check_zones(*times: datetime | None) -> None:
    if any(at is not None and at.tzinfo is None for at in times):
        raise Invalid("Say in which time zone that is.", field="since")


OVER_PROJECT = N_(
    "This would cost about {cost}, and of the project's budget of {most} only {left} is left. Nothing was ordered. "
    "Order less, or ask the project's owner to raise the budget."
)
OVER_PERSON = N_(
    "This would cost about {cost}, and of your limit of {most} for this month only {left} is left. Nothing was ordered. "
    "Order less, or ask an admin to raise the limit."
)
NO_PRICE = (
    "Nobody knows what this model of {provider} costs, and there is a limit on spending. Nothing was ordered. Choose "
    "another model, or ask an admin to add its price to the provider's file."
)
NO_RATE = (
    "There is no exchange rate from the {unit} of {provider} to {currency}, and there is a limit on spending. Nothing was "
    "ordered. Ask an admin to set the rate."
)
NO_EXCHANGE = (
    "There is no exchange rate from {unit} to {currency}, and there is a limit on spending. Nothing was ordered. Ask an "
    "admin to set the rate."
)


def _rates(tx: Tx) -> Rates:
    return cast(Rates, system.value(tx, "exchange_rates"))


def _quote(line: Line, currency: str, rates: Rates) -> Quote:
    if line.is_play or line.price is None:
        return Quote()
    found = rate_of(rates, line, currency)
    return Quote() if found is None else Quote(currency=currency, rate=found, amount=line.price * found)


def _unknown(paid: Sequence[tuple[Line, Quote]], currency: str) -> tuple[OverBudget, ...]:
    """Lines without a cost: under a limit, nothing is bought blind."""
    without = [line for line, quote in paid if quote.amount is None]
    return tuple(
        OverBudget(NO_PRICE, provider=line.provider)
        if line.price is None
        else OverBudget(NO_RATE, unit=line.unit, provider=line.provider, currency=currency)
        for line in without
    )


def _against_project(tx: Tx, project: Project, cost: float, rates: Rates) -> OverBudget | None:
    if project.budget is None:
        return None
    taken = _taken(tx, project_id=project.id)
    return _beyond(cost, taken, project.budget, project.currency, rates, OVER_PROJECT)


def _taken(
    tx: Tx, *, project_id: UUID | None = None, user_id: UUID | None = None, since: datetime | None = None
) -> dict[str, float]:
    """What is spent and promised already, by currency."""
    sums: dict[str, float] = {}
    for read in (ledger.spent, ledger.promised):
        for other, amount in ledger.by_currency(read(tx, project_id=project_id, user_id=user_id, since=since)).items():
            sums[other] = sums.get(other, 0.0) + amount
    return sums


def _beyond(
    cost: float, taken: Mapping[str, float], most: float, currency: str, rates: Rates, message: str
) -> OverBudget | None:
    """Why it may not be spent: it is too much, or a part of what is taken has no rate."""
    known = total(taken, currency, rates)
    if known is None:
        missing = next(other for other in taken if rate(rates, other, currency) is None)
        return OverBudget(NO_EXCHANGE, unit=missing, currency=currency)
    if known + cost <= most + 1e-9:  # sums of floats
        return None
    left = max(0.0, most - known)
    return OverBudget(message, cost=money(cost, currency), left=money(left, currency), most=money(most, currency))


def money(amount: float, currency: str) -> str:
    """An amount for people: two places, more for what is smaller than a cent."""
    return f"{amount:,.2f} {currency}" if amount >= 0.01 or amount == 0 else f"{amount:.4f} {currency}"
