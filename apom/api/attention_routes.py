"""What only a person may decide, and the queue in which it shows."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from apom.api.account_routes import Body
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.models import Decided, Deed, Page, ProviderHealth, QueueItem, QueueSummary, Status, Take

router = APIRouter()


class TaskId(Body):
    """As the provider shows it."""

    task_id: str


class Regenerate(Body):
    """Ordered again although the first may have been billed: that has to be said. `token`: as for an order."""

    may_bill_again: bool = False
    token: str | None = None


class Decision(Body):
    """What is done to these takes. `may_bill_again`: said aloud, for `regenerate`."""

    asset_ids: tuple[UUID, ...]
    deed: Deed
    may_bill_again: bool = False


@router.get("/queue")
def queue(
    mine: Mine,
    project_id: UUID | None = None,
    status: Status | None = None,
    created_by: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 200,
) -> Page[QueueItem]:
    """What is on its way, or waits for a person (`status=ATTENTION`), in the order it was asked for.

    `status=FAILED`: what failed in the last seven days and was not ordered again, the newest first.
    """
    return mine.queue(project=project_id, status=status, created_by=created_by, cursor=cursor, limit=limit)


@router.get("/queue/items")
def queue_items(mine: Mine, id: Annotated[list[UUID], Query()]) -> tuple[QueueItem, ...]:
    """Those of these takes that are in the queue, failed ones included."""
    return mine.queue_items(id)


@router.get("/queue/summary")
def queue_summary(mine: Mine) -> tuple[QueueSummary, ...]:
    """How much of each project is on its way, and how much waits for a person."""
    return mine.queue_summary()


@router.post("/queue/decide")
def decide(body: Decision, mine: Mine) -> Decided:
    """The same for many takes, each for itself: refusals hold up no other, and repeating it does nothing twice."""
    return mine.decide(body.asset_ids, body.deed, may_bill_again=body.may_bill_again)


@router.get("/providers/health")
def provider_health(mine: Mine) -> tuple[ProviderHealth, ...]:
    """How the providers have been doing."""
    return mine.provider_health()


@router.post("/assets/{asset_id}/cancel")
def cancel(asset_id: UUID, mine: Mine) -> Take:
    """Stops it; what was sent already is followed for its cost, and offered if it arrives."""
    return mine.cancel(asset_id)


@router.post("/assets/{asset_id}/check-again")
def check_again(asset_id: UUID, mine: Mine) -> Take:
    """Asks the provider once more."""
    return mine.check_again(asset_id)


@router.post("/assets/{asset_id}/retry-download")
def retry_download(asset_id: UUID, mine: Mine) -> Take:
    """Fetches the finished file once more."""
    return mine.retry_download(asset_id)


@router.post("/assets/{asset_id}/task-id")
def paste_task_id(asset_id: UUID, body: TaskId, mine: Mine) -> Take:
    """The provider's own id for it; it is asked whether it knows it."""
    return mine.paste_task_id(asset_id, body.task_id)


@router.post("/assets/{asset_id}/regenerate", status_code=201)
def regenerate(asset_id: UUID, body: Regenerate, mine: Mine) -> Take:
    """A new take from the same recipe, knowing that both may be billed."""
    return mine.regenerate(asset_id, may_bill_again=body.may_bill_again, token=body.token)


@router.post("/assets/{asset_id}/give-up")
def give_up(asset_id: UUID, mine: Mine) -> Take:
    """Counts it as failed."""
    return mine.give_up(asset_id)


@router.post("/assets/{asset_id}/keep")
def keep(asset_id: UUID, mine: Mine) -> Take:
    """Takes what arrived after it was stopped."""
    return mine.keep(asset_id)
