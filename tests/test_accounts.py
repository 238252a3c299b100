"""Accounts: who gets in, for how long, and what a thief of the store file would find."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Clock
from hypothesis import given
from hypothesis import strategies as st

from apom.accounts import Tries, check_password, check_username, token_hash
from apom.config import Settings
from apom.errors import ApomError, Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooMany
from apom.models import Actor
from apom.store import audit
from apom.store.duck import DuckStore
from apom.studio import Studio

GOOD = "seven tall ships at dawn"


def signed_in(studio: Studio, name: str = "alice", password: str = GOOD) -> tuple[str, Actor]:
    token, _ = studio.login(name, password)
    actor = studio.resolve(token=token)
    assert actor is not None
    return token, actor


def test_the_first_person_is_admin_and_then_registration_is_closed(studio: Studio) -> None:
    assert studio.accounts.is_empty()
    assert studio.register("Alice", GOOD).is_admin
    assert not studio.accounts.is_open()
    with pytest.raises(NotAllowed, match="Registration is closed"):
        studio.register("bob", GOOD)


def test_an_admin_opens_registration_and_nobody_else_can(studio: Studio) -> None:
    studio.register("alice", GOOD)
    alice = studio.workspace(signed_in(studio)[1])
    alice.set_system("registration_open", True)
    assert not studio.register("bob", GOOD).is_admin
    bob = studio.workspace(signed_in(studio, "bob")[1])
    with pytest.raises(NotAllowed):
        bob.set_system("registration_open", True)
    for key, value in (("no_such_key", True), ("registration_open", "yes")):
        with pytest.raises(Invalid):
            alice.set_system(key, value)


def test_names_are_unique_however_they_are_capitalised(studio: Studio) -> None:
    studio.register("Жанна", GOOD)
    studio.workspace(signed_in(studio, "жАННА")[1]).set_system("registration_open", True)
    with pytest.raises(Conflict, match="is taken"):
        studio.register("ЖАННА", GOOD)


def test_only_one_of_many_first_registrations_becomes_admin(studio: Studio) -> None:
    def register(i: int) -> bool:
        try:
            return studio.register(f"person{i}", GOOD).is_admin
        except ApomError:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(register, range(6))) == 1


@pytest.mark.parametrize(
    "password", ["short", "x" * 14, "x" * 129, "aaaaaaaaaaaaaaaaaaaa", "alicealicealice1", "apompasswordapom"]
)
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        check_password(password, "alice")


@given(st.text(min_size=15, max_size=128).filter(lambda p: len(set(p.casefold())) > 12))
def test_any_long_varied_text_is_a_password(password: str) -> None:
    check_password(password, "somebody")


@pytest.mark.parametrize("name", ["", "a", " ", "x" * 61, "a\nb<script>", "\u202eevil;", "a/b"])
def test_odd_user_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_username(name)


def test_wrong_name_and_wrong_password_answer_alike(studio: Studio) -> None:
    studio.register("alice", GOOD)
    said = set()
    for name, password in (
        ("alice", "wrong words in here"),
        ("nobody", GOOD),
        ("alice", GOOD + "x"),
        ("alice", "y" * 1_000_000),
    ):
        with pytest.raises(NotSignedIn) as refused:
            studio.login(name, password)
        said.add(str(refused.value))
    assert said == {"User name or password is wrong."}


def test_the_password_is_argon2id_with_the_floor_or_more(studio: Studio) -> None:
    studio.register("alice", GOOD)
    with studio._store.read() as tx:
        assert str(tx.value("select password_hash from app_user")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_failed_logins_wait_longer_and_longer_but_a_session_goes_on(studio: Studio, clock: Clock) -> None:
    studio.register("alice", GOOD)
    token, _ = signed_in(studio)
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            studio.login("alice", "wrong words in here", address="10.0.0.0/24")
    with pytest.raises(TooMany) as refused:
        studio.login("alice", GOOD, address="10.0.0.0/24")
    assert 0 < refused.value.retry_after_s <= 0.5
    assert studio.resolve(token=token) is not None, "the owner is not locked out"
    studio.login("alice", GOOD, address="192.168.7.0/24")
    clock.move(seconds=1)
    studio.login("alice", GOOD, address="10.0.0.0/24")


def test_the_wait_doubles_to_thirty_seconds(clock: Clock) -> None:
    tries = Tries(clock)
    for _ in range(40):
        tries.failed(("alice", ""))
    assert 29 < tries.wait_s(("alice", "")) <= 30
    clock.move(hours=-25)
    assert tries.wait_s(("alice", "")) == 0, "nobody waits until a clock that was set back has caught up"
    clock.move(hours=25)
    tries.succeeded(("alice", ""))
    assert tries.wait_s(("alice", "")) == 0


def test_a_session_ends_when_idle_and_at_the_latest_after_thirty_days(studio: Studio, clock: Clock) -> None:
    studio.register("alice", GOOD)
    token, _ = signed_in(studio)
    for _ in range(4):
        clock.move(days=6.9)
        assert studio.resolve(token=token) is not None
    clock.move(days=2.5)
    assert studio.resolve(token=token) is None, "30 days"
    token, _ = signed_in(studio)
    clock.move(days=7.1)
    assert studio.resolve(token=token) is None, "idle"


def test_logout_ends_this_session_and_no_other(studio: Studio) -> None:
    studio.register("alice", GOOD)
    (one, actor), (two, _) = signed_in(studio), signed_in(studio)
    studio.workspace(actor).logout()
    assert studio.resolve(token=one) is None
    assert studio.resolve(session_id=actor.session_id) is None
    assert studio.resolve(token=two) is not None


def test_a_new_password_needs_the_current_one_and_ends_all_other_sessions(studio: Studio) -> None:
    studio.register("alice", GOOD)
    (one, actor), (two, _) = signed_in(studio), signed_in(studio)
    alice = studio.workspace(actor)
    with pytest.raises(NotAllowed, match="Nothing was changed"):
        alice.change_password("wrong words in here", "nine small boats at dusk")
    with pytest.raises(Invalid):
        alice.change_password(GOOD, "short")
    alice.change_password(GOOD, "nine small boats at dusk")
    assert studio.resolve(token=one) is not None
    assert studio.resolve(token=two) is None
    with pytest.raises(NotSignedIn):
        studio.login("alice", GOOD)
    studio.login("alice", "nine small boats at dusk")


def test_one_ends_ones_own_sessions_only(studio: Studio) -> None:
    studio.register("alice", GOOD)
    studio.accounts.add("bob", GOOD, by="operator")
    _, alice = signed_in(studio)
    bobs_token, bob = signed_in(studio, "bob")
    assert bob.session_id is not None
    with pytest.raises(NotFound):
        studio.workspace(alice).end_session(bob.session_id)
    assert studio.resolve(token=bobs_token) is not None
    assert [s.user_id for s in studio.workspace(bob).sessions()] == [bob.user_id]


def test_the_operator_resets_a_password_and_ends_the_sessions(studio: Studio) -> None:
    studio.register("alice", GOOD)
    token, _ = signed_in(studio)
    studio.operator().reset_password("ALICE", "nine small boats at dusk")
    assert studio.resolve(token=token) is None
    studio.login("alice", "nine small boats at dusk")
    with pytest.raises(NotFound):
        studio.operator().reset_password("nobody", GOOD)


def test_who_is_deactivated_is_signed_out_and_cannot_come_back_until_activated(studio: Studio) -> None:
    operator = studio.operator()
    operator.add_user("alice", GOOD)
    operator.add_user("bob", GOOD)
    token, _ = signed_in(studio, "bob")
    assert not operator.change_user("BOB", is_active=False).is_active
    assert studio.resolve(token=token) is None
    with pytest.raises(NotSignedIn):
        studio.login("bob", GOOD)
    operator.change_user("bob", is_active=True)
    assert studio.resolve(token=token) is None, "the old session stays ended"
    signed_in(studio, "bob")


def test_somebody_is_always_admin(studio: Studio) -> None:
    operator = studio.operator()
    operator.add_user("alice", GOOD)
    operator.add_user("bob", GOOD)
    for change in ({"is_admin": False}, {"is_active": False}, {"is_admin": False, "is_active": False}):
        with pytest.raises(Conflict, match="alice is the last admin"):
            operator.change_user("alice", **change)
    assert [user.is_admin and user.is_active for user in operator.users()] == [True, False]
    operator.change_user("bob", is_admin=True)
    operator.change_user("alice", is_active=False)
    with pytest.raises(Conflict, match="bob is the last admin"):
        operator.change_user("bob", is_admin=False)


def test_an_admin_looks_after_accounts_and_nobody_else_sees_them(studio: Studio) -> None:
    studio.register("alice", GOOD)
    alice = studio.workspace(signed_in(studio)[1])
    alice.set_system("registration_open", True)
    studio.register("Bob", GOOD, email="bob@lighthouse.example")
    alice.add_user("carol", GOOD)
    assert [user.username for user in alice.users().items] == ["carol", "Bob", "alice"]
    assert [user.username for user in alice.users("LIGHT").items] == ["Bob"]
    assert [user.username for user in alice.users("%").items] == []
    assert [user.username for user in alice.users(is_admin=True).items] == ["alice"]

    alice.change_user("bob", is_active=False)
    assert [user.username for user in alice.users(is_active=False).items] == ["Bob"]
    assert alice.set_monthly_limit("carol", 40).monthly_limit == 40
    alice.reset_password("carol", GOOD[::-1])
    with pytest.raises(Conflict, match="last admin"):
        alice.change_user("alice", is_active=False)

    first = alice.users(limit=2)
    assert [user.username for user in alice.users(limit=2, cursor=first.next).items] == ["alice"]
    done = [(entry.actor, entry.action) for entry in alice.audit(limit=3).items]
    assert done == [("alice", "password.reset"), ("alice", "user.limit"), ("alice", "user.change")]
    with pytest.raises(NotSignedIn):
        studio.login("carol", GOOD)
    carol = studio.workspace(signed_in(studio, "carol", GOOD[::-1])[1])
    for act in (carol.users, carol.audit, lambda: carol.change_user("alice", is_admin=False)):
        with pytest.raises(NotAllowed, match="Only an admin"):
            act()


def test_a_thief_of_the_store_finds_neither_token_nor_password(studio: Studio, settings: Settings) -> None:
    studio.register("alice", GOOD)
    token, _ = signed_in(studio)
    if isinstance(studio._store, DuckStore):
        studio._store._db.execute("checkpoint")
    for path in Path(settings.data_dir).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert token.encode() not in content and GOOD.encode() not in content, path
    with studio._store.read() as tx:
        assert tx.value("select token_hash from session") == token_hash(token)


def test_logins_are_remembered_without_secrets(studio: Studio) -> None:
    studio.register("alice", GOOD, address="10.0.0.0/24")
    with pytest.raises(NotSignedIn):
        studio.login("alice", "wrong words in here")
    signed_in(studio)
    with studio._store.read() as tx:
        entries = audit.latest(tx, 10)
    assert [e.action for e in entries] == ["login", "login.failed", "register"]
    assert not any(GOOD in str(e) or "wrong words" in str(e) for e in entries)


def test_many_logins_at_once_are_served_or_told_to_wait(studio: Studio) -> None:
    studio.register("alice", GOOD)

    def login(_: int) -> str:
        try:
            studio.login("alice", GOOD)
        except ApomError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(login, range(30))) <= {"in", "unavailable"}


def test_the_language_is_one_we_speak(studio: Studio) -> None:
    studio.register("alice", GOOD)
    alice = studio.workspace(signed_in(studio)[1])
    assert alice.set_language("ru").language == "ru"
    with pytest.raises(Invalid):
        alice.set_language("xx")


def test_a_new_account_may_begin_with_another_language(studio: Studio) -> None:
    assert studio.register("alice", GOOD, language="ru").language == "ru"
    assert studio.workspace(signed_in(studio)[1]).actor.language == "ru"


def test_an_old_password_opens_nothing_while_it_is_being_changed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.register("alice", GOOD)
    verify = studio.accounts._passwords.verify

    def slow(hashed: str | None, password: str) -> bool:
        fits = verify(hashed, password)
        monkeypatch.undo()
        studio.operator().reset_password("alice", "nine small boats at dusk")
        return fits

    monkeypatch.setattr(studio.accounts._passwords, "verify", slow)
    with pytest.raises(NotSignedIn):
        studio.login("alice", GOOD)
    studio.login("alice", "nine small boats at dusk")
