"""Numbered SQL files, forward only, each in its own transaction; a copy of the store is kept before each.

`0003_name.sql` runs on both databases; `0003_name.postgresql.sql` after it, in the same transaction, on that one alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apom.errors import StoreBroken

if TYPE_CHECKING:
    from apom.store import Store, Tx

FOLDER = Path(__file__).parent
SHARED = re.compile(r"(?P<number>\d{4})_\w+\.sql")
LONGEST_S = 600.0


def versions(folder: Path | None = None) -> list[tuple[int, Path]]:
    """Every migration in order, by the number its name begins with."""
    found = ((SHARED.fullmatch(path.name), path) for path in (folder or FOLDER).iterdir())
    return sorted((int(match["number"]), path) for match, path in found if match)


def version(tx: Tx) -> int:
    """The last migration a store has seen, 0 for a new one."""
    is_there = tx.value(
        "select 1 from information_schema.tables where table_schema = current_schema() and table_name = 'schema_version'"
    )
    return (tx.value("select max(version) from schema_version") or 0) if is_there else 0


def run(store: Store, folder: Path | None = None, *, until: int | None = None) -> int:
    """Brings the tables up to date, or to the version `until`; the number of migrations applied.

    Processes that start together take turns. Raises StoreBroken for a store of a newer apom, StoreBusy when another
    process has been at it for very long.
    """
    known = [(n, path) for n, path in versions(folder) if until is None or n <= until]
    if _at(store, known) == known[-1][0]:
        return 0
    with store.hold("migrations", wait_s=LONGEST_S):
        first = _at(store, known)  # another process may have done it while we waited
        pending = [(n, path) for n, path in known if n > first]
        for n, path in pending:
            if first > 0:  # in a store that was new a moment ago there is nothing to keep
                store.snapshot(f"before-{n:04d}")
            _apply(store, n, path)
    return len(pending)


def _at(store: Store, known: list[tuple[int, Path]]) -> int:
    with store.read() as tx:
        at = version(tx)
    newest = known[-1][0]
    if at > newest:
        raise StoreBroken(
            "The store was written by a newer apom (schema {at}, this one knows {newest}). Update apom, or put back a "
            "snapshot from before the update.",
            at=at,
            newest=newest,
        )
    return at


def _apply(store: Store, n: int, path: Path) -> None:
    with store.write() as tx:
        tx.take_time()
        tx.all(
            "create table if not exists schema_version (version integer primary key, applied_at timestamptz not null)"
        )
        for statement in _statements(path, store.dialect):
            tx.all(statement)
        tx.all("insert into schema_version (version, applied_at) values ($1, $2)", n, datetime.now(UTC))


def _statements(path: Path, dialect: str) -> Iterator[str]:
    for file in (path, path.with_suffix(f".{dialect}.sql")):
        if file.exists():
            yield from filter(str.strip, file.read_text(encoding="utf-8").split(";\n"))
