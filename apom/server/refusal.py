"""How the edge says no: a problem document (RFC 9457) to programs, a plain sentence to people."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from apom.errors import ApomError
from apom.words import say

API = "/api/"


def is_api(scope: Scope) -> bool:
    """Whether the path belongs to our REST interface."""
    path: str = scope["path"]
    return path.startswith(API) or path == API.rstrip("/")


def answer(scope: Scope, status: HTTPStatus, error: ApomError, headers: Mapping[str, str] | None = None) -> Response:
    """The response for an error: JSON below `/api`, text elsewhere."""
    if not is_api(scope):
        return PlainTextResponse(say(error), status, headers)
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "code": error.code,
        "detail": say(error),
    }
    return JSONResponse(problem, status, headers, media_type="application/problem+json")


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: HTTPStatus,
    error: ApomError,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Ends an HTTP request, or a websocket's handshake, with `status` and the error's sentence."""
    await answer(scope, status, error, headers)(scope, receive, send)
