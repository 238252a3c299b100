"""A browser tab as Streamlit's server sees it, without the browser: for what AppTest cannot reach.

AppTest never uses the socket, so it knows nothing of cookies, page hashes, fragments and sessions that are resumed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol


@dataclass
class Drawn:
    """What one run of the script sent. `end`: "finished", "closed" (by the server) or "silent" (nothing more came)."""

    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    end: str = "silent"

    def __contains__(self, text: str) -> bool:
        return any(text in drawn for drawn in self.texts)


class Tab:
    """One websocket to `/_stcore/stream`. Remembers the widgets, fragments and pages it was told of.

    `session`: a Streamlit session's id to resume. `headers` replace the defaults, None leaves one out.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        session: str = "",
        headers: Mapping[str, str | None] | None = None,
        path: str = "/_stcore/stream",
    ) -> None:
        host = urlsplit(url).netloc
        cookie = f"apom_session={token}" if token else None
        sent = {"Origin": f"http://{host}", "Cookie": cookie} | dict(headers or {})
        self.socket = connect(
            f"ws://{host}{path}",
            subprotocols=[Subprotocol(name) for name in ("streamlit", "xsrf", session) if name],
            additional_headers={name: value for name, value in sent.items() if value is not None},
            user_agent_header=None,
            open_timeout=20,
            close_timeout=1,
            max_size=None,
            proxy=None,
        )
        self.session = ""
        self.widgets: dict[str, str] = {}
        self.fragments: set[str] = set()
        self.pages: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, message: BackMsg) -> None:
        self.socket.send(message.SerializeToString())

    def ask(
        self,
        *,
        page: str = "",
        page_hash: str = "",
        query: str = "",
        fragment: str = "",
        click: str = "",
        typed: Mapping[str, str] | None = None,
        acted: tuple[str, str, object, int] | None = None,
    ) -> None:
        """Sends a rerun; `click` and `typed` name widgets by their labels, `acted`: component, action, item, number."""
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.page_script_hash = page_hash
        message.rerun_script.query_string = query
        message.rerun_script.fragment_id = fragment
        states = message.rerun_script.widget_states.widgets
        if click:
            states.append(WidgetState(id=self.widgets[click], trigger_value=True))
        for label, text in (typed or {}).items():
            states.append(WidgetState(id=self.widgets[label], string_value=text))
        if acted:
            component, action, id, n = acted
            done = [{"n": n, "action": action, "id": str(id)}]
            name = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{self.widgets[component]}__events"
            states.append(WidgetState(id=name, json_trigger_value=json.dumps([{"event": "action", "value": done}])))
        self.send(message)

    def run(self, **asked: Any) -> Drawn:
        """A rerun and what it drew."""
        self.ask(**asked)
        return self.drawn()

    def drawn(self, *, within_s: float = 20) -> Drawn:
        """Reads until the script has finished, the socket is closed, or the time is over."""
        drawn, until = Drawn(), time.monotonic() + within_s
        while (left := until - time.monotonic()) > 0:
            try:
                data = self.socket.recv(timeout=left)
            except TimeoutError:
                break
            except ConnectionClosed:
                drawn.end = "closed"
                break
            message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            self._read(message, drawn)
            if message.WhichOneof("type") == "script_finished":
                drawn.end = "finished"
                break
        return drawn

    def _read(self, message: ForwardMsg, drawn: Drawn) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self.session = message.new_session.initialize.session_id or self.session
            case "navigation":
                self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            case "delta":
                self._read_delta(message, drawn)

    def _read_delta(self, message: ForwardMsg, drawn: Drawn) -> None:
        if message.delta.fragment_id:
            self.fragments.add(message.delta.fragment_id)
        kind = message.delta.new_element.WhichOneof("type")
        if kind is None:
            return
        element = getattr(message.delta.new_element, kind)
        drawn.kinds.append(kind)
        drawn.texts.extend(str(getattr(element, name)) for name in ("body", "message") if hasattr(element, name))
        if hasattr(element, "id") and hasattr(element, "label"):
            self.widgets[element.label] = element.id
        if kind == "bidi_component":
            self.widgets[element.component_name] = element.id
