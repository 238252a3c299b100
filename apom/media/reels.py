"""A clip as it is shown: frame by frame at another rate, upright, in the colours of an ordinary screen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, ColorTrc
from av.video.stream import VideoStream
from PIL import Image, ImageFilter

from apom.config import LIMITS, Limits
from apom.errors import BadMedia
from apom.media.images import check_pixels
from apom.media.proxies import open_clip, pictures
from apom.media.sniff import HEAD, sniff
from apom.media.stills import EARLY_S
from apom.media.video import DAMAGED, TURNS, seen_size, turn
from apom.models import AssetType

THREADS = 2
HD = 720  # lines from which on what says nothing of its colours means BT.709, as players take it
PAPER_NITS = 203.0  # diffuse white of HDR (ITU-R BT.2408)
KNEE = 0.7
TO_709 = (  # linear BT.2020 to BT.709 (ITU-R BT.2087)
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)


class Reel:
    """An open clip. `origin_s`: what its own clock says at its first frame."""

    def __init__(self, container: InputContainer, limits: Limits) -> None:
        self._container = container
        self._stream: VideoStream = pictures(container, limits)
        check_pixels(self._stream.codec_context.width, self._stream.codec_context.height, limits)
        self._stream.codec_context.thread_count = THREADS
        first = next(container.decode(self._stream), None)
        if first is None or first.time is None:
            raise BadMedia(DAMAGED)
        self.first = first
        self.origin_s = float(first.time)

    def frames(self, first_s: float, fps: Fraction, count: int) -> Iterator[VideoFrame]:
        """What is seen from `first_s` on at every 1/`fps` seconds; the same object again while nothing else is. The last
        frame stays when the clip ends. Whatever rate the clip has, or has not. Raises BadMedia, FFmpegError.
        """
        start_s = self.origin_s + first_s + EARLY_S
        decoded = self._decoded(start_s)
        shown = coming = next(decoded, None)
        if shown is None:  # the moment lies behind the last keyframe of a damaged index
            shown = coming = self.first
        for n in range(count):
            while coming is not None and float(coming.time or 0) <= start_s + n / fps:
                shown, coming = coming, next(decoded, None)
            yield shown

    def _decoded(self, start_s: float) -> Iterator[VideoFrame]:
        base = self._stream.time_base or Fraction(1, 1000)
        self._container.seek(int(start_s / base), stream=self._stream)
        return (frame for frame in self._container.decode(self._stream) if frame.time is not None)


@contextmanager
def open_reel(path: Path, limits: Limits = LIMITS) -> Iterator[Reel]:
    """A clip, to be shown. Raises BadMedia, TooLarge, FFmpegError, OSError."""
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    if kind.asset_type is not AssetType.VIDEO:
        raise BadMedia(DAMAGED)
    with open_clip(path, kind, limits) as container:
        yield Reel(container, limits)


def picture(frame: VideoFrame, most: tuple[int, int]) -> Image.Image:
    """The frame as it is seen, as large as `most` has room for."""
    width, height = fitted(seen_size(frame), most)
    turned = turn(frame)
    size = (height, width) if turned in (90, 270) else (width, height)
    image: Image.Image = frame.to_image(width=size[0], height=size[1], src_colorspace=_matrix(frame))  # type: ignore[no-untyped-call]  # PyAV's gap
    image = image.filter(_as_sdr(frame.color_trc)) if frame.color_trc in HDR else image
    return image.transpose(TURNS[turned]) if turned else image


def fitted(size: tuple[int, int], most: tuple[int, int]) -> tuple[int, int]:
    """A size in the same proportions that just fits, in even numbers."""
    share = min(most[0] / size[0], most[1] / size[1])
    return tuple(min(limit, max(2, round(side * share / 2) * 2)) for side, limit in zip(size, most, strict=True))  # type: ignore[return-value]  # two


def _matrix(frame: VideoFrame) -> Colorspace:
    try:
        return Colorspace(frame.colorspace)
    except ValueError:
        return Colorspace.ITU709 if frame.height >= HD else Colorspace.ITU601


@lru_cache(maxsize=2)
def _as_sdr(trc: int) -> ImageFilter.Color3DLUT:
    """From HDR in BT.2020 to what a screen shows: light, then its colours, then less of what is too bright."""

    def shown(red: float, green: float, blue: float) -> tuple[float, float, float]:
        light = [HDR[trc](value) for value in (red, green, blue)]
        return tuple(_toned(sum(a * b for a, b in zip(row, light, strict=True))) for row in TO_709)  # type: ignore[return-value]  # three

    return ImageFilter.Color3DLUT.generate(33, shown)


def _pq(value: float) -> float:
    """SMPTE ST 2084, with paper white as 1."""
    root = math.pow(value, 1 / 78.84375)
    nits = 10_000 * math.pow(max(0.0, root - 0.8359375) / (18.8515625 - 18.6875 * root), 1 / 0.1593017578125)
    return nits / PAPER_NITS


def _hlg(value: float) -> float:
    """ARIB STD-B67, with paper white (three quarters of the signal) as 1."""
    scene = value * value / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(scene**1.2 / 0.203)


def _toned(light: float) -> float:
    """Light as a signal of BT.709: as it is up to the knee, then ever less of it, so that nothing bright burns out."""
    over = max(0.0, light - KNEE)
    level = min(max(0.0, light), KNEE) + (1 - KNEE) * (1 - math.exp(-over / (1 - KNEE)))
    return float(level ** (1 / 2.4))


HDR = {int(ColorTrc.SMPTE2084): _pq, int(ColorTrc.ARIB_STD_B67): _hlg}
