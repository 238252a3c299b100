"""An input as a model takes it: another type, fewer bytes. The original is never touched. Blocking: call it in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apom.config import LIMITS, MB
from apom.errors import TooLarge
from apom.media.blank import clean

if TYPE_CHECKING:
    from PIL import Image

WRITTEN = {"image/jpeg": ("JPEG", "jpg"), "image/png": ("PNG", "png"), "image/webp": ("WEBP", "webp")}
QUALITIES = (95, 85, 75)
STEP = 0.75  # of each side, once quality alone does not help
LEAST_SIDE = 64  # px


def wanted(mime: str, mimes: Sequence[str]) -> str | None:
    """The type a file is sent as: its own where the model takes it, else one that we write; None for neither."""
    if mime in mimes:
        return mime
    return next((each for each in WRITTEN if each in mimes), None) if mime.startswith("image/") else None


def fits(mime: str, size: int, mimes: Sequence[str], most_mb: float) -> bool:
    """Whether a file can be sent, as it is or made to fit. `size`: in bytes."""
    return wanted(mime, mimes) is not None and (mime.startswith("image/") or size <= most_mb * MB)


def fitted(path: Path, mime: str, mimes: Sequence[str], most_mb: float, folder: Path) -> tuple[Path, str]:
    """The file itself where the model takes it, a picture without its words; else one made from it in `folder`; its type.

    Turned upright, in sRGB, without metadata: no place, no camera, no prompt. Where a picture is too large it loses
    quality first, and then pixels. Raises TooLarge, BadMedia, OSError.
    """
    target, most = wanted(mime, mimes), most_mb * MB
    if target == mime and path.stat().st_size <= most:
        return _without_words(path, mime, folder), mime
    if target not in WRITTEN:
        raise _too_large(most_mb)
    return _written(path, target, most, folder), target


def _without_words(path: Path, mime: str, folder: Path) -> Path:
    """Where a photograph was taken is nobody's business there; the pixels are the very same."""
    file = clean(path) if mime.startswith("image/") else None
    if file is None or not file.is_patched:
        return path
    out = folder / f"input{path.suffix}"
    file.write(out)
    return out


def _written(path: Path, target: str, most: float, folder: Path) -> Path:
    image, (kind, ext) = _picture(path, has_alpha=target != "image/jpeg"), WRITTEN[target]
    out = folder / f"input.{ext}"
    while True:
        for quality in QUALITIES if kind != "PNG" else QUALITIES[:1]:  # a PNG loses nothing but pixels
            image.save(out, kind, quality=quality)
            if out.stat().st_size <= most:
                return out
        if max(image.size) * STEP < LEAST_SIDE:
            raise _too_large(most / MB)
        image = image.resize((max(1, int(image.width * STEP)), max(1, int(image.height * STEP))))


def _picture(path: Path, *, has_alpha: bool) -> Image.Image:
    """Upright and bare; what was transparent is white where the type knows no transparency."""
    from PIL import Image

    from apom.media.images import full
    from apom.media.sniff import HEAD, sniff

    with path.open("rb") as file:
        reader = sniff(file.read(HEAD)).reader
    image = full(path, reader, LIMITS)
    if image.mode != "RGBA" or has_alpha:
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _too_large(most_mb: float) -> TooLarge:
    return TooLarge("The file is larger than the {most} MB that this model takes here.", most=f"{most_mb:.3g}")
