"""What a page still sends when it has been left: Streamlit would go back to it and find nothing to draw there."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from starlette.types import Message, Receive, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

NOTHING = BackMsg(app_heartbeat=True).SerializeToString()


def punctual(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """A tab's two ends. A part of a page (a fragment) is drawn again only while one is there; a whole page always is.

    Where one is, is the page last asked for or drawn, as its hash. The browser hears of it later than we do.
    """
    here = ""

    async def receive_punctual() -> Message:
        nonlocal here
        message = await receive()
        asked = _asked(message)
        if asked is not None and asked.fragment_id:
            if here and asked.page_script_hash not in ("", here):
                return {"type": "websocket.receive", "bytes": NOTHING}
        elif asked is not None:
            here = asked.page_script_hash
        return message

    async def send_punctual(message: Message) -> None:
        nonlocal here
        if message["type"] == "websocket.send" and message.get("bytes"):
            said = ForwardMsg.FromString(message["bytes"])
            here = said.navigation.page_script_hash or said.new_session.page_script_hash or here
        await send(message)

    return receive_punctual, send_punctual


def _asked(message: Message) -> ClientState | None:
    """The run that a message asks for."""
    try:
        said = BackMsg.FromString(message.get("bytes") or b"")
    except DecodeError:
        return None
    return said.rerun_script if said.WhichOneof("type") == "rerun_script" else None
