"""Generations: the engine's truth. Claims are fenced, a tick's outcomes are one set-based statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import AssetInput, Generation, State, new_id
from apom.store import Tx

COLUMNS = """g.id, g.asset_id, g.project_id, g.box_id, g.provider, g.model, g.snapshot, g.params, g.inputs, g.request,
    g.task, g.state, g.attempts, g.next_at, g.owner, g.lease_until, g.submitted_at, g.cost_estimate, g.cost_actual,
    g.cost_unit, g.error_code, g.created_by, g.created_at"""
OPEN = "('PENDING', 'SUBMITTING', 'PROCESSING', 'STORING')"


def _record(row: dict[str, Any]) -> Generation:
    for column in ("params", "inputs", "request", "task"):
        row[column] = None if row[column] is None else json.loads(row[column])
    return Generation(**{**row, "inputs": tuple(AssetInput(**used) for used in row["inputs"])})


def insert(tx: Tx, generations: Sequence[Generation], batch_id: UUID | None) -> None:
    """New submissions, still to be made."""
    for g in generations:
        tx.all(
            "insert into generation (id, project_id, box_id, asset_id, batch_id, provider, model, snapshot, params, inputs,"
            " task, state, attempts, next_at, cost_estimate, cost_unit, created_by, created_at, updated_at) values ($1, $2,"
            " $3, $4, $5::uuid, $6, $7, $8, $9, $10, '{}', $11, 0, $12, $13::double precision, $14::text, $15, $16, $16)",
            g.id,
            g.project_id,
            g.box_id,
            g.asset_id,
            batch_id,
            g.provider,
            g.model,
            g.snapshot,
            json.dumps(g.params, ensure_ascii=False),
            json.dumps([used.model_dump(mode="json") for used in g.inputs]),
            g.state,
            g.next_at,
            g.cost_estimate,
            g.cost_unit,
            g.created_by,
            g.created_at,
        )
        tx.all("insert into generation_output (generation_id, position, asset_id) values ($1, 0, $2)", g.id, g.asset_id)


def batch(tx: Tx, token: str) -> tuple[UUID, UUID, str] | None:
    """The (batch, creator, recipe) that was admitted under this token."""
    row = tx.one("select id, created_by, recipe from batch where token = $1", token)
    return (row["id"], row["created_by"], row["recipe"]) if row else None


def insert_batch(
    tx: Tx,
    id: UUID,
    token: str,
    project_id: UUID,
    recipe: str,
    estimate: float | None,
    unit: str | None,
    user_id: UUID,
    now: datetime,
) -> None:
    """One press of Generate."""
    tx.all(
        "insert into batch (id, token, project_id, name, recipe, estimate, estimate_unit, is_paused, created_by, created_at,"
        " updated_at) values ($1, $2, $3, '', $4, $5::double precision, $6::text, false, $7, $8, $8)",
        id,
        token,
        project_id,
        recipe,
        estimate,
        unit,
        user_id,
        now,
    )


def assets_of_batch(tx: Tx, batch_id: UUID) -> list[UUID]:
    """The takes of a batch, in the order they were asked for."""
    return [row["id"] for row in tx.all("select id from asset where batch_id = $1 order by created_at, id", batch_id)]


def keep_snapshot(tx: Tx, sha256: str, provider: str, content: str, now: datetime) -> None:
    """The provider file as it is now, kept once."""
    tx.all(
        "insert into provider_snapshot (sha256, provider, content, created_at) values ($1, $2, $3, $4)"
        " on conflict (sha256) do nothing",
        sha256,
        provider,
        content,
        now,
    )


def snapshot(tx: Tx, sha256: str) -> str:
    """A kept provider file."""
    return str(tx.value("select content from provider_snapshot where sha256 = $1", sha256))


def unfinished(tx: Tx, *, but: Sequence[UUID] = ()) -> tuple[Generation, ...]:
    """What the engine has to go on with, except what it already has in hand; the oldest first."""
    rows = tx.all(
        f"select {COLUMNS} from generation g where g.state in {OPEN} and not (g.id = any($1)) order by g.created_at, g.id",
        list(but),
    )
    return tuple(_record(row) for row in rows)


def claim(tx: Tx, ids: Sequence[UUID], owner: str, lease_until: datetime, now: datetime) -> set[UUID]:
    """The intent to submit, written before the POST. Only rows that are still PENDING and nobody's are answered."""
    rows = tx.all(
        "update generation set state = 'SUBMITTING', owner = $2, lease_until = $3, submitted_at = $4, updated_at = $4"
        " where id = any($1) and state = 'PENDING' and (owner is null or owner = $2 or lease_until < $4) returning id",
        list(ids),
        owner,
        lease_until,
        now,
    )
    return {row["id"] for row in rows}


def commit(tx: Tx, rows: Sequence[tuple[State, Generation]], owner: str, now: datetime) -> set[UUID]:
    """Outcomes of one tick: (state before, what is true now). Rows that somebody else moved meanwhile are left alone.

    The ids that were written.
    """
    columns: dict[str, tuple[str, list[Any]]] = {
        "id": ("uuid", [g.id for _, g in rows]),
        "before": ("text", [str(before) for before, _ in rows]),
        "state": ("text", [str(g.state) for _, g in rows]),
        "attempts": ("integer", [g.attempts for _, g in rows]),
        "next_at": ("timestamptz", [g.next_at for _, g in rows]),
        "task": ("text", [json.dumps(g.task, ensure_ascii=False) for _, g in rows]),
        "request": ("text", [g.request and json.dumps(g.request, ensure_ascii=False) for _, g in rows]),
        "cost_actual": ("double precision", [g.cost_actual for _, g in rows]),
        "cost_unit": ("text", [g.cost_unit for _, g in rows]),
        "error_code": ("text", [g.error_code for _, g in rows]),
    }
    taken = ", ".join(
        f"unnest(${n}::{kind}[]) as {name}" for n, (name, (kind, _)) in enumerate(columns.items(), start=3)
    )
    written = tx.all(
        "update generation set state = v.state, attempts = v.attempts, next_at = v.next_at, task = v.task::json,"
        " request = v.request::json, cost_actual = v.cost_actual, cost_unit = v.cost_unit, error_code = v.error_code,"
        " owner = null, lease_until = null, updated_at = $1,"
        " finished_at = case when v.state in ('COMPLETED', 'FAILED', 'CANCELLED') then $1 else null end"
        f" from (select {taken}) v where generation.id = v.id and generation.state = v.before"
        " and (generation.owner is null or generation.owner = $2 or generation.lease_until < $1) returning generation.id",
        now,
        owner,
        *(values for _, values in columns.values()),
    )
    return {row["id"] for row in written}


def cancel(tx: Tx, asset_id: UUID, now: datetime) -> bool:
    """Stops what was not sent yet; False when it is too late for that."""
    return bool(
        tx.all(
            "update generation set state = 'CANCELLED', finished_at = $2, updated_at = $2"
            " where asset_id = $1 and state = 'PENDING' returning id",
            asset_id,
            now,
        )
    )


def add_output(tx: Tx, generation_id: UUID, position: int, asset_id: UUID) -> None:
    """One more take from the same submission."""
    tx.all(
        "insert into generation_output (generation_id, position, asset_id) values ($1, $2, $3)",
        generation_id,
        position,
        asset_id,
    )


def enter_ledger(tx: Tx, g: Generation, is_play: bool, now: datetime) -> None:
    """What a submission cost, for good."""
    tx.all(
        "insert into ledger_entry (id, generation_id, user_id, project_id, provider, model, estimate, actual, unit, is_play,"
        " happened_at) values ($1, $2, $3, $4, $5, $6, $7::double precision, $8::double precision, $9::text, $10, $11)",
        new_id(),
        g.id,
        g.created_by,
        g.project_id,
        g.provider,
        g.model,
        g.cost_estimate,
        g.cost_actual,
        g.cost_unit,
        is_play,
        now,
    )
