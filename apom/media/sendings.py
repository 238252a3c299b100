"""A file on its way into a bucket while it still comes in, or while it is looked at: when it is whole, most of it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from apom.config import MB

PART_BYTES = 32 * MB  # there are ten thousand at most
AT_ONCE = 4  # parts of one file; more make no server faster


class Sending:
    """One multipart upload, by calls of an S3 `client`; `named`: its bucket and key, `more`: what else is said of the object.

    A part is sent once the file has grown beyond it. For many threads.
    """

    def __init__(
        self, client: Any, pool: ThreadPoolExecutor, key: str, named: Mapping[str, str], more: Mapping[str, str]
    ) -> None:
        self.key = key
        self._client = client
        self._pool = pool
        self._named = named
        self._more = more
        self._lock = threading.RLock()
        self._begun: Future[str] | None = None
        self._parts: list[Future[str]] = []
        self._given = 0

    def reach(self, path: Path, size: int) -> None:
        """The file has so many bytes. As much of it is sent as can be without waiting; what fails is sent at the end."""
        with self._lock:
            while self._given + PART_BYTES <= size and sum(not part.done() for part in self._parts) < AT_ONCE:
                self._give(path, PART_BYTES)

    def back_to(self, size: int) -> None:
        """What the file had beyond so many bytes is gone."""
        with self._lock:
            if size < self._given:
                self.cancel()

    def rest(self, path: Path, size: int) -> None:
        """The file is whole, with so many bytes: all that is left is sent from now on."""
        with self._lock:
            while self._given < size:
                self._give(path, min(PART_BYTES, size - self._given))

    def finish(self, path: Path, size: int) -> None:
        """All of it, until it is there. Raises botocore's errors: nothing of it is there then."""
        with self._lock:
            try:
                self.rest(path, size)
                etags = [part.result() for part in self._parts]
                parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
                self._call("complete_multipart_upload", self._id(), MultipartUpload={"Parts": parts})
            except BaseException:
                self.cancel()
                raise
            self._begun, self._parts, self._given = None, [], 0

    def cancel(self) -> None:
        """Nobody wants it any more: nothing of it is in the bucket, or soon will not be."""
        with self._lock:
            if self._begun is not None:
                running = [part for part in self._parts if not part.cancel()]
                with suppress(RuntimeError):  # the process ends: what is left is swept in a day
                    self._pool.submit(self._abort, self._begun, running)
            self._begun, self._parts, self._given = None, [], 0

    def _give(self, path: Path, size: int) -> None:
        from s3transfer.utils import ReadFileChunk

        if self._begun is None:
            self._begun = self._pool.submit(self._begin)
        file = path.open("rb")  # it may be moved before it is read
        file.seek(self._given)
        self._given += size
        chunk = ReadFileChunk(file, size, self._given)
        part = self._pool.submit(self._send, self._begun, len(self._parts) + 1, chunk)
        part.add_done_callback(lambda _: file.close())
        self._parts.append(part)

    def _begin(self) -> str:
        return str(self._client.create_multipart_upload(**self._named, **self._more)["UploadId"])

    def _send(self, begun: Future[str], number: int, chunk: Any) -> str:
        return str(self._call("upload_part", begun.result(), PartNumber=number, Body=chunk)["ETag"])

    def _abort(self, begun: Future[str], running: list[Future[str]]) -> None:
        wait(running)
        with suppress(Exception):  # what is left is swept in a day
            self._call("abort_multipart_upload", begun.result())

    def _id(self) -> str:
        assert self._begun is not None, "something was given"
        return self._begun.result()

    def _call(self, name: str, id: str, **more: object) -> dict[str, Any]:
        call: Callable[..., dict[str, Any]] = getattr(self._client, name)
        return call(**self._named, UploadId=id, **more)
