"""Files that come in: by PUT as they are, in one piece or several; or as a form with many of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Annotated, Any, TypeVar
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect

from apom import words
from apom.api.account_routes import Body
from apom.api.deps import Mine
from apom.api.forms import Form
from apom.config import LIMITS, MB
from apom.errors import ApomError, Invalid, TooLarge, TooMany, Unavailable
from apom.models import (
    ArchiveArriving,
    Arriving,
    Box,
    Drop,
    RefusedFile,
    Rights,
    ShotTable,
    Upload,
    Uploaded,
    new_id,
)
from apom.studio import Workspace

T = TypeVar("T")
PATHS = re.compile(r"/api/(uploads/[^/]+/[^/]+|boxes/[^/]+/upload|archives/[^/]+|projects/[^/]+/shots(/plan)?)/?")
SILENCE_S = 60.0
FORM_FILES = 100
FORM_BYTES = FORM_FILES * LIMITS.image_bytes + LIMITS.video_bytes
ENOUGH = MB  # bytes that are handed to the disk at once: from one thread to another it is a long way
AHEAD = 8  # so often that many may wait for it
router = APIRouter()
Fields = Annotated[list[str], Query(default_factory=list)]
TABLE = {"type": "string", "format": "binary"}
Word = Annotated[str, Query(max_length=2 * LIMITS.rights_chars)]


class Hashes(Body):
    """SHA-256 of files, in hex."""

    sha256: list[str]


def _body(mime: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What the interface's description says of a body that is read as it comes."""
    return {"requestBody": {"required": True, "content": {mime: {"schema": schema}}}}


FORM = _body(
    "multipart/form-data",
    {
        "type": "object",
        "properties": {
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
            **{name: {"type": "string"} for name in Rights.model_fields},
        },
    },
)


@router.get("/uploads/{box_id}/{upload_id}")
def upload_so_far(box_id: UUID, upload_id: UUID, mine: Mine) -> Arriving:
    """How far an upload is: where one goes on with it."""
    return mine.received(box_id, upload_id)


@router.put(
    "/uploads/{box_id}/{upload_id}",
    status_code=201,
    max_body_size=LIMITS.video_bytes + MB,
    openapi_extra=_body("application/octet-stream", {"type": "string", "format": "binary"}),
)
async def upload(
    request: Request,
    response: Response,
    box_id: UUID,
    upload_id: UUID,
    mine: Mine,
    name: Word = "",
    size: Annotated[int | None, Query(ge=0)] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    owner: Word = "",
    licence: Word = "",
    note: Word = "",
) -> Arriving:
    """The bytes of a file, as the body: all of them, or those from `offset` on while `size` says how many there are in all.

    The same id again is the same take. 201 when it is whole, 202 when more is to come.
    """
    rights = Rights(owner=owner, licence=licence, note=note)
    told = Upload(id=upload_id, name=name, size=_size(request, size, offset), offset=offset, rights=rights)
    arriving = await _in_thread(request, lambda body: mine.receive(box_id, told, body))
    if arriving.done is None:
        response.status_code = 202
    return arriving


@router.get("/archives/{upload_id}")
def archive_received(upload_id: UUID, mine: Mine) -> ArchiveArriving:
    """How far a project archive is on its way, and the job that brings it in."""
    return mine.archive_received(upload_id)


@router.put(
    "/archives/{upload_id}",
    status_code=202,
    max_body_size=LIMITS.video_bytes + MB,
    openapi_extra=_body("application/octet-stream", {"type": "string", "format": "binary"}),
)
async def receive_archive(
    request: Request,
    upload_id: UUID,
    mine: Mine,
    size: Annotated[int, Query(ge=0)],
    offset: Annotated[int, Query(ge=0)] = 0,
) -> ArchiveArriving:
    """A piece of a project archive of `size` bytes, as the body. Once it is whole, a job makes a project of it."""
    return await _in_thread(request, lambda body: mine.receive_archive(upload_id, body, size=size, offset=offset))


@router.post("/boxes/{box_id}/upload", status_code=201, max_body_size=FORM_BYTES, openapi_extra=FORM)
@router.post("/boxes/{box_id}/upload/", status_code=201, max_body_size=FORM_BYTES, include_in_schema=False)
async def upload_form(request: Request, box_id: UUID, mine: Mine) -> Drop:
    """A form (multipart/form-data) with files; fields `owner`, `licence` and `note` before them are for all of them.

    Each file for itself. When none could be taken, the answer is the problem of the first.
    """
    content_type = request.headers.get("content-type", "")
    return await _in_thread(request, lambda body: _received(mine, box_id, Form(body=body, content_type=content_type)))


@router.put(
    "/projects/{project_id}/shots/plan",
    max_body_size=LIMITS.table_bytes + MB,
    openapi_extra=_body("application/octet-stream", TABLE),
)
async def plan_shots(
    request: Request, project_id: UUID, mine: Mine, leave_out: Fields, update: bool = False
) -> ShotTable:
    """What bringing in a table of shots (CSV, XLSX, cells copied from a spreadsheet; the body) would do, row by row."""
    return await _in_thread(
        request, lambda body: mine.plan_shots(project_id, _table(body), update=update, leave_out=leave_out)
    )


@router.put(
    "/projects/{project_id}/shots",
    status_code=201,
    max_body_size=LIMITS.table_bytes + MB,
    openapi_extra=_body("application/octet-stream", TABLE),
)
async def import_shots(
    request: Request, project_id: UUID, mine: Mine, leave_out: Fields, update: bool = False
) -> tuple[Box, ...]:
    """A table of shots, as the body: those that were made, and with `update` those that were changed. All or none.

    `leave_out`: fields that are not read. What is here already stays as it is without `update`.
    """
    return await _in_thread(
        request, lambda body: mine.import_shots(project_id, _table(body), update=update, leave_out=leave_out)
    )


@router.post("/projects/{project_id}/known-files")
def known_files(project_id: UUID, body: Hashes, mine: Mine) -> list[str]:
    """Those of these files that a take of the project has."""
    return sorted(mine.known_files(project_id, body.sha256))


def _table(body: Iterator[bytes]) -> bytes:
    """The body, as far as a table may be long."""
    content = bytearray()
    for piece in body:
        content += piece
        if len(content) > LIMITS.table_bytes:
            break
    return bytes(content)


def _size(request: Request, size: int | None, offset: int) -> int | None:
    """The size in all: as announced, else as the body's length says when it is all in one piece."""
    length = request.headers.get("content-length", "")
    return offset + int(length) if size is None and length.isdecimal() else size


def _received(mine: Workspace, box_id: UUID, form: Form) -> Drop:
    """File by file. Raises what the first was refused for, when none could be taken."""
    mine.received(box_id, new_id())  # the right is asked for before anything is read
    uploaded: list[Uploaded] = []
    refused: list[tuple[str, ApomError]] = []
    for count, (name, content) in enumerate(form.files(), 1):
        if count > FORM_FILES:
            raise Invalid("Send at most {most} files in one form.", most=FORM_FILES)
        try:
            uploaded.append(_one(mine, box_id, form.fields, name, content))
        except (TooMany, Unavailable):
            raise
        except ApomError as error:
            refused.append((name, error))
    if not uploaded:
        raise refused[0][1] if refused else Invalid("There is no file in the form.", field="file")
    said = (
        RefusedFile(name=name, code=error.code, detail=words.say(error, mine.actor.language)) for name, error in refused
    )
    return Drop(uploaded=tuple(uploaded), refused=tuple(said))


def _one(mine: Workspace, box_id: UUID, fields: dict[str, str], name: str, content: Iterator[bytes]) -> Uploaded:
    rights = Rights(**{field: fields.get(field, "") for field in Rights.model_fields})
    arriving = mine.receive(box_id, Upload(id=new_id(), name=name, rights=rights), content)
    assert arriving.done is not None, "nothing was said of its size, so it came whole"
    return arriving.done


async def _in_thread(request: Request, act: Callable[[Iterator[bytes]], T]) -> T:
    """`act` gets the body piece by piece, in a thread of those that are for uploads alone."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > FORM_BYTES:
        raise TooLarge("That is too much at once. Send fewer files.")
    body = _Body(request)
    try:
        return await to_thread.run_sync(lambda: act(body.pieces()), limiter=request.app.state.uploads)
    finally:
        body.close()


class _Body:
    """A request's body on its way to a thread: while that writes a piece, the next ones come, up to `AHEAD` of them."""

    def __init__(self, request: Request) -> None:
        self._stream = request.stream()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(AHEAD)
        self._here: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._coming: asyncio.Task[None] | None = None

    def pieces(self) -> Iterator[bytes]:
        """For the thread; nothing is taken from the line before it asks. When the body breaks off, what has come is handed
        on before that is raised.
        """
        self._loop.call_soon_threadsafe(self._begin)
        while found := self._here.get():
            if isinstance(found, ClientDisconnect | TimeoutError | asyncio.CancelledError):
                raise Unavailable("The file broke off on its way. Send it again; what has come is kept.") from found
            if isinstance(found, BaseException):
                raise found
            self._loop.call_soon_threadsafe(self._room.release)
            yield found

    def close(self) -> None:
        """Nobody wants the rest."""
        if self._coming is not None:
            self._coming.cancel()

    def _begin(self) -> None:
        self._coming = self._loop.create_task(self._come())

    async def _come(self) -> None:
        found: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(SILENCE_S) as patience:
                async for chunk in self._stream:
                    found.append(chunk)
                    size += len(chunk)
                    if size >= ENOUGH:
                        self._here.put(b"".join(found))
                        found, size = [], 0
                        patience.reschedule(None)  # now it waits for the disk
                        await self._room.acquire()
                        patience.reschedule(self._loop.time() + SILENCE_S)
        except BaseException as error:  # the thread is told, whatever it is
            self._end(found, error)
        else:
            self._end(found, b"")

    def _end(self, found: list[bytes], end: bytes | BaseException) -> None:
        if rest := b"".join(found):
            self._here.put(rest)
        self._here.put(end)
