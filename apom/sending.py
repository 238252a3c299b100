"""How a file is sent: in pieces, each tried again by itself, under one id that makes it one take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeAlias
from uuid import UUID

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, Unavailable
from apom.models import Arriving, Rights, Upload, Uploaded, new_id

OnProgress: TypeAlias = Callable[[int, int], object]
Receive: TypeAlias = Callable[[Upload, Iterable[bytes]], Arriving]
Received: TypeAlias = Callable[[UUID], Arriving]

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
            return _send(receive, received, file, upload, begun, on_progress or (lambda *_: None))
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {reason}.", field="path", path=path, reason=error.strerror or error
        ) from error


def _send(
    receive: Receive, received: Received, file: BinaryIO, upload: Upload, at: Arriving, on_progress: OnProgress
) -> Uploaded:
    misses = 0
    while at.done is None:
        file.seek(at.bytes)
        try:
            piece = upload.model_copy(update={"offset": at.bytes})
            at = receive(piece, [file.read(LIMITS.piece_bytes)])
            misses = 0
        except (Unavailable, Conflict):
            misses += 1
            if misses == TRIES:
                raise
            time.sleep(WAIT_S * 2 ** (misses - 1))
            at = received(upload.id)
        on_progress(at.bytes, upload.size or 0)
    return at.done
