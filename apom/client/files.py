"""Stored files as they were fetched: kept under their names, which change with their content."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlencode
from uuid import UUID

from pydantic_core import to_jsonable_python

from apom.client.door import raise_problem
from apom.errors import NotFound, Unavailable
from apom.models import Exported
from apom.net.ours import Connection

REMARKS = "apom-remarks"  # the header with what is missing in a document, as JSON
NAME = re.compile(r"[a-z]+-[0-9a-f]{12}\.[a-z0-9]{2,5}")
NO_PATH = re.compile(r"^\.+|[/\\]")


class Files:
    """A folder that only its owner reads. Without one given it is a temporary one, gone with this object."""

    def __init__(self, connection: Connection, folder: Path | None) -> None:
        self._connection = connection
        self._given = folder

    @cached_property
    def _folder(self) -> Path:
        if self._given is not None:
            self._given.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._given
        made = Path(tempfile.mkdtemp(prefix="apom-"))
        self._end = weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        return made

    def file(self, asset_id: UUID, name: str) -> tuple[Path, str]:
        """A stored file: (path, media type). The server is asked each time, and sends only what is not here yet.

        Raises NotFound, NotSignedIn, Unavailable.
        """
        if not NAME.fullmatch(name):
            raise NotFound
        path = self._place(asset_id) / name
        known = {"If-None-Match": f'"{path.stem}"'} if path.exists() else {}
        reply = self._connection.fetch(f"/app/static/m/{asset_id}/{name}", path, known)
        if reply.status not in (200, 304):
            path.unlink(missing_ok=True)
            raise_problem(reply)
        return path, reply.headers["content-type"]

    def export(self, address: str, asked: Mapping[str, object], path: Path | None) -> Exported:
        """A file that the server writes, at `path`, or in this folder. Raises NotFound, NotSignedIn, Unavailable, OSError."""
        target = path or self._folder / "export"
        wanted = {name: value for name, value in to_jsonable_python(asked).items() if value is not None}
        reply = self._connection.fetch(f"{address}?{urlencode(wanted)}", target, {})
        if reply.status != HTTPStatus.OK:
            raise_problem(reply)
        return Exported(
            path=target,
            name=unquote(reply.headers.get("content-disposition", "").rpartition("''")[2]),
            mime=reply.headers["content-type"].partition(";")[0],
            bytes=target.stat().st_size,
            remarks=tuple(json.loads(reply.headers.get(REMARKS, "[]"))),
        )

    def download(self, asset_id: UUID, path: Path, *, metadata: bool) -> Exported:
        """A take to keep, at `path`, or in that folder under its name. Raises NotFound, NotAllowed, Unavailable, OSError."""
        target = path / f"{asset_id}.part" if path.is_dir() else path
        found = self.export(f"/api/assets/{asset_id}/download", {"metadata": metadata}, target)
        if not path.is_dir():
            return found
        return found.model_copy(update={"path": target.rename(path / NO_PATH.sub("_", found.name))})

    def _place(self, asset_id: UUID) -> Path:
        try:
            place = self._folder / str(asset_id)
            place.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                "The file cannot be written here: {reason}. Make room on the disk.", reason=error.strerror or error
            ) from error
        return place

    def close(self) -> None:
        """A temporary folder goes."""
        if self._given is None and "_folder" in vars(self):
            self._end()
            del self._folder
