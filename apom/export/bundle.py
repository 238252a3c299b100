"""Takes as one ZIP, sent while it is made: the first byte goes out at once, and nothing waits on a disk or in memory.

Files are stored and not compressed: pictures and clips are already. What is found missing on the way is said in the
manifest, which comes last. An archive that breaks off has no directory, and every program says that it is damaged.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pydantic import Field

from apom.errors import BadMedia, NotFound
from apom.export.cut import line
from apom.export.room import Progress, Room
from apom.export.tables import cell
from apom.media.blank import clean
from apom.models import AssetType, BoxKind, Record, Role, RoundShot, SourceType
from apom.names import media_name, media_names
from apom.store import boxes, exporting
from apom.words import N_, _, say

if TYPE_CHECKING:
    from apom.media.labels import Label
    from apom.media.patches import Patched
    from apom.media.storage import LocalStorage

MANIFEST = (
    "file", "shot", "name", "section", "take", "type", "headliner", "favourite", "rating", "model", "seed", "prompt",
    "width", "height", "duration_s", "bytes", "sha256", "original_sha256", "made_by", "made_at", "remark",
)  # fmt: skip
FOR_CLIENTS = (
    "file",
    "shot",
    "name",
    "take",
    "type",
    "prompt",
    "width",
    "height",
    "duration_s",
    "bytes",
    "sha256",
    "remark",
)
MOST = 1 << 31  # bytes of a file without ZIP64, with room to spare
FIRST = datetime(1980, 1, 1, tzinfo=UTC)  # the earliest that a ZIP knows
Row = Mapping[str, Any]


class ZipChoice(Record):
    """What is packed, and how."""

    what: Literal["headliners", "favourites", "all"] = Field("headliners", description=N_("which takes"))
    metadata: bool = Field(False, description=N_("prompt, model and seed in the files; clean files otherwise"))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A file of the ZIP. `key`: where it is stored, None where it is gone; `label`: what is written into it, None for a
    clean copy; `told`: its line in the manifest.
    """

    name: str
    key: str | None
    made_at: datetime = FIRST
    label: Label | None = None
    told: Row = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is sent. `remarks`: what is missing; it grows while the chunks are taken."""

    remarks: list[str]
    chunks: Iterator[bytes]


def write(room: Room, choice: ZipChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The ZIP at `path`. Raises OSError."""
    bundle = opened(room, choice, progress)
    with path.open("wb") as file:
        for chunk in bundle.chunks:
            file.write(chunk)
    return bundle.remarks


def least(choice: ZipChoice) -> Role:
    """Clean files are for everybody who may look."""
    return Role.EDITOR if choice.metadata else Role.VIEWER


def opened(room: Room, choice: ZipChoice, progress: Progress = lambda share: None) -> Bundle:
    """A project's takes. `progress` hears of every file before it is read, and may raise to end it."""
    with room.store.read() as tx:
        takes = exporting.files(tx, room.project_id)
        shots = boxes.of_project(tx, room.actor.user_id, room.project_id, BoxKind.SHOT)
    names = media_names((take["code"], take["id"], _ending(take)) for take in takes)
    chosen = sorted(filter(_chosen(choice), takes), key=_place)
    remarks = [] if chosen or shots else [_("The project has no shots yet.")]
    if choice.what == "headliners":
        picked = {take["box_id"] for take in chosen}
        bare = (shot for shot in shots if shot.id not in picked)
        remarks += [line(f"{shot.code} {shot.name}: {_('No take has been picked for this shot.')}") for shot in bare]
    if not chosen and not remarks:
        remarks.append(_("No take is among them."))
    pieces = [_piece(take, names[take["id"]], choice.metadata) for take in chosen]
    return bundled(pieces, room.storage, progress=progress, remarks=remarks)


def bundled(
    pieces: Sequence[Piece],
    storage: LocalStorage,
    header: Sequence[str] = MANIFEST,
    progress: Progress = lambda share: None,
    remarks: Sequence[str] = (),
) -> Bundle:
    """These files, and a manifest with these columns."""
    said = list(remarks)
    return Bundle(remarks=said, chunks=_stream(pieces, storage, header, progress, said))


def of_round(
    shots: Sequence[RoundShot], files: Mapping[UUID, Row], storage: LocalStorage, *, prompts: bool, progress: Progress
) -> Bundle:
    """What a round shows, for those behind a link: clean files, and nothing of how they were made but their `prompts`."""
    shown = [(shot, files[shot.asset_id]) for shot in shots if shot.asset_id is not None and shot.asset_id in files]
    names = media_names((shot.code, file["id"], _ending(file)) for shot, file in shown)
    pieces = [
        Piece(
            name=names[file["id"]],
            key=file["file_key"],
            made_at=file["created_at"],
            told={
                "shot": shot.code,
                "name": shot.name,
                "take": file["number"],
                "type": file["asset_type"],
                "prompt": file["prompt_text"],
                **{key: file[key] for key in ("width", "height", "duration_s")},
            },
        )
        for shot, file in shown
    ]
    gone = (shot for shot in shots if shot.asset_id is not None and shot.asset_id not in files)
    pieces += [
        Piece(name=media_name(shot.code, shot.asset_id, ""), key=None, told={"shot": shot.code, "name": shot.name})
        for shot in gone
        if shot.asset_id is not None
    ]
    header = [name for name in FOR_CLIENTS if prompts or name != "prompt"]
    return bundled(pieces, storage, header=header, progress=progress)


def _chosen(choice: ZipChoice) -> Callable[[Row], bool]:
    if choice.what == "headliners":
        return lambda take: bool(take["is_headliner"])
    if choice.what == "favourites":
        return lambda take: bool(take["is_favorite"])
    return lambda take: True


def _place(take: Row) -> tuple[bool, int, str, int]:
    """Shots in order, then the other boxes by code."""
    order = take["order_index"]
    return order is None, order or 0, take["code"], take["number"]


def _ending(take: Row) -> str:
    return str(take["file_key"] or "").rpartition(".")[2]


def _piece(take: Row, name: str, metadata: bool) -> Piece:
    told = {
        "shot": take["code"],
        "type": take["asset_type"],
        "take": take["number"],
        "headliner": take["is_headliner"],
        "favourite": take["is_favorite"],
        "model": take["ai_model"],
        "prompt": take["prompt_text"],
        "original_sha256": take["sha256"],
        "made_at": f"{take['created_at']:%Y-%m-%d %H:%M:%S}",
        **{key: take[key] for key in ("name", "section", "rating", "seed", "width", "height", "duration_s", "made_by")},
    }
    has_copy = take["asset_type"] == AssetType.AUDIO and not metadata  # of sound there is one without words
    key = None if take["purged_at"] else take["proxy_key" if has_copy else "file_key"]
    return Piece(
        name=name, key=key, made_at=take["created_at"], label=_label(take) if metadata and key else None, told=told
    )


def _label(take: Row) -> Label | None:
    from apom.media.labels import Label

    if take["asset_type"] == AssetType.AUDIO:
        return None
    return Label(
        take=take["id"],
        shot=take["code"],
        made_at=take["created_at"],
        is_generated=take["source_type"] != SourceType.UPLOADED,
        prompt=take["prompt_text"],
        model=take["ai_model"],
        seed=take["seed"],
        width=take["width"],
        height=take["height"],
        params=take["generation_config"],
    )


# the archive


class _Sink(io.RawIOBase):
    """Where the ZIP is written: what comes is handed on. It cannot be sought in, so zipfile puts sizes behind files."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        kept, self._kept = self._kept, []
        return kept[0] if len(kept) == 1 else b"".join(kept)


def _stream(
    pieces: Sequence[Piece], storage: LocalStorage, header: Sequence[str], progress: Progress, remarks: list[str]
) -> Iterator[bytes]:
    sink, rows = _Sink(), list[dict[str, object]]()
    with zipfile.ZipFile(sink, "w") as archive:
        for place, piece in enumerate(pieces):
            progress(place / len(pieces))
            row: dict[str, object] = {**piece.told, "file": piece.name}
            rows.append(row)
            with tempfile.TemporaryDirectory(prefix="apom-zip-") as folder:
                try:
                    file = _file(piece, storage, Path(folder))
                except (NotFound, BadMedia) as error:
                    row["file"], row["remark"] = "", _why(piece, error)
                    remarks.append(line(f"{piece.told.get('shot', '')} {piece.name}: {row['remark']}"))
                    continue
                digest = hashlib.sha256()
                info = _entry(piece.name, piece.made_at)
                with archive.open(info, "w", force_zip64=file.size > MOST) as entry:
                    for chunk in file.read():
                        entry.write(chunk)
                        digest.update(chunk)
                        yield sink.taken()
                row["bytes"], row["sha256"] = file.size, digest.hexdigest()
            yield sink.taken()
        at = max((piece.made_at for piece in pieces), default=FIRST)
        archive.writestr(_entry("manifest.csv", at), _as_csv(header, rows), zipfile.ZIP_DEFLATED)
        archive.writestr(_entry("manifest.json", at), _as_json(header, rows, remarks), zipfile.ZIP_DEFLATED)
        yield sink.taken()
    progress(1.0)
    yield sink.taken()


def _file(piece: Piece, storage: LocalStorage, folder: Path) -> Patched:
    """The file as it is sent; ready to be read. Raises NotFound, BadMedia, Unavailable."""
    from apom.media.labels import labelled
    from apom.media.patches import Patched

    if piece.key is None:
        raise NotFound
    path = storage.path(piece.key)
    if piece.told.get("type") == AssetType.AUDIO:
        return Patched(path)
    return labelled(path, piece.label, folder) if piece.label is not None else clean(path)


def _why(piece: Piece, error: NotFound | BadMedia) -> str:
    if piece.key is None:
        return _("Its file was cleaned away; its recipe is left.")
    return say(error) if isinstance(error, BadMedia) else _("Its file cannot be found.")


def _entry(name: str, at: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, max(at, FIRST).timetuple()[:6])
    info.external_attr = 0o644 << 16
    return info


def _as_csv(header: Sequence[str], rows: Iterable[Row]) -> bytes:
    """UTF-8 with a byte order mark, every text shown as it is."""
    made = io.StringIO()
    table = csv.writer(made)
    table.writerow(header)
    table.writerows([cell(row.get(name), name) for name in header] for row in rows)
    return made.getvalue().encode("utf-8-sig", "replace")


def _as_json(header: Sequence[str], rows: Iterable[Row], remarks: Sequence[str]) -> bytes:
    takes = [{name: row.get(name) for name in header} for row in rows]
    written = json.dumps({"takes": takes, "remarks": list(remarks)}, ensure_ascii=True, indent=1, default=str)
    return written.encode()
