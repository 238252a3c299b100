"""How often: so that one visitor, signed in or not, cannot stall the others.

Streamlit runs the script once per websocket message, so a message is made to wait before Streamlit sees it: counting and
closing would be too late, sleeping in `receive()` leaves the sender's messages in its own socket.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apom.errors import TooMany
from apom.models import Actor
from apom.server.guests import REST, Guests
from apom.server.identity import address_of
from apom.server.meters import Meter, Rate
from apom.server.origin import SAFE_METHODS, is_hook
from apom.server.refusal import is_api, refuse, too_often

# how the paths end that cost money
ORDERS = ("/generate", "/batches", "/retry", "/edit", "/continue", "/again", "/animate", "/regenerate")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one kind of visitor may do."""

    messages: Rate  # websocket messages
    reads: Rate
    writes: Rate


SIGNED_IN = Rates(messages=Rate(per_s=20, burst=40), reads=Rate(per_s=50, burst=100), writes=Rate(per_s=20, burst=40))
ANONYMOUS = Rates(messages=Rate(per_s=4, burst=10), reads=Rate(per_s=20, burst=100), writes=Rate(per_s=4, burst=20))
# of one link from one address: an agency looks together
GUESTS = Rates(messages=Rate(per_s=4, burst=10), reads=Rate(per_s=100, burst=600), writes=Rate(per_s=10, burst=200))
HOOKS = Rate(per_s=20, burst=200)  # a provider that finishes many at once, from one address
ANONYMOUS_SOCKETS = 20  # at once, from one address
GUEST_SOCKETS = 200  # at once, of one link from one address: two for each window


class Meters:
    """One set of meters for one kind of visitor."""

    def __init__(self, rates: Rates, orders_a_minute: int) -> None:
        self.rates = rates
        self._reads = Meter(rates.reads)
        self._writes = Meter(rates.writes)
        self._orders = Meter(Rate(per_s=orders_a_minute / 60, burst=orders_a_minute))
        self.messages = Meter(rates.messages)

    def wait_s(self, scope: Scope, key: str) -> float:
        """How long a REST request has to wait, 0 for not at all."""
        if scope["method"] in SAFE_METHODS:
            return self._reads.wait_s(key)
        if scope["path"].rstrip("/").endswith(ORDERS):
            return self._orders.wait_s(key) or self._writes.wait_s(key)
        return self._writes.wait_s(key)


class Throttle:
    """Paces websockets and answers 429 at `/api`: per sign-in, else per review link and address, else per address.

    An anonymous socket has a pace of its own (an agency is one address); their number per address is limited instead.
    """

    def __init__(self, app: ASGIApp, *, guests: Guests, orders_a_minute: int) -> None:
        self.app = app
        self._guests = guests
        self._signed_in = Meters(SIGNED_IN, orders_a_minute)
        self._guests_meters = Meters(GUESTS, orders_a_minute)
        self._anonymous = Meters(ANONYMOUS, orders_a_minute)
        self._hooks = Meter(HOOKS)
        self._sockets: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        actor: Actor | None = scope["state"]["actor"]
        if scope["type"] == "http":
            await self._http(await self._wait_s(scope, actor), scope, receive, send)
        elif actor:
            await self.app(scope, paced(self._signed_in.messages, _key(actor), receive), send)
        else:
            await self._anonymous_socket(scope, receive, send)

    async def _wait_s(self, scope: Scope, actor: Actor | None) -> float:
        """How long this request has to wait, 0 for not at all."""
        address = address_of(scope)
        if not is_api(scope):
            return self._hooks.wait_s(address) if is_hook(scope) else 0
        if actor:
            return self._signed_in.wait_s(scope, _key(actor))
        if not scope["path"].startswith(REST):
            return self._anonymous.wait_s(scope, address)
        link = await self._guests.link(scope)
        if link is None:
            return self._guests.missed(scope)
        return self._guests_meters.wait_s(scope, f"{link}/{address}")

    async def _http(self, wait: float, scope: Scope, receive: Receive, send: Send) -> None:
        if wait == 0:
            return await self.app(scope, receive, send)
        await too_often(wait, scope, receive, send)

    async def _anonymous_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, link = address_of(scope), await self._guests.link(scope)
        key, most = (f"{link}/{address}", GUEST_SOCKETS) if link else (address, ANONYMOUS_SOCKETS)
        if self._sockets[key] >= most:
            error = TooMany("Too many windows are open from your network. Close some, or sign in.", retry_after_s=60)
            return await refuse(scope, receive, send, HTTPStatus.TOO_MANY_REQUESTS, error, {"retry-after": "60"})
        self._sockets[key] += 1
        try:
            await self.app(scope, paced(Meter(self._anonymous.rates.messages), "", receive), send)
        finally:
            self._sockets[key] -= 1
            if not self._sockets[key]:
                del self._sockets[key]


def _key(actor: Actor) -> str:
    return f"{actor.user_id}/{actor.session_id}"


def paced(meter: Meter, key: str, receive: Receive) -> Receive:
    """`receive`, slowed down to the meter's rate."""

    async def receive_in_time() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            await asyncio.sleep(meter.owed_s(key))
        return message

    return receive_in_time
