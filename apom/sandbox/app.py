"""Kie's contract, spoken by the sandbox: HTTP 200 for refusals with the real code in the body, results as a JSON string.

Source: docs.kie.ai, as written down for the `kie` provider. Beside it `/_sandbox/…` for tests: counters and faults.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from apom.sandbox.tasks import SIZES, Tasks

PRICES = {"sandbox-image": 4.0, "sandbox-video": 12.0}
DURATIONS = (3, 4, 5)
UPLOAD_BYTES = 50 * 1024 * 1024
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass
class Manners:
    """How the sandbox behaves; tests change it. Times in seconds."""

    image_s: float
    video_s: float
    create_delay_s: float = 0.0
    rate_limit_next: int = 0


class Refusal(Exception):
    """An answer whose code is not 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def create_app(folder: Path, *, image_s: float = 1.5, video_s: float = 4.0) -> Starlette:
    """The application. `folder` keeps its tasks and files; no lifespan is needed."""
    sandbox = Sandbox(Tasks(folder), Manners(image_s=image_s, video_s=video_s))
    return Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", sandbox.create_task, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", sandbox.record_info),
            Route("/api/v1/chat/credit", sandbox.credit),
            Route("/api/file-stream-upload", sandbox.upload, methods=["POST"]),
            Route("/files/{name}", sandbox.file),
            Route("/_sandbox/stats", sandbox.stats),
            Route("/_sandbox/settings", sandbox.settings, methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused},
    )


def _refused(_: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal), "it is registered for nothing else"
    return JSONResponse({"code": refusal.code, "msg": refusal.message, "data": None})


def _answer(data: object) -> JSONResponse:
    return JSONResponse({"code": 200, "msg": "success", "data": data})


class Sandbox:
    """The endpoints."""

    def __init__(self, tasks: Tasks, manners: Manners) -> None:
        self.tasks = tasks
        self.manners = manners

    async def create_task(self, request: Request) -> Response:
        """Accepts a task, or refuses it in the body."""
        body = await _json(request)
        if self.manners.rate_limit_next > 0:
            self.manners.rate_limit_next -= 1
            raise Refusal(429, "Too many requests, try again later")
        model, given = body.get("model"), body.get("input")
        if model not in PRICES or not isinstance(given, dict):
            raise Refusal(422, "The model is not supported" if isinstance(given, dict) else "input is required")
        self._check(str(model), given)
        price = PRICES[str(model)]
        if await run_in_threadpool(self.tasks.balance) < price:
            raise Refusal(402, "Insufficient credits")
        prompt = str(given.get("prompt") or "")
        takes_s = self.manners.video_s if model == "sandbox-video" else self.manners.image_s
        takes_s *= 10 if "[slow]" in prompt else 1
        task = await run_in_threadpool(self.tasks.accept, str(model), given, price, takes_s, "[fail]" in prompt)
        await asyncio.sleep(self.manners.create_delay_s)
        return _answer({"taskId": task.id})

    def _check(self, model: str, given: dict[str, Any]) -> None:
        prompt, seed = given.get("prompt"), given.get("seed", 0)
        if model == "sandbox-image" and (not isinstance(prompt, str) or not prompt.strip()):
            raise Refusal(422, "prompt is required")
        if "[refuse]" in str(prompt):
            raise Refusal(422, "The prompt was flagged by the content policy")
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
            raise Refusal(422, "seed must be an integer from 0 to 2147483647")
        if given.get("aspect_ratio", "16:9") not in SIZES:
            raise Refusal(422, f"aspect_ratio must be one of {', '.join(SIZES)}")
        if given.get("resolution", "720p") not in ("720p", "1080p"):
            raise Refusal(422, "resolution must be 720p or 1080p")
        if model == "sandbox-video":
            given.setdefault("duration", DURATIONS[1])
            if given["duration"] not in DURATIONS:
                raise Refusal(422, "duration must be 3, 4 or 5")
            if self.tasks.path(str(given.get("image_url", "")).rsplit("/", 1)[-1]) is None:
                raise Refusal(422, "image_url must be a file that was uploaded here")

    async def record_info(self, request: Request) -> Response:
        """How far a task is."""
        task = await run_in_threadpool(self.tasks.find, request.query_params.get("taskId", ""))
        if task is None:
            raise Refusal(404, "The task does not exist")
        state = await run_in_threadpool(self.tasks.state, task)
        is_over = state in ("success", "fail")
        urls = {"resultUrls": [str(request.base_url) + f"files/{task.file}"]}
        return _answer(
            {
                "taskId": task.id,
                "model": task.model,
                "state": state,
                "param": json.dumps({"model": task.model, "input": task.input}, ensure_ascii=False),
                "resultJson": json.dumps(urls) if state == "success" else "",
                "failCode": "501" if state == "fail" else None,
                "failMsg": "The picture could not be drawn, as the prompt asked for" if state == "fail" else None,
                "creditsConsumed": task.price if state == "success" else 0,
                "createTime": int(task.at * 1000),
                "completeTime": int((task.at + task.takes_s) * 1000) if is_over else None,
            }
        )

    async def credit(self, _: Request) -> Response:
        """The play credits that are left."""
        return _answer(await run_in_threadpool(self.tasks.balance))

    async def upload(self, request: Request) -> Response:
        """Takes a picture in."""
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if file is None or isinstance(file, str):
                raise Refusal(400, "file is required")
            ending = ENDINGS.get(file.content_type or "")
            if ending is None:
                raise Refusal(422, "Only PNG, JPEG and WebP are taken")
            content = await file.read(UPLOAD_BYTES + 1)
        if len(content) > UPLOAD_BYTES:
            raise Refusal(422, "The file is larger than 50 MB")
        name = await run_in_threadpool(self.tasks.keep, content, ending)
        url = str(request.base_url) + f"files/{name}"
        data = {"fileName": name, "fileUrl": url, "downloadUrl": url, "fileSize": len(content)}
        return JSONResponse({"success": True, "code": 200, "msg": "success", "data": data})

    async def file(self, request: Request) -> Response:
        """An upload or a result."""
        path = await run_in_threadpool(self.tasks.path, request.path_params["name"])
        return Response(status_code=404) if path is None else FileResponse(path)

    async def stats(self, _: Request) -> Response:
        """What happened so far."""
        tasks = await run_in_threadpool(self.tasks.all)
        states = [self.tasks.state(task) for task in tasks]
        counts = {state: states.count(state) for state in sorted(set(states))}
        return JSONResponse({"submitted": len(tasks), "states": counts})

    async def settings(self, request: Request) -> Response:
        """Changes the manners."""
        for name, value in (await _json(request)).items():
            if not hasattr(self.manners, name) or not isinstance(value, int | float):
                raise Refusal(422, f"There is no setting {name}")
            setattr(self.manners, name, value)
        return _answer(None)


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise Refusal(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body is not an object")
    return body
