"""Rows and records: the only SQL. One module per noun, plain functions that take a `Tx`.

The same statements run on DuckDB and PostgreSQL: `$1` parameters, JSON as text in and out, times aware and in UTC,
keyset pages, `nulls last` said aloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Tx(Protocol):
    """One transaction. Rows come back as dicts; a failed statement dooms the whole, loudly."""

    def all(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Every row."""

    def one(self, sql: str, *args: object) -> dict[str, Any] | None:
        """The first row, None without one."""

    def value(self, sql: str, *args: object) -> Any:
        """The first column of the first row, None without one."""


class Store(Protocol):
    """Where the rows live."""

    def read(self) -> AbstractContextManager[Tx]:
        """A snapshot that may only be read."""

    def write(self) -> AbstractContextManager[Tx]:
        """The one writer: committed on leaving, rolled back on an exception. Keep it short, no network inside.

        Raises Conflict when a unique key is taken, Unavailable when nothing could be written.
        """

    @property
    def notices(self) -> Sequence[str]:
        """What an operator has to know about the way it opened."""

    def close(self) -> None:
        """Ends every transaction and lets go of the files."""


def open_store(url: str) -> Store:
    """Opens a store and brings its tables up to date.

    `duckdb:///relative/path` or `duckdb:////absolute/path`. Raises Misconfigured for another URL, StoreBusy when
    another process holds it, StoreBroken when the file cannot be read.
    """
    from apom.errors import Misconfigured
    from apom.store.duck import DuckStore

    if not url.startswith("duckdb:///"):
        raise Misconfigured(
            "The database URL {url!r} is not of the form duckdb:///path/to/file.", url=url.split("@")[-1]
        )
    return DuckStore(url.removeprefix("duckdb:///"))
