"""Files that come piece by piece: what is here of each, until it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from apom.errors import Conflict
from apom.media.sniff import HEAD

Judge: TypeAlias = Callable[[bytes, int], None]


class Parts:
    """A folder with a file for each, by its name. For many threads: who writes to a file last ends who wrote before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, object] = {}

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

    def write(self, name: str, offset: int, content: Iterable[bytes], judge: Judge) -> int:
        """Adds `content` behind the first `offset` bytes; how many there are then. What has come stays when it breaks off.

        `judge(head, size)` is asked before anything is written, with the first `HEAD` bytes and the size to be; what it
        raises ends the writing. Raises Conflict when so much is not here, or somebody else has begun to write; OSError.
        """
        if offset > self.size(name):
            raise Conflict("Only {bytes} bytes of this file are here. Go on from there.", bytes=self.size(name))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        me = self._writers[name] = object()
        try:
            with self.path(name).open("r+b" if offset else "w+b") as file:
                head = file.read(min(offset, HEAD))
                file.truncate(offset)
                file.seek(offset)
                size = offset
                for chunk in content:
                    if self._writers.get(name) is not me:
                        raise Conflict("This file is being sent anew by now. This try has ended.")
                    head += chunk[: HEAD - len(head)]
                    size += len(chunk)
                    judge(head, size)
                    file.write(chunk)
                return size
        finally:
            if self._writers.get(name) is me:
                del self._writers[name]

    def hand_over(self, name: str, path: Path) -> None:
        """The file is whole and moves to `path`. Raises OSError."""
        shutil.move(self.path(name), path)

    def take_back(self, name: str, path: Path) -> None:
        """It could not be stored: it waits here for another try."""
        if path.exists():
            shutil.move(path, self.path(name))

    def drop(self, name: str) -> None:
        """Nobody wants it any more."""
        self.path(name).unlink(missing_ok=True)

    def sweep(self, older_than: timedelta, now: datetime) -> int:
        """Drops what nothing was added to for so long; how many."""
        before = (now - older_than).timestamp()
        paths = self._folder.glob("*.part") if self._folder.is_dir() else ()
        old = [path for path in paths if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
