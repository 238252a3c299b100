"""How often: so that one visitor, signed in or not, cannot stall the others.

Streamlit runs the script once per websocket message, so a message is made to wait before Streamlit sees it: counting and
closing would be too late, sleeping in `receive()` leaves the sender's messages in its own socket.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apom.errors import TooMany
from apom.models import Actor
from apom.server.identity import client, cut
from apom.server.origin import SAFE_METHODS, is_hook
from apom.server.refusal import is_api, refuse

KEYS = 4096
# how the paths end that cost money
ORDERS = ("/generate", "/batches", "/retry", "/edit", "/continue", "/again", "/animate", "/regenerate")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`burst` at once, then `per_s` every second."""

    per_s: float
    burst: int


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one kind of visitor may do."""

    messages: Rate  # websocket messages
    reads: Rate
    writes: Rate
    generate: Rate = Rate(per_s=10 / 60, burst=10)


SIGNED_IN = Rates(messages=Rate(per_s=20, burst=40), reads=Rate(per_s=50, burst=100), writes=Rate(per_s=20, burst=40))
ANONYMOUS = Rates(messages=Rate(per_s=4, burst=10), reads=Rate(per_s=20, burst=100), writes=Rate(per_s=4, burst=20))
HOOKS = Rate(per_s=20, burst=200)  # a provider that finishes many at once, from one address
ANONYMOUS_SOCKETS = 20  # at once, from one address


class Meter:
    """A token bucket per key, kept as the time at which it is full again (the generic cell rate algorithm)."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = 1 / rate.per_s
        self._depth = rate.burst * self._spacing
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait_s(self, key: str) -> float:
        """Takes a token and says 0, or says after how many seconds there will be one."""
        return self._take(key, may_owe=False)

    def owed_s(self, key: str) -> float:
        """Takes a token in any case and says how many seconds it comes too early."""
        return self._take(key, may_owe=True)

    def _take(self, key: str, *, may_owe: bool) -> float:
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._spacing
        early = max(0.0, full_at - now - self._depth)
        if may_owe or early == 0:
            self._make_room(now)
            self._full_at[key] = full_at
        return early

    def _make_room(self, now: float) -> None:
        if len(self._full_at) >= KEYS:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}


class Meters:
    """One set of meters for one kind of visitor."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self._reads = Meter(rates.reads)
        self._writes = Meter(rates.writes)
        self._generate = Meter(rates.generate)
        self.messages = Meter(rates.messages)

    def wait_s(self, scope: Scope, key: str) -> float:
        """How long a REST request has to wait, 0 for not at all."""
        if scope["method"] in SAFE_METHODS:
            return self._reads.wait_s(key)
        if scope["path"].rstrip("/").endswith(ORDERS):
            return self._generate.wait_s(key) or self._writes.wait_s(key)
        return self._writes.wait_s(key)


class Throttle:
    """Paces websockets and answers 429 at `/api`: per sign-in, else per address.

    An anonymous socket has a pace of its own (an agency is one address); their number per address is limited instead.
    """

    def __init__(self, app: ASGIApp, *, signed_in: Rates = SIGNED_IN, anonymous: Rates = ANONYMOUS) -> None:
        self.app = app
        self._signed_in = Meters(signed_in)
        self._anonymous = Meters(anonymous)
        self._hooks = Meter(HOOKS)
        self._sockets: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        actor: Actor | None = scope["state"]["actor"]
        key = f"{actor.user_id}/{actor.session_id}" if actor else cut(client(scope), v4=32, v6=64)
        if scope["type"] == "http":
            meters = self._signed_in if actor else self._anonymous
            await self._http(meters, key, scope, receive, send)
        elif actor:
            await self.app(scope, paced(self._signed_in.messages, key, receive), send)
        else:
            await self._anonymous_socket(key, scope, receive, send)

    async def _http(self, meters: Meters, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        wait = meters.wait_s(scope, key) if is_api(scope) else self._hooks.wait_s(key) if is_hook(scope) else 0
        if wait == 0:
            return await self.app(scope, receive, send)
        error = TooMany("That was too often. Try again in {seconds} s.", retry_after_s=wait)
        headers = {"retry-after": str(math.ceil(wait))}
        await refuse(scope, receive, send, HTTPStatus.TOO_MANY_REQUESTS, error, headers)

    async def _anonymous_socket(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._sockets[key] >= ANONYMOUS_SOCKETS:
            error = TooMany("Too many windows are open from your network. Close some, or sign in.", retry_after_s=60)
            return await refuse(scope, receive, send, HTTPStatus.TOO_MANY_REQUESTS, error, {"retry-after": "60"})
        self._sockets[key] += 1
        try:
            await self.app(scope, paced(Meter(self._anonymous.rates.messages), "", receive), send)
        finally:
            self._sockets[key] -= 1
            if not self._sockets[key]:
                del self._sockets[key]


def paced(meter: Meter, key: str, receive: Receive) -> Receive:
    """`receive`, slowed down to the meter's rate."""

    async def receive_in_time() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            await asyncio.sleep(meter.owed_s(key))
        return message

    return receive_in_time
