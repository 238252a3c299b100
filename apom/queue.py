"""What is on its way and how far, what waits for a person, and how the providers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.answers import answers_to
from apom.models import STEPS, Actor, Attention, Page, ProviderHealth, QueueItem, Role, State, Status
from apom.projects import need
from apom.store import Store, queue

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog


class Queue:
    """`places`: the place in line by submission; `providers`: their health by slug, of those that were asked."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        places: Callable[[], Mapping[UUID, int]],
        providers: Callable[[], Mapping[str, ProviderHealth]],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._places = places
        self._providers = providers

    def page(
        self, actor: Actor, project_id: UUID | None, status: Status | None, cursor: str | None, limit: int
    ) -> Page[QueueItem]:
        """In the order they were asked for. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            if project_id is not None:
                need(tx, actor, project_id, Role.VIEWER)
            rows, following = queue.page(
                tx, actor.user_id, project_id=project_id, status=status, cursor=cursor, limit=limit
            )
        places = self._places() if any(row["state"] == State.PENDING for row in rows) else {}
        return Page[QueueItem](items=tuple(_item(row, places) for row in rows), next=following)

    def providers(self) -> tuple[ProviderHealth, ...]:
        """Every provider there is a file for, and those that still have work."""
        known = dict(self._providers())
        titles = {slug: spec.name for slug, spec in self._catalog.specs.items()}
        unasked = {slug: ProviderHealth(provider=slug, title=title) for slug, title in titles.items()}
        return tuple(
            health.model_copy(update={"title": titles.get(slug, slug)})
            for slug, health in sorted({**unasked, **known}.items())
        )


def _item(row: dict[str, Any], places: Mapping[UUID, int]) -> QueueItem:
    generation_id, state = row.pop("generation_id"), State(row.pop("state"))
    attention = row.pop("attention")
    return QueueItem(
        **row,
        step=STEPS.get(state),
        position=places.get(generation_id) if state is State.PENDING else None,
        attention=attention,
        answers=answers_to(Status(row["status"]), attention=attention and Attention(attention)),
    )
