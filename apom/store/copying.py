"""A whole store into another, empty one: how one moves to PostgreSQL and back, and how PostgreSQL's snapshots are made."""

from __future__ import annotations

from apom.errors import Conflict, NotFound, StoreBroken
from apom.store import Store, Tx, migrations

BATCH = 1000
COLUMNS = """
select c.table_name, c.column_name, c.data_type from information_schema.columns c
join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' and c.table_name <> 'schema_version'
order by c.table_name, c.ordinal_position
"""


def copy(source: Store, target: Store) -> dict[str, int]:
    """Every row of `source` as of one moment, while people go on working there; how many rows each table has.

    All or nothing: one transaction on the target. Raises Conflict for a target that has rows or is of another schema,
    StoreBroken when the rows do not fit together or do not add up afterwards, Unavailable when either store fails.
    """
    try:
        with source.read() as old, target.write() as new:
            return _copy(old, new)
    except NotFound as error:  # only PostgreSQL looks, and only at the end
        raise StoreBroken(
            "A row of this store belongs to one that is gone, and the other database takes no such rows: nothing was "
            "copied. Please report this. It says: {reason}",
            reason=str(error.__cause__).splitlines()[-1],
        ) from error


def _copy(old: Tx, new: Tx) -> dict[str, int]:
    for tx in (old, new):
        tx.take_time()
    _check_versions(migrations.version(old), migrations.version(new))
    tables = _shared_tables(old, new)
    _check_empty(new, tables)
    return {table: _copy_table(old, new, table, columns) for table, columns in tables.items()}


def _check_versions(old: int, new: int) -> None:
    if old != new:
        raise Conflict(
            "The stores are of different versions: schema {old} here, {new} there. Bring both up to date first.",
            old=old,
            new=new,
        )


def _shared_tables(old: Tx, new: Tx) -> dict[str, dict[str, str]]:
    """The columns of each table by name, each with its type over there. What else lies in a database is not ours."""
    there = _tables(new)
    return {table: there[table] for table in _tables(old) if table in there}


def _tables(tx: Tx) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in tx.all(COLUMNS):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    return found


def _check_empty(new: Tx, tables: dict[str, dict[str, str]]) -> None:
    for table in tables:
        if _count(new, table):
            raise Conflict(
                "The other store is not empty: there are rows in {table}. Nothing was copied. Choose an empty database.",
                table=table,
            )


def _copy_table(old: Tx, new: Tx, table: str, columns: dict[str, str]) -> int:
    """Set by set: a list per column, which both databases take a hundred times faster than row by row."""
    names = ", ".join(f'"{name}"' for name in columns)
    lists = ", ".join(f"unnest(${n}::{kind}[])" for n, kind in enumerate(columns.values(), start=1))
    for rows in old.batches(f'select {names} from "{table}"', BATCH):
        new.all(
            f'insert into "{table}" ({names}) select {lists}', *(list(values) for values in zip(*rows, strict=True))
        )
    expected, found = _count(old, table), _count(new, table)
    if found != expected:
        raise StoreBroken(
            "{expected} rows of {table} were read and {found} arrived: nothing was copied. Please report this.",
            table=table,
            expected=expected,
            found=found,
        )
    return found


def _count(tx: Tx, table: str) -> int:
    return int(tx.value(f'select count(*) from "{table}"'))
