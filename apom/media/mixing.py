"""Sound, made even: two channels, 48,000 samples a second, from one moment on without a gap; and how two are mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer

RATE = 48_000
SLACK = RATE // 50  # samples that a clip's own clock may be off before it is believed
QUIET = 0.003  # -50 dB: softer than that, nobody speaks
DUCKED = 0.3  # what is left of the music meanwhile, about -10 dB
DOWN_S, UP_S = 0.15, 0.6  # how long it takes to get there, and back

READERS = "mov,matroska,wav,mp3,flac,ogg,aac,aiff"  # nothing that opens other files

Samples = np.ndarray[Any, np.dtype[np.float32]]  # (2, n), -1 to 1


def silence(count: int) -> Samples:
    """So many samples of it."""
    return np.zeros((2, count), np.float32)


class Sound:
    """The first sound of an open file, from `start_s` on; its own clock counts, so that it stays with its picture."""

    def __init__(self, container: InputContainer, start_s: float | None) -> None:
        self._parts = _parts(container, start_s)
        self._rest = silence(0)

    def read(self, count: int) -> Samples:
        """The next samples; silence after the end."""
        found = [self._rest]
        have = self._rest.shape[1]
        while have < count:
            part = next(self._parts, None)
            if part is None:
                part = silence(count - have)
            found.append(part)
            have += part.shape[1]
        whole = np.concatenate(found, axis=1)
        self._rest = whole[:, count:]
        return whole[:, :count]


@contextmanager
def open_sound(path: Path, start_s: float | None = None) -> Iterator[Sound | None]:
    """The sound of a file from a moment of its own clock on, None for its beginning; None when it has no sound.

    Raises FFmpegError.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": READERS}
    with av.open(f"file:{path}", "r", options=options, metadata_errors="replace") as container:
        yield Sound(container, start_s) if container.streams.audio else None


def _parts(container: InputContainer, start_s: float | None) -> Iterator[Samples]:
    """What is heard, piece by piece: what comes too early is left out, a gap is silence."""
    if start_s:
        container.seek(int(start_s * av.time_base))
    at, slack = 0, 0
    for time_s, data in _resampled(container):
        start_s = time_s if start_s is None else start_s
        due = round((time_s - start_s) * RATE)
        if due < at - slack:
            data = data[:, at - due :]
        while due - at > slack:  # lazily: a damaged clock may say anything
            yield silence(min(RATE, due - at))
            at += min(RATE, due - at)
        if data.shape[1]:
            slack = SLACK
            yield data
            at += data.shape[1]


def _resampled(container: InputContainer) -> Iterator[tuple[float, Samples]]:
    """(its moment in seconds, samples) of each piece."""
    stream = container.streams.audio[0]
    resampler, time_s = AudioResampler("fltp", "stereo", RATE), 0.0
    for packet in container.demux(stream):
        for frame in _decoded(packet):
            time_s = time_s if frame.time is None else frame.time
            try:
                made = resampler.resample(frame)
            except ValueError:  # its layout or rate has changed on the way
                resampler = AudioResampler("fltp", "stereo", RATE)
                made = resampler.resample(frame)
            for each in made:
                yield time_s, each.to_ndarray().astype(np.float32, copy=False)
                time_s += each.samples / RATE


def _decoded(packet: Any) -> list[Any]:
    """Its pieces; none of a damaged packet: the rest is heard."""
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []


class Mixer:
    """A clip's own sound over the music, which steps back while something is said."""

    def __init__(self, music: Sound | None) -> None:
        self._music = music
        self._share = 1.0

    def read(self, count: int, clip: Sound | None) -> Samples:
        """The next samples of both; call it for short pieces: each looks whether something is said."""
        said = silence(count) if clip is None else clip.read(count)
        if self._music is None:
            return np.clip(said, -1, 1)
        is_said = clip is not None and float(np.sqrt(np.mean(said * said))) > QUIET
        share = self._next(count, is_said=is_said)
        ramp = np.linspace(self._share, share, count, dtype=np.float32)
        self._share = share
        return np.clip(said + self._music.read(count) * ramp, -1, 1)

    def _next(self, count: int, *, is_said: bool) -> float:
        step = (1 - DUCKED) * count / RATE
        return max(DUCKED, self._share - step / DOWN_S) if is_said else min(1.0, self._share + step / UP_S)
