"""What the mocks share: strict reading, tasks that grow with each question, files on another origin."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias, TypeGuard
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

Check: TypeAlias = Callable[[Any], bool]
Fields: TypeAlias = Mapping[str, Check]
KEY_HEADERS = ("authorization", "cookie", "x-goog-api-key", "x-key", "x-api-key")
PNG, JPEG, WEBP, MP4 = "png", "jpeg", "webp", "mp4"
FILES = "https://files.contracts.example"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Small real files, in the types that providers answer with."""

    png: bytes
    jpeg: bytes
    webp: bytes
    mp4: bytes

    def of(self, kind: str) -> bytes:
        """The file of that kind."""
        content: bytes = getattr(self, kind)
        return content


class Files:
    """Where finished files lie: a host of its own, FILES, to be mounted there. `leaks`: requests that carried a key."""

    TYPES: ClassVar = {PNG: "image/png", JPEG: "image/jpeg", WEBP: "application/octet-stream", MP4: "text/plain"}

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.leaks: list[str] = []
        self.gone = False

    def at(self, kind: str, name: str = "result") -> str:
        """The address of a file of that kind. Two of its types are wrong on purpose: the bytes decide."""
        return f"{FILES}/{name}.{kind}?signature=a%2Fb%3D"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if any(header in request.headers for header in KEY_HEADERS):
            self.leaks.append(f"{request.url} {dict(request.headers)}")
        kind = request.url.path.rpartition(".")[2]
        if self.gone or request.query_params.get("signature") != "a/b=" or kind not in self.TYPES:
            response = Response("<Error>AccessDenied</Error>", 403)
        else:
            response = Response(self.samples.of(kind), media_type=self.TYPES[kind])
        await response(scope, receive, send)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that reached a mock. `body`: JSON as it is, the fields of a form, or None."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file in a form."""

    filename: str
    mime: str
    content: bytes


@dataclass(kw_only=True)
class Task:
    """An order that was taken. `wish`: how it is to end; `polls`: how often somebody asked."""

    id: str
    model: str
    prompt: str
    input: Any
    wish: str = ""
    polls: int = 0
    is_cancelled: bool = False
    more: dict[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """An answer that is an error, in the provider's own shape."""

    def __init__(self, body: object, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body)
        self.response = JSONResponse(body, status, headers=headers)


class Contract:
    """A mock. `creates`: how often something was ordered that would be paid; `tasks`: what, in order.

    `wish` is how the next order ends, in words of the mock's own; "" is well. It counts for one order.
    """

    KEY: ClassVar = "sk-contract-0123456789"

    def __init__(self, url: str, files: Files) -> None:
        self.url = url
        self.files = files
        self.wish = ""
        self.creates = 0
        self.tasks: list[Task] = []
        self.asked: list[Asked] = []

    def forget(self) -> None:
        """As new."""
        vars(self).update(vars(type(self)(self.url, Files(self.files.samples))) | {"files": self.files})
        self.files.leaks.clear()
        self.files.gone = False

    def answer(self, asked: Asked) -> Response:
        """What it says. Raises Refusal."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        root = scope.get("root_path", "")
        asked = Asked(
            method=request.method,
            path=request.url.path.removeprefix(root),
            query=dict(parse_qsl(request.url.query, keep_blank_values=True)),
            headers=dict(request.headers),
            body=await _body(request),
        )
        self.asked.append(asked)
        try:
            response = self.answer(asked)
        except Refusal as refusal:
            response = refusal.response
        await response(scope, receive, send)

    def take_wish(self) -> str:
        """The wish, which is fulfilled once."""
        wish, self.wish = self.wish, ""
        return wish

    def order(self, model: str, prompt: str, given: Any, wish: str = "", **more: Any) -> Task:
        """Something is ordered, and would be paid."""
        self.creates += 1
        task = Task(id=f"task-{self.creates}", model=model, prompt=prompt, input=given, wish=wish, more=more)
        self.tasks.append(task)
        return task

    def task(self, id: str) -> Task | None:
        """The task with that id."""
        return next((task for task in self.tasks if task.id == id), None)

    @property
    def last(self) -> Task:
        """What was ordered last."""
        return self.tasks[-1]


async def _body(request: Request) -> Any:
    mime = request.headers.get("content-type", "")
    if mime.startswith("multipart/form-data"):
        async with request.form() as form:
            return [
                (name, Sent(filename=value.filename or "", mime=value.content_type or "", content=await value.read()))
                if isinstance(value, UploadFile)
                else (name, value)
                for name, value in form.multi_items()
            ]
    content = await request.body()
    if mime == "application/json":
        try:
            return json.loads(content)
        except ValueError:
            return None
    return content or None


def said(body: object, status: int = 200, **headers: str) -> Response:
    """A JSON answer."""
    return JSONResponse(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def step(task: Task, words: tuple[str, ...]) -> str:
    """The task's word for this question: one further each time, the last one for ever."""
    word = words[min(task.polls, len(words) - 1)]
    task.polls += 1
    return word


def wrong(given: Any, required: Fields, optional: Fields) -> tuple[str, str] | None:
    """The first field that is not as it has to be, and why; None when all are."""
    if not isinstance(given, dict):
        return "body", "is not an object"
    for name in required:
        if name not in given:
            return name, "is required"
    for name, value in given.items():
        check = required.get(name) or optional.get(name)
        if check is None:
            return name, "is not known"
        if not check(value):
            return name, "has a wrong value"
    return None


def text(most: int = 100_000, least: int = 1) -> Check:
    """A string of so many characters."""
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def choice(*values: object) -> Check:
    """One of these, of the same type."""
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def whole(least: int, most: int) -> Check:
    """A whole number within these bounds."""
    return lambda value: type(value) is int and least <= value <= most


def number(least: float, most: float) -> Check:
    """A number within these bounds."""
    return lambda value: type(value) in (int, float) and least <= value <= most


def flag(value: Any) -> bool:
    """true or false."""
    return isinstance(value, bool)


def exactly(*required: Check) -> Check:
    """A list of these, one by one."""
    return lambda value: (
        isinstance(value, list)
        and [True] * len(required) == [check(each) for check, each in zip(required, value, strict=False)]
    )


def several(check: Check, least: int, most: int) -> Check:
    """A list of so many."""
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(check, value))


def shaped(required: Fields, optional: Fields | None = None) -> Check:
    """An object of these fields."""
    return lambda value: wrong(value, required, optional or {}) is None


def is_picture(content: bytes) -> bool:
    """PNG, JPEG or WebP."""
    return content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or content[8:12] == b"WEBP"


def sent_picture(value: Any) -> TypeGuard[Sent]:
    """A picture as a file of a form."""
    return isinstance(value, Sent) and is_picture(value.content)


def picture_in_base64(value: Any) -> bool:
    """A picture in base64, without anything before it."""
    try:
        return isinstance(value, str) and is_picture(base64.b64decode(value, validate=True))
    except ValueError:
        return False


def picture_as_data_uri(value: Any) -> bool:
    """A picture as a data URI."""
    head, _, rest = value.partition(",") if isinstance(value, str) else ("", "", "")
    return head in ("data:image/png;base64", "data:image/jpeg;base64", "data:image/webp;base64") and picture_in_base64(
        rest
    )
