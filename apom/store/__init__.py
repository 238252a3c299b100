"""Rows and records: the only SQL. One module per noun, plain functions that take a `Tx`.

The same statements run on DuckDB and PostgreSQL: `$1` parameters, JSON as text in and out, times aware and in UTC,
keyset pages, `nulls last` said aloud.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

Duty: TypeAlias = Literal["engine", "migrations"]


class Tx(Protocol):
    """One transaction. Rows come back as dicts; a failed statement dooms the whole, loudly."""

    def all(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Every row."""

    def one(self, sql: str, *args: object) -> dict[str, Any] | None:
        """The first row, None without one."""

    def value(self, sql: str, *args: object) -> Any:
        """The first column of the first row, None without one."""

    def batches(self, sql: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Every row as a tuple, `size` at a time: for what does not fit into memory.

        Nothing else may be asked of this transaction before the last batch.
        """

    def take_time(self) -> None:
        """What follows is a lot of work: no statement of this transaction is stopped for taking long."""


class Store(Protocol):
    """Where the rows live."""

    @property
    def dialect(self) -> Literal["duckdb", "postgresql"]:
        """Whose SQL it speaks, where that makes a difference."""

    @property
    def snapshots(self) -> Path | None:
        """The folder its snapshots lie in, None when it was given none."""

    @property
    def notices(self) -> Sequence[str]:
        """What an operator has to know about the way it opened."""

    def read(self) -> AbstractContextManager[Tx]:
        """A snapshot that may only be read."""

    def write(self, *, wait_s: float | None = None) -> AbstractContextManager[Tx]:
        """The one writer: committed on leaving, rolled back on an exception. Keep it short, no network inside.

        `wait_s`: how long to wait for whoever is writing; None for as long as it takes, which on PostgreSQL is 20
        seconds. Raises Occupied after that, Conflict when a unique key is taken, NotFound when a row it belongs to is
        gone, Unavailable when nothing could be written.
        """

    def hold(self, duty: Duty, *, wait_s: float = 0.0) -> AbstractContextManager[Callable[[], bool]]:
        """What only one process does at a time on a store, until this is left. Raises StoreBusy when another does.

        `wait_s`: how long to wait for that one to end. What is handed out answers whether the duty is still ours (it
        goes with the connection) and takes it up again where it can; it raises Unavailable while nobody knows.
        """

    def snapshot(self, name: str) -> Path:
        """A consistent copy as a DuckDB file in `snapshots`, complete or not there at all.

        Raises Misconfigured without such a folder.
        """

    def close(self) -> None:
        """Ends every transaction and lets go of the files."""


def open_store(url: str, *, migrate: bool = True, snapshots: Path | None = None) -> Store:
    """Opens a store and brings its tables up to date, unless `migrate` is false: then it is left as it is.

    `duckdb:///relative/path`, `duckdb:////absolute/path` or `postgresql://user@host/database`, whose password may also
    be in `~/.pgpass` or `PGPASSWORD`. `snapshots`: where PostgreSQL's are kept; those of a DuckDB file lie beside it.
    Raises Misconfigured for another URL and for one the database does not accept, StoreBusy when another process holds
    it, StoreBroken when the file cannot be read, Unavailable when the database does not answer.
    """
    from apom.errors import Misconfigured

    if url.startswith("duckdb:///"):
        from apom.store.duck import DuckStore

        return DuckStore(url.removeprefix("duckdb:///"), migrate=migrate)
    if url.startswith(("postgresql://", "postgres://")):
        from apom.store.postgres import PostgresStore

        return PostgresStore(url, migrate=migrate, snapshots=snapshots)
    raise Misconfigured(
        "The database URL has to look like duckdb:///path/to/file or postgresql://user@host/database. It is set with "
        "APOM_DATABASE_URL."
    )


def bind(value: object) -> object:
    """A parameter as both drivers take it: a dict would become a STRUCT, an enum an ENUM, a tuple a row."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
