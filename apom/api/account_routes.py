"""Sign in, sign out, register, one's own sessions."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from apom.api.deps import Address, Mine, TheStudio, forget_sessions
from apom.models import Allowance, ApiToken, Scope, Session, User
from apom.studio import Studio
from apom.tokens import BOTH
from apom.words import preferred

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
    """A new account. `signs_in`: a browser is signed in by the same request, a program need not be."""

    email: Text | None = None
    signs_in: bool = True


class PasswordChange(Body):
    """The current one proves who asks."""

    current: Text
    new: Text


class Profile(Body):
    """What a person sets about themselves."""

    language: Text


class NewToken(Body):
    """What it is for, how long it lives, and whether it may change things."""

    name: Text
    days: int = 365
    scopes: tuple[Scope, ...] = BOTH


class Token(Body):
    """An API token with its secret, which is shown this once."""

    token: ApiToken
    secret: str = Field(repr=False)


class Setting(Body):
    """A key of SystemConfig and its new value."""

    key: Text
    value: JsonValue


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


@router.delete("/session", status_code=204)
def sign_out(mine: Mine, request: Request, response: Response, studio: TheStudio) -> None:
    """Ends this session."""
    mine.logout()
    forget_sessions(request)
    response.delete_cookie(
        studio.settings.cookie, path="/", secure=studio.settings.is_https, httponly=True, samesite="lax"
    )


@router.post("/users", status_code=201)
def register(body: Registration, request: Request, response: Response, studio: TheStudio, address: Address) -> User:
    """Makes an account and signs it in, if so wished. The first one is admin; later ones only while registration is open. It
    reads the language that the browser prefers.
    """
    language = preferred(request.headers.get("accept-language", ""))
    user = studio.register(body.username, body.password, email=body.email, address=address, language=language)
    if body.signs_in:
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
    forget_sessions(request)


@router.get("/me/sessions")
def sessions(mine: Mine) -> tuple[Session, ...]:
    """One's own sessions."""
    return mine.sessions()


@router.delete("/me/sessions/{session_id}", status_code=204)
def end_session(session_id: UUID, mine: Mine, request: Request) -> None:
    """Signs one browser out."""
    mine.end_session(session_id)
    forget_sessions(request)


@router.get("/me/tokens")
def tokens(mine: Mine) -> tuple[ApiToken, ...]:
    """One's own API tokens that still work."""
    return mine.tokens()


@router.post("/me/tokens", status_code=201)
def create_token(body: NewToken, mine: Mine) -> Token:
    """An API token; its secret is in this answer and nowhere else."""
    token, secret = mine.create_token(body.name, days=body.days, scopes=body.scopes)
    return Token(token=token, secret=secret)


@router.delete("/me/tokens/{token_id}", status_code=204)
def revoke_token(token_id: UUID, mine: Mine, request: Request) -> None:
    """It ends now, everywhere."""
    mine.revoke_token(token_id)
    forget_sessions(request)


@router.get("/me/allowance")
def allowance(mine: Mine) -> Allowance:
    """What one spent in this month, and may still spend."""
    return mine.allowance()
