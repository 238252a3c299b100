"""A file with something else in some places, without a copy of it: read by ranges, or written out, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Patch:
    """In place of the bytes from `start` to `end` of the original: `data`, and then so many `zeros`."""

    start: int
    end: int
    data: bytes = b""
    zeros: int = 0

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data) + self.zeros


def over(start: int, end: int, data: bytes = b"") -> Patch:
    """What lies there is overwritten with `data`, as far as it fits whole, and zeros: the length stays."""
    kept = data if len(data) <= end - start else b""
    return Patch(start=start, end=end, data=kept, zeros=end - start - len(kept))


class Patched:
    """The file at `path`, patched. `patches` in any order; where two meet, the one that begins first
    holds, and what is left of the other is zeros."""

    def __init__(self, path: Path, patches: Sequence[Patch] = ()) -> None:
        self.path = path
        whole = path.stat().st_size
        self._pieces: list[Patch | tuple[int, int]] = []
        at = 0
        for patch in sorted(patches, key=lambda each: (each.start, each.end)):
            if patch.start < at or patch.end > whole:  # of one that does not fit, what does
                start, end = max(at, patch.start), min(patch.end, whole)
                if start >= end:
                    continue
                patch = over(start, end)
            self._pieces += [(at, patch.start), patch]
            at = patch.end
        self._pieces.append((at, whole))
        self.is_patched = bool(patches)
        self.size = sum(_size(piece) for piece in self._pieces)

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end`, in chunks. Raises OSError."""
        end = self.size if end is None else min(end, self.size)
        at = 0
        with self.path.open("rb") as file:
            for piece in self._pieces:
                size = _size(piece)
                first, last = max(start - at, 0), min(end - at, size)
                if first < last:
                    yield from _chunks(file, piece, first, last)
                at += size

    def write(self, target: Path) -> int:
        """All of it into a new file; how many bytes. Raises OSError."""
        with target.open("wb") as file:
            for chunk in self.read():
                file.write(chunk)
        return self.size


def _size(piece: Patch | tuple[int, int]) -> int:
    return piece.size if isinstance(piece, Patch) else piece[1] - piece[0]


def _chunks(file: BinaryIO, piece: Patch | tuple[int, int], first: int, last: int) -> Iterator[bytes]:
    """A part of a piece, counted from its beginning."""
    if isinstance(piece, Patch):
        if first < len(piece.data):
            yield piece.data[first:last]
        for at in range(max(first, len(piece.data)), last, CHUNK):
            yield bytes(min(CHUNK, last - at))
        return
    file.seek(piece[0] + first)
    left = last - first
    while left and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
