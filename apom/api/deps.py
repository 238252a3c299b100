"""Who asks: taken from the scope, where the identity middleware put it. A request that never passed it is anonymous."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request

from apom.errors import NotSignedIn
from apom.models import Actor
from apom.studio import Operator, Studio, Workspace, current
from apom.tokens import ENDED


def studio() -> Studio:
    """The studio of this process."""
    return current()


def actor_of(scope_state: object) -> Actor | None:
    """The actor the identity middleware found, None for an anonymous request."""
    found = scope_state.get("actor") if isinstance(scope_state, dict) else None
    return found if isinstance(found, Actor) else None


def workspace(request: Request, studio: Annotated[Studio, Depends(studio)]) -> Workspace:
    """The signed-in person's door. Raises NotSignedIn."""
    actor = actor_of(request.scope.get("state"))
    if actor is None and "authorization" in request.headers:
        raise NotSignedIn(ENDED)
    if actor is None:
        raise NotSignedIn("Sign in first.")
    return studio.workspace(actor)


def operator(request: Request, studio: Annotated[Studio, Depends(studio)]) -> Operator:
    """The operator's door, for who can read data/run.json. Raises NotSignedIn."""
    expected: str | None = getattr(request.app.state, "operator_token", None)
    given = request.headers.get("authorization", "")
    if not expected or not hmac.compare_digest(given.encode(), f"Bearer {expected}".encode()):
        raise NotSignedIn("This is for the operator of this machine. Use the command line.")
    return studio.operator()


def address(request: Request) -> str:
    """The client's address, cut to its network."""
    return str(request.scope.get("state", {}).get("address", ""))


def forget_sessions(request: Request) -> None:
    """The edge remembers who is behind a token for a moment: not after a session has ended."""
    sessions = getattr(request.app.state, "sessions", None)
    if sessions is not None:
        sessions.forget()


TheStudio = Annotated[Studio, Depends(studio)]
Mine = Annotated[Workspace, Depends(workspace)]
Operating = Annotated[Operator, Depends(operator)]
Address = Annotated[str, Depends(address)]
