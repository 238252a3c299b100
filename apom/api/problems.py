"""Our errors as problem details (RFC 9457), put into the reader's words: the one place that does it."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from apom import words
from apom.errors import (
    ApomError,
    BadMedia,
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OverBudget,
    ProviderError,
    Refused,
    TooLarge,
    TooMany,
    Unavailable,
)
from apom.fields import refusal

log = logging.getLogger("apom.api")
STATUS: dict[type[ApomError], int] = {
    Invalid: 422,
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    OverBudget: 402,
    Refused: 422,
    TooLarge: 413,
    TooMany: 429,
    BadMedia: 422,
    Unavailable: 503,
    Misconfigured: 503,
    ProviderError: 502,
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"application/problem+json": {}}}
    for code, text in {
        401: "Nobody is signed in",
        402: "Over the budget",
        403: "Not allowed",
        404: "Not there",
        409: "Clash",
        422: "Invalid",
    }.items()
}


def status_of(error: ApomError) -> int:
    """The HTTP status of an error: its class's, or the nearest one above it."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(status: int, code: str, detail: str, **more: object) -> JSONResponse:
    """A problem document."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def _speak(request: Request) -> None:
    actor = request.scope.get("state", {}).get("actor")
    words.language.set(actor.language if actor else words.preferred(request.headers.get("accept-language", "")))


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApomError)
    _speak(request)
    more: dict[str, object] = {"field": error.field} if isinstance(error, Invalid) and error.field else {}
    if isinstance(error, Refused):
        more["reasons"] = [reason.model_dump(mode="json") for reason in error.reasons]
    answer = problem(status_of(error), error.code, words.say(error), **more)
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return answer


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = () if first["type"] == "json_invalid" else first["loc"][1:]
    return await _ours(request, refusal(place, first))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "http", str(error.detail))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    _speak(request)
    return problem(500, "error", words._("Something went wrong here. It has been logged; nothing was lost. Try again."))


def install(app: FastAPI) -> None:
    """Every error of this app becomes a problem document."""
    app.add_exception_handler(ApomError, _ours)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)
