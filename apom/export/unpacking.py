"""A project archive, read by somebody who trusts nothing in it: what is wrong is found before anything is stored.

The ZIP's own directory is looked at first (sizes, names, no links, nothing twice), then every row (its columns, types and
lengths, that what it points to is there, SHA-256 of the whole), then every file as it is unpacked. Nothing is unpacked to a
path that the archive names.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import Field, ValidationError

from apom.config import LIMITS, Limits
from apom.errors import Invalid, TooLarge
from apom.export.packing import FORMAT, MANIFEST, PIECE, VERSION
from apom.media.sniff import HEAD
from apom.models import Record
from apom.store.archiving import OUTLIVES, PEOPLE, POINTS, TABLES, WITH_IDS, Column
from apom.words import N_

MANIFEST_BYTES = 16 * 1024 * 1024  # beside its entries: with many files that are missing
MANIFEST_ENTRY = 400  # bytes of what it says of one, more than enough
BRACKETS = 1000  # in the project's name, and what there is once
DIRECTORY_ENTRY = 200  # bytes of one in the ZIP's directory, about
END_BYTES = 76 + 22 + 65_535  # of a ZIP's end, what a large one has before it and its comment included
NAME = re.compile(r"(?P<asset>[0-9a-f-]{36})/(?P<variant>[a-z]+)-(?P<sha12>[0-9a-f]{12})\.(?P<ext>[a-z0-9]{2,5})")
ENTRY = re.compile(rf"manifest\.json|tables/(?P<table>[a-z_]+)\.jsonl|media/{NAME.pattern}")
PLACEHOLDER = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]{1,4000}")
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # in JSON
TEXT_CHARS = 200_000
LAST = 2**31 - 1, 2**63 - 1
LARGEST = 1e15  # sums of many are numbers still
YEARS = 1970, 2100  # a ZIP knows no later ones than 2107
DAMAGED = N_("This archive is damaged or was changed ({reason}). Nothing was brought in. Export it again.")
Columns: TypeAlias = Mapping[str, Mapping[str, Column]]
Ids: TypeAlias = Mapping[str, frozenset[UUID]]


def damaged(reason: str) -> Invalid:
    """What is wrong with an archive; `reason` is for whoever made it."""
    return Invalid(DAMAGED, field="file", reason=reason[:200])


class Sum(Record):
    """What an entry should be. `rows`: of a table; `bytes`: of a file."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(0, ge=0)
    bytes: int = Field(0, ge=0)


class Manifest(Record):
    """What an archive says of itself."""

    format: str
    version: int
    schema_: int = Field(alias="schema")
    apom: str
    made_at: datetime
    project: str
    tables: dict[str, Sum]
    files: dict[str, Sum]
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file as the row of its take names it."""

    name: str
    asset_id: UUID
    column: str
    asset_type: str
    mime: str | None
    bytes: int | None
    sha256: str | None


class Archive:
    """An archive whose directory and manifest hold together. Raises Invalid, TooLarge. Close it."""

    def __init__(self, path: Path, schema: int, limits: Limits = LIMITS) -> None:
        self._limits = limits
        _check_end(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
            raise damaged("it is no ZIP file") from error
        try:
            _check_directory(self._zip, path.stat().st_size, limits)
            self.manifest = self._manifest(schema)
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Lets go of the file."""
        self._zip.close()

    def rows(self, table: str, columns: Mapping[str, Column]) -> Iterator[dict[str, Any]]:
        """Its rows with values as the store has them, references as they are; people by name or as an id.

        Raises Invalid for whatever is wrong, at the end for what is wrong with the whole.
        """
        expected = self.manifest.tables[table]
        digest, count = hashlib.sha256(), 0
        for line in self._lines(f"tables/{table}.jsonl"):
            digest.update(line)
            count += 1
            if count > expected.rows:
                break
            try:
                yield _row(table, columns, line)
            except (ValueError, TypeError, RecursionError, OverflowError) as error:
                raise damaged(f"{table}, row {count}: {error or type(error).__name__}") from error
        if count != expected.rows or digest.hexdigest() != expected.sha256:
            raise damaged(f"{table} is not what the manifest says")

    def unpack(self, name: str, path: Path) -> bytes:
        """Writes a file to `path` and answers with its first bytes. Raises Invalid, OSError."""
        expected, digest, size = self.manifest.files[f"media/{name}"], hashlib.sha256(), 0
        head = b""
        try:
            with self._zip.open(f"media/{name}") as entry, path.open("wb") as file:
                while piece := entry.read(PIECE):
                    head = head or piece[:HEAD]
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise damaged(f"{name}: {error}") from error
        if size != expected.bytes or digest.hexdigest() != expected.sha256:
            raise damaged(f"{name} is not what the manifest says")
        return head

    def _lines(self, name: str) -> Iterator[bytes]:
        most = self._limits.archive_row_bytes
        try:
            with io.BufferedReader(self._zip.open(name), PIECE) as entry:  # type: ignore[type-var]  # it reads raw
                while line := entry.readline(most + 1):
                    if len(line) > most:
                        raise damaged(f"{name}: a row is longer than {most} bytes")
                    yield line
        except (zipfile.BadZipFile, NotImplementedError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise damaged(f"{name}: {error}") from error

    def _manifest(self, schema: int) -> Manifest:
        try:
            with self._zip.open(MANIFEST) as entry:
                text = entry.read(MANIFEST_BYTES + MANIFEST_ENTRY * len(self._zip.infolist()))
            if text.count(b"{") + text.count(b"[") > len(self._zip.infolist()) + BRACKETS:
                raise damaged("the manifest is of another shape")  # read, it would be many times as large
            found = json.loads(text)
        except (KeyError, ValueError, RecursionError, zipfile.BadZipFile, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise damaged("there is no manifest that can be read") from error
        _check_version(found, schema)
        try:
            manifest = Manifest.model_validate(found)
        except ValidationError as error:
            raise damaged(f"manifest: {error.errors()[0]['loc']}") from error
        self._check_entries(manifest)
        return manifest

    def _check_entries(self, manifest: Manifest) -> None:
        """Every entry is in the manifest and the other way round."""
        if manifest.tables.keys() - TABLES.keys() or "project" not in manifest.tables:
            raise damaged("there are other tables than a project has")
        said = {MANIFEST, *(f"tables/{table}.jsonl" for table in manifest.tables), *manifest.files}
        if said != set(self._zip.namelist()):
            raise damaged("its entries are not those of the manifest")
        if sum(table.rows for table in manifest.tables.values()) > self._limits.archive_rows:
            raise TooLarge("The archive has more than {most} rows.", most=self._limits.archive_rows)


def _check_end(path: Path, limits: Limits) -> None:
    """How large the ZIP says its directory is, before it is read: it is read whole."""
    size = path.stat().st_size
    if size > limits.archive_bytes:
        raise TooLarge("The archive has more than {most} GB.", most=limits.archive_bytes // 1024**3)
    with path.open("rb") as file:
        file.seek(max(0, size - END_BYTES))
        end = file.read()
        at = end.rfind(b"PK\5\6")
        if at < 0 or len(end) - at < 22:
            raise damaged("it is no ZIP file")
        (directory,) = struct.unpack_from("<I", end, at + 12)
        if at >= 76 and end[at - 76 : at - 72] == b"PK\6\6":  # of a large ZIP, which zipfile believes first
            (directory,) = struct.unpack_from("<Q", end, at - 36)
    if directory > (limits.archive_files + len(TABLES) + 1) * DIRECTORY_ENTRY:
        raise TooLarge("The archive has more than {most} files.", most=limits.archive_files)


def _check_directory(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    seen: set[str] = set()
    packed = rows = 0
    for info in archive.infolist():
        match = ENTRY.fullmatch(info.filename)
        if match is None or info.filename in seen or info.orig_filename != info.filename:
            raise damaged(f"an entry is called {info.filename[:80]!a}")
        seen.add(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 1 or kind not in (0, stat.S_IFREG):
            raise damaged(f"{info.filename} is encrypted or is no file")
        is_media = match["asset"] is not None
        stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
        if not stored and (is_media or info.compress_type != zipfile.ZIP_DEFLATED):
            raise damaged(f"{info.filename} is packed in another way")
        packed += info.compress_size
        rows += 0 if is_media else info.file_size
    if packed > size:
        raise damaged("its entries lie over each other")
    if rows > limits.archive_rows_bytes + MANIFEST_BYTES:
        raise TooLarge(
            "The rows of the archive come to more than {most} MB.", most=limits.archive_rows_bytes // 1024**2
        )


def _check_version(found: Any, schema: int) -> None:
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Invalid("This is not a project archive of apom. Choose a file that was exported as one.", field="file")
    version, made_with = found.get("version"), found.get("schema")
    if not isinstance(version, int) or not isinstance(made_with, int):
        raise damaged("manifest: version")
    if version > VERSION or made_with > schema:
        raise Invalid(
            "This archive was made by a newer apom (schema {there}, this one knows {here}). Update apom, then bring it.",
            field="file",
            there=made_with,
            here=schema,
        )


def _row(table: str, columns: Mapping[str, Column], line: bytes) -> dict[str, Any]:
    """Raises ValueError, TypeError, RecursionError."""
    found = json.loads(line, parse_constant=_no_constant)
    if not isinstance(found, dict) or found.keys() - columns.keys():
        raise ValueError("other columns than there are")
    row: dict[str, Any] = {}
    for name, column in columns.items():
        value = found.get(name)
        if value is None:
            if not column.may_be_null:
                raise ValueError(f"{name} is missing")
            row[name] = None
        elif name in PEOPLE and table != OUTLIVES and isinstance(value, str) and value.startswith("@"):
            row[name] = _text(value)
        else:
            row[name] = READ[column.kind](value)
    return row


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no number")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARS or "\0" in value:
        raise ValueError("a text that cannot be")
    value.encode()  # no lone surrogates
    return value


def _json(value: object) -> str:
    text = value if isinstance(value, str) else ""
    found = json.loads(text, parse_constant=_no_constant)
    if NUL.search(text):
        raise ValueError("a text that cannot be")
    text.encode()
    json.dumps(found, ensure_ascii=False).encode()  # no lone surrogates
    return text


def _uuid(value: object) -> UUID:
    found = UUID(_text(value))
    if str(found) != value:
        raise ValueError("an id written in another way")
    return found


def _whole(most: int) -> Any:
    def read(value: object) -> int:
        if type(value) is not int or not -most - 1 <= value <= most:
            raise ValueError("a number that cannot be")
        return value

    return read


def _float(value: object) -> float:
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:  # type: ignore[operator]
        raise ValueError("a number that cannot be")
    return float(value)  # type: ignore[arg-type]


def _bool(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("neither true nor false")
    return value


def _moment(value: object) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None or not YEARS[0] <= found.year <= YEARS[1]:
        raise ValueError("a moment that cannot be")
    return found


READ = {
    "uuid": _uuid,
    "text": _text,
    "json": _json,
    "integer": _whole(LAST[0]),
    "bigint": _whole(LAST[1]),
    "double precision": _float,
    "boolean": _bool,
    "timestamp with time zone": _moment,
}


def ids_of(archive: Archive, columns: Columns) -> dict[str, frozenset[UUID]]:
    """The ids of every table that has some; each once. Reads all of them. Raises Invalid."""
    found: dict[str, frozenset[UUID]] = {}
    for table in WITH_IDS:
        rows = archive.rows(table, columns[table]) if table in archive.manifest.tables else iter(())
        some = [row["id"] for row in rows]
        found[table] = frozenset(some)
        if len(found[table]) != len(some):
            raise damaged(f"{table}: an id is there twice")
    if len(found["project"]) != 1:
        raise damaged("it is not one project")
    return found


def check_points(table: str, row: Mapping[str, Any], ids: Ids) -> None:
    """What a row points to is in the archive; what costs speak of may be gone, but not their project. Raises Invalid."""
    for name, value in row.items():
        target = POINTS.get(name)
        may_be_gone = table == OUTLIVES and name != "project_id"
        if target is not None and value is not None and not may_be_gone and value not in ids[target]:
            raise damaged(f"{table}.{name} points to nothing")


def wanted_of(row: Mapping[str, Any]) -> Iterator[Wanted]:
    """The files that a take's row names. Raises Invalid."""
    if row["placeholder"] is not None and not PLACEHOLDER.fullmatch(row["placeholder"]):
        raise damaged("asset.placeholder is no picture")
    for column in [name for name in row if name.endswith("_key")]:
        if row[column] is None:
            continue
        match = NAME.fullmatch(row[column])
        if match is None or match["asset"] != str(row["id"]):
            raise damaged(f"asset.{column} names no file of its own")
        yield Wanted(
            name=row[column],
            asset_id=row["id"],
            column=column,
            asset_type=row["asset_type"],
            mime=row["mime"],
            bytes=row["bytes"],
            sha256=row["sha256"],
        )
