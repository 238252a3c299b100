"""The edge over HTTP, against a real process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from served import Served, served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from ws_client import Tab

from apom.server.throttle import ORDERS

ADDRESSES = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("POST", "/", 405),
    ("GET", "/secret", 200),
    ("GET", "/review?token=x", 303),
    ("GET", "/no/such/page", 200),
    ("GET", "/favicon.png", 200),
    ("GET", "/static/js/nothing.js", 200),
    ("PUT", "/static/js/nothing.js", 405),
    ("GET", "/secret/", 301),
    ("GET", "/..%2f..%2fetc/passwd", 400),
    ("GET", "//evil.example/x", 400),
    ("GET", "/_stcore/health", 200),
    ("GET", "/_stcore/host-config", 200),
    ("POST", "/_stcore/health", 405),
    ("GET", "/deep/_stcore/health", 404),
    ("GET", "/_stcore/metrics", 404),
    ("GET", "/_stcore/metrics/", 404),
    ("POST", "/_stcore/agent/interact", 404),
    ("GET", "/_stcore/agent/openapi.json", 404),
    ("GET", "/auth/login", 404),
    ("PUT", "/_stcore/upload_file/a/b", 403),
    ("POST", "/_stcore/upload_file/a/b", 403),
    ("DELETE", "/_stcore/upload_file/a/b", 403),
    ("GET", "/media/0000.png", 404),
    ("GET", "/component/x/y.js", 404),
    ("GET", "/app/static/m/x.webp", 200),
    ("GET", "/api/whoami", 200),
    ("POST", "/api/whoami", 405),
    ("GET", "/api/boom", 500),
    ("GET", "/boom", 500),
    ("TRACE", "/api/things", 405),
]
FOREIGN = ["http://evil.example", "https://evil.example", "http://localhost:9", "http://127.0.0.1:6666", "null"]
BAD_HOSTS = ["evil.example", "localhost:9", "127.0.0.1", "", "null", "127.0.0.1.evil.example"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def check_headers(headers: httpx.Headers | Any) -> None:
    assert "script-src 'self' blob: 'sha256-" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(("method", "path", "status"), ADDRESSES)
def test_every_answer_carries_the_security_headers(server: Served, method: str, path: str, status: int) -> None:
    with server.client() as client:
        answer = client.request(method, server.url + path)
    assert answer.status_code == status
    if path.startswith("/app/static/m/"):
        assert answer.headers["content-security-policy"] == "sandbox"
        assert answer.headers["cache-control"] == "private, immutable"
        assert "server" not in answer.headers
    else:
        check_headers(answer.headers)
    assert (answer.headers.get("cache-control") == "no-store") == path.startswith(("/api/", "/review?"))


def test_streamlits_own_scripts_are_cached_for_long(server: Served) -> None:
    with server.client() as client:
        script = client.get("/").text.split('src="./')[1].split('"')[0]
        assert "immutable" in client.get("/" + script).headers["cache-control"]


def test_a_refused_websocket_carries_them_too(server: Served) -> None:
    for path, headers, status in [
        ("/_stcore/stream", {"Origin": "http://evil.example"}, 403),
        ("/no/such/socket", {}, 403),
        ("/api/no/such/socket", {}, 403),
    ]:
        with pytest.raises(InvalidStatus) as refused:
            Tab(server.url, headers=headers, path=path)
        assert refused.value.response.status_code == status
        check_headers(refused.value.response.headers)


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_another_name_is_misdirected(server: Served, host: str) -> None:
    with server.client() as client:
        answer = client.get("/api/whoami", headers={"host": host})
    assert answer.status_code == 421
    assert "does not answer to that name" in answer.json()["detail"]
    if host:
        with pytest.raises(InvalidStatus) as refused:
            Tab(server.url, headers={"Host": host, "Origin": f"http://{host}"})
        assert refused.value.response.status_code in (400, 421)  # 400: two Host lines


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_a_foreign_page_opens_no_websocket(server: Served, origin: str | None) -> None:
    for path in ("/_stcore/stream", "/api/events"):
        for token in ("", "alice-20"):
            with pytest.raises(InvalidStatus) as refused:
                Tab(server.url, token, headers={"Origin": origin}, path=path)
            assert refused.value.response.status_code == 403


def test_localhost_is_another_site_than_127_0_0_1(server: Served) -> None:
    port = server.url.rpartition(":")[2]
    with pytest.raises(InvalidStatus):
        Tab(server.url, headers={"Origin": f"http://localhost:{port}"})
    with Tab(f"http://localhost:{port}") as tab:
        assert "HOME" not in tab.run()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        *[({"origin": origin}, 403) for origin in FOREIGN],
        *[({"sec-fetch-site": site}, 403) for site in ("cross-site", "same-site", "")],
        ({"sec-fetch-site": "same-origin", "origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "OWN"}, 403),
        ({"authorization": "Bearer apom_pat_alice", "cookie": "a=b"}, 403),
        ({"authorization": "Bearer apom_pat_alice", "origin": "http://evil.example"}, 403),
        ({}, 403),
        ({"origin": "OWN"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),  # a form under no-referrer
        ({"sec-fetch-site": "none"}, 200),
        ({"authorization": "Bearer apom_pat_alice"}, 200),
    ],
)
def test_who_may_change_something(server: Served, headers: dict[str, str], status: int) -> None:
    sent = {name: value.replace("OWN", server.url) for name, value in headers.items()}
    for method in ("POST", "PUT", "DELETE"):
        answer = httpx.request(method, server.url + "/api/things", headers=sent, trust_env=False)
        assert answer.status_code == status, method


@pytest.mark.parametrize(("headers", "status"), [({"origin": origin}, 403) for origin in FOREIGN] + [({}, 200)])
def test_a_foreign_script_reads_nothing(server: Served, headers: dict[str, str], status: int) -> None:
    for path in ("/api/whoami", "/_stcore/health", "/"):
        assert httpx.get(server.url + path, headers=headers, trust_env=False).status_code == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_change_is_json_or_an_upload(server: Served, kind: str) -> None:
    with server.client("alice-1") as client:
        sent = {"content": b"{}", "headers": {"content-type": kind}}
        assert client.post("/api/things", **sent).status_code == 415
        assert client.post("/api/uploads", **sent).status_code == 200
        chunked = client.post("/api/things", content=iter([b"{}"]), headers={"content-type": kind})
        assert chunked.status_code == 415
        assert client.post("/api/things", json={}).status_code == 200
        assert client.delete("/api/things").status_code == 200


def test_who_is_who(server: Served) -> None:
    def seen(token: str = "", **headers: str) -> dict[str, Any]:
        with server.client(token, **headers) as client:
            answer: dict[str, Any] = client.get("/api/whoami").json()
        return answer

    nobody = {"user": None, "address": "127.0.0.0/24", "trusted": {}}
    assert seen() == nobody
    assert seen("forged") == nobody
    assert seen(**{"x-apom-user": "alice", "X-Apom-Session": "s"}) == nobody
    alice = seen("alice-2")
    assert alice["user"] == "alice"
    assert set(alice["trusted"]) == {"x-apom-user", "x-apom-session"}
    assert seen("alice-2", **{"x-apom-user": "bob"}) == alice
    assert seen(authorization="Bearer alice-2") == alice
    assert seen("bob-2", authorization="Bearer apom_pat_alice") == {**nobody, "user": "alice"}  # no page for programs


def test_only_people_who_are_signed_in_upload_to_streamlit(server: Served) -> None:
    """A visitor can make the XSRF cookie himself, so Streamlit would take it."""
    with Tab(server.url) as tab:
        tab.run()
        with server.client() as client:
            answer = client.put(f"/_stcore/upload_file/{tab.session}/1", files={"file": b"x" * 1000})
    assert answer.status_code == 403
    assert answer.text == "Sign in to upload files."


def test_a_long_body_is_cut_off(server: Served) -> None:
    with server.client("alice-3", **{"content-type": "application/json"}) as client:
        assert client.post("/api/things", content=b"x" * 1024 * 1024).json() == {"bytes": 1024 * 1024}
        assert client.post("/api/things", content=b"x" * (1024 * 1024 + 1)).status_code == 413
        assert client.post("/api/things", content=iter([b"x" * 65536] * 20)).status_code == 413


def statuses(client: httpx.Client, method: str, path: str, times: int) -> list[int]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: client.request(method, path).status_code, range(times)))


def test_too_often_is_429_and_only_for_this_session(server: Served) -> None:
    with server.client("bob-3") as bob, server.client("bob-4") as again, server.client("alice-4") as alice:
        assert 429 in statuses(bob, "DELETE", "/api/things", 120)
        refused = next(r for r in iter(lambda: bob.delete("/api/things"), None) if r.status_code == 429)
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["code"] == "too_many"
        assert again.delete("/api/things").status_code == 200
        assert alice.delete("/api/things").status_code == 200
        assert bob.get("/api/whoami").status_code == 200


def test_ten_orders_a_minute_by_whichever_way(server: Served) -> None:
    ways = [*ORDERS, "/generate", "/batches", "/generate"]
    with server.client("bob-5") as client:
        found = [client.post(f"/api/things{way}").status_code for way in ways[:11]]
    assert found == [200] * 10 + [429]


def test_the_pages_own_files_are_never_throttled(server: Served) -> None:
    with server.client() as client:
        assert set(statuses(client, "GET", "/_stcore/health", 400)) == {200}
        assert 429 in statuses(client, "GET", "/api/whoami", 400)


def test_one_address_holds_twenty_anonymous_sockets_and_any_number_of_members(server: Served) -> None:
    tabs = []
    try:
        with pytest.raises(InvalidStatus) as refused:
            for _ in range(40):
                tabs.append(Tab(server.url))
        assert refused.value.response.status_code == 429
        assert len(tabs) <= 20
        tabs.append(Tab(server.url, "victor-1"))
    finally:
        for tab in tabs:
            tab.socket.close()


def test_a_programs_socket_ends_with_its_token(server: Served) -> None:
    bearer = {"Authorization": "Bearer victor-2"}
    address = server.url.replace("http", "ws") + "/api/events"
    with connect(address, additional_headers=bearer, proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=20) == "hello"
        server.logout("victor-2")
        socket.send("still there?")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
    assert closed.value.rcvd and closed.value.rcvd.code == 1008


def test_what_the_log_never_says(server: Served) -> None:
    with server.client(authorization="Bearer HUSH-BEARER") as client:
        client.get("/boom", params={"token": "HUSH-QUERY"})
        client.get("/api/boom", params={"token": "HUSH-QUERY"}, headers={"cookie": "apom_session=HUSH-COOKIE"})
    with Tab(server.url, path="/_stcore/stream?token=HUSH-QUERY") as tab:
        tab.run(page="secret", query="token=HUSH-QUERY")
    log = "".join(server.log)
    assert "Traceback" in log
    assert "HUSH" not in log
