"""People and their sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Actor, Page, Session, User
from apom.store import Tx, pages

COLUMNS = "id, username, email, is_admin, is_active, language, monthly_limit, created_at, updated_at"
SESSION = "s.id, s.user_id, s.created_at, s.seen_at, s.expires_at, s.address, s.agent"


def fold(name: str) -> str:
    """How two spellings of one name compare."""
    return name.casefold()


def count(tx: Tx) -> int:
    """How many accounts there are."""
    return int(tx.value("select count(*) from app_user"))


def insert(tx: Tx, user: User, password_hash: str) -> None:
    """A new account; Conflict when the name or the e-mail address is taken."""
    tx.all(
        "insert into app_user (id, username_key, email_key, username, email, password_hash, is_admin, is_active,"
        " language, created_at, updated_at) values ($1, $2, $3::text, $4, $5::text, $6, $7, $8, $9, $10, $11)",
        user.id,
        fold(user.username),
        fold(user.email) if user.email else None,
        user.username,
        user.email,
        password_hash,
        user.is_admin,
        user.is_active,
        user.language,
        user.created_at,
        user.updated_at,
    )


def get(tx: Tx, user_id: UUID) -> User | None:
    """One account by id."""
    row = tx.one(f"select {COLUMNS} from app_user where id = $1", user_id)
    return User(**row) if row else None


def named(tx: Tx, username: str) -> User | None:
    """One account by name, however it is capitalised."""
    row = tx.one(f"select {COLUMNS} from app_user where username_key = $1", fold(username))
    return User(**row) if row else None


def email_taken(tx: Tx, email: str) -> bool:
    """Whether an account has this e-mail address."""
    return tx.value("select 1 from app_user where email_key = $1", fold(email)) is not None


def everyone(tx: Tx) -> tuple[User, ...]:
    """Every account, by name."""
    return tuple(User(**row) for row in tx.all(f"select {COLUMNS} from app_user order by username_key"))


def page(
    tx: Tx, text: str, *, is_admin: bool | None, is_active: bool | None, cursor: str | None, limit: int
) -> Page[User]:
    """Accounts whose name or e-mail address holds the text, the newest first."""
    at, after = pages.position(cursor)
    rows = tx.all(
        f"select {COLUMNS} from app_user where (strpos(username_key, $1) > 0 or strpos(coalesce(email_key, ''), $1) > 0)"
        " and ($2::boolean is null or is_admin = $2) and ($3::boolean is null or is_active = $3)"
        " and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid)) order by created_at desc, id desc limit $6",
        fold(text),
        is_admin,
        is_active,
        at,
        after,
        pages.size(limit) + 1,
    )
    found = tuple(User(**row) for row in rows[:limit])
    return Page[User](items=found, next=pages.cursor(found[-1].created_at, found[-1].id) if len(rows) > limit else None)


def password_hash(tx: Tx, user_id: UUID) -> str | None:
    """What the password is checked against."""
    found = tx.value("select password_hash from app_user where id = $1", user_id)
    return None if found is None else str(found)


def admins(tx: Tx) -> int:
    """How many can sign in and are admin."""
    return int(tx.value("select count(*) from app_user where is_admin and is_active"))


def set_rights(tx: Tx, user_id: UUID, is_admin: bool, is_active: bool, now: datetime) -> None:
    """What the account may do here, and whether it may sign in at all."""
    tx.all(
        "update app_user set is_admin = $2, is_active = $3, updated_at = $4 where id = $1",
        user_id,
        is_admin,
        is_active,
        now,
    )


def set_email(tx: Tx, user_id: UUID, email: str | None, now: datetime) -> None:
    """Another address, or none. Conflict when it is taken."""
    tx.all(
        "update app_user set email = $2::text, email_key = $3::text, updated_at = $4 where id = $1",
        user_id,
        email,
        fold(email) if email else None,
        now,
    )


def set_password_hash(tx: Tx, user_id: UUID, hashed: str, now: datetime) -> None:
    """A new password."""
    tx.all("update app_user set password_hash = $2, updated_at = $3 where id = $1", user_id, hashed, now)


def set_language(tx: Tx, user_id: UUID, language: str, now: datetime) -> None:
    """The language a person reads."""
    tx.all("update app_user set language = $2, updated_at = $3 where id = $1", user_id, language, now)


def insert_session(tx: Tx, session: Session, token_hash: str) -> None:
    """A browser or script that signed in."""
    tx.all(
        "insert into session (id, token_hash, user_id, created_at, seen_at, expires_at, address, agent)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        session.id,
        token_hash,
        session.user_id,
        session.created_at,
        session.seen_at,
        session.expires_at,
        session.address,
        session.agent,
    )


def _live(tx: Tx, column: str, value: object, now: datetime, seen_after: datetime) -> dict[str, Any] | None:
    return tx.one(
        f"select {SESSION}, u.username, u.is_admin, u.language from session s"
        " join app_user u on u.id = s.user_id and u.is_active"
        f" where s.{column} = $1 and s.expires_at > $2 and s.seen_at > $3",
        value,
        now,
        seen_after,
    )


def live_session(
    tx: Tx, now: datetime, seen_after: datetime, *, token_hash: str | None = None, session_id: UUID | None = None
) -> tuple[Actor, Session] | None:
    """The person behind a session that has neither expired nor idled out, by its token's hash or its id."""
    row = (
        _live(tx, "token_hash", token_hash, now, seen_after)
        if session_id is None
        else _live(tx, "id", session_id, now, seen_after)
    )
    if row is None:
        return None
    username, is_admin, language = row.pop("username"), row.pop("is_admin"), row.pop("language")
    session = Session(**row)
    actor = Actor(
        user_id=session.user_id, username=username, is_admin=is_admin, language=language, session_id=session.id
    )
    return actor, session


def touch_session(tx: Tx, session_id: UUID, now: datetime) -> None:
    """It was used."""
    tx.all("update session set seen_at = $2 where id = $1", session_id, now)


def sessions_of(tx: Tx, user_id: UUID, now: datetime) -> tuple[Session, ...]:
    """A person's sessions, the latest first."""
    rows = tx.all(
        f"select {SESSION} from session s where s.user_id = $1 and s.expires_at > $2 order by s.seen_at desc, s.id",
        user_id,
        now,
    )
    return tuple(Session(**row) for row in rows)


def end_session(tx: Tx, user_id: UUID, session_id: UUID) -> bool:
    """Ends one session of a person; False when there was none."""
    return bool(tx.all("delete from session where id = $1 and user_id = $2 returning id", session_id, user_id))


def end_sessions(tx: Tx, user_id: UUID, *, but: UUID | None = None) -> int:
    """Ends all sessions of a person, one excepted."""
    return len(
        tx.all("delete from session where user_id = $1 and ($2::uuid is null or id <> $2) returning id", user_id, but)
    )


def forget_expired(tx: Tx, now: datetime) -> int:
    """Sessions that can never be used again."""
    return len(tx.all("delete from session where expires_at <= $1 returning id", now))


def monthly_limit(tx: Tx, user_id: UUID) -> float | None:
    """What a person may spend in a month, in the studio's currency; None for no limit."""
    found = tx.value("select monthly_limit from app_user where id = $1", user_id)
    return None if found is None else float(found)


def set_monthly_limit(tx: Tx, user_id: UUID, limit: float | None, now: datetime) -> None:
    """A new limit; None for none."""
    tx.all(
        "update app_user set monthly_limit = $2::double precision, updated_at = $3 where id = $1", user_id, limit, now
    )
