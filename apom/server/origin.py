"""From where: only names that are ours (against DNS rebinding), only pages that are ours (against forged requests).

Stands before Streamlit's own check, which lets any port of localhost in and asks the internet for this machine's address.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from apom.errors import Invalid, Misconfigured, NotAllowed
from apom.server.refusal import is_api, refuse

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HOOKS = "/hooks/"
SAFE_SITES = ("same-origin", "none")
DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(scheme: str, host: str, port: int | None) -> str:
    """As a browser writes it: no default port."""
    return f"{scheme}://{host}" if port in (None, DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


@lru_cache(maxsize=64)
def origins(public_url: str, port: int | None) -> dict[str, str]:
    """Each Host we answer to, with the origin its pages have. `port`: the one this process listens on."""
    ours = [origin_of("http", name, port) for name in LOOPBACK]
    if public_url:
        url = urlsplit(public_url)
        ours.append(origin_of(url.scheme, (url.hostname or "").lower(), url.port))
    return {origin.partition("://")[2]: origin for origin in ours}


def is_same_origin(headers: Headers, own: str) -> bool:
    """Whether a page of ours sent it.

    A browser's word (Sec-Fetch-Site, which no script can set) goes first: under `Referrer-Policy: no-referrer` the Origin
    of a form is "null" even at home (Fetch standard, "append a request Origin header").
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in SAFE_SITES and origin in (None, "null", own)
    return origin == own


def is_script(headers: Headers) -> bool:
    """A program with a token: no browser sends one on another site's behalf."""
    return headers.get("authorization", "").lower().startswith("bearer ") and "cookie" not in headers


def is_hook(scope: Scope) -> bool:
    """Whether a provider calls: its address is its proof, and no session counts there (apom.api.hooks)."""
    path: str = scope.get("path", "")
    return scope["type"] == "http" and path.startswith(HOOKS)


def is_from_home(scope: Scope, headers: Headers, own: str) -> bool:
    """Whether this request may come in: reading may come without an Origin, changing and websockets may not."""
    if is_script(headers) and "origin" not in headers:
        return True
    if scope["type"] == "websocket":
        return headers.get("origin") == own
    if scope["method"] in SAFE_METHODS and "origin" not in headers:
        return True
    return is_same_origin(headers, own)


def is_json(headers: Headers) -> bool:
    """Whether the body, if there is one, says it is JSON: a foreign form cannot say so."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return True
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


class Origin:
    """Refuses foreign names (421), foreign pages (403), and changes at `/api` that are not JSON (415).

    `public_url`: the address people use, "" on loopback. `uploads`: the paths that take other bodies than JSON.
    """

    def __init__(self, app: ASGIApp, *, public_url: str = "", uploads: re.Pattern[str] | None = None) -> None:
        self.app = app
        self._public_url = public_url
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        server = scope.get("server") or ("", None)
        own = origins(self._public_url, server[1]).get(headers.get("host", "").lower())
        if own is None:
            error = Misconfigured("This server does not answer to that name. Use the address it was set up with.")
            return await refuse(scope, receive, send, HTTPStatus.MISDIRECTED_REQUEST, error)
        if not is_hook(scope) and not is_from_home(scope, headers, own):
            refused = NotAllowed(
                "This request comes from another site and was refused. Open {own} and try there.", own=own
            )
            return await refuse(scope, receive, send, HTTPStatus.FORBIDDEN, refused)
        if self._must_be_json(scope, headers) and not is_json(headers):
            invalid = Invalid("Send the body as application/json.")
            return await refuse(scope, receive, send, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, invalid)
        await self.app(scope, receive, send)

    def _must_be_json(self, scope: Scope, headers: Headers) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] not in SAFE_METHODS
            and is_api(scope)
            and not is_script(headers)
            and not (self._uploads and self._uploads.fullmatch(scope["path"]))
        )
