"""Generations: the engine's truth. Claims are fenced, a tick's outcomes are one set-based statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import REPLAY, AssetInput, Attention, Generation, State, Status
from apom.store import Tx, arrays

COLUMNS = """g.id, g.asset_id, g.project_id, g.box_id, g.provider, g.model, g.snapshot, g.params, g.inputs, g.request,
    g.task, g.state, g.attempts, g.next_at, g.owner, g.lease_until, g.submitted_at, g.cost_estimate, g.cost_actual,
    g.cost_unit, g.currency, g.rate,
    g.error_code, g.created_by, g.created_at, g.task_id, g.since, g.attention, g.decision, g.turn,
    g.asked_at, g.is_batch, g.batch_id"""
OPEN = "('PENDING', 'SUBMITTING', 'PROCESSING', 'STORING')"


def held_back(g: str) -> str:
    """Whether a submission `g` waits because its batch is paused, as a condition.

    What was sent before goes out once more while the provider still knows its key: no pause holds that up.
    """
    return (
        f"({g}.state = 'PENDING' and {g}.error_code is distinct from '{REPLAY}'"
        f" and coalesce({g}.batch_id in (select id from batch where is_paused), false))"
    )


def _record(row: dict[str, Any]) -> Generation:
    for column in ("params", "inputs", "request", "task"):
        row[column] = None if row[column] is None else json.loads(row[column])
    return Generation(**{**row, "inputs": tuple(AssetInput(**used) for used in row["inputs"])})


ROW = {
    "id": "uuid",
    "project_id": "uuid",
    "box_id": "uuid",
    "asset_id": "uuid",
    "batch_id": "uuid",
    "provider": "text",
    "model": "text",
    "snapshot": "text",
    "params": "json",
    "task": "json",
    "state": "text",
    "attempts": "integer",
    "next_at": "timestamptz",
    "since": "timestamptz",
    "turn": "integer",
    "is_batch": "boolean",
    "cost_estimate": "double precision",
    "cost_unit": "text",
    "currency": "text",
    "rate": "double precision",
    "amount": "double precision",
    "created_by": "uuid",
    "created_at": "timestamptz",
}


def insert(tx: Tx, generations: Sequence[Generation]) -> None:
    """New submissions, still to be made, however many, in two statements."""
    rows: arrays.Columns = {
        **{name: (kind, [getattr(g, name) for g in generations]) for name, kind in ROW.items()},
        "inputs": ("json", [[used.model_dump(mode="json") for used in g.inputs] for g in generations]),
        "updated_at": ("timestamptz", [g.created_at for g in generations]),
    }
    arrays.insert(tx, "generation", rows)
    outputs: arrays.Columns = {
        "generation_id": ("uuid", [g.id for g in generations]),
        "position": ("integer", [0] * len(generations)),
        "asset_id": ("uuid", [g.asset_id for g in generations]),
    }
    arrays.insert(tx, "generation_output", outputs)


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


def is_play(tx: Tx, sha256: str) -> bool:
    """Whether a kept provider file is one of play prices."""
    return json.loads(snapshot(tx, sha256)).get("is_play") is True


def unfinished(tx: Tx, *, but: Sequence[UUID] = ()) -> tuple[Generation, ...]:
    """What the engine has to go on with, except what it already has in hand and what is paused; the oldest first."""
    rows = tx.all(
        f"select {COLUMNS} from generation g where g.state in {OPEN} and not (g.id = any($1))"
        f" and not {held_back('g')} order by g.created_at, g.id",
        list(but),
    )
    return tuple(_record(row) for row in rows)


def on_their_way(tx: Tx, batch_id: UUID) -> tuple[Generation, ...]:
    """What of a batch people see as waiting or working."""
    rows = tx.all(
        f"select {COLUMNS} from generation g join asset a on a.id = g.asset_id where g.batch_id = $1 and g.state in {OPEN}"
        " and a.status in ('PENDING', 'PROCESSING') order by g.created_at, g.id",
        batch_id,
    )
    return tuple(_record(row) for row in rows)


def claim(tx: Tx, ids: Sequence[UUID], owner: str, lease_until: datetime, now: datetime) -> set[UUID]:
    """The intent to submit, written before the POST. Only rows that are still PENDING, not paused and nobody's are answered."""
    rows = tx.all(
        "update generation set state = 'SUBMITTING', owner = $2, lease_until = $3, submitted_at = $4, since = $4,"
        " updated_at = $4 where id = any($1) and state = 'PENDING' and decision is null"
        " and (owner is null or owner = $2 or lease_until < $4)"
        f" and not {held_back('generation')} returning id",
        list(ids),
        owner,
        lease_until,
        now,
    )
    return {row["id"] for row in rows}


def adopt(tx: Tx, g: Generation, owner: str, lease_until: datetime, now: datetime) -> bool:
    """Takes over a submission that was watched for a whole lease without a sign of whoever had begun it."""
    return bool(
        tx.all(
            "update generation set owner = $2, lease_until = $3, updated_at = $4 where id = $1 and state = 'SUBMITTING'"
            " and owner is not distinct from $5::text and lease_until is not distinct from $6::timestamptz returning id",
            g.id,
            owner,
            lease_until,
            now,
            g.owner,
            g.lease_until,
        )
    )


def commit(
    tx: Tx, rows: Sequence[tuple[Generation, Generation]], owner: str, now: datetime
) -> dict[UUID, dict[str, Any]]:
    """Outcomes of one tick: (as the step found it, as it is now). Rows that somebody else moved meanwhile are left alone.

    So are those about which a person has spoken meanwhile (the step is repeated, it was free), except for the answer to
    a submission, which is kept whatever was said: it is refused only when another engine has taken the row over. What
    was stopped is not sent again. Answers with state, decision and turn of those that were written, by id.
    """
    columns: arrays.Columns = {
        "id": ("uuid", [g.id for _, g in rows]),
        "before": ("text", [before.state for before, _ in rows]),
        "was": ("text", [before.attention for before, _ in rows]),
        "turn": ("integer", [g.turn for _, g in rows]),
        "state": ("text", [g.state for _, g in rows]),
        "attention": ("text", [g.attention for _, g in rows]),
        "attempts": ("integer", [g.attempts for _, g in rows]),
        "next_at": ("timestamptz", [g.next_at for _, g in rows]),
        "task": ("json", [g.task for _, g in rows]),
        "task_id": ("text", [g.task_id for _, g in rows]),
        "request": ("json", [g.request for _, g in rows]),
        "cost_actual": ("double precision", [g.cost_actual for _, g in rows]),
        "cost_unit": ("text", [g.cost_unit for _, g in rows]),
        "error_code": ("text", [g.error_code for _, g in rows]),
    }
    written = tx.all(
        "update generation set state = case when v.state = 'PENDING' and generation.decision is not null then 'CANCELLED'"
        " else v.state end, attention = v.attention, attempts = v.attempts, next_at = v.next_at, task = v.task,"
        " task_id = v.task_id, request = v.request, cost_actual = v.cost_actual, cost_unit = v.cost_unit,"
        " error_code = v.error_code, owner = null, lease_until = null, updated_at = $1,"
        " since = case when generation.state = v.state then generation.since else $1 end,"
        " finished_at = case when v.state in ('COMPLETED', 'FAILED', 'CANCELLED') then $1 else null end"
        f" from (select {arrays.unnested(columns, first=3)}) v where generation.id = v.id and generation.state = v.before"
        " and (generation.turn = v.turn and generation.attention is not distinct from v.was or v.before = 'SUBMITTING')"
        " and (generation.owner is null or generation.owner = $2)"
        " returning generation.id, generation.state, generation.decision, generation.turn",
        now,
        owner,
        *arrays.values(columns),
    )
    return {row.pop("id"): row for row in written}


def there(tx: Tx, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these were not deleted."""
    return {row["id"] for row in tx.all("select id from generation where id = any($1)", list(ids))}


def get(tx: Tx, generation_id: UUID) -> Generation | None:
    """One submission, for the engine."""
    row = tx.one(f"select {COLUMNS} from generation g where g.id = $1", generation_id)
    return _record(row) if row else None


def of_take(tx: Tx, asset_id: UUID) -> Generation | None:
    """The submission a take came from; None for one that was brought in."""
    row = tx.one(
        f"select {COLUMNS} from generation g join generation_output o on o.generation_id = g.id where o.asset_id = $1",
        asset_id,
    )
    return _record(row) if row else None


def cancel(tx: Tx, ids: Sequence[UUID], now: datetime) -> None:
    """Stops those of these that wait to be sent; the others will not be wanted when they come."""
    tx.all(
        "update generation set state = 'CANCELLED', since = $2, finished_at = $2, updated_at = $2"
        " where id = any($1::uuid[]) and state = 'PENDING'",
        list(ids),
        now,
    )
    tx.all(
        "update generation set decision = 'CANCELLED', attention = null, turn = turn + 1, attempts = 0, next_at = $2,"
        f" updated_at = $2 where id = any($1::uuid[]) and state in {OPEN}",
        list(ids),
        now,
    )


def speak(
    tx: Tx,
    g: Generation,
    now: datetime,
    *,
    state: State | None = None,
    decision: Status | None = None,
    attention: Attention | None = None,
    task: dict[str, Any] | None = None,
    task_id: str | None = None,
    looks_anew: bool = False,
) -> bool:
    """A word from outside about a submission, as it was when that was said; False when somebody was faster.

    `decision` and `attention` replace what was there, None included; the others leave it when they are None.
    `looks_anew`: deadlines count from now.
    """
    return bool(
        tx.all(
            "update generation set state = coalesce($4::text, state), decision = $5::text, attention = $6::text,"
            " task = coalesce($7::text, task::text)::json, task_id = coalesce($8::text, task_id), turn = turn + 1,"
            " since = case when $4::text is null then since else $3 end, attempts = 0, next_at = $3,"
            " finished_at = case when $4::text is null then finished_at end,"
            " asked_at = case when $9 then $3 else asked_at end, updated_at = $3,"
            " owner = case when $4::text is null then owner end, lease_until = case when $4::text is null then lease_until end"
            " where id = $1 and turn = $2 and state = $10 and attention is not distinct from $11::text returning id",
            g.id,
            g.turn,
            now,
            state,
            decision,
            attention,
            None if task is None else json.dumps(task, ensure_ascii=False),
            task_id,
            looks_anew,
            g.state,
            g.attention,
        )
    )


def has_task(tx: Tx, provider: str, task_id: str, but: UUID) -> bool:
    """Whether another submission of ours has this task already."""
    return bool(
        tx.value(
            "select count(*) from generation where provider = $1 and task_id = $2 and id <> $3", provider, task_id, but
        )
    )


def lately(tx: Tx, limit: int) -> list[tuple[str, str, datetime, float]]:
    """The last ones that arrived, the oldest first: provider, model, when, and seconds since the submission."""
    rows = tx.all(
        "select provider, model, submitted_at, finished_at from generation where state = 'COMPLETED'"
        " and submitted_at is not null and finished_at is not null order by finished_at desc limit $1",
        limit,
    )
    return [
        (r["provider"], r["model"], r["finished_at"], (r["finished_at"] - r["submitted_at"]).total_seconds())
        for r in reversed(rows)
    ]


def add_output(tx: Tx, generation_id: UUID, position: int, asset_id: UUID) -> None:
    """One more take from the same submission."""
    tx.all(
        "insert into generation_output (generation_id, position, asset_id) values ($1, $2, $3)",
        generation_id,
        position,
        asset_id,
    )
