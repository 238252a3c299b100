"""The way to a server of our own, for programs that may wait: requests, files by stream, events by websocket.

httpx and websockets end here, their errors too. One connection is for any number of threads.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx
from pydantic import JsonValue
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from apom.errors import Misconfigured, Unavailable
from apom.net import CHUNK, CONNECT_MOST_S, NOT_SENT, hush

Params: TypeAlias = Mapping[str, str | int | float | bool | list[str]]

TAKING_IN_S = 600.0  # a long clip is read to its end before the answer comes
KEPT_S = 4.0  # an idle connection; the server closes its own after five
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)  # the connection, not the patience

_log = logging.getLogger("apom.net.ours")
_log.setLevel(logging.INFO)  # at DEBUG the library writes down the headers of its handshake, and the token in them


@dataclass(frozen=True, kw_only=True, repr=False)
class Reply:
    """What the server answered, secrets included. `headers` by lower-case name; `content` of a file is empty: it was
    written.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    cookies: Mapping[str, str]


def base(url: str) -> str:
    """The server's address: scheme, host and port of any address of its pages. Raises Misconfigured."""
    try:
        parsed = urlsplit(url.strip())
        port = parsed.port
    except ValueError:
        raise _unreadable() from None
    if parsed.scheme not in ("http", "https") or not parsed.hostname or parsed.username or parsed.password:
        raise _unreadable()
    host = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname
    usual = {"http": 80, "https": 443}[parsed.scheme]
    return f"{parsed.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _unreadable() -> Misconfigured:
    return Misconfigured("Give the address of the server as a browser shows it, for example http://127.0.0.1:8501")


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent there: https, or this very machine."""
    parsed = urlsplit(url)
    if parsed.scheme == "https" or parsed.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parsed.hostname or "").is_loopback
    except ValueError:
        return False


class Connection:
    """Requests to one server, over connections of which up to `kept` are kept for the next request.

    `token` goes with each of them and is shown nowhere. No proxy and no .netrc from the environment, no cookies, no
    redirects.
    """

    def __init__(self, url: str, *, token: str = "", timeout_s: float = 30.0, kept: int = 16) -> None:
        hush()
        self.url = base(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {"Origin": self.url}
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            base_url=self.url,
            headers={**self._headers, "Accept-Encoding": "identity", "User-Agent": "apom"},
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx.Limits(max_keepalive_connections=kept, keepalive_expiry=KEPT_S),
        )

    def close(self) -> None:
        """Ends the kept connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: JsonValue = None,
        timeout_s: float | None = None,
        is_safe: bool = False,
    ) -> Reply:
        """One exchange. `is_safe`: carried out twice it does no harm, so it is sent once more when a connection breaks.

        Raises Unavailable.
        """
        request = self._client.build_request(method, path, params=params, json=json, timeout=self._timeout(timeout_s))
        return self._sent(request, is_safe, lambda response: response.read())

    def send(self, path: str, content: bytes | Iterable[bytes], *, params: Params | None, is_safe: bool) -> Reply:
        """Bytes, by PUT; `is_safe` as for `ask`. Taking them in may need the time of a large picture. Raises Unavailable."""
        request = self._client.build_request(
            "PUT",
            path,
            params=params,
            content=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=self._timeout(TAKING_IN_S),
        )
        return self._sent(request, is_safe, lambda response: response.read())

    def fetch(self, path: str, target: Path, headers: Mapping[str, str]) -> Reply:
        """A file, by stream into `target`, which is only there when it is whole. Raises Unavailable."""
        request = self._client.build_request("GET", path, headers=headers, timeout=self._timeout(None))

        def write(response: httpx.Response) -> bytes:
            if response.status_code != HTTPStatus.OK:
                return response.read()
            _write(response, target)
            return b""

        return self._sent(request, True, write)

    def _timeout(self, timeout_s: float | None) -> httpx.Timeout:
        seconds = timeout_s or self._timeout_s
        return httpx.Timeout(seconds, connect=min(seconds, CONNECT_MOST_S))

    def _sent(self, request: httpx.Request, is_safe: bool, take: Callable[[httpx.Response], bytes]) -> Reply:
        if self._client.is_closed:
            raise Unavailable("This connection to {url} was closed. Connect again.", url=self.url)
        try:
            return self._exchange(request, take)
        except httpx.TransportError as error:
            if is_safe and isinstance(error, BROKEN):
                return self._sent(request, False, take)
            raise self._unavailable(error) from None

    def _exchange(self, request: httpx.Request, take: Callable[[httpx.Response], bytes]) -> Reply:
        response = self._client.send(request, stream=True)
        try:
            content = take(response)
        finally:
            response.close()
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            content=content,
            cookies=dict(response.cookies),
        )

    def _unavailable(self, error: httpx.TransportError) -> Unavailable:
        if isinstance(error, NOT_SENT):
            reason = str(error) or type(error).__name__
            return Unavailable(
                "The server at {url} does not answer: {reason}. Is it running?", url=self.url, reason=reason
            )
        return Unavailable(
            "The answer of {url} was lost. What you asked for may have been done: look before you ask again.",
            url=self.url,
        )

    def listen(self, path: str) -> Socket:
        """An open websocket. Raises Unavailable."""
        try:
            return Socket(
                connect(
                    self.url.replace("http", "ws", 1) + path,
                    additional_headers=self._headers,
                    user_agent_header="apom",
                    compression=None,
                    proxy=None,
                    open_timeout=CONNECT_MOST_S,
                    close_timeout=1,
                    logger=_log,
                )
            )
        except (OSError, InvalidHandshake) as error:
            raise Unavailable(
                "The server at {url} does not answer: {reason}. Is it running?", url=self.url, reason=error
            ) from None


class Socket:
    """What a websocket says, until either side closes it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self, within_s: float | None = None) -> str | None:
        """The next message, None after the last one, or when none came in time. Waits as long as it takes."""
        try:
            return self._socket.recv(within_s, decode=True)
        except (ConnectionClosed, TimeoutError):
            return None

    def close(self) -> None:
        """From any thread; whoever waits for a message gets None."""
        self._socket.close()


def _write(response: httpx.Response, target: Path) -> None:
    """Whole or not at all. Raises Unavailable when the disk does not take it."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            for chunk in response.iter_raw(CHUNK):
                file.write(chunk)
        part.replace(target)
    except OSError as error:
        raise Unavailable(
            "The file cannot be written here: {reason}. Make room on the disk.", reason=error.strerror or error
        ) from error
    finally:
        part.unlink(missing_ok=True)
