"""Kie's contract, spoken by the sandbox: HTTP 200 for refusals with the real code in the body, results as a JSON string.

Source: docs.kie.ai, as written down for the `kie` provider. Beside it `/_sandbox/…` for tests and demos: what happened
so far, and faults. Beyond Kie, as some providers have it: tasks are found by the customer's own id (`clientId`), an
`Idempotency-Key` is heeded, a task can be taken back, and `callBackUrl` is called in the end.

A prompt with `[fail]` fails in the end, `[refuse]` is refused, `[slow]` takes ten times as long.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from apom import net
from apom.errors import ApomError
from apom.sandbox.order import VIDEO, Refusal, read
from apom.sandbox.tasks import Task, Tasks

log = logging.getLogger(__name__)

UPLOAD = "/api/file-stream-upload"
CALLBACK_S = 10.0
UPLOAD_BYTES = 50 * 1024 * 1024
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
REFUSALS = {
    401: "You do not have access permissions",
    402: "Insufficient credits",
    404: "Not found",
    422: "Validation error",
    429: "Too many requests, try again later",
    455: "The service is under maintenance",
    500: "Server error",
    501: "Generation failed",
}


@dataclass
class Manners:
    """How the sandbox behaves; kept in memory, changed by `/_sandbox/settings`. Times in seconds."""

    image_s: float
    video_s: float
    create_delay_s: float = 0.0  # createTask accepts at once and answers so much later
    fail_rate: float = 0.0  # the share of tasks that fail in the end
    rate_limit_next: float = 0  # so many createTask are answered with 429
    drop_next: float = 0  # so many createTask are accepted, and the connection is cut within the answer
    refuse_with: float = 0  # a code that every createTask is answered with
    no_lookup: float = 0  # 1: tasks cannot be found by the customer's id
    no_cancel: float = 0  # 1: nothing can be taken back
    no_callback: float = 0  # 1: nobody is called

    def change(self, wishes: dict[str, JsonValue]) -> None:
        """Takes over what is named. Raises Refusal 422, and then changes nothing."""
        names = {field.name for field in fields(self)}
        for name, value in wishes.items():
            if name not in names or isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise Refusal(422, f"{name} is no setting, or its value no number from 0 on")
        if wishes.get("refuse_with", 0) not in (0, *REFUSALS):
            raise Refusal(422, f"refuse_with must be one of 0, {', '.join(map(str, REFUSALS))}")
        for name, value in wishes.items():
            setattr(self, name, value)

    def refuse(self) -> None:
        """Raises Refusal when the next createTask is to be refused."""
        if self.rate_limit_next >= 1:
            self.rate_limit_next -= 1
            raise Refusal(429, REFUSALS[429])
        if self.refuse_with:
            raise Refusal(int(self.refuse_with), REFUSALS[int(self.refuse_with)])

    def drops(self) -> bool:
        """Whether this answer gets lost."""
        if self.drop_next < 1:
            return False
        self.drop_next -= 1
        return True


class CutResponse(Response):
    """An answer that begins and never ends: the server closes the connection, as when a proxy dies on the way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def create_app(folder: Path, *, image_s: float = 1.5, video_s: float = 4.0) -> Starlette:
    """The application. `folder` keeps its tasks and files; no lifespan is needed. Times: of a picture, of a clip."""
    sandbox = Sandbox(Tasks(folder), Manners(image_s=image_s, video_s=video_s))
    return Starlette(
        routes=[
            Route("/api/v1/jobs/createTask", sandbox.create_task, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", sandbox.record_info),
            Route("/api/v1/jobs/byClientId", sandbox.by_client_id),
            Route("/api/v1/jobs/cancel", sandbox.cancel, methods=["POST"]),
            Route("/api/v1/chat/credit", sandbox.credit),
            Route(UPLOAD, sandbox.upload, methods=["POST"]),
            Route("/files/{name}", sandbox.file),
            Route("/_sandbox/stats", sandbox.stats),
            Route("/_sandbox/settings", sandbox.settings, methods=["POST"]),
        ],
        exception_handlers={Refusal: _refused},
    )


class Sandbox:
    """The endpoints. Those without `async` touch files, and are run in threads by Starlette."""

    def __init__(self, tasks: Tasks, manners: Manners) -> None:
        self.tasks = tasks
        self.manners = manners
        self._callers: set[asyncio.Task[None]] = set()

    async def create_task(self, request: Request) -> Response:
        """Accepts a task, or refuses it in the body."""
        body = await _object(request)
        self.manners.refuse()
        task = await run_in_threadpool(self._accepted, body, request.headers.get("idempotency-key", ""))
        self._call_back_later(task, body.get("callBackUrl"))
        await asyncio.sleep(self.manners.create_delay_s)
        return CutResponse() if self.manners.drops() else _answer({"taskId": task.id})

    def _accepted(self, body: dict[str, JsonValue], key: str) -> Task:
        again = self.tasks.of_client(key)
        if again is not None:
            return again
        model, given = body.get("model"), body.get("input")
        order = read(model, given)
        assert isinstance(given, dict), "the order was read from it"
        if order.source and self.tasks.path(order.source) is None:
            raise Refusal(422, "image_url must be a picture that was uploaded or made here")
        takes_s = self.manners.video_s if order.model == VIDEO else self.manners.image_s
        return self.tasks.accept(
            order.model,
            given,
            takes_s=takes_s * (10 if "[slow]" in order.prompt else 1),
            fail_rate=self.manners.fail_rate,
            client_id=key or str(body.get("clientId") or ""),
        )

    def _call_back_later(self, task: Task, url: JsonValue) -> None:
        if isinstance(url, str) and url and not self.manners.no_callback:
            caller = asyncio.create_task(self._call_back(task, url))
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)

    async def _call_back(self, task: Task, url: str) -> None:
        """One call when the task is over, answered or not. A restart forgets it: callbacks do get lost."""
        while True:
            await asyncio.sleep(max(0.05, task.at + task.takes_s - time.time()))
            known = await run_in_threadpool(self.tasks.find, task.id)
            if known is None or await run_in_threadpool(self.tasks.state, known) in ("success", "fail", "cancelled"):
                break
        call = net.Call(method="POST", url=url, json={"code": 200, "msg": "success", "data": {"taskId": task.id}})
        client = net.make_client(purpose="submit")
        try:
            await net.send(client, call, admit=lambda _: net.NOTHING, timeout_s=CALLBACK_S)
        except ApomError:
            log.info("Nobody answered the callback of task %s.", task.id)
        finally:
            await client.aclose()

    def record_info(self, request: Request) -> Response:
        """How far a task is. Times in ms since 1970."""
        task = self.tasks.find(request.query_params.get("taskId", ""))
        if task is None:
            raise Refusal(404, "The task does not exist")
        state = self.tasks.state(task)
        is_done, has_failed = state == "success", state == "fail"
        done_at = self.tasks.done_at(task) if is_done or has_failed else None
        result = {"resultUrls": [f"{request.base_url}files/{task.file}"]}
        return _answer(
            {
                "taskId": task.id,
                "model": task.model,
                "state": state,
                "param": json.dumps({"model": task.model, "input": task.input}),
                "resultJson": json.dumps(result) if is_done else "",
                "failCode": "501" if has_failed else None,
                "failMsg": task.fault if has_failed else None,
                "creditsConsumed": task.price if is_done else 0,
                "costTime": None if done_at is None else int((done_at - task.at) * 1000),
                "createTime": int(task.at * 1000),
                "completeTime": None if done_at is None else int(done_at * 1000),
            }
        )

    def by_client_id(self, request: Request) -> Response:
        """The task with the customer's own id."""
        if self.manners.no_lookup:
            raise Refusal(501, "Tasks cannot be looked up here")
        task = self.tasks.of_client(request.query_params.get("clientId", ""))
        if task is None:
            raise Refusal(404, "There is no task with this id")
        return _answer({"taskId": task.id})

    async def cancel(self, request: Request) -> Response:
        """Takes a task back that is not over."""
        body = await _object(request)
        if self.manners.no_cancel or not await run_in_threadpool(self.tasks.cancel, str(body.get("taskId"))):
            raise Refusal(422, "The task cannot be cancelled")
        return _answer(None)

    def credit(self, _: Request) -> Response:
        """The play credits that are left."""
        return _answer(self.tasks.balance())

    async def upload(self, request: Request) -> Response:
        """Takes a picture in, under a name of ours: the one it comes with is not used."""
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if file is None or isinstance(file, str):
                raise Refusal(422, "file is required")
            mime = file.content_type or ""
            content = await file.read(UPLOAD_BYTES + 1)
        if mime not in ENDINGS:
            raise Refusal(422, "Only PNG, JPEG and WebP are taken")
        if len(content) > UPLOAD_BYTES:
            raise Refusal(422, "The file is larger than 50 MB")
        name = await run_in_threadpool(self.tasks.keep, content, ENDINGS[mime])
        url = f"{request.base_url}files/{name}"
        data = {"fileName": name, "fileUrl": url, "downloadUrl": url, "fileSize": len(content), "mimeType": mime}
        return JSONResponse({"success": True, "code": 200, "msg": "success", "data": data})

    def file(self, request: Request) -> Response:
        """An upload or a result, whole or by ranges."""
        path = self.tasks.path(request.path_params["name"])
        return Response(status_code=404) if path is None else FileResponse(path)

    def stats(self, _: Request) -> Response:
        """What happened so far; `submitted` counts every createTask that was accepted."""
        counts = self.tasks.counts()
        return JSONResponse(
            {
                "submitted": sum(counts.values()),
                "tasks": counts,
                "uploads": self.tasks.uploads(),
                "balance": self.tasks.balance(),
            }
        )

    async def settings(self, request: Request) -> Response:
        """Changes the manners."""
        self.manners.change(await _object(request))
        return _answer(None)


def _answer(data: JsonValue) -> JSONResponse:
    return JSONResponse({"code": 200, "msg": "success", "data": data})


def _refused(request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal), "it is registered for nothing else"
    body: dict[str, JsonValue] = {"code": refusal.code, "msg": refusal.message, "data": None}
    return JSONResponse({"success": False, **body} if request.url.path == UPLOAD else body)


async def _object(request: Request) -> dict[str, JsonValue]:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Refusal(422, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(422, "The body is not an object")
    return body
