"""A folder of takes that were made elsewhere comes into a project: which shot each file belongs to, and what is new.

Written against what a workspace offers, here or over HTTP. A file is known by its SHA-256, so a run again brings only what
the project does not have yet.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid5

from apom.errors import ApomError, Invalid
from apom.models import Box, Project, Rights, Rows, Uploaded

HASHES_AT_ONCE = 100
IGNORED = frozenset(["thumbs.db", "desktop.ini"])
ENDINGS = frozenset("png jpg jpeg jpe webp gif avif heic heif mp4 m4v mov webm mkv".split())
CODE = re.compile(r"[\w][\w.-]{0,15}")
NUMBERED = re.compile(r"(?P<code>\d{1,6}[A-Za-z]?)(?=$|[ ._-])[ ._-]*(?P<name>.*)")
NO_SHOT = "It is in no sub-folder, and its name does not begin with a number: nothing says which shot it belongs to."


class Importing(Protocol):
    """What a workspace has to offer."""

    def get_project_boxes(self, project: UUID, /) -> Rows[Box]: ...
    def create_box(self, project: UUID, name: str, /, *, code: str) -> Box: ...
    def known_files(self, project: UUID, sha256: Sequence[str], /) -> frozenset[str]: ...
    def upload(
        self, box: Box, path: Path, /, *, name: str | None = None, rights: Rights | None = None, upload_id: UUID | None
    ) -> Uploaded: ...


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file that was found. `code`: of its shot, "" when nothing says which; `shot`: a name for one that is new."""

    path: Path
    code: str
    shot: str


@dataclass(frozen=True, kw_only=True)
class Came:
    """What became of a file. `outcome`: "new", "known" or "refused", and then `why`; `code`: of its shot."""

    path: Path
    code: str
    outcome: str
    why: str = ""


@dataclass(kw_only=True)
class Folder:
    """A folder that is looked through, once or again and again. `seen`: what was dealt with, by what it looked like."""

    root: Path
    seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    unsettled: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def news(self, *, only_settled: bool = False) -> Iterator[Found]:
        """Files that were not dealt with, or have changed since; in the order of their names. Raises Invalid.

        `only_settled`: those that look as they did the last time: somebody may still be writing the others.
        """
        if not self.root.is_dir():
            raise Invalid("There is no folder {path}.", field="folder", path=self.root)
        for path in sorted(files(self.root), key=lambda path: _natural(path.relative_to(self.root))):
            looks = _looks(path)
            if looks is None or self.seen.get(path) == looks:
                continue
            if only_settled and self.unsettled.get(path) != looks:
                self.unsettled[path] = looks
                continue
            self.unsettled.pop(path, None)
            self.seen[path] = looks
            code, shot = shot_of(path.relative_to(self.root))
            yield Found(path=path, code=code, shot=shot)


def files(root: Path) -> Iterator[Path]:
    """What looks like a picture or a clip by its name, hidden files and folders left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            is_hidden = name.startswith(".") or name.lower() in IGNORED
            if not is_hidden and name.rpartition(".")[2].lower() in ENDINGS:
                yield Path(folder) / name


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Numbers by their value, so that shots are made in the order in which a person would count them."""
    parts = re.findall(r"\d+|\D+", path.as_posix().casefold())
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def shot_of(path: Path) -> tuple[str, str]:
    """(code, name) of the shot that a file belongs to, by the first sub-folder, else by the number its name begins with.

    >>> shot_of(Path("010 Harbour/v1/take.png"))
    ('010', 'Harbour')
    >>> shot_of(Path("010_take.png"))
    ('010', '010')
    """
    folder = path.parts[0] if len(path.parts) > 1 else ""
    numbered = NUMBERED.fullmatch(folder or path.stem)
    if numbered:
        return numbered["code"], (numbered["name"].strip() if folder else "") or numbered["code"]
    return _coded(folder), folder


def _coded(folder: str) -> str:
    """A folder's name as a code: what may not stand in one becomes a line below."""
    return re.sub(r"[^\w.-]+", "_", folder).strip("_.-")[:16].rstrip("_.-")


def bring(
    ws: Importing, project: Project, found: Iterable[Found], rights: Rights, tell: Callable[[Came], None]
) -> dict[str, int]:
    """Uploads what is new, each to its shot, which is made where it is not there; how many of each outcome there were.

    One that is refused does not stop the others. Raises what concerns all of them: NotFound, NotAllowed, Unavailable.
    """
    shots = _Shots(ws, project)
    counts = {"new": 0, "known": 0, "refused": 0}
    waiting = iter(found)
    while some := list(islice(waiting, HASHES_AT_ONCE)):
        hashed = [(each, _sha256(each.path)) for each in some]
        known = set(ws.known_files(project.id, [sha256 for _, sha256 in hashed if sha256]))
        for each, sha256 in hashed:
            came = _one(ws, project, shots, each, sha256, sha256 in known, rights)
            known.add(sha256)
            counts[came.outcome] += 1
            tell(came)
    return counts


def _one(
    ws: Importing, project: Project, shots: _Shots, found: Found, sha256: str, is_known: bool, rights: Rights
) -> Came:
    if is_known:
        return Came(path=found.path, code=found.code, outcome="known")
    if not found.code or not sha256:
        why = NO_SHOT if sha256 else "It cannot be read."
        return Came(path=found.path, code=found.code, outcome="refused", why=why)
    try:
        box = shots.get(found.code, found.shot)
        ws.upload(box, found.path, rights=rights, upload_id=uuid5(project.id, sha256))
    except ApomError as error:
        if error.code not in ("bad_media", "too_large", "invalid", "conflict"):
            raise
        return Came(path=found.path, code=found.code, outcome="refused", why=str(error))
    return Came(path=found.path, code=box.code, outcome="new")


class _Shots:
    """The project's shots by code; a number is the same with and without zeros before it."""

    def __init__(self, ws: Importing, project: Project) -> None:
        self._ws = ws
        self._project = project
        self._boxes = {_plain(box.code): box for box in ws.get_project_boxes(project.id)}

    def get(self, code: str, name: str) -> Box:
        """The shot of that code, made when it is not there."""
        key = _plain(code)
        if key not in self._boxes:
            self._boxes[key] = self._ws.create_box(self._project.id, name or code, code=code)
        return self._boxes[key]


def _plain(code: str) -> str:
    return code.lower().lstrip("0") or "0"


def _looks(path: Path) -> tuple[int, int] | None:
    """Size and time: what changes when a file does. None for one that is gone."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _sha256(path: Path) -> str:
    """In hex; "" for what cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
