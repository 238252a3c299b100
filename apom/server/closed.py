"""What Streamlit offers to everybody and apom does not."""

from __future__ import annotations

from http import HTTPStatus

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from apom.errors import NotFound, NotSignedIn
from apom.server.late import NOTHING, punctual
from apom.server.origin import SAFE_METHODS
from apom.server.refusal import refuse

UPLOADS = "/_stcore/upload_file"
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/auth/login", "/auth/logout", "/oauth2callback")

STREAM = "/_stcore/stream"
# What a page sends. The rest is for those who develop an app and is taken from anybody: it clears caches, sets options,
# writes to the disk.
SENT = frozenset(["rerun_script", "stop_script", "app_heartbeat", "file_urls_request"])
OPERATION, READS = "backend_operation_request", ("deferred_file", "dataframe_chunk")


class Closed:
    """No metrics, no agent interface, no single sign-on routes (404); uploads only for people who are signed in (403).

    Of Streamlit's messages those that pages send, while one is there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").rstrip("/")
        if path.startswith(CLOSED):
            return await refuse(scope, receive, send, HTTPStatus.NOT_FOUND, NotFound())
        if path.startswith(UPLOADS) and scope["method"] not in SAFE_METHODS and scope["state"]["actor"] is None:
            error = NotSignedIn("Sign in to upload files.")
            return await refuse(scope, receive, send, HTTPStatus.FORBIDDEN, error)
        if scope["type"] == "websocket" and path.endswith(STREAM):
            receive, send = punctual(_pages_only(receive), send)
        await self.app(scope, receive, send)


def of_a_page(data: bytes) -> bytes:
    """The message, or one that does nothing in the place of one that no page sends."""
    try:
        message = BackMsg.FromString(data)
    except DecodeError:
        return NOTHING
    kind = message.WhichOneof("type")
    reads = kind == OPERATION and message.backend_operation_request.WhichOneof("payload") in READS
    return data if kind in SENT or reads else NOTHING


def _pages_only(receive: Receive) -> Receive:
    async def receive_pages() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            return {"type": "websocket.receive", "bytes": of_a_page(message.get("bytes") or b"")}
        return message

    return receive_pages
