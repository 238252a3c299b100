"""Publish and subscribe inside the process: what changed, by id. Published after the commit; readers read the store."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from apom.errors import ApomError
from apom.models import Event

BACKLOG = 256


class Subscription:
    """One reader on its own event loop. A reader that falls behind loses the oldest: every event says "look again".

    `project_ids`: whose events it hears; may be set anew. `user_id`: whose own events it hears, None for nobody's.
    """

    def __init__(self, *project_ids: UUID, user_id: UUID | None = None) -> None:
        self.project_ids = frozenset(project_ids)
        self.user_id = user_id
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | ApomError] = asyncio.Queue(BACKLOG)

    async def next(self) -> Event:
        """The next event. Raises what `fail` was given."""
        found = await self._queue.get()
        if isinstance(found, ApomError):
            raise found
        return found

    def _put(self, said: Event | ApomError) -> None:
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(said)

    def hears(self, event: Event) -> bool:
        """Whether it is for this reader: what is for one person goes to nobody else, whatever project it is of."""
        if event.user_id is not None:
            return event.user_id == self.user_id
        return event.project_id in self.project_ids

    def offer(self, event: Event) -> None:
        """From any thread; a reader whose loop has ended hears nothing."""
        self._say(event)

    def fail(self, error: ApomError) -> None:
        """Nothing more will come, and this is why. From any thread."""
        self._say(error)

    def _say(self, said: Event | ApomError) -> None:
        try:
            self._loop.call_soon_threadsafe(self._put, said)
        except RuntimeError:
            return


class Hub:
    """Who wants to hear of which project. `news`: set with every event, for who looks at the store now and then."""

    def __init__(self) -> None:
        self.news = threading.Event()
        self._lock = threading.Lock()
        self._versions = itertools.count(1)
        self._subscriptions: set[Subscription] = set()

    def publish(self, *events: Event) -> None:
        """To everybody who subscribed to the events' projects. Call it after the commit."""
        self.news.set()
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for event in events:
            numbered = event.model_copy(update={"version": next(self._versions)})
            for subscription in subscriptions:
                if subscription.hears(event):
                    subscription.offer(numbered)

    @contextmanager
    def subscribe(self, *project_ids: UUID, user_id: UUID | None = None) -> Iterator[Subscription]:
        """Events of these projects, and those for one person, from now on, for a coroutine of the running loop."""
        subscription = Subscription(*project_ids, user_id=user_id)
        with self._lock:
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def __len__(self) -> int:
        return len(self._subscriptions)
