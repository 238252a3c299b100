"""What an editor was given, and what is different about the next hand-over."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pydantic import Field

from apom.export.cut import HOUR, moved, nominal, timecode
from apom.models import Record

COLUMNS = ("change", "shot", "name", "old", "new")


class Sent(Record):
    """A file that an editor has. `sign`: changes with whatever would make it another file."""

    sign: str
    frames: int
    width: int = 0
    height: int = 0
    has_sound: bool = False


class Placed(Record):
    """A shot as it stood in the cut. `file`: "" for a gap; `first`: the frame of its file that it begins with."""

    box: str
    code: str
    name: str
    file: str = ""
    is_clip: bool = False
    first: int = 0
    frames: int


class Content(Record):
    """A hand-over, remembered. `files`: everything that the editor has by now, by its path."""

    rate: str
    shots: tuple[Placed, ...] = ()
    sound: str = ""
    files: dict[str, Sent] = Field(default_factory=dict)

    @property
    def exactly(self) -> Fraction:
        """Its frames a second."""
        return Fraction(self.rate)


def changes(before: Content, after: Content) -> Iterator[dict[str, str]]:
    """A row for each thing that is different, by `COLUMNS`: first the film's, then shot by shot, then what is gone."""
    if before.rate != after.rate:
        yield _row("frame rate", None, f"{float(before.exactly):g}", f"{float(after.exactly):g}")
    if before.sound != after.sound:
        yield _row("soundtrack", None, _name(before.sound), _name(after.sound))
    old = {shot.box: shot for shot in before.shots}
    places = {shot.box: str(place) for place, shot in enumerate(before.shots, start=1)}
    gone = moved([shot.box for shot in before.shots], [shot.box for shot in after.shots])
    for place, shot in enumerate(after.shots, start=1):
        was = old.pop(shot.box, None)
        if was is None:
            yield _row("new", shot, "", _name(shot.file))
            continue
        if shot.box in gone:
            yield _row("moved", shot, places[shot.box], str(place))
        if was.code != shot.code:
            yield _row("code", shot, was.code, shot.code)
        if _take(was) != _take(shot):
            yield _row("take", shot, _name(was.file), _name(shot.file))
        elif _trim(was, before.exactly, after.exactly) != (shot.first, shot.frames):
            yield _row("trim", shot, _range(was, before.exactly), _range(shot, after.exactly))
    for was in old.values():
        yield _row("removed", was, _name(was.file), "")


def _row(change: str, shot: Placed | None, old: str, new: str) -> dict[str, str]:
    known = {"shot": shot.code, "name": shot.name} if shot else {"shot": "", "name": ""}
    return {"change": change, **known, "old": old, "new": new}


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _take(shot: Placed) -> str:
    """Which take it is, whatever the shot's code is by now."""
    return _name(shot.file).rpartition("_")[2].partition(".")[0]


def _trim(shot: Placed, was: Fraction, now: Fraction) -> tuple[int, int]:
    """The same moments at another rate."""
    return round(shot.first / was * now), round(shot.frames / was * now)


def _range(shot: Placed, rate: Fraction) -> str:
    """From where to where in its file, as the timecode of the file says, and how long."""
    begins = HOUR * nominal(rate) if shot.is_clip else 0
    first = begins + shot.first
    return f"{timecode(first, rate)}-{timecode(first + shot.frames, rate)}"
