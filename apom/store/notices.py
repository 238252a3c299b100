"""What people are told: the rows, what there is to tell, and who hears of it by which way."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Channel, Digest, Json, NoticeKind, Role
from apom.store import Tx, arrays, pages

DEFAULT = (Channel.APP, Channel.POST)
SETTABLE = tuple(kind for kind in NoticeKind if kind is not NoticeKind.WEBHOOK)
# Who may see its project now; what is about no project is about the person alone. `$1`: the person.
SEEN = "(n.project_id is null or n.project_id in (select me.project_id from project_member me where me.user_id = $1))"
# What was deleted meanwhile has nothing to say any more.
FROM = """from notification n
left join project p on p.id = n.project_id left join box b on b.id = n.box_id left join asset a on a.id = n.asset_id
left join batch t on t.id = n.batch_id
left join comment c on n.kind = 'COMMENT' and c.id = n.subject_id
left join verdict v on n.kind = 'VERDICT' and v.id = n.subject_id"""
THERE = """(n.kind <> 'COMMENT' or c.id is not null) and (n.kind <> 'VERDICT' or v.id is not null)"""
ROW = """n.id, n.kind, n.happened_at, n.read_at, n.n, n.facts, n.project_id, coalesce(p.name, '') as project_name, n.box_id,
    b.code as box_code, b.name as box_name, n.asset_id, a.thumb_key, a.placeholder, n.batch_id,
    coalesce(t.name, '') as batch_name, coalesce(c.author_name, v.name, '') as person, coalesce(c.text, '') as words,
    v.verdict, n.mail_tries"""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something to tell: once, by `kind` and `subject`. `about`: what it is about, as columns of a notification."""

    kind: NoticeKind
    subject: str
    at: datetime
    project_id: UUID | None = None
    author: UUID | None = None
    about: dict[str, UUID | None] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hearer:
    """Somebody who may be told, and how. `project_id`, `role`, `since`: their membership; None for what is theirs alone."""

    user_id: UUID
    email: str | None
    channels: dict[NoticeKind, tuple[Channel, ...]]
    digest: Digest
    webhooks: tuple[UUID, ...]
    project_id: UUID | None = None
    role: Role | None = None
    since: datetime | None = None

    def wants(self, kind: NoticeKind, channel: Channel) -> bool:
        """Whether they hear of it that way; that a webhook was turned off is said in the app, whatever they want."""
        return channel in self.channels.get(kind, (Channel.APP,))


# what there is to tell


def comments(tx: Tx, since: datetime, limit: int) -> list[Fact]:
    """What was said and is told to nobody yet, the oldest first."""
    return [_said(NoticeKind.COMMENT, row) for row in tx.all(_untold("comment", "COMMENT"), since, limit)]


def verdicts(tx: Tx, since: datetime, limit: int) -> list[Fact]:
    """What was decided and is told to nobody yet, the oldest first."""
    return [_said(NoticeKind.VERDICT, row) for row in tx.all(_untold("verdict", "VERDICT"), since, limit)]


def _untold(table: str, kind: str) -> str:
    return (
        "select s.id, s.created_at, s.project_id, s.box_id, s.asset_id, s.user_id"
        f" from {table} s where s.created_at > $1 and not exists"
        f" (select 1 from notice_fact f where f.kind = '{kind}' and f.subject = cast(s.id as text))"
        " order by s.created_at, s.id limit $2"
    )


def _said(kind: NoticeKind, row: dict[str, Any]) -> Fact:
    return Fact(
        kind=kind,
        subject=str(row["id"]),
        at=row["created_at"],
        project_id=row["project_id"],
        author=row["user_id"],
        about={"box_id": row["box_id"], "asset_id": row["asset_id"], "subject_id": row["id"]},
    )


def needs(tx: Tx, limit: int) -> list[Fact]:
    """Takes that wait for a person and of which nobody was told. A need that comes again is a new one."""
    rows = tx.all(
        "select g.id, g.turn, coalesce(g.since, g.updated_at) as happened_at, g.project_id, g.box_id, g.asset_id,"
        " g.batch_id, g.created_by from asset a join generation g on g.asset_id = a.id and g.attention is not null"
        " where a.status = 'ATTENTION' and a.trashed_at is null and not exists (select 1 from notice_fact f"
        "   where f.kind = 'ATTENTION' and f.subject = cast(g.id as text) || ':' || cast(coalesce(g.turn, 0) as text))"
        " order by happened_at, g.id limit $1",
        limit,
    )
    return [
        Fact(
            kind=NoticeKind.ATTENTION,
            subject=f"{row['id']}:{row['turn'] or 0}",
            at=row["happened_at"],
            project_id=row["project_id"],
            author=row["created_by"],
            about={"box_id": row["box_id"], "asset_id": row["asset_id"], "batch_id": row["batch_id"]},
        )
        for row in rows
    ]


def ends(tx: Tx, since: datetime, limit: int) -> list[Fact]:
    """Batches of which nothing is under way any more, and whose end was not told: after each time it was ordered."""
    rows = tx.all(
        "select b.id, b.retry_token, b.project_id, b.created_by, count(*) as n, max(a.updated_at) as happened_at,"
        " count(*) filter (where a.status = 'COMPLETED') as ready,"
        " count(*) filter (where a.status = 'FAILED') as failed,"
        " count(*) filter (where a.status = 'CANCELLED') as cancelled,"
        " count(*) filter (where a.status = 'ATTENTION') as needs"
        " from batch b join asset a on a.batch_id = b.id and a.trashed_at is null"
        " where b.is_batch and b.updated_at > $1 and not exists (select 1 from notice_fact f"
        "   where f.kind = 'BATCH' and f.subject = cast(b.id as text) || ':' || coalesce(b.retry_token, ''))"
        " group by b.id, b.retry_token, b.project_id, b.created_by"
        " having count(*) filter (where a.status in ('PENDING', 'PROCESSING')) = 0 order by 6, b.id limit $2",
        since,
        limit,
    )
    return [
        Fact(
            kind=NoticeKind.BATCH,
            subject=f"{row['id']}:{row['retry_token'] or ''}",
            at=row["happened_at"],
            project_id=row["project_id"],
            author=row["created_by"],
            about={"batch_id": row["id"]},
            facts={name: row[name] for name in ("n", "ready", "failed", "cancelled", "needs")},
        )
        for row in rows
    ]


TAKEN = """select {whose} as id, currency, sum(amount) as amount from (
    select l.project_id, l.user_id, l.currency, l.amount, l.happened_at as spent_at from ledger_entry l
    where not l.is_play and l.amount is not null
    union all
    select g.project_id, g.created_by, g.currency, g.amount, g.created_at from generation g
    where g.amount is not null and g.finished_at is null
      and not exists (select 1 from ledger_entry l where l.generation_id = g.id)) spent
where {which} and currency is not null group by {whose}, currency"""


def budgets(tx: Tx) -> list[dict[str, Any]]:
    """Projects with a budget and what is spent or promised of it by currency: id, currency, budget, taken."""
    rows = tx.all("select id, currency, budget from project where budget > 0 and not is_archived")
    return _with_taken(
        rows, tx.all(TAKEN.format(whose="project_id", which="project_id in (select id from project where budget > 0)"))
    )


def limits(tx: Tx, month: datetime) -> list[dict[str, Any]]:
    """People with a limit and what they have spent or promised since then by currency: id, budget, taken."""
    rows = tx.all("select id, monthly_limit as budget from app_user where monthly_limit > 0 and is_active")
    which = "spent_at >= $1 and user_id in (select id from app_user where monthly_limit > 0)"
    return _with_taken(rows, tx.all(TAKEN.format(whose="user_id", which=which), month) if rows else [])


def _with_taken(rows: list[dict[str, Any]], taken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[UUID, dict[str, float]] = {}
    for row in taken:
        found.setdefault(row["id"], {})[row["currency"]] = float(row["amount"])
    return [{**row, "taken": found.get(row["id"], {})} for row in rows]


def crossed(tx: Tx) -> frozenset[str]:
    """Budgets and limits that are told to be nearly used up."""
    return frozenset(row["subject"] for row in tx.all("select subject from notice_fact where kind = 'BUDGET'"))


def uncross(tx: Tx, subjects: Collection[str]) -> None:
    """They are no longer: the next time is news again."""
    tx.all("delete from notice_fact where kind = 'BUDGET' and subject = any($1::text[])", list(subjects))


def remember(tx: Tx, facts: Sequence[Fact]) -> list[Fact]:
    """Those that nobody has remembered before: each is told once, whoever looks at the same time."""
    columns: arrays.Columns = {
        "kind": ("text", [fact.kind for fact in facts]),
        "subject": ("text", [fact.subject for fact in facts]),
        "happened_at": ("timestamptz", [fact.at for fact in facts]),
    }
    rows = tx.all(
        f"insert into notice_fact (kind, subject, happened_at) select {arrays.unnested(columns)}"
        " on conflict do nothing returning kind, subject",
        *arrays.values(columns),
    )
    new = {(row["kind"], row["subject"]) for row in rows}
    return [fact for fact in facts if (str(fact.kind), fact.subject) in new]


# who hears of it


def hearers(tx: Tx, project_ids: Collection[UUID], user_ids: Collection[UUID] = ()) -> list[Hearer]:
    """The members of these projects, and these people by themselves, as far as they can sign in."""
    rows = tx.all(
        "select u.id as user_id, u.email, s.channels, s.digest, m.project_id, m.role, m.created_at as since"
        " from (select project_id, user_id, role, created_at from project_member where project_id = any($1::uuid[])"
        "   union all select null::uuid, id, null::text, null::timestamptz from app_user where id = any($2::uuid[])) m"
        " join app_user u on u.id = m.user_id and u.is_active left join notice_setting s on s.user_id = u.id"
        " order by u.created_at, u.id",
        list(project_ids),
        list(user_ids),
    )
    hooks: dict[UUID, list[UUID]] = {}
    for row in tx.all(
        "select id, user_id from webhook where is_active and user_id = any($1::uuid[]) order by created_at, id",
        list({row["user_id"] for row in rows}),
    ):
        hooks.setdefault(row["user_id"], []).append(row["id"])
    return [
        Hearer(
            user_id=row["user_id"],
            email=row["email"],
            channels=channels_of(row["channels"]),
            digest=Digest(row["digest"] or Digest.HOURLY),
            webhooks=tuple(hooks.get(row["user_id"], ())),
            project_id=row["project_id"],
            role=row["role"] and Role(row["role"]),
            since=row["since"],
        )
        for row in rows
    ]


def channels_of(text: str | None) -> dict[NoticeKind, tuple[Channel, ...]]:
    """What a person has set; else the app and their webhooks hear of everything, and mail is for who asks for it."""
    stored = json.loads(text) if text else {}
    return {kind: tuple(Channel(name) for name in stored.get(kind, DEFAULT)) for kind in SETTABLE}


def settings(tx: Tx, user_id: UUID) -> tuple[dict[NoticeKind, tuple[Channel, ...]], Digest]:
    """What a person has set, or the defaults."""
    row = tx.one("select channels, digest from notice_setting where user_id = $1", user_id) or {}
    return channels_of(row.get("channels")), Digest(row.get("digest") or Digest.HOURLY)


def put_settings(
    tx: Tx, user_id: UUID, channels: dict[NoticeKind, tuple[Channel, ...]], digest: Digest, now: datetime
) -> None:
    """What a person wants from now on."""
    tx.all(
        "insert into notice_setting (user_id, channels, digest, updated_at) values ($1, $2, $3, $4)"
        " on conflict (user_id) do update set channels = excluded.channels, digest = excluded.digest,"
        " updated_at = excluded.updated_at",
        user_id,
        json.dumps({kind: list(ways) for kind, ways in channels.items()}),
        digest,
        now,
    )


# the rows


@dataclass(frozen=True, kw_only=True)
class New:
    """A notification to be written. `mail_at`: when it goes out by mail, if it does; `webhooks`: where it is posted."""

    id: UUID
    user_id: UUID
    fact: Fact
    n: int
    in_app: bool
    mail_at: datetime | None
    webhooks: tuple[UUID, ...]


def insert(tx: Tx, new: Sequence[New]) -> None:
    """Each once."""
    about = ("box_id", "asset_id", "batch_id", "subject_id")
    columns: arrays.Columns = {
        "id": ("uuid", [each.id for each in new]),
        "user_id": ("uuid", [each.user_id for each in new]),
        "kind": ("text", [each.fact.kind for each in new]),
        "project_id": ("uuid", [each.fact.project_id for each in new]),
        **{name: ("uuid", [each.fact.about.get(name) for each in new]) for name in about},
        "n": ("integer", [each.n for each in new]),
        "facts": ("json", [each.fact.facts for each in new]),
        "in_app": ("boolean", [each.in_app for each in new]),
        "mail_at": ("timestamptz", [each.mail_at for each in new]),
        "mail_tries": ("integer", [0 for _ in new]),
        "happened_at": ("timestamptz", [each.fact.at for each in new]),
    }
    arrays.insert(tx, "notification", columns)


def add_takes(tx: Tx, user_id: UUID, batch_id: UUID, n: int, at: datetime) -> bool:
    """So many more takes of a batch need a person; whether that was added to something they have not read yet."""
    return bool(
        tx.all(
            "update notification set n = n + $3, happened_at = greatest(happened_at, $4) where kind = 'ATTENTION'"
            " and user_id = $1 and batch_id = $2 and read_at is null and in_app returning id",
            user_id,
            batch_id,
            n,
            at,
        )
    )


def waiting_mail(tx: Tx, user_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When the next mail to each of them goes out, where one is due."""
    rows = tx.all(
        "select user_id, min(mail_at) as mail_at from notification where mail_at is not null"
        " and user_id = any($1::uuid[]) group by user_id",
        list(user_ids),
    )
    return {row["user_id"]: row["mail_at"] for row in rows}


def page(
    tx: Tx, user_id: UUID, *, unread: bool, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """What somebody was told, newest first, and the cursor of the next page."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"select {ROW} {FROM} where n.user_id = $1 and n.in_app and {SEEN} and {THERE} and (not $2 or n.read_at is null)"
        " and ($3::timestamptz is null or (n.happened_at, n.id) < ($3, $4::uuid))"
        " order by n.happened_at desc, n.id desc limit $5",
        user_id,
        unread,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = [_read(row) for row in rows[:limit]]
    return found, pages.cursor(found[-1]["happened_at"], found[-1]["id"]) if len(rows) > limit else None


def get(tx: Tx, user_id: UUID, notification_id: UUID) -> dict[str, Any] | None:
    """One of somebody's own, whichever way they were told of it."""
    row = tx.one(
        f"select {ROW} {FROM} where n.user_id = $1 and n.id = $2 and {SEEN} and {THERE}", user_id, notification_id
    )
    return _read(row) if row else None


def unread(tx: Tx, user_id: UUID) -> int:
    """How many of somebody's are not read."""
    where = f"where n.user_id = $1 and n.in_app and n.read_at is null and {SEEN} and {THERE}"
    return int(tx.value(f"select count(*) {FROM} {where}", user_id))


def read(tx: Tx, user_id: UUID, ids: Collection[UUID] | None, now: datetime) -> int:
    """Marks somebody's own as read, all of them without `ids`; how many were not."""
    return len(
        tx.all(
            "update notification set read_at = $3 where user_id = $1 and read_at is null"
            " and ($2::uuid[] is null or id = any($2::uuid[])) returning id",
            user_id,
            None if ids is None else list(ids),
            now,
        )
    )


def forget(tx: Tx, before: datetime) -> None:
    """What is older, with what of it was posted; a budget that is nearly used up stays so."""
    old = "select id from notification where happened_at < $1"
    tx.all(f"delete from delivery where notification_id in ({old})", before)
    tx.all("delete from notification where happened_at < $1", before)
    tx.all("delete from notice_fact where happened_at < $1 and kind <> 'BUDGET'", before)


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "facts": json.loads(row["facts"])}


# by mail


def due_mail(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    """To whom a mail is due, the longest overdue first."""
    rows = tx.all(
        "select user_id from notification where mail_at <= $1 group by user_id order by min(mail_at), user_id limit $2",
        now,
        limit,
    )
    return [row["user_id"] for row in rows]


def for_mail(tx: Tx, user_id: UUID) -> list[dict[str, Any]]:
    """What goes into somebody's mail, oldest first: what they may see, and have not read meanwhile."""
    rows = tx.all(
        f"select {ROW} {FROM} join app_user u on u.id = n.user_id and u.is_active where n.user_id = $1"
        f" and n.mail_at is not null and n.read_at is null and {SEEN} and {THERE} order by n.happened_at, n.id",
        user_id,
    )
    return [_read(row) for row in rows]


def mailed(tx: Tx, user_id: UUID, ids: Collection[UUID], now: datetime) -> None:
    """These have gone; what else was due need not go any more."""
    tx.all(
        "update notification set mail_at = null where user_id = $1 and (mail_at <= $3 or id = any($2::uuid[]))",
        user_id,
        list(ids),
        now,
    )


def postpone_mail(tx: Tx, user_id: UUID, mail_at: datetime | None) -> None:
    """It could not be sent: again then, or never."""
    tx.all(
        "update notification set mail_tries = mail_tries + 1, mail_at = $2::timestamptz"
        " where user_id = $1 and mail_at is not null",
        user_id,
        mail_at,
    )
