"""Batches: what was ordered at once, and what becomes of it. A batch of thousands is changed in one statement."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Status
from apom.store import Tx, pages
from apom.store.projects import visible

COLUMNS = """b.id, b.project_id, b.name, b.recipe, b.is_paused, b.estimate, b.estimate_unit as unit, b.amount,
    b.currency as amount_currency, b.created_by, b.created_at, b.updated_at, p.currency,
    u.username as created_by_name"""
FROM = f"from batch b {visible('b.project_id')} join project p on p.id = b.project_id join app_user u on u.id = b.created_by"
# what failed or was stopped, has not arrived after all, was not thrown away, and was not ordered again
RETRIABLE = (
    "a.status in ('FAILED', 'CANCELLED') and a.file_key is null and a.trashed_at is null and g.retried_at is null"
)


def ordered(tx: Tx, token: str) -> tuple[UUID, UUID, dict[str, Any]] | None:
    """The (batch, creator, recipe) that was admitted under this token."""
    row = tx.one("select id, created_by, recipe from batch where token = $1", token)
    return (row["id"], row["created_by"], json.loads(row["recipe"])) if row else None


def insert(
    tx: Tx,
    *,
    id: UUID,
    token: str,
    project_id: UUID,
    name: str,
    recipe: dict[str, Any],
    estimate: tuple[float | None, str | None],
    amount: tuple[float | None, str | None],
    is_batch: bool,
    user_id: UUID,
    now: datetime,
) -> None:
    """One press of Generate. `estimate`: in the provider's unit; `amount`: in the project's currency."""
    tx.all(
        "insert into batch (id, token, project_id, name, recipe, estimate, estimate_unit, amount, currency, is_batch,"
        " is_paused, created_by, created_at, updated_at) values ($1, $2, $3, $4, $5, $6::double precision, $7::text,"
        " $8::double precision, $9::text, $10, false, $11, $12, $12)",
        id,
        token,
        project_id,
        name,
        recipe,
        *estimate,
        *amount,
        is_batch,
        user_id,
        now,
    )


def get(tx: Tx, user_id: UUID, batch_id: UUID) -> dict[str, Any] | None:
    """A batch as a member of its project sees it; see `with_counts`."""
    row = tx.one(f"select {COLUMNS} {FROM} where b.id = $2", user_id, batch_id)
    return row and with_counts(tx, [row])[0]


def page(
    tx: Tx, user_id: UUID, project_id: UUID | None, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Batches of a project, or of all of a person's, newest first, and the next page's cursor; see `with_counts`."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"select {COLUMNS} {FROM} where b.is_batch and ($2::uuid is null or b.project_id = $2)"
        " and ($3::timestamptz is null or (b.created_at, b.id) < ($3, $4::uuid))"
        " order by b.created_at desc, b.id desc limit $5",
        user_id,
        project_id,
        at,
        after,
        pages.size(limit) + 1,
    )
    found, more = rows[:limit], len(rows) > limit
    return with_counts(tx, found), pages.cursor(found[-1]["created_at"], found[-1]["id"]) if more else None


def with_counts(tx: Tx, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds `counts` by status, `retriable`, and `spent` by currency, None for what has no rate."""
    ids = [row["id"] for row in rows]
    found = {
        row["id"]: {**row, "recipe": json.loads(row["recipe"]), "counts": {}, "retriable": 0, "spent": {}}
        for row in rows
    }
    for row in tx.all(
        f"select g.batch_id, a.status, count(*) as n, count(*) filter (where {RETRIABLE}) as retriable"
        " from generation g join asset a on a.id = g.asset_id"
        " where g.batch_id = any($1::uuid[]) and g.retried_at is null group by g.batch_id, a.status",
        ids,
    ):
        batch = found[row["batch_id"]]
        batch["counts"][Status(row["status"])] = row["n"]
        batch["retriable"] += row["retriable"]
    for row in tx.all(
        "select batch_id, currency, sum(amount) as amount from ledger_entry where batch_id = any($1::uuid[])"
        " and not is_play group by batch_id, currency",
        ids,
    ):
        found[row["batch_id"]]["spent"][row["currency"]] = row["amount"]
    return list(found.values())


def takes(tx: Tx, batch_id: UUID) -> list[UUID]:
    """The takes that were ordered, in that order."""
    rows = tx.all("select id from asset where batch_id = $1 order by created_at, id", batch_id)
    return [row["id"] for row in rows]


def pause(tx: Tx, batch_id: UUID, is_paused: bool, now: datetime) -> bool:
    """Whether more of it is sent; False when it was so before."""
    return bool(
        tx.all(
            "update batch set is_paused = $2, updated_at = $3 where id = $1 and is_paused <> $2 returning id",
            batch_id,
            is_paused,
            now,
        )
    )


def retriable(tx: Tx, batch_id: UUID) -> list[dict[str, Any]]:
    """What would be ordered again, in the order it was asked for: asset_id, box_id, model, prompt_text, params, inputs."""
    rows = tx.all(
        "select g.asset_id, g.box_id, a.ai_model, r.prompt_text, g.params, g.inputs from generation g"
        " join asset a on a.id = g.asset_id join asset_recipe r on r.asset_id = a.id"
        f" where g.batch_id = $1 and {RETRIABLE} order by g.created_at, g.id",
        batch_id,
    )
    return [{**row, "params": json.loads(row["params"]), "inputs": json.loads(row["inputs"])} for row in rows]


def retried(tx: Tx, asset_ids: Collection[UUID], now: datetime) -> None:
    """These were ordered again: what counts from now on is their successors."""
    tx.all("update generation set retried_at = $2 where asset_id = any($1::uuid[])", list(asset_ids), now)


def was_retried(tx: Tx, batch_id: UUID, token: str) -> bool:
    """Whether it was ordered again under this token last."""
    return bool(tx.value("select retry_token = $2 from batch where id = $1", batch_id, token))


def remember_retry(tx: Tx, batch_id: UUID, token: str, now: datetime) -> None:
    """Under which token it was ordered again last."""
    tx.all("update batch set retry_token = $2, updated_at = $3 where id = $1", batch_id, token, now)
