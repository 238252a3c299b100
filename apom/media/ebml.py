"""Where the words lie in WebM and MKV (RFC 8794, RFC 9559): what is not needed to show and to hear becomes `Void`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

from apom.media.patches import Patch, over

SEGMENT, CLUSTER, TRACKS, TRACK, INFO = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0x1549A966
SEEK_HEAD, CUES, VOID, HEADER = 0x114D9B74, 0x1C53BB6B, 0xEC, 0x1A45DFA3
BLOCK, GROUP, SIMPLE = 0xA1, 0xA0, 0xA3
IN_CLUSTER = frozenset([0xE7, 0xA7, 0xAB, GROUP, SIMPLE])
IN_SEGMENT = frozenset([SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES]) | IN_CLUSTER  # of a cluster without a length
IN_INFO = frozenset([0x2AD7B1, 0x4489])  # how long a tick is, and how many there are
PROGRAMS = frozenset([0x4D80, 0x5741])  # have to be there, and may be empty
NUMBER, KIND, NAME, CODEC_NAME, CRC = 0xD7, 0x83, 0x536E, 0x258688, 0xBF
SEEN, HEARD = 1, 2
MOST = 1_000_000  # beside one another; blocks of an hour are fewer


class Element(NamedTuple):
    """Where it begins, where its content does, and where it ends. `is_open`: nothing says where."""

    id: int
    start: int
    body: int
    end: int
    is_open: bool


def elements(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """One after the other; what cannot be one has the id 0, to the end."""
    at = start
    for _ in range(MOST):
        if at >= end:
            return
        file.seek(at)
        head = file.read(12)
        name = 9 - head[0].bit_length()
        width = 9 - head[name].bit_length() if name <= 4 and len(head) > name else 9
        if name > 4 or width > 8 or at + name + width > end:
            yield Element(0, at, at, end, False)
            return
        most = (1 << 7 * width) - 1
        size = int.from_bytes(head[name : name + width], "big") & most
        body = at + name + width
        stop = end if size == most else min(body + size, end)
        yield Element(int.from_bytes(head[:name], "big"), at, body, stop, size == most)
        at = body if size == most else stop  # without a length, what is in it follows as if it stood beside it
    yield Element(0, at, at, end, False)


def words(file: BinaryIO, size: int) -> Iterator[Patch]:
    """What is overwritten."""
    for top in elements(file, 0, size):
        if top.id == SEGMENT:
            yield from _segment(file, top)
            if top.is_open:
                return
        elif top.id != HEADER:
            yield from _void(top)


def _segment(file: BinaryIO, segment: Element) -> Iterator[Patch]:
    gone: set[int] = set()
    for each in elements(file, segment.body, segment.end):
        if each.id not in IN_SEGMENT:
            yield from _void(each)
        elif each.id == INFO:
            yield from _info(file, each)
        elif each.id == TRACKS:
            yield from _tracks(file, each, gone)
        elif gone and each.id in (SIMPLE, GROUP):
            yield from _block(file, each, gone)
        elif gone and each.id == CLUSTER and not each.is_open:
            for inner in elements(file, each.body, each.end):
                if inner.id in (SIMPLE, GROUP):
                    yield from _block(file, inner, gone)


def _void(element: Element) -> Iterator[Patch]:
    """The same length, of an element that readers skip."""
    whole = element.end - element.start
    if not element.id or element.is_open or whole < 2:
        yield over(element.start, element.end)
        return
    width = next(w for w in range(1, 9) if whole - 1 - w < (1 << 7 * w) - 1)
    length = (whole - 1 - width) | 1 << 7 * width
    yield over(element.start, element.end, bytes([VOID]) + length.to_bytes(width, "big"))


def _info(file: BinaryIO, info: Element) -> Iterator[Patch]:
    for each in elements(file, info.body, info.end):
        if each.id in PROGRAMS:
            yield over(each.body, each.end)
        elif each.id not in IN_INFO:
            yield from _void(each)


def _tracks(file: BinaryIO, tracks: Element, gone: set[int]) -> Iterator[Patch]:
    for track in elements(file, tracks.body, tracks.end):
        inside = {each.id: each for each in elements(file, track.body, track.end)}
        if track.id == TRACK and _number(file, inside.get(KIND)) in (SEEN, HEARD):
            for id in (NAME, CODEC_NAME, CRC):
                if id in inside:
                    yield from _void(inside[id])
            continue
        if track.id == TRACK:
            gone.add(_number(file, inside.get(NUMBER)))
        yield from _void(track)


def _number(file: BinaryIO, element: Element | None) -> int:
    if element is None:
        return 0
    file.seek(element.body)
    return int.from_bytes(file.read(min(8, element.end - element.body)), "big")


def _block(file: BinaryIO, element: Element, gone: Collection[int]) -> Iterator[Patch]:
    """A block begins with the number of its track."""
    block = element
    if element.id == GROUP:
        found = (each for each in elements(file, element.body, element.end) if each.id == BLOCK)
        block = next(found, element)
    file.seek(block.body)
    head = file.read(8)
    width = 9 - head[0].bit_length() if head else 9
    if width > 8 or int.from_bytes(head[:width], "big") & ((1 << 7 * width) - 1) in gone:
        yield from _void(element)
