"""PostgreSQL's own: who gets in, what its errors become, restarts, several processes, references and indexes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from databases import LOCKED, Postgres, server
from engine_room import until

from apom.config import Settings
from apom.errors import (
    ApomError,
    Conflict,
    Invalid,
    Misconfigured,
    NotFound,
    Occupied,
    StoreBusy,
    Unavailable,
)
from apom.models import new_id
from apom.store import migrations, open_store, postgres_connecting, system
from apom.store.postgres import POOL_S, PostgresStore
from apom.studio import Studio

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "hush-4711"

ROUND = "insert into round (id, project_id, number, note, published_by, published_at) values ($1, $2, 1, '', $3, now())"


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.store() as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(url)
    yield store
    store.close()


def put(store: PostgresStore, days: int) -> None:
    with store.write() as tx:
        system.put(tx, "retention_days", days, None, NOW)


def days(store: PostgresStore) -> object:
    with store.read() as tx:
        return system.value(tx, "retention_days")


# who gets in


@pytest.fixture
def locked(postgres: Postgres) -> Iterator[str]:
    """Where an account with a password comes in; `{password}` is still open."""
    postgres.execute(f"create role {LOCKED} login password '{SECRET}'", "create database films")
    yield postgres.url("films", f"{LOCKED}:{{password}}")
    postgres.execute("drop database films with (force)", f"drop role {LOCKED}")


def test_a_password_lets_in_and_is_shown_nowhere(
    locked: str, postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postgres.execute(f"alter database films owner to {LOCKED}")
    url = locked.format(password=SECRET)
    settings = Settings(data_dir=tmp_path / "data", database_url=url)
    with caplog.at_level(logging.DEBUG), Studio.open(settings) as studio:
        store = studio._store
        assert isinstance(store, PostgresStore)
        store._pool.check()
        shown = (
            f"{store!r} {vars(store)['_pool']!r} {settings!r} {studio.health()!r} {studio.operator().store_info()!r}"
        )
    assert SECRET not in shown + caplog.text


@pytest.mark.parametrize("password", ["", "wrong-4711", "wr%40ng", SECRET.upper()])
def test_a_wrong_password_is_a_sentence_without_it(locked: str, password: str) -> None:
    with pytest.raises(Misconfigured, match="does not let us in") as caught:
        PostgresStore(locked.format(password=password))
    assert not password or password not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_an_account_that_may_make_no_tables_is_told_so(locked: str) -> None:
    with pytest.raises(Misconfigured, match="owner of the database"):
        PostgresStore(locked.format(password=SECRET))


def test_a_missing_database_and_a_missing_account_are_named(postgres: Postgres) -> None:
    for url, missing in (
        (postgres.url("nowhere"), "nowhere"),
        (postgres.url("postgres", "nobody_here"), "nobody_here"),
    ):
        with pytest.raises(Misconfigured, match=missing):
            PostgresStore(url)


def test_a_server_that_is_not_there_is_unavailable(postgres: Postgres) -> None:
    with pytest.raises(Unavailable, match="Is it running"):
        PostgresStore(f"postgresql://alice:{SECRET}@127.0.0.1:1/films")
    with pytest.raises(Unavailable, match=r"host\.invalid"):
        PostgresStore(f"postgresql://alice:{SECRET}@host.invalid/films")


@pytest.mark.parametrize(
    "password", ["hu@sh", "hu/sh", "hu%sh", "hu?sh", "hu#sh", "hu:sh/1", "hu@sh:1/x", "[hush", "hu sh@", "%zz/hush"]
)
def test_of_a_password_that_breaks_the_url_nothing_is_shown(password: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ApomError) as caught:
        open_store(f"postgresql://alice:{password}@127.0.0.1:1/films")
    assert "hu" not in str(caught.value).replace("should", "").lower()
    assert "sh" not in caplog.text


def test_a_database_that_cannot_hold_every_letter_is_refused_and_one_that_cannot_fold_them_is_doubted(
    postgres: Postgres,
) -> None:
    postgres.execute(
        "create database ascii template template0 encoding 'SQL_ASCII' locale 'C' locale_provider libc",
        "create database plain template template0 locale 'C' locale_provider libc",
    )
    with pytest.raises(Misconfigured, match="encoding SQL_ASCII"):
        PostgresStore(postgres.url("ascii"))
    store = PostgresStore(postgres.url("plain"))
    assert len(store.notices) == 1 and "locale" in store.notices[0]
    store.close()
    postgres.execute("drop database ascii", "drop database plain with (force)")


# errors


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("23505", Conflict),
        ("23503", NotFound),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("53100", Unavailable),
        ("53200", Unavailable),
        ("53300", Unavailable),
        ("55P03", Occupied),
        ("57014", Unavailable),
        ("57P01", Unavailable),
        ("25006", Unavailable),
        ("42501", Misconfigured),
        ("22003", Invalid),
    ],
)
def test_what_the_database_says_becomes_one_of_our_errors(
    store: PostgresStore, code: str, kind: type[ApomError]
) -> None:
    with pytest.raises(kind) as caught, store.write() as tx:
        tx.all(f"do $$ begin raise exception 'boom' using errcode = '{code}'; end $$")
    assert type(caught.value) is kind
    put(store, 3)


def test_a_number_that_no_column_can_hold_is_refused_and_a_zero_character_replaced(store: PostgresStore) -> None:
    with pytest.raises(Invalid, match="cannot be stored"), store.write() as tx:
        tx.all("update project set width = $1", 2**70)
    with store.read() as tx:
        assert tx.one("select $1::text as one, $2::text[] as many", "a\0b", ["\0", "c", None]) == {
            "one": "a\ufffdb",
            "many": ["\ufffd", "c", None],
        }


def test_a_row_that_belongs_to_one_that_is_gone_is_not_found(store: PostgresStore) -> None:
    with pytest.raises(NotFound), store.write() as tx:
        tx.all("insert into project_member values ($1, $2, 'OWNER', now())", new_id(), new_id())


def test_leaving_something_behind_is_a_mistake_of_this_program(store: PostgresStore, settings: Settings) -> None:
    project, user = new_id(), new_id()
    with store.write() as tx:
        tx.all("insert into provider_snapshot values ('x', 'p', '{}', now())")
        tx.all(
            "insert into project (id, name, notes, fps, width, height, style_text, currency, is_archived, created_by,"
            " created_at, updated_at) values ($1, 'P', '', 24, 1, 1, '', 'USD', false, $2, now(), now())",
            project,
            user,
        )
        tx.all(ROUND, new_id(), project, user)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), store.write() as tx:
        tx.all("delete from project where id = $1", project)


def test_a_statement_that_takes_too_long_is_stopped_unless_it_may(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connecting, "STATEMENT_S", 0.2)
    store = PostgresStore(url)
    with pytest.raises(Unavailable, match="too long"), store.read() as tx:
        tx.value("select pg_sleep(5)")
    with store.read() as tx:
        tx.take_time()
        tx.value("select pg_sleep(0.4)")
    store.close()


# connections that go away


@pytest.fixture(scope="module")
def shaky() -> Iterator[Postgres]:
    """A server that may be stopped, and that answers only when what was committed is written."""
    with server(synchronous_commit="on") as shaky:
        shaky.execute("create database films")
        yield shaky


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGQUIT])
def test_after_a_restart_of_the_server_the_next_calls_work_and_nothing_is_lost(
    shaky: Postgres, by: signal.Signals
) -> None:
    store = PostgresStore(shaky.url("films"))
    with ExitStack() as stack:
        busy = [stack.enter_context(store.read()) for _ in range(4)]
        assert [tx.value("select 1") for tx in busy] == [1] * 4, "the pool has grown"
    put(store, 5)
    with store.hold("engine") as is_ours:
        assert is_ours()
        shaky.stop(by)
        with pytest.raises(Unavailable):
            days(store)
        began = time.monotonic()
        with pytest.raises(Unavailable), store.write(wait_s=0.05):
            pass
        assert time.monotonic() - began < POOL_S, "once is enough: nobody else waits as long"
        with pytest.raises(Unavailable):
            is_ours()
        shaky.start()
        until(lambda: is_back(store))
        assert days(store) == 5
        put(store, 6)
        assert is_ours(), "taken up again"
        with closing(PostgresStore(shaky.url("films"))) as other, pytest.raises(StoreBusy), other.hold("engine"):
            pass
    assert days(store) == 6
    store.close()


def is_back(store: PostgresStore) -> bool:
    try:
        days(store)
    except Unavailable:
        return False
    return True


def cut(postgres: Postgres, url: str) -> None:
    """Every connection to a database, as an administrator does it."""
    postgres.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid()",
        database=url.rsplit("/", 1)[1],
    )


def test_a_connection_that_is_cut_loses_its_transaction_and_nothing_else(
    postgres: Postgres, url: str, store: PostgresStore
) -> None:
    put(store, 5)
    with pytest.raises(Unavailable, match="Look whether"), store.write() as tx:
        system.put(tx, "retention_days", 6, None, NOW)
        cut(postgres, url)
        tx.value("select 1")
    with pytest.raises(Unavailable, match="Look whether"), store.write() as tx:
        system.put(tx, "retention_days", 7, None, NOW)
        cut(postgres, url)
    assert days(store) == 5
    put(store, 8)
    cut(postgres, url)
    assert days(store) == 8, "what lay idle is replaced, nobody notices"


# several processes


def test_two_processes_lose_no_update(url: str, store: PostgresStore) -> None:
    other = PostgresStore(url)  # a pool and a lock of its own, as in another process
    put(store, 0)

    def work(mine: PostgresStore) -> None:
        for _ in range(15):
            with mine.write() as tx:
                system.put(tx, "retention_days", int(str(system.value(tx, "retention_days"))) + 1, None, NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [store, other] * 4))
    assert days(store) == 120
    with store.write(), pytest.raises(Occupied), other.write(wait_s=0.05):
        pass
    other.close()


def test_processes_that_start_together_migrate_once(postgres: Postgres) -> None:
    with postgres.database("template0") as url, ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: PostgresStore(url), range(4)))
        with stores[0].read() as tx:
            assert tx.value("select count(*) from schema_version") == len(migrations.versions())
        for store in stores:
            store.close()


def test_a_second_server_is_told_who_works_on_the_database(url: str, tmp_path: Path) -> None:
    code = (
        "from apom.store import open_store; import sys\n"
        f"with open_store({url!r}).hold('engine'):\n print('held', flush=True); sys.stdin.read()"
    )
    settings = Settings(data_dir=tmp_path / "data", database_url=url)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy, match=rf"in use by another apom \(apom \S+ {holder.pid}, from 127\.0\.0\.1"):
            Studio.open(settings)
        with Studio.open(settings, engine=False) as studio:
            assert studio.operator().users() == (), "who only looks or orders is let in"
        holder.kill()
    with Studio.open(settings) as studio:
        until(lambda: studio.health().ok)


def test_an_engine_whose_place_was_taken_waits_until_it_is_free(
    postgres: Postgres, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apom.engine.run.DUTY_S", 0.2)
    monkeypatch.setattr("apom.engine.TURN_S", 0.2)
    other = PostgresStore(url)
    taken = threading.Event()

    def take() -> None:
        with other.hold("engine", wait_s=30):
            taken.set()
            ended.wait(30)

    ended = threading.Event()
    with Studio.open(Settings(data_dir=tmp_path / "data", database_url=url)) as studio:
        waiting = threading.Thread(target=take)
        waiting.start()
        until(lambda: somebody_waits(url))
        cut_the_holder(postgres, url)
        assert taken.wait(30)
        until(lambda: studio.engine.vitals().is_replaced)
        parts = {part.name: part for part in studio.health().parts}
        assert [part.ok for part in parts.values()] == [True, False, False]
        assert "The engine of another process works on this store." in parts["engine"].says
        ended.set()
        waiting.join(30)
        until(lambda: studio.health().ok)
    other.close()
    assert "the engine of another process works on this store" in caplog.text


def somebody_waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute("select count(*) from pg_locks where not granted").fetchone() != (0,)


def cut_the_holder(postgres: Postgres, url: str) -> None:
    postgres.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and objid = 2"
        " and database = (select oid from pg_database where datname = current_database())",
        database=url.rsplit("/", 1)[1],
    )


# what the tables have besides

COLUMNS_WITHOUT_REFERENCE = {
    "asset.external_task_id",  # the provider's
    "generation.task_id",
    "comment.user_id",
    "verdict.user_id",
    "ledger_entry.batch_id",
    "ledger_entry.generation_id",
    "ledger_entry.project_id",
    "ledger_entry.user_id",
    *(  # it is told what became of them, and nothing when they are gone
        f"notification.{name}" for name in ("project_id", "box_id", "asset_id", "batch_id", "subject_id")
    ),
}
REFERENCES = """
select c.conrelid::regclass || '.' || a.attname as name, c.condeferrable and c.condeferred as waits, c.confdeltype,
    exists (
        select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = a.attnum
            and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = '(' || a.attname || ' IS NOT NULL)')
    ) as is_indexed
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] where c.contype = 'f'
"""


def test_every_reference_waits_for_the_commit_never_cascades_and_has_an_index(store: PostgresStore) -> None:
    with store.read() as tx:
        found = tx.all(REFERENCES)
    assert len(found) > 30
    assert {row["name"] for row in found if not row["waits"] or row["confdeltype"] != "a"} == set()
    assert {row["name"] for row in found if not row["is_indexed"]} == {"generation.snapshot"}, "those are never deleted"


def test_every_column_that_names_a_row_refers_to_it_or_says_why_not(store: PostgresStore) -> None:
    with store.read() as tx:
        columns = tx.all(
            "select table_name || '.' || column_name as name from information_schema.columns"
            " where table_schema = 'public' and column_name like '%\\_id'"
        )
        references = {row["name"] for row in tx.all(REFERENCES)}
    assert {row["name"] for row in columns} - references == COLUMNS_WITHOUT_REFERENCE


@pytest.mark.parametrize(
    "sql",
    [
        "select id from asset where box_id = $1 and trashed_at is null order by created_at desc, id desc limit 50",
        "select id from asset where project_id = $1 and is_favorite and trashed_at is null order by created_at desc limit 50",
        "select id from generation where asset_id = $1",
        "select id from comment where asset_id = $1",
        "select id from session where user_id = $1",
    ],
)
def test_hot_paths_read_an_index(store: PostgresStore, sql: str) -> None:
    with store.read() as tx:
        tx.all("set local enable_seqscan = off")
        plan = "\n".join(row["QUERY PLAN"] for row in tx.all(f"explain {sql}", new_id()))
    assert "Index" in plan and "Sort" not in plan, plan


def test_a_snapshot_needs_a_folder(store: PostgresStore) -> None:
    with pytest.raises(Misconfigured, match="folder"):
        store.snapshot("x")


def test_our_connections_say_who_they_are(store: PostgresStore) -> None:
    with store.read() as tx:
        name = tx.value("select application_name from pg_stat_activity where pid = pg_backend_pid()")
    assert name.startswith("apom ") and name.endswith(f" {os.getpid()}")
