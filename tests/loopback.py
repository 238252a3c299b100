"""A real HTTP server on loopback that answers as it is told, the unkind ways of the network included."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that reached the server. `target`: its address as it stood in the first line."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


def raw(content: bytes, *, close: bool = True) -> Reply:
    """These bytes; then the connection ends, unless `close` is false."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if close:
            writer.close()

    return reply


def answer(body: bytes | str, status: int = 200, **headers: str) -> Reply:
    content = body.encode() if isinstance(body, str) else body
    lines = {"Content-Length": str(len(content)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(head.encode() + b"\r\n" + content, close=False)


def said(body: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return answer(json.dumps(body), status, Content_Type="application/json", **headers)


async def closes(writer: asyncio.StreamWriter) -> None:
    """The connection ends without an answer."""
    writer.close()


async def resets(writer: asyncio.StreamWriter) -> None:
    """The connection is reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hangs(writer: asyncio.StreamWriter) -> None:
    """No answer, ever."""
    await asyncio.Event().wait()


async def drips(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


class Loopback:
    """Answers by (method, path): the replies given to `on` in turn, the last one again and again. Else 404."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._replies: defaultdict[tuple[str, str], list[Reply]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._replies[method, path] = list(replies)

    def count(self, method: str, path: str) -> int:
        return sum((s.method, s.path) == (method, path) for s in self.seen)

    def __enter__(self) -> Loopback:
        started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        self.port = started.result(timeout=10)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(timeout=10)

    async def _serve(self, started: Future[int]) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        started.set_result(server.sockets[0].getsockname()[1])
        await self._end.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while not writer.is_closing():
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        self.seen.append(
            Seen(
                method=method,
                target=target,
                path=url.path,
                query=dict(parse_qsl(url.query)),
                headers=headers,
                body=body,
            )
        )
        replies = self._replies[method, url.path] or [answer("nothing here", 404)]
        await (replies.pop(0) if len(replies) > 1 else replies[0])(writer)


def run(scenario: Coroutine[Any, Any, Any]) -> Any:
    """A coroutine on a loop of its own."""
    return asyncio.run(scenario)


def refused_url() -> str:
    """An address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
