"""What it costs."""

from __future__ import annotations

from datetime import datetime

from apom.asking import id_of
from apom.models import Ref, Rows, Spending, SpendingDay, StatementRow
from apom.statement import csv_text
from apom.studio.workspace.part import Part


class Reckoning(Part):
    """Spending, by project, month and day."""

    def spending(self, project: Ref) -> Spending:
        """What a project has spent and promised, in its currency. Raises NotFound."""
        return self._studio.money.spending(self.actor, id_of(project))

    def statement(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[StatementRow]:
        """Month by provider by project by person: the actor's projects and own orders. `until` is exclusive.

        Raises NotFound, Invalid.
        """
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.money.statement(self.actor, since=since, until=until, project_id=wanted))

    def statement_csv(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> str:
        """The same for a spreadsheet: see `apom.statement`. Write it as `utf-8-sig`. Raises NotFound, Invalid."""
        return csv_text(self.statement(project=project, since=since, until=until))

    def spending_by_day(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[SpendingDay]:
        """Day by provider by model: the actor's projects and own orders, the earliest first. `until` is exclusive.

        Raises NotFound, Invalid.
        """
        wanted = None if project is None else id_of(project)
        found = self._studio.money.by_day(self.actor, since=since, until=until, project_id=wanted)
        return Rows(found, SpendingDay)
