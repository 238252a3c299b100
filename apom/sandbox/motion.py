"""A picture to a clip: a slow move over it, smooth to a fraction of a pixel. H.264 in MP4, ready to stream."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from PIL import Image, ImageOps

Box: TypeAlias = tuple[float, float, float, float]

FPS = 24
ZOOM = 1.16
# Weighted prediction made one small clip in a hundred another: x264's fast routines read past small pictures
ENCODER = {"crf": "22", "preset": "veryfast", "tune": "stillimage", "x264-params": "weightp=0"}


def opened(path: Path) -> Image.Image:
    """A picture file as RGB, upright. Raises OSError when it is none."""
    with Image.open(path) as file:
        return ImageOps.exif_transpose(file).convert("RGB")


def animate(image: Image.Image, target: Path, *, seconds: float, seed: int, size: tuple[int, int]) -> None:
    """Writes a clip of `size` (even numbers of pixels); the seed decides direction and zoom. Raises av.FFmpegError."""
    chance = np.random.RandomState(seed & 0xFFFFFFFF)
    zooms = (1.0, ZOOM) if chance.randint(2) else (ZOOM, 1.0)
    angle = chance.random_sample() * 2 * math.pi
    frames = max(2, round(seconds * FPS))
    with av.open(f"file:{target}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # with more, the bytes may differ from run to run
        context.colorspace, context.color_primaries, context.color_trc = (
            Colorspace.ITU709,
            ColorPrimaries.BT709,
            ColorTrc.BT709,
        )
        for number in range(frames):
            box = window(image.size, size, zooms, angle, number / (frames - 1))
            view = np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))
            frame = VideoFrame.from_ndarray(view, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709
            )
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def window(source: tuple[int, int], size: tuple[int, int], zooms: tuple[float, float], angle: float, t: float) -> Box:
    """What of the picture is seen at `t` (0..1), easing in and out: left, top, right, bottom."""
    eased = t * t * (3 - 2 * t)
    zoom = zooms[0] + (zooms[1] - zooms[0]) * eased
    scale = max(size[0] / source[0], size[1] / source[1]) * zoom
    wide, tall = size[0] / scale, size[1] / scale
    room_x, room_y = (source[0] - wide) / 2, (source[1] - tall) / 2
    left = room_x * (1 + math.cos(angle) * (2 * eased - 1))
    top = room_y * (1 + math.sin(angle) * (2 * eased - 1))
    return max(0.0, left), max(0.0, top), min(source[0], left + wide), min(source[1], top + tall)
