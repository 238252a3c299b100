"""What is set for the whole studio, and what a person may spend in a month: who may set it, and to what."""

from typing import Any

import pytest
from conftest import Cast
from engine_room import offer
from hypothesis import given
from hypothesis import strategies as st

from apom.cli.config import read
from apom.config import SYSTEM, shipped
from apom.errors import Invalid, NotAllowed, NotFound, OverBudget
from apom.providers.catalog import Catalog
from apom.store import audit
from apom.studio import Workspace
from apom.system_config import check

CATALOG = Catalog.load(shipped("providers"))


@pytest.mark.parametrize("key", SYSTEM)
def test_what_is_declared_as_default_may_be_set(key: str):
    check(key, SYSTEM[key].default, CATALOG)  # type: ignore[arg-type]  # it is JSON


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("registration_open", True),
        ("retention_days", 1),
        ("link_days", 3650),
        ("smart_edit_model", "sandbox/sandbox-edit"),
        ("smart_edit_template", "Please {words}, and {nothing} else 🙏\n"),
        ("currency", "EUR"),
        ("exchange_rates", {"EUR": {"USD": 1.08, "RUB": 90}, "kie/credit": {"USD": 0.005}}),
    ],
)
def test_what_fits_is_taken(key: str, value: Any):
    check(key, value, CATALOG)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("no_such_key", 1, "There is no setting no_such_key. These are there: registration_open"),
        ("registration_open", 1, "either true or false"),
        ("retention_days", True, "a whole number"),
        ("retention_days", 1.0, "a whole number"),
        ("retention_days", -1, "0 to 3650 days"),
        ("link_days", 3651, "1 to 3650 days"),
        ("smart_edit_model", None, "a text"),
        ("smart_edit_model", "sandbox/none", "There is no model none"),
        ("smart_edit_model", "nobody/none", "There is no provider nobody"),
        ("smart_edit_model", "sandbox", "There is no model"),
        ("smart_edit_model", "sandbox/sandbox-image", "These do: sandbox/sandbox-edit"),
        ("smart_edit_template", "", "exactly once"),
        ("smart_edit_template", "{words} and {words}", "exactly once"),
        ("smart_edit_template", "{words}\ud800", "control characters"),
        ("smart_edit_template", "{words}" + "x" * 4000, "at most 4000"),
        ("currency", "usd", "three capital letters"),
        ("currency", "EURO", "three capital letters"),
        ("exchange_rates", [], "a mapping"),
        ("exchange_rates", {"EUR": 1}, r'what one EUR costs in a currency, as in {"USD": 0.005}'),
        ("exchange_rates", {"EUR": {}}, "what one EUR costs"),
        ("exchange_rates", {"EUR": {"usd": 1}}, "usd is no currency"),
        ("exchange_rates", {"": {"USD": 1}}, "is no unit"),
        ("exchange_rates", {" a": {"USD": 1}}, "is no unit"),
        ("exchange_rates", {"x" * 101: {"USD": 1}}, "is no unit"),
        *[
            ("exchange_rates", {"EUR": {"USD": amount}}, "a number above 0")
            for amount in (0, -1, float("inf"), float("nan"), True, "1", None, 10**400)
        ],
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(key: str, value: Any, sentence: str):
    with pytest.raises(Invalid) as refused:
        check(key, value, CATALOG)
    assert sentence in str(refused.value)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists),
    st.sampled_from(list(SYSTEM)),
)
def test_whatever_comes_it_fits_or_is_a_sentence(value: Any, key: str):
    said = []
    try:
        check(key, value, CATALOG)
    except Invalid as error:
        said.append(str(error))
    assert all(said)


@given(st.text(), st.sampled_from(list(SYSTEM)))
def test_every_word_of_the_command_line_can_be_read(word: str, key: str):
    read(key, word)


def test_words_of_the_command_line_become_what_the_key_holds():
    assert [read("registration_open", word) for word in ("yes", "OFF", "maybe")] == [True, False, "maybe"]
    assert read("retention_days", "14") == 14
    assert read("smart_edit_template", "14 {words}") == "14 {words}"
    assert read("exchange_rates", '{"EUR": {"USD": 1.1}}') == {"EUR": {"USD": 1.1}}


def admin(cast: Cast) -> Workspace:
    """alice, as an admin."""
    cast.studio.operator().change_user("alice", is_admin=True)
    return cast.studio.workspace(cast.alice.actor.model_copy(update={"is_admin": True}))


def test_an_admin_sees_and_sets_and_nobody_else_does(cast: Cast):
    alice = admin(cast)
    alice.set_system("retention_days", 14)
    with pytest.raises(Invalid):
        alice.set_system("retention_days", -1)
    found = {setting.key: setting for setting in alice.system()}
    assert found.keys() == SYSTEM.keys()
    assert (found["retention_days"].value, found["retention_days"].default, found["retention_days"].kind) == (
        14,
        10,
        "int",
    )
    assert len(alice.system().df()) == len(SYSTEM)
    for ws in (cast.bob, cast.victor):
        with pytest.raises(NotAllowed):
            ws.system()
        with pytest.raises(NotAllowed):
            ws.set_system("retention_days", 3)


def test_the_operator_sets_it_too_and_both_are_remembered(cast: Cast):
    operator = cast.studio.operator()
    admin(cast).set_system("link_days", 7)
    assert operator.set_config("currency", "EUR").value == "EUR"
    with pytest.raises(Invalid):
        operator.set_config("currency", "euro")
    assert {s.key: s.value for s in operator.config()} == {k: d.default for k, d in SYSTEM.items()} | {
        "link_days": 7,
        "currency": "EUR",
    }
    with cast.studio._store.read() as tx:
        entries = [(e.actor, e.object) for e in audit.latest(tx, 10) if e.action == "system.set"]
    assert entries == [("operator", "system:currency"), ("alice", "system:link_days")]


def dear(file: dict[str, Any]) -> None:
    """The sandbox asks for money: half a dollar a credit, two dollars a picture."""
    file["is_play"] = False
    file["cost"] = {
        "amount": "body.data.creditsConsumed",
        "unit": "credit",
        "worth": {"amount": 0.5, "currency": "USD"},
    }
    for model in file["models"]:
        model["price"]["unit"] = "credit"


def test_a_limit_is_set_shown_to_its_person_with_what_is_left_and_taken_away(cast: Cast):
    offer(cast.studio, dear)
    operator, alice = cast.studio.operator(), cast.alice
    box = alice.create_box(alice.create_project("Film"), "One")
    assert (alice.allowance().limit, alice.allowance().left, alice.allowance().spent) == (None, None, 0)
    assert operator.set_monthly_limit("Alice", 5).monthly_limit == 5
    assert alice.me().monthly_limit == 5
    alice.generate(box, "x", n=2)
    now = alice.allowance()
    assert (now.currency, now.limit, now.spent, now.promised, now.left) == ("USD", 5, 0, 4, 1)
    with pytest.raises(OverBudget, match=r"only 1\.00 USD is left"):
        alice.generate(box, "x")
    assert cast.bob.allowance().promised == 0

    operator.set_monthly_limit("alice", 0)
    assert alice.allowance().left == 0
    assert operator.set_monthly_limit("alice", None).monthly_limit is None
    alice.generate(box, "x")
    with cast.studio._store.read() as tx:
        assert [e.actor for e in audit.latest(tx, 10) if e.action == "user.limit"] == ["operator"] * 3


def test_what_is_left_is_not_known_without_a_rate(cast: Cast):
    offer(cast.studio, dear)
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    cast.alice.generate(box, "x")
    cast.studio.operator().set_config("currency", "EUR")
    cast.studio.operator().set_monthly_limit("alice", 5)
    assert (cast.alice.allowance().currency, cast.alice.allowance().left) == ("EUR", None)


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf")])
def test_a_limit_is_an_amount(cast: Cast, limit: float):
    with pytest.raises(Invalid, match="from 0 on"):
        cast.studio.operator().set_monthly_limit("alice", limit)
    with pytest.raises(NotFound):
        cast.studio.operator().set_monthly_limit("nobody", 1)
