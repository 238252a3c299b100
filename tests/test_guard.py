"""What a provider answers does not reach into our own network: addresses, names that change their minds, redirects."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohappyeyeballs
import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from loopback import Loopback, answer, drips, hangs, raw, run
from test_providers_client import KEY, keyed

from apom import net
from apom.errors import Misconfigured, ProviderError, TooLarge
from apom.net import guard, light
from apom.net.guard import Guard, GuardedBackend, is_private_host, is_public, is_reachable
from apom.providers.client import Client

PUBLIC = "93.184.216.34"
NOWHERE = Guard()


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.1.2.3 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 169.254.1.1 100.64.0.1 100.100.100.200 0.0.0.0
    0.1.2.3 192.0.0.9 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1
    255.255.255.255 ::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
    64:ff9b:1::1 2002:7f00:1:: 2001::1 2001:db8::1 3fff::1 3fff:fff:ffff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
    fe80::1%eth0 fec0::1 ff02::1 100::1 localhost 127.1 2130706433 0x7f000001 0177.0.0.1""".split(),
)
def test_what_is_not_of_the_open_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::8a"])
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address) and is_reachable(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.9", "100.64.0.7", "fd12::1", "::1", PUBLIC])
def test_a_private_provider_may_be_in_a_private_network(address: str) -> None:
    assert is_reachable(address)


@pytest.mark.parametrize(
    "address",
    "169.254.169.254 169.254.3.4 fe80::1 fd00:ec2::254 100.100.100.200 0.0.0.0 :: 224.0.0.1 ff02::1 ::ffff:169.254.169.254"
    " nonsense".split(),
)
def test_what_a_private_provider_may_not_be(address: str) -> None:
    assert not is_reachable(address)


def test_a_private_host_is_told_by_its_name() -> None:
    for host in ("localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "comfy.lan", "gpu.local", "10.0.0.5", "a.internal"):
        assert is_private_host(host), host
    for host in ("api.kie.ai", PUBLIC, "localhost.example.com", "[2606:4700:4700::1111]"):
        assert not is_private_host(host), host


class Wire(httpcore.AsyncNetworkBackend):
    """Notes which address was called, and connects to a server of ours instead."""

    def __init__(self, port: int, dead: tuple[str, ...] = ()) -> None:
        self.port, self.dead, self.called = port, dead, []
        self._inner = httpcore.AnyIOBackend()

    def end(self, host: str, port: int) -> int:
        """The port here that stands for the one there. Raises ConnectError."""
        self.called.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("dead")
        return self.port

    async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        return await self._inner.connect_tcp("127.0.0.1", self.end(host, port), *rest, **more)

    async def start_connection(self, addr_infos: Sequence[Any], **_: Any) -> socket.socket:
        """The same for aiohttp: one address after the other."""
        for *_family, (host, port, *_more) in addr_infos:
            with contextlib.suppress(httpcore.ConnectError):
                return socket.create_connection(("127.0.0.1", self.end(host, port)))
        raise OSError("dead")


class Names:
    """A resolver that answers as it is told; a list of lists is answered in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **names: list[list[str]]) -> None:
        self.names, self.asked = {k.replace("_", "."): v for k, v in names.items()}, []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names:
            return self._real(host, port, *rest, **more)
        self.asked.append(name)
        answers = self.names[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found
        ]


@pytest.fixture(params=["httpx", "aiohttp"])
def carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Carrier:
    """What submissions go by, and what is free goes by."""
    global chosen
    chosen = Carrier(request.param == "aiohttp", monkeypatch)
    return chosen


@pytest.fixture
def server(carrier: Carrier) -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


@dataclass(frozen=True)
class Carrier:
    """A guarded transport, the one or the other; connections end at a wire. Certificates have a test of their own."""

    is_light: bool
    monkeypatch: pytest.MonkeyPatch

    def transport(self, allowed: Guard, wire: Wire | None) -> httpx.AsyncBaseTransport:
        if not self.is_light:
            limits = httpx.Limits(max_keepalive_connections=4)
            transport = guard.GuardedTransport(limits, allowed, wire)
            transport._pool._ssl_context = _nobody_looks()
            return transport
        found = light.LightTransport(connections=4, guard=allowed)
        found._session = light._session(4, allowed)
        connector: Any = found._session.connector
        connector._ssl = _nobody_looks()
        if wire is not None:
            self.monkeypatch.setattr(aiohappyeyeballs, "start_connection", wire.start_connection)
        return found


chosen: Carrier


def get(url: str, wire: Wire | None = None, allowed: Guard = NOWHERE, *, times: int = 1) -> Any:
    """What a guarded client answers; connections end at `wire`."""

    async def scenario() -> Any:
        async with httpx.AsyncClient(transport=chosen.transport(allowed, wire), trust_env=False) as http:
            for _ in range(times):
                answer = await net.send(http, net.Call(method="GET", url=url), admit=lambda _: net.NOTHING, timeout_s=5)
            return answer

    return run(scenario())


def test_a_connection_goes_to_the_address_that_was_looked_at(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, cdn_example=[[PUBLIC], ["127.0.0.1"]])
    server.on("GET", "/f", answer(b"abc"))
    wire = Wire(server.port)
    assert get("http://cdn.example/f", wire).content == b"abc"
    assert wire.called == [(PUBLIC, 80)] and names.asked == ["cdn.example"]
    assert server.seen[0].headers["host"] == "cdn.example"


def test_a_name_that_changes_its_mind_is_looked_at_again(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, cdn_example=[[PUBLIC], ["127.0.0.1"]])
    server.on("GET", "/f", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"))
    wire = Wire(server.port)
    with pytest.raises(Misconfigured, match=r"cdn\.example"):
        get("http://cdn.example/f", wire, times=2)
    assert wire.called == [(PUBLIC, 80)]


@pytest.mark.usefixtures("carrier")
@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], ["::1"], ["fe80::1"]])
def test_one_private_address_rules_out_a_name(monkeypatch: pytest.MonkeyPatch, found: list[str]) -> None:
    Names(monkeypatch, cdn_example=[found])
    wire = Wire(1)
    with pytest.raises(Misconfigured, match="private network"):
        get("https://cdn.example/f", wire)
    assert wire.called == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ],
)
def test_every_spelling_of_this_machine_is_refused(server: Loopback, host: str) -> None:
    with pytest.raises((Misconfigured, ProviderError)):
        get(f"http://{host}:{server.port}/f")
    assert server.connections == 0


@pytest.mark.usefixtures("carrier")
def test_a_name_that_is_not_known_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, cdn_example=[[]])
    wire = Wire(1)
    with pytest.raises(ProviderError) as caught:
        get("https://cdn.example/f", wire)
    assert caught.value.kind == "not_sent" and wire.called == []


def test_another_address_of_a_name_is_tried(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, cdn_example=[["2606:4700:4700::1111", PUBLIC]])
    server.on("GET", "/f", answer(b"abc"))
    wire = Wire(server.port, dead=("2606:4700:4700::1111",))
    assert get("http://cdn.example/f", wire).content == b"abc"
    assert [host for host, _ in wire.called] == ["2606:4700:4700::1111", PUBLIC]
    wire.dead = ("2606:4700:4700::1111", PUBLIC)
    with pytest.raises(ProviderError) as caught:
        get("http://cdn.example/f", wire)
    assert caught.value.kind == "not_sent"


def test_a_private_provider_is_reached_where_an_admin_allowed_it_and_nowhere_else(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("GET", "/f", answer(b"abc"))
    allowed = Guard(private=frozenset({("127.0.0.1", server.port), ("comfy.lan", 80)}))
    assert get(server.url + "/f", None, allowed).content == b"abc"
    with Loopback() as other, pytest.raises(Misconfigured):
        get(other.url + "/f", None, allowed)
    Names(monkeypatch, comfy_lan=[["169.254.169.254"]])
    with pytest.raises(Misconfigured):
        get("http://comfy.lan/f", Wire(server.port), allowed)


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(the server's, that of a client who trusts it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pem").write_bytes(pem + private)
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=pem.decode())
    ours.load_cert_chain(folder / "pem")
    return ours, theirs


def test_tls_speaks_of_the_name_and_not_of_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, cdn_example=[[PUBLIC]], other_example=[[PUBLIC]])
    ours, theirs = certificate(tmp_path, "cdn.example")
    asked: list[str | None] = []
    ours.sni_callback = lambda _, name, __: asked.append(name)

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def scenario() -> bytes:
        async with await asyncio.start_server(reply, "127.0.0.1", 0, ssl=ours) as served:
            wire = Wire(served.sockets[0].getsockname()[1])
            backend = GuardedBackend(Guard(), wire)
            async with httpcore.AsyncConnectionPool(ssl_context=theirs, network_backend=backend) as pool:
                found = await pool.request("GET", "https://cdn.example/f")
                with pytest.raises(httpcore.ConnectError, match="certificate"):
                    await pool.request("GET", "https://other.example/f")
                return found.content

    assert run(scenario()) == b"ok"
    assert asked == ["cdn.example", "other.example"]


# fetching a finished file


def fetch(
    server: Loopback, url: str, path: Path, wire: Wire, *, max_bytes: int = 10**7, deadline_s: float = 5.0, **more: Any
) -> int:
    """As the engine fetches it: the provider is at `server`, strangers' connections end at `wire`."""

    async def scenario() -> int:
        allowed = Guard(private=frozenset({("127.0.0.1", server.port)}))
        plain = {"follow_redirects": False, "trust_env": False, "headers": {"Accept-Encoding": "identity"}}
        async with httpx.AsyncClient(transport=chosen.transport(allowed, wire), **plain) as http:
            client = Client(
                keyed(fetch_with_key=True),
                general=http,
                submitter=http,
                secrets={"KIE_API_KEY": KEY},
                base_url=server.url,
                is_guarded=True,
                **more,
            )
            try:
                return await client.fetch(url, path, max_bytes=max_bytes, deadline_s=deadline_s)
            finally:
                await asyncio.sleep(0.02)  # TLS takes its leave

    return int(run(scenario()))


def _nobody_looks() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Stranger(Loopback):
    """A server of somebody else's, behind TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context

    async def _serve(self, started: Any) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        served = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self._context)
        started.set_result(served.sockets[0].getsockname()[1])
        await self._end.wait()
        served.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    (tmp_path / "tls").mkdir()
    Names(monkeypatch, cdn_example=[[PUBLIC]], inside_example=[["10.0.0.5"]])
    with Stranger(certificate(tmp_path / "tls", "cdn.example")[0]) as found:
        yield found


def test_a_file_comes_from_a_public_host_that_is_not_named_and_without_the_key(
    server: Loopback, stranger: Stranger, tmp_path: Path
) -> None:
    stranger.on("GET", "/f", answer(b"abc"))
    wire = Wire(stranger.port)
    assert fetch(server, "https://cdn.example/f?sig=x", tmp_path / "f", wire) == 3
    assert wire.called == [(PUBLIC, 443)]
    assert "authorization" not in stranger.seen[0].headers


def test_a_redirect_from_the_provider_to_a_stranger_takes_no_key_along(
    server: Loopback, stranger: Stranger, tmp_path: Path
) -> None:
    server.on("GET", "/f", answer("", 302, Location="https://cdn.example/g"))
    stranger.on("GET", "/g", answer(b"abc"))

    class Both(Wire):
        def end(self, host: str, port: int) -> int:
            return server.port if port == server.port else stranger.port

    assert fetch(server, "/f", tmp_path / "f", Both(0)) == 3
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in stranger.seen[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/f",  # not https
        "https://cdn.example:8443/f",  # another door of it
        "https://inside.example/f",  # a name for our own network
        "https://10.0.0.5/f",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/f",
        "https://2130706433/f",
        "file:///etc/passwd",
        "ftp://cdn.example/f",
        "https://me:pw@cdn.example/f",
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
def test_what_must_not_be_fetched_is_not(
    server: Loopback, stranger: Stranger, tmp_path: Path, url: str, redirected: bool
) -> None:
    first = "https://cdn.example/first" if redirected else url
    stranger.on("GET", "/first", answer("", 302, Location=url))
    wire = Wire(stranger.port)
    with pytest.raises((Misconfigured, ProviderError)):
        fetch(server, first, tmp_path / "f", wire)
    assert wire.called in ([], [(PUBLIC, 443)]) and stranger.count("GET", "/f") == 0
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(drips, ProviderError, id="drips"),
        pytest.param(hangs, ProviderError, id="hangs"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3 * 10**6), TooLarge, id="too long, unannounced"),
        pytest.param(answer(b"x" * 3 * 10**6), TooLarge, id="too long"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), ProviderError, id="short"),
        pytest.param(
            answer(gzip.compress(b"x" * 10**6), Content_Encoding="gzip"), (ProviderError, TooLarge), id="gzip"
        ),
        pytest.param(answer("", 302, Location="https://cdn.example/f"), ProviderError, id="round and round"),
        pytest.param(answer("no", 403), ProviderError, id="forbidden"),
    ],
)
def test_an_unkind_stranger_is_left_in_time(
    server: Loopback, stranger: Stranger, tmp_path: Path, reply: Any, error: Any
) -> None:
    stranger.on("GET", "/f", reply)
    began = time.monotonic()
    with pytest.raises(error):
        fetch(server, "https://cdn.example/f", tmp_path / "f", Wire(stranger.port), max_bytes=2 * 10**6, deadline_s=0.7)
    assert time.monotonic() - began < 5
    assert not (tmp_path / "f").exists()


def test_an_endless_file_ends(server: Loopback, stranger: Stranger, tmp_path: Path) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)  # so that the end of the connection is noticed

    stranger.on("GET", "/f", endless)
    with pytest.raises(TooLarge):
        fetch(server, "https://cdn.example/f", tmp_path / "f", Wire(stranger.port), max_bytes=10**6)


def test_a_client_without_a_guard_fetches_from_named_hosts_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        http = net.make_client(purpose="general")
        try:
            client = Client(
                keyed(), general=http, submitter=http, secrets={"KIE_API_KEY": KEY}, base_url="http://127.0.0.1:1"
            )
            await client.fetch("https://cdn.example/f", tmp_path / "f", max_bytes=1, deadline_s=1)
        finally:
            await http.aclose()

    with pytest.raises(Misconfigured, match="does not name"):
        run(scenario())
