"""What one is told, and by which way; one's own webhooks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from apom.api.account_routes import Body, Text
from apom.api.deps import Mine
from apom.api.project_routes import Limit
from apom.config import LIMITS
from apom.models import (
    Channel,
    Digest,
    MadeWebhook,
    NoticeKind,
    Notification,
    NotificationSettings,
    Page,
    Preset,
    User,
    Webhook,
)

router = APIRouter()
Template = Annotated[str, Field(max_length=LIMITS.template_chars + 1)]  # one more is refused with our sentence


class Which(Body):
    """Which notifications; null for all."""

    ids: tuple[UUID, ...] | None = None


class Count(Body):
    """How many are unread."""

    unread: int


class Wishes(Body):
    """By which ways one hears of a kind, and how often a mail comes; what is not named stays."""

    channels: dict[NoticeKind, tuple[Channel, ...]] | None = None
    digest: Digest | None = None


class Email(Body):
    """Where mail goes; null for nowhere."""

    email: Text | None


class Sent(Body):
    """Where a mail went."""

    email: str


class NewWebhook(Body):
    """`url` may be a key in itself: it is shown to nobody again."""

    name: Text
    url: Annotated[str, Field(max_length=4000, repr=False)]
    preset: Preset = Preset.PLAIN
    template: Template | None = None


class WebhookChanges(Body):
    """What is not named stays."""

    is_active: bool | None = None
    template: Template | None = None


@router.get("/notifications")
def notifications(mine: Mine, unread: bool = False, cursor: str | None = None, limit: Limit = 50) -> Page[Notification]:
    """What one was told, newest first."""
    return mine.notifications(unread=unread, cursor=cursor, limit=limit)


@router.get("/notifications/unread")
def unread_notifications(mine: Mine) -> Count:
    """How many are unread."""
    return Count(unread=mine.unread_notifications())


@router.post("/notifications/read")
def mark_notifications_read(body: Which, mine: Mine) -> Count:
    """Marks these as read, or all; how many are unread then."""
    return Count(unread=mine.mark_notifications_read(body.ids))


@router.get("/notifications/{notification_id}")
def notification(notification_id: UUID, mine: Mine) -> Notification:
    """One of one's own."""
    return mine.notification(notification_id)


@router.get("/me/notifications")
def notification_settings(mine: Mine) -> NotificationSettings:
    """What one hears of by which way."""
    return mine.notification_settings()


@router.patch("/me/notifications")
def set_notification_settings(body: Wishes, mine: Mine) -> NotificationSettings:
    """Changes what is named."""
    return mine.set_notification_settings(body.channels, digest=body.digest)


@router.put("/me/email")
def set_email(body: Email, mine: Mine) -> User:
    """Where one's mail goes."""
    return mine.set_email(body.email)


@router.post("/me/test-mail")
def send_test_mail(mine: Mine) -> Sent:
    """Sends one a mail now."""
    return Sent(email=mine.send_test_mail())


@router.get("/me/webhooks")
def webhooks(mine: Mine) -> tuple[Webhook, ...]:
    """Where one has notifications posted."""
    return mine.webhooks()


@router.post("/me/webhooks", status_code=201)
def add_webhook(body: NewWebhook, mine: Mine) -> MadeWebhook:
    """A new one; its secret is in this answer and nowhere else."""
    return mine.add_webhook(body.name, body.url, preset=body.preset, template=body.template)


@router.patch("/me/webhooks/{webhook_id}")
def change_webhook(webhook_id: UUID, body: WebhookChanges, mine: Mine) -> Webhook:
    """Turns one on or off, or has another body posted."""
    return mine.change_webhook(webhook_id, is_active=body.is_active, template=body.template)


@router.post("/me/webhooks/{webhook_id}/test")
def test_webhook(webhook_id: UUID, mine: Mine) -> Webhook:
    """Posts something to it now."""
    return mine.test_webhook(webhook_id)


@router.delete("/me/webhooks/{webhook_id}", status_code=204)
def delete_webhook(webhook_id: UUID, mine: Mine) -> None:
    """Nothing more is posted there."""
    mine.delete_webhook(webhook_id)
