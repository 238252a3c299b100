"""A whole project in one ZIP: its rows as lines of JSON, its files as they are, and what all of it should be.

`manifest.json` says the format, the schema, and of every entry its SHA-256; `tables/<name>.jsonl` holds a row a line;
`media/<take>/<file>` the files. People stand there by name (`@alice`), a stranger by an id. Nothing of it opens a door:
no links, tokens or keys. The same project gives the same entries, whichever house it is packed in.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from apom import __version__
from apom.errors import ApomError
from apom.export.room import Progress, Room
from apom.models import Record
from apom.store import archiving, migrations
from apom.words import _, plural

FORMAT, VERSION = "apom project archive", 1
MANIFEST = "manifest.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same project is the same file
PIECE = 1024 * 1024
Known: TypeAlias = Mapping[str, frozenset[UUID]]
Columns: TypeAlias = Mapping[str, archiving.Column]


class ArchiveChoice(Record):
    """Nothing to choose: it is everything."""


def write(room: Room, choice: ArchiveChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The archive at `path`, or nothing there. Raises OSError."""
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            return _Packing(room, archive, progress).run()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class _Packing:
    """One archive on its way."""

    def __init__(self, room: Room, archive: zipfile.ZipFile, progress: Progress) -> None:
        self._room, self._zip, self._progress = room, archive, progress
        self._keys: dict[
            str, tuple[str, str | None]
        ] = {}  # where a file is in the archive: its key in the storage, its hash
        self._lost = 0

    def run(self) -> list[str]:
        """All of it; answers with what is missing, in words."""
        room = self._room
        with room.store.read() as tx:
            tx.take_time()
            schema, named = migrations.version(tx), archiving.columns(tx)
            known, people = archiving.ids(tx, room.project_id), archiving.people(tx)
            tables = {}
            for table, columns in named.items():
                rows = archiving.rows(tx, table, columns, room.project_id)
                tables[table] = self._table(table, (self._row(table, columns, row, known, people) for row in rows))
        files, missing = self._media()
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "schema": schema,
            "apom": __version__,
            "made_at": room.now.isoformat(),
            "project": room.project().name,
            "tables": tables,
            "files": files,
            "missing": missing,
        }
        self._zip.writestr(_entry(MANIFEST), json.dumps(manifest, ensure_ascii=False, indent=1))
        return self._remarks(missing)

    def _table(self, table: str, rows: Iterator[dict[str, Any] | None]) -> dict[str, object]:
        digest, count = hashlib.sha256(), 0
        with self._zip.open(_entry(f"tables/{table}.jsonl"), "w", force_zip64=True) as entry:
            for row in rows:
                if row is None:
                    continue
                line = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                entry.write(line)
                count += 1
                if count % archiving.BATCH == 0:
                    self._progress(0.0)
        return {"rows": count, "sha256": digest.hexdigest()}

    def _row(
        self, table: str, columns: Columns, row: dict[str, Any], known: Known, people: Mapping[UUID, str]
    ) -> dict[str, Any] | None:
        """As it travels; None for one that belongs to what is not of this project."""
        made = {}
        for name, value in row.items():
            target = archiving.POINTS.get(name)
            if target and value is not None and table != archiving.OUTLIVES and value not in known[target]:
                if not columns[name].may_be_null:
                    self._lost += 1
                    return None
                value = None
            elif name in archiving.PEOPLE and table != archiving.OUTLIVES and value in people:
                value = f"@{people[value]}"
            elif table == "asset" and name.endswith("_key") and value is not None:
                value = self._file(row["id"], value, row["sha256"] if name == "file_key" else None)
            made[name] = archiving.text(value)
        return made

    def _file(self, asset_id: UUID, key: str, sha256: str | None) -> str:
        name = f"{asset_id}/{key.rpartition('/')[2]}"
        if sha256:  # the key of an original may be older than what it holds
            name = f"{asset_id}/original-{sha256[:12]}.{key.rpartition('.')[2]}"
        self._keys[f"media/{name}"] = key, sha256
        return name

    def _media(self) -> tuple[dict[str, object], list[str]]:
        """What each file is, and which could not be had whole."""
        files: dict[str, object] = {}
        missing = []
        for done, (name, (key, expected)) in enumerate(sorted(self._keys.items())):
            self._progress(done / len(self._keys))
            try:
                path = self._room.storage.path(key)
            except ApomError:
                missing.append(name)
                continue
            sha256 = self._add(name, path, expected)
            if sha256 is None:
                missing.append(name)
            else:
                files[name] = {"bytes": path.stat().st_size, "sha256": sha256}
        return files, missing

    def _add(self, name: str, path: Path, expected: str | None) -> str | None:
        """Its SHA-256; None for a damaged file, which is not packed: what its take or its name says of it is not so."""
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
            if expected not in (None, sha256) or f"-{sha256[:12]}." not in name:
                return None
            source.seek(0)
            with self._zip.open(_entry(name, zipfile.ZIP_STORED), "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry, PIECE)
        return sha256

    def _remarks(self, missing: Sequence[str]) -> list[str]:
        remarks = []
        if missing:
            remarks.append(
                plural(
                    "{n} file cannot be found or is damaged; it is not in the archive.",
                    "{n} files cannot be found or are damaged; they are not in the archive.",
                    len(missing),
                )
            )
        if self._lost:
            remarks.append(_("What takes of other projects are to these takes is left out: {n} rows.", n=self._lost))
        return remarks


def _entry(name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.external_attr = method, 0o100644 << 16
    return info
