"""API tokens. Only their SHA-256 is here; one that was revoked has no row any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from apom.models import Actor, ApiToken, Scope
from apom.store import Tx

COLUMNS = "t.id, t.user_id, t.name, t.scopes, t.last_used_at, t.expires_at, t.created_at"


def _token(row: dict[str, Any]) -> ApiToken:
    return ApiToken(**{**row, "scopes": tuple(Scope(scope) for scope in row["scopes"].split())})


def insert(tx: Tx, token: ApiToken, token_hash: str) -> None:
    """A new token."""
    tx.all(
        "insert into api_token (id, token_hash, user_id, name, scopes, expires_at, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        token.id,
        token_hash,
        token.user_id,
        token.name,
        " ".join(token.scopes),
        token.expires_at,
        token.created_at,
    )


def _live(tx: Tx, column: str, value: object, now: datetime) -> dict[str, Any] | None:
    return tx.one(
        f"select {COLUMNS}, u.username, u.is_admin, u.language from api_token t"
        " join app_user u on u.id = t.user_id and u.is_active"
        f" where t.{column} = $1 and t.expires_at > $2",
        value,
        now,
    )


def live(
    tx: Tx, now: datetime, *, token_hash: str | None = None, token_id: UUID | None = None
) -> tuple[Actor, ApiToken] | None:
    """The person a token stands in for, by its hash or its id; None when it has ended."""
    row = _live(tx, "id", token_id, now) if token_hash is None else _live(tx, "token_hash", token_hash, now)
    if row is None:
        return None
    username, is_admin, language = row.pop("username"), row.pop("is_admin"), row.pop("language")
    token = _token(row)
    actor = Actor(
        user_id=token.user_id,
        username=username,
        is_admin=is_admin,
        language=language,
        token_id=token.id,
        scopes=token.scopes,
    )
    return actor, token


def touch(tx: Tx, token_id: UUID, now: datetime) -> None:
    """It was used."""
    tx.all("update api_token set last_used_at = $2 where id = $1", token_id, now)


def of(tx: Tx, user_id: UUID, now: datetime) -> tuple[ApiToken, ...]:
    """A person's tokens that still work, the latest first."""
    rows = tx.all(
        f"select {COLUMNS} from api_token t where t.user_id = $1 and t.expires_at > $2 order by t.created_at desc, t.id",
        user_id,
        now,
    )
    return tuple(_token(row) for row in rows)


def get(tx: Tx, token_id: UUID) -> ApiToken | None:
    """One token by its id, whoever it belongs to."""
    row = tx.one(f"select {COLUMNS} from api_token t where t.id = $1", token_id)
    return _token(row) if row else None


def end(tx: Tx, token_id: UUID) -> None:
    """It is valid no longer."""
    tx.all("delete from api_token where id = $1", token_id)


def end_all(tx: Tx, user_id: UUID) -> None:
    """None of a person's tokens is valid any longer."""
    tx.all("delete from api_token where user_id = $1", user_id)


def forget_expired(tx: Tx, now: datetime) -> None:
    """Tokens that can never be used again."""
    tx.all("delete from api_token where expires_at <= $1", now)
