"""Sound: decoded from end to end, measured, drawn as a waveform, and copied without its words, by PyAV.

As with clips, FFmpeg is told which container to expect and may open nothing but this one file. Covers are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from PIL import Image, ImageDraw

from apom.config import Limits
from apom.errors import BadMedia, TooLarge
from apom.media.sniff import AAC, MP3, Kind
from apom.words import N_

CODECS = frozenset("mp3 aac flac vorbis opus pcm_u8 pcm_s16le pcm_s24le pcm_s32le pcm_f32le".split())
RATE = 8000  # samples a second that a waveform is made from
WINDOW = 400  # of them, to a level: a twentieth of a second
CHANNELS, SAMPLE_RATE = 8, 192_000  # the most that is decoded
PACKETS = 2_000_000  # an hour at 192 kHz has less: more is made to keep us busy
SPOILT = 0.02  # of the packets may be damaged: it can still be heard
GUESSED = frozenset([MP3, AAC])  # whose length FFmpeg guesses: an end that comes early proves nothing
COPIES = {"mp3": "mp3", "m4a": "ipod", "aac": "adts", "wav": "wav", "flac": "flac", "ogg": "ogg"}  # FFmpeg's muxers
SIZE = (640, 360)
BARS, STEP = 100, 6  # of four pixels, two apart
GROUND, INK = (43, 46, 51), (176, 181, 189)  # greys that stand on light and dark pages alike

DAMAGED = N_("The sound is damaged or incomplete. Export or download it again.")


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Sound that decodes. `small`: its waveform as a picture."""

    duration_s: float
    small: Image.Image


def read(path: Path, kind: Kind, limits: Limits) -> Sound:
    """Decodes it whole. Raises BadMedia, TooLarge."""
    try:
        with _opened(path, kind) as container:
            return _heard(container, kind, limits)
    except (av.FFmpegError, ValueError) as error:  # ValueError: what is decoded changes its shape on the way
        raise BadMedia(DAMAGED) from error


def write_copy(path: Path, kind: Kind, target: Path) -> None:
    """The very same sound without anything beside it: no title, no cover, no lyrics. Raises BadMedia."""
    options = {"fflags": "+bitexact", **({"id3v2_version": "0"} if kind is MP3 else {})}
    try:
        with (
            _opened(path, kind) as source,
            av.open(f"file:{target}", "w", format=COPIES[kind.ext], options=options) as copy,
        ):
            heard = _stream(source)
            written = copy.add_stream_from_template(heard)
            for packet in source.demux(heard):
                if packet.dts is not None:  # the last packet is empty
                    packet.stream = written
                    copy.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise BadMedia(DAMAGED) from error


def _opened(path: Path, kind: Kind) -> InputContainer:
    return av.open(
        f"file:{path}", "r", format=kind.reader, options={"protocol_whitelist": "file"}, metadata_errors="replace"
    )


def _stream(container: InputContainer) -> AudioStream:
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise BadMedia("There is a moving picture in this sound. Export the sound alone.")
    stream = next(iter(container.streams.audio), None)
    codec = stream.codec_context.codec.canonical_name if stream is not None and stream.codec_context else ""
    if stream is None or not codec:
        raise BadMedia(DAMAGED)
    if codec not in CODECS:
        raise BadMedia("The sound is coded as {codec}, which is not taken. Export it as MP3, AAC or WAV.", codec=codec)
    if stream.codec_context.channels > CHANNELS or stream.codec_context.sample_rate > SAMPLE_RATE:
        raise BadMedia("The sound has too many channels or samples. Export it in stereo at 48 kHz.")
    return stream


def _heard(container: InputContainer, kind: Kind, limits: Limits) -> Sound:
    stream = _stream(container)
    said_s = 0.0 if kind in GUESSED else (container.duration or 0) / av.time_base
    _check_length(said_s, limits)
    levels: list[int] = []
    samples = 0
    for frame in _resampled(container, stream):
        samples += frame.samples
        _check_length(samples / RATE, limits)
        levels += _levels(frame)
    duration_s = samples / RATE
    if not samples or duration_s + max(0.5, said_s * 0.02) < said_s:
        raise BadMedia(DAMAGED)
    return Sound(duration_s=round(duration_s, 3), small=waveform(levels))


def _check_length(seconds: float, limits: Limits) -> None:
    if seconds > limits.audio_s:
        raise TooLarge("The sound lasts longer than {most} s, which is the most. Cut it.", most=round(limits.audio_s))


def _resampled(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """All of it in one channel. What is damaged here and there is left out."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    spoilt = 0
    for packets, packet in enumerate(container.demux(stream), 1):
        frames = _decoded(packet)
        spoilt += frames is None
        if packets > PACKETS or spoilt > max(2, packets * SPOILT):
            raise BadMedia(DAMAGED)
        for frame in frames or ():
            yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _decoded(packet: Any) -> list[AudioFrame] | None:
    try:
        return list(packet.decode())
    except av.InvalidDataError:
        return None


def _levels(frame: AudioFrame) -> list[int]:
    """How loud it is, window by window: means and not peaks, which are all the same in a mastered song."""
    samples = memoryview(frame.planes[0]).cast("B")[: frame.samples * 2].cast("h")
    windows = (samples[at : at + WINDOW] for at in range(0, len(samples), WINDOW))
    return [sum(map(abs, window)) // len(window) for window in windows]


def waveform(levels: list[int]) -> Image.Image:
    """Levels as bars around the middle, the loudest nearly as high as the picture."""
    image = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(image)
    loudest = max(levels, default=0) or 1
    width, height = SIZE
    for bar in range(BARS):
        first, last = bar * len(levels) // BARS, (bar + 1) * len(levels) // BARS
        part = levels[first : max(last, first + 1)] or [0]
        half = max(2, round(height * 0.42 * max(part) / loudest))
        left = (width - BARS * STEP) // 2 + bar * STEP + 1
        draw.rounded_rectangle((left, height // 2 - half, left + 3, height // 2 + half), 2, fill=INK)
    return image
