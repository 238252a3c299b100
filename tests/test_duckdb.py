"""The embedded store's own: damage, a second process, what its SQL cannot reach."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from apom.errors import StoreBroken, StoreBusy, Unavailable
from apom.store import system
from apom.store.duck import DuckStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "apom.duckdb"


def put(store: DuckStore, key: str, value: object) -> None:
    with store.write() as tx:
        system.put(tx, key, value, None, NOW)


def test_sql_cannot_reach_files_nor_unlock_itself(path: Path, tmp_path: Path) -> None:
    store = DuckStore(path)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for sql in (
        f"select * from read_text('{secret}')",
        f"copy (select 1) to '{tmp_path / 'out.csv'}'",
        f"attach '{tmp_path / 'other.duckdb'}' as other",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "install httpfs",
    ):
        with pytest.raises((duckdb.Error, Unavailable)), store.write() as tx:
            tx.all(sql)
    assert store.snapshot("x").exists(), "and yet snapshots work"
    store.close()


def test_a_second_process_is_told_who_holds_the_store(path: Path) -> None:
    code = f"from apom.store.duck import DuckStore; s = DuckStore({str(path)!r}); print('open', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "open\n"
    try:
        with pytest.raises(StoreBusy, match=f"in use by process {holder.pid}"):
            DuckStore(path)
    finally:
        holder.communicate("\n")


def test_the_same_process_opens_it_once(path: Path) -> None:
    store = DuckStore(path)
    with pytest.raises(StoreBusy, match="this very process"):
        DuckStore(path)
    put(store, "retention_days", 3)
    store.close()


def test_a_damaged_wal_is_set_aside_and_said_aloud(path: Path) -> None:
    code = (
        f"from apom.store.duck import DuckStore; from apom.store import audit; import os; from datetime import datetime, UTC\n"
        f"s = DuckStore({str(path)!r})\n"
        "s._db.execute('checkpoint')\n"
        "for i in range(50):\n"
        "    with s.write() as tx: audit.append(tx, datetime.now(UTC), 'alice', 'login')\n"
        "os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    wal = path.with_name("apom.duckdb.wal")
    damaged = bytearray(wal.read_bytes())
    for i in range(200, 400):
        damaged[i] ^= 0xFF
    wal.write_bytes(damaged)
    store = DuckStore(path)
    assert len(store.notices) == 1 and "set aside" in store.notices[0]
    assert list(path.parent.glob("*.damaged-*")), "kept for whoever wants to look"
    put(store, "retention_days", 5)
    store.close()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be looked at " * 100, b"\0" * 8192])
def test_what_is_no_store_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StoreBroken, match="was left as it is"):
        DuckStore(path)
    assert path.read_bytes() == content


def test_a_fatal_error_reopens_the_instance_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckStore(path)
    put(store, "retention_days", 3)
    with pytest.raises(Unavailable, match="disk may be full"), store.write() as tx:
        assert tx.value("select 1") == 1
        raise duckdb.FatalException("database has been invalidated")
    with store.read() as tx:
        assert system.value(tx, "retention_days") == 3
    put(store, "retention_days", 4)
    store.close()
