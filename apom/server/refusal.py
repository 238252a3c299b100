"""How the edge says no: a problem document (RFC 9457) to programs, a plain sentence to people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from apom.api.problems import problem
from apom.errors import ApomError, TooMany
from apom.words import language, preferred, say

API = "/api/"


def is_api(scope: Scope) -> bool:
    """Whether the path belongs to our REST interface."""
    path: str = scope["path"]
    return path.startswith(API) or path == API.rstrip("/")


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: HTTPStatus,
    error: ApomError,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Ends an HTTP request, or a websocket's handshake, with `status` and the error's sentence in the reader's language."""
    actor = scope.get("state", {}).get("actor")
    language.set(actor.language if actor else preferred(Headers(scope=scope).get("accept-language", "")))
    response: Response = (
        problem(status, error.code, say(error)) if is_api(scope) else PlainTextResponse(say(error), status)
    )
    response.headers.update(headers or {})
    await response(scope, receive, send)


async def too_often(wait_s: float, scope: Scope, receive: Receive, send: Send) -> None:
    """Ends an HTTP request that came too early by so many seconds."""
    error = TooMany("That was too often. Try again in {seconds} s.", retry_after_s=wait_s)
    headers = {"retry-after": str(math.ceil(wait_s))}
    await refuse(scope, receive, send, HTTPStatus.TOO_MANY_REQUESTS, error, headers)
