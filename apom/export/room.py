"""What every format is given to work with: one project, for one person, at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from apom.models import Actor, Project
from apom.money import Money
from apom.store import Store, projects

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

Progress: TypeAlias = Callable[[float], None]  # told 0 to 1; raises when somebody has stopped the work


@dataclass(frozen=True, kw_only=True)
class Room:
    """Its person's right was asked before. `now`: aware, in UTC; `job_id`: of the job that makes the file, if one does."""

    store: Store
    storage: LocalStorage
    money: Money
    actor: Actor
    project_id: UUID
    now: datetime
    job_id: UUID | None = None

    def project(self) -> Project:
        """The project as it is now. It is there: its right was asked."""
        with self.store.read() as tx:
            project = projects.get(tx, self.actor.user_id, self.project_id)
        assert project is not None, "who may not see it does not come here"
        return project
