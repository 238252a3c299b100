"""What the libraries were built with: some builds leave out what pictures and clips need here."""

from __future__ import annotations

from typing import Literal

import av
from PIL import features

DECODED = ("h264",)
ENCODED = ("libx264",)


def missing() -> tuple[str, ...]:
    """What cannot be read or written that has to be: nothing, with the packages from requirements.txt."""
    absent = [f"decoding {name}" for name in DECODED if not _has(name, "r")]
    absent += [f"encoding {name}" for name in ENCODED if not _has(name, "w")]
    return tuple(absent if features.check("webp") else ["WebP", *absent])


def _has(codec: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.Codec(codec, mode)
    except ValueError:  # PyAV's UnknownCodecError
        return False
    return True
