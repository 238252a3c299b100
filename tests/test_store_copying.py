"""A store copied into another: every row, as it was at one moment, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from databases import Postgres

from apom.errors import Conflict, StoreBroken
from apom.models import new_id
from apom.store import Store, Tx, audit, copying, migrations, open_store, system, upkeep
from apom.store.copying import copy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = UUID("8b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3")
ROWS = 3
ONE_OF = {
    "project_member.role": "OWNER",
    "box.kind": "SHOT",
    "asset.asset_type": "IMAGE",
    "asset.source_type": "UPLOADED",
    "asset.status": "COMPLETED",
    "generation.state": "COMPLETED",
    "generation.snapshot": "provider_snapshot sha256 \n'\"\\ 🎬 0",
    "job.state": "DONE",
    "comment.visibility": "CLIENT",
    "verdict.verdict": "APPROVED",
    "link_activity.action": "OPENED",
    "retention_run.held": "CLOCK",
    "notification.kind": "COMMENT",
    "notice_setting.digest": "DAILY",
    "webhook.preset": "PLAIN",
}
NAMED_OTHERWISE = {
    "assignee": "app_user",
    "made_by": "app_user",
    "user": "app_user",
    "link": "shared_link",
    "parent_comment": "comment",
    **dict.fromkeys(["headliner_asset", "parent_asset", "soundtrack_asset", "source_asset"], "asset"),
}


@pytest.fixture
def stores(tmp_path: Path, postgres: Postgres) -> Iterator[dict[str, Store]]:
    """Empty ones by their name."""
    with postgres.store() as url:
        found = {
            "duckdb": open_store(f"duckdb:///{tmp_path}/a/apom.duckdb"),
            "other": open_store(f"duckdb:///{tmp_path}/b/apom.duckdb"),
            "postgresql": open_store(url),
        }
        yield found
        for store in found.values():
            store.close()


def values(table: str, column: str, kind: str, row: int) -> object:
    """Something tricky for a column; references point to the first row of their table."""
    kind = {"VARCHAR": "text", "DOUBLE": "double precision"}.get(kind, kind.lower())
    if f"{table}.{column}" in ONE_OF:
        return ONE_OF[f"{table}.{column}"]
    if kind == "uuid":
        named = table if column == "id" else column.removesuffix("_id")
        is_key = column == "id" or table in (
            "project_member",
            "asset_recipe",
            "asset_input",
            "generation_output",
            "notice_setting",
        )
        return uuid5(NAMES, f"{NAMED_OTHERWISE.get(named, named)} {row if is_key else 0}")
    return {
        "text": f"{table} {column} \n'\"\\ 🎬 {row}",
        "json": ['{"b": [1.0, {"a": null}, "Ж"],  "a": 1e3}', "[]", '"\\u0000"'][row % 3],
        "bigint": 2**62 + row,
        "integer": row,
        "boolean": row % 2 == 0,
        "double precision": [float("nan"), 1e308, -0.0][row % 3],
        "timestamp with time zone": NOW + timedelta(microseconds=row + 1),
    }[kind]


def fill(store: Store) -> None:
    """Rows in every table, with nothing where a column may hold nothing in the last of them."""
    with store.write() as tx:
        nullable = {
            (row["table_name"], row["column_name"])
            for row in tx.all(
                "select table_name, column_name from information_schema.columns where is_nullable = 'YES'"
            )
        }
        for table, columns in copying._tables(tx).items():
            for row in range(ROWS):
                given = [
                    None if row == ROWS - 1 and (table, name) in nullable else values(table, name, kind, row)
                    for name, kind in columns.items()
                ]
                casts = ", ".join(f"${n}::{kind}" for n, kind in enumerate(columns.values(), start=1))
                tx.all(f'insert into "{table}" ({", ".join(columns)}) select {casts}', *given)


def everything(store: Store) -> dict[str, list[str]]:
    """Every row of every table, in an order of its own; NaN and -0.0 included."""
    with store.read() as tx:
        return {
            table: sorted(repr(sorted(row.items())) for row in tx.all(f'select * from "{table}"'))
            for table in copying._tables(tx)
        }


@pytest.mark.parametrize("way", ["duckdb postgresql other", "postgresql duckdb"])
def test_every_row_of_every_table_is_the_same_afterwards(stores: dict[str, Store], way: str) -> None:
    first, *rest = (stores[name] for name in way.split())
    fill(first)
    before = everything(first)
    assert {len(rows) for rows in before.values()} == {ROWS}
    source = first
    for target in rest:
        assert copy(source, target) == dict.fromkeys(before, ROWS)
        assert everything(target) == before
        source = target
    assert everything(first) == before


def test_many_rows_come_over_in_batches(stores: dict[str, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    with stores["duckdb"].write() as tx:
        for n in range(50):
            audit.append(tx, NOW + timedelta(minutes=n), f"user{n}", "login")
    assert copy(stores["duckdb"], stores["postgresql"])["audit_entry"] == 50
    assert everything(stores["duckdb"]) == everything(stores["postgresql"])


@pytest.mark.parametrize("name", ["duckdb", "postgresql"])
def test_a_copy_made_while_people_write_is_of_one_moment(stores: dict[str, Store], name: str) -> None:
    source, stop, written = stores[name], threading.Event(), threading.Event()

    def work() -> None:
        for n in range(100_000):
            if stop.is_set():
                return
            with source.write() as tx:  # the same number of rows in two tables, always
                audit.append(tx, NOW, f"user{n}", "login")
                tx.all("insert into provider_snapshot values ($1, 'p', '{}', $2)", f"sha {n}", NOW)
            if n == 10:
                written.set()

    people = threading.Thread(target=work)
    people.start()
    assert written.wait(30)
    rows = copy(source, stores["other"])
    stop.set()
    people.join(30)
    assert rows["audit_entry"] == rows["provider_snapshot"] > 10
    with source.read() as tx:
        assert int(tx.value("select count(*) from audit_entry")) >= rows["audit_entry"]


@pytest.mark.parametrize("name", ["other", "postgresql"])
def test_a_store_that_has_rows_is_refused_and_left_as_it_is(stores: dict[str, Store], name: str) -> None:
    fill(stores["duckdb"])
    with stores[name].write() as tx:
        system.put(tx, "retention_days", 3, None, NOW)
    before = everything(stores[name])
    with pytest.raises(Conflict, match="not empty: there are rows in system_config"):
        copy(stores["duckdb"], stores[name])
    assert everything(stores[name]) == before


def test_a_store_of_another_version_is_refused(stores: dict[str, Store], postgres: Postgres) -> None:
    with postgres.database("template0") as url:
        older = open_store(url, migrate=False)
        migrations.run(older, until=1)
        for source, target in ((stores["duckdb"], older), (older, stores["duckdb"])):
            with pytest.raises(Conflict, match="different versions"):
                copy(source, target)
        older.close()


class Faulty:
    """A store whose batches are spoilt on the way."""

    def __init__(self, store: Store, spoil: Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]) -> None:
        self._store = store
        self._spoil = spoil

    @contextmanager
    def read(self) -> Iterator[Tx]:
        with self._store.read() as tx:
            whole = tx.batches
            tx.batches = lambda sql, size: (self._spoil(rows) for rows in whole(sql, size))  # type: ignore[method-assign]
            yield tx


def fall_over(_: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    raise RuntimeError("half way")


@pytest.mark.parametrize("name", ["other", "postgresql"])
def test_when_a_row_is_missing_or_it_falls_over_nothing_was_copied(stores: dict[str, Store], name: str) -> None:
    fill(stores["duckdb"])
    before = everything(stores[name])
    with pytest.raises(StoreBroken, match="3 rows of ai_provider were read and 2 arrived"):
        copy(Faulty(stores["duckdb"], lambda rows: rows[1:]), stores[name])  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="half way"):
        copy(Faulty(stores["duckdb"], fall_over), stores[name])  # type: ignore[arg-type]
    assert everything(stores[name]) == before
    assert copy(stores["duckdb"], stores[name])["asset"] == ROWS


def test_an_orphan_is_said_in_a_sentence(stores: dict[str, Store]) -> None:
    with stores["duckdb"].write() as tx:
        tx.all("insert into project_member values ($1, $2, 'OWNER', now())", new_id(), new_id())
    with pytest.raises(StoreBroken, match=r"belongs to one that is gone.*Key \(\w+_id\)"):
        copy(stores["duckdb"], stores["postgresql"])
    assert copy(stores["duckdb"], stores["other"])["project_member"] == 1, "DuckDB does not look"


def test_the_tables_of_others_in_the_database_are_left_alone(stores: dict[str, Store], postgres: Postgres) -> None:
    with postgres.database() as url:
        shared = open_store(url)
        with shared.write() as tx:
            tx.all("create table theirs (id integer)")
            tx.all("insert into theirs values (1)")
        rows = copy(shared, stores["other"])
        with stores["other"].read() as tx:
            assert {row["table_name"] for row in tx.all(upkeep.TABLES)} - rows.keys() == {"schema_version"}
        shared.close()
