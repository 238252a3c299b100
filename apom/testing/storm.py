"""The sandbox behind a bad network: answers are lost, cut, late, garbled, refused; by seeded chance.

`python -m apom.testing.storm --folder DIR --storm '{"dropped_after": 0.1}'`: a process of its own, on this machine only.
What was accepted lies in DIR as with any sandbox. `GET /_chaos` tells how often each thing happened, a `POST` there
begins another storm.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import socket
import struct
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from apom import net
from apom.errors import ProviderError
from apom.sandbox import order
from apom.sandbox.app import create_app

SMALL = (64, 36)  # pixels: what is drawn matters to nobody, and costs a hundredth
CREATE, INFO, FILES = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo", "/files/"
GATEWAY = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>nginx</body></html>"
SHAPES: tuple[bytes, ...] = (
    b"[]",
    b'"ok"',
    b"{}",
    b'{"code":200}',
    b'{"code":200,"data":null}',
    b'{"code":200,"data":[7]}',
)
CUT_SHAPE = b'{"code":200,"data":{"tas'


@dataclass(frozen=True, kw_only=True)
class Storm:
    """The share of requests, 0 to 1, to which each thing happens; `never` is one of the tasks."""

    dropped_before: float = 0.0  # the connection ends, and nothing was done
    reset_before: float = 0.0
    dropped_after: float = 0.0  # it was done, and the connection ends without an answer
    reset_after: float = 0.0
    cut: float = 0.0  # the answer begins, and ends in its middle
    late: float = 0.0  # it is done, and answered after `late_s`
    busy: float = 0.0  # 429 with a Retry-After of a second, as a number or as a date
    gateway: float = 0.0  # a page of HTML with 502, and nothing was done
    gateway_after: float = 0.0  # a page of HTML with 504, and it was done
    broken: float = 0.0  # half of the JSON, or of the file, as if it were all
    misshapen: float = 0.0  # another JSON than was agreed; a page of HTML instead of a file
    mislabelled: float = 0.0  # the right answer with a wrong Content-Type
    dripping: float = 0.0  # the body comes bit by bit
    called_back: float = 0.0  # callbacks too early, twice, and about somebody else's task
    never: float = 0.0  # it never finishes
    late_s: float = 2.0

    @property
    def faults(self) -> dict[str, float]:
        """What can happen to any one request."""
        others = ("called_back", "never", "late_s")
        return {name: share for name, share in asdict(self).items() if name not in others}


ROUGH = Storm(
    dropped_before=0.02,
    reset_before=0.02,
    dropped_after=0.04,
    reset_after=0.03,
    cut=0.03,
    late=0.01,
    busy=0.03,
    gateway=0.04,
    gateway_after=0.03,
    broken=0.03,
    misshapen=0.03,
    mislabelled=0.03,
    dripping=0.03,
    called_back=0.3,
    late_s=3.0,
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer of the sandbox, before anything happens to it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def as_other(self, body: bytes, mime: bytes) -> Reply:
        """With another body."""
        headers = ((b"content-length", str(len(body)).encode()), (b"content-type", mime))
        return Reply(status=self.status, headers=headers, body=body)


class Wire(H11Protocol):
    """uvicorn's connection, handed to the application, which may cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        app = self.app

        async def wired(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "wire": transport}, receive, send)

        self.app = wired


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request on its way through the storm: what may happen to it is a method, named as in `Storm`."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    storm: Storm
    chance: random.Random

    async def acted(self) -> Reply:
        """What the sandbox answers: it is done now."""
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(self.scope, self.receive, keep)
        body = b"".join(message.get("body", b"") for message in said[1:])
        return Reply(status=said[0]["status"], headers=tuple(said[0]["headers"]), body=body)

    async def answer(self, reply: Reply) -> None:
        """The whole answer."""
        await self.send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        await self.send({"type": "http.response.body", "body": reply.body})

    async def cut_off(self, *, hard: bool) -> None:
        """The connection ends now; by a reset when `hard`."""
        wire: asyncio.Transport = self.scope["wire"]
        if hard:
            wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.abort()
        else:
            wire.close()
        while (await self.receive())["type"] != "http.disconnect":
            pass

    @property
    def is_file(self) -> bool:
        """Whether a result is fetched."""
        return str(self.scope["path"]).startswith(FILES)

    async def dropped_before(self) -> None:
        """The connection ends, and nothing was done."""
        await self.cut_off(hard=False)

    async def reset_before(self) -> None:
        """So too, by a reset."""
        await self.cut_off(hard=True)

    async def dropped_after(self) -> None:
        """It was done, and the connection ends without an answer."""
        await self.acted()
        await self.cut_off(hard=False)

    async def reset_after(self) -> None:
        """So too, by a reset."""
        await self.acted()
        await self.cut_off(hard=True)

    async def cut(self) -> None:
        """The answer begins, and ends in its middle."""
        reply = await self.acted()
        await self.send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        await self.send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        await self.cut_off(hard=False)

    async def late(self) -> None:
        """It is done, and answered when nobody may wait any more."""
        reply = await self.acted()
        await asyncio.sleep(self.storm.late_s)
        await self.answer(reply)

    async def busy(self) -> None:
        """429, with a Retry-After as a number or as a date."""
        now = datetime.now(UTC)
        wish = self.chance.choice(["1", format_datetime(now + timedelta(seconds=1), usegmt=True)])
        headers = {"Retry-After": wish, "Date": format_datetime(now, usegmt=True)}
        await JSONResponse({"code": 429, "msg": "too many"}, 429, headers)(self.scope, self.receive, self.send)

    async def gateway(self) -> None:
        """Whatever stands before the provider answers, and nothing was done."""
        await Response(GATEWAY.format(status="502 Bad Gateway"), 502, media_type="text/html")(
            self.scope, self.receive, self.send
        )

    async def gateway_after(self) -> None:
        """So too, and it was done."""
        await self.acted()
        await Response(GATEWAY.format(status="504 Gateway Time-out"), 504, media_type="text/html")(
            self.scope, self.receive, self.send
        )

    async def broken(self) -> None:
        """Half of it, as if it were all."""
        reply = await self.acted()
        half = reply.body[: len(reply.body) // 2]
        await self.answer(
            reply.as_other(half, b"image/png") if self.is_file else reply.as_other(CUT_SHAPE, b"application/json")
        )

    async def misshapen(self) -> None:
        """Another JSON than was agreed; a page of HTML instead of a file."""
        reply = await self.acted()
        page = reply.as_other(GATEWAY.format(status="Signed out").encode(), b"text/html")
        await self.answer(page if self.is_file else reply.as_other(self.chance.choice(SHAPES), b"application/json"))

    async def mislabelled(self) -> None:
        """The right answer with a wrong Content-Type."""
        reply = await self.acted()
        await self.answer(reply.as_other(reply.body, b"text/html"))

    async def dripping(self) -> None:
        """The body comes bit by bit."""
        reply = await self.acted()
        await self.send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        step = len(reply.body) // 8 + 1
        for at in range(0, len(reply.body), step):
            await asyncio.sleep(0.05)
            await self.send({"type": "http.response.body", "body": reply.body[at : at + step], "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})


class Chaos:
    """Stands before a sandbox. `/_sandbox/…`, for tests, is never touched."""

    def __init__(self, app: ASGIApp, storm: Storm, seed: int) -> None:
        self._app = app
        self._storm = storm
        self._chance = random.Random(seed)
        self._seen: Counter[str] = Counter()
        self._callers: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/_chaos":
            return await (await self._told(Request(scope, receive)))(scope, receive, send)
        if scope["type"] != "http" or path.startswith("/_sandbox"):
            return await self._app(scope, receive, send)
        if path == CREATE:
            receive = await self._heard(scope, receive)
        fault = self._fault()
        self._seen[fault or "well"] += 1
        exchange = Exchange(
            app=self._app, scope=scope, receive=receive, send=send, storm=self._storm, chance=self._chance
        )
        if fault:
            await getattr(exchange, fault)()
            return
        await exchange.answer(self._unfinished(scope, await exchange.acted()))

    async def _told(self, request: Request) -> Response:
        """How often each thing happened; by POST another storm begins."""
        if request.method == "POST":
            self._storm = Storm(**await request.json())
            self._seen.clear()
        return JSONResponse(dict(self._seen))

    def _fault(self) -> str:
        drawn = self._chance.random()
        for name, share in self._storm.faults.items():
            if drawn < share:
                return name
            drawn -= share
        return ""

    def _unfinished(self, scope: Scope, reply: Reply) -> Reply:
        """Some tasks are at work for ever."""
        task_id = parse_qs(scope["query_string"].decode()).get("taskId", ["f" * 8])[0]
        if scope["path"] != INFO or int(task_id[:8], 16) / 2**32 >= self._storm.never:
            return reply
        self._seen["never"] += 1
        body = json.dumps({"code": 200, "msg": "success", "data": {"taskId": task_id, "state": "generating"}})
        return reply.as_other(body.encode(), b"application/json")

    async def _heard(self, scope: Scope, receive: Receive) -> Receive:
        """Reads an order, for its callback's address, and hands it on unread."""
        body = await Request(scope, receive).body()
        try:
            url = json.loads(body).get("callBackUrl")
        except (ValueError, AttributeError):
            url = None
        if url and self._chance.random() < self._storm.called_back:
            self._seen["called_back"] += 1
            caller = asyncio.create_task(self._call_back(str(url)))
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        return again

    async def _call_back(self, url: str) -> None:
        """Too early, twice, and with a task that is nobody's."""
        client = net.make_client(purpose="submit")
        try:
            for wait_s, task_id in ((0.0, "f" * 32), (0.1, "f" * 32), (0.4, "")):
                await asyncio.sleep(wait_s)
                call = net.Call(method="POST", url=url, json={"code": 200, "data": {"taskId": task_id}})
                await net.send(client, call, admit=lambda _: net.NOTHING, timeout_s=5)
        except ProviderError:
            self._seen["callback unheard"] += 1
        finally:
            await client.aclose()


def main() -> None:
    """Says where it is in one line, then serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="apom.testing.storm", description="A sandbox behind a bad network.")
    parser.add_argument("--folder", type=Path, required=True, help="where its tasks and files lie")
    parser.add_argument("--storm", type=json.loads, default={}, help="what happens how often, as JSON")
    parser.add_argument("--seed", type=int, default=0, help="of the chance")
    parser.add_argument("--image-s", type=float, default=0.2, help="seconds for a picture")
    chosen = parser.parse_args()
    storm = Storm(**chosen.storm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has stopped
    order.SIZES.update(dict.fromkeys(order.SIZES, SMALL))
    sandbox = create_app(chosen.folder, image_s=chosen.image_s, video_s=chosen.image_s)
    app = Chaos(sandbox, storm, chosen.seed)
    config = uvicorn.Config(app, http=Wire, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(f"chaos http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
