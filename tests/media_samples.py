"""Pictures and clips made for tests: small, and in every shape that arrives."""

from __future__ import annotations

import math
import os
import struct
import zlib
from array import array
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition
from PIL import Image

SOUND_CODECS = {
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".aac": "aac",
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".ogg": "libopus",
}
RED, BLUE = (220, 20, 20), (20, 20, 220)


def corner(size: tuple[int, int] = (160, 90), mode: str = "RGB") -> Image.Image:
    """Blue, with its top left quarter red: shows which way is up."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1] // 2))
    return image.convert(mode)


def is_red(pixel: object) -> bool:
    return isinstance(pixel, tuple) and pixel[0] > 150 and pixel[2] < 100


def clip(
    path: Path,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (160, 90),
    seconds: float = 2,
    fps: int = 24,
    rotation: int = 0,
    sound: bool = False,
    flags: str = "",
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
) -> Path:
    """A clip that goes from dark to bright, in the container its name says; a keyframe every half second."""
    with av.open(str(path), "w", options={"movflags": flags} if flags else {}) as container:
        stream = container.add_stream(codec, rate=fps, options={"g": str(fps // 2), **(options or {})})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if rotation:
            stream.set_display_rotation(rotation)
        voice = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48000) if sound else None
        frames = round(seconds * fps)
        for number in range(frames):
            image = corner(size).point([min(255, level + number) for level in range(256)] * 3)
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice:
            silence(container, voice, seconds)
    if codec == "libsvtav1":
        step_back()
    return path


def step_back() -> None:
    """Takes back what SVT-AV1, as root, gives its caller for good: real time before all else, and for whatever it starts."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def silence(container: av.container.OutputContainer, stream: object, seconds: float) -> None:
    for number in range(int(seconds * 48000 / 1024)):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 48000, number * 1024
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def sound(
    path: Path,
    codec: str = "",
    *,
    seconds: float = 1.5,
    rate: int = 48000,
    words: Mapping[str, str] | None = None,
    cover: bool = False,
) -> Path:
    """A tone that swells, in the container its name says. `words`: tags; `cover`: a picture in it, as in a bought song."""
    with av.open(str(path), "w") as container:
        container.metadata.update(words or {})
        stream = container.add_stream(codec or SOUND_CODECS[path.suffix], rate=rate)
        picture = container.add_stream("mjpeg", rate=1) if cover else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_image(corner((64, 64)))))
            container.mux(picture.encode(None))
        resampler = av.AudioResampler(stream.format.name, "stereo", rate, stream.codec_context.frame_size or None)
        tone = [int(20000 * (n % 9600) / 9600 * math.sin(n / 17)) for n in range(int(seconds * rate))]
        frame = av.AudioFrame("s16", "mono", len(tone))
        frame.sample_rate, frame.pts = rate, 0
        frame.planes[0].update(array("h", tone).tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return path


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A grey PNG written by hand, whose header says what it likes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", data or zlib.compress(bytes((width + 1) * height), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def cut(path: Path, share: float) -> Path:
    """Only the beginning of a file, as after a lost connection."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path
