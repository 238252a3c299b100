"""A file arrives: it is sniffed, checked, measured and made small, then kept. Blocking: call it in a thread."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from apom.config import LIMITS, MB, Limits
from apom.errors import BadMedia, TooLarge
from apom.media.sniff import HEAD, Kind, sniff
from apom.media.storage import LocalStorage, key
from apom.models import AssetType
from apom.words import N_

if TYPE_CHECKING:
    from apom.media.images import Picture

NOT_EXPECTED = {
    AssetType.IMAGE: N_("This is a picture, and no picture was asked for."),
    AssetType.VIDEO: N_("This is a clip, and no clip was asked for."),
}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that can be shown, and what was made from it.

    `width`, `height`: in pixels, as it is seen; `duration_s`, `fps`: None for a picture. `sha256`: of the file, in hex.
    `placeholder`: a data URI. `thumb`: WebP, 640 pixels at most; `preview`: a short silent MP4, None for a picture.
    """

    asset_type: AssetType
    mime: str
    ext: str
    bytes: int
    width: int
    height: int
    duration_s: float | None = None
    fps: float | None = None
    sha256: str
    placeholder: str
    thumb: Path
    preview: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a take's files are in storage."""

    file_key: str
    thumb_key: str
    preview_key: str | None


def columns(arrival: Arrival, kept: Kept) -> dict[str, object]:
    """Keys and measures, named as a take's columns."""
    return {
        "file_key": kept.file_key,
        "thumb_key": kept.thumb_key,
        "preview_key": kept.preview_key,
        "placeholder": arrival.placeholder,
        "mime": arrival.mime,
        "bytes": arrival.bytes,
        "width": arrival.width,
        "height": arrival.height,
        "duration_s": arrival.duration_s,
        "fps": arrival.fps,
        "sha256": arrival.sha256,
    }


def arrive(path: Path, folder: Path, *, expect: AssetType | None = None, limits: Limits = LIMITS) -> Arrival:
    """What the file at `path` is, in truth; the small ones made from it go into `folder`.

    Raises BadMedia when it cannot be shown or is not what is expected, TooLarge, OSError.
    """
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    if expect not in (None, kind.asset_type):
        raise BadMedia(NOT_EXPECTED[kind.asset_type])
    _check_bytes(path, kind, limits)
    folder.mkdir(parents=True, exist_ok=True)
    return (_clip if kind.asset_type is AssetType.VIDEO else _picture)(path, folder, kind, limits)


def keep(storage: LocalStorage, arrival: Arrival, path: Path, *, env: str, asset_id: UUID) -> Kept:
    """Moves everything into storage, the original last: once it is there, nothing is missing.

    Doing it again after a crash leads to the same keys. Raises OSError.
    """
    thumb_key = key(env, asset_id, "thumb", _sha256(arrival.thumb), "webp")
    storage.put(arrival.thumb, thumb_key, mime="image/webp")
    preview_key = None
    if arrival.preview:
        preview_key = key(env, asset_id, "preview", _sha256(arrival.preview), "mp4")
        storage.put(arrival.preview, preview_key, mime="video/mp4")
    file_key = key(env, asset_id, "original", arrival.sha256, arrival.ext)
    storage.put(path, file_key, mime=arrival.mime)
    return Kept(file_key=file_key, thumb_key=thumb_key, preview_key=preview_key)


def _check_bytes(path: Path, kind: Kind, limits: Limits) -> None:
    most = limits.video_bytes if kind.asset_type is AssetType.VIDEO else limits.image_bytes
    size = path.stat().st_size
    if size > most:
        raise TooLarge(
            "The file has {size} MB; at most {most} MB are taken. Make it smaller.",
            size=f"{size / MB:.4g}",
            most=f"{most / MB:g}",
        )


def _picture(path: Path, folder: Path, kind: Kind, limits: Limits) -> Arrival:
    from apom.media import images

    return _arrival(path, folder, kind, images.read(path, kind.reader, limits))


def _clip(path: Path, folder: Path, kind: Kind, limits: Limits) -> Arrival:
    from apom.media import video

    clip = video.read(path, kind.reader, limits)
    preview = folder / "preview.mp4"
    video.write_preview(clip.frames, preview)
    arrival = _arrival(path, folder, kind, clip)
    return replace(arrival, duration_s=clip.duration_s, fps=clip.fps, preview=preview)


def _arrival(path: Path, folder: Path, kind: Kind, picture: Picture) -> Arrival:
    """What pictures and clips have in common."""
    from apom.media import images

    thumb = folder / "thumb.webp"
    images.write_thumb(picture.small, thumb)
    return Arrival(
        asset_type=kind.asset_type,
        mime=kind.mime,
        ext=kind.ext,
        bytes=path.stat().st_size,
        width=picture.width,
        height=picture.height,
        sha256=_sha256(path),
        placeholder=images.placeholder(picture.small),
        thumb=thumb,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
