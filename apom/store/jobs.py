"""Long work that is no generation: what it is, how far, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from apom.models import Job, JobState, Json, Page
from apom.store import Tx, pages

COLUMNS = "id, kind, project_id, state, progress, request, result, error_message, created_by, created_at, updated_at"
VISIBLE = "((created_by = $1 and project_id is null) or project_id in (select project_id from project_member where user_id = $1))"


def _record(row: dict[str, Any]) -> Job:
    for column in ("request", "result"):
        row[column] = None if row[column] is None else json.loads(row[column])
    return Job(**row)


def insert(tx: Tx, job: Job) -> None:
    """New work, still to be begun."""
    tx.all(
        "insert into job (id, kind, project_id, state, progress, request, created_by, created_at, updated_at)"
        " values ($1, $2, $3::uuid, $4, 0, $5, $6, $7, $7)",
        job.id,
        job.kind,
        job.project_id,
        job.state,
        json.dumps(job.request, ensure_ascii=False),
        job.created_by,
        job.created_at,
    )


def get(tx: Tx, user_id: UUID, job_id: UUID) -> Job | None:
    """A job of the person's own, or of a project they are in."""
    row = tx.one(f"select {COLUMNS} from job where id = $2 and {VISIBLE}", user_id, job_id)
    return _record(row) if row else None


def page(tx: Tx, user_id: UUID, *, project_id: UUID | None, cursor: str | None, limit: int) -> Page[Job]:
    """Jobs the person may see, newest first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"select {COLUMNS} from job where {VISIBLE} and ($2::uuid is null or project_id = $2)"
        " and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid)) order by created_at desc, id desc limit $5",
        user_id,
        project_id,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(_record(row) for row in rows[:limit])
    return Page[Job](items=found, next=pages.cursor(found[-1].created_at, found[-1].id) if len(rows) > limit else None)


def startable(tx: Tx, kinds: Sequence[str], owners: Sequence[str]) -> tuple[Job, str | None] | None:
    """The oldest job that can be begun, with its owner before: what waits, and what a run has left in the middle.

    `owners`: the runs that go on.
    """
    row = tx.one(
        f"select {COLUMNS}, owner from job where kind = any($1::text[])"
        " and (state = 'PENDING' or (state = 'RUNNING' and not coalesce(owner, '') = any($2::text[])))"
        " order by created_at, id limit 1",
        list(kinds),
        list(owners),
    )
    return None if row is None else (_record({name: row[name] for name in row if name != "owner"}), row["owner"])


def begin(tx: Tx, job: Job, before: str | None, owner: str, now: datetime) -> bool:
    """It runs, and is this owner's; False when somebody was faster."""
    return bool(
        tx.all(
            "update job set state = 'RUNNING', owner = $4, updated_at = $5 where id = $1 and state = $2"
            " and owner is not distinct from $3::text returning id",
            job.id,
            job.state,
            before,
            owner,
            now,
        )
    )


def move(tx: Tx, job_id: UUID, before: Sequence[JobState], after: JobState, now: datetime) -> bool:
    """Into another state, from one of these only; False when it is in none of them any more."""
    return bool(
        tx.all(
            "update job set state = $3, error_message = null, updated_at = $4"
            " where id = $1 and state = any($2::text[]) returning id",
            job_id,
            [str(state) for state in before],
            after,
            now,
        )
    )


def note(tx: Tx, job_id: UUID, owner: str, progress: float, saved: Json | None, now: datetime) -> bool:
    """How far it is, 0 to 1, and what it needs to go on from there; False when it is not this owner's any more."""
    return bool(
        tx.all(
            "update job set progress = $3, result = coalesce($4::json, result), updated_at = $5"
            " where id = $1 and owner = $2 and state = 'RUNNING' returning id",
            job_id,
            owner,
            progress,
            None if saved is None else json.dumps(saved, ensure_ascii=False),
            now,
        )
    )


def end(
    tx: Tx, job_id: UUID, owner: str, state: JobState, result: JsonValue, message: str | None, now: datetime
) -> bool:
    """This owner's run is over; a person who stopped it meanwhile keeps the last word."""
    return bool(
        tx.all(
            "update job set state = $3, result = coalesce($4::json, result), error_message = $5::text, updated_at = $6,"
            " progress = case when $3 = 'DONE' then 1 else progress end"
            " where id = $1 and owner = $2 and state = 'RUNNING' returning id",
            job_id,
            owner,
            state,
            None if result is None else json.dumps(result, ensure_ascii=False),
            message,
            now,
        )
    )
