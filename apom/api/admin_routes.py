"""What an admin looks after: accounts, settings, what was done.

Names are in bodies, never in paths: an account's name may hold anything a path cannot.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from apom.api.account_routes import Body, Credentials, Setting, Text
from apom.api.deps import Mine, forget_sessions
from apom.config import LIMITS
from apom.models import AuditEntry, Page, SystemSetting, User

router = APIRouter()
Limit = Annotated[int, Query(ge=1, le=LIMITS.page)]


class UserChange(Body):
    """What is named is changed."""

    username: Text
    is_admin: bool | None = None
    is_active: bool | None = None


class UserLimit(Body):
    """What may be spent in a month, null for no limit."""

    username: Text
    limit: float | None


@router.get("/system")
def system(mine: Mine) -> tuple[SystemSetting, ...]:
    """What is set for the whole studio, for an admin."""
    return mine.system()


@router.put("/system", status_code=204)
def set_system(body: Setting, mine: Mine) -> None:
    """An admin's setting."""
    mine.set_system(body.key, body.value)


@router.get("/accounts")
def users(
    mine: Mine,
    text: Text = "",
    is_admin: bool | None = None,
    is_active: bool | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> Page[User]:
    """Accounts by name or e-mail address, the newest first, for an admin."""
    return mine.users(text, is_admin=is_admin, is_active=is_active, cursor=cursor, limit=limit)


@router.post("/accounts", status_code=201)
def add_user(body: Credentials, mine: Mine) -> User:
    """An account that an admin makes for somebody."""
    return mine.add_user(body.username, body.password)


@router.patch("/accounts")
def change_user(body: UserChange, mine: Mine, request: Request) -> User:
    """Admin or not, active or not; who may no longer sign in is signed out."""
    user = mine.change_user(body.username, is_admin=body.is_admin, is_active=body.is_active)
    forget_sessions(request)
    return user


@router.put("/accounts/limit")
def set_monthly_limit(body: UserLimit, mine: Mine) -> User:
    """What somebody may spend in a month, in the studio's currency."""
    return mine.set_monthly_limit(body.username, body.limit)


@router.put("/accounts/password")
def reset_password(body: Credentials, mine: Mine, request: Request) -> User:
    """Somebody's new password; their sessions and tokens end."""
    user = mine.reset_password(body.username, body.password)
    forget_sessions(request)
    return user


@router.get("/audit")
def audit(mine: Mine, cursor: str | None = None, limit: Limit = 100) -> Page[AuditEntry]:
    """What was done in the studio, newest first, for an admin."""
    return mine.audit(cursor=cursor, limit=limit)
