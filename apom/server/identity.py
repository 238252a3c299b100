"""Who is asking: the token becomes an Actor once, here, for pages, REST, media and websockets alike.

Streamlit learns it through two headers that only we can set (`server.trustedUserHeaders` -> `st.user`), so a session of
Streamlit's belongs to one sign-in and cannot be resumed by another.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from apom.errors import ApomError
from apom.models import Actor
from apom.server.refusal import refuse
from apom.server.watch import SignIn, watched
from apom.tokens import PREFIX as API_TOKEN

T = TypeVar("T")

REMEMBERED_S = 2.0
REMEMBERED = 4096
LONGEST_TOKEN = 200
TRUSTED = "x-apom-"  # headers by this prefix are ours alone


def token_in(headers: Headers, cookie: str) -> str | None:
    """The bearer token, else the session cookie, else None. An API token is for programs and no cookie."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        token = cookie_value(headers, cookie)
        token = "" if token.startswith(API_TOKEN) else token
    token = token.strip()
    return token if 0 < len(token) <= LONGEST_TOKEN else None


def cookie_value(headers: Headers, name: str) -> str:
    """The first cookie of exactly this name, "" without one."""
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def cut(address: str, *, v4: int = 24, v6: int = 48) -> str:
    """An address cut to its network, which is all we keep of it; "" for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return str(ipaddress.ip_network((mapped, v4 if mapped.version == 4 else v6), strict=False))


def client(scope: Scope) -> str:
    """The peer's address, "" when there is none."""
    peer: tuple[str, int] | None = scope.get("client")
    return peer[0] if peer else ""


def address_of(scope: Scope) -> str:
    """The peer's address as one counts by: a whole one, of IPv6 its network."""
    return cut(client(scope), v4=32, v6=64)


@dataclass(frozen=True, kw_only=True)
class Lookup(Generic[T]):
    """One question to the store, and when it was asked (monotonic seconds)."""

    at: float
    found: asyncio.Task[T | None]


class Remembered(Generic[T]):
    """What is behind a token, asked at most every two seconds; many requests at once ask once.

    `resolve` may block: it runs in one of four threads of its own. Keys are hashes, so no token stays in memory.
    """

    def __init__(self, resolve: Callable[[str], T | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._resolve = resolve
        self._clock = clock
        self._lookups: dict[bytes, Lookup[T]] = {}
        self._threads = CapacityLimiter(4)

    async def found(self, token: str) -> T | None:
        """None for a token that is unknown or over. Raises what `resolve` raises."""
        key, now = _digest(token), self._clock()
        lookup = self._lookups.get(key)
        if lookup is None or now - lookup.at >= REMEMBERED_S:
            self._make_room(now)
            lookup = self._lookups[key] = Lookup(at=now, found=asyncio.create_task(self._ask(token)))
        return await asyncio.shield(lookup.found)

    def forget(self, token: str | None = None) -> None:
        """Asks anew next time, for one token or for all: call it whenever a session ends. From any thread."""
        if token is None:
            self._lookups.clear()
        else:
            self._lookups.pop(_digest(token), None)

    async def _ask(self, token: str) -> T | None:
        return await to_thread.run_sync(self._resolve, token, limiter=self._threads)

    def _make_room(self, now: float) -> None:
        if len(self._lookups) >= REMEMBERED:
            fresh = {key: lookup for key, lookup in self._lookups.items() if now - lookup.at < REMEMBERED_S}
            self._lookups = fresh if len(fresh) < REMEMBERED else {}


class Sessions(Remembered[Actor]):
    """Who is behind a token."""

    async def actor(self, token: str) -> Actor | None:
        """None for a token that is unknown or over. Raises what `resolve` raises."""
        return await self.found(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def introduced(scope: Scope, actor: Actor | None) -> Scope:
    """The scope as those behind us may trust it."""
    headers = MutableHeaders(raw=[(k, v) for k, v in scope["headers"] if not k.lower().startswith(TRUSTED.encode())])
    if actor is not None and actor.session_id is not None:
        headers[TRUSTED + "user"] = str(actor.user_id)
        headers[TRUSTED + "session"] = str(actor.session_id)
    elif headers.get("sec-websocket-protocol", "").startswith("streamlit"):
        _start_afresh(headers)
    state = {**scope.get("state", {}), "actor": actor, "address": cut(client(scope))}
    return {**scope, "headers": headers.raw, "state": state}


def _start_afresh(headers: MutableHeaders) -> None:
    """Takes out the Streamlit session to resume: nothing says that it was this visitor's (third entry of the list)."""
    offered = headers["sec-websocket-protocol"].split(",")
    headers["sec-websocket-protocol"] = ",".join(offered[:2])


class Identity:
    """Resolves the token and says who it is: `scope["state"]["actor"]` (None for nobody) and `["address"]`.

    When the store cannot say, the answer is 503: nobody is taken for somebody else, nor signed out.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions, cookie: str) -> None:
        self.app = app
        self._sessions = sessions
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        token = token_in(Headers(scope=scope), self._cookie)
        try:
            actor = await self._sessions.actor(token) if token else None
        except ApomError as error:
            return await refuse(scope, receive, send, HTTPStatus.SERVICE_UNAVAILABLE, error)
        if scope["type"] == "websocket" and token and actor:
            receive, send = watched(
                scope["path"], SignIn(ask=self._sessions.actor, token=token, actor=actor), receive, send
            )
        await self.app(introduced(scope, actor), receive, send)
