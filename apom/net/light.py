"""httpx's requests carried by aiohttp: a quarter of the processor time of httpx's own transport (0.5 for 2.0 ms a request).

For what is free alone: aiohttp sends a GET once more when the connection was closed before an answer, and nobody here
asks whether that was paid for. Every rule of `make_client` holds: no cookies, no proxies, no redirects, addresses to the
byte as they were given (signed ones break otherwise). httpx-aiohttp, which is the same idea, keeps cookies, writes
addresses anew and lets aiohttp's errors through (0.2.0).
"""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from apom.net.guard import Guard, is_address, looked_at

CHUNK = 256 * 1024
LONGEST_LINE = 64 * 1024  # of a header, as httpx takes them
PORTS = {"http": 80, "https": 443}
KEPT_S = 4.0  # an idle connection: many servers close theirs after five


class LightTransport(httpx.AsyncBaseTransport):
    """Belongs to the loop on which it is used first. `connections`: the most at once; `guard`: see `apom.net.guard`."""

    def __init__(self, *, connections: int, guard: Guard | None = None) -> None:
        self._connections = connections
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Up to the headers of the answer; the body comes by stream."""
        if self._session is None:
            self._session = _session(self._connections, self._guard)
        body = await request.aread()
        with _as_httpx():
            if self._guard is not None and is_address(request.url.host):  # aiohttp resolves names alone
                await looked_at(self._guard, request.url.host, request.url.port or PORTS[request.url.scheme])
            response = await self._session.request(
                request.method,
                _address(request.url),
                headers=request.headers.multi_items(),
                data=io.BytesIO(body) if body else None,  # bytes alone are written in one go, which holds up the loop
                allow_redirects=False,
                timeout=_timeout(request.extensions.get("timeout", {})),
            )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"reason_phrase": (response.reason or "").encode("latin-1", "replace")},
        )

    async def aclose(self) -> None:
        """Ends every connection."""
        if self._session is not None:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for chunk in self._response.content.iter_chunked(CHUNK):
                yield chunk

    async def aclose(self) -> None:
        self._response.close()  # one that was read to its end has given its connection back before


class GuardedResolver(AbstractResolver):
    """The addresses of a name that were looked at; the connection goes to one of these very addresses."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises Misconfigured, OSError."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await looked_at(self._guard, host, port)
        ]

    async def close(self) -> None:
        """Nothing is kept."""


def _session(connections: int, guard: Guard | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections,
            keepalive_timeout=KEPT_S,
            ssl=httpx.create_ssl_context(trust_env=False),
            resolver=GuardedResolver(guard) if guard else None,
            use_dns_cache=guard is None,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=CHUNK,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )


def _timeout(within: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    """aiohttp counts waiting for a connection and making one together."""
    wait_s, connect_s = within.get("pool"), within.get("connect")
    return aiohttp.ClientTimeout(
        connect=None if wait_s is None or connect_s is None else wait_s + connect_s,
        sock_connect=connect_s,
        sock_read=within.get("read"),
    )


def _address(url: httpx.URL) -> URL:
    """To the byte as httpx would send it, at the host that httpx has read."""
    path, _, query = url.raw_path.decode("ascii").partition("?")
    host = url.raw_host.decode("ascii")
    return URL.build(scheme=url.scheme, host=host, port=url.port, path=path, query_string=query, encoded=True)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """aiohttp's errors as httpx's. Only what failed before there was a connection says so."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.SocketTimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError) as error:
        raise httpx.RemoteProtocolError(str(error) or type(error).__name__) from error
