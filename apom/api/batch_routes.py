"""Many takes at once: what they would cost, the order, and a word about all of them together."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from apom.api.account_routes import Body
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.models import Batch, BatchOrder, BatchPlan, Page

router = APIRouter()


class Ordered(Body):
    """The same `token` twice is one batch: send one so that a repeated request pays once."""

    order: BatchOrder
    token: str | None = None


class Retry(Body):
    """As for an order."""

    token: str | None = None


@router.post("/projects/{project_id}/batches/estimate")
def estimate(project_id: UUID, body: BatchOrder, mine: Mine) -> BatchPlan:
    """What an order would come to, and every reason why it would be refused. Nothing is stored."""
    return mine.estimate_batch(project_id, body)


@router.post("/projects/{project_id}/batches", status_code=201)
def order(project_id: UUID, body: Ordered, mine: Mine) -> Batch:
    """Admitted whole, or refused whole with every reason; follow it in the project's events."""
    return mine.order_batch(project_id, body.order, token=body.token)


@router.get("/batches")
def batches(mine: Mine, project_id: UUID | None = None, cursor: str | None = None, limit: Limit = 50) -> Page[Batch]:
    """Batches of one project or of all, newest first."""
    return mine.batches(project_id, cursor=cursor, limit=limit)


@router.get("/batches/{batch_id}")
def batch(batch_id: UUID, mine: Mine) -> Batch:
    """One batch as it is now."""
    return mine.batch(batch_id)


@router.post("/batches/{batch_id}/pause")
def pause(batch_id: UUID, mine: Mine) -> Batch:
    """Nothing more of it is sent; what was sent goes on."""
    return mine.pause_batch(batch_id)


@router.post("/batches/{batch_id}/resume")
def resume(batch_id: UUID, mine: Mine) -> Batch:
    """What waits goes into line again."""
    return mine.resume_batch(batch_id)


@router.post("/batches/{batch_id}/cancel")
def cancel(batch_id: UUID, mine: Mine) -> Batch:
    """Stops all of it that is on its way."""
    return mine.cancel_batch(batch_id)


@router.post("/batches/{batch_id}/retry", status_code=201)
def retry(batch_id: UUID, body: Retry, mine: Mine) -> Batch:
    """What failed or was cancelled once more, as new takes of the batch."""
    return mine.retry_batch(batch_id, token=body.token)
