"""What a store promises, on both databases: transactions, threads, types, snapshots, migrations."""

from __future__ import annotations

import json
import math
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from conftest import Cast

from apom.errors import ApomError, Conflict, Invalid, Misconfigured, NotFound, Occupied, StoreBroken, Unavailable
from apom.models import Box, new_id
from apom.store import Store, Tx, audit, generations, migrations, open_store, pages, system, upkeep

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIVERS = (duckdb.Error, psycopg.Error)

ROUND = "insert into round (id, project_id, number, note, published_by, published_at) values ($1, $2, 1, '', $3, now())"


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    return tmp_path / "data" / "snapshots"


@pytest.fixture
def store(database_url: str, snapshots: Path) -> Iterator[Store]:
    store = open_store(database_url, snapshots=snapshots)
    yield store
    store.close()


def put(store: Store, key: str, value: object) -> None:
    with store.write() as tx:
        system.put(tx, key, value, None, NOW)


def value(store: Store, key: str) -> object:
    with store.read() as tx:
        return system.value(tx, key)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Each in a thread of its own, started together; what they answered, or the ApomError they raised."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        ready.wait(10)
        try:
            return act()
        except ApomError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


# transactions


def test_what_was_committed_is_there_after_reopening(database_url: str) -> None:
    store = open_store(database_url)
    put(store, "retention_days", 7)
    store.close()
    again = open_store(database_url)
    assert value(again, "retention_days") == 7
    again.close()


def test_an_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half way"), store.write() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
        raise RuntimeError("half way")
    assert value(store, "retention_days") == 10


def test_a_failed_statement_that_was_passed_over_is_not_silently_lost(store: Store) -> None:
    with pytest.raises(Unavailable, match="nothing was saved"), store.write() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
        with pytest.raises(DRIVERS):
            tx.all("select * from nowhere")
    with pytest.raises(Unavailable, match="nothing was saved"), store.write() as tx, pytest.raises(DRIVERS):
        next(tx.batches("select * from nowhere", 10))
    assert value(store, "retention_days") == 10


def test_a_mistake_of_this_program_is_not_dressed_up(store: Store) -> None:
    with pytest.raises(DRIVERS), store.write() as tx:
        tx.all("select * from nowhere")
    put(store, "retention_days", 3)


def test_a_reader_may_not_write(store: Store) -> None:
    with pytest.raises(Unavailable), store.read() as tx:
        system.put(tx, "retention_days", 7, None, NOW)


def test_a_reader_sees_one_moment(store: Store) -> None:
    put(store, "retention_days", 1)
    with store.read() as tx:
        assert system.value(tx, "retention_days") == 1
        put(store, "retention_days", 2)
        assert system.value(tx, "retention_days") == 1
    assert value(store, "retention_days") == 2


def test_a_taken_key_is_a_conflict(store: Store) -> None:
    project, user = new_id(), new_id()
    with store.write() as tx:
        insert_project(tx, project, user)
    with pytest.raises(Conflict), store.write() as tx:
        for _ in range(2):
            tx.all(ROUND, new_id(), project, user)


def insert_project(tx: Tx, project_id: uuid.UUID, user_id: uuid.UUID) -> None:
    tx.all(
        "insert into project (id, name, notes, fps, width, height, style_text, currency, is_archived, created_by,"
        " created_at, updated_at) values ($1, 'P', '', 24, 1920, 1080, '', 'USD', false, $2, $3, $3)",
        project_id,
        user_id,
        NOW,
    )


def test_a_closed_store_says_so(database_url: str) -> None:
    store = open_store(database_url)
    store.close()
    with pytest.raises(Unavailable), store.read() as tx:
        tx.value("select 1")


# threads


def test_eight_threads_of_read_modify_write_lose_nothing(store: Store) -> None:
    put(store, "retention_days", 1)

    def work() -> None:
        for _ in range(15):
            with store.write() as tx:
                system.put(tx, "retention_days", int(str(system.value(tx, "retention_days"))) + 1, None, NOW)

    assert at_once(*[work] * 8) == [None] * 8
    assert value(store, "retention_days") == 121


def test_who_waits_long_enough_is_told_that_another_writes(store: Store) -> None:
    with store.write(), ThreadPoolExecutor(1) as pool, pytest.raises(Occupied):
        pool.submit(lambda: store.write(wait_s=0.05).__enter__()).result(10)
    with store.write(wait_s=0.05) as tx:
        system.put(tx, "retention_days", 3, None, NOW)


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as tx, ThreadPoolExecutor(1) as pool:
        system.put(tx, "retention_days", 3, None, NOW)
        assert pool.submit(value, store, "retention_days").result(10) == 10


def test_eight_engines_claim_each_generation_once(cast: Cast) -> None:
    box = cast.alice.create_box(cast.alice.create_project("P"), "one")
    for n in range(3):
        cast.alice.generate(box, f"harbour {n}", n=16)
    store = cast.studio._store
    with store.read() as tx:
        ids = [g.id for g in generations.unfinished(tx)]

    def engine(n: int) -> list[uuid.UUID]:
        mine: list[uuid.UUID] = []
        order = random.Random(n).sample(ids, len(ids))
        for group in (order[i : i + 8] for i in range(0, len(order), 8)):
            with store.write() as tx:
                mine += generations.claim(tx, group, f"engine-{n}", NOW + timedelta(days=1), NOW)
        return mine

    claimed: list[Any] = at_once(*(lambda n=n: engine(n) for n in range(8)))  # type: ignore[misc]
    assert sorted(id for mine in claimed for id in mine) == sorted(ids)


def test_a_box_deleted_while_takes_are_ordered_leaves_no_orphans(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    for box in cast.alice.create_boxes(project, [f"shot {n}" for n in range(8)]):
        answers = at_once(lambda box=box: cast.alice.delete_box(box), *[lambda box=box: order(cast, box)] * 3)  # type: ignore[misc]
        for answer in answers:
            assert answer is None or isinstance(answer, NotFound | Conflict), answer
    with cast.studio._store.read() as tx:
        assert tx.value("select count(*) from asset where box_id not in (select id from box)") == 0
        assert tx.value("select count(*) from generation where asset_id not in (select id from asset)") == 0


def order(cast: Cast, box: Box) -> None:
    cast.alice.generate(box, "harbour")


# types


def test_times_come_back_aware_and_in_utc_and_json_as_it_went_in(store: Store) -> None:
    tricky = [{"a": 1}, {"b": "x"}, [], None, 1.5, "Ж"]
    at = NOW.replace(microsecond=123456)
    with store.write() as tx:
        system.put(tx, "exchange_rates", tricky, None, at)
        row = tx.one("select value, updated_at from system_config")
    assert row is not None
    assert json.loads(row["value"]) == tricky
    assert row["updated_at"] == at
    assert row["updated_at"].tzinfo is UTC


def test_values_are_of_the_same_types_on_both_databases(store: Store) -> None:
    id = new_id()
    with store.read() as tx:
        row = tx.one(
            "select $1::uuid as id, $2::bigint as many, $3::double precision as nothing, $4::text as words,"
            " cast(sum(n) as bigint) as total, sum(n * 0.5::double precision) as half, count(*) as rows, bool_and(n > 0)"
            " as yes, 'nan'::double precision as nan, date_trunc('month', $5::timestamptz) as month"
            " from (select unnest($6::integer[]) as n) v",
            id,
            2**62,
            None,
            "Ж\n'\"\\ 🎬",
            NOW,
            (1, 2, 3),
        )
    assert row is not None
    assert math.isnan(row.pop("nan"))
    assert row == {
        "id": id,
        "many": 2**62,
        "nothing": None,
        "words": "Ж\n'\"\\ 🎬",
        "total": 6,
        "half": 3.0,
        "rows": 3,
        "yes": True,
        "month": datetime(2026, 11, 1, tzinfo=UTC),
    }
    assert [type(found) for found in (row["total"], row["half"], row["rows"])] == [int, float, int]


def test_an_empty_list_finds_nothing(store: Store) -> None:
    with store.read() as tx:
        assert tx.all("select id from project where id = any($1)", []) == []
        assert generations.unfinished(tx, but=[]) == ()


def test_many_rows_come_in_batches(store: Store) -> None:
    with store.write() as tx:
        for n in range(25):
            audit.append(tx, NOW + timedelta(minutes=n), f"user{n}", "login")
    with store.read() as tx:
        batches = list(tx.batches("select actor, happened_at from audit_entry order by happened_at", 10))
        assert [len(batch) for batch in batches] == [10, 10, 5]
        assert batches[2][4] == ("user24", NOW + timedelta(minutes=24))
        assert list(tx.batches("select actor from audit_entry where false", 10)) == []


# snapshots and migrations


def test_a_snapshot_is_a_whole_store(store: Store, snapshots: Path) -> None:
    put(store, "retention_days", 3)
    copy = store.snapshot("now")
    put(store, "retention_days", 4)
    assert (copy, store.snapshots) == (snapshots / "now.duckdb", snapshots)
    assert [path.name for path in snapshots.iterdir()] == ["now.duckdb"], "and nothing lies about"
    restored = open_store(f"duckdb:///{copy}")
    assert value(restored, "retention_days") == 3
    with restored.read() as tx:
        assert migrations.version(tx) == upkeep.newest_schema()
    restored.close()


def test_a_store_of_a_newer_version_is_refused(fresh_url: str) -> None:
    store = open_store(fresh_url)
    with store.write() as tx:
        tx.all("insert into schema_version values (999, now())")
    store.close()
    with pytest.raises(StoreBroken, match="newer apom"):
        open_store(fresh_url)


def test_nothing_is_brought_up_to_date_by_looking(fresh_url: str) -> None:
    store = open_store(fresh_url, migrate=False)
    with store.read() as tx:
        assert migrations.version(tx) == 0
        assert tx.all(upkeep.TABLES) == []
    store.close()


def write_migrations(folder: Path, **files: str) -> Path:
    """The real ones, and more behind them."""
    for path in migrations.FOLDER.glob("*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())
    for name, sql in files.items():
        (folder / f"{name.replace('__', '.')}.sql").write_text(sql)
    return folder


def test_a_copy_is_kept_before_each_migration_and_a_failing_one_changes_nothing(
    fresh_url: str, tmp_path: Path, snapshots: Path
) -> None:
    store = open_store(fresh_url, snapshots=snapshots)
    assert not list(snapshots.glob("*")) or store.dialect == "duckdb", "nothing is kept of a new store"
    put(store, "retention_days", 3)
    n = upkeep.newest_schema() + 1
    name, kept = f"{n:04d}_more", f"before-{n:04d}"
    (folder := tmp_path / "migrations").mkdir()
    write_migrations(folder, **{name: "create table more (id uuid);\nselect * from nowhere"})
    with pytest.raises(DRIVERS):
        migrations.run(store, folder)
    assert store.snapshots is not None and (store.snapshots / f"{kept}.duckdb").exists()
    with store.read() as tx:
        assert migrations.version(tx) == n - 1
        assert {"table_name": "more"} not in tx.all(upkeep.TABLES)
    write_migrations(folder, **{name: "create table more (id uuid)", f"{name}__{store.dialect}": "select 1 from more"})
    assert migrations.run(store, folder) == 1
    assert migrations.run(store, folder) == 0
    with store.read() as tx:
        assert {"table_name": "more"} in tx.all(upkeep.TABLES)
    store.close()
    before = open_store(f"duckdb:///{store.snapshots / kept}.duckdb")
    assert value(before, "retention_days") == 3
    before.close()


# what is asked in passing


def test_the_audit_answers_newest_first(store: Store) -> None:
    with store.write() as tx:
        audit.append(tx, NOW, "alice", "login", address="10.0.0.0/24")
        audit.append(tx, NOW.replace(hour=13), "alice", "logout")
        assert [entry.action for entry in audit.latest(tx, 10)] == ["logout", "login"]


@pytest.mark.parametrize("text", ["", "x", "e30=", "WzEsMl0=", "\0", "é"])
def test_a_cursor_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        pages.position(text)


@pytest.mark.parametrize("url", ["", "apom.duckdb", "sqlite:///x", "mysql://alice:hush@host/db", "duckdb://x"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="APOM_DATABASE_URL") as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
