"""What a take's file is called wherever it leaves the house: `{code}_{take8}.{ext}`.

Neither a shot's place nor its name is part of it, so neither a reorder nor a rename moves what an editor has linked. A
file name needs no more than the take's first eight digits, which is also as much as a reel name in an EDL may be long.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from uuid import UUID

from apom.config import LIMITS

DIGITS = 8
LONGER = (12, 16, 32)  # for two takes of one shot that begin alike
CODE_CHARS = 40
BREAK = re.compile(r"\s*[:;|/\\]+\s+")  # between a title and what follows it: "Sample: the lighthouse"
QUOTES = re.compile("[\"'“”„‘’«»]")
NO_NAME = re.compile(r"[^\w .,()-]+")
DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)", re.IGNORECASE)  # Windows opens those


def take8(take_id: UUID) -> str:
    """The first eight hexadecimal digits of a take's id."""
    return take_id.hex[:DIGITS]


def media_name(code: str, take_id: UUID, ext: str, *, digits: int = DIGITS) -> str:
    """The name of a take's file, good on every file system. `code`: of its shot; `ext`: without a dot."""
    ending = re.sub("[^a-z0-9]", "", ext.lower()[:10])
    return _no_device(f"{file_safe(code)}_{take_id.hex[:digits]}" + (f".{ending}" if ending else ""))


def media_names(takes: Iterable[tuple[str, UUID, str]]) -> dict[UUID, str]:
    """The names of many takes of one project, given as (code, id, ext) in the order they were made.

    Who came first keeps the short name; a later one that would be called the same gets more digits. Names differ by more
    than their ending, so that what is made from a take can be called by its stem.
    """
    names: dict[UUID, str] = {}
    stems: set[str] = set()
    for code, take_id, ext in takes:
        for digits in (DIGITS, *LONGER):
            name = media_name(code, take_id, ext, digits=digits)
            if stem(name).casefold() not in stems:
                break
        stems.add(stem(name).casefold())
        names[take_id] = name
    return names


def stem(name: str) -> str:
    """A file's name without its ending. A code may have dots, the digits after it have none."""
    return name.rpartition(".")[0] if "." in name.rpartition("_")[2] else name


def file_safe(text: str) -> str:
    """A text as a part of a file name: letters, digits, dots and dashes; never empty, hidden or a path."""
    plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text))
    return plain.strip("._").lstrip("._-")[:CODE_CHARS].strip("._") or "take"


def called(words: str, ext: str) -> str:
    """What a file is called that is made of a project: good on every file system."""
    title = BREAK.sub(" - ", QUOTES.sub("", words).strip())
    plain = NO_NAME.sub("_", title).strip(". ")[: LIMITS.name_chars] or "export"
    return _no_device(f"{plain}.{ext}")


def _no_device(name: str) -> str:
    return f"_{name}" if DEVICE.match(name) else name
