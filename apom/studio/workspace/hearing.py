"""What one is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from apom.asking import id_of
from apom.models import (
    Channel,
    Digest,
    MadeWebhook,
    NoticeKind,
    Notification,
    NotificationSettings,
    Page,
    Preset,
    Ref,
    Rows,
    User,
    Webhook,
)
from apom.studio.workspace.part import Part
from apom.webhooks import template_text


def webhook_template(preset: Preset) -> str:
    """What a webhook of that kind posts unless it is told otherwise, for who wants to change it."""
    return template_text(preset)


class Hearing(Part):
    """Notifications, and the ways they come by."""

    def notifications(self, *, unread: bool = False, cursor: str | None = None, limit: int = 50) -> Page[Notification]:
        """What the actor was told, newest first. Raises Invalid."""
        return self._studio.telling.page(self.actor, unread=unread, cursor=cursor, limit=limit)

    def notification(self, notification: Ref) -> Notification:
        """One of them. Raises NotFound."""
        return self._studio.telling.get(self.actor, id_of(notification))

    def unread_notifications(self) -> int:
        """How many the actor has not read."""
        return self._studio.telling.unread(self.actor)

    def mark_notifications_read(self, notifications: Iterable[Ref] | None = None) -> int:
        """Marks these as read, or all without naming any; how many are unread then. Raises Invalid for too many."""
        ids = None if notifications is None else [id_of(each) for each in notifications]
        return self._studio.telling.read(self.actor, ids)

    def notification_settings(self) -> NotificationSettings:
        """What the actor hears of by which way."""
        return self._studio.telling.settings(self.actor)

    def set_notification_settings(
        self, channels: Mapping[NoticeKind, Sequence[Channel]] | None = None, *, digest: Digest | None = None
    ) -> NotificationSettings:
        """Changes what is named: by which ways the actor hears of a kind, how often a mail comes. Raises Invalid."""
        return self._studio.telling.change(self.actor, channels, digest)

    def set_email(self, email: str | None) -> User:
        """Where the actor's mail goes; None for nowhere. Raises Invalid, Conflict."""
        return self._studio.accounts.set_email(self.actor, email)

    def send_test_mail(self) -> str:
        """Sends the actor a mail now; the address it went to. Raises Invalid, TooMany, Misconfigured, Unavailable."""
        return self._studio.digests.test(self.actor)

    # webhooks

    def webhooks(self) -> Rows[Webhook]:
        """Where the actor has notifications posted, the oldest first."""
        return Rows(self._studio.webhooks.of(self.actor), Webhook)

    def add_webhook(
        self, name: str, url: str, *, preset: Preset = Preset.PLAIN, template: str | None = None
    ) -> MadeWebhook:
        """Has the actor's notifications posted to `url`, signed with a secret that is shown this once.

        `template`: JSON with {placeholders}, the preset's own without one. Raises Invalid, Conflict, Misconfigured.
        """
        return self._studio.webhooks.add(self.actor, name, url, preset, template)

    def change_webhook(self, webhook: Ref, *, is_active: bool | None = None, template: str | None = None) -> Webhook:
        """Turns one on or off, or has another body posted. Raises NotFound, Invalid."""
        return self._studio.webhooks.change(self.actor, id_of(webhook), is_active=is_active, template=template)

    def test_webhook(self, webhook: Ref) -> Webhook:
        """Posts something to it now. Raises NotFound, Unavailable with what went wrong."""
        return self._studio.webhooks.test(self.actor, id_of(webhook))

    def delete_webhook(self, webhook: Ref) -> None:
        """Nothing more is posted there. Raises NotFound."""
        self._studio.webhooks.delete(self.actor, id_of(webhook))
