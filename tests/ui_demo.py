"""Every component with invented data, behind the real Content-Security-Policy: what test_components.py looks at.

By hand, from the checkout: `PYTHONPATH=.:tests python -m ui_demo`, then open `/?show=takes`.
"""

from __future__ import annotations

import asyncio
import colorsys
import io
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import streamlit as st
import uvicorn
from PIL import Image, ImageDraw, ImageFilter
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from apom.models import Status, Take
from apom.server.headers import SecurityHeaders, content_policy, script_hashes, security_headers, streamlit_index

LOG: list[Any] = []  # what reached Python
SOCKETS: set[WebSocket] = set()
REFUSED = 12  # the take whose marks are refused


@cache
def picture(seed: int, width: int = 640, height: int = 360) -> Image.Image:
    """A sun over hills: something a film could begin with."""
    rng = random.Random(seed)
    hue = rng.random()

    def colour(turn: float, s: float, v: float) -> tuple[int, ...]:
        return tuple(round(255 * x) for x in colorsys.hsv_to_rgb((hue + turn) % 1, s, v))

    sky, glow = np.array(colour(0, 0.55, 0.35)), np.array(colour(0.09, 0.45, 0.95))
    ramp = np.linspace(0, 1, height)[:, None, None] ** 1.4
    image = Image.fromarray(np.broadcast_to(sky + (glow - sky) * ramp, (height, width, 3)).astype("uint8"))
    draw = ImageDraw.Draw(image)
    x, y, r = rng.uniform(0.2, 0.8) * width, rng.uniform(0.4, 0.7) * height, height * rng.uniform(0.07, 0.15)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(0.12, 0.25, 1))
    image = image.filter(ImageFilter.GaussianBlur(2))
    draw = ImageDraw.Draw(image)
    for layer in range(3):
        level, step = height * (0.62 + 0.13 * layer), width / 9
        ridge = [(i * step, level + rng.uniform(-0.09, 0.07) * height) for i in range(10)]
        draw.polygon([(0, height), *ridge, (width, height)], fill=colour(0.02, 0.5, 0.34 - 0.1 * layer))
    return image


@cache
def clip(seed: int) -> bytes:
    """Two seconds of H.264, panning over the picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for i in range(24):
            frame = av.VideoFrame.from_image(picture(seed).crop((i * 5, 30, i * 5 + 480, 300)).resize((320, 180)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


@cache
def placeholder(seed: int) -> str:
    """A 16-px WebP as a data URI."""
    import base64

    file = io.BytesIO()
    picture(seed).resize((16, 9)).save(file, "WEBP", quality=40)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def media(request: Request) -> Response:
    seed, kind = int(request.path_params["seed"]), request.path_params["kind"]
    headers = {"cache-control": "private, max-age=3600, immutable"}
    if kind == "mp4":
        return Response(clip(seed), media_type="video/mp4", headers=headers)
    size = {"thumb": (640, 360), "tall": (900, 1200), "full": (1920, 1080)}[kind]
    file = io.BytesIO()
    picture(seed, *size).save(file, "WEBP", quality=82)
    return Response(file.getvalue(), media_type="image/webp", headers=headers)


async def log(request: Request) -> Response:
    """What reached Python since it was last asked for."""
    if request.method == "DELETE":
        LOG.clear()
        TAKES.marks.clear()
    return JSONResponse(LOG)


async def publish(request: Request) -> Response:
    for event in await request.json():
        for socket in list(SOCKETS):
            await socket.send_json(event)
    return JSONResponse({"listeners": len(SOCKETS)})


async def nothing_said(request: Request) -> Response:
    return JSONResponse({"items": [], "next": None} if request.url.path == "/api/comments" else [])


async def drop(_: Request) -> Response:
    for socket in list(SOCKETS):
        await socket.close(1012)
    return JSONResponse({})


async def events(socket: WebSocket) -> None:
    await socket.accept()
    SOCKETS.add(socket)
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, RuntimeError):
        SOCKETS.discard(socket)


class Takes:
    """The takes of the demo's boxes, newest first, and the part of the REST interface that the gallery uses."""

    def __init__(self) -> None:
        self.boxes: dict[str, dict[str, Take]] = {}
        self.marks: list[Any] = []  # every batch that came, in order

    def of(self, box: str) -> list[Take]:
        return sorted(self.boxes[box].values(), key=lambda take: (take.created_at, str(take.id)), reverse=True)

    async def page(self, request: Request) -> Response:
        asked = request.query_params
        found = [take for take in self.of(request.path_params["id"]) if matches(take, asked)]
        start, limit = int(asked.get("cursor", 0)), int(asked["limit"])
        end = start + limit
        items = [take.model_dump(mode="json") for take in found[start:end]]
        return JSONResponse({"items": items, "next": str(end) if end < len(found) else None})

    async def box(self, request: Request) -> Response:
        here = [take for take in self.of(request.path_params["id"]) if take.trashed_at is None]
        return JSONResponse({"assets_count": len(here)})

    async def some(self, request: Request) -> Response:
        wanted = request.query_params.getlist("id")
        found = [takes[id] for id in wanted for takes in self.boxes.values() if id in takes]
        return JSONResponse([take.model_dump(mode="json") for take in found])

    async def mark(self, request: Request) -> Response:
        marks = (await request.json())["marks"]
        self.marks.append(marks)
        takes, refused = [], []
        for mark in marks:
            id = mark["asset_id"]
            box = next(takes for takes in self.boxes.values() if id in takes)
            if box[id].number == REFUSED:
                refused.append({"asset_id": id, "code": "conflict", "detail": "A published round shows this take."})
                continue
            for other in box if mark.get("is_headliner") else ():
                box[other] = box[other].model_copy(update={"is_headliner": False})
            box[id] = box[id].model_copy(update=changes(mark))
            takes.append(box[id].model_dump(mode="json"))
        return JSONResponse({"takes": takes, "refused": refused})

    async def put(self, request: Request) -> Response:
        """A take comes, or changes: as a provider's answer would have it."""
        take = Take.model_validate(await request.json())
        self.boxes[str(take.box_id)][str(take.id)] = take
        event = {"type": "asset_status_changed", "box_id": str(take.box_id), "asset_id": str(take.id), "version": 1}
        for socket in () if "quiet" in request.query_params else list(SOCKETS):
            await socket.send_json(event)
        return JSONResponse({})

    async def told(self, request: Request) -> Response:
        return JSONResponse(self.marks)

    async def count(self, request: Request) -> Response:
        """The takes of the box with so many, newest first."""
        found = next(takes for takes in self.boxes.values() if len(takes) == int(request.path_params["n"]) + 5)
        return JSONResponse(
            [take.model_dump(mode="json", exclude=set(Take.model_computed_fields)) for take in found.values()]
        )

    async def delete(self, request: Request) -> Response:
        for takes in self.boxes.values():
            takes.pop(request.path_params["id"], None)
        return Response(status_code=204)

    async def cancel(self, request: Request) -> Response:
        id = request.path_params["id"]
        takes = next(takes for takes in self.boxes.values() if id in takes)
        takes[id] = takes[id].model_copy(update={"status": Status.CANCELLED})
        return JSONResponse(takes[id].model_dump(mode="json"))


def matches(take: Take, asked: Mapping[str, str]) -> bool:
    is_trash = asked.get("trashed") == "true"
    return (
        (take.trashed_at is not None) == is_trash
        and asked.get("asset_type", take.asset_type) == take.asset_type
        and take.rating >= int(asked.get("min_rating", 0))
        and (take.is_favorite or asked.get("favorites") != "true")
    )


def changes(mark: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in mark.items() if name not in ("asset_id", "trashed")}
    if "trashed" in mark:
        found["trashed_at"] = datetime.now(UTC) if mark["trashed"] else None
        found.setdefault("is_headliner", False)
    return found


TAKES = Takes()


async def session(request: Request) -> Response:
    body = await request.json()
    LOG.append(body)
    await asyncio.sleep(0)
    if body["password"] == "right":
        return Response(status_code=204)
    detail = "The name or the password is wrong. <img src=x onerror=alert(1)>"
    return JSONResponse({"detail": detail, "status": 401}, 401, media_type="application/problem+json")


def application() -> st.App:
    headers = security_headers(content_policy(script_hashes(streamlit_index())), is_https=False)
    return st.App(
        Path(__file__).with_name("ui_demo_page.py"),
        routes=[
            Route("/app/static/m/{kind}/{seed}", media),
            Route("/demo/log", log, methods=["GET", "DELETE"]),
            Route("/demo/publish", publish, methods=["POST"]),
            Route("/demo/drop", drop, methods=["POST"]),
            Route("/demo/marks", TAKES.told),
            Route("/demo/box/{n}", TAKES.count),
            Route("/demo/take", TAKES.put, methods=["POST"]),
            Route("/api/session", session, methods=["POST"]),
            Route("/api/boxes/{id}/assets", TAKES.page),
            Route("/api/boxes/{id}", TAKES.box),
            Route("/api/assets", TAKES.some),
            Route("/api/assets/marks", TAKES.mark, methods=["POST"]),
            Route("/api/assets/{id}", TAKES.delete, methods=["DELETE"]),
            Route("/api/assets/{id}/cancel", TAKES.cancel, methods=["POST"]),
            Route("/api/comments", nothing_said),
            Route("/api/projects/{id}/verdicts", nothing_said),
            WebSocketRoute("/api/projects/{id}/events", events),
        ],
        middleware=[Middleware(partial(SecurityHeaders, headers=headers))],
    )


def main(port: int = 8599) -> None:
    uvicorn.run(application(), host="127.0.0.1", port=port)


if __name__ == "__main__":
    import ui_demo

    ui_demo.main()
