"""What becomes of an open websocket when its sign-in ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from apom.errors import ApomError
from apom.models import Actor

STREAMLIT = "/_stcore/stream"
KEPT = ("query_string", "page_script_hash", "page_name", "context_info")
POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """Who opened the socket, and how to ask whether that still holds."""

    ask: Callable[[str], Awaitable[Actor | None]]
    token: str
    actor: Actor

    async def holds(self) -> bool:
        """Whether the token still stands for the same person and session. A store that cannot say means no."""
        try:
            now = await self.ask(self.token)
        except ApomError:
            return False
        return now is not None and (now.user_id, now.session_id) == (self.actor.user_id, self.actor.session_id)


def watched(path: str, sign_in: SignIn, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The socket's two ends, watched."""
    if path == STREAMLIT:
        return _defused(sign_in, receive), send
    return _ended(sign_in, receive, send)


def bare(data: bytes) -> bytes:
    """A message of Streamlit's as the plain wish to see the page: no clicks, no values, no fragment, no commands."""
    wish = BackMsg()
    wish.rerun_script.SetInParent()
    with suppress(DecodeError):
        asked = BackMsg.FromString(data).rerun_script
        for name in KEPT:
            field = getattr(asked, name)
            if isinstance(field, str):
                setattr(wish.rerun_script, name, field)
            else:
                wish.rerun_script.context_info.CopyFrom(field)
    return wish.SerializeToString()


def _defused(sign_in: SignIn, receive: Receive) -> Receive:
    """A tab whose sign-in has ended can do nothing but ask for the page, which shows the sign-in.

    Closing the socket would leave the old page standing: Streamlit's frontend reconnects without asking for a run.
    """

    async def receive_defused() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and not await sign_in.holds():
            return {"type": "websocket.receive", "bytes": bare(message.get("bytes") or b"")}
        return message

    return receive_defused


def _ended(sign_in: SignIn, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Nothing more is taken from the socket or sent to it; it is closed with 1008."""
    is_over = False

    async def goes_on() -> bool:
        nonlocal is_over
        if not is_over and not await sign_in.holds():
            is_over = True
            with suppress(OSError):  # the client was faster
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return not is_over

    async def receive_while() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and not await goes_on():
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
        return message

    async def send_while(message: Message) -> None:
        if is_over or (message["type"] == "websocket.send" and not await goes_on()):
            return
        await send(message)

    return receive_while, send_while
