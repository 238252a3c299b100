"""`apom migrate`, `apom db`: the store."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from apom.cli import door
from apom.cli.asking import secret
from apom.cli.command import Commands, Reply, command, group, table
from apom.config import Settings
from apom.errors import Invalid
from apom.words import size

DUCKDB = "duckdb:///"


def add(commands: Commands) -> None:
    """Declares the commands."""
    parser = command(commands, "migrate", migrate, "apom migrate\napom migrate --check && echo nothing to do")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when something is pending")
    database = group(commands, "db", "Look at the store, keep it, move it.", "apom db info\napom db snapshot")
    command(database, "info", info, "apom db info\napom db info --json")
    parser = command(database, "snapshot", snapshot, "apom db snapshot\napom db snapshot before-the-shoot")
    parser.add_argument("name", nargs="?", metavar="NAME", help="by default the time, as 20261123T101500Z")
    parser = command(
        database,
        "copy",
        copy,
        """
        apom db copy postgresql://apom@db.example.com/films    (password: ~/.pgpass)
        apom db copy - < url.txt
        apom db copy duckdb:////mnt/backup/apom.duckdb
        """,
    )
    parser.add_argument("url", metavar="URL", help="of an empty store; -: read from standard input")


def migrate(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Bring the store up to date.

    A server does this by itself when it starts; a copy from before is kept in snapshots/ beside the store. There is no
    way back but that copy.
    """
    from apom.store import upkeep

    server, newest = door.server(settings), upkeep.newest_schema()
    was = now = door.store_info(settings, server).schema_version
    if server is None and not arguments.check:
        with door.operator(settings) as opened:  # opening it is what brings it up to date
            now = opened.store_info().schema_version
    return Reply(
        document={"schema_version": now, "was": was, "newest": newest},
        lines=[_standing(was, now, newest, server.url if server else None)],
        code=0 if now == newest else 1,
    )


def _standing(was: int, now: int, newest: int, server: str | None) -> str:
    """How the schema stands, and what to do about it."""
    if now > newest:
        return f"The store is of a newer apom: schema {now}, this one knows {newest}. Update apom."
    if now < newest and server:
        return f"The server at {server} runs on schema {now}, this apom knows {newest}: start it anew."
    if now < newest:
        return f"The store has schema {now}, {newest} is the newest. Bring it up to date: apom migrate"
    if server:
        return f"The server at {server} brought the store up to date when it started: schema {now}."
    if was == 0:
        return f"A new store was made: schema {now}."
    return f"The store is up to date: schema {now}." if was == now else f"The store went from schema {was} to {now}."


def info(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show which store this is, how large, and how many rows each table has."""
    found = door.store_info(settings, door.server(settings))
    facts = [
        ("store", found.url),
        ("schema", str(found.schema_version or "none yet: it is made at the first start")),
        ("size", size(found.bytes)),
        ("last change", _moment(found.newest_row_at)),
        ("last snapshot", _moment(found.newest_snapshot_at)),
    ]
    return Reply(document=found.model_dump(mode="json"), lines=[*table(facts), *_counts(found.rows)])


def snapshot(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make a consistent copy of the store in snapshots/ beside it, while people go on working.

    Media are files of their own, in media/. Both together: apom backup FOLDER
    """
    with door.operator(settings) as opened:
        made = opened.snapshot(arguments.name or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    return Reply(document=made.model_dump(mode="json"), lines=[f"{made.path} ({size(made.bytes)})"])


def copy(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Copy every row into an empty store elsewhere: how one moves to PostgreSQL, and back.

    It reads the store as of one moment; while a server runs, that server copies, people go on working, and what they
    change from then on is not in the copy. The store here is never changed. Media stay where they are.

    A password in an argument can be seen by others: give - and the URL on standard input, or leave the password to
    ~/.pgpass.
    """
    from apom.store import upkeep

    url = _absolute(secret("URL") if arguments.url == "-" else arguments.url)
    with door.operator(settings) as opened:
        rows = dict(opened.copy_store(url))
    return Reply(
        document={"url": upkeep.shown(url), "rows": {**rows}},
        lines=[
            *_counts(rows),
            f"{sum(rows.values()):,} rows were copied to {upkeep.shown(url)}",
            "The store here was not changed. To go on with the copy, set",
            "APOM_DATABASE_URL to its URL and start apom anew.",
        ],
    )


def _absolute(url: str) -> str:
    """A file as seen from here: the server may run in another folder. Raises Invalid."""
    if not url.isprintable():
        raise Invalid("A URL holds no control characters.", field="url")
    return f"{DUCKDB}{Path(url.removeprefix(DUCKDB)).absolute()}" if url.startswith(DUCKDB) else url


def _counts(rows: Mapping[str, int]) -> list[str]:
    return [f"{count:>12,}  {name}" for name, count in sorted(rows.items())]


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "none"
