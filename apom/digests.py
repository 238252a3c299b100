"""Notifications by mail: what came together goes together, in the person's language, as text and as simple HTML.

What was read in the app meanwhile is not sent, and what its reader may no longer see neither. A mail is sent before it is
noted as sent: a process that dies in between sends it once more, with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from apom.config import Settings
from apom.errors import ApomError, Invalid, Misconfigured, TooMany, Unavailable
from apom.fields import one_line
from apom.models import Actor, NoticeKind, Notification, User, new_id
from apom.notices import notification
from apom.store import Store, notices, users
from apom.words import _, moment, plural, speaking

if TYPE_CHECKING:
    from apom.net.mail import Post

log = logging.getLogger("apom.digests")
LOOK_S = 10.0
AT_ONCE = 50  # people in one round
MOST = 50  # lines of a mail
TESTS = timedelta(seconds=30)  # between two tests of a person
# As webhooks: about a day, then what waits is only in the app
AGAIN = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720))
PAGE = """<!doctype html><html lang="{language}"><body style="margin:0;padding:24px;background:#f4f4f5;color:#18181b;\
font:15px/22px system-ui,sans-serif"><div style="max-width:560px;margin:0 auto;padding:24px;background:#fff;\
border-radius:8px">{lines}<p style="margin:24px 0 0;color:#6b6b72;font-size:13px">{foot}</p></div></body></html>"""
HEAD = '<h2 style="margin:16px 0 8px;font-size:15px">{name}</h2>'
LINE = """<p style="margin:0 0 16px"><a href="{url}" style="color:#4c3fd1;font-weight:600;text-decoration:none">{title}</a>\
<br><span style="white-space:pre-wrap">{text}</span><br><span style="color:#6b6b72;font-size:13px">{at}</span></p>"""


class Digests:
    """Sends what is due, and a test."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._tested: dict[UUID, datetime] = {}

    async def look(self, _: object) -> None:
        """A chore of the engine. Raises nothing."""
        if not self._settings.smtp_host:
            return
        try:
            await asyncio.to_thread(self.send_due)
        except ApomError as error:
            log.warning("no mail could be sent now; it is tried again: %s", error)
        except Exception:
            log.exception("no mail could be sent; it is tried again")

    def send_due(self) -> int:
        """Sends every mail that is due, over one connection; how many went out. Raises Unavailable for the store."""
        from apom.net import mail

        with self._store.read() as tx:
            due = notices.due_mail(tx, self._clock(), AT_ONCE)
        if not due:
            return 0
        sent = 0
        try:
            with mail.opened(self._settings.mail) as post:
                while due:
                    sent += self._send_to(post, due[0])
                    due.pop(0)
        except (Misconfigured, Unavailable) as error:
            log.warning("mail could not be sent; it is tried again: %s", error)
            for user_id in due:
                self._postpone(user_id)
        return sent

    def _send_to(self, post: Post, user_id: UUID) -> bool:
        """One person's mail; whether there was something to send. Raises Unavailable when the connection is at its end."""
        from apom.net.mail import NotTaken

        now = self._clock()
        with self._store.read() as tx:
            rows, user = notices.for_mail(tx, user_id), users.get(tx, user_id)
        is_sent = bool(rows) and user is not None and user.email is not None
        if is_sent and user is not None:
            try:
                post.send(self._written(user, rows))
            except (NotTaken, ValueError) as error:
                log.warning("a mail to %s was not taken; it is tried again: %s", user.username, error)
                self._postpone(user_id)
                return False
            except ApomError:
                raise
            except Exception:  # those behind them get theirs
                log.exception("a mail to %s could not be written; it is tried again", user.username)
                self._postpone(user_id)
                return False
        with self._store.write() as tx:
            notices.mailed(tx, user_id, [row["id"] for row in rows] if is_sent else [], now)
        return is_sent

    def _postpone(self, user_id: UUID) -> None:
        with self._store.write() as tx:
            tries = max((row["mail_tries"] for row in notices.for_mail(tx, user_id)), default=len(AGAIN))
            next_at = self._clock() + AGAIN[tries] if tries < len(AGAIN) else None
            notices.postpone_mail(tx, user_id, next_at)

    def _written(self, user: User, rows: Sequence[dict[str, Any]]) -> EmailMessage:
        with speaking(user.language):
            return self._mail(user, [notification(row) for row in rows])

    def _mail(self, user: User, told: Sequence[Notification]) -> EmailMessage:
        from apom.net import mail

        base, settings_url = self._settings.url, f"{self._settings.url}/account#notifications"
        host = urlsplit(base).hostname or "apom"
        mark = hashlib.sha256("".join(sorted(str(each.id) for each in told)).encode()).hexdigest()[:32]
        return mail.message(
            self._settings.mail,
            to=str(user.email),
            subject=subject(told),
            text=as_text(told, base, settings_url),
            html=as_html(told, base, settings_url, user.language),
            headers={
                "Message-ID": f"<{mark}@{host}>",
                "Auto-Submitted": "auto-generated",
                "List-Unsubscribe": f"<{settings_url}>",
            },
        )

    def test(self, actor: Actor) -> str:
        """Sends a mail to the actor's own address now; the address.

        Raises Invalid without one, TooMany, Misconfigured, Unavailable with what the server said.
        """
        from apom.net import mail

        mail.check_settings(self._settings.mail)
        with self._store.read() as tx:
            user = users.get(tx, actor.user_id)
        if user is None or user.email is None:
            raise Invalid("Say first where your mail goes.", field="email")
        self._not_too_often(user.id)
        with speaking(user.language):
            told = Notification(
                id=new_id(),
                kind=NoticeKind.WEBHOOK,
                at=self._clock(),
                is_read=False,
                title=_("This is a test"),
                text=_("What happens in your projects will look like this."),
                path="/notices",
            )
            written = self._mail(user, [told])
        with mail.opened(self._settings.mail) as post:
            try:
                post.send(written)
            except mail.NotTaken as error:
                raise Unavailable(error.message, **error.values) from None
        return user.email

    def _not_too_often(self, user_id: UUID) -> None:
        """The address is not proven to be theirs: nobody floods somebody else."""
        now = self._clock()
        since = now - self._tested.get(user_id, now - TESTS)
        if timedelta(0) <= since < TESTS:
            raise TooMany(
                "A test was sent just now. Try again in {seconds} s.", retry_after_s=(TESTS - since).total_seconds()
            )
        self._tested[user_id] = now


def subject(told: Sequence[Notification]) -> str:
    """One line: what it is about; of several, how many and where."""
    if len(told) == 1:
        return one_line(f"apom: {told[0].title}")[:200]
    where = list(dict.fromkeys(each.project_name for each in told if each.project_name))
    news = plural("{n} new", "{n} new", len(told))
    place = where[0] if len(where) == 1 else plural("in {n} project", "in {n} projects", len(where)) if where else ""
    return one_line(f"apom: {news} {'· ' if len(where) == 1 else ''}{place}")[:200]


def as_text(told: Sequence[Notification], base: str, settings_url: str) -> str:
    """The mail without any markup."""
    lines: list[str] = []
    for name, each in _under_projects(told[:MOST]):
        lines += [f"== {name} ==", ""] if name is not None else []
        lines += [each.title, *([f"  {line}" for line in each.text.splitlines()]), f"  {base}{each.path}", ""]
    lines += [_and_more(told), ""] if len(told) > MOST else []
    lines += ["--", _("What you hear of, and how: {url}", url=settings_url)]
    return "\n".join(lines) + "\n"


def as_html(told: Sequence[Notification], base: str, settings_url: str, language: str) -> str:
    """The same with links one can press; whatever people wrote is text in it."""
    lines = []
    for name, each in _under_projects(told[:MOST]):
        lines += [HEAD.format(name=html.escape(name))] if name is not None else []
        lines.append(
            LINE.format(
                url=html.escape(base + each.path),
                title=html.escape(each.title),
                text=html.escape(each.text),
                at=f"{moment(each.at)} UTC",
            )
        )
    lines += [f"<p>{html.escape(_and_more(told))}</p>"] if len(told) > MOST else []
    link = (
        f'<a href="{html.escape(settings_url)}" style="color:#6b6b72">{html.escape(_("What you hear of, and how"))}</a>'
    )
    return PAGE.format(language=html.escape(language), lines="".join(lines), foot=link)


def _and_more(told: Sequence[Notification]) -> str:
    return plural("And {n} more in the app.", "And {n} more in the app.", len(told) - MOST)


def _under_projects(told: Sequence[Notification]) -> list[tuple[str | None, Notification]]:
    """Project by project in the order they came up; its name stands before its first line."""
    places = list(dict.fromkeys(each.project_name for each in told))
    ordered = sorted(told, key=lambda each: places.index(each.project_name))
    before: str | None = ""
    found = []
    for each in ordered:
        found.append((each.project_name if each.project_name != before else None, each))
        before = each.project_name
    return found
