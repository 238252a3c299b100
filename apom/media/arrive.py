"""A file arrives: it is sniffed, checked, measured and made small, then kept. Blocking: call it in a thread."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.config import LIMITS, MB, Limits
from apom.errors import BadMedia, TooLarge
from apom.media.sniff import AAC, FLAC, HEAD, HEIC, M4A, MP3, OGG, WAV, Kind, sniff
from apom.media.storage import LocalStorage, key
from apom.models import AssetType
from apom.words import N_

if TYPE_CHECKING:
    from PIL.Image import Image

    from apom.media.sendings import Sending

LARGE = 64 * MB  # from here on a file is on its way into storage while it is looked at
KEYS = ("thumb_key", "preview_key", "proxy_key", "file_key")  # a take's stored files, the original last
MIMES = {  # of what is made here
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    **{f".{kind.ext}": kind.mime for kind in (MP3, M4A, AAC, WAV, FLAC, OGG)},
}
NOT_EXPECTED = {
    AssetType.IMAGE: N_("This is a picture, and no picture was asked for."),
    AssetType.VIDEO: N_("This is a clip, and no clip was asked for."),
    AssetType.AUDIO: N_("This is sound, and no sound was asked for."),
}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that can be shown, and what was made from it.

    `width`, `height`: in pixels, as it is seen; `duration_s`, `fps`: None for a picture. `sha256`: of the file, in hex.
    `placeholder`: a data URI. `thumb`: WebP, 640 pixels at most, of sound its waveform; `preview`: a short silent MP4 of
    a clip. `proxy`: what browsers show in place of an original that they cannot; of a clip it is made later, which
    `needs_proxy` says; of sound the same without its words. None of those three has any metadata: no place, no camera.
    """

    asset_type: AssetType
    mime: str
    ext: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    fps: float | None = None
    sha256: str
    placeholder: str
    thumb: Path
    preview: Path | None = None
    proxy: Path | None = None
    needs_proxy: bool = False


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a take's files are in storage."""

    file_key: str
    thumb_key: str
    preview_key: str | None
    proxy_key: str | None = None


def take_in(
    storage: LocalStorage,
    path: Path,
    *,
    env: str,
    asset_id: UUID,
    expect: AssetType | None = None,
    may_be_sound: bool = False,
    sha256: str | None = None,
    sending: Sending | None = None,
) -> tuple[AssetType, dict[str, Any]]:
    """The one way into storage, wherever a file comes from: looked at whole, made small, put; `path` is moved.
    `sha256`: of the file, in hex, where it is known; `sending`: what was sent of it already, see `start_sending`.

    Answers with what it is, and with keys and measures named as a take's columns. What was put goes again when not all
    could be. Raises BadMedia, TooLarge, OSError.
    """
    file: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, ExitStack() as on_its_way:
            if path.stat().st_size >= LARGE:
                kind, sha256 = _kind(path, expect), sha256 or _sha256(path)
                file_key = sending.key if sending else key(env, asset_id, "original", sha256, kind.ext)
                on_its_way.enter_context(storage.ahead(path, file_key, mime=kind.mime, sending=sending))
            arrival = arrive(path, Path(folder), expect=expect, sha256=sha256)
            if arrival.asset_type is AssetType.AUDIO and not may_be_sound:
                raise BadMedia(NOT_EXPECTED[AssetType.AUDIO])
            kept = keep(storage, arrival, path, env=env, asset_id=asset_id, file_key=sending.key if sending else None)
            file = columns(arrival, kept)
    except BaseException:
        discard(storage, file)  # the disk said no in the end
        raise
    return arrival.asset_type, file


def start_sending(storage: LocalStorage, head: bytes, size: int, *, env: str, asset_id: UUID) -> Sending | None:
    """A large file of which only the first bytes are here, where the storage takes it while it comes; it is named after them
    and its size. Raises BadMedia.
    """
    if size < LARGE or os.name != "posix":  # Windows moves no file that is open
        return None
    kind, name = sniff(head), hashlib.sha256(head + str(size).encode()).hexdigest()
    return storage.sending(key(env, asset_id, "original", name, kind.ext), mime=kind.mime)


def discard(storage: LocalStorage, file: Mapping[str, Any]) -> None:
    """Deletes what `take_in` put: nobody wants it any more."""
    for column in KEYS:
        if file.get(column):
            storage.drop(file[column])


def columns(arrival: Arrival, kept: Kept) -> dict[str, object]:
    """Keys and measures, named as a take's columns."""
    return {
        "file_key": kept.file_key,
        "thumb_key": kept.thumb_key,
        "preview_key": kept.preview_key,
        "proxy_key": kept.proxy_key,
        "needs_proxy": arrival.needs_proxy,
        "placeholder": arrival.placeholder,
        "mime": arrival.mime,
        "bytes": arrival.bytes,
        "width": arrival.width,
        "height": arrival.height,
        "duration_s": arrival.duration_s,
        "fps": arrival.fps,
        "sha256": arrival.sha256,
    }


def arrive(
    path: Path,
    folder: Path,
    *,
    expect: AssetType | None = None,
    limits: Limits = LIMITS,
    sha256: str | None = None,
) -> Arrival:
    """What the file at `path` is, in truth; the small ones made from it go into `folder`. `sha256`: where it is known.

    Raises BadMedia when it cannot be shown or is not what is expected, TooLarge, OSError.
    """
    kind = _kind(path, expect, limits)
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as beside:  # hashed while it is decoded: both leave the interpreter to others
        counted = beside.submit(lambda: sha256 or _sha256(path))
        return replace(READERS[kind.asset_type](path, folder, kind, limits), sha256=counted.result())


def keep(
    storage: LocalStorage, arrival: Arrival, path: Path, *, env: str, asset_id: UUID, file_key: str | None = None
) -> Kept:
    """Moves everything into storage, the original last: once it is there, nothing is missing. `file_key`: of the original,
    by default named after what it holds.

    Doing it again after a crash leads to the same keys. Raises OSError; nothing of it is in storage then.
    """
    made = {"thumb": arrival.thumb, "preview": arrival.preview, "proxy": arrival.proxy}
    keys: dict[str, str] = {}
    try:
        for variant, small in made.items():
            if small:
                keys[variant] = put_small(storage, small, variant, env=env, asset_id=asset_id)
        file_key = file_key or key(env, asset_id, "original", arrival.sha256, arrival.ext)
        storage.put(path, file_key, mime=arrival.mime)
    except BaseException:
        for small_key in keys.values():
            storage.drop(small_key)
        raise
    return Kept(
        file_key=file_key, thumb_key=keys["thumb"], preview_key=keys.get("preview"), proxy_key=keys.get("proxy")
    )


def put_small(storage: LocalStorage, small: Path, variant: str, *, env: str, asset_id: UUID) -> str:
    """Moves what was made from a take into storage; its key. `variant`: thumb, preview or proxy. Raises OSError."""
    small_key = key(env, asset_id, variant, _sha256(small), small.suffix[1:])
    storage.put(small, small_key, mime=MIMES[small.suffix])
    return small_key


def _kind(path: Path, expect: AssetType | None, limits: Limits = LIMITS) -> Kind:
    """By its first bytes. Raises BadMedia, TooLarge."""
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    if expect not in (None, kind.asset_type):
        raise BadMedia(NOT_EXPECTED[kind.asset_type])
    size, most = path.stat().st_size, most_bytes(kind.asset_type, limits)
    if size > most:
        raise too_large(size, most)
    return kind


def most_bytes(asset_type: AssetType, limits: Limits = LIMITS) -> int:
    """How large such a file may be."""
    sizes = {
        AssetType.IMAGE: limits.image_bytes,
        AssetType.VIDEO: limits.video_bytes,
        AssetType.AUDIO: limits.audio_bytes,
    }
    return sizes[asset_type]


def too_large(size: int, most: int) -> TooLarge:
    """More bytes than are taken."""
    return TooLarge(
        "The file has {size} MB; at most {most} MB are taken. Make it smaller.",
        size=f"{size / MB:.4g}",
        most=f"{most / MB:g}",
    )


def _picture(path: Path, folder: Path, kind: Kind, limits: Limits) -> Arrival:
    from apom.media import images

    picture = images.read(path, kind.reader, limits)
    arrival = replace(_arrival(path, folder, kind, picture.small), width=picture.width, height=picture.height)
    if kind is not HEIC:
        return arrival
    proxy = folder / "proxy.jpg"
    images.write_full(path, kind.reader, proxy, limits)
    return replace(arrival, proxy=proxy)


def _clip(path: Path, folder: Path, kind: Kind, limits: Limits) -> Arrival:
    from apom.media import proxies, video

    clip = video.read(path, kind.reader, limits)
    preview = folder / "preview.mp4"
    video.write_preview(clip.frames, preview)
    arrival = _arrival(path, folder, kind, clip.small)
    return replace(
        arrival,
        width=clip.width,
        height=clip.height,
        duration_s=clip.duration_s,
        fps=clip.fps,
        preview=preview,
        needs_proxy=not proxies.is_played(kind, clip.codec, clip.pixels),
    )


def _sound(path: Path, folder: Path, kind: Kind, limits: Limits) -> Arrival:
    from apom.media import sound

    heard = sound.read(path, kind, limits)
    proxy = folder / f"proxy.{kind.ext}"
    sound.write_copy(path, kind, proxy)
    return replace(_arrival(path, folder, kind, heard.small), duration_s=heard.duration_s, proxy=proxy)


READERS = {AssetType.IMAGE: _picture, AssetType.VIDEO: _clip, AssetType.AUDIO: _sound}


def _arrival(path: Path, folder: Path, kind: Kind, small: Image) -> Arrival:
    """What all of them have in common; `arrive` adds the hash."""
    from apom.media import images

    thumb = folder / "thumb.webp"
    images.write_thumb(small, thumb)
    return Arrival(
        asset_type=kind.asset_type,
        mime=kind.mime,
        ext=kind.ext,
        bytes=path.stat().st_size,
        sha256="",
        placeholder=images.placeholder(small),
        thumb=thumb,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
