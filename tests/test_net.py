"""The way out: what was not sent, what may have been, and files that end when they should."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from loopback import Loopback, Reply, answer, closes, drips, hangs, raw, refused_url, resets, run, said
from starlette.types import Receive, Scope, Send

from apom import net
from apom.errors import Misconfigured, ProviderError, TooLarge, Unavailable
from apom.net import Answer, Call


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


@asynccontextmanager
async def client(purpose: str = "general", **more: object) -> AsyncIterator[net.HttpClient]:
    made = net.make_client(purpose=purpose, **more)
    try:
        yield made
    finally:
        await made.aclose()


@pytest.fixture(params=["submit", "general"])
def purpose(request: pytest.FixtureRequest) -> str:
    """Each kind of client has a transport of its own, and the rules hold for both."""
    return str(request.param)


def anybody(url: str) -> net.Pass:
    return net.NOTHING


def post(url: str, *, purpose: str = "submit", timeout_s: float = 5.0, times: int = 1) -> Answer:
    async def scenario() -> Answer:
        async with client(purpose) as http:
            for _ in range(times):
                answer = await net.send(
                    http, Call(method="POST", url=url, json={"a": 1}), admit=anybody, timeout_s=timeout_s
                )
            return answer

    return run(scenario())


def get(url: str, admit: net.Admit = anybody, *, purpose: str = "general") -> Answer:
    async def scenario() -> Answer:
        async with client(purpose) as http:
            return await net.send(http, Call(method="GET", url=url), admit=admit, timeout_s=5)

    return run(scenario())


def fetch(url: str, path: Path, *, purpose: str, max_bytes: int = 10_000_000, deadline_s: float = 5.0) -> int:
    async def scenario() -> int:
        async with client(purpose) as http:
            return await net.download(http, url, path, max_bytes=max_bytes, deadline_s=deadline_s, admit=anybody)

    return run(scenario())


def test_an_exchange_brings_status_headers_and_body(server: Loopback, purpose: str) -> None:
    server.on("POST", "/x", said({"b": 2}, 201, X_Thing="y"))
    got = post(server.url + "/x", purpose=purpose)
    assert (got.status, got.headers["x-thing"], got.content) == (201, "y", b'{"b": 2}')
    assert server.seen[0].json == {"a": 1}
    sent = {
        name: server.seen[0].headers.get(name) for name in ("content-type", "accept-encoding", "user-agent", "accept")
    }
    assert list(sent.values()) == ["application/json", "identity", "apom", "*/*"]


def test_files_and_fields_go_out_as_a_form(server: Loopback, purpose: str) -> None:
    async def scenario() -> Answer:
        async with client(purpose) as http:
            parts = (
                net.Part(name="f", content=b"\x00png", filename="a.png", mime="image/png"),
                net.Part(name="t", content=b"x"),
            )
            call = Call(method="POST", url=server.url + "/x", parts=parts)
            return await net.send(http, call, admit=anybody, timeout_s=5)

    server.on("POST", "/x", said({}))
    assert run(scenario()).status == 200
    assert b'name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x00png\r\n' in server.seen[0].body
    assert b'name="t"\r\n\r\nx\r\n' in server.seen[0].body


def test_nobody_listening_is_not_sent(purpose: str) -> None:
    with pytest.raises(ProviderError) as caught:
        post(refused_url() + "/x", purpose=purpose)
    assert caught.value.kind == "not_sent"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(closes, id="closed"),
        pytest.param(resets, id="reset"),
        pytest.param(hangs, id="silent"),
        pytest.param(drips, id="dripping"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), id="cut body"),
        pytest.param(raw(b"nonsense\r\n\r\n"), id="no HTTP"),
        pytest.param(answer(b"not gzip", Content_Encoding="gzip"), id="undecodable"),
        pytest.param(answer(b"x" * 2_000_000), id="too long"),
    ],
)
def test_whatever_happens_after_the_request_left_is_unknown_and_it_left_once(
    server: Loopback, reply: object, purpose: str
) -> None:
    server.on("POST", "/x", reply)
    with pytest.raises(ProviderError) as caught:
        post(server.url + "/x", timeout_s=0.5, purpose=purpose)
    assert caught.value.kind == "unknown"
    assert server.count("POST", "/x") == 1


def test_submissions_open_a_connection_each(server: Loopback, purpose: str) -> None:
    server.on("POST", "/x", said({}))
    post(server.url + "/x", purpose=purpose, times=3)
    assert server.connections == {"submit": 3, "general": 1}[purpose]


def test_what_finds_no_free_connection_is_not_sent(
    server: Loopback, purpose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> list[str]:
        async with client(purpose) as http:
            calls = [Call(method="POST", url=server.url + "/x")] * 2
            both = (net.send(http, call, admit=anybody, timeout_s=0.5) for call in calls)
            failed = await asyncio.gather(*both, return_exceptions=True)
            return [error.kind for error in failed if isinstance(error, ProviderError)]

    monkeypatch.setattr(net, "CONNECTIONS", 1)
    server.on("POST", "/x", hangs)
    assert sorted(run(scenario())) == ["not_sent", "unknown"]
    assert server.count("POST", "/x") == 1


@pytest.mark.parametrize(
    "target",
    [
        "/f%7Eile%41.png?sig=a%2Fb%3D%3D&e=%7e%2B+x&p=a%3Ab%2Cc",
        "/a%2fb?x=%c3%a9&y='z'",
        "/a//b/%2e%2e/c;v=1?",
        "/q?a=1;b=2&c=%26&&d",
    ],
)
def test_a_signed_address_goes_out_to_the_byte(server: Loopback, purpose: str, target: str) -> None:
    assert get(server.url + target + "#part", purpose=purpose).status == 404
    assert server.seen[0].target.rstrip("?") == target.rstrip("?")


def test_long_headers_are_taken(server: Loopback, purpose: str) -> None:
    server.on("GET", "/x", said({}, Set_Cookie="a" * 20_000, X_Long="b" * 20_000))
    assert len(get(server.url + "/x", purpose=purpose).headers["x-long"]) == 20_000


def test_a_post_follows_no_redirect(server: Loopback, purpose: str) -> None:
    server.on("POST", "/x", answer("", 307, Location="/y"))
    assert post(server.url + "/x", purpose=purpose).status == 307
    assert server.count("POST", "/y") == 0


def test_a_get_follows_three_redirects_and_not_four(server: Loopback, purpose: str) -> None:
    for here, there in ("ab", "bc", "cd", "de"):
        server.on("GET", f"/{here}", answer("", 302, Location=f"/{there}"))
    server.on("GET", "/e", said({"here": True}))
    assert get(server.url + "/b", purpose=purpose).content == b'{"here": true}'
    with pytest.raises(ProviderError, match="redirects"):
        get(server.url + "/a", purpose=purpose)


def test_every_hop_is_asked_what_it_may_see(server: Loopback, purpose: str) -> None:
    with Loopback() as other:
        server.on("GET", "/a", answer("", 302, Location=other.url + "/b"))
        other.on("GET", "/b", said({}))
        keyed = net.Pass(headers={"X-Key": "k"}, query={"key": "q k"})
        get(server.url + "/a", lambda url: keyed if url.startswith(server.url) else net.NOTHING, purpose=purpose)
        assert server.seen[0].headers["x-key"] == "k"
        assert server.seen[0].query == {"key": "q k"}
        assert "x-key" not in other.seen[0].headers
        assert other.seen[0].query == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_cookies_are_not_kept(server: Loopback, purpose: str, host: str) -> None:
    server.on("POST", "/x", said({}, Set_Cookie="sid=1; Path=/"))
    post(f"http://{host}:{server.port}/x", times=2, purpose=purpose)
    assert len(server.seen) == 2
    assert all("cookie" not in seen.headers for seen in server.seen)


def test_the_environment_names_no_proxy_and_no_password(
    server: Loopback, purpose: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, refused_url())
    server.on("POST", "/x", said({}))
    assert post(server.url + "/x", purpose=purpose).status == 200
    assert "authorization" not in server.seen[0].headers


def test_addresses_are_not_logged(server: Loopback, purpose: str, caplog: pytest.LogCaptureFixture) -> None:
    server.on("GET", "/x", said({}))
    with caplog.at_level(logging.DEBUG):
        get(server.url + "/x?signature=s3cret", purpose=purpose)
    assert "s3cret" not in caplog.text


def test_an_application_answers_in_place_of_an_origin(purpose: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/boom":
            raise RuntimeError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def scenario() -> list[Answer]:
        async with client(purpose, mounts=net.in_process({"http://inside.apom": app})) as http:
            calls = [Call(method="GET", url=f"http://inside.apom/{path}") for path in ("hello", "boom")]
            return [await net.send(http, call, admit=anybody, timeout_s=5) for call in calls]

    hello, boom = run(scenario())
    assert (hello.content, boom.status) == (b"/hello", 500)


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "999999"}, 3600),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": format_datetime(NOON.replace(second=30), usegmt=True)}, 30),
        ({"retry-after": format_datetime(NOON.replace(hour=9), usegmt=True)}, 0),
        # a server whose clock is an hour ahead of ours
        ({"retry-after": "Mon, 23 Nov 2026 13:00:20 GMT", "date": "Mon, 23 Nov 2026 13:00:00 GMT"}, 20),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(headers: dict[str, str], wait_s: float | None) -> None:
    assert Answer(status=429, headers=headers, content=b"", at=NOON).retry_after_s == wait_s


def test_a_file_is_written_whole(server: Loopback, purpose: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    server.on("GET", "/f", answer(content))
    assert fetch(server.url + "/f", tmp_path / "f", purpose=purpose) == len(content)
    assert (tmp_path / "f").read_bytes() == content
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("reply", "error", "kind"),
    [
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), ProviderError, "transient", id="short"),
        pytest.param(resets, ProviderError, "transient", id="reset"),
        pytest.param(drips, ProviderError, "transient", id="drip"),
        pytest.param(hangs, ProviderError, "transient", id="silent"),
        pytest.param(answer(gzip.compress(b"x"), Content_Encoding="gzip"), ProviderError, "transient", id="gzip"),
        pytest.param(answer("gone", 404), ProviderError, "rejected", id="404"),
        pytest.param(answer("busy", 503), ProviderError, "transient", id="503"),
        pytest.param(answer(b"x" * 2_000), TooLarge, "", id="announced too large"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000), TooLarge, "", id="too large, unannounced"),
    ],
)
def test_a_file_that_cannot_be_taken_leaves_nothing_behind(
    server: Loopback, purpose: str, tmp_path: Path, reply: object, error: type[Exception], kind: str
) -> None:
    server.on("GET", "/f", reply)
    most = 1_000_000 if kind else 1_000
    with pytest.raises(error) as caught:
        fetch(server.url + "/f", tmp_path / "f", purpose=purpose, max_bytes=most, deadline_s=0.5)
    assert getattr(caught.value, "kind", "") == kind
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_an_announced_length_is_taken(server: Loopback, purpose: str, tmp_path: Path) -> None:
    server.on("GET", "/f", raw(b"HTTP/1.1 200 OK\r\n\r\nabc"))
    assert fetch(server.url + "/f", tmp_path / "f", purpose=purpose) == 3


def test_a_disk_that_takes_nothing_says_so(server: Loopback, purpose: str, tmp_path: Path) -> None:
    server.on("GET", "/f", answer(b"abc"))
    with pytest.raises(Unavailable, match="cannot be written"):
        fetch(server.url + "/f", tmp_path / "missing" / "f", purpose=purpose)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.b/c",
        "file:///etc/passwd",
        "//a.b/c",
        "/c",
        "http://me:pw@a.b/",
        "http://",
        "http://[::1",
        "http://a.b:x/",
    ],
)
def test_what_is_not_a_plain_web_address_is_not_called(url: str) -> None:
    with pytest.raises(Misconfigured):
        net.origin(url)


def test_an_origin_is_read_as_the_client_reads_it() -> None:
    assert net.origin("HTTPS://API.Kie.ai/x?y") == ("https", "api.kie.ai", 443)
    assert net.origin("http://127.0.0.1:8188/view") == ("http", "127.0.0.1", 8188)


def test_a_large_file_goes_up_whole(server: Loopback, purpose: str) -> None:
    server.on("POST", "/up", said({}))
    content = bytes(range(256)) * 12_000  # 3 MB

    async def scenario() -> Answer:
        async with client(purpose) as http:
            part = net.Part(name="file", content=content, filename="a.png", mime="image/png")
            return await net.send(
                http, Call(method="POST", url=server.url + "/up", parts=(part,)), admit=anybody, timeout_s=5
            )

    assert run(scenario()).status == 200
    seen = server.seen[0]
    assert content in seen.body and seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(seen.headers["content-length"]) == len(seen.body)


WHOLE = bytes(range(256)) * 40


def part(status: int, content: bytes, said: int, **headers: str) -> Reply:
    """An answer that says it has `said` bytes, and breaks off some time after `content`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    whole = f"HTTP/1.1 {status} X\r\nContent-Length: {said}\r\n{lines}\r\n".encode() + content

    async def reply(writer: asyncio.StreamWriter) -> None:
        await raw(whole, close=False)(writer)
        await asyncio.sleep(0.05)  # what comes together with the end may be lost with it
        writer.close()

    return reply


def test_a_file_that_breaks_off_is_gone_on_with(server: Loopback, purpose: str, tmp_path: Path) -> None:
    ranges = [part(206, WHOLE[at : at + 4000], len(WHOLE) - at, Content_Range=f"bytes {at}-{len(WHOLE) - 1}/{len(WHOLE)}")
              for at in (4000, 8000)]  # fmt: skip
    server.on("GET", "/f", part(200, WHOLE[:4000], len(WHOLE), ETag='"v1"'), *ranges)
    assert fetch(server.url + "/f", tmp_path / "f", purpose=purpose) == len(WHOLE)
    assert (tmp_path / "f").read_bytes() == WHOLE
    asked = [(seen.headers.get("range"), seen.headers.get("if-range")) for seen in server.seen]
    assert asked == [(None, None), ("bytes=4000-", '"v1"'), ("bytes=8000-", '"v1"')]


def test_a_file_that_changed_meanwhile_begins_anew(server: Loopback, purpose: str, tmp_path: Path) -> None:
    date = "Mon, 23 Nov 2026 10:00:00 GMT"
    server.on(
        "GET", "/f", part(200, b"old", len(WHOLE), Last_Modified=date, ETag='W/"weak"'), answer(WHOLE, ETag='"v2"')
    )
    assert fetch(server.url + "/f", tmp_path / "f", purpose=purpose) == len(WHOLE)
    assert (tmp_path / "f").read_bytes() == WHOLE
    assert server.seen[1].headers["if-range"] == date


@pytest.mark.parametrize(
    "second",
    [
        part(206, b"x" * 10, 10, Content_Range="bytes 0-9/10240"),
        part(206, b"x" * 10, 10),
        part(206, b"", 0, Content_Range=f"bytes 4000-4000/{len(WHOLE)}"),
        answer("gone", 404),
        closes,
    ],
)
def test_what_does_not_go_on_leaves_nothing(server: Loopback, purpose: str, second: Reply, tmp_path: Path) -> None:
    server.on("GET", "/f", part(200, WHOLE[:4000], len(WHOLE), ETag='"v1"'), second)
    with pytest.raises(ProviderError):
        fetch(server.url + "/f", tmp_path / "f", purpose=purpose)
    assert server.count("GET", "/f") <= 3, "aiohttp asks once more where a connection ended without a word"
    assert list(tmp_path.iterdir()) == []


def test_a_rest_that_makes_it_too_large_is_refused(server: Loopback, purpose: str, tmp_path: Path) -> None:
    server.on(
        "GET",
        "/f",
        part(200, WHOLE[:4000], len(WHOLE), ETag='"v1"'),
        part(206, WHOLE[4000:], 10**9, Content_Range=f"bytes 4000-{10**9}/{10**9 + 1}"),
    )
    with pytest.raises(TooLarge):
        fetch(server.url + "/f", tmp_path / "f", purpose=purpose, max_bytes=len(WHOLE))
    assert list(tmp_path.iterdir()) == []
