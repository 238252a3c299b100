"""What Streamlit offers to everybody and apom does not."""

from __future__ import annotations

from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from apom.errors import NotFound, NotSignedIn
from apom.server.origin import SAFE_METHODS
from apom.server.refusal import refuse

UPLOADS = "/_stcore/upload_file"
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/auth/login", "/auth/logout", "/oauth2callback")


class Closed:
    """No metrics, no agent interface, no single sign-on routes (404); uploads only for people who are signed in (403)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").rstrip("/")
        if path.startswith(CLOSED):
            return await refuse(scope, receive, send, HTTPStatus.NOT_FOUND, NotFound())
        if path.startswith(UPLOADS) and scope["method"] not in SAFE_METHODS and scope["state"]["actor"] is None:
            error = NotSignedIn("Sign in to upload files.")
            return await refuse(scope, receive, send, HTTPStatus.FORBIDDEN, error)
        await self.app(scope, receive, send)
