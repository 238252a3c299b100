"""Pictures without the words that came in them: prompts, seeds, places, cameras. The pixels are the very same bytes.

What a generator or a camera wrote beside the pixels is overwritten where it lies, so that nothing is decoded or drawn anew
and the length stays. Formats: PNG 1.2 (chunk layout and CRC), JPEG (ITU T.81 B.1: markers), WebP (RFC 9649: RIFF chunks).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]  # from, to

PNG = b"\x89PNG\r\n\x1a\n"
PNG_WORDS = frozenset([b"tEXt", b"zTXt", b"iTXt", b"eXIf"])
EMPTY_CHUNK = b"prVt"  # ancillary, private, safe to copy: every reader skips it
WEBP_WORDS = frozenset([b"EXIF", b"XMP "])
SCAN, END = 0xDA, 0xD9
EXIF = b"Exif\x00\x00"
ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4: which way up the picture is


def blank(data: bytes) -> bytes:
    """A picture without its words; what is no PNG, JPEG or WebP, or is damaged, is left as it is."""
    found = bytearray(data)
    try:
        if data.startswith(PNG):
            _blank_png(found)
        elif data.startswith(b"\xff\xd8"):
            for start, end in _jpeg_words(data):
                found[start:end] = _upright(data[start:end]).ljust(end - start, b"\0")
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            for start, end in _webp_words(data):
                found[start:end] = bytes(end - start)
    except (struct.error, IndexError):
        return data
    return bytes(found)


def _blank_png(data: bytearray) -> None:
    at = len(PNG)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if bytes(data[at + 4 : at + 8]) in PNG_WORDS and end + 4 <= len(data):
            data[at + 4 : end] = EMPTY_CHUNK + bytes(length)
            struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4


def _jpeg_words(data: bytes) -> Iterator[Span]:
    """APP1 to APP13 and comments, but colour profiles (APP2) and what says how to read the colours (APP0, APP14)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (SCAN, END):
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xFE or (0xE1 <= marker <= 0xED and marker != 0xE2):
            yield at + 4, at + 2 + length
        at += 2 + length


def _upright(words: bytes) -> bytes:
    """Of EXIF what turns the picture upright, if it is turned; of anything else nothing."""
    tiff = words.removeprefix(EXIF)
    turned = _orientation(tiff) if tiff != words else 1
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, turned, 0)
    kept = EXIF + b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return kept if turned != 1 and len(kept) <= len(words) else b""


def _orientation(tiff: bytes) -> int:
    order = ">" if tiff.startswith(b"MM") else "<"
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == ORIENTATION:
            return int(value)
    return 1


def _webp_words(data: bytes) -> Iterator[Span]:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] in WEBP_WORDS:
            yield at + 8, min(at + 8 + length, len(data))
        at += 8 + length + length % 2
