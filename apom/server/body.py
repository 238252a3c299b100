"""How long a request's body may be."""

from __future__ import annotations

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import Receive, Scope, Send

from apom.server.closed import UPLOADS


class BodyLimit(RequestBodyLimitMiddleware):
    """Counts the bytes as they come, 413 beyond the limit. A route that states its own `max_body_size` has its own way;
    Streamlit's uploads have `server.maxUploadSize`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(UPLOADS):
            return await self.app(scope, receive, send)
        await super().__call__(scope, receive, send)
