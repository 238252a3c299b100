"""Twelve secrets are planted, and people work for a while: they are found nowhere but where they belong.

One real server, providers that echo whatever they are given, and then every place somebody else could look into: logs,
store, WAL, snapshot, export, answers of REST, frames of websockets, error pages, run.json, what a generation remembers.
"""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import httpx
import pytest
from databases import _free_port
from engine_room import until
from loopback import Loopback, Reply, answer, said
from media_samples import corner
from test_providers_service import CREATE, CREDIT, INFO, file
from websockets.sync.client import connect as listen
from ws_client import Tab

from apom import runfile, testing
from apom.client.operator import OperatorClient
from apom.errors import ApomError

PLANTED = (
    "stored key",
    "key in the environment",
    "key in a query",
    "key in a redirect",
    "signing secret",
    "key echoed in an error",
    "callback proof",
    "session cookie",
    "API token",
    "share token",
    "password",
    "database password",
)


def canary(name: str) -> str:
    return f"canary-{name}-{secrets.token_hex(12)}"


@dataclass
class Aviary:
    """What was planted, and everything that was seen of the server from outside."""

    birds: dict[str, str]
    seen: dict[str, list[str]] = field(default_factory=dict)

    def note(self, place: str, text: str | bytes) -> None:
        self.seen.setdefault(place, []).append(text if isinstance(text, str) else text.decode("latin-1"))

    def found(self) -> list[tuple[str, str]]:
        """(which canary, where)."""
        return sorted(
            {
                (name, place)
                for place, texts in self.seen.items()
                for name, bird in self.birds.items()
                for text in texts
                if any(shape in text for shape in shapes(bird))
            }
        )


def shapes(bird: str) -> set[str]:
    """A secret as it may lie somewhere: as it is, in a URL, in JSON, in Base64 at each of the three places."""
    inside = {base64.b64encode(b"x" * n + bird.encode())[4 * (n > 0) + 4 : -4].decode() for n in range(3)}
    return {bird, quote(bird, safe=""), json.dumps(bird)[1:-1], bird[: len(bird) * 3 // 4]} | inside


class Provider(Loopback):
    """Says what it is told by the last request it saw, as a careless provider does."""

    def echoes(self, method: str, path: str, status: int, code: int) -> None:
        async def reply(writer: Any) -> None:
            seen = self.seen[-1]
            token = seen.headers.get("authorization", "")
            message = f"not you: {token} {quote(token)} ?{seen.query} {seen.query.get('key', '')}"
            await said({"code": code, "msg": message}, status)(writer)

        self.on(method, path, reply)

    def success(self) -> Reply:
        result = json.dumps({"resultUrls": [f"{self.url}/f.png"]})
        return said({"code": 200, "data": {"taskId": "t1", "state": "success", "resultJson": result}})


AUTH = {
    "stored": {"type": "bearer", "secret": "STORED_API_KEY"},
    "outside": {"type": "bearer", "secret": "OUTSIDE_API_KEY"},
    "query": {"type": "query", "secret": "QUERY_API_KEY", "name": "key"},
    "redirect": {"type": "bearer", "secret": "REDIRECT_API_KEY"},
    "signed": {"type": "jwt_hs256", "secret": "SIGNED_SECRET_KEY", "issuer": "SIGNED_ACCESS_KEY"},
    "echo": {"type": "basic", "secret": "ECHO_API_KEY", "user": "me"},
}


class Scene:
    """An admin at work on a running server."""

    def __init__(self, app: testing.Running, data: Path, aviary: Aviary, providers: dict[str, Provider]) -> None:
        self.app, self.data, self.aviary, self.providers = app, data, aviary, providers
        self.http = httpx.Client(
            base_url=app.url, headers={"sec-fetch-site": "same-origin"}, trust_env=False, timeout=30
        )
        run = runfile.read(data)
        assert run is not None
        self.operator = OperatorClient(run.url, run.token)

    def ask(self, method: str, path: str, *, shows: bool = False, status: int | None = None, **more: Any) -> Any:
        """One request; its answer is noted unless it `shows` a secret once, as it should."""
        reply = self.http.request(method, path, **more)
        if not shows:
            self.aviary.note("HTTP answers", f"{reply.status_code} {reply.headers} {reply.text}")
        assert status is None or reply.status_code == status, reply.text
        return reply.json() if "json" in reply.headers.get("content-type", "") else reply.text

    def fails(self, act: Callable[[], object]) -> None:
        with pytest.raises(ApomError) as caught:
            act()
        self.aviary.note("command line", str(caught.value))

    def people(self) -> None:
        password = self.aviary.birds["password"]
        body = {"username": "ada", "password": password}
        self.ask("POST", "/api/users", json={**body, "nonsense": password}, status=422)
        self.ask("POST", "/api/users", json={**body, "signs_in": False}, status=201)
        self.ask("POST", "/api/session", json={**body, "password": password + "x"}, status=401)
        reply = self.http.post("/api/session", json=body)
        self.aviary.birds["session cookie"] = reply.cookies["apom_session"]
        made = self.ask("POST", "/api/me/tokens", json={"name": "script"}, shows=True)
        self.aviary.birds["API token"] = made["secret"]
        self.ask("GET", "/api/me/tokens", status=200)
        self.ask("GET", "/api/me/sessions", status=200)

    def keys(self) -> None:
        for slug, auth in AUTH.items():
            definition = file(id=slug, name=slug.title(), auth=auth, base_url=self.providers[slug].url)
            definition["result"]["auth"] = True
            body = {"definition": json.dumps(definition)}
            self.ask("PUT", f"/api/providers/{slug}/file", json=body, status=200)
            self.ask(
                "PUT", f"/api/providers/{slug}/address", json={"base_url": None, "may_be_private": True}, status=200
            )
        birds = self.aviary.birds
        for slug, bird in (
            ("stored", "stored key"),
            ("query", "key in a query"),
            ("redirect", "key in a redirect"),
            ("signed", "signing secret"),
            ("echo", "key echoed in an error"),
        ):
            name = AUTH[slug]["secret"]
            body = {"key": birds[bird], "name": name}
            self.ask("PUT", f"/api/providers/{slug}/key", json={**body, "nonsense": 1}, status=422)
            self.ask("PUT", f"/api/providers/{slug}/key", json={**body, "key": birds[bird] + " x"}, status=422)
            self.ask("PUT", f"/api/providers/{slug}/key", json=body, status=200)
        self.ask(
            "PUT", "/api/providers/signed/key", json={"key": "an-access-key-1", "name": "SIGNED_ACCESS_KEY"}, status=200
        )
        for slug in AUTH:
            self.ask(
                "POST", "/api/providers/dry-run", json={"model": f"{slug}/sandbox-image", "prompt": "x"}, status=200
            )
            self.ask("POST", f"/api/providers/{slug}/test", status=200 if slug == "stored" else 502)
        self.ask("GET", "/api/providers", status=200)

    def takes(self) -> None:
        project = self.ask("POST", "/api/projects", json={"name": "P"})["id"]
        box = self.ask("POST", f"/api/projects/{project}/boxes", json={"names": ["one"]})[0]["id"]
        cookie = {"Cookie": f"apom_session={self.aviary.birds['session cookie']}", "Origin": self.app.url}
        address = self.app.url.replace("http", "ws") + f"/api/projects/{project}/events"
        with listen(address, additional_headers=cookie, proxy=None) as socket:
            for slug in AUTH:
                order = {"prompt": "a boat", "model": f"{slug}/sandbox-image"}
                self.ask("POST", f"/api/boxes/{box}/generate", json=order, status=201)
            until(lambda: self._settled(box), timeout_s=60)
            while True:
                try:
                    self.aviary.note("websocket frames", socket.recv(timeout=0.5))
                except TimeoutError:
                    break
        for take in self.ask("GET", f"/api/boxes/{box}/assets")["items"]:
            self.ask("GET", f"/api/assets/{take['id']}", status=200)
        for path in ("/api/queue", "/api/providers/health", "/api/statement", f"/api/projects/{project}/spending"):
            self.ask("GET", path, status=200)
        link = self.ask("POST", f"/api/projects/{project}/links", json={"label": "client"}, shows=True)
        self.aviary.birds["share token"] = link["token"]
        self.pages(project, box)

    def _settled(self, box: str) -> bool:
        takes = {t["ai_model"].split("/")[0]: t["status"] for t in self.ask("GET", f"/api/boxes/{box}/assets")["items"]}
        redirected = self.providers["redirect"].count("GET", INFO) >= 3
        rest = {slug: status for slug, status in takes.items() if slug != "redirect"}
        return redirected and rest.pop("stored") == "COMPLETED" and set(rest.values()) == {"FAILED"}

    def pages(self, project: str, box: str) -> None:
        """What a browser shows, and what it gets where nothing is."""
        birds = self.aviary.birds
        with Tab(self.app.url, birds["session cookie"]) as tab:
            receive = tab.socket.recv

            def noting(timeout: float | None = None) -> Any:
                data = receive(timeout=timeout)
                self.aviary.note("websocket frames", data)
                return data

            tab.socket.recv = noting  # type: ignore[method-assign, assignment]
            for page, query in (("", ""), ("board", f"project={project}"), ("box", f"box={box}"), ("account", "")):
                tab.run(page=page, query=query)
        share, token = birds["share token"], birds["API token"]
        for path in (
            f"/review?token={share}",
            f"/r/{share}",
            f"/api/r/{share}",
            f"/api/nothing?token={token}&key={share}",
        ):
            reply = self.http.get(path)
            headers = [
                pair for pair in reply.headers.items() if pair[0] != "set-cookie"
            ]  # a link's cookie is its token's place
            self.aviary.note("error pages", f"{reply.status_code} {headers} {reply.text}")
        for header in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {token}x"}):
            reply = httpx.get(self.app.url + "/api/session", headers=header, trust_env=False)
            self.aviary.note("error pages", reply.text)

    def operators_work(self) -> None:
        url = f"postgresql://apom:{self.aviary.birds['database password']}@127.0.0.1:1/films?connect_timeout=1"
        self.fails(lambda: self.operator.copy_store(url))
        self.fails(lambda: self.operator.copy_store(url.replace("postgresql", "mysql")))
        self.operator.snapshot("copy")
        self.operator.copy_store(f"duckdb:///{self.data}/export.duckdb")
        self.aviary.note("command line", str(self.operator.providers()))


@pytest.fixture
def providers() -> Iterator[dict[str, Provider]]:
    with ExitStack() as stack:
        found = {slug: stack.enter_context(Provider()) for slug in AUTH}
        for slug, each in found.items():
            each.on("GET", CREDIT, said({"code": 200, "data": 5}))
            if slug != "stored":
                each.echoes("GET", CREDIT, 200, 401)
                each.echoes("POST", CREATE, 200, 422)
        picture = io.BytesIO()
        corner().save(picture, "PNG")
        stored, redirect = found["stored"], found["redirect"]
        stored.on("POST", CREATE, said({"code": 200, "data": {"taskId": "t1"}}))
        stored.on("GET", INFO, stored.success())
        stored.on("GET", "/f.png", answer(picture.getvalue()))
        redirect.on("POST", CREATE, said({"code": 200, "data": {"taskId": "t1"}}))
        yield found


def dumped(path: Path) -> str:
    """Every value of every table: a file may be compressed, and then bytes prove nothing."""
    with duckdb.connect(str(path), read_only=True) as db:
        tables = [row[0] for row in db.execute("select table_name from information_schema.tables").fetchall()]
        return "\n".join(str(row) for table in tables for row in db.execute(f'select * from "{table}"').fetchall())


def test_no_secret_leaves_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: dict[str, Provider]
) -> None:
    birds = {name: canary(name.replace(" ", "-")) for name in PLANTED}
    aviary = Aviary(birds=birds)
    monkeypatch.setenv("OUTSIDE_API_KEY", birds["key in the environment"])
    odd = said({"code": 200, "data": {"taskId": "t1", "state": f"odd {birds['key in a redirect']}"}})
    there = answer("", 302, Location=f"{providers['echo'].url}/steal?key={birds['key in a redirect']}")
    providers["redirect"].on("GET", INFO, odd, there)
    data, port = tmp_path / "data", _free_port()
    with testing.server(data, port=str(port), public_url=f"http://127.0.0.1:{port}") as app:
        scene = Scene(app, data, aviary, providers)
        with scene.http:
            scene.people()
            scene.keys()
            scene.takes()
        sent = json.loads(providers["stored"].seen[1].body)["callBackUrl"]
        proof = re.search(r"\.([0-9a-f]{64})$", sent)
        assert proof is not None
        birds["callback proof"] = proof[1]
        reply = httpx.post(sent, json={"code": 200, "data": {"taskId": "t1"}}, trust_env=False)
        aviary.note("HTTP answers", reply.text)
        scene.operators_work()
        for path in [*data.glob("apom.duckdb*"), data / "run.json"]:
            aviary.note(f"{path.name} while the server runs", path.read_bytes())
        assert app.stop() == 0
    aviary.note("logs", "".join(app.said))
    for path in sorted(data.rglob("*")):
        if path.is_file():
            aviary.note(str(path.relative_to(data)), path.read_bytes())
    for path in (data / "apom.duckdb", data / "snapshots" / "copy.duckdb", data / "export.duckdb"):
        aviary.note(f"rows of {path.name}", dumped(path))
    assert aviary.found() == []
    check_that_it_happened(aviary, providers, data)


def check_that_it_happened(aviary: Aviary, providers: dict[str, Provider], data: Path) -> None:
    """Each secret was in use, and what was looked through is what there is: else nothing would be proved."""
    birds = aviary.birds
    carried = {slug: str([(s.headers, s.query) for s in each.seen]) for slug, each in providers.items()}
    for slug, name in (
        ("stored", "stored key"),
        ("outside", "key in the environment"),
        ("query", "key in a query"),
        ("redirect", "key in a redirect"),
    ):
        assert birds[name] in carried[slug], name
    assert "eyJ" in carried["signed"] and "Basic " in carried["echo"]
    assert not any(seen.path == "/steal" for seen in providers["echo"].seen)
    rows = aviary.seen["rows of copy.duckdb"][0]
    assert rows.count("'v1.") == 6 and "***" in rows, "keys lie there sealed, echoes lie there masked"
    assert "callBackUrl" in rows, "requests are remembered"
    assert (data / "keys" / "providers.key").stat().st_mode & 0o077 == 0
    assert {
        "logs",
        "websocket frames",
        "error pages",
        "HTTP answers",
        "run.json while the server runs",
        "command line",
    } <= set(aviary.seen)
    assert any("not know" in text for text in aviary.seen["logs"]), "the log is the server's"
    planted = Aviary(
        birds={"x": birds["stored key"]}, seen={"here": [f"a {base64.b64encode(birds['stored key'].encode())!r}"]}
    )
    assert planted.found() == [("x", "here")], "the search finds what is there"
    assert len(birds) == len(PLANTED) == 12
