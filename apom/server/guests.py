"""Who comes with a review link: its token becomes a cookie of its own on the first load, and leaves the address at once.

Nothing of it stays in the address bar, the history or a referrer: the answer to `/review?token=…` is another address.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs
from uuid import UUID

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apom.api.review_routes import COOKIE, cookie_name, new_pass
from apom.config import LIMITS, Settings
from apom.errors import ApomError
from apom.server.identity import LONGEST_TOKEN, Remembered, address_of, cookie_value
from apom.server.meters import Meter, Rate
from apom.server.refusal import refuse, too_often

PAGES = ("/", "/review")
REST = "/api/review/"
TRIED = 8  # cookies of so many links are looked at, to know a page's socket for a guest's
MISSES = Rate(per_s=20 / 60, burst=20)  # tokens and cookies that open nothing, from one address


def link_named(path: str) -> UUID | None:
    """The link that a path of its REST interface names."""
    try:
        return UUID(path.removeprefix(REST).partition("/")[0]) if path.startswith(REST) else None
    except ValueError:
        return None


class Guests:
    """Whether a request comes with a live link: asked at most every two seconds, and misses are counted by address."""

    def __init__(self, links: Remembered[UUID], settings: Settings) -> None:
        self._links = links
        self._settings = settings
        self._misses = Meter(MISSES)

    async def link(self, scope: Scope) -> UUID | None:
        """The live link whose cookie came along: the one that the path names, else any."""
        headers = Headers(scope=scope)
        if scope["path"].startswith(REST):
            named = link_named(scope["path"])
            values = [cookie_value(headers, cookie_name(self._settings, named))] if named else []
        else:
            pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
            values = [value for name, _, value in pairs if name.removeprefix("__Host-").startswith(COOKIE)][:TRIED]
        with suppress(ApomError):  # a store that cannot say: whoever answers the request will say so
            for value in values:
                if link := await self.of(value.partition(".")[0]):
                    return link
        return None

    async def of(self, token: str) -> UUID | None:
        """The live link behind a token."""
        return await self._links.found(token) if 0 < len(token) <= LONGEST_TOKEN else None

    def missed(self, scope: Scope) -> float:
        """One more miss from this address: the seconds to wait before the next is looked at, 0 for none."""
        return self._misses.wait_s(address_of(scope))


def token_in(scope: Scope) -> str | None:
    """The token in the address of a page, None for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in PAGES:
        return None
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return query["token"][0] if "token" in query else None


class Exchange:
    """Takes the token out of the address: a cookie, and `/review?r=…`; for one that opens nothing, `/review`."""

    def __init__(self, app: ASGIApp, *, guests: Guests, settings: Settings) -> None:
        self.app = app
        self._guests = guests
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = token_in(scope)
        if token is None:
            return await self.app(scope, receive, send)
        try:
            link = await self._guests.of(token)
        except ApomError as error:
            return await refuse(scope, receive, send, HTTPStatus.SERVICE_UNAVAILABLE, error)
        if link is None and (wait := self._guests.missed(scope)):
            return await too_often(wait, scope, receive, send)
        answer = RedirectResponse(f"/review?r={link.hex}" if link else "/review", HTTPStatus.SEE_OTHER)
        answer.headers["cache-control"] = "no-store"
        if link:
            self._keep(answer, link, token, scope)
        await answer(scope, receive, send)

    def _keep(self, answer: RedirectResponse, link: UUID, token: str, scope: Scope) -> None:
        name = cookie_name(self._settings, link)
        answer.set_cookie(
            name,
            new_pass(token, cookie_value(Headers(scope=scope), name)),
            max_age=LIMITS.link_days * 86_400,
            path="/",
            secure=self._settings.is_https,
            httponly=True,
            samesite="lax",
        )
