"""Keys at rest: sealed, bound to their place, shown by their end, and never lost with a key file."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Clock
from hypothesis import given
from hypothesis import strategies as st

from apom.config import Settings
from apom.errors import Invalid, Misconfigured, NotFound, Unavailable
from apom.keyring import Keyring
from apom.store import Store, audit, open_store
from apom.vault import Vault

KEY = "kie-0123456789abcdef-wxyz"
NAME = "KIE_API_KEY"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys" / "providers.key")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(open_store(settings.store_url)) as store:
        yield store


@pytest.fixture
def outside() -> dict[str, str]:
    return {}


@pytest.fixture
def keyring(store: Store, vault: Vault, clock: Clock, outside: dict[str, str]) -> Keyring:
    return Keyring(store, vault, clock, outside)


@given(secret=st.text(min_size=1), words=st.lists(st.text(), max_size=3), others=st.lists(st.text(), max_size=3))
def test_what_was_sealed_opens_at_its_place_only(
    tmp_path_factory: pytest.TempPathFactory, secret: str, words: list[str], others: list[str]
) -> None:
    vault = Vault(tmp_path_factory.getbasetemp() / "one.key")
    try:
        secret.encode()
        [word.encode() for word in words + others]
    except UnicodeEncodeError:
        return
    sealed = vault.seal(secret, *words)
    assert vault.open(sealed, *words) == secret
    if others != words:
        with pytest.raises(Misconfigured, match="changed outside"):
            vault.open(sealed, *others)


def test_the_same_twice_is_sealed_differently(vault: Vault) -> None:
    assert vault.seal(KEY, "kie") != vault.seal(KEY, "kie")


def test_the_key_file_is_its_owners_alone_and_made_when_needed(vault: Vault) -> None:
    assert not vault.path.parent.exists()
    sealed = vault.seal(KEY, "kie")
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(vault.path.parent.stat().st_mode) == 0o700
    assert list(vault.path.parent.iterdir()) == [vault.path]
    before = vault.path.read_bytes()
    vault.seal(KEY, "kie")
    assert vault.path.read_bytes() == before
    assert KEY not in sealed and before.decode().split(":")[1].strip() not in sealed


def test_of_many_that_make_the_file_at_once_one_wins(vault: Vault) -> None:
    sealed: list[str] = []
    begin = threading.Barrier(8)

    def make() -> None:
        begin.wait()
        sealed.append(vault.seal(KEY, "kie"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [vault.open(text, "kie") for text in sealed] == [KEY] * 8
    assert list(vault.path.parent.iterdir()) == [vault.path]


@pytest.mark.parametrize("at", [0, 3, 20, -5])
def test_what_was_tampered_with_does_not_open(vault: Vault, at: int) -> None:
    sealed = vault.seal(KEY, "kie")
    other = "A" if sealed[at] != "A" else "B"
    changed = list(sealed)
    changed[at] = other
    with pytest.raises(Misconfigured) as caught:
        vault.open("".join(changed), "kie")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "v1", "v1.", "v1..", "v1.x.y", "v2.aa.bb", "\u00fc", "v1.%s.!!!", "v1.%s.", "v1.%s.AAAA"]
)
def test_what_was_never_sealed_is_refused_with_a_sentence(vault: Vault, text: str) -> None:
    file_id = vault.seal(KEY, "kie").split(".")[1]
    with pytest.raises(Misconfigured):
        vault.open(text.replace("%s", file_id), "kie")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"apom-key-file-1:AAAA\n", b"\xff\xfe\x00", b"apom-key-file-1:\n"]
)
def test_a_file_that_is_none_is_left_alone(vault: Vault, content: bytes) -> None:
    vault.path.parent.mkdir()
    vault.path.write_bytes(content)
    vault.path.chmod(0o600)
    with pytest.raises(Misconfigured, match="APOM_KEY_FILE"):
        vault.seal(KEY, "kie")
    assert vault.path.read_bytes() == content


def test_a_key_file_that_others_can_read_is_not_used(vault: Vault) -> None:
    sealed = vault.seal(KEY, "kie")
    vault.path.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        vault.open(sealed, "kie")
    vault.path.chmod(0o600)
    assert vault.open(sealed, "kie") == KEY


def test_a_place_that_cannot_be_written_is_said() -> None:
    with pytest.raises(Unavailable, match="APOM_KEY_FILE"):
        Vault(Path("/proc/none/of/that.key")).seal(KEY, "kie")


def test_a_key_is_found_and_shown_by_its_end(keyring: Keyring) -> None:
    assert keyring.find("kie", NAME) is None
    assert keyring.state("kie", NAME).source == "missing"
    keyring.put("kie", NAME, f"  {KEY}\n", by="alice")
    assert keyring.find("kie", NAME) == KEY
    state = keyring.state("kie", NAME)
    assert (state.source, state.is_usable, state.ends) == ("store", True, "wxyz")
    assert keyring.find("fal", NAME) is None, "each provider has its own"
    keyring.put("kie", NAME, "a-new-one", by="alice")
    assert (keyring.find("kie", NAME), keyring.state("kie", NAME).ends) == ("a-new-one", "")


@pytest.mark.parametrize("key", ["", "short", "with a space in it", "ключ-ключ-ключ", "x" * 8193, "two\nlines-of-it"])
def test_what_cannot_be_a_key_is_not_kept(keyring: Keyring, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        keyring.put("kie", NAME, key, by="alice")
    assert caught.value.field == "key"
    assert not key or key not in str(caught.value)
    assert keyring.find("kie", NAME) is None


def test_the_environment_counts_first(keyring: Keyring, outside: dict[str, str]) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    outside[NAME] = " from-the-environment-abcd\n"
    assert keyring.find("kie", NAME) == "from-the-environment-abcd"
    state = keyring.state("kie", NAME)
    assert (state.source, state.ends) == ("environment", "abcd")
    outside[NAME] = "  "
    assert keyring.find("kie", NAME) == KEY


def test_a_file_cannot_ask_for_what_belongs_to_the_machine(keyring: Keyring, outside: dict[str, str]) -> None:
    for name in ("APOM_DATABASE_URL", "AWS_SECRET_ACCESS_KEY"):
        outside[name] = "postgresql://apom:hush@db/films"
        assert keyring.find("evil", name) is None


def test_a_client_sees_a_new_key_at_once(keyring: Keyring) -> None:
    secrets = keyring.secrets("kie", [NAME])
    assert dict(secrets) == {} and secrets.get(NAME, "") == ""
    keyring.put("kie", NAME, KEY, by="alice")
    assert dict(secrets) == {NAME: KEY}
    keyring.remove("kie", NAME, by="alice")
    assert dict(secrets) == {}
    assert secrets.get("OTHER_API_KEY") is None
    assert KEY not in repr(secrets)


def test_what_is_done_with_keys_is_audited_without_them(keyring: Keyring, store: Store) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    keyring.remove("kie", NAME, by="operator")
    with pytest.raises(NotFound):
        keyring.remove("kie", NAME, by="operator")
    with store.read() as tx:
        entries = audit.latest(tx, 10)
        everything = str(tx.all("select * from audit_entry")) + str(tx.all("select * from provider_key"))
    assert [(e.actor, e.action, e.object) for e in entries] == [
        ("operator", "key.remove", f"provider:kie key:{NAME}"),
        ("alice", "key.set", f"provider:kie key:{NAME}"),
    ]
    assert KEY not in everything


def test_a_lost_key_file_loses_nothing(keyring: Keyring, vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keyring.put("kie", NAME, KEY, by="alice")
    kept = vault.path.with_name("kept")
    os.rename(vault.path, kept)
    secrets = keyring.secrets("kie", [NAME])
    with pytest.raises(Misconfigured, match=r"Put it back"):
        secrets.get(NAME, "")
    assert dict(secrets) == {}, "what is to be hidden is asked for without an error"
    state = keyring.state("kie", NAME)
    assert (state.source, state.is_usable) == ("store", False) and str(vault.path) in state.says
    with pytest.raises(Misconfigured, match="Put it back"):
        keyring.put("fal", "FAL_KEY", KEY, by="alice")
    assert not vault.path.exists(), "no second file is made, which would have to be merged with the first"
    os.rename(kept, vault.path)
    assert keyring.find("kie", NAME) == KEY
    assert KEY not in caplog.text


def test_a_wrong_key_file_loses_nothing(keyring: Keyring, vault: Vault, tmp_path: Path) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    right = vault.path.read_bytes()
    Vault(tmp_path / "other.key").seal("x", "y")
    vault.path.write_bytes((tmp_path / "other.key").read_bytes())
    with pytest.raises(Misconfigured, match="another key file"):
        keyring.find("kie", NAME)
    with pytest.raises(Misconfigured, match="another key file"):
        keyring.put("fal", "FAL_KEY", KEY, by="alice")
    vault.path.write_bytes(right)
    assert keyring.find("kie", NAME) == KEY


def test_without_a_copy_of_the_file_one_begins_anew(keyring: Keyring, vault: Vault) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    vault.path.unlink()
    keyring.put("kie", NAME, KEY + "2", by="alice")
    assert keyring.find("kie", NAME) == KEY + "2"
    vault.path.unlink()
    keyring.remove("kie", NAME, by="alice")
    keyring.put("fal", "FAL_KEY", KEY, by="alice")
    assert keyring.find("fal", "FAL_KEY") == KEY


def test_a_row_put_into_another_place_does_not_open(keyring: Keyring, store: Store) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    with store.write() as tx:
        tx.all("update provider_key set provider = 'evil'")
    keyring._sealed.forget()
    with pytest.raises(Misconfigured, match="changed outside"):
        keyring.find("evil", NAME)


def test_what_was_known_counts_while_the_store_does_not_answer(
    keyring: Keyring, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.put("kie", NAME, KEY, by="alice")
    assert keyring.find("kie", NAME) == KEY
    monkeypatch.setattr("apom.store.remembered.KEPT_S", 0.0)
    keyring._sealed.forget()

    def nobody() -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(store, "read", nobody)
    assert keyring.find("kie", NAME) == KEY
    with pytest.raises(Unavailable):
        Keyring(store, Vault(Path("nowhere")), Clock(), {}).find("kie", NAME)
