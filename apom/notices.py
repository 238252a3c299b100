"""What people are told: by the bell in the app, by mail (`apom.digests`), to their webhooks (`apom.webhooks`).

It is derived from the rows, by a chore of the engine, and not written by whoever comments, decides or generates. So it
cannot be lost: whenever a process dies, the comment, the verdict, the take that needs somebody, the batch and the ledger
are there, and the next look finds what nobody was told of. It is told once: what was looked at is remembered
(`notice_fact`) in the transaction that writes the notifications and their deliveries. And it holds up nobody: a comment
is saved, and the engine's outcomes are committed, without a thought for who has to hear of them. The price is a second
at most: the hub says that something happened, and a look follows.

Rights are asked three times: only who was a member then and is one now is told; a list shows only what its reader may
see now; a mail or a post asks again before it goes. The words of comments are not copied: they are read when shown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apom.config import LIMITS, Settings
from apom.errors import ApomError, Invalid, NotFound
from apom.events import Hub
from apom.models import (
    Actor,
    Channel,
    Digest,
    Event,
    NoticeKind,
    Notification,
    NotificationSettings,
    Opinion,
    Page,
    Role,
    new_id,
)
from apom.money import in_currency, money, month_of
from apom.store import Store, Tx, notices, system, users, webhooks
from apom.store.notices import Fact, Hearer, New
from apom.words import N_, _, day, plural, speaking

log = logging.getLogger("apom.notices")
LOOK_S = 1.0
ANYWAY = timedelta(minutes=1)  # without news: what another process wrote
MONEY = timedelta(seconds=15)  # between two looks at budgets: they sum up the ledger
TIDY = timedelta(hours=6)
WINDOW = timedelta(days=30)  # what is older and was told to nobody is no news
PIECE = 500
NEARLY = 0.8  # of a budget
MOST_TIMES = 1000.0  # of a budget of next to nothing: no number that JSON cannot hold
AGAIN_BELOW = 0.7  # when it has fallen so far, the next time is news again
SAID_CHARS = 500
SOON = timedelta(minutes=1)
MORNING = 6  # UTC
WORKS = (Role.OWNER, Role.EDITOR)


class Notices:
    """Derives, shows, marks."""

    def __init__(self, store: Store, hub: Hub, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._can_mail = bool(settings.smtp_host)
        self._clock = clock
        self._looked: dict[str, datetime] = {}

    # what a person sees and sets

    def page(self, actor: Actor, *, unread: bool, cursor: str | None, limit: int) -> Page[Notification]:
        """What the actor was told, newest first. Raises Invalid."""
        with self._store.read() as tx, speaking(actor.language):
            rows, following = notices.page(tx, actor.user_id, unread=unread, cursor=cursor, limit=limit)
            return Page[Notification](items=tuple(map(notification, rows)), next=following)

    def get(self, actor: Actor, notification_id: UUID) -> Notification:
        """One of them. Raises NotFound."""
        with self._store.read() as tx, speaking(actor.language):
            row = notices.get(tx, actor.user_id, notification_id)
            if row is None:
                raise NotFound
            return notification(row)

    def unread(self, actor: Actor) -> int:
        """How many the actor has not read."""
        with self._store.read() as tx:
            return notices.unread(tx, actor.user_id)

    def read(self, actor: Actor, ids: Sequence[UUID] | None) -> int:
        """Marks the actor's own as read, all without `ids`; how many are unread then. Raises Invalid for too many."""
        if ids is not None and len(ids) > LIMITS.marks:
            raise Invalid("At most {most} at once.", most=LIMITS.marks)
        with self._store.write() as tx:
            changed = notices.read(tx, actor.user_id, ids, self._clock())
            left = notices.unread(tx, actor.user_id)
        if changed:
            self._hub.publish(Event(type="notified", user_id=actor.user_id))
        return left

    def settings(self, actor: Actor) -> NotificationSettings:
        """What the actor hears of by which way."""
        with self._store.read() as tx:
            channels, digest = notices.settings(tx, actor.user_id)
            user = users.get(tx, actor.user_id)
        email = user.email if user else None
        return NotificationSettings(channels=channels, digest=digest, email=email, mail_ready=self._can_mail)

    def change(
        self, actor: Actor, channels: Mapping[NoticeKind, Iterable[Channel]] | None, digest: Digest | None
    ) -> NotificationSettings:
        """Changes what is named. Raises Invalid."""
        wanted = _checked(channels or {})
        with self._store.write() as tx:
            before, often = notices.settings(tx, actor.user_id)
            notices.put_settings(tx, actor.user_id, {**before, **wanted}, digest or often, self._clock())
        return self.settings(actor)

    # what there is to tell

    async def look(self, _: object) -> None:
        """A chore of the engine. Raises nothing."""
        if not self._hub.news.is_set() and not self._is_time("look", ANYWAY):
            return
        self._hub.news.clear()
        try:
            await asyncio.to_thread(self.derive)
        except ApomError as error:
            self._hub.news.set()
            log.warning("what there is to tell could not be looked up now; it is later: %s", error)
        except Exception:
            log.exception("what there is to tell could not be looked up; it is tried again")

    def derive(self, *, everything: bool = False) -> int:
        """Tells what nobody was told yet; how many notifications that made. `everything`: whatever was looked at just now.

        Raises Unavailable.
        """
        now, made = self._clock(), 0
        self._looked["look"] = now
        sees_money = everything or self._is_time("money", MONEY)
        while True:
            with self._store.read() as tx:
                facts = self._untold(tx, now)
                over, below = _crossings(tx, now) if sees_money else ([], [])
            if facts or over or below:
                made += self._tell([*facts, *over], below, now)
            if len(facts) < PIECE:
                break
            sees_money = False
        if everything or self._is_time("tidy", TIDY):
            with self._store.write() as tx:
                notices.forget(tx, now - timedelta(days=LIMITS.notification_days))
        return made

    def _is_time(self, what: str, every: timedelta) -> bool:
        now = self._clock()
        last = self._looked.get(what)
        if last is not None and timedelta(0) <= now - last < every:
            return False
        self._looked[what] = now
        return True

    @staticmethod
    def _untold(tx: Tx, now: datetime) -> list[Fact]:
        since = now - WINDOW
        return [
            *notices.comments(tx, since, PIECE),
            *notices.verdicts(tx, since, PIECE),
            *notices.needs(tx, PIECE),
            *notices.ends(tx, since, PIECE),
        ]

    def _tell(self, facts: Sequence[Fact], below: Sequence[str], now: datetime) -> int:
        """Writes it down for everybody who may and wants to hear of it, then says so."""
        with self._store.write() as tx:
            notices.uncross(tx, below)
            facts = notices.remember(tx, facts)
            new, told = self._for_each(tx, facts, now)
            write(tx, new, now)
        told |= {each.user_id for each in new if each.in_app}
        self._hub.publish(*(Event(type="notified", user_id=user_id) for user_id in sorted(told)))
        return len(new)

    def _for_each(self, tx: Tx, facts: Sequence[Fact], now: datetime) -> tuple[list[New], set[UUID]]:
        """The notifications, and who else has something new in one that is there."""
        alone = {fact.author for fact in facts if fact.project_id is None and fact.author is not None}
        people = notices.hearers(tx, {fact.project_id for fact in facts if fact.project_id is not None}, alone)
        mails = notices.waiting_mail(tx, {person.user_id for person in people})
        told: set[UUID] = set()
        new: list[New] = []
        for fact, person, n in _together(facts, people):
            batch_id = fact.about.get("batch_id") if fact.kind is NoticeKind.ATTENTION else None
            if batch_id is not None and notices.add_takes(tx, person.user_id, batch_id, n, fact.at):
                told.add(person.user_id)
                continue
            made = addressed(fact, person, n, mails, now, can_mail=self._can_mail)
            new += [] if made is None else [made]
        return new, told


def addressed(
    fact: Fact, person: Hearer, n: int, mails: dict[UUID, datetime], now: datetime, *, can_mail: bool
) -> New | None:
    """One notification by the ways that the person wants; None when they want none of them.

    `mails`: when the next mail to each goes out; a new one is noted there.
    """
    by_mail = can_mail and person.email is not None and person.wants(fact.kind, Channel.MAIL)
    in_app = person.wants(fact.kind, Channel.APP)
    hooks = person.webhooks if person.wants(fact.kind, Channel.POST) else ()
    if not (by_mail or in_app or hooks):
        return None
    if by_mail:
        mails.setdefault(person.user_id, mail_time(person.digest, now))
    return New(
        id=new_id(),
        user_id=person.user_id,
        fact=fact,
        n=n,
        in_app=in_app,
        mail_at=mails[person.user_id] if by_mail else None,
        webhooks=hooks,
    )


def write(tx: Tx, new: Sequence[New], now: datetime) -> None:
    """Notifications and their way to the webhooks, in one transaction."""
    if new:
        notices.insert(tx, new)
        webhooks.order(tx, [(each.id, hook) for each in new for hook in each.webhooks], now)


def mail_time(digest: Digest, now: datetime) -> datetime:
    """When a mail goes out whose first line is of now."""
    if digest is Digest.DAILY:
        morning = now.replace(hour=MORNING, minute=0, second=0, microsecond=0)
        return morning if morning > now else morning + timedelta(days=1)
    return now + (SOON if digest is Digest.SOON else timedelta(hours=1))


def concerns(fact: Fact, person: Hearer) -> bool:
    """Whether it is theirs to hear. They were there when it happened."""
    if fact.project_id is None:
        return person.project_id is None and person.user_id == fact.author
    if person.project_id != fact.project_id or person.since is None or person.since > fact.at:
        return False
    match fact.kind:
        case NoticeKind.COMMENT | NoticeKind.VERDICT:
            return person.user_id != fact.author
        case NoticeKind.BATCH:
            return person.user_id == fact.author
        case _:
            return person.role in WORKS


def _together(facts: Sequence[Fact], people: Sequence[Hearer]) -> list[tuple[Fact, Hearer, int]]:
    """Who hears of what, the takes of a batch that need somebody as one: the newest of them, and how many."""
    found: list[tuple[Fact, Hearer, int]] = []
    needs: dict[tuple[UUID, UUID], tuple[Fact, Hearer, int]] = {}
    for fact in facts:
        for person in _who(fact, people):
            batch_id = fact.about.get("batch_id")
            if fact.kind is not NoticeKind.ATTENTION or batch_id is None:
                found.append((fact, person, 1))
            else:
                n = needs.get((person.user_id, batch_id), (fact, person, 0))[2]
                needs[person.user_id, batch_id] = (fact, person, n + 1)
    return [*found, *needs.values()]


def _who(fact: Fact, people: Sequence[Hearer]) -> list[Hearer]:
    """A take that needs somebody is for who ordered it, or for the owner when they cannot answer any more."""
    found = [person for person in people if concerns(fact, person)]
    if fact.kind is not NoticeKind.ATTENTION:
        return found
    return [p for p in found if p.user_id == fact.author] or [p for p in found if p.role is Role.OWNER]


def _checked(channels: Mapping[NoticeKind, Iterable[Channel]]) -> dict[NoticeKind, tuple[Channel, ...]]:
    try:
        wanted = {NoticeKind(kind): tuple(Channel(way) for way in ways) for kind, ways in channels.items()}
    except ValueError:
        raise Invalid("There is no such kind or way.", field="channels") from None
    if NoticeKind.WEBHOOK in wanted:
        raise Invalid("That a webhook was turned off is always said in the app.", field="channels")
    return {kind: tuple(way for way in Channel if way in ways) for kind, ways in wanted.items()}


# budgets


def _crossings(tx: Tx, now: datetime) -> tuple[list[Fact], list[str]]:
    """Budgets and limits that are nearly used up and were not, and those that were and are not."""
    known = notices.crossed(tx)
    over, below = [], []
    month, mine = month_of(now), str(system.value(tx, "currency"))
    rows = [(f"project {row['id']}", row, row["currency"], True) for row in notices.budgets(tx)]
    rows += [(f"person {row['id']} {month:%Y-%m}", row, mine, False) for row in notices.limits(tx, month)]
    there = {subject for subject, *_ in rows}
    for subject, row, currency, is_project in rows:
        taken = in_currency(tx, row["taken"], currency)
        share = None if taken is None else min(taken / row["budget"], MOST_TIMES)
        if share is not None and share >= NEARLY and subject not in known:
            facts = {"share": share, "taken": taken, "budget": row["budget"], "currency": currency}
            who: dict[str, Any] = {"project_id": row["id"]} if is_project else {"author": row["id"]}
            over.append(Fact(kind=NoticeKind.BUDGET, subject=subject, at=now, facts=facts, **who))
        elif subject in known and share is not None and share < AGAIN_BELOW:
            below.append(subject)
    return over, [*below, *(known - there)]


# words


def notification(row: Mapping[str, Any]) -> Notification:
    """A row in the words of the language that is spoken."""
    kind = NoticeKind(row["kind"])
    shot = " ".join(filter(None, (row["box_code"], row["box_name"])))
    return Notification(
        id=row["id"],
        kind=kind,
        at=row["happened_at"],
        is_read=row["read_at"] is not None,
        title=_title(kind, row, shot),
        text=_text(kind, row),
        path=_path(kind, row),
        n=row["n"],
        project_id=row["project_id"],
        project_name=row["project_name"],
        box_id=row["box_id"],
        shot=shot,
        asset_id=row["asset_id"],
        batch_id=row["batch_id"],
        person=row["person"],
        thumb_key=row["thumb_key"],
        placeholder=row["placeholder"],
    )


def _title(kind: NoticeKind, row: Mapping[str, Any], shot: str) -> str:
    facts, person = row["facts"], row["person"]
    match kind:
        case NoticeKind.COMMENT:
            return _("{name} commented on {shot}", name=person, shot=shot)
        case NoticeKind.VERDICT if row["verdict"] == Opinion.APPROVED:
            return _("{name} approved {shot}", name=person, shot=shot)
        case NoticeKind.VERDICT:
            return _("{name} wants changes to {shot}", name=person, shot=shot)
        case NoticeKind.ATTENTION if row["n"] == 1:
            return _("A take of {shot} needs you", shot=shot)
        case NoticeKind.ATTENTION:
            return plural("{n} take needs you", "{n} takes need you", row["n"])
        case NoticeKind.BUDGET if row["project_id"] is None:
            return _("{share} % of your limit for this month is spent or promised", share=int(facts["share"] * 100))
        case NoticeKind.BUDGET:
            return _(
                "{share} % of the budget of {project} is spent or promised",
                share=int(facts["share"] * 100),
                project=row["project_name"],
            )
        case NoticeKind.BATCH:
            return _("The batch {name} is done", name=row["batch_name"] or day(row["happened_at"]))
        case NoticeKind.WEBHOOK:
            return _("Your webhook {name} was turned off", name=facts["name"])


def _text(kind: NoticeKind, row: Mapping[str, Any]) -> str:
    facts = row["facts"]
    match kind:
        case NoticeKind.COMMENT:
            words: str = row["words"]
            return words if len(words) <= SAID_CHARS else words[: SAID_CHARS - 1] + "…"
        case NoticeKind.BUDGET:
            most, taken = (money(facts[name], facts["currency"]) for name in ("budget", "taken"))
            return _("{taken} of {most}", taken=taken, most=most)
        case NoticeKind.BATCH:
            return " · ".join(
                plural(*words, facts[name])
                for name, words in (
                    ("ready", (N_("{n} ready"), N_("{n} ready"))),
                    ("failed", (N_("{n} failed"), N_("{n} failed"))),
                    ("cancelled", (N_("{n} cancelled"), N_("{n} cancelled"))),
                    ("needs", (N_("{n} needs you"), N_("{n} need you"))),
                )
                if facts[name]
            )
        case NoticeKind.WEBHOOK:
            return _("Nothing could be posted there for a day: {reason}", reason=facts["reason"])
        case _:
            return ""


def _path(kind: NoticeKind, row: Mapping[str, Any]) -> str:
    """Where it leads, below the server's address."""
    if kind is NoticeKind.ATTENTION and row["n"] > 1:
        return "/queue"
    if kind is NoticeKind.BATCH:
        return f"/batch?project={row['project_id']}"
    if kind is NoticeKind.WEBHOOK or row["project_id"] is None:
        return "/account"
    if row["box_id"] is None:
        return f"/board?project={row['project_id']}"
    return f"/box?box={row['box_id']}" + (f"&take={row['asset_id']}" if row["asset_id"] else "")
