"""A provider that costs next to nothing: Kie's contract as the sandbox speaks it, one fixed picture, and a log of when what
happened. `python -m benchmarks.provider photo` says where it is; besides a photo it has those of PICTURES.

A prompt says how long its picture takes, as `[2.35 s]`: whoever orders it knows, and many orders take as many times.
"""

from __future__ import annotations

import io
import json
import logging
import random
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import httpx
import uvicorn
from PIL import Image, ImageChops
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apom import testing

TAKES_S = re.compile(r"\[(\d+\.\d+) s\]")
TURNS = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180


@dataclass(kw_only=True)
class Task:
    """An order. Times in seconds since 1970, 0 for what did not happen yet: accepted, first heard to be ready, fetched."""

    prompt: str
    takes_s: float
    accepted: float
    noticed: float = 0.0
    fetched: float = 0.0
    polls: int = 0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A picture as a photo would be: slopes with grain. `grain`: a mask of the levels it takes, of 256."""

    size: tuple[int, int]
    grain: int
    format: str

    def draw(self) -> bytes:
        """The file."""
        width, height = self.size
        noise = random.Random(5).randbytes(width * height)
        grain = Image.frombytes("L", self.size, noise.translate(bytes(level & self.grain for level in range(256))))
        slope = Image.linear_gradient("L").resize(self.size)
        channels = [ImageChops.subtract(slope.transpose(turn), grain) for turn in TURNS]
        buffer = io.BytesIO()
        Image.merge("RGB", channels).save(buffer, self.format, quality=90, compress_level=1)
        return buffer.getvalue()


PICTURES = {
    "photo": Kind(size=(1280, 720), grain=0b1111, format="PNG"),  # 0.9 MB
    "small": Kind(size=(1280, 720), grain=0b1111, format="JPEG"),  # 0.2 MB
    "large": Kind(size=(3840, 2160), grain=0b1111111, format="PNG"),  # 20 MB
}


@contextmanager
def started(picture: str = "photo") -> Iterator[str]:
    """The provider as a process of its own; its URL."""
    running = testing.start(["-m", "benchmarks.provider", picture], r"provider (http\S+)", {})
    try:
        yield running.url
    finally:
        running.stop()


def log_of(url: str) -> Mapping[str, Task]:
    """What a provider noted, by prompt."""
    tasks = [Task(**task) for task in httpx.get(f"{url}/log", trust_env=False, timeout=20).json()]
    return {task.prompt: task for task in tasks}


class Provider:
    """Everything in memory."""

    def __init__(self, kind: Kind) -> None:
        self.tasks: dict[str, Task] = {}
        self._kind = kind
        self._picture = kind.draw()

    async def create_task(self, request: Request) -> Response:
        """Accepts everything."""
        prompt = str((await request.json())["input"]["prompt"])
        said, id = TAKES_S.search(prompt), uuid.uuid4().hex
        self.tasks[id] = Task(prompt=prompt, takes_s=float(said[1]) if said else 1.0, accepted=time.time())
        return _answer({"taskId": id})

    async def record_info(self, request: Request) -> Response:
        """Whether it is ready, and where the picture is then."""
        id = request.query_params["taskId"]
        task, now = self.tasks[id], time.time()
        task.polls += 1
        is_ready = now >= task.accepted + task.takes_s
        if is_ready:
            task.noticed = task.noticed or now
        urls = {"resultUrls": [f"{request.base_url}files/{id}"]}
        return _answer(
            {
                "taskId": id,
                "state": "success" if is_ready else "generating",
                "resultJson": json.dumps(urls) if is_ready else "",
                "creditsConsumed": 4 if is_ready else 0,
            }
        )

    async def file(self, request: Request) -> Response:
        """The one picture."""
        self.tasks[request.path_params["id"]].fetched = time.time()
        return Response(self._picture, media_type=f"image/{self._kind.format.lower()}")

    async def log(self, _: Request) -> Response:
        """Every task."""
        return JSONResponse([asdict(task) for task in self.tasks.values()])


def _answer(data: dict[str, object]) -> Response:
    return JSONResponse({"code": 200, "msg": "success", "data": data})


def main(picture: str) -> None:
    """Serves until it is told to stop."""
    provider = Provider(PICTURES[picture])
    app = Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", provider.create_task, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", provider.record_info),
            Route("/files/{id}", provider.file),
            Route("/log", provider.log),
        ]
    )
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # asyncio answers at once on no other (TCP_NODELAY)
        listener.bind(("127.0.0.1", 0))
        print(f"provider http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        logging.disable(logging.INFO)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
