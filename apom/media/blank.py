"""Pictures and clips without the words that came in them: prompts, workflows, places, cameras, dates, names of programs.

What a generator or a camera wrote beside the picture is overwritten where it lies: nothing is decoded, coded or muxed anew,
every pixel and every sample stays the very same bytes, and the length stays, so that no copy has to be made to play or to
send such a file. What stays is named; whatever is not known goes. Colour profiles stay, and what turns a picture upright.

Formats: PNG 1.3 (chunk layout and CRC), JPEG (ITU T.81 B.1: markers), WebP (RFC 9649: RIFF chunks), GIF 89a (blocks);
`boxes` has MP4, MOV, HEIC and AVIF, `ebml` WebM and MKV.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from apom.errors import BadMedia
from apom.media import boxes, ebml
from apom.media.boxes import NO_EXIF
from apom.media.patches import Patch, Patched, over
from apom.media.sniff import AVIF, GIF, HEAD, HEIC, JPEG, MKV, MOV, MP4, PNG, WEBM, WEBP, Kind, sniff

Patches: TypeAlias = Iterator[Patch]

PNG_HEAD = 8
PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)
EMPTY_CHUNK = b"prVt"  # ancillary, private, safe to copy: every reader skips it
EMPTY_SEGMENT = b"\xef"  # APP15, which says nothing to anybody
JPEG_KEPT = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
SCAN, END = 0xDA, 0xD9
EXIF = b"Exif\x00\x00"
ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4: which way up the picture is
WEBP_KEPT = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"])
EMPTY_BLOCK = b"\xfd"  # of those that are "transparent to the decoding process", and unused
GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def clean(path: Path) -> Patched:
    """The file without its words. Raises BadMedia for what is neither picture nor clip, OSError."""
    facts = path.stat()
    return Patched(path, _patches(path, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=256)
def _patches(path: Path, size: int, changed: int) -> tuple[Patch, ...]:
    """What is overwritten: found once for a clip that is played by ranges."""
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
        if kind in (MP4, MOV):
            return tuple(boxes.words(file, size))
        if kind in (WEBM, MKV):
            return tuple(ebml.words(file, size))
        if kind in (HEIC, AVIF):
            return tuple(boxes.words(file, size, is_picture=True))
    if kind not in FINDERS:
        raise BadMedia("This is neither a picture nor a clip.")
    return tuple(of_picture(path.read_bytes(), kind))


def of_picture(data: bytes, kind: Kind) -> Patches:
    """What is overwritten in a PNG, JPEG, WebP or GIF; from where nothing can be made out, everything."""
    at = [0]
    try:
        yield from FINDERS[kind](data, at)
    except (struct.error, IndexError):
        yield over(at[0], len(data))


def _png(data: bytes, seen: list[int]) -> Patches:
    at = PNG_HEAD
    while at < len(data):
        seen[0] = at
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise IndexError
        if kind not in PNG_KEPT:
            turned = _turned(data[at + 8 : end]) if kind == b"eXIf" else b""
            said = b"eXIf" + turned if turned else EMPTY_CHUNK
            yield over(at + 4, end, said)
            yield over(end, end + 4, struct.pack(">I", zlib.crc32(said.ljust(4 + length, b"\0"))))
        at = end + 4
        if kind == b"IEND":
            break
    yield from _rest(data, at)


def _jpeg(data: bytes, seen: list[int]) -> Patches:
    """Segments, and behind the last scan whatever a camera hung there: depth maps, and clips with a place."""
    at = 2
    while at + 4 <= len(data):
        seen[0] = at
        if data[at] != 0xFF or data[at + 1] == END:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a filling byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body, end = at + 4, at + 2 + length
        is_app = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if is_app and not any(marker == kept and data.startswith(sign, body) for kept, sign in JPEG_KEPT):
            turned = _of_exif(data[body:end])
            yield over(body, end, EXIF + turned) if turned else over(at + 1, end, EMPTY_SEGMENT + data[at + 2 : body])
        at = _after_scan(data, end) if marker == SCAN else end
    yield from _rest(data, at + 2)


def _after_scan(data: bytes, at: int) -> int:
    """Where the next marker is: in what is coded, FF is followed by 0 or by a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)


def _webp(data: bytes, seen: list[int]) -> Patches:
    end = min(8 + struct.unpack_from("<I", data, 4)[0], len(data))
    at = 12
    while at + 8 <= end:
        seen[0] = at
        (length,) = struct.unpack_from("<I", data, at + 4)
        body, after = at + 8, min(at + 8 + length, end)
        if data[at : at + 4] not in WEBP_KEPT:
            is_exif = data[at : at + 4] == b"EXIF"
            yield over(body, after, _turned(data[body:after].removeprefix(EXIF)) or NO_EXIF[4:] if is_exif else b"")
        at = body + length + length % 2
    yield from _rest(data, end)


def _gif(data: bytes, seen: list[int]) -> Patches:
    at = 13 + _table(data[10])
    while data[at] != 0x3B:
        seen[0] = at
        if data[at] == 0x2C:  # a picture
            at = _after_blocks(data, at + 11 + _table(data[at + 9]))
            continue
        if data[at] != 0x21:
            raise IndexError
        label = data[at + 1]
        after = _after_blocks(data, at + 2)
        if label != 0xF9 and not (label == 0xFF and data[at + 3 : at + 14] in GIF_KEPT):
            yield over(at + 1, after, EMPTY_BLOCK + _blocks(after - at - 2))
        at = after
    yield from _rest(data, at + 1)


def _table(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _blocks(length: int) -> bytes:
    """Zeros in sub-blocks, with their end, in so many bytes."""
    found, left = b"", length - 1
    while left > 0:
        size = min(255, left - 1)
        size -= left - size == 2  # a block of nothing would be the end
        found += bytes([size]) + bytes(size)
        left -= size + 1
    return found + b"\0"


def _rest(data: bytes, at: int) -> Patches:
    """What hangs behind the end of a picture."""
    if at < len(data):
        yield over(at, len(data))


def _of_exif(words: bytes) -> bytes:
    return _turned(words.removeprefix(EXIF)) if words.startswith(EXIF) else b""


def _turned(tiff: bytes) -> bytes:
    """Of EXIF what turns the picture upright, if it is turned; of anything else nothing."""
    try:
        turned = _orientation(tiff)
    except struct.error:
        return b""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, turned, 0)
    kept = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return kept if 1 < turned <= 8 and len(kept) <= len(tiff) else b""


def _orientation(tiff: bytes) -> int:
    order = ">" if tiff.startswith(b"MM") else "<"
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == ORIENTATION:
            return int(value)
    return 1


FINDERS: Mapping[Kind, Callable[[bytes, list[int]], Patches]] = {PNG: _png, JPEG: _jpeg, WEBP: _webp, GIF: _gif}
