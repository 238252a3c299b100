"""Notifications as signed posts, to addresses that people give: chats, and programs of their own.

Signed as Standard Webhooks says (standardwebhooks.com, specification 1.0): `webhook-id`, `webhook-timestamp` and
`webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`, the key being the base64 behind `whsec_`. The same
post again has the same id. They go to public https addresses alone, by the guard that providers are called by
(`apom.net.guard`); what lies in our own network has to be named in APOM_WEBHOOK_HOSTS.

A template is JSON whose texts hold {placeholders}. It is filled after it was read, so nothing that somebody wrote can
leave its text; and it is escaped as the chat on the other side reads it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import html
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS, Settings
from apom.errors import ApomError, Conflict, Invalid, Misconfigured, NotFound, ProviderError, Unavailable
from apom.events import Hub
from apom.fields import check_name
from apom.models import Actor, Event, MadeWebhook, NoticeKind, Notification, Preset, Webhook, new_id
from apom.notices import addressed, notification, write
from apom.store import Store, Tx, audit, notices, provider_keys, webhooks
from apom.store.notices import Fact
from apom.store.webhooks import Due
from apom.turns import Turns
from apom.vault import Vault
from apom.words import N_, _, speaking

if TYPE_CHECKING:
    from apom.net import HttpClient

log = logging.getLogger("apom.webhooks")
LOOK_S = 1.0
AT_ONCE = 20
TESTS = 8  # at the same time: each waits for somebody else's server
DEEP = 20  # lists and objects of a template within each other
TIMEOUT_S = 10.0
LEASE = timedelta(minutes=2)  # a try that nobody heard of again is made again after so long
# Eight tries within a day: a restart over there, a weekend's certificate, an outage of some hours
AGAIN = tuple(timedelta(seconds=s) for s in (5, 60, 300, 1800, 7200, 21_600, 54_000))
GIVEN_UP = timedelta(hours=20)  # of failing, after which it is turned off
GONE = 410  # it says that it wants no more
PREFIX = "whsec_"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NAMES = ("id", "kind", "title", "text", "project", "shot", "person", "url", "at")
CHAT = "YOUR_CHAT_ID"
TEMPLATES: Mapping[Preset, JsonValue] = {
    Preset.PLAIN: {name: f"{{{name}}}" for name in NAMES},
    Preset.SLACK: {"text": "*{title}*\n{text}\n<{url}>"},
    Preset.DISCORD: {
        "allowed_mentions": {"parse": []},
        "embeds": [{"title": "{title}", "description": "{text}", "url": "{url}"}],
    },
    Preset.TELEGRAM: {
        "chat_id": CHAT,
        "text": "{title}\n{text}\n{url}",
        "link_preview_options": {"is_disabled": True},
    },
}
DISCORD_MARKS = re.compile(r"([\\`*_~|\[\]<>#])")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where it goes, and what it is signed with."""

    url: str
    secret: str


def template_text(preset: Preset) -> str:
    """The template that a preset begins with."""
    return json.dumps(TEMPLATES[preset], indent=2)


def check_template(text: str) -> str:
    """A template that can be filled. Raises Invalid with what is wrong."""
    if len(text) > LIMITS.template_chars:
        raise Invalid("A template has at most {most} characters.", field="template", most=LIMITS.template_chars)
    try:
        read = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Invalid(
            "A template is JSON: texts in double quotes, no comma after the last.", field="template"
        ) from None
    if _depth(read) > DEEP:
        raise Invalid("A template has at most {most} lists and objects within each other.", field="template", most=DEEP)
    unknown = sorted(set(PLACEHOLDER.findall(json.dumps(read, ensure_ascii=False))) - set(NAMES))
    if unknown:
        raise Invalid(
            "There is no {name} to fill in. There are: {names}",
            field="template",
            name="{" + unknown[0] + "}",
            names=" ".join(f"{{{name}}}" for name in NAMES),
        )
    if CHAT in text:
        raise Invalid("Put the id of your chat into the template, in the place of YOUR_CHAT_ID.", field="template")
    if not isinstance(read, dict | list):
        raise Invalid("A template is a JSON object or list.", field="template")
    return text


def _depth(read: JsonValue) -> int:
    """How many lists and objects lie within each other, counted without going down into them."""
    depth, level = 0, [read]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [each for part in level for each in (part.values() if isinstance(part, dict) else part)]
    return depth


def _no_number(name: str) -> float:
    raise ValueError(name)


def filled(template: str, preset: Preset, values: Mapping[str, str]) -> bytes:
    """The body: the template with its texts filled, as JSON in UTF-8."""
    is_plain = preset is Preset.DISCORD  # an address there is one, not words
    safe = {name: value if is_plain and name == "url" else ESCAPES[preset](value) for name, value in values.items()}

    def fill(part: JsonValue) -> JsonValue:
        match part:
            case str():
                return PLACEHOLDER.sub(lambda found: safe[found[1]], part)
            case dict():
                return {name: fill(value) for name, value in part.items()}
            case list():
                return [fill(value) for value in part]
            case _:
                return part

    return json.dumps(fill(json.loads(template)), ensure_ascii=False, separators=(",", ":")).encode()


def _as_it_is(text: str) -> str:
    return text


def _for_slack(text: str) -> str:
    """Nobody is called by @channel, and no link is not what it seems (Slack: formatting text, escaping)."""
    return html.escape(text, quote=False)


def _for_discord(text: str) -> str:
    return DISCORD_MARKS.sub(r"\\\1", text)


ESCAPES: Mapping[Preset, Callable[[str], str]] = {
    Preset.PLAIN: _as_it_is,
    Preset.SLACK: _for_slack,
    Preset.DISCORD: _for_discord,
    Preset.TELEGRAM: _as_it_is,
}


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """What stands in `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def values_of(told: Notification, base: str) -> dict[str, str]:
    """What a template may name."""
    return {
        "id": str(told.id),
        "kind": told.kind.value,
        "title": told.title,
        "text": told.text,
        "project": told.project_name,
        "shot": told.shot,
        "person": told.person,
        "url": base + told.path,
        "at": told.at.isoformat(timespec="seconds"),
    }


class Webhooks:
    """Keeps them, posts to them, tries again, gives up."""

    def __init__(self, store: Store, hub: Hub, vault: Vault, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._vault = vault
        self._base = settings.url
        self._private = frozenset(_hosts(settings.webhook_hosts))
        self._clock = clock
        self._tests = Turns(TESTS, 1, N_("A test is on its way still. Try again in {seconds} s."))

    # what a person keeps

    def of(self, actor: Actor) -> tuple[Webhook, ...]:
        """The actor's own, the oldest first."""
        with self._store.read() as tx:
            return webhooks.of(tx, actor.user_id)

    def add(self, actor: Actor, name: str, url: str, preset: Preset, template: str | None) -> MadeWebhook:
        """A new one and its secret, shown this once. Raises Invalid, Conflict for too many, Misconfigured, Unavailable."""
        host, id, now = self._host(url), new_id(), self._clock()
        webhook = Webhook(
            id=id,
            name=check_name(name),
            shown=host,
            preset=preset,
            template=check_template(template or template_text(preset)),
            is_active=True,
            created_at=now,
        )
        target = Target(url=url, secret=PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())
        with self._store.write() as tx:
            if len(webhooks.of(tx, actor.user_id)) >= LIMITS.webhooks:
                raise Conflict(
                    "You have {most} webhooks, the most there may be. Remove one first.", most=LIMITS.webhooks
                )
            self._vault.check_opens([*provider_keys.everything(tx).values(), *webhooks.sealed(tx)])
            sealed = self._vault.seal(json.dumps([target.url, target.secret]), "webhook", str(id))
            webhooks.insert(tx, actor.user_id, webhook, sealed)
            audit.append(tx, now, actor.username, "webhook.add", f"webhook:{id} host:{host}")
        return MadeWebhook(webhook=webhook, secret=target.secret)

    def change(self, actor: Actor, webhook_id: UUID, *, is_active: bool | None, template: str | None) -> Webhook:
        """Turns it on or off, or fills another template. Raises NotFound, Invalid."""
        with self._store.write() as tx:
            self._need(tx, actor, webhook_id)
            if template is not None:
                webhooks.set_template(tx, webhook_id, check_template(template))
            if is_active is not None:
                webhooks.set_active(tx, webhook_id, is_active)
            return self._need(tx, actor, webhook_id)[0]

    def delete(self, actor: Actor, webhook_id: UUID) -> None:
        """Forgets it. Raises NotFound."""
        with self._store.write() as tx:
            webhook, _sealed = self._need(tx, actor, webhook_id)
            webhooks.delete(tx, webhook_id)
            audit.append(
                tx, self._clock(), actor.username, "webhook.delete", f"webhook:{webhook_id} host:{webhook.shown}"
            )

    def test(self, actor: Actor, webhook_id: UUID) -> Webhook:
        """Posts something to it now, once; it as it is then. Raises NotFound, TooMany, Unavailable with what went wrong."""
        with self._store.read() as tx:
            webhook, sealed = self._need(tx, actor, webhook_id)
        now = self._clock()
        with speaking(actor.language):
            told = Notification(
                id=new_id(),
                kind=NoticeKind.WEBHOOK,
                at=now,
                is_read=False,
                title=_("This is a test of {name}", name=webhook.name),
                text=_("What happens in your projects will look like this."),
                path="/notices",
                person=actor.username,
            )
        with self._tests.taken(actor.user_id), ThreadPoolExecutor(1) as thread:
            reason = thread.submit(lambda: asyncio.run(self._once(webhook, sealed, told))).result()
        with self._store.write() as tx:
            if reason is None:
                webhooks.went_well(tx, webhook_id, self._clock())
            found = self._need(tx, actor, webhook_id)[0]
        if reason is not None:
            raise Unavailable("The test was not taken: {reason}", reason=str(reason))
        return found

    async def _once(self, webhook: Webhook, sealed: str, told: Notification) -> ApomError | None:
        http = self._client()
        try:
            await self._post(http, webhook, sealed, told, told.id)
        except ApomError as error:
            return error
        finally:
            await http.aclose()
        return None

    @staticmethod
    def _need(tx: Tx, actor: Actor, webhook_id: UUID) -> tuple[Webhook, str]:
        found = webhooks.get(tx, actor.user_id, webhook_id)
        if found is None:
            raise NotFound
        return found

    def _host(self, url: str) -> str:
        """The host of an address that may be posted to, as far as the address alone tells. Raises Invalid."""
        from apom.net.guard import is_private_host

        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            parts, host, port = urlsplit(""), "", 0
        is_clean = url.isascii() and not any(c.isspace() for c in url) and len(url) <= 2000 and not parts.fragment
        if parts.scheme not in ("http", "https") or not host or parts.username is not None or not is_clean:
            raise Invalid("A webhook's address looks like https://chat.example.com/hooks/…", field="url")
        if (host, port) in self._private:
            return parts.netloc
        if parts.scheme != "https":
            raise Invalid("A webhook's address begins with https://, so that nobody reads along.", field="url")
        if is_private_host(host):
            raise Invalid(
                "This address lies in a private network, where webhooks do not post. Whoever runs this can allow it with "
                "APOM_WEBHOOK_HOSTS.",
                field="url",
            )
        return parts.netloc

    # on the way

    async def look(self, _: object) -> None:
        """A chore of the engine: posts what is due. Raises nothing."""
        try:
            await self.post_due()
        except ApomError as error:
            log.warning("webhooks could not be posted to now; it is tried again: %s", error)
        except Exception:
            log.exception("webhooks could not be posted to; it is tried again")

    async def post_due(self) -> int:
        """Posts what is due, some at once; how many were tried. A try is written down before it is made."""
        due = await asyncio.to_thread(self._claim)
        if not due:
            return 0
        http = self._client()
        try:
            reasons = await asyncio.gather(*(self._try(http, each) for each in due))
        finally:
            await http.aclose()
        await asyncio.to_thread(self._settle, list(zip(due, reasons, strict=True)))
        return len(due)

    def _claim(self) -> list[Due]:
        now = self._clock()
        with self._store.read() as tx:
            if not webhooks.is_due(tx, now):
                return []
        with self._store.write() as tx:
            return webhooks.claim(tx, now, now + LEASE, AT_ONCE)

    def _client(self) -> HttpClient:
        from apom import net
        from apom.net.guard import Guard

        return net.make_client(purpose="general", guard=Guard(private=self._private))

    async def _try(self, http: HttpClient, due: Due) -> ApomError | None:
        """Why it was not taken; None when it was, or when there is nothing to say any more."""
        if due.notification is None:
            return None
        try:
            with speaking(due.language):
                told = notification(due.notification)
            await self._post(http, due.webhook, due.sealed, told, due.id)
        except ApomError as error:
            return error
        except Exception:
            log.exception("webhook %s: a post fell over", due.webhook.id)
            return Unavailable("It could not be posted. The server's log says why.")
        return None

    async def _post(self, http: HttpClient, webhook: Webhook, sealed: str, told: Notification, id: UUID) -> None:
        """One post. Raises `_Gone`, Unavailable, Misconfigured for a key file that is lost."""
        from apom import net

        target = self._open(webhook, sealed)
        body = filled(webhook.template, webhook.preset, values_of(told, self._base))
        timestamp = int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(target.secret, str(id), timestamp, body),
        }
        call = net.Call(method="POST", url=target.url, headers=headers, content=body)
        try:
            answer = await net.send(http, call, admit=lambda _: net.NOTHING, timeout_s=TIMEOUT_S)
        except Misconfigured:
            raise Unavailable("{host} lies in a private network, so nothing was sent.", host=webhook.shown) from None
        except ProviderError as error:
            if error.kind == "not_sent":
                raise Unavailable("{host} could not be reached.", host=webhook.shown) from None
            raise Unavailable("{host} did not answer as it should.", host=webhook.shown) from None
        if answer.status == GONE:
            raise Gone("{host} answered that it is gone for good (410).", host=webhook.shown)
        if not 200 <= answer.status < 300:
            raise Unavailable("{host} answered with {status}.", host=webhook.shown, status=answer.status)

    def _open(self, webhook: Webhook, sealed: str) -> Target:
        url, secret = json.loads(self._vault.open(sealed, "webhook", str(webhook.id)))
        return Target(url=url, secret=secret)

    def _settle(self, done: Sequence[tuple[Due, ApomError | None]]) -> None:
        """What became of the posts, all in one transaction."""
        now, told = self._clock(), set[UUID]()
        with self._store.write() as tx:
            for due, reason in done:
                if reason is None:
                    webhooks.settle(tx, due.id, None)
                    if due.notification is not None:
                        webhooks.went_well(tx, due.webhook.id, now)
                elif self._failed(tx, due, reason, now):
                    told.add(due.user_id)
        self._hub.publish(*(Event(type="notified", user_id=user_id) for user_id in told))

    def _failed(self, tx: Tx, due: Due, reason: ApomError, now: datetime) -> bool:
        """Tried again later, or given up; whether the webhook was turned off, and its person told."""
        since = webhooks.went_wrong(tx, due.webhook.id, str(reason), now)
        is_last = due.tries > len(AGAIN)
        webhooks.settle(tx, due.id, None if is_last else now + AGAIN[due.tries - 1])
        is_given_up = since is not None and is_last and now - since >= GIVEN_UP
        if since is None or not (isinstance(reason, Gone) or is_given_up):
            return False
        webhooks.set_active(tx, due.webhook.id, False)
        subject = f"{due.webhook.id} {now.isoformat()}"
        facts: dict[str, JsonValue] = {"name": due.webhook.name, "reason": str(reason)}
        fact = Fact(kind=NoticeKind.WEBHOOK, subject=subject, at=now, author=due.user_id, facts=facts)
        for person in notices.hearers(tx, [], [due.user_id]):
            made = addressed(fact, person, 1, {}, now, can_mail=False)
            write(tx, [made] if made else [], now)
        return True


class Gone(Unavailable):
    """The other side wants no more posts."""


def _hosts(text: str) -> list[tuple[str, int]]:
    """(host, port) of APOM_WEBHOOK_HOSTS. Raises Misconfigured."""
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            parts = urlsplit(f"//{entry}")
            if not parts.hostname or not parts.port:
                raise ValueError(entry)
        except ValueError:
            raise Misconfigured("APOM_WEBHOOK_HOSTS must look like chat.lan:8065, 10.0.0.5:8080") from None
        found.append((parts.hostname, parts.port))
    return found
