"""How a file is sent: in pieces, each tried again by itself, under one id that makes it one take, or one project."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar
from uuid import UUID

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, Unavailable
from apom.models import ArchiveArriving, Arriving, Job, Rights, Upload, Uploaded, new_id

OnProgress: TypeAlias = Callable[[int, int], object]
Receive: TypeAlias = Callable[[Upload, Iterable[bytes]], Arriving]
Received: TypeAlias = Callable[[UUID], Arriving]
At = TypeVar("At", Arriving, ArchiveArriving)

TRIES = 6  # of one piece, in a row
WAIT_S = 0.5  # before the second try; then twice as long each time


def send(
    receive: Receive,
    received: Received,
    path: Path | str,
    name: str | None,
    rights: Rights | None,
    upload_id: UUID | None,
    on_progress: OnProgress | None,
) -> Uploaded:
    """The file at `path`, whole. What was sent before under this id is not sent again. Raises what `receive` does."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            upload = Upload(id=upload_id or new_id(), name=name or path.name, size=size, rights=rights or Rights())
            begun = received(upload.id) if upload_id else Arriving(bytes=0)

            def piece(offset: int, data: bytes) -> Arriving:
                return receive(upload.model_copy(update={"offset": offset}), [data])

            at = _send(
                piece, lambda: received(upload.id), lambda at: at.done is not None, file, begun, size, on_progress
            )
    except OSError as error:
        raise _unreadable(path, error) from error
    assert at.done is not None, "it was sent until it was whole"
    return at.done


def send_archive(
    receive: Callable[[int, bytes, int], ArchiveArriving],
    received: Callable[[], ArchiveArriving],
    path: Path | str,
    on_progress: OnProgress | None,
) -> Job:
    """A project archive, whole; the job that brings it in. `receive`: takes offset, bytes and the size of all."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            size, begun = path.stat().st_size, ArchiveArriving(bytes=0)
            at = _send(
                lambda offset, data: receive(offset, data, size),
                received,
                lambda at: at.job is not None,
                file,
                begun,
                size,
                on_progress,
            )
    except OSError as error:
        raise _unreadable(path, error) from error
    assert at.job is not None, "it was sent until it was whole"
    return at.job


def _unreadable(path: Path, error: OSError) -> Invalid:
    return Invalid("{path} cannot be read: {reason}.", field="path", path=path, reason=error.strerror or error)


def _send(
    receive: Callable[[int, bytes], At],
    received: Callable[[], At],
    is_done: Callable[[At], bool],
    file: BinaryIO,
    at: At,
    size: int,
    on_progress: OnProgress | None,
) -> At:
    misses = 0
    while not is_done(at):
        file.seek(at.bytes)
        try:
            at = receive(at.bytes, file.read(LIMITS.piece_bytes))
            misses = 0
        except (Unavailable, Conflict):
            misses += 1
            if misses == TRIES:
                raise
            time.sleep(WAIT_S * 2 ** (misses - 1))
            at = received()
        if on_progress is not None:
            on_progress(at.bytes, size)
    return at
