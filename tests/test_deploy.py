"""Behind a real proxy with TLS, set up as docs/deploy.md says: pages, websockets, ranges, uploads, who is asking."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from test_guard import certificate
from websockets.sync.client import connect

from apom import testing
from apom.config import Settings, shipped
from apom.models import Box, Take, new_id
from apom.studio import Studio
from apom.testing import Running

PASSWORD = "seven tall ships at dawn"
NAME = "review.example.com"


def documented(kind: str, holding: str) -> str:
    """A block of the document."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", (shipped("docs") / "deploy.md").read_text("utf-8"), re.DOTALL)
    return next(block for block in blocks if holding in block)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(frozen=True)
class Outside:
    """Somebody outside: `https` asks through the proxy. `port`: the proxy's; `trusted`: whom they trust.

    `folder`: where the proxy writes; `app`: what stands behind it.
    """

    https: httpx.Client
    port: int
    trusted: ssl.SSLContext
    box: Box
    take: Take
    folder: Path
    app: Running


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def outside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The proxy's file of the document, with ports of ours and a certificate of ours in the place of Let's Encrypt's."""
    folder = tmp_path_factory.mktemp("deploy")
    port, inner = free_port(), free_port()
    _, trusted = certificate(folder, NAME)
    public = f"https://{NAME}:{port}"
    with Studio.open(Settings(data_dir=folder / "data", sandbox_image_s=0.1, public_url=public)) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        box = alice.create_box(alice.create_project("Lighthouse"), "Harbour")
        take = alice.wait(alice.generate(box, "a boat"), timeout_s=60)[0]
    command = PROXIES[request.param](folder, port, inner)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        testing.server(folder / "data", port=str(inner), public_url=public) as app,
        (folder / "said").open("wb") as said,
        subprocess.Popen(command, env=home, stdout=said, stderr=said) as proxy,
        httpx.Client(transport=Named(port, trusted), base_url=f"https://{NAME}:{port}", timeout=30) as https,
    ):
        try:
            listens(port)
            sign_in(https, port)
            yield Outside(https, port, trusted, box, take, folder, app)
        finally:
            proxy.terminate()


def caddy(folder: Path, port: int, inner: int) -> list[str]:
    site = documented("text", "reverse_proxy").replace("127.0.0.1:8501", f"127.0.0.1:{inner}")
    site = site.replace(f"{NAME} {{", f"{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/pem {folder}/pem", 1)
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}", "utf-8")
    return [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nginx(folder: Path, port: int, inner: int) -> list[str]:
    site = documented("nginx", "proxy_pass").replace("127.0.0.1:8501", f"127.0.0.1:{inner}")
    for there, here in (
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", f"{folder}/pem"),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", f"{folder}/pem"),
        ("/var/log/nginx/apom.log", f"{folder}/nginx.log"),
    ):
        assert there in site
        site = site.replace(there, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = f"daemon off;\nuser {getpass.getuser()};\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{\naccess_log {folder}/access.log;\n{paths}{site}}}\n", "utf-8")
    return [program("nginx"), "-e", f"{folder}/error.log", "-c", str(folder / "nginx.conf")]


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: make proxy"
    return found


PROXIES = {"caddy": caddy, "nginx": nginx}


def listens(port: int) -> None:
    """Until somebody does."""
    end = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < end, "the proxy does not come up"
            time.sleep(0.05)


def sign_in(https: httpx.Client, port: int, **headers: str) -> httpx.Response:
    body = {"username": "alice", "password": PASSWORD}
    answer = https.post("/api/session", json=body, headers={"Origin": f"https://{NAME}:{port}", **headers})
    assert answer.is_success, answer.text
    return answer


class Named(httpx.HTTPTransport):
    """The public name leads to the proxy on this machine."""

    def __init__(self, port: int, trusted: ssl.SSLContext) -> None:
        super().__init__(verify=trusted)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1", port=self._port)
        extensions = {**request.extensions, "sni_hostname": NAME}
        moved = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return super().handle_request(moved)


def test_a_page_comes_with_its_headers_and_a_cookie_for_https_alone(outside: Outside) -> None:
    answer = outside.https.get("/")
    assert answer.status_code == 200 and "content-security-policy" in answer.headers
    cookie = sign_in(outside.https, outside.port).headers["set-cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie


def test_scripts_come_packed(outside: Outside) -> None:
    scripts = re.findall(r"(?:src|href)=\"\./(static/js/[^\"]+\.js)", outside.https.get("/").text)
    answer = outside.https.get(f"/{scripts[0]}", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip", answer.headers


def test_a_part_of_a_file_comes_as_a_part(outside: Outside) -> None:
    assert outside.take.file_url is not None
    whole = outside.https.get(outside.take.file_url)
    part = outside.https.get(outside.take.file_url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert outside.https.get(outside.take.file_url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def test_events_arrive_by_websocket_while_a_file_is_uploaded(outside: Outside) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in outside.https.cookies.items())
    origin = f"https://{NAME}:{outside.port}"
    with (
        socket.create_connection(("127.0.0.1", outside.port)) as sock,
        connect(
            f"wss://{NAME}:{outside.port}/api/events",
            sock=sock,
            ssl=outside.trusted,
            server_hostname=NAME,
            origin=origin,
            additional_headers={"Cookie": cookie},
        ) as events,
    ):
        events.recv(timeout=20)
        headers = {"Origin": origin}
        ordered = outside.https.post(f"/api/boxes/{outside.box.id}/generate", json={"prompt": "x"}, headers=headers)
        assert ordered.status_code == 201, ordered.text
        assert json.loads(events.recv(timeout=20))["project_id"] == str(outside.box.project_id)


def test_what_a_visitor_says_of_their_address_does_not_count(outside: Outside) -> None:
    sign_in(outside.https, outside.port, **{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http"})
    assert {session["address"] for session in outside.https.get("/api/me/sessions").json()} <= {"127.0.0.0/24", ""}


def test_an_upload_arrives_while_it_is_sent(outside: Outside) -> None:
    """Its first half is there before the second was sent: no proxy collects files before it passes them on."""
    grain, file = Image.frombytes("RGB", (1200, 900), os.urandom(1200 * 900 * 3)), BytesIO()
    grain.save(file, "PNG")
    whole, path, seen = file.getvalue(), f"/api/uploads/{outside.box.id}/{new_id()}", 0
    inside = {"base_url": outside.https.base_url, "cookies": outside.https.cookies}
    with httpx.Client(transport=Named(outside.port, outside.trusted), **inside) as other:  # type: ignore[arg-type]

        def halves() -> Iterator[bytes]:
            nonlocal seen
            yield whole[: len(whole) // 2]
            end = time.monotonic() + 10
            while not seen and time.monotonic() < end:
                seen = other.get(path).json()["bytes"]
            yield whole[len(whole) // 2 :]

        headers = {"Origin": f"https://{NAME}:{outside.port}", "Content-Length": str(len(whole))}
        sent = outside.https.put(path, params={"name": "grain.png"}, content=halves(), headers=headers)
    assert sent.status_code == 201 and seen > 0, sent.text


def test_a_review_link_leaves_no_trace_in_a_log(outside: Outside) -> None:
    token = "t" * 43
    answer = outside.https.get("/review", params={"token": token}, follow_redirects=False)
    assert answer.headers["location"] == "/review"
    assert "Secure" in sign_in(outside.https, outside.port).headers["set-cookie"]
    written = [path for path in outside.folder.iterdir() if path.is_file()]
    assert written and not any(token.encode() in path.read_bytes() for path in written)
    assert not any(token in line for line in outside.app.said)
