"""The way out to other machines: one factory of clients, one exchange, one download. httpx ends here, its errors too.

`apom.net.ours` is the way to a server of our own; `apom.net.guard` keeps the others out of our network.

A key never travels by itself: for every hop of a request `admit(url)` is asked, and answers with what this very address
may see of it, or raises.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote, urlencode

import httpx
from pydantic import JsonValue

from apom.config import LIMITS, MB
from apom.errors import Misconfigured, ProviderError, TooLarge, Unavailable
from apom.net.guard import Guard, GuardedTransport

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HttpClient: TypeAlias = httpx.AsyncClient
Origin: TypeAlias = tuple[str, str, int]
Mounts: TypeAlias = Mapping[str, httpx.AsyncBaseTransport]

REDIRECTS = 3
RETRY_AFTER_MOST_S = 3600.0
CONNECT_MOST_S = 10.0
SILENCE_MOST_S = 60.0
CHUNK = MB
CONNECTIONS = 64
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What one address may see of a key: headers, parameters of the address."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


NOTHING = Pass()
Admit: TypeAlias = Callable[[str], Pass]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A field of a multipart body: a file when it has a `filename`, else text."""

    name: str
    content: bytes
    filename: str | None = None
    mime: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it goes out, except for the key. `parts` make the body multipart, `json` makes it JSON, `content` is
    the body as it is.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: JsonValue = None
    parts: tuple[Part, ...] = ()
    content: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, read to the end. `headers` by lower-case name; `at`: when it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    at: datetime

    @property
    def retry_after_s(self) -> float | None:
        """The wish in Retry-After, 0 to 3600 seconds; a date is measured by the server's own clock if it told it."""
        wish = self.headers.get("retry-after", "").strip()
        if wish.isascii() and wish.isdigit():
            return min(float(wish), RETRY_AFTER_MOST_S)
        until, now = _date(wish), _date(self.headers.get("date", "")) or self.at
        return None if until is None else min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_MOST_S)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def in_process(apps: Mapping[str, ASGIApp]) -> Mounts:
    """ASGI applications that answer for an origin each, for `make_client`. An application's crash is a 500."""
    return {at: httpx.ASGITransport(app, raise_app_exceptions=False) for at, app in apps.items()}


def hush() -> None:
    """The library's logs carry whole URLs and cookies: a signed URL is a key, and so is a session."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def make_client(
    *, purpose: Literal["submit", "general"], mounts: Mounts | None = None, guard: Guard | None = None
) -> HttpClient:
    """A client for the loop that is running; close it with `aclose`.

    No proxy or .netrc from the environment, no cookies, no redirects, no retries. "submit" is for what costs money: it
    opens a connection for each request, because on one that is reused a POST may be lost after it was read (52 of 120
    at a server that closed idle connections). "general" is for what is free, see `apom.net.light`. `mounts`: see
    `in_process`. `guard`: see `apom.net.guard`.
    """
    hush()
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"Accept-Encoding": "identity", "User-Agent": "apom"},
        limits=limits,
        transport=_transport(purpose, limits, guard),
        mounts=mounts,
    )


def _transport(purpose: str, limits: httpx.Limits, guard: Guard | None) -> httpx.AsyncBaseTransport | None:
    """None for httpx's own."""
    if purpose == "submit":
        return None if guard is None else GuardedTransport(limits, guard)
    from apom.net.light import LightTransport

    return LightTransport(connections=CONNECTIONS, guard=guard)


def origin(url: str) -> Origin:
    """(scheme, host, port) as the client itself will read the address. Raises Misconfigured for one it must not call."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise Misconfigured("The provider gave an address that cannot be read.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise Misconfigured("The provider gave an address that is not a plain http or https address.")
    return parsed.scheme, parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80)


def joined(base: str, reference: str) -> str:
    """`reference` as an absolute address, seen from `base`. Raises Misconfigured."""
    try:
        return str(httpx.URL(base).join(reference))
    except httpx.InvalidURL:
        raise Misconfigured("The provider gave an address that cannot be read.") from None


def with_query(url: str, query: Mapping[str, str]) -> str:
    """`url` with these parameters added, percent-encoded."""
    if not query:
        return url
    return url + ("&" if "?" in url else "?") + urlencode(query, quote_via=quote)


def kind_of(status: int) -> str:
    """What an HTTP status alone says about a call that failed, as a kind of ProviderError.

    `unknown` is everything after which the request may still have been carried out.
    """
    known = {401: "auth", 402: "no_credit", 403: "auth", 408: "unknown", 429: "rate_limited"}
    return known.get(status, "rejected" if 400 <= status < 500 else "unknown")


async def send(
    client: HttpClient, call: Call, *, admit: Admit, timeout_s: float, max_bytes: int = LIMITS.answer_bytes
) -> Answer:
    """One exchange within `timeout_s` in all. A GET follows up to three redirects; nothing else is sent twice.

    Raises ProviderError: `not_sent` when no connection came about, `unknown` for whatever happens after that. An answer
    longer than `max_bytes` is `unknown` too.
    """
    try:
        async with asyncio.timeout(timeout_s), _exchange(client, call, admit, timeout_s) as response:
            content = bytearray()
            async for chunk in response.aiter_bytes(CHUNK):
                content += chunk
                if len(content) > max_bytes:
                    raise ProviderError("unknown", provider_message="The answer was too long.")
    except NOT_SENT as error:
        raise ProviderError("not_sent") from error
    except (httpx.RequestError, TimeoutError) as error:
        raise ProviderError("unknown") from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, content=bytes(content), at=datetime.now(UTC))


@asynccontextmanager
async def _exchange(client: HttpClient, call: Call, admit: Admit, timeout_s: float) -> AsyncIterator[httpx.Response]:
    """The answer, behind the redirects of a GET. Connecting gets less than the whole time, so that it fails as itself."""
    connect_s = min(timeout_s * 0.4, CONNECT_MOST_S)
    timeout = httpx.Timeout(min(timeout_s, SILENCE_MOST_S), connect=connect_s, pool=timeout_s * 0.1)
    url = call.url
    for _ in range(REDIRECTS + 1):
        passed = admit(url)
        request = client.build_request(
            call.method,
            with_query(url, passed.query),
            headers={**call.headers, **passed.headers},
            json=call.json,
            content=call.content,
            files=[(p.name, (p.filename, p.content, p.mime)) for p in call.parts] or None,
            timeout=timeout,
        )
        response = await client.send(request, stream=True)
        try:
            if call.method != "GET" or not response.has_redirect_location:
                yield response
                return
        finally:
            await response.aclose()
        url = joined(url, response.headers["location"])
    raise ProviderError("rejected", provider_message="It redirects more than three times.")


async def download(client: HttpClient, url: str, path: Path, *, max_bytes: int, deadline_s: float, admit: Admit) -> int:
    """The file behind `url`, written to `path`; answers with its bytes. After an error nothing is left at `path`.

    `deadline_s` bounds all of it, however slowly the bytes drip; a minute of silence ends it sooner. When it breaks off, it
    is gone on with from there, where the server says which version of the file it is (RFC 9110, 13.1.5 and 14.2).

    Raises TooLarge, Unavailable when the disk does not take it, Misconfigured from `admit`, and ProviderError:
    `transient` when it may work later (a short body too), else what the status says.
    """
    file = _Fetched(path=path, max_bytes=max_bytes)
    is_whole = False
    try:
        async with asyncio.timeout(deadline_s):
            while not is_whole:
                is_whole = await _go_on(client, url, file, deadline_s, admit)
    except (httpx.RequestError, TimeoutError) as error:
        raise ProviderError("transient") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Unavailable("The file cannot be written here: {reason}. Make room on the disk.", reason=reason) from error
    finally:
        if not is_whole:
            await asyncio.to_thread(path.unlink, missing_ok=True)
    return file.bytes


@dataclass(kw_only=True)
class _Fetched:
    """What is here of a file. `version`: the validator that the server gave, "" for none; `expected`: bytes in all."""

    path: Path
    max_bytes: int
    bytes: int = 0
    version: str = ""
    expected: int | None = None

    @property
    def rest(self) -> Mapping[str, str]:
        """The headers that ask for what is not here, of this very version."""
        return {"Range": f"bytes={self.bytes}-", "If-Range": self.version} if self.bytes else {}


async def _go_on(client: HttpClient, url: str, file: _Fetched, deadline_s: float, admit: Admit) -> bool:
    """One more exchange; whether the file is whole. What came to nothing, or cannot be gone on with, is raised."""
    before = file.bytes
    try:
        call = Call(method="GET", url=url, headers=file.rest)
        async with _exchange(client, call, admit, deadline_s) as response:
            _begin(response, file)
            await _write(response, file)
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        if file.bytes <= before or not file.version:
            raise
        return False
    if file.expected in (None, file.bytes):
        return True
    if file.bytes <= before or not file.version:
        raise ProviderError("transient", provider_message="The file came incomplete.")
    return False


def _begin(response: httpx.Response, file: _Fetched) -> None:
    """Where the body of this answer goes: behind what is here, or all of it anew. Raises ProviderError, TooLarge."""
    if response.status_code == 206 and file.bytes:
        start, total = _range(response.headers.get("content-range", ""))
        if start != file.bytes:
            raise ProviderError("transient", provider_message="Another part of the file came than was asked for.")
        file.expected = total
    else:
        file.bytes, file.expected = 0, _expected_bytes(response)
        etag = response.headers.get("etag", "")
        file.version = (etag if not etag.startswith("W/") else "") or response.headers.get("last-modified", "")
    if file.expected is not None and file.expected > file.max_bytes:
        raise _too_large(file.max_bytes)


def _range(text: str) -> tuple[int | None, int | None]:
    """(where it starts, bytes in all) of "bytes 100-199/200"; None for what is not said."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", text)
    if found is None:
        return None, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _expected_bytes(response: httpx.Response) -> int | None:
    """The announced length of a file that may be taken; None when it is not announced."""
    if response.status_code != 200:
        kind = kind_of(response.status_code)
        said = f"{response.status_code} {response.reason_phrase}".strip()
        raise ProviderError("transient" if kind == "unknown" else kind, provider_message=said)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProviderError("transient", provider_message="The file came compressed, which was not asked for.")
    announced = response.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() else None


async def _write(response: httpx.Response, fetched: _Fetched) -> None:
    """Writes off the loop: a slow disk must not hold up everybody."""
    file = await asyncio.to_thread(fetched.path.open, "ab" if fetched.bytes else "wb")
    try:
        async for chunk in response.aiter_raw():  # a size would keep back what has come when it breaks off
            if fetched.bytes + len(chunk) > fetched.max_bytes:
                raise _too_large(fetched.max_bytes)
            await asyncio.to_thread(file.write, chunk)
            fetched.bytes += len(chunk)
    finally:
        await asyncio.to_thread(file.close)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge("The provider's file is larger than {most} MB, the most that is taken in.", most=max_bytes // MB)
