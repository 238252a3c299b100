"""Files under keys, in a folder: what stands under a key is whole, or it is not there.

Keys are `{env}/a/{asset}/{variant}-{sha12}.{ext}`: random ids and hashes, nothing a person typed. The name changes with
the content, so browsers may keep what they have for ever, and putting the same file twice changes nothing. `sha12` is the
beginning of the file's SHA-256, or that of its first bytes and size, when it had to have a name before the rest had come.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from apom.config import Settings
from apom.errors import Invalid, Misconfigured, NotFound, Unavailable

if TYPE_CHECKING:
    from apom.media.sendings import Sending

log = logging.getLogger("apom.media")
PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"  # begins with no dot: neither hidden, nor `..`
KEY = re.compile(f"{PART}(/{PART}){{0,9}}")
PREFIX = re.compile(f"({PART}/){{0,9}}({PART})?")
TEMP = "tmp"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file in storage. `modified`: when it was put there, in UTC."""

    key: str
    bytes: int
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class Coming:
    """A file that lies elsewhere. `name`: without its ending; `read(start, end)`: these of its bytes, in chunks."""

    name: str
    size: int
    read: Callable[[int, int], Iterator[bytes]]


def key(env: str, asset_id: UUID, variant: str, sha256: str, ext: str) -> str:
    """The key of a take's file. `variant`: original, thumb, preview or proxy; `sha256`: of this very file, in hex."""
    return f"{env}/a/{asset_id}/{variant}-{sha256[:12]}.{ext}"


class LocalStorage:
    """Files in a folder of this machine; one process writes to it. Safe to use from many threads."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._folders = threading.Lock()  # a folder must not be cleared away between its making and its first file

    def close(self) -> None:
        """The process ends. What is asked of it afterwards may fail."""

    def put(self, source: Path, key: str, *, mime: str) -> None:
        """Moves `source` to `key`, on disk before it returns; nothing partial is ever seen there.

        `mime` is what the file would be served as; a folder keeps none. Raises Invalid for a key that is none.
        """
        target = self._target(key)
        flush(source)
        self._place(source, target)

    def _place(self, source: Path, target: Path) -> None:
        """Moves it there, whole."""
        try:
            self._move(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(source, target)

    def sending(self, key: str, *, mime: str) -> Sending | None:
        """A file that is sent while it still comes in, where it has a way to go: for `ahead`."""
        return None

    @contextmanager
    def ahead(self, source: Path, key: str, *, mime: str, sending: Sending | None = None) -> Iterator[None]:
        """`source` is on its way to `key` from now on, so that `put` has little to wait for; not after all when this ends
        with an error. Raises OSError.
        """
        if os.name != "posix":  # Windows moves no file that is open
            yield
            return
        with source.open("r+b") as file, ThreadPoolExecutor(1) as beside:
            written = beside.submit(os.fsync, file.fileno())
            yield
            written.result()

    def path(self, key: str) -> Path:
        """Where the file lies. Raises NotFound, Invalid."""
        target = self._target(key)
        if not target.is_file():
            raise NotFound
        return target

    def coming(self, _: str) -> Coming | None:
        """A file to be passed on as it comes, where it is not here: see S3Storage."""
        return None

    def has(self, key: str) -> bool:
        """Whether it is there. Raises Invalid."""
        try:
            self.size(key)
        except NotFound:
            return False
        return True

    def size(self, key: str) -> int:
        """Its bytes. Raises NotFound, Invalid."""
        return self.path(key).stat().st_size

    def address(self, key: str, mime: str) -> str | None:
        """Where a browser that may see the file fetches it, for minutes; None: here. Raises Invalid, Misconfigured."""
        return None

    def delete(self, *keys: str) -> None:
        """Removes files, and folders that became empty. One that is not there is fine. Raises Invalid."""
        for target in [self._target(key) for key in keys]:
            with self._folders:
                self._unlink(target)

    def drop(self, *keys: str) -> None:
        """The same for files whose rows are gone: what cannot be reached now is left to the next sweep. Raises Invalid."""
        try:
            self.delete(*keys)
        except (Unavailable, Misconfigured) as error:
            log.warning("files without a row are left until the next sweep: %s", error)

    def _unlink(self, target: Path) -> None:
        if not target.is_file():
            return
        target.unlink()
        for folder in target.parents[: len(target.relative_to(self.root).parts) - 1]:
            if any(folder.iterdir()):
                return
            folder.rmdir()

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Every file whose key begins with `prefix`, in the order of folders and names. Raises Invalid."""
        check_prefix(prefix)
        for folder, folders, names in os.walk(self.root / prefix.rpartition("/")[0]):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if here != self.root or name != TEMP)
            for name in sorted(names):
                key = (here / name).relative_to(self.root).as_posix()
                if key.startswith(prefix) and (stored := _stored(key, here / name)):
                    yield stored

    @contextmanager
    def temp(self, suffix: str = "") -> Iterator[Path]:
        """A path for a new file or folder on the storage's own volume; what is still there afterwards is removed."""
        path = self.root / TEMP / f"{uuid4().hex}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            _remove(path)

    def sweep_temp(self, older_than: timedelta, now: datetime) -> int:
        """Removes what a killed process left in `temp` longer ago than that; answers how many."""
        temp, before = self.root / TEMP, (now - older_than).timestamp()
        left = [path for path in temp.iterdir() if _changed_before(path, before)] if temp.is_dir() else []
        for path in left:
            _remove(path)
        return len(left)

    def _target(self, key: str) -> Path:
        """The path of a key: it never leaves the root, whoever made the key, and wherever links lead."""
        if not KEY.fullmatch(key) or key.split("/")[0].lower() == TEMP:
            raise _no_key(key)
        target = (self.root / key).resolve()
        if not target.is_relative_to(self.root):
            raise _no_key(key)
        return target

    def _move(self, source: Path, target: Path) -> None:
        with self._folders:
            _make(target.parent)
            os.replace(source, target)
            flush_folder(target.parent)

    def _copy(self, source: Path, target: Path) -> None:
        """From another volume, where a move is a copy that could be seen half done."""
        with self.temp() as copy:
            shutil.copyfile(source, copy)
            flush(copy)
            self._move(copy, target)
        source.unlink()


def check_prefix(prefix: str) -> None:
    """Raises Invalid for what no key begins with."""
    if not PREFIX.fullmatch(prefix):
        raise _no_key(prefix)


def storage_of(settings: Settings) -> LocalStorage:
    """The bucket, where one is set, with the folder that was the storage before; else the folder. Raises Misconfigured."""
    folder = LocalStorage(settings.data_dir / "media")
    if not settings.bucket:
        return folder
    from apom.media.s3 import S3Storage

    return S3Storage(settings.s3, settings.data_dir / "media-copies", before=folder)


def _no_key(key: str) -> Invalid:
    return Invalid("This is not the key of a stored file: {key}", key=ascii(key[:100]))


def _stored(key: str, path: Path) -> Stored | None:
    """None when it was deleted since it was listed."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return Stored(key=key, bytes=facts.st_size, modified=datetime.fromtimestamp(facts.st_mtime, UTC))


def _changed_before(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:  # it was put in its place meanwhile
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """A folder and those above it, each known to the one above before a file goes in."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush(path: Path) -> None:
    """Its bytes are on the disk. Raises OSError."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """The names in it are on the disk. Raises OSError."""
    if os.name != "posix":  # Windows opens no folder, and journals names by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
