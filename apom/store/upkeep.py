"""What an operator asks about a store, and the snapshot an operator takes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from apom.errors import Conflict, Invalid
from apom.models import Snapshot, StoreInfo
from apom.store import Store, Tx, migrations, open_store

DUCKDB = "duckdb:///"
SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
TABLES = (
    "select table_name from information_schema.tables"
    " where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name"
)
NEWEST = (
    "select max(moment) from (select max(happened_at) as moment from audit_entry"
    " union all select max(seen_at) from session union all select max(updated_at) from generation) as latest"
)
MISSING = "select count(*) from asset where missing_at is not null and purged_at is null"


def newest_schema() -> int:
    """The schema version this apom brings a store to."""
    return migrations.versions()[-1][0]


def shown(url: str) -> str:
    """A database's URL without its password, wherever in it that stands."""
    if url.startswith(DUCKDB):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a URL that cannot be read)"
    credentials, at, place = parts.netloc.rpartition("@")
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if "password" not in pair[0]]
    plain = f"{parts.scheme}://{credentials.partition(':')[0]}{at}{place}{parts.path}"
    return f"{plain}?{urlencode(query)}" if query else plain


def inspect(store: Store, url: str) -> StoreInfo:
    """The facts about an open store; `url`: where it was opened."""
    with store.read() as tx:
        rows = _rows(tx)
        version = migrations.version(tx)
        newest = tx.value(NEWEST) if version else None
        missing = tx.value(MISSING) if version == newest_schema() else 0
        size = _bytes(url) if store.dialect == "duckdb" else tx.value("select pg_database_size(current_database())")
    return StoreInfo(
        url=shown(url),
        schema_version=version,
        bytes=size,
        rows=rows,
        newest_row_at=newest,
        newest_snapshot_at=_newest(store.snapshots),
        missing=missing,
    )


def look(url: str, snapshots: Path) -> StoreInfo:
    """The same about a store that nobody has opened: nothing is made, nothing brought up to date.

    `snapshots`: as for `open_store`. Raises Misconfigured, StoreBusy, StoreBroken, Unavailable.
    """
    if url.startswith(DUCKDB) and not _file(url).exists():
        newest = _newest(_file(url).parent / "snapshots")
        return StoreInfo(url=url, schema_version=0, bytes=0, rows={}, newest_row_at=None, newest_snapshot_at=newest)
    store = open_store(url, migrate=False, snapshots=snapshots)
    try:
        return inspect(store, url)
    finally:
        store.close()


def snapshot(store: Store, name: str) -> Snapshot:
    """A consistent copy among the store's snapshots; people go on working. Raises Invalid, Conflict, Misconfigured."""
    if not SNAPSHOT_NAME.fullmatch(name):
        raise Invalid("The name of a snapshot has 1 to 60 letters, digits, dots, dashes or underscores.", field="name")
    if store.snapshots and (store.snapshots / f"{name}.duckdb").exists():
        raise Conflict("There is a snapshot {name} already. Choose another name.", name=name)
    path = store.snapshot(name)
    facts = path.stat()
    made_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return Snapshot(name=name, path=str(path), bytes=facts.st_size, made_at=made_at)


def _rows(tx: Tx) -> dict[str, int]:
    tables = [row["table_name"] for row in tx.all(TABLES)]
    return {table: tx.value(f'select count(*) from "{table}"') for table in tables}


def _file(url: str) -> Path:
    return Path(url.removeprefix(DUCKDB))


def _bytes(url: str) -> int:
    """The file and its write-ahead log."""
    path = _file(url)
    return sum(part.stat().st_size for part in (path, path.with_name(f"{path.name}.wal")) if part.exists())


def _newest(snapshots: Path | None) -> datetime | None:
    made = [path.stat().st_mtime for path in snapshots.glob("*.duckdb")] if snapshots else []
    return datetime.fromtimestamp(max(made), UTC) if made else None
