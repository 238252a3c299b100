"""What nobody expected: an answer in our words, and the traceback in the log only."""

from __future__ import annotations

import logging
import uuid
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apom.errors import Unavailable
from apom.server.refusal import refuse

_log = logging.getLogger("apom.server")


class Mishap:
    """Answers 500 when nothing was sent yet; a broken-off answer stays broken off, so that nobody takes it for whole."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        is_answered = False

        async def watched(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            if is_answered:
                raise
            reference = uuid.uuid4().hex[:8]
            _log.exception("a request failed, reference %s", reference)
            error = Unavailable("Something went wrong here. The log has it under {reference}.", reference=reference)
            await refuse(scope, receive, send, HTTPStatus.INTERNAL_SERVER_ERROR, error)
