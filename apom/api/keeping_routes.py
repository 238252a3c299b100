"""What takes up room, what leaves by itself, and when."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from apom.api.account_routes import Body
from apom.api.deps import Mine
from apom.config import LIMITS
from apom.models import Emptied, Job, Page, RetentionPlan, RetentionRun, StorageUse, Sweep, Take

router = APIRouter()
Limit = Annotated[int, Query(ge=1, le=LIMITS.page)]


class Confirmation(Body):
    """Whether a person has looked at what goes."""

    confirmed: bool = False


class Sweeping(Confirmation):
    """Whether anything is removed."""

    only_look: bool = False


@router.get("/storage")
def storage(mine: Mine) -> tuple[StorageUse, ...]:
    """What one's projects take up, the largest first."""
    return mine.storage()


@router.get("/projects/{project_id}/storage")
def project_storage(project_id: UUID, mine: Mine) -> tuple[StorageUse, ...]:
    """What the boxes of a project take up, in order."""
    return mine.storage(project_id)


@router.get("/retention")
def retention_plan(mine: Mine) -> RetentionPlan:
    """What the next cleaning does everywhere, for an admin."""
    return mine.retention_plan()


@router.get("/projects/{project_id}/retention")
def project_retention_plan(project_id: UUID, mine: Mine) -> RetentionPlan:
    """What the next cleaning does in a project."""
    return mine.retention_plan(project_id)


@router.get("/projects/{project_id}/leaving")
def leaving(project_id: UUID, mine: Mine, cursor: str | None = None, limit: Limit = 100) -> Page[Take]:
    """Takes that go to the trash within three days, the first to go first."""
    return mine.leaving(project_id, cursor=cursor, limit=limit)


@router.post("/retention/runs", status_code=201)
def run_retention(body: Confirmation, mine: Mine) -> RetentionRun:
    """Cleans now, for an admin."""
    return mine.run_retention(confirmed=body.confirmed)


@router.get("/retention/runs")
def retention_runs(mine: Mine) -> tuple[RetentionRun, ...]:
    """What the last cleanings did, newest first, for an admin."""
    return mine.retention_runs()


@router.post("/projects/{project_id}/trash/empty")
def empty_trash(project_id: UUID, mine: Mine) -> Emptied:
    """The files of what lies in the trash go for good."""
    return mine.empty_trash(project_id)


@router.post("/sweeps", status_code=201)
def sweep(body: Sweeping, mine: Mine) -> Sweep:
    """Looks for files without a row and rows without a file, for an admin."""
    return mine.sweep(only_look=body.only_look, confirmed=body.confirmed)


@router.get("/sweeps")
def sweeps(mine: Mine) -> tuple[Sweep, ...]:
    """What it found lately, newest first, for an admin."""
    return mine.sweeps()


@router.post("/move-media", status_code=202)
def move_media(mine: Mine) -> Job:
    """Media from the folder into the bucket, as a job, for an admin."""
    return mine.move_media()
