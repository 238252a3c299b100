"""What is on its way and how far, what waits for a person, what failed of late, and how the providers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.answers import answers_to
from apom.config import LIMITS
from apom.errors import Invalid
from apom.models import (
    STEPS,
    Actor,
    Attention,
    Page,
    ProviderHealth,
    QueueItem,
    QueueSummary,
    Role,
    State,
    Status,
)
from apom.projects import need
from apom.store import Store, queue

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog

FAILED_FOR = timedelta(days=7)  # what failed longer ago is found in its shot


class Queue:
    """`places`: the place in line by submission; `providers`: their health by slug, of those that were asked."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        clock: Callable[[], datetime],
        places: Callable[[], Mapping[UUID, int]],
        providers: Callable[[], Mapping[str, ProviderHealth]],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._places = places
        self._providers = providers

    def page(
        self,
        actor: Actor,
        project_id: UUID | None,
        status: Status | None,
        created_by: UUID | None,
        cursor: str | None,
        limit: int,
    ) -> Page[QueueItem]:
        """In the order they were asked for; what failed in the last days, the newest first. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            rows, following = queue.page(
                tx,
                actor.user_id,
                project_id=project_id,
                created_by=created_by,
                status=status,
                failed_since=self._clock() - FAILED_FOR,
                cursor=cursor,
                limit=limit,
            )
        return Page[QueueItem](items=self._items(rows), next=following)

    def several(self, actor: Actor, ids: Sequence[UUID]) -> tuple[QueueItem, ...]:
        """Those of these takes that are in the queue or failed of late. Raises Invalid for too many."""
        if len(ids) > LIMITS.marks:
            raise Invalid("At most {most} takes at once. Send the rest after these.", field="ids", most=LIMITS.marks)
        with self._store.read() as tx:
            rows = queue.several(tx, actor.user_id, ids, failed_since=self._clock() - FAILED_FOR)
        return self._items(rows)

    def summary(self, actor: Actor) -> tuple[QueueSummary, ...]:
        """How much of each project is on its way or waits for a person; projects with nothing are left out."""
        with self._store.read() as tx:
            return queue.summary(tx, actor.user_id)

    def providers(self) -> tuple[ProviderHealth, ...]:
        """Every provider there is a file for, and those that still have work."""
        known = dict(self._providers())
        specs = self._catalog.specs
        unasked = {slug: ProviderHealth(provider=slug, title=spec.name) for slug, spec in specs.items()}
        return tuple(
            health.model_copy(update={"title": specs[slug].name, "most": specs[slug].limits.concurrent})
            if slug in specs
            else health
            for slug, health in sorted({**unasked, **known}.items())
        )

    def _items(self, rows: Sequence[dict[str, Any]]) -> tuple[QueueItem, ...]:
        places = self._places() if any(row["state"] == State.PENDING for row in rows) else {}
        return tuple(_item(row, places, self._titles(row)) for row in rows)

    def _titles(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What its provider and its model are called; by their names when the file is gone."""
        spec = self._catalog.specs.get(row["provider"])
        models = spec.models if spec else ()
        title = next((model.title for model in models if model.name == row["model"]), row["model"])
        return {"provider_title": spec.name if spec else row["provider"], "model_title": title}


def _item(row: Mapping[str, Any], places: Mapping[UUID, int], titles: Mapping[str, str]) -> QueueItem:
    state, status, attention = State(row["state"]), Status(row["status"]), row["attention"]
    answers = answers_to(
        status,
        attention=attention and Attention(attention),
        has_file=row["has_file"],
        has_results=row["has_results"],
    )
    known = {name: value for name, value in row.items() if name in QueueItem.model_fields}
    return QueueItem(
        **known,
        **titles,
        step=None if status in (Status.FAILED, Status.CANCELLED) else STEPS.get(state),
        position=places.get(row["generation_id"]) if state is State.PENDING else None,
        answers=answers,
    )
