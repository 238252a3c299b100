"""Long work: what is under way, how far, and a person's word about it; marks on everything that a filter lets through."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.models import AssetType, Job, Judgement, Page, SourceType, Status

router = APIRouter()


class Which(Body):
    """Which takes, as a search takes it; `trashed`: those in the trash instead."""

    project_id: UUID | None = None
    box_id: UUID | None = None
    batch_id: UUID | None = None
    asset_type: AssetType | None = None
    source_type: SourceType | None = None
    status: Status | None = None
    favorites: bool = False
    min_rating: int = Field(0, ge=0, le=5)
    trashed: bool = False
    ai_model: Text | None = None
    tag: Text | None = None
    created_by: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    text: str = ""

    def wanted(self) -> dict[str, Any]:
        """As the workspace takes it: `apom.studio.Wanted`."""
        named = self.model_dump(exclude={"project_id", "box_id", "batch_id", "text"})
        return {"project": self.project_id, "box": self.box_id, "batch": self.batch_id, **named}


class MarkAll(Body):
    """What they are marked with, and which."""

    mark: Judgement
    which: Which


@router.get("/assets/count")
def count(mine: Mine, which: Annotated[Which, Query()]) -> int:
    """How many takes a search finds."""
    return mine.count_assets(which.text, **which.wanted())


@router.post("/projects/{project_id}/rebuild-media", status_code=202)
def rebuild_media(project_id: UUID, mine: Mine) -> Job:
    """Everything that is made from a project's originals anew."""
    return mine.rebuild_media(project_id)


@router.post("/assets/mark-all", status_code=202)
def mark_all(body: MarkAll, mine: Mine) -> Job:
    """Marks every take that a search finds now. What arrives later is left alone."""
    return mine.mark_all(body.mark, body.which.text, **body.which.wanted())


@router.get("/jobs")
def jobs(mine: Mine, project_id: UUID | None = None, cursor: str | None = None, limit: Limit = 100) -> Page[Job]:
    """The reader's jobs and those of their projects, or of one; newest first."""
    return mine.jobs(project_id, cursor=cursor, limit=limit)


@router.get("/jobs/{job_id}")
def job(job_id: UUID, mine: Mine) -> Job:
    """One job."""
    return mine.job(job_id)


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: UUID, mine: Mine) -> Job:
    """Stops it for good; what it has done stays."""
    return mine.cancel_job(job_id)


@router.post("/jobs/{job_id}/pause")
def pause(job_id: UUID, mine: Mine) -> Job:
    """Stops it until it is resumed."""
    return mine.pause_job(job_id)


@router.post("/jobs/{job_id}/resume")
def resume(job_id: UUID, mine: Mine) -> Job:
    """Goes on where it was; one that failed is tried again."""
    return mine.resume_job(job_id)


@router.post("/jobs/{job_id}/undo", status_code=202)
def undo(job_id: UUID, mine: Mine) -> Job:
    """Stops a job that throws away and puts back what it threw away, as a job of its own."""
    return mine.undo_job(job_id)
