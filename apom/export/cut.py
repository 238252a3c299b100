"""The cut as editing programs know it: what stands where, counted in frames. Nothing here knows a format or a store."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from apom.export.sheet import clean

NTSC = Fraction(1000, 1001)
RATES = tuple(  # the ones that SMPTE timecode counts
    sorted([Fraction(n) for n in (24, 25, 30, 48, 50, 60)] + [n * NTSC for n in (24, 30, 48, 60)])
)
NEAR = 0.01  # 23.98, 29.97 and 59.94 are what people write
HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Media:
    """A file as the timelines use it. `file`: its path in the hand-over; `frames`: how long it is, at the cut's rate.

    `facts`: what is told about it in the editor's program. A picture has no timecode, and sound has no picture.
    """

    file: str
    frames: int
    reel: str = ""
    kind: str = "clip"  # or still, or sound
    width: int = 0
    height: int = 0
    has_sound: bool = False
    facts: Mapping[str, str | int | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its file name."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Note:
    """A comment that clients see too. `at`: frames after the beginning of the clip, trimmed or not."""

    at: int
    author: str
    text: str
    frames: int = 1
    is_done: bool = False

    def __str__(self) -> str:
        return line(f"{self.author}: {self.text}")


@dataclass(frozen=True, kw_only=True)
class Event:
    """A shot in the cut: `frames` of `media` from its frame `source_in`, at `start`. `media`: None leaves a gap."""

    code: str
    name: str
    start: int
    frames: int
    source_in: int = 0
    media: Media | None = None
    notes: Sequence[Note] = ()

    @property
    def title(self) -> str:
        """As people call the shot."""
        return line(f"{self.code} {self.name}")


@dataclass(frozen=True, kw_only=True)
class Alternate:
    """Another take of a shot, for the bin."""

    code: str
    media: Media


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A film in order. `sound`: lies under all of it."""

    title: str
    rate: Fraction
    width: int
    height: int
    events: Sequence[Event]
    alternates: Sequence[Alternate] = ()
    sound: Media | None = None

    @property
    def frames(self) -> int:
        """How long it is."""
        return self.events[-1].start + self.events[-1].frames if self.events else 0

    @property
    def nominal(self) -> int:
        """Frames that a second of timecode counts: 24 at 23.976."""
        return nominal(self.rate)

    def begins(self, media: Media) -> int:
        """The timecode that a file begins with, in frames: clips at one hour, as their copies say; the rest at none."""
        return HOUR * self.nominal if media.kind == "clip" else 0

    def timecode(self, frames: int) -> str:
        """Non-drop-frame, as `HH:MM:SS:FF`."""
        return timecode(frames, self.rate)

    def heard(self) -> Iterator[tuple[Event, Media]]:
        """The clips that have sound."""
        for event in self.events:
            if event.media is not None and event.media.has_sound:
                yield event, event.media


def nominal(rate: Fraction) -> int:
    """The whole number that timecode counts at a rate."""
    return round(rate)


def timecode(frames: int, rate: Fraction) -> str:
    """Non-drop-frame, as `HH:MM:SS:FF`; a day is followed by the next."""
    seconds, frame = divmod(frames, nominal(rate))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours % 24:02}:{minute:02}:{second:02}:{frame:02}"


def edit_rate(fps: float) -> Fraction:
    """The rate that editing programs cut at for what a project says: itself, a multiple, a part, or the nearest."""
    near = min(RATES, key=lambda rate: abs(rate - fps))
    if abs(near - fps) <= NEAR:
        return near
    said = Fraction(fps)
    whole = [rate for rate in RATES if rate.denominator == 1]
    multiples = [rate for rate in whole if (rate / said).denominator == 1]
    parts = [rate for rate in whole if (said / rate).denominator == 1]
    return next(iter([*multiples, *reversed(parts)]), min(whole, key=lambda rate: abs(rate - said)))


def is_kept(fps: float, rate: Fraction) -> bool:
    """Whether the hand-over runs at what the project says."""
    return abs(float(rate) - fps) <= NEAR


def to_frames(seconds: float, rate: Fraction) -> int:
    """The frame that is nearest to a moment."""
    return max(0, round(Fraction(seconds) * rate))


def trim(frames: int, in_s: float | None, out_s: float | None, rate: Fraction) -> tuple[int, int]:
    """(first frame, how many) of a clip of `frames` between two moments; at least one, and none that it has not."""
    first = min(to_frames(in_s or 0.0, rate), frames - 1)
    end = frames if out_s is None else min(frames, to_frames(out_s, rate))
    return first, max(1, end - first)


def moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """Which of those in both lists have to be moved to make one order of the other; as few as can be."""
    place = {name: index for index, name in enumerate(before)}
    common = [name for name in after if name in place]
    tails: list[int] = []  # the last place of the best rising row of each length
    ends: list[str] = []
    link: dict[str, str | None] = {}
    for name in common:
        at = bisect_left(tails, place[name])
        tails[at : at + 1], ends[at : at + 1] = [place[name]], [name]
        link[name] = ends[at - 1] if at else None
    stays: set[str] = set()
    last = ends[-1] if ends else None
    while last is not None:
        stays.add(last)
        last = link[last]
    return set(common) - stays


def line(text: str) -> str:
    """A text in one line, without what no format may hold."""
    return " ".join(clean(text).split())
