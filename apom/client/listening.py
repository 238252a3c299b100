"""A project's events over the websocket, for a coroutine of the running loop: read by a thread, opened anew when it breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from apom.errors import ApomError, Unavailable
from apom.events import Subscription
from apom.models import Event
from apom.net.ours import Connection, Socket

AGAIN_S = 1.0
HELLO_WITHIN_S = 10.0
CLOSED_WITHIN_S = 2.0


@contextmanager
def listening(connection: Connection, project_id: UUID, may: Callable[[], object]) -> Iterator[Subscription]:
    """What changes in a project from now on. A new connection says "hello": look again, something may have been missed.

    `may` raises when the reader may no longer see the project; `Subscription.next` raises it then. Raises Unavailable.
    """
    ear = Ear(connection, project_id, may)
    thread = threading.Thread(target=ear.hear, name="apom-events", daemon=True)
    thread.start()
    try:
        yield ear.subscription
    finally:
        ear.close()
        thread.join(CLOSED_WITHIN_S)


class Ear:
    """Hears until it is closed."""

    def __init__(self, connection: Connection, project_id: UUID, may: Callable[[], object]) -> None:
        self.subscription = Subscription(project_id)
        self._project_id = project_id
        self._connection = connection
        self._may = may
        self._closed = threading.Event()
        self._socket = self._open()

    def _open(self) -> Socket:
        """Opened, and its hello heard: from then on all is told. Raises what `may` raises, and Unavailable."""
        self._may()
        socket = self._connection.listen(f"/api/projects/{self._project_id}/events")
        if socket.next(HELLO_WITHIN_S) is None:
            socket.close()
            self._may()
            raise Unavailable("The connection to {url} broke off.", url=self._connection.url)
        return socket

    def hear(self) -> None:
        """Offers every event."""
        while not self._closed.is_set():
            said = self._socket.next()
            if said is not None:
                self.subscription.offer(Event.model_validate_json(said, extra="ignore"))
            elif not self._closed.is_set():
                self._again()
        self._socket.close()

    def _again(self) -> None:
        """Opens it anew as soon as the server answers; gives up, aloud, when it refuses."""
        while not self._closed.is_set():
            try:
                self._socket = self._open()
            except Unavailable:
                self._closed.wait(AGAIN_S)
            except ApomError as error:
                self.subscription.fail(error)
                self._closed.set()
            else:
                self.subscription.offer(Event(type="hello", project_id=self._project_id))
                return

    def close(self) -> None:
        """From any thread."""
        self._closed.set()
        self._socket.close()
