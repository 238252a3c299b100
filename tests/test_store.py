"""The embedded store: transactions, durability, damage, a second process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from apom.errors import Conflict, Invalid, StoreBroken, StoreBusy, Unavailable
from apom.models import new_id
from apom.store import audit, migrations, open_store, pages, system
from apom.store.duck import DuckStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "apom.duckdb"


def put(store: DuckStore, key: str, value: object) -> None:
    with store.write() as tx:
        system.put(tx, key, value, None, NOW)


def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    store = DuckStore(path)
    put(store, "retention_days", 7)
    store.close()
    again = open_store(f"duckdb:///{path}")
    with again.read() as tx:
        assert system.value(tx, "retention_days") == 7
    again.close()


def test_an_exception_rolls_everything_back(path: Path) -> None:
    store = DuckStore(path)
    with pytest.raises(RuntimeError, match="half way"), store.write() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
        raise RuntimeError("half way")
    with store.read() as tx:
        assert system.value(tx, "retention_days") == 10
    store.close()


def test_a_failed_statement_that_was_passed_over_is_not_silently_lost(path: Path) -> None:
    store = DuckStore(path)
    with pytest.raises(Unavailable, match="nothing was saved"), store.write() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
        with pytest.raises(duckdb.Error):
            tx.all("select * from nowhere")
    store.close()


def test_a_reader_may_not_write(path: Path) -> None:
    store = DuckStore(path)
    with pytest.raises(Unavailable), store.read() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
    store.close()


def test_a_taken_key_is_a_conflict(path: Path) -> None:
    store = DuckStore(path)
    with pytest.raises(Conflict), store.write() as tx:
        for _ in range(2):
            tx.all("insert into round values ($1, $2, 1, '', $2, now())", new_id(), new_id())
            tx.all("insert into schema_version values (1, now())")
    store.close()


def test_eight_threads_of_read_modify_write_lose_nothing(path: Path) -> None:
    store = DuckStore(path)
    put(store, "retention_days", 1)

    def work() -> None:
        for _ in range(15):
            with store.write() as tx:
                system.put(tx, "retention_days", int(str(system.value(tx, "retention_days"))) + 1, None, NOW)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert system.value(tx, "retention_days") == 121
    store.close()


def test_times_come_back_aware_and_in_utc_and_json_as_it_went_in(path: Path) -> None:
    store = DuckStore(path)
    tricky = [{"a": 1}, {"b": "x"}, [], None, 1.5, "Ж"]
    with store.write() as tx:
        system.put(tx, "exchange_rates", tricky, None, NOW)
        row = tx.one("select value, updated_at from system_config")
    assert row is not None
    assert json.loads(row["value"]) == tricky
    assert row["updated_at"] == NOW
    assert row["updated_at"].tzinfo is UTC
    store.close()


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


def test_a_snapshot_is_a_whole_store(path: Path, tmp_path: Path) -> None:
    store = DuckStore(path)
    put(store, "retention_days", 3)
    copy = store.snapshot("now")
    put(store, "retention_days", 4)
    store.close()
    os.replace(copy, tmp_path / "copy.duckdb")
    restored = DuckStore(tmp_path / "copy.duckdb")
    with restored.read() as tx:
        assert system.value(tx, "retention_days") == 3
    restored.close()


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


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    store = DuckStore(path)
    with store.write() as tx:
        tx.all("insert into schema_version values (999, now())")
    store.close()
    with pytest.raises(StoreBroken, match="newer apom"):
        DuckStore(path)


def test_a_copy_is_kept_before_each_migration_and_a_failing_one_changes_nothing(path: Path, tmp_path: Path) -> None:
    store = DuckStore(path)
    put(store, "retention_days", 3)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_ground.sql").write_text("select 1")
    (folder / "0002_more.sql").write_text("create table more (id uuid);\nselect * from nowhere")
    with pytest.raises(duckdb.Error):
        migrations.run(store, folder)
    assert (store.snapshots / "before-0002.duckdb").exists()
    with store.read() as tx:
        assert tx.value("select max(version) from schema_version") == 1
        assert tx.value("select count(*) from information_schema.tables where table_name = 'more'") == 0
    (folder / "0002_more.sql").write_text("create table more (id uuid)")
    assert migrations.run(store, folder) == 1
    assert migrations.run(store, folder) == 0
    store.close()


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


def test_the_audit_answers_newest_first(path: Path) -> None:
    store = DuckStore(path)
    with store.write() as tx:
        audit.append(tx, NOW, "alice", "login", address="10.0.0.0/24")
        audit.append(tx, NOW.replace(hour=13), "alice", "logout")
        assert [entry.action for entry in audit.latest(tx, 10)] == ["logout", "login"]
    store.close()


@pytest.mark.parametrize("text", ["", "x", "e30=", "WzEsMl0=", "\0", "é"])
def test_a_cursor_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        pages.position(text)
