"""Files that come piece by piece: what is here of each, until it is whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Protocol, TypeAlias
from uuid import uuid4

from apom.config import MB
from apom.errors import Conflict
from apom.media.sniff import HEAD
from apom.words import N_

ENDED = N_("This file is being sent anew by now. This try has ended.")
Judge: TypeAlias = Callable[[bytes, int], None]


class Witness(Protocol):
    """Is told how a file grows."""

    def cut(self, size: int) -> None:
        """What came beyond so many bytes is gone."""

    def grew(self, head: bytes, path: Path, size: int) -> bool:
        """It has so many bytes now, and begins with `head`. Whether they go elsewhere, so that this disk need not hurry."""


EARLY = 64 * MB  # so much at a time goes to the disk while more comes: little is left to wait for at the end


class Parts:
    """A folder with a file for each, by its name. For many threads: who writes to a file last ends who wrote before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._disk = ThreadPoolExecutor(1)
        self._writers: dict[str, _Writer] = {}  # the last of each file: where one goes on, the count is known

    def path(self, name: str) -> Path:
        """Where the file grows."""
        return self._folder / f"{name}.part"

    def size(self, name: str) -> int:
        """The bytes that are here."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def held(self, beginning: str) -> int:
        """The bytes of all files whose names begin so."""
        paths = self._folder.glob(f"{beginning}*.part") if self._folder.is_dir() else ()
        return sum(self.size(path.stem) for path in paths)

    def write(
        self, name: str, offset: int, content: Iterable[bytes], judge: Judge, witness: Witness | None = None
    ) -> int:
        """Adds `content` behind the first `offset` bytes; how many there are then. What has come stays when it breaks off.

        `judge(head, size)` is asked before anything is written, with the first `HEAD` bytes and the size to be; what it
        raises ends the writing. `witness` is told what was written, by nobody who has been ended. Raises Conflict when so
        much is not here, or somebody else has begun to write; OSError.
        """
        if offset > self.size(name):
            raise Conflict("Only {bytes} bytes of this file are here. Go on from there.", bytes=self.size(name))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        me = self._writer(name, offset)
        with me.opened(self.path(name), witness) as file:
            head = file.read(min(offset, HEAD))
            file.seek(offset)
            size = offset
            for chunk in content:
                head += chunk[: HEAD - len(head)]
                size += len(chunk)
                judge(head, size)
                me.add(file, chunk)
                is_elsewhere = witness is not None and me.tell(witness, head, self.path(name))
                if not is_elsewhere and size // EARLY > (size - len(chunk)) // EARLY:
                    self._disk.submit(_write_out, self.path(name))
            me.check()
            return size

    def _writer(self, name: str, offset: int) -> _Writer:
        """The one who writes from now on."""
        with self._lock:
            before = self._writers.get(name)
            sha256 = before.end(offset) if before else None
            me = self._writers[name] = _Writer(offset, sha256 if offset else hashlib.sha256())
            return me

    def hand_over(self, name: str, path: Path, size: int) -> str | None:
        """The file is whole with so many bytes and moves to `path`; its SHA-256 in hex, if that was counted as it came.

        Raises Conflict when somebody else has begun it anew; OSError.
        """
        with self._lock:  # nobody begins anew what is whole by now
            last = self._writers.pop(name, None)
            sha256 = last.end(size) if last else None
            if self.size(name) != size:
                raise Conflict(ENDED)
            mine = self.path(name).replace(self.path(f"{name}.{uuid4().hex}"))
        shutil.move(mine, path)
        return sha256.hexdigest() if sha256 else None

    def take_back(self, name: str, path: Path) -> None:
        """It could not be stored: it waits here for another try; who has begun to send it anew has ended."""
        if path.exists():
            mine = self.path(f"{name}.{uuid4().hex}")
            shutil.move(path, mine)
            with self._lock:
                if last := self._writers.pop(name, None):
                    last.end(0)
                mine.replace(self.path(name))

    def drop(self, name: str) -> None:
        """Nobody wants it any more; who writes to it has ended."""
        with self._lock:
            if last := self._writers.pop(name, None):
                last.end(0)
            self.path(name).unlink(missing_ok=True)

    def sweep(self, older_than: timedelta, now: datetime) -> int:
        """Drops what nothing was added to for so long; how many."""
        before = (now - older_than).timestamp()
        paths = self._folder.glob("*.part") if self._folder.is_dir() else ()
        old = [path for path in paths if path.stat().st_mtime < before]
        for path in old:
            self.drop(path.stem)
        return len(old)


def _write_out(path: Path) -> None:
    """Nobody counts on it yet: what fails here fails again at the end."""
    if os.name != "posix":  # Windows moves no file that is open
        return
    with suppress(OSError), path.open("r+b") as file:
        os.fsync(file.fileno())


class _Writer:
    """Who adds to a file of `size` bytes, until another does. `sha256`: of what is there; None: nobody has counted."""

    def __init__(self, size: int, sha256: hashlib._Hash | None) -> None:
        self._size = size
        self._sha256 = sha256
        self._is_over = False
        self._lock = threading.Lock()

    def opened(self, path: Path, witness: Witness | None) -> FileIO:
        """The file, cut to the size. Raises Conflict, OSError."""
        with self._writing():
            if witness is not None:
                witness.cut(self._size)
            file = FileIO(path, "r+" if self._size else "w+")
            file.truncate(self._size)
            return file

    def add(self, file: FileIO, chunk: bytes) -> None:
        """Behind what is there. Raises Conflict, OSError."""
        with self._writing():
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
            self._size += len(chunk)
            if self._sha256 is not None:
                self._sha256.update(chunk)

    def tell(self, witness: Witness, head: bytes, path: Path) -> bool:
        """What has come. Raises Conflict."""
        with self._writing():
            return witness.grew(head, path, self._size)

    def check(self) -> None:
        """Whether it is all there still. Raises Conflict."""
        with self._writing():
            pass

    def end(self, size: int) -> hashlib._Hash | None:
        """Nothing is added any more. What was counted, if it was of so many bytes."""
        with self._lock:
            self._is_over = True
            return self._sha256 if self._size == size else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            if self._is_over:
                raise Conflict(ENDED)
            yield
