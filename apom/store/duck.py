"""The embedded store: one DuckDB file, one process, one writer at a time.

What DuckDB 2.0 needs, each point measured: no foreign keys and no secondary indexes, a cursor per unit of work, the
settings locked in this very order, JSON passed as text, an instance that is reopened after a FatalException.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from apom.errors import Conflict, Misconfigured, Occupied, StoreBroken, StoreBusy, Unavailable
from apom.store import Duty, bind, migrations

DUPLICATE = re.compile("duplicate key|unique constraint", re.IGNORECASE)
TIMESTAMPTZ = "TIMESTAMP WITH TIME ZONE"


class DuckTx:
    """One transaction on a cursor of its own."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self.failed = False

    def all(self, sql: str, *args: object) -> list[dict[str, Any]]:
        with self._doomed_by_failure():
            self._cursor.execute(sql, [bind(a) for a in args] or None)
            columns = self._cursor.description or []
            rows = self._cursor.fetchall() if columns else []
        names = [column[0] for column in columns]
        return [dict(zip(names, row, strict=True)) for row in _in_utc(rows, columns)]

    def one(self, sql: str, *args: object) -> dict[str, Any] | None:
        return next(iter(self.all(sql, *args)), None)

    def value(self, sql: str, *args: object) -> Any:
        row = self.one(sql, *args)
        return None if row is None else next(iter(row.values()))

    def batches(self, sql: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        with self._doomed_by_failure():
            self._cursor.execute(sql)
            columns = self._cursor.description or []
            while rows := self._cursor.fetchmany(size):
                yield _in_utc(rows, columns)

    def take_time(self) -> None:
        """Nothing is stopped for taking long here."""

    @contextmanager
    def _doomed_by_failure(self) -> Iterator[None]:
        """The COMMIT of a failed transaction is a silent ROLLBACK."""
        try:
            yield
        except BaseException:
            self.failed = True
            raise


def _in_utc(rows: list[tuple[Any, ...]], columns: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """With its times in `datetime.UTC`; they come in pytz's."""
    for i in [i for i, column in enumerate(columns) if str(column[1]) == TIMESTAMPTZ]:
        rows = [(*r[:i], r[i] and r[i].astimezone(UTC), *r[i + 1 :]) for r in rows]
    return rows


class DuckStore:
    """A store in one file; `snapshots/` beside it is the only other folder it may touch."""

    dialect: Literal["duckdb"] = "duckdb"

    def __init__(self, path: str | Path, *, migrate: bool = True) -> None:
        self.path = Path(path).resolve()
        self.snapshots = self.path.parent / "snapshots"
        self.notices: list[str] = []
        self._writing = threading.Lock()
        self._reopening = threading.Lock()
        self._is_closed = False
        self._make_folders()
        self._db = self._open()
        try:
            if migrate:
                migrations.run(self)
        except BaseException:
            self._db.close()
            raise

    @contextmanager
    def read(self) -> Iterator[DuckTx]:
        with self._transaction("BEGIN TRANSACTION READ ONLY") as tx:
            yield tx

    @contextmanager
    def write(self, *, wait_s: float | None = None) -> Iterator[DuckTx]:
        if not self._writing.acquire(timeout=-1 if wait_s is None else wait_s):
            raise Occupied("The store is being written to by something long. Try again in a moment.")
        try:
            with self._transaction("BEGIN") as tx:
                yield tx
        finally:
            self._writing.release()

    @contextmanager
    def hold(self, duty: Duty, *, wait_s: float = 0.0) -> Iterator[Callable[[], bool]]:
        """Whoever has the file open has every duty."""
        yield lambda: True

    def snapshot(self, name: str) -> Path:
        """A consistent, compact copy in `snapshots/`, written beside and then put in place."""
        target = self.snapshots / f"{name}.duckdb"
        part = self.snapshots / f"{name}.part"
        part.unlink(missing_ok=True)
        with self._writing, self._db.cursor() as cursor:
            source = cursor.execute("select current_database()").fetchall()[0][0]
            cursor.execute(f"attach '{str(part).replace(chr(39), chr(39) * 2)}' as copy_of")
            try:
                cursor.execute(f'copy from database "{source}" to copy_of')
            finally:
                cursor.execute("detach copy_of")
        os.replace(part, target)
        return target

    def close(self) -> None:
        with self._writing:
            self._is_closed = True
            self._db.close()

    def _make_folders(self) -> None:
        try:
            self.snapshots.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(
                "The store cannot lie at {path} ({reason}). Choose another place.",
                path=self.path,
                reason=error.strerror,
            ) from error

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[DuckTx]:
        db = self._db
        try:
            with db.cursor() as cursor:
                cursor.execute(begin)
                tx = DuckTx(cursor)
                try:
                    yield tx
                    if tx.failed:
                        raise Unavailable(
                            "A statement failed and was passed over: nothing was saved. Please report this."
                        )
                except BaseException as error:
                    if not isinstance(error, duckdb.FatalException):
                        cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
        except duckdb.Error as error:
            raise self._ours(error, db) from error

    def _ours(self, error: duckdb.Error, db: duckdb.DuckDBPyConnection) -> Exception:
        """The driver's error as one of ours; what is a mistake of this program stays what it is."""
        if isinstance(error, duckdb.FatalException):
            self._reopen(db)
            return Unavailable("The disk may be full: the last change was not saved. Free some space, then try again.")
        if isinstance(error, duckdb.ConstraintException | duckdb.TransactionException) and DUPLICATE.search(str(error)):
            return Conflict("There is one of that name already. Choose another.")
        if isinstance(error, duckdb.IOException | duckdb.TransactionException | duckdb.OutOfMemoryException):
            return Unavailable("The store could not be written: nothing was saved. Is the disk full? Then try again.")
        if isinstance(error, duckdb.ConnectionException):
            if not self._is_closed:
                self._reopen(db)
            return Unavailable("The store is closed or being opened again. Try again in a moment.")
        return error

    def _reopen(self, db: duckdb.DuckDBPyConnection) -> None:
        """A FatalException invalidates the whole instance, reads too; acknowledged rows are in the file and its WAL."""
        with self._reopening:
            if self._db is not db:
                return  # another thread was faster
            db.close()
            self._db = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            db = self._connect()
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise self._broken(error) from error
            raise self._busy(error) from error
        except duckdb.Error as error:
            if "replaying WAL" not in str(error) or isinstance(error, duckdb.OutOfMemoryException):
                raise self._broken(error) from error
            db = self._connect_without_wal(error)
        try:
            return _locked_down(db, self.snapshots)
        except duckdb.InvalidInputException as error:  # its configuration is locked: this process opened it before
            db.close()
            raise StoreBusy("The store {path} is open in this very process already.", path=self.path) from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(
            str(self.path), config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )

    def _connect_without_wal(self, error: duckdb.Error) -> duckdb.DuckDBPyConnection:
        """A damaged WAL is set aside, never deleted: the store opens as of its last checkpoint."""
        wal = self.path.with_name(self.path.name + ".wal")
        if not wal.exists():
            raise self._broken(error) from error
        aside = wal.with_name(f"{wal.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        os.replace(wal, aside)
        self.notices.append(
            f"The store's write-ahead log was damaged and has been set aside as {aside.name}. The store is open as of "
            "its last checkpoint: the newest changes may be missing. Compare with the latest snapshot."
        )
        try:
            return self._connect()
        except duckdb.Error as again:
            raise self._broken(again) from again

    def _busy(self, error: duckdb.Error) -> StoreBusy:
        found = re.search(r"held in (?P<program>.*) \(PID (?P<pid>\d+)\)", str(error))
        return StoreBusy(
            "The store {path} is in use by process {pid} ({program}). One process holds it at a time: use that one's "
            "dashboard or REST interface, or end it first.",
            path=self.path,
            pid=found["pid"] if found else "?",
            program=Path(found["program"]).name if found else "unknown",
        )

    def _broken(self, error: duckdb.Error) -> StoreBroken:
        return StoreBroken(
            "The store {path} cannot be opened: it is damaged, of a newer version, or no store at all. It was left as "
            "it is. Put back the latest file from {snapshots}. DuckDB says: {reason}",
            path=self.path,
            snapshots=self.snapshots,
            reason=str(error).splitlines()[0][:300],
        )


def _locked_down(db: duckdb.DuckDBPyConnection, snapshots: Path) -> duckdb.DuckDBPyConnection:
    """In this order: each setting must still be changeable when its turn comes."""
    db.execute("SET GLOBAL TimeZone='UTC'")
    db.execute(f"SET allowed_directories=[{str(snapshots) + os.sep!r}]")
    db.execute("SET enable_external_access=false")
    db.execute("SET lock_configuration=true")
    return db
