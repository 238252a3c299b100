"""What was spent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter

from apom.api.deps import Mine
from apom.models import Spending, StatementRow

router = APIRouter()


@router.get("/projects/{project_id}/spending")
def spending(project_id: UUID, mine: Mine) -> Spending:
    """What a project has spent and promised, in its currency."""
    return mine.spending(project_id)


@router.get("/statement")
def statement(
    mine: Mine, project_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[StatementRow, ...]:
    """Month by provider by project by person: the reader's projects and their own orders. `until` is exclusive."""
    return mine.statement(project=project_id, since=since, until=until)
