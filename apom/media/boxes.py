"""Where the words lie in ISO base media: MP4, MOV, HEIC, AVIF (ISO/IEC 14496-12, 23008-12; QuickTime File Format).

Boxes that are needed to show the picture and hear the sound are named here; every other one becomes `free`, which readers
skip. Tracks that are neither (places, positions, subtitles that a drone wrote) go with their samples.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

from apom.media.patches import Patch, over

TOP = frozenset(b"ftyp styp moov moof mdat mfra sidx ssix prft wide".split())
INSIDE = {
    kind.encode(): frozenset(names.encode().split())
    for kind, names in {
        "moov": "mvhd trak mvex iods pssh",
        "trak": "tkhd edts mdia tref tapt load txas",
        "tref": "tmcd auxl",
        "mdia": "mdhd hdlr minf elng",
        "minf": "vmhd smhd nmhd gmhd hdlr dinf stbl",
        "stbl": "stsd stts ctts cslg stsc stsz stz2 stco co64 stss stsh padb stdp sdtp sbgp sgpd subs saiz saio stps",
        "mvex": "mehd trex leva",
        "moof": "mfhd traf",
        "traf": "tfhd tfdt trun sdtp sbgp sgpd subs saiz saio senc",
        "meta": "hdlr pitm iinf iloc iprp idat iref dinf grpl",
    }.items()
}
SHOWN = frozenset([b"vide", b"soun", b"tmcd", b"pict", b"auxv"])  # what tracks are of
WORDS = frozenset([b"Exif", b"mime", b"uri "])  # items of a picture that are none
DATED = frozenset([b"mvhd", b"tkhd", b"mdhd"])
NO_EXIF = bytes(4) + b"MM\0*" + struct.pack(">IHI", 8, 0, 0)  # where it begins, and a directory without entries
MOST = 16 * 1024 * 1024  # bytes of one table; an hour's has less
MOST_BOXES = 300_000  # beside one another, and places of items: more are made to keep us busy


class Box(NamedTuple):
    """Where it begins, where its content does, and where it ends."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes in a part of the file, one after the other; what cannot be one is a box of no kind, to its end."""
    at = start
    for _ in range(MOST_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        body = at + 8
        if size == 1:
            size, body = int.from_bytes(file.read(8), "big"), at + 16
        stop = end if size == 0 else min(at + size, end)
        if stop < body:
            yield Box(b"", at, at, end)
            return
        yield Box(kind, at, body, stop)
        at = stop
    yield Box(b"", at, at, end)


def words(file: BinaryIO, size: int, *, is_picture: bool = False) -> Iterator[Patch]:
    """What is overwritten. `is_picture`: the file's own `meta` says how the picture is put together, and stays."""
    gone: set[int] = set()
    tops = list(boxes(file, 0, size))
    for box in tops:
        if box.kind == b"moov":
            yield from _movie(file, box, gone)
    for box in tops:
        if box.kind == b"moof":
            yield from _fragment(file, box, gone)
        elif box.kind == b"meta" and is_picture:
            yield from _items(file, box, size)
        elif box.kind not in TOP:
            yield from _free(box)


def _free(box: Box) -> Iterator[Patch]:
    """It keeps its length and loses what it says."""
    if box.kind:
        yield over(box.start + 4, box.start + 8, b"free")
    yield over(box.body, box.end)


def _kept(file: BinaryIO, box: Box, *, skip: int = 0) -> Iterator[Patch | Box]:
    """The boxes inside that stay, and what becomes of the others."""
    for each in boxes(file, box.body + skip, box.end):
        if each.kind in INSIDE[box.kind]:
            yield each
        else:
            yield from _free(each)


def _movie(file: BinaryIO, movie: Box, gone: set[int]) -> Iterator[Patch]:
    for each in _kept(file, movie):
        if isinstance(each, Patch):
            yield each
        elif each.kind == b"trak" and not _is_shown(file, each):
            gone.add(_track_id(file, each))
            yield from _samples(file, each)
            yield from _free(each)
        else:
            yield from _leaf(file, each)


def _leaf(file: BinaryIO, box: Box) -> Iterator[Patch]:
    """What stays: of what it says, neither dates nor names."""
    if box.kind in INSIDE:
        for each in _kept(file, box):
            yield from [each] if isinstance(each, Patch) else _leaf(file, each)
    elif box.kind in DATED:
        file.seek(box.body)
        yield over(box.body + 4, box.body + (20 if file.read(1) == b"\1" else 12))
    elif box.kind == b"hdlr" and box.end > box.body + 24:
        yield over(box.body + 24, box.end)


def _path(file: BinaryIO, box: Box, *kinds: bytes) -> Box | None:
    """The first box of each kind within the one before."""
    found: Box | None = box
    for kind in kinds:
        if found is None:
            return None
        found = next((each for each in boxes(file, found.body, found.end) if each.kind == kind), None)
    return found


def _content(file: BinaryIO, box: Box | None) -> bytes:
    if box is None or box.end - box.body > MOST:
        return b""
    file.seek(box.body)
    return file.read(box.end - box.body)


def _is_shown(file: BinaryIO, track: Box) -> bool:
    return _content(file, _path(file, track, b"mdia", b"hdlr"))[8:12] in SHOWN


def _track_id(file: BinaryIO, track: Box) -> int:
    head = _content(file, _path(file, track, b"tkhd"))
    at = 20 if head[:1] == b"\1" else 12
    return int.from_bytes(head[at : at + 4], "big")


def _samples(file: BinaryIO, track: Box) -> Iterator[Patch]:
    """What lies in the file of a track that goes, chunk by chunk."""
    table = _path(file, track, b"mdia", b"minf", b"stbl")
    if table is None:
        return
    at = {each.kind: _content(file, each) for each in boxes(file, table.body, table.end)}
    wide = b"co64" in at
    chunks = _numbers(at.get(b"co64" if wide else b"stco", b""), 8, "Q" if wide else "I", of=4)
    runs = _numbers(at.get(b"stsc", b""), 8, "I", of=4, each=3)
    same, *_ = struct.unpack(">I", at.get(b"stsz", b"")[4:8].rjust(4, b"\0"))
    sizes = _numbers(at.get(b"stsz", b""), 12, "I", of=8) if not same else []
    sample = run = 0
    for number, start in enumerate(chunks, start=1):
        while run + 3 < len(runs) and runs[run + 3] <= number:
            run += 3
        count = runs[run + 1] if runs else 0
        length = same * count if same else sum(sizes[sample : sample + count])
        sample += count
        if length:
            yield over(start, start + length)


def _numbers(table: bytes, start: int, kind: str, *, of: int, each: int = 1) -> list[int]:
    """The numbers of a table from `start` on; at `of` stands how many rows there are, of so many numbers `each`."""
    rows = int.from_bytes(table[of : of + 4], "big") * each
    fit = (len(table) - start) // struct.calcsize(kind)
    return list(struct.unpack_from(f">{max(0, min(rows, fit))}{kind}", table, start)) if fit > 0 else []


def _fragment(file: BinaryIO, fragment: Box, gone: Collection[int]) -> Iterator[Patch]:
    for each in _kept(file, fragment):
        if isinstance(each, Patch):
            yield each
        elif each.kind == b"traf" and _fragment_track(file, each) in gone:
            yield from _run(file, fragment, each)
            yield from _free(each)
        else:
            yield from _leaf(file, each)


def _fragment_track(file: BinaryIO, traf: Box) -> int:
    return int.from_bytes(_content(file, _path(file, traf, b"tfhd"))[4:8], "big")


def _run(file: BinaryIO, fragment: Box, traf: Box) -> Iterator[Patch]:
    """The samples of a track's part of a fragment that goes: 14496-12, 8.8.7 and 8.8.8."""
    head = _content(file, _path(file, traf, b"tfhd"))
    flags = int.from_bytes(head[1:4], "big")
    base, at = fragment.start, 8
    if flags & 1:
        base, at = int.from_bytes(head[8:16], "big"), 16
    at += 4 * bool(flags & 2) + 4 * bool(flags & 8)
    usual = int.from_bytes(head[at : at + 4], "big") if flags & 0x10 else 0
    for run in (each for each in boxes(file, traf.body, traf.end) if each.kind == b"trun"):
        table = _content(file, run)
        flags, count = int.from_bytes(table[1:4], "big"), int.from_bytes(table[4:8], "big")
        start = base + (int.from_bytes(table[8:12], "big", signed=True) if flags & 1 else 0)
        first = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
        row = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
        size = 4 * bool(flags & 0x100)
        sizes = [int.from_bytes(table[p + size : p + size + 4], "big") for p in range(first, len(table), row or 1)]
        length = sum(sizes[:count]) if flags & 0x200 and row else usual * count
        yield over(start, start + length)
        base = start + length


def _items(file: BinaryIO, meta: Box, size: int) -> Iterator[Patch]:
    """A picture is put together from items; those that are words are emptied where they lie."""
    inside = {each.kind: each for each in boxes(file, meta.body + 4, meta.end)}
    yield from (each for each in _kept(file, meta, skip=4) if isinstance(each, Patch))
    named = set(_items_of_words(file, inside.get(b"iinf")))
    idat = inside.get(b"idat")
    for item, is_exif, within, start, length in _places(_content(file, inside.get(b"iloc")), named):
        start += (idat.body if idat else 0) if within else 0
        if item and 0 < length <= size - start:
            yield over(start, start + length, NO_EXIF if is_exif else b"")


def _items_of_words(file: BinaryIO, info: Box | None) -> Iterator[tuple[int, bytes]]:
    if info is None:
        return
    skip = 6 if _content(file, info)[:1] == b"\0" else 8
    for entry in boxes(file, info.body + skip, info.end):
        said = _content(file, entry)
        wide = said[:1] == b"\3"
        id = int.from_bytes(said[4 : 8 if wide else 6], "big")
        kind = said[10:14] if wide else said[8:12]
        if kind in WORDS:
            yield id, kind


def _places(table: bytes, named: Collection[tuple[int, bytes]]) -> Iterator[tuple[int, bool, bool, int, int]]:
    """Of each item that is words: (id, is it EXIF, does it lie in idat, where, how long). 14496-12, 8.11.3."""
    kinds, version = dict(named), table[0] if table else 0
    read = _Numbers(table, 4)
    sizes = read.take(1), read.take(1)
    offset, length, base = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index = sizes[1] & 15 if version else 0
    for _ in range(min(MOST_BOXES, read.take(4 if version == 2 else 2))):
        item = read.take(4 if version == 2 else 2)
        within = bool(version) and read.take(2) & 15 == 1
        read.take(2)
        if read.is_over:
            return
        begin = read.take(base)
        for _ in range(read.take(2) if offset or length else 1):
            read.take(index)
            start, size = begin + read.take(offset), read.take(length)
            if item in kinds:
                yield item, kinds[item] == b"Exif", within, start, size


class _Numbers:
    """Numbers of different widths, one after the other; zeros behind the end."""

    def __init__(self, table: bytes, at: int) -> None:
        self._table, self._at = table, at

    @property
    def is_over(self) -> bool:
        """Whether all were taken."""
        return self._at > len(self._table)

    def take(self, width: int) -> int:
        """The next one, of so many bytes."""
        found = int.from_bytes(self._table[self._at : self._at + width], "big")
        self._at += width
        return found
