"""What every answer carries, the refused and the broken ones too."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apom.server.refusal import is_api

INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc\s*=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
FEATURES = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")


def script_hashes(html: bytes) -> tuple[str, ...]:
    """The CSP source of each inline script, in their order (CSP level 3, section 2.3.1)."""
    found = (hashlib.sha256(script).digest() for script in INLINE_SCRIPT.findall(html))
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in found)


def streamlit_index() -> bytes:
    """The page Streamlit sends for every screen."""
    import streamlit

    return (Path(streamlit.__file__).parent / "static" / "index.html").read_bytes()


def content_policy(hashes: Iterable[str], media_origins: Iterable[str] = ()) -> str:
    """The Content-Security-Policy.

    `blob:` scripts are how Streamlit loads v2 components, inline styles how it draws. `media_origins`: where our media
    route may redirect to (an S3 endpoint).
    """
    media = " ".join(("'self'", "data:", "blob:", *media_origins))
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", "blob:", *hashes)),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": media,
        "media-src": media,
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def security_headers(policy: str, *, is_https: bool) -> dict[str, str]:
    """Name and value of each header."""
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in FEATURES),
        "x-robots-tag": "noindex",
    }
    if is_https:
        headers["strict-transport-security"] = "max-age=31536000"
    return headers


class SecurityHeaders:
    """Adds what is missing; what a route has set stays (a stricter policy for media, its own caching)."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str]) -> None:
        self.app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        is_open = False

        async def dressed(message: Message) -> None:
            nonlocal is_open
            is_open = is_open or message["type"] == "websocket.accept"
            if message["type"].endswith("http.response.start"):
                self.dress(scope, MutableHeaders(scope=message))
            elif message["type"] == "websocket.close" and not is_open:
                return await PlainTextResponse("Forbidden", 403)(scope, receive, dressed)
            await send(message)

        await self.app(scope, receive, dressed)

    def dress(self, scope: Scope, headers: MutableHeaders) -> None:
        """Adds the headers an answer lacks."""
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if is_api(scope):
            headers.setdefault("cache-control", "no-store")
        if "server" in headers:
            del headers["server"]
