"""Sign in, sign out, register, one's own sessions; and the operator's way in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apom.api.deps import Address, Mine, Operating, TheStudio
from apom.models import Health, Session, User
from apom.studio import Studio

router = APIRouter()
Text = Annotated[str, Field(max_length=1000)]


class Body(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(Body):
    """Who signs in."""

    username: Text
    password: Text


class Registration(Credentials):
    """A new account."""

    email: Text | None = None


class PasswordChange(Body):
    """The current one proves who asks."""

    current: Text
    new: Text


class NewPassword(Body):
    """Given by the operator."""

    password: Text


class Profile(Body):
    """What a person sets about themselves."""

    language: Text


def _sign_in(studio: Studio, request: Request, response: Response, username: str, password: str, address: str) -> None:
    token, _ = studio.login(username, password, address=address, agent=request.headers.get("user-agent", ""))
    settings = studio.settings
    response.set_cookie(
        settings.cookie,
        token,
        max_age=int(settings.session_days * 86_400),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


@router.post("/session", status_code=204)
def sign_in(body: Credentials, request: Request, response: Response, studio: TheStudio, address: Address) -> None:
    """Signs in: sets the session cookie."""
    _sign_in(studio, request, response, body.username, body.password, address)


@router.get("/session")
def whoami(mine: Mine) -> User:
    """The signed-in person."""
    return mine.me()


def _forget(request: Request) -> None:
    """The edge remembers who is behind a token for a moment: not after a session has ended."""
    sessions = getattr(request.app.state, "sessions", None)
    if sessions is not None:
        sessions.forget()


@router.delete("/session", status_code=204)
def sign_out(mine: Mine, request: Request, response: Response, studio: TheStudio) -> None:
    """Ends this session."""
    mine.logout()
    _forget(request)
    response.delete_cookie(
        studio.settings.cookie, path="/", secure=studio.settings.is_https, httponly=True, samesite="lax"
    )


@router.post("/users", status_code=201)
def register(body: Registration, request: Request, response: Response, studio: TheStudio, address: Address) -> User:
    """Makes an account and signs it in. The first one is admin; later ones only while registration is open."""
    user = studio.register(body.username, body.password, email=body.email, address=address)
    _sign_in(studio, request, response, body.username, body.password, address)
    return user


@router.patch("/me")
def change_profile(body: Profile, mine: Mine) -> User:
    """The language one reads."""
    return mine.set_language(body.language)


@router.post("/me/password", status_code=204)
def change_password(body: PasswordChange, mine: Mine, request: Request) -> None:
    """Ends all other sessions."""
    mine.change_password(body.current, body.new)
    _forget(request)


@router.get("/me/sessions")
def sessions(mine: Mine) -> tuple[Session, ...]:
    """One's own sessions."""
    return mine.sessions()


@router.delete("/me/sessions/{session_id}", status_code=204)
def end_session(session_id: UUID, mine: Mine, request: Request) -> None:
    """Signs one browser out."""
    mine.end_session(session_id)
    _forget(request)


@router.get("/operator/health")
def operator_health(operator: Operating) -> Health:
    """How the process is."""
    return operator.health()


@router.get("/operator/users")
def operator_users(operator: Operating) -> tuple[User, ...]:
    """Every account."""
    return operator.users()


@router.post("/operator/users", status_code=201)
def operator_add_user(body: Credentials, operator: Operating) -> User:
    """A new account, whether registration is open or not."""
    return operator.add_user(body.username, body.password)


@router.post("/operator/users/{username}/password")
def operator_reset_password(username: str, body: NewPassword, operator: Operating, request: Request) -> User:
    """A new password; the person's sessions end."""
    user = operator.reset_password(username, body.password)
    _forget(request)
    return user
