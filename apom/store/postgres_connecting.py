"""A way into PostgreSQL: what a URL says, what every connection has in common, and why there is none."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import FloatLoader
from psycopg.types.string import TextLoader

from apom.errors import Misconfigured, Unavailable

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

STATEMENT_S = 30.0
LOCK_S = 20.0  # less, so that who waits for a lock is told so
IDLE_S = 300.0  # a transaction that does nothing for so long is ended by the server, and its locks with it
CONNECTING: dict[str, str | int] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
OURS: dict[str, str | int] = {"client_encoding": "UTF8"}
REFUSED = re.compile("authentication|no password|does not exist|pg_hba|not permitted|SSL|certificate")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is. `place` may be shown, the rest holds the password."""

    place: str
    conninfo: str
    password: str

    def __repr__(self) -> str:
        return f"Address({self.place})"


def address(url: str) -> Address:
    """Reads a URL. Raises Misconfigured.

    What the driver says of a URL it cannot read repeats parts of it, and a password with an unwritten `@` or `/` ends
    up in the host, the port or the database: none of that is shown.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.Error:
        given = {"host": "@"}
    host, port, database = (given.get(name, "") for name in ("host", "port", "dbname"))
    if "@" in host + database or not re.fullmatch(r"[\d,]*", port) or re.search("[?#].*@", url):
        raise Misconfigured(
            "The database URL cannot be read. It looks like postgresql://user:password@host:5432/database, where @ : / % "
            "in the password are written as %40 %3A %2F %25. Better still, leave the password to ~/.pgpass."
        )
    defaults = {**CONNECTING, "fallback_application_name": f"apom {socket.gethostname()[:40]} {os.getpid()}"}
    return Address(
        place=f"{host or 'this machine'}{port and ':'}{port}/{database or given.get('user', '')}",
        conninfo=make_conninfo("", **{**defaults, **given, **OURS}),
        password=given.get("password", ""),
    )


def connect(where: Address) -> Connection:
    """A connection of one's own. Raises Misconfigured, Unavailable."""
    try:
        connection = psycopg.connect(where.conninfo, autocommit=True)
        configure(connection)
    except psycopg.OperationalError as error:
        raise _refused(error, where) from None
    return connection


def configure(connection: Connection) -> None:
    """What every connection has in common. JSON is text, as in DuckDB, and sums are floats.

    The server, too, looks whether we are still there: the locks of a machine that lost its power are free in a minute.
    """
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_loader("numeric", FloatLoader)
    connection.execute(
        f"set timezone = 'UTC'; set statement_timeout = {ms(STATEMENT_S)}; set lock_timeout = {ms(LOCK_S)};"
        f" set idle_in_transaction_session_timeout = {ms(IDLE_S)};"
        " set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3".encode()
    )


def doubts(connection: Connection) -> Iterator[str]:
    """What an operator has to know of a database. Raises Misconfigured for one that cannot hold every letter."""
    row = connection.execute("select current_setting('server_encoding'), 'Ж' ilike 'ж'").fetchone()
    encoding, folds = row or ("", False)
    if encoding != "UTF8":
        raise Misconfigured(
            "The database has the encoding {encoding} and cannot hold every letter. Make it anew with: "
            "create database apom encoding 'UTF8' template template0",
            encoding=encoding,
        )
    if not folds:
        yield (
            "The database's locale knows capital letters of English alone, so a search in other languages finds only what "
            "is written the same way. Make it anew with a locale like C.UTF-8 or en_US.UTF-8, and copy it over."
        )


def ms(seconds: float) -> int:
    """For settings in milliseconds, where 0 would mean for ever."""
    return max(1, round(seconds * 1000))


def _refused(error: psycopg.OperationalError, where: Address) -> Misconfigured | Unavailable:
    """Why there is no connection, without the password."""
    reason = str(error).splitlines()[0].removeprefix("connection failed: ")[:300]
    if where.password:
        reason = reason.replace(where.password, "…")
    if REFUSED.search(reason):
        return Misconfigured(
            "The database {place} does not let us in. Check APOM_DATABASE_URL. It says: {reason}",
            place=where.place,
            reason=reason,
        )
    return Unavailable(
        "The database {place} does not answer. Is it running? It says: {reason}", place=where.place, reason=reason
    )
