"""A project's rows as they leave a store and come into another one.

Which columns there are is asked of the database, so that a new one travels by itself; which tables, and which columns stay
here, is said in this file, and a test fails for a table that stands nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apom.store import Tx

BATCH = 500
OF_ASSETS = "asset_id in (select id from asset where project_id = '{project}')"
OF_PROJECT = "project_id = '{project}'"
TABLES: Mapping[str, tuple[str, str]] = {  # which rows, and in which order they are written
    "project": ("id = '{project}'", "id"),
    "box": (OF_PROJECT, "id"),
    "batch": (OF_PROJECT, "id"),
    "asset": (OF_PROJECT, "id"),
    "asset_recipe": (OF_ASSETS, "asset_id"),
    "asset_input": (OF_ASSETS, "asset_id, role, position"),
    "provider_snapshot": ("sha256 in (select snapshot from generation where project_id = '{project}')", "sha256"),
    "generation": (OF_PROJECT, "id"),
    "generation_output": (
        "generation_id in (select id from generation where project_id = '{project}')",
        "generation_id, position",
    ),
    "round": (OF_PROJECT, "id"),
    "round_shot": ("round_id in (select id from round where project_id = '{project}')", "round_id, position"),
    "comment": (OF_PROJECT, "id"),
    "verdict": (OF_PROJECT, "id"),
    "ledger_entry": (OF_PROJECT, "id"),
}
STAYS: Mapping[str, str] = {  # tables that do not travel, and why
    **dict.fromkeys(["shared_link", "reviewer", "link_activity", "invitation"], "links and who used them"),
    "project_member": "who brings it becomes its owner and invites the others",
    "job": "work of this process",
    "handover": "what an editor of this house was given",
    **dict.fromkeys(
        ["notification", "notice_fact", "notice_setting", "webhook", "delivery"], "what people of this house are told"
    ),
    **dict.fromkeys(["app_user", "session", "api_token", "export_choice"], "people are known by their names"),
    **dict.fromkeys(["provider_key", "ai_provider", "system_config"], "the house's own settings"),
    **dict.fromkeys(["audit_entry", "balance_reading", "retention_run", "sweep"], "the house's own books"),
}
OMITTED = frozenset(  # columns that do not travel: secrets, what points to what stays, what is of this moment
    "asset.leaves_at batch.token batch.retry_token comment.link_id comment.reviewer_id generation.callback_token"
    " generation.lease_until generation.owner generation.task verdict.link_id verdict.reviewer_id".split()
)
POINTS = {  # what a column's id is of
    "project_id": "project",
    "box_id": "box",
    "batch_id": "batch",
    **dict.fromkeys(
        ["asset_id", "source_asset_id", "parent_asset_id", "headliner_asset_id", "soundtrack_asset_id"], "asset"
    ),
    "generation_id": "generation",
    "round_id": "round",
    "parent_comment_id": "comment",
}
PEOPLE = frozenset(["created_by", "updated_by", "published_by", "user_id", "assignee_id"])
OUTLIVES = "ledger_entry"  # what it speaks of may be gone; its person is nobody of another house
SPOKEN = {"comment.user_id": "coalesce(reviewer_id, user_id)", "verdict.user_id": "coalesce(reviewer_id, user_id)"}
WITH_IDS = ("project", "box", "batch", "asset", "generation", "round", "comment", "verdict", "ledger_entry")
KINDS = {"varchar": "text", "double": "double precision", "timestamptz": "timestamp with time zone"}
COLUMNS = """select table_name, column_name, data_type, is_nullable from information_schema.columns
where table_schema = current_schema() order by table_name, ordinal_position"""


@dataclass(frozen=True, kw_only=True)
class Column:
    """`kind`: its type as PostgreSQL calls it."""

    kind: str
    may_be_null: bool


def columns(tx: Tx) -> dict[str, dict[str, Column]]:
    """Those that travel, of each table."""
    found: dict[str, dict[str, Column]] = {table: {} for table in TABLES}
    for row in tx.all(COLUMNS):
        table, name, kind = row["table_name"], row["column_name"], row["data_type"].lower()
        if table in TABLES and f"{table}.{name}" not in OMITTED:
            found[table][name] = Column(kind=KINDS.get(kind, kind), may_be_null=row["is_nullable"] == "YES")
    return found


def ids(tx: Tx, project_id: UUID) -> dict[str, frozenset[UUID]]:
    """Every id of a project that something can point to, by its table."""
    tables = sorted({*POINTS.values()})
    return {
        table: frozenset(
            row["id"] for row in tx.all(f"select id from {table} where {TABLES[table][0].format(project=project_id)}")
        )
        for table in tables
    }


def people(tx: Tx) -> dict[UUID, str]:
    """Everybody's name."""
    return {row["id"]: row["username"] for row in tx.all("select id, username from app_user")}


def rows(tx: Tx, table: str, named: Mapping[str, Column], project_id: UUID) -> Iterator[dict[str, Any]]:
    """A project's rows of a table, always in the same order. Nothing else may be asked of `tx` before the last."""
    where, order = TABLES[table]
    wanted = ", ".join(f"{SPOKEN.get(f'{table}.{name}', name)} as {name}" for name in named)
    sql = f"select {wanted} from {table} where {where.format(project=project_id)} order by {order}"
    for batch in tx.batches(sql, BATCH):
        for row in batch:
            yield {
                name: value.astimezone(UTC) if isinstance(value, datetime) else value
                for name, value in zip(named, row, strict=True)
            }


def is_known(tx: Tx, table: str, some: Collection[UUID]) -> bool:
    """Whether one of these ids is taken."""
    return bool(tx.value(f"select 1 from {table} where id = any($1::uuid[]) limit 1", list(some)))


def accounts(tx: Tx, user_id: UUID, names: Collection[str], *, all_of_them: bool) -> dict[str, UUID]:
    """The accounts of these names: all that there are, or those that a person knows from a project, and their own."""
    found = tx.all(
        "select u.id, u.username from app_user u where u.username = any($1::text[]) and ($3 or u.id = $2 or u.id in"
        " (select o.user_id from project_member o join project_member m on m.project_id = o.project_id"
        " where m.user_id = $2))",
        list(names),
        user_id,
        all_of_them,
    )
    return {row["username"]: row["id"] for row in found}


def insert(tx: Tx, table: str, kinds: Mapping[str, str], some: Sequence[Mapping[str, Any]]) -> None:
    """Rows of a table; JSON is text. A kept provider file that is there already stays as it is."""
    if not some:
        return
    lists = ", ".join(
        f"unnest(${n}::text[])::json" if kind == "json" else f"unnest(${n}::{kind}[])"
        for n, kind in enumerate(kinds.values(), start=1)
    )
    stays = " on conflict do nothing" if table == "provider_snapshot" else ""
    tx.all(
        f"insert into {table} ({', '.join(kinds)}) select {lists}{stays}",
        *([row[name] for row in some] for name in kinds),
    )


def text(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
