"""Clips: demuxed whole, decoded where it matters, measured, and made small, by PyAV.

FFmpeg is told which container to expect, so that a playlist or a picture called `.mp4` is not followed, and it may open
nothing but this one file. Each container is closed before we return: what PyAV leaves open leaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from apom.config import Limits
from apom.errors import BadMedia, TooLarge
from apom.media.images import Picture, check_pixels, shrink
from apom.words import N_

PREVIEW_WIDTH = 320  # px
PREVIEW_FPS = 12
PREVIEW_S = 3.0
DECODED_FRAMES = 400  # most frames decoded for a preview: 3 s at 120 a second, and no more for absurd rates
PACKETS = 2_000_000  # an hour at 240 frames a second with sound has half of that: more is made to keep us busy
CODECS = frozenset(["h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "prores", "dnxhd", "mjpeg"])
TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}

Frames: TypeAlias = tuple[tuple[int, Image.Image], ...]

DAMAGED = N_("The clip is damaged or incomplete. Export or download it again.")


@dataclass(frozen=True, kw_only=True)
class Clip(Picture):
    """A clip that decodes; `small` is its poster.

    `duration_s`, `fps`: as its packets say; `pixels`: FFmpeg's word for their format; `frames`: its first seconds for a
    preview, each with its number at `PREVIEW_FPS`.
    """

    duration_s: float
    fps: float
    codec: str
    pixels: str
    frames: Frames


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the packets of the picture say. `keys`: where its keyframes are, and `start`, in units of `time_base`."""

    packets: int
    keys: tuple[int, ...]
    start: int
    time_base: Fraction
    duration_s: float


def read(path: Path, reader: str, limits: Limits) -> Clip:
    """Demuxes the clip whole, by FFmpeg's demuxer `reader`; decodes its beginning, a middle and the last keyframe.

    Raises BadMedia, TooLarge.
    """
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.image_pixels)}
    try:
        with av.open(f"file:{path}", "r", format=reader, options=options, metadata_errors="replace") as container:
            return _clip(container, limits)
    except av.FFmpegError as error:
        raise BadMedia(DAMAGED) from error


def write_preview(frames: Frames, path: Path) -> None:
    """A silent H.264 clip, small enough to play while the mouse is over a thumbnail. Raises OSError."""
    try:
        _encode(frames, path)
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _encode(frames: Frames, path: Path) -> None:
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=PREVIEW_FPS, options={"crf": "28", "preset": "veryfast"})
        stream.width, stream.height = frames[0][1].size
        stream.pix_fmt = "yuv420p"
        for number, image in frames:
            frame: VideoFrame = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV's gap
            frame.pts, frame.time_base = number, Fraction(1, PREVIEW_FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _clip(container: InputContainer, limits: Limits) -> Clip:
    stream = picture_stream(container)
    check_pixels(stream.codec_context.width, stream.codec_context.height, limits)
    stream.codec_context.options = {"max_pixels": str(limits.image_pixels)}  # the header may lie
    stream.thread_type = "AUTO"
    survey = _survey(container, stream)
    if survey.duration_s > limits.video_s:
        raise TooLarge(
            "The clip lasts {seconds} s; at most {most} s are taken. Cut it.",
            seconds=round(survey.duration_s),
            most=round(limits.video_s),
        )
    fps = float(stream.average_rate or 0) or survey.packets / max(survey.duration_s, 0.001)
    poster, frames = _beginning(container, stream, survey)
    for key in {survey.keys[len(survey.keys) // 2], survey.keys[-1]} - {survey.keys[0]}:
        _decode_at(container, stream, key)
    width, height = seen_size(poster)
    return Clip(
        width=width,
        height=height,
        duration_s=round(survey.duration_s, 3),
        fps=round(fps, 3),
        codec=stream.codec_context.codec.canonical_name,
        pixels=stream.codec_context.pix_fmt or "",
        small=shrink(upright(poster, width, height)),
        frames=frames,
    )


def picture_stream(container: InputContainer) -> VideoStream:
    """The moving picture; the cover of a sound file is none."""
    stream = next(
        (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic), None
    )
    if stream is None and container.streams.audio:
        raise BadMedia(
            "This is sound without a moving picture. Send a clip; sound is taken as MP3, M4A, WAV, FLAC or Ogg."
        )
    if stream is None:
        raise BadMedia(DAMAGED)
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "?"
    if codec not in CODECS:
        raise BadMedia("The clip is coded as {codec}, which is not taken. Export it as H.264.", codec=codec)
    return stream


def _survey(container: InputContainer, stream: VideoStream) -> Survey:
    """Reads every packet of every stream: a clip that was cut short ends within a packet, or before it says."""
    keys: list[int] = []
    start, end, packets, last_s = math.inf, 0, 0, 0.0
    for count, packet in enumerate(container.demux()):
        if packet.is_corrupt or count > PACKETS:
            raise BadMedia(DAMAGED)
        if packet.pts is None:  # the end of a stream
            continue
        is_picture = packet.stream_index == stream.index
        if is_picture and packet.is_keyframe:
            keys.append(packet.pts)
        if packet.is_discard:  # what an edit list leaves out: decoded perhaps, never seen
            continue
        past = packet.pts + (packet.duration or 0)
        last_s = max(last_s, float(past * packet.time_base))
        if is_picture:
            packets += 1
            start, end = min(start, packet.pts), max(end, past)
    said_s = (container.duration or 0) / av.time_base
    if not keys or not packets or stream.time_base is None or last_s + max(0.5, said_s * 0.02) < said_s:
        raise BadMedia(DAMAGED)
    duration_s = float((end - start) * stream.time_base)
    return Survey(
        packets=packets, keys=tuple(keys), start=int(start), time_base=stream.time_base, duration_s=duration_s
    )


def _beginning(container: InputContainer, stream: VideoStream, survey: Survey) -> tuple[VideoFrame, Frames]:
    """The frame that stands for the clip (at 1 s, or at a tenth of a short one) and the frames of its preview.

    Damage after the first frame ends it early: what was paid for is kept if it can be seen at all.
    """
    poster: VideoFrame | None = None
    poster_s, frames = min(1.0, survey.duration_s / 10), dict[int, Image.Image]()
    size: tuple[int, int] | None = None
    for frame in _frames(container, stream, survey.keys[0]):
        at_s = float(((frame.pts or 0) - survey.start) * survey.time_base)
        if at_s >= PREVIEW_S:
            break
        size = size or _preview_size(*seen_size(frame))
        if poster is None or at_s <= poster_s:
            poster = frame
        number = max(0, int(at_s * PREVIEW_FPS + 1e-6))
        if number not in frames:
            frames[number] = upright(frame, *size)
    if poster is None:
        raise BadMedia(DAMAGED)
    return poster, tuple(sorted(frames.items()))


def _frames(container: InputContainer, stream: VideoStream, key: int) -> Iterator[VideoFrame]:
    container.seek(key, stream=stream)
    with suppress(av.FFmpegError):
        yield from islice(container.decode(stream), DECODED_FRAMES)


def _decode_at(container: InputContainer, stream: VideoStream, key: int) -> None:
    container.seek(key, stream=stream)
    if next(container.decode(stream), None) is None:
        raise BadMedia(DAMAGED)


def turn(frame: VideoFrame) -> int:
    """How far to turn it to the left, in degrees: 0, 90, 180 or 270."""
    return round(frame.rotation / 90) * 90 % 360


def seen_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height as it is seen."""
    return (frame.height, frame.width) if turn(frame) in (90, 270) else (frame.width, frame.height)


def upright(frame: VideoFrame, width: int, height: int) -> Image.Image:
    """The frame upright, in this size."""
    turned = turn(frame)
    if turned in (90, 270):
        width, height = height, width
    image: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call]  # PyAV's gap
    return image.transpose(TURNS[turned]) if turned else image


def _preview_size(width: int, height: int) -> tuple[int, int]:
    """At most `PREVIEW_WIDTH` wide, never larger than the clip; both even, as H.264 in 4:2:0 wants them."""
    small = _even(min(PREVIEW_WIDTH, width))
    return small, _even(height * small / width)


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
