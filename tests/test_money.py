"""What a unit is worth, what may still be spent, what was spent."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Cast, Clock, person
from engine_room import offer, until
from hypothesis import given
from hypothesis import strategies as st

from apom.errors import NotFound, OverBudget
from apom.models import Box, Status
from apom.money import Line, money, month_of, rate, rate_of, total
from apom.providers.spec import Worth
from apom.store import system, users
from apom.studio import Studio

RATES = {"EUR": {"USD": 1.25}, "credit": {"USD": 0.5}, "kie/credit": {"USD": 0.005}}


def line(**changes: object) -> Line:
    values = {"provider": "kie", "price": 4.0, "unit": "credit", "n": 1, "is_play": False, **changes}
    return Line(**values)  # type: ignore[arg-type]


def test_a_currency_is_worth_itself_without_any_rate():
    assert rate({}, "USD", "USD") == 1


@pytest.mark.parametrize(
    ("unit", "currency", "expected"),
    [
        ("EUR", "USD", 1.25),
        ("USD", "EUR", 0.8),
        ("credit", "USD", 0.5),
        ("credit", "EUR", 0.4),
        ("credit", "RUB", None),
    ],
)
def test_rates_work_forth_back_and_over_one_other_currency(unit: str, currency: str, expected: float | None):
    assert rate(RATES, unit, currency) == (None if expected is None else pytest.approx(expected))


def test_the_providers_own_word_counts_where_the_admin_said_nothing():
    worth = Worth(amount=0.01, currency="USD")
    assert rate({}, "credit", "USD", worth=worth) == 0.01
    assert rate({"EUR": {"USD": 2}}, "credit", "EUR", worth=worth) == pytest.approx(0.005)
    assert rate({"credit": {"USD": 3}}, "credit", "USD", worth=worth) == 3


def test_credits_of_two_providers_are_not_the_same():
    assert rate_of(RATES, line(), "USD") == 0.005
    assert rate_of(RATES, line(provider="fal"), "USD") == 0.5
    assert rate_of(RATES, line(unit=None), "USD") is None
    assert rate_of({}, line(unit="USD"), "USD") == 1


def test_a_sum_with_an_unknown_part_is_unknown_rather_than_too_small():
    assert total({"USD": 10, "EUR": 2}, "USD", RATES) == pytest.approx(12.5)
    assert total({"USD": 10, "RUB": 1}, "USD", RATES) is None
    assert total({"USD": 10, "RUB": 0}, "USD", RATES) == 10
    assert total({}, "USD", {}) == 0


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_there_and_back_is_the_same_amount(first: float, amount: float):
    rates = {"A": {"B": first}}
    there, back = rate(rates, "A", "B"), rate(rates, "B", "A")
    assert there is not None
    assert back is not None
    assert math.isclose(amount * there * back, amount)


def test_amounts_read_like_money():
    assert [money(x, "USD") for x in (0, 0.0042, 1234.5)] == ["0.00 USD", "0.0042 USD", "1,234.50 USD"]


def test_a_month_begins_on_its_first_day_in_utc():
    assert month_of(datetime(2026, 11, 23, 12, 30, tzinfo=UTC)) == datetime(2026, 11, 1, tzinfo=UTC)


def dear(worth: float | None = 0.5) -> Callable[[dict[str, Any]], None]:
    """The sandbox asks for money: 4 credits a picture, each worth so many dollars."""

    def change(data: dict[str, Any]) -> None:
        data["is_play"] = False
        data["cost"] = {"amount": "body.data.creditsConsumed", "unit": "credit"}
        if worth is not None:
            data["cost"]["worth"] = {"amount": worth, "currency": "USD"}
        for model in data["models"]:
            model["price"]["unit"] = "credit"

    return change


def shot(cast: Cast, **project: Any) -> Box:
    return cast.alice.create_box(cast.alice.create_project("Film", **project), "One")


def count(cast: Cast, box: Box) -> int:
    return len(cast.alice.get_box_assets(box).items)


def test_beyond_the_budget_nothing_is_ordered_and_the_sentence_says_what_is_left(cast: Cast):
    offer(cast.studio, dear())
    box = shot(cast, budget=5)
    with pytest.raises(OverBudget, match=r"about 6\.00 USD, and of the project's budget of 5\.00 USD only 5\.00 USD"):
        cast.alice.generate(box, "x", n=3)
    assert count(cast, box) == 0
    takes = cast.alice.generate(box, "x", n=2)
    with pytest.raises(OverBudget, match=r"only 1\.00 USD is left"):
        cast.alice.generate(box, "x")
    cast.alice.cancel(takes[0])  # not sent yet: what was promised is free again
    cast.alice.generate(box, "x")
    assert cast.alice.spending(box.project_id).promised == 4


def test_under_a_limit_nothing_is_bought_blind(cast: Cast):
    offer(cast.studio, dear(worth=None))
    free, capped = shot(cast), shot(cast, budget=100)
    cast.alice.generate(free, "x")
    with pytest.raises(OverBudget, match="no exchange rate from the credit of sandbox to USD"):
        cast.alice.generate(capped, "x")
    with cast.studio._store.write() as tx:
        system.put(tx, "exchange_rates", {"sandbox/credit": {"USD": 20}}, None, datetime.now(UTC))
    cast.alice.generate(capped, "x")
    with pytest.raises(OverBudget, match=r"only 20\.00 USD"):
        cast.alice.generate(capped, "x")


def test_play_is_no_money(cast: Cast):
    box = shot(cast, budget=0)
    cast.alice.generate(box, "x", n=4)
    assert (cast.alice.spending(box.project_id).promised, cast.alice.spending(box.project_id).spent) == (0, 0)


def test_many_at_once_never_go_beyond_the_budget(cast: Cast):
    offer(cast.studio, dear())
    box = shot(cast, budget=10)

    def order(_: int) -> bool:
        try:
            cast.alice.generate(box, "x")
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(order, range(16))) == 5
    assert count(cast, box) == 5


def test_a_persons_limit_is_for_a_month_and_over_all_projects(cast: Cast, clock: Clock):
    offer(cast.studio, dear())
    with cast.studio._store.write() as tx:
        users.set_monthly_limit(tx, cast.alice.actor.user_id, 3, clock())
    one, two = shot(cast), shot(cast)
    cast.alice.generate(one, "x")
    with pytest.raises(OverBudget, match=r"your limit of 3\.00 USD for this month only 1\.00 USD"):
        cast.alice.generate(two, "x")
    clock.move(days=9)
    cast.alice.generate(two, "x")


def test_what_was_spent_is_in_the_statement_and_only_for_who_may_see_it(running: Studio):
    offer(running, dear())
    alice, bob = (running.workspace(person(running, name)) for name in ("alice", "bob"))
    box = alice.create_box(alice.create_project("Film"), "One")
    take = alice.generate(box, "a boat")[0]
    until(lambda: alice.asset(take).status is Status.COMPLETED)
    spending = alice.spending(box.project_id)
    assert (spending.spent, spending.promised, spending.unpriced) == (2, 0, 0)
    (row,) = alice.statement(project=box.project_id)
    assert (row.provider, row.project_name, row.username, row.unit) == ("sandbox", "Film", "alice", "credit")
    assert (row.takes, row.units, row.amount, row.currency, row.is_play) == (1, 4, 2, "USD", False)
    assert (row.month.day, row.month.hour, row.month.utcoffset()) == (1, 0, UTC.utcoffset(None))
    assert bob.statement() == ()
    with pytest.raises(NotFound):
        bob.spending(box.project_id)
    with pytest.raises(NotFound):
        bob.statement(project=box.project_id)
