"""The statement for a spreadsheet, and what providers say is left beside what we say was spent."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Cast, Clock, let_in, person
from engine_room import offer, until
from hypothesis import given
from hypothesis import strategies as st

from apom import balances
from apom.balances import moves
from apom.config import Settings
from apom.errors import Invalid, NotAllowed, ProviderError, Unavailable
from apom.models import BalanceChange, StatementRow, new_id
from apom.statement import HEADER, RUNS, csv_text, defused
from apom.store import balances as readings
from apom.store import generations, ledger
from apom.store.balances import Reading
from apom.studio import Studio

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def row(**changes: Any) -> StatementRow:
    values: dict[str, Any] = {
        "month": NOVEMBER,
        "provider": "kie",
        "project_id": new_id(),
        "project_name": "Film",
        "user_id": new_id(),
        "username": "alice",
        "unit": "credit",
        "is_play": False,
        "takes": 2,
        "units": 8.0,
        "currency": "USD",
        "amount": 0.04,
        "unpriced": 0,
        **changes,
    }
    return StatementRow(**values)


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# the file


def test_the_file_says_what_the_rows_say():
    one = row()
    assert csv_text([one]).splitlines()[0] == ",".join(HEADER)
    assert csv_text([one]).endswith("\r\n")
    assert parsed(csv_text([one])) == [
        {
            "month": "2026-11",
            "provider": "kie",
            "project": "Film",
            "project_id": str(one.project_id),
            "person": "alice",
            "user_id": str(one.user_id),
            "takes": "2",
            "unit": "credit",
            "units": "8",
            "play": "no",
            "currency": "USD",
            "amount": "0.04",
            "unpriced": "0",
        }
    ]


def test_what_nobody_knows_is_empty_and_small_numbers_have_no_exponent():
    cells = parsed(csv_text([row(project_name=None, username=None, units=None, amount=0.00001, currency=None)]))[0]
    assert [cells[name] for name in ("project", "person", "units", "amount", "currency")] == ["", "", "", "0.00001", ""]
    assert parsed(csv_text([row(amount=0.1 + 0.2)]))[0]["amount"] == "0.3"


@given(st.text(), st.text(), st.text())
def test_whatever_a_name_is_it_comes_back_and_no_cell_begins_a_formula(project: str, person: str, unit: str):
    text = csv_text([row(project_name=project, username=person, unit=unit), row()])
    first, second = parsed(text)
    for cell, name in ((first["project"], project), (first["person"], person), (first["unit"], unit)):
        assert cell in (name, f"'{name}")
        assert cell[:1] not in RUNS and cell.lstrip()[:1] not in RUNS
    assert second["project"] == "Film"


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1", '=1,"=2"\r\n=3']
)
def test_what_a_spreadsheet_would_run_it_shows(name: str):
    assert defused(name) == f"'{name}"


@pytest.mark.parametrize("name", ["", "Film", "The = sign", "2-1", "Маяк", "'quoted", " x"])
def test_what_is_harmless_stays_as_it_is(name: str):
    assert defused(name) == name


def spend(studio: Studio, ws: Any, box: Any, at: datetime) -> None:
    """A take whose submission was entered at a moment."""
    take = ws.generate(box, "x")[0]
    with studio._store.write() as tx:
        generation = generations.of_take(tx, take.id)
        assert generation is not None
        ledger.enter(tx, [(generation, True)], at)


def test_ones_own_statement_has_no_rows_of_strangers(cast: Cast, clock: Clock):
    alice, bob = cast.alice, cast.bob
    film, other = alice.create_project("=Film"), bob.create_project("Secret")
    spend(cast.studio, alice, alice.create_box(film, "One"), clock())
    spend(cast.studio, bob, bob.create_box(other, "One"), clock())
    assert [(cells["project"], cells["units"]) for cells in parsed(alice.statement_csv())] == [("'=Film", "4")]
    let_in(alice, film, "victor")
    assert [cells["project"] for cells in parsed(cast.victor.statement_csv(project=film))] == ["'=Film"]
    everything = cast.studio.operator().statement(since=NOVEMBER)
    assert {found.project_name for found in everything} == {"=Film", "Secret"}
    assert parsed(alice.statement_csv(until=NOVEMBER)) == []


# the balance


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1))
def test_what_fell_and_rose_leads_from_the_first_reading_to_the_last(amounts: list[int]):
    fell, rose = moves([Reading(amount, NOVEMBER) for amount in amounts])
    assert fell >= 0 and rose >= 0
    assert amounts[0] - fell + rose == amounts[-1]


class Bank:
    """A provider's account, and how often it was asked."""

    def __init__(self, *amounts: float) -> None:
        self.amounts, self.asked = list(amounts), 0

    def client(self, _snapshot: str) -> "Bank":
        return self

    async def balance(self) -> float:
        self.asked += 1
        if not self.amounts:
            raise ProviderError("auth", provider_message="no")
        return self.amounts.pop(0)


def look(studio: Studio, bank: Bank) -> None:
    asyncio.run(studio.balances.look(bank))  # type: ignore[arg-type]


def test_it_is_asked_once_a_day_and_ten_minutes_after_something_was_ordered(cast: Cast, clock: Clock):
    studio, bank = cast.studio, Bank(100, 96, 96, 90)
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    look(studio, bank)
    look(studio, bank)
    assert bank.asked == 1
    spend(studio, cast.alice, box, clock())
    clock.move(minutes=9)
    look(studio, bank)
    assert bank.asked == 1
    clock.move(minutes=1)
    look(studio, bank)
    assert bank.asked == 2
    clock.move(hours=23)
    look(studio, bank)
    assert bank.asked == 2
    clock.move(hours=1)
    look(studio, bank)
    assert bank.asked == 3
    (change,) = studio.operator().balances()
    assert (change.first, change.last, change.fell, change.entered, change.difference) == (100, 96, 4, 4, 0)
    assert (change.provider, change.unit, change.is_play, change.unpriced) == ("sandbox", "play credit", True, 0)


def test_a_provider_that_does_not_answer_is_left_alone_for_a_while_and_fails_nothing(cast: Cast, clock: Clock):
    bank = Bank()
    for _ in range(3):
        look(cast.studio, bank)
    assert bank.asked == 1
    clock.move(minutes=10)
    look(cast.studio, bank)
    assert bank.asked == 2
    assert cast.studio.operator().balances() == ()


def test_a_fault_of_ours_stays_with_the_balances(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(balances.balances, "insert", lambda *_: 1 / 0)
    look(cast.studio, Bank(1))
    assert cast.studio.operator().balances() == ()


def read(studio: Studio, *amounts: tuple[float, datetime]) -> None:
    with studio._store.write() as tx:
        for amount, at in amounts:
            readings.insert(tx, "sandbox", amount, "play credit", at)


def test_what_others_bought_is_the_difference_and_what_was_topped_up_hides_nothing(cast: Cast):
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    days = [NOVEMBER + timedelta(days=n) for n in range(9)]
    read(
        cast.studio, (500, days[0] - timedelta(hours=1)), (100, days[1]), (90, days[3]), (190, days[4]), (170, days[6])
    )
    for at in (days[0], days[2], days[5], days[7]):  # the first and the last lie outside of the readings
        spend(cast.studio, cast.alice, box, at)
    (change,) = cast.studio.operator().balances(days[8])
    assert (change.first, change.first_at, change.last, change.last_at) == (100, days[1], 170, days[6])
    assert (change.fell, change.rose, change.entered, change.difference) == (30, 100, 8, 22)
    (october,) = cast.studio.operator().balances(NOVEMBER - timedelta(days=3))
    assert (october.first, october.fell, october.difference) == (500, 0, 0)
    assert cast.studio.operator().balances(NOVEMBER + timedelta(days=40)) == ()


def test_an_entry_without_a_price_is_counted_and_not_guessed(cast: Cast, clock: Clock):
    offer(cast.studio, lambda file: file["models"][0].pop("price"))
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    read(cast.studio, (100, clock()))
    spend(cast.studio, cast.alice, box, clock())
    read(cast.studio, (90, clock()))
    (change,) = cast.studio.operator().balances()
    assert (change.entered, change.unpriced, change.difference) == (0, 1, 10)


def test_only_an_admin_sees_what_is_left(cast: Cast, clock: Clock):
    read(cast.studio, (100, clock()))
    cast.studio.operator().change_user("alice", is_admin=True)
    alice = cast.studio.workspace(cast.alice.actor.model_copy(update={"is_admin": True}))
    assert [change.first for change in alice.balances()] == [100]
    assert list(alice.balances().df().columns) == list(BalanceChange.model_fields)
    with pytest.raises(Invalid, match="time zone"):
        alice.balances(datetime(2026, 11, 1))
    with pytest.raises(NotAllowed):
        cast.bob.balances()


def test_without_an_engine_the_operator_is_told_that_nobody_can_be_asked(cast: Cast):
    with pytest.raises(Unavailable, match="engine does not run"):
        cast.studio.operator().read_balances()


def test_the_engine_asks_by_itself(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("apom.studio.house.LOOK_S", 0.1)
    with Studio.open(settings) as studio:
        until(lambda: studio.operator().balances())


def test_the_sandbox_says_what_is_left_and_it_agrees_with_our_entries(running: Studio):
    alice = running.workspace(person(running, "alice"))
    box = alice.create_box(alice.create_project("Film"), "One")
    (before,) = running.operator().read_balances()
    assert before.first == before.last == 100_000
    alice.wait(alice.generate(box, "a boat", n=2), timeout_s=60)
    (after,) = running.operator().read_balances()
    assert (after.fell, after.entered, after.difference) == (8, 8, 0)
