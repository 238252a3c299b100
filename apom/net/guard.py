"""Connections only to addresses that were looked at: what a provider answers must not reach into our own network.

A name is resolved once, every address it has must be public, and the connection goes to the very address that was looked
at: a name that changes its mind in between (rebinding) gains nothing. TLS and the Host header still speak of the name.
It happens below httpx for each new connection, so each hop of a redirect is decided anew.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpcore
import httpx

from apom.errors import Misconfigured

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

TRIED = 4  # addresses of a name, at most
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (  # what `is_global` of Python 3.11 takes for public, and is not (IANA's special-purpose registries)
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64: an IPv4 address inside
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, long gone
    )
)
NEVER = tuple(  # clouds answer there with the machine's own credentials
    ipaddress.ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254")
)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """`private`: (host, port) that may lie in a private network, because an admin said so."""

    private: frozenset[tuple[str, int]] = frozenset()


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet; False for what is no address."""
    address = _address(text)
    return (
        address is not None
        and address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified)
        and not any(address in network for network in NOT_PUBLIC if network.version == address.version)
    )


def is_reachable(text: str) -> bool:
    """Whether an address is public or inside a private network; never one of link-local, multicast or metadata."""
    address = _address(text)
    if address is None or address in NEVER:
        return False
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return is_public(text) or address.is_private or address in ipaddress.ip_network("100.64.0.0/10")


def is_private_host(host: str) -> bool:
    """Whether a host lies, by its name alone, in a private network: a name has to be resolved to tell, an address not."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local", ".lan", ".internal", ".home.arpa")):
        return True
    return _address(name) is not None and not is_public(name)


def is_address(host: str) -> bool:
    """Whether a host is an address by itself, and no name."""
    return _address(host.strip("[]")) is not None


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


async def looked_at(guard: Guard, host: str, port: int) -> list[str]:
    """What a host resolves to, each of them looked at: one that must not be called rules out all.

    Raises Misconfigured, and OSError when the name is not known.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # not to know is not to call
        raise OSError(str(error)) from None
    may_be_called = is_reachable if (host, port) in guard.private else is_public
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not addresses or not all(map(may_be_called, addresses)):
        raise Misconfigured(
            "A provider points to {host}, which lies in a private network, so it was not called. If the provider "
            "itself is there, an admin allows that on the Providers page.",
            host=host,
        )
    return addresses[:TRIED]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, looks, connects. `inner`: what makes the connection to an address."""

    def __init__(self, guard: Guard, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._guard = guard
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's interface)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Misconfigured for a host with an address that must not be called; httpcore's errors else."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await looked_at(self._guard, host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        each_s = None if timeout is None else timeout / len(addresses)
        failed: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, each_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None, "there is at least one address"
        raise failed

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's interface)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """No provider is there."""
        raise httpcore.ConnectError("a provider is not asked through a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """As the backend beneath."""
        await self._inner.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on a pool that asks the guard."""

    def __init__(self, limits: httpx.Limits, guard: Guard, backend: httpcore.AsyncNetworkBackend | None = None) -> None:
        super().__init__(trust_env=False, limits=limits)
        # httpx 0.28 offers no way to hand over a backend; requirements.txt keeps it below 0.29
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=GuardedBackend(guard, backend),
        )
