"""What the command line does through a running server, with the token of `data/run.json`.

Names are in bodies, never in paths: an account's name may hold anything a path cannot.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request

from apom.api.account_routes import Body, NewToken, Setting, Token
from apom.api.deps import Operating, forget_sessions
from apom.models import ApiToken, BalanceChange, Health, Snapshot, StatementRow, StoreInfo, SystemSetting, User

router = APIRouter(prefix="/operator")


class Credentials(Body):
    """An account and its password to be."""

    username: str
    password: str


class UserChange(Body):
    """What is named is changed."""

    username: str
    is_admin: bool | None = None
    is_active: bool | None = None


class UserLimit(Body):
    """What may be spent in a month, null for no limit."""

    username: str
    limit: float | None


class TokenFor(NewToken):
    """Whose it will be."""

    username: str


class Target(Body):
    """An empty store."""

    url: str


class SnapshotName(Body):
    """What the copy is called."""

    name: str


@router.get("/health")
def health(operator: Operating) -> Health:
    """How the process is."""
    return operator.health()


@router.get("/users")
def users(operator: Operating) -> tuple[User, ...]:
    """Every account."""
    return operator.users()


@router.post("/users", status_code=201)
def add_user(body: Credentials, operator: Operating) -> User:
    """A new account, whether registration is open or not."""
    return operator.add_user(body.username, body.password)


@router.put("/users/password")
def reset_password(body: Credentials, operator: Operating, request: Request) -> User:
    """A new password; the person's sessions and tokens end."""
    user = operator.reset_password(body.username, body.password)
    forget_sessions(request)
    return user


@router.patch("/users")
def change_user(body: UserChange, operator: Operating, request: Request) -> User:
    """Admin or not, active or not; who may no longer sign in is signed out."""
    user = operator.change_user(body.username, is_admin=body.is_admin, is_active=body.is_active)
    forget_sessions(request)
    return user


@router.put("/users/limit")
def set_monthly_limit(body: UserLimit, operator: Operating) -> User:
    """What somebody may spend in a month, in the studio's currency."""
    return operator.set_monthly_limit(body.username, body.limit)


@router.get("/config")
def config(operator: Operating) -> tuple[SystemSetting, ...]:
    """What is set for the whole studio."""
    return operator.config()


@router.put("/config")
def set_config(body: Setting, operator: Operating) -> SystemSetting:
    """A key of it and its new value."""
    return operator.set_config(body.key, body.value)


@router.get("/statement")
def statement(
    operator: Operating, since: datetime | None = None, until: datetime | None = None
) -> tuple[StatementRow, ...]:
    """Month by provider by project by person: everybody's. `until` is exclusive."""
    return operator.statement(since=since, until=until)


@router.get("/balances")
def balances(operator: Operating, month: datetime | None = None) -> tuple[BalanceChange, ...]:
    """What became of each provider's credit in a month, beside our own entries."""
    return operator.balances(month)


@router.post("/balances")
def read_balances(operator: Operating) -> tuple[BalanceChange, ...]:
    """Asks every provider what credit is left, now."""
    return operator.read_balances()


@router.get("/tokens")
def tokens(username: str, operator: Operating) -> tuple[ApiToken, ...]:
    """Somebody's API tokens that still work."""
    return operator.tokens(username)


@router.post("/tokens", status_code=201)
def create_token(body: TokenFor, operator: Operating) -> Token:
    """An API token for somebody; its secret is in this answer and nowhere else."""
    token, secret = operator.create_token(body.username, body.name, days=body.days, scopes=body.scopes)
    return Token(token=token, secret=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: UUID, operator: Operating, request: Request) -> None:
    """It ends now, everywhere."""
    operator.revoke_token(token_id)
    forget_sessions(request)


@router.get("/store")
def store(operator: Operating) -> StoreInfo:
    """Which store this is, how large, and what is in it."""
    return operator.store_info()


@router.post("/store/snapshots", status_code=201)
def snapshot(body: SnapshotName, operator: Operating) -> Snapshot:
    """A consistent copy beside the store, while people go on working."""
    return operator.snapshot(body.name)


@router.post("/store/copy", status_code=201)
def copy_store(body: Target, operator: Operating) -> dict[str, int]:
    """Every row as of now into an empty store: how many of each table. It answers when all are there."""
    return operator.copy_store(body.url)
