"""Numbered SQL files, forward only, each in its own transaction; a copy of the store is kept before each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apom.errors import StoreBroken

if TYPE_CHECKING:
    from apom.store.duck import DuckStore

FOLDER = Path(__file__).parent


def versions(folder: Path = FOLDER) -> list[tuple[int, Path]]:
    """Every migration in order, by the number its name begins with."""
    return sorted((int(path.name.split("_")[0]), path) for path in folder.glob("[0-9]*.sql"))


def run(store: DuckStore, folder: Path = FOLDER) -> int:
    """Brings the tables up to date; the number of migrations applied. Raises StoreBroken for a newer store."""
    with store.write() as tx:
        tx.all(
            "create table if not exists schema_version (version integer primary key, applied_at timestamptz not null)"
        )
        at = tx.value("select max(version) from schema_version") or 0
    pending = [(n, path) for n, path in versions(folder) if n > at]
    newest = versions(folder)[-1][0]
    if at > newest:
        raise StoreBroken(
            "The store was written by a newer apom (schema {at}, this one knows {newest}). Update apom, or put back a "
            "snapshot from before the update.",
            at=at,
            newest=newest,
        )
    for n, path in pending:
        if n > 1:
            store.snapshot(f"before-{n:04d}")
        with store.write() as tx:
            for statement in path.read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    tx.all(statement)
            tx.all("insert into schema_version (version, applied_at) values ($1, $2)", n, datetime.now(UTC))
    return len(pending)
