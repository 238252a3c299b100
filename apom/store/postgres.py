"""The shared store: one PostgreSQL database, any number of processes, one writer at a time.

It means the same as the embedded one. `write()` takes one advisory lock before anything else, so that what it reads is
still so when it writes (without it eight threads of read-modify-write lost 1,006 of 1,200); `read()` sees one moment.
Our own cursors take `$1` parameters and the connections stay plain, so that other libraries can share a transaction.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from apom.errors import Misconfigured, StoreBusy, Unavailable
from apom.store import Duty, bind, migrations
from apom.store.postgres_connecting import LOCK_S, Address, Connection, address, configure, connect, doubts, ms
from apom.store.postgres_errors import occupied, ours

APOM = 0x61706F6D  # "apom": the first half of the keys of our advisory locks
LOCKS = {"write": 1, "engine": 2, "migrations": 3}
CONNECTIONS = 10
POOL_S = 5.0  # how long to wait for a free connection: a server that restarts is back by then
AWAY_S = 0.1  # how long once somebody has waited in vain: a page and the engine must not stand still for each question
READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
HOLDER = """
select a.application_name, host(a.client_addr) as address, a.pid from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid and l.objsubid = 2
    and l.database = (select oid from pg_database where datname = current_database())
"""


class PostgresTx:
    """One transaction on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.failed = False

    def all(self, sql: str, *args: object) -> list[dict[str, Any]]:
        with self._doomed_by_failure():
            cursor = psycopg.RawCursor(self._connection, row_factory=dict_row)
            cursor.execute(sql.encode(), [_storable(bind(a)) for a in args] or None)
            return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, *args: object) -> dict[str, Any] | None:
        return next(iter(self.all(sql, *args)), None)

    def value(self, sql: str, *args: object) -> Any:
        row = self.one(sql, *args)
        return None if row is None else next(iter(row.values()))

    def batches(self, sql: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        with self._doomed_by_failure(), psycopg.RawServerCursor(self._connection, "batches") as cursor:
            cursor.execute(sql.encode())
            while rows := cursor.fetchmany(size):
                yield rows

    def take_time(self) -> None:
        self.all("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0")

    @contextmanager
    def _doomed_by_failure(self) -> Iterator[None]:
        """The COMMIT of a failed transaction is a silent ROLLBACK."""
        try:
            yield
        except BaseException:
            self.failed = True
            raise


def _storable(value: object) -> object:
    """Texts without a zero character, which PostgreSQL cannot hold: what a provider says may have one, and is kept."""
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


class PostgresStore:
    """A store in a database of its own. `snapshots`: the folder its copies are kept in."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str, *, migrate: bool = True, snapshots: Path | None = None) -> None:
        self.snapshots = snapshots
        self.notices: list[str] = []
        self._address = address(url)
        self._writing = threading.Lock()
        self._is_away = False
        with closing(connect(self._address)) as connection:
            self.notices += doubts(connection)
        self._pool = ConnectionPool(
            self._address.conninfo,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=POOL_S,
            reconnect_timeout=POOL_S,  # it gives up soon, and the next one who needs a connection tries at once
            configure=configure,
            kwargs={"autocommit": True},
            open=True,
        )
        try:
            if migrate:
                migrations.run(self)
        except BaseException:
            self._pool.close()
            raise

    @contextmanager
    def read(self) -> Iterator[PostgresTx]:
        with self._transaction(READ, POOL_S) as tx:
            yield tx

    @contextmanager
    def write(self, *, wait_s: float | None = None) -> Iterator[PostgresTx]:
        """One thread of this process at a time asks for the lock: who waits for it holds a connection."""
        until = None if wait_s is None else time.monotonic() + wait_s
        if not self._writing.acquire(timeout=-1 if wait_s is None else wait_s):
            raise occupied()
        try:
            left_s = LOCK_S if until is None else max(0.001, until - time.monotonic())
            with self._transaction(_begin_writing(left_s), POOL_S if until is None else max(1.0, left_s)) as tx:
                yield tx
        finally:
            self._writing.release()

    @contextmanager
    def hold(self, duty: Duty, *, wait_s: float = 0.0) -> Iterator[Callable[[], bool]]:
        held = _Held(self._address, duty)
        try:
            held.take(wait_s)
            yield held.is_ours
        finally:
            held.let_go()

    def snapshot(self, name: str) -> Path:
        """A DuckDB file of the same schema version, made beside and then put in place."""
        from apom.store.copying import copy
        from apom.store.duck import DuckStore

        if self.snapshots is None:
            raise Misconfigured("A snapshot needs a folder to lie in, and none was named when the store was opened.")
        self.snapshots.mkdir(parents=True, exist_ok=True)
        with self.read() as tx:
            version = migrations.version(tx)
        with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=self.snapshots) as folder:
            target = DuckStore(Path(folder) / "store.duckdb", migrate=False)
            with closing(target):
                migrations.run(target, until=version)
                copy(self, target)
            os.replace(target.path, self.snapshots / f"{name}.duckdb")
        return self.snapshots / f"{name}.duckdb"

    def close(self) -> None:
        with self._writing:
            self._pool.close()

    @contextmanager
    def _transaction(self, begin: str, timeout_s: float) -> Iterator[PostgresTx]:
        with ours():
            connection = self._begin(begin, timeout_s)
            try:
                tx = PostgresTx(connection)
                yield tx
                if tx.failed:
                    raise Unavailable("A statement failed and was passed over: nothing was saved. Please report this.")
                connection.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):  # a connection that is gone has rolled back by itself
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._pool.putconn(connection)

    def _begin(self, begin: str, timeout_s: float, *, is_second: bool = False) -> Connection:
        """A connection with a transaction begun on it. Those that died while they lay idle are replaced first."""
        connection = self._free_connection(timeout_s)
        try:
            connection.execute(begin.encode())
        except BaseException:
            is_stale = connection.broken
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            self._pool.putconn(connection)
            if is_second or not is_stale:
                raise
        else:
            return connection
        self._pool.check()
        return self._begin(begin, timeout_s, is_second=True)

    def _free_connection(self, timeout_s: float) -> Connection:
        """Asking for one is also what makes the pool look whether the server is back."""
        try:
            connection = self._pool.getconn(min(timeout_s, AWAY_S) if self._is_away else timeout_s)
        except PoolTimeout:
            self._is_away = True
            raise
        self._is_away = False
        return connection


class _Held:
    """A duty, for as long as the connection lives on which its lock was taken."""

    def __init__(self, where: Address, duty: Duty) -> None:
        self._address = where
        self._key = LOCKS[duty]
        self._connection: Connection | None = None

    def take(self, wait_s: float) -> None:
        """Raises StoreBusy when another process has it and keeps it for so long."""
        self._connection = connect(self._address)
        with ours():
            if not self._lock(self._connection, wait_s):
                raise self._busy(self._connection)

    def is_ours(self) -> bool:
        """A connection that was lost is made anew and the lock taken once more, unless another was faster."""
        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                self._connection.execute("select 1")
                return True
        self.let_go()
        self._connection = connect(self._address)
        is_ours = False
        try:
            with ours():
                is_ours = self._lock(self._connection, 0.0)
        finally:
            if not is_ours:
                self.let_go()
        return is_ours

    def let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lock(self, connection: Connection, wait_s: float) -> bool:
        if wait_s <= 0:
            row = connection.execute("select pg_try_advisory_lock(%s, %s)", [APOM, self._key]).fetchone()
            return row is not None and row[0] is True
        connection.execute(f"set lock_timeout = {ms(wait_s)}; set statement_timeout = 0".encode())
        try:
            connection.execute("select pg_advisory_lock(%s, %s)", [APOM, self._key])
        except errors.LockNotAvailable:
            return False
        return True

    def _busy(self, connection: Connection) -> StoreBusy:
        cursor = psycopg.RawCursor(connection, row_factory=dict_row)
        holder = cursor.execute(HOLDER, [APOM, self._key]).fetchone() or {}
        return StoreBusy(
            "The database {place} is in use by another apom ({program}, from {address}). One server works on a database "
            "at a time: use that one, or end it first.",
            place=self._address.place,
            program=holder.get("application_name") or "unknown",
            address=holder.get("address") or "this machine",
        )


def _begin_writing(wait_s: float) -> str:
    """In one message. READ COMMITTED, so that what is read after the wait is what the one before us has written."""
    return (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {ms(wait_s)};"
        f" SELECT pg_advisory_xact_lock({APOM}, {LOCKS['write']}); SET LOCAL lock_timeout = {ms(LOCK_S)}"
    )
