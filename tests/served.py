"""A small application behind the real edge, in a process of its own: what the tests of `apom.server` talk to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from apom.config import Settings
from apom.models import Actor
from apom.server.identity import Sessions
from apom.server.launch import serve
from apom.server.throttle import ORDERS
from apom.server.wiring import Wiring

HERE = Path(__file__).parent
NAMES = UUID("8b4bf3b5-2f0e-4b61-9ba7-0bd7f2b2b9d3")


def person(name: str, device: str = "laptop") -> Actor:
    return Actor(user_id=uuid5(NAMES, name), username=name, session_id=uuid5(NAMES, name + device))


LIVE = {
    **{f"{name}-{n}": person(name, str(n)) for name in ("alice", "bob", "victor") for n in range(30)},
    "apom_pat_alice": Actor(user_id=uuid5(NAMES, "alice"), username="alice"),
}
MARKS: list[str] = []  # what pages and routes have done
SESSIONS = Sessions(LIVE.get)


def by_session(ref: str) -> Actor | None:
    return next((actor for actor in LIVE.values() if str(actor.session_id) == ref), None)


async def whoami(request: Request) -> Response:
    actor: Actor | None = request.state.actor
    trusted = {name: value for name, value in request.headers.items() if name.startswith("x-apom-")}
    return JSONResponse({"user": actor and actor.username, "address": request.state.address, "trusted": trusted})


async def marks(_: Request) -> Response:
    return JSONResponse(MARKS)


async def take(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


async def login(request: Request) -> Response:
    """What a form sends; the name is the token."""
    token = str((await request.form())["token"])
    answer = RedirectResponse(str(request.query_params["next"]), 303)
    answer.set_cookie("apom_session", token, httponly=True, samesite="lax")
    return answer


async def logout(request: Request) -> Response:
    """`?told=0` leaves the edge in the dark, as the end of a session by other ways does."""
    token = request.query_params["of"]
    LIVE.pop(token)
    if request.query_params.get("told", "1") == "1":
        SESSIONS.forget(token)
    return Response(status_code=204)


async def boom(_: Request) -> Response:
    raise RuntimeError("https://provider.example/?key=HUSH-IN-ERROR")


async def media(_: Request) -> Response:
    headers = {"content-security-policy": "sandbox", "cache-control": "private, immutable", "server": "mine"}
    return Response(b"x", media_type="image/webp", headers=headers)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    MARKS.append("started")
    yield


def main(data_dir: str) -> None:
    routes = [
        Route("/api/whoami", whoami),
        Route("/api/marks", marks),
        Route("/api/things", take, methods=["GET", "POST", "PUT", "DELETE"]),
        *(Route(f"/api/things{way}", take, methods=["POST"]) for way in ORDERS),
        Route("/api/uploads", take, methods=["POST"]),
        Route("/api/boom", boom),
        Route("/boom", boom),
        Route("/session/login", login, methods=["POST"]),
        Route("/session/logout", logout, methods=["POST"]),
        Route("/app/static/m/{name}", media),
        WebSocketRoute("/api/events", echo),
    ]
    wiring = Wiring(
        sessions=SESSIONS,
        resolve_session=by_session,
        lifespan=lifespan,
        routes=routes,
        uploads=re.compile("/api/uploads"),
        script=HERE / "served_dashboard.py",
    )
    serve(Settings(port=0, data_dir=Path(data_dir)), lambda _: wiring)


@dataclass
class Served:
    """A running process: where it is, what it has logged, and a client that is a page of its own."""

    url: str
    log: list[str]
    process: subprocess.Popen[str]

    def client(self, token: str = "", **headers: str) -> httpx.Client:
        cookies = {"apom_session": token} if token else None
        home = {"sec-fetch-site": "same-origin"}
        return httpx.Client(base_url=self.url, headers=home | headers, cookies=cookies, trust_env=False, timeout=20)

    def marks(self) -> list[str]:
        with self.client("victor-29") as client:
            found: list[str] = client.get("/api/marks").json()
        return found

    def logout(self, token: str, *, told: bool = True) -> None:
        with self.client() as client:
            client.post("/session/logout", params={"of": token, "told": int(told)}).raise_for_status()


@contextmanager
def running(command: list[str], cwd: Path, **environment: str) -> Iterator[Served]:
    """Starts a server, waits until it says where it is, ends it."""
    env = (
        os.environ
        | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}", "APOM_DATA_DIR": str(cwd / "data")}
        | environment
    )
    with subprocess.Popen(command, cwd=cwd, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        server = Served("", [], process)
        try:
            for line in process.stderr:
                server.log.append(line)
                if found := re.search(r"apom is at (http://[\w.:]+)", line):
                    server.url = found[1]
                    break
            assert server.url, "".join(server.log)
            reader = threading.Thread(target=server.log.extend, args=(process.stderr,), daemon=True)
            reader.start()
            yield server
        finally:
            process.terminate()
            process.wait(15)
        reader.join(5)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """This application, in a process of its own."""
    code = f"import served; served.main({str(folder / 'data')!r})"
    with running([sys.executable, "-c", code], folder) as server:
        yield server
