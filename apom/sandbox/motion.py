"""A picture to a clip: a slow move over it, smooth to a fraction of a pixel. H.264 in MP4, ready to stream."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

FPS = 24
ZOOM = 1.16


def animate(image: Image.Image, target: Path, *, seconds: float, seed: int, size: tuple[int, int]) -> None:
    """Writes `seconds` of video of this size (even numbers of pixels); seed decides direction and zoom."""
    import av

    chance = np.random.RandomState(seed & 0xFFFFFFFF)
    zooms = (1.0, ZOOM) if chance.randint(2) else (ZOOM, 1.0)
    angle = chance.random_sample() * 2 * math.pi
    frames = int(seconds * FPS)
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"crf": "23", "preset": "veryfast", "tune": "stillimage"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for i in range(frames):
            box = _window(image.size, size, zooms, angle, i / max(1, frames - 1))
            view = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box))
            frame = av.VideoFrame.from_ndarray(view, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _window(
    source: tuple[int, int], size: tuple[int, int], zooms: tuple[float, float], angle: float, t: float
) -> tuple[float, float, float, float]:
    """What of the picture is seen at `t` (0..1), easing in and out."""
    eased = t * t * (3 - 2 * t)
    zoom = zooms[0] + (zooms[1] - zooms[0]) * eased
    scale = max(size[0] / source[0], size[1] / source[1]) * zoom
    wide, tall = size[0] / scale, size[1] / scale
    room_x, room_y = (source[0] - wide) / 2, (source[1] - tall) / 2
    cx = source[0] / 2 + math.cos(angle) * room_x * (eased - 0.5) * 1.2
    cy = source[1] / 2 + math.sin(angle) * room_y * (eased - 0.5) * 1.2
    return cx - wide / 2, cy - tall / 2, cx + wide / 2, cy + tall / 2
