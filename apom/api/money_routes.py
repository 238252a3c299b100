"""What was spent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response

from apom.api.deps import Mine
from apom.models import BalanceChange, Spending, SpendingDay, StatementRow
from apom.statement import MARK

router = APIRouter()
AS_FILE = {"content-disposition": 'attachment; filename="statement.csv"'}


class Csv(Response):
    """A table for a spreadsheet."""

    media_type = "text/csv"


@router.get("/projects/{project_id}/spending")
def spending(project_id: UUID, mine: Mine) -> Spending:
    """What a project has spent and promised, in its currency."""
    return mine.spending(project_id)


@router.get("/spending/days")
def spending_by_day(
    mine: Mine, project_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[SpendingDay, ...]:
    """Day by provider by model: the reader's projects and their own orders. `until` is exclusive."""
    return mine.spending_by_day(project=project_id, since=since, until=until)


@router.get("/statement")
def statement(
    mine: Mine, project_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> tuple[StatementRow, ...]:
    """Month by provider by project by person: the reader's projects and their own orders. `until` is exclusive."""
    return mine.statement(project=project_id, since=since, until=until)


@router.get("/statement.csv", response_class=Csv)
def statement_csv(
    mine: Mine, project_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> Csv:
    """The statement for a spreadsheet: UTF-8 with a byte order mark, cells that would begin a formula defused."""
    return Csv(MARK + mine.statement_csv(project=project_id, since=since, until=until), headers=AS_FILE)


@router.get("/balances")
def balances(mine: Mine, month: datetime | None = None) -> tuple[BalanceChange, ...]:
    """What became of each provider's credit in a month, beside our own entries; for an admin."""
    return mine.balances(month)
