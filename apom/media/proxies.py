"""What a browser plays in place of a clip that it cannot play: H.264 in MP4, made beside the original.

What browsers play: H.264, VP8 and VP9 with eight bits and half the colour, and AV1, in MP4 or WebM. HEVC, ProRes, ten bits
and the like they do not, or only on some machines.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from apom.config import LIMITS, Limits
from apom.errors import BadMedia
from apom.media.sniff import HEAD, MP4, WEBM, Kind, sniff
from apom.media.video import DAMAGED, picture_stream

LONGER = 1920  # px, the longer side at most
CODED = {"crf": "21", "preset": "veryfast"}
PLAYED = frozenset(["h264", "vp8", "vp9"])
PLAYED_PIXELS = frozenset(["yuv420p", "yuvj420p"])
MUXED = frozenset(["h264", "av1"])  # what goes into an MP4 as it is


def is_played(kind: Kind, codec: str, pixels: str) -> bool:
    """Whether browsers play a clip as it is."""
    return kind in (MP4, WEBM) and _is_codec_played(codec, pixels)


def _is_codec_played(codec: str, pixels: str) -> bool:
    return codec == "av1" or (codec in PLAYED and pixels in PLAYED_PIXELS)


def write_proxy(
    path: Path, target: Path, on_progress: Callable[[float], None] = lambda share: None, limits: Limits = LIMITS
) -> None:
    """Writes an MP4 that browsers play: the picture as it is where only its container is foreign to them, else coded
    anew, at most `LONGER` pixels wide or high; sound as AAC; nothing of what else the file says.

    Minutes of processor time for a long clip. `on_progress` hears how far it is, 0 to 1, and may raise to end it.
    Raises BadMedia, OSError.
    """
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    try:
        first = _first_frame(path, kind, limits)
        with (
            open_clip(path, kind, limits) as source,
            av.open(f"file:{target}", "w", format="mp4", options={"movflags": "+faststart"}) as proxy,
        ):
            _Making(source, proxy, first, limits).run(on_progress)
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.filename == str(target):
            raise
        raise BadMedia(DAMAGED) from error


def open_clip(path: Path, kind: Kind, limits: Limits) -> InputContainer:
    """The clip, by the demuxer of what it was sniffed to be, which may open nothing else. Raises FFmpegError."""
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.image_pixels)}
    return av.open(f"file:{path}", "r", format=kind.reader, options=options, metadata_errors="replace")


def pictures(source: InputContainer, limits: Limits) -> VideoStream:
    """Its moving picture, ready to be decoded. Raises BadMedia."""
    stream = picture_stream(source)
    stream.codec_context.options = {"max_pixels": str(limits.image_pixels)}
    stream.thread_type = "AUTO"
    return stream


def _first_frame(path: Path, kind: Kind, limits: Limits) -> VideoFrame:
    """Only a frame says how it is turned, and that has to be known before anything is written."""
    with open_clip(path, kind, limits) as source:
        found = next(source.decode(pictures(source, limits)), None)
    if found is None:
        raise BadMedia(DAMAGED)
    return found


class _Making:
    """One proxy: the picture and at most one sound, packet by packet."""

    def __init__(self, source: InputContainer, proxy: OutputContainer, first: VideoFrame, limits: Limits) -> None:
        self._source, self._proxy = source, proxy
        self._picture = pictures(source, limits)
        self._sound: AudioStream | None = next(iter(source.streams.audio), None)
        codec = self._picture.codec_context.codec.canonical_name
        is_played = codec in MUXED and _is_codec_played(codec, self._picture.codec_context.pix_fmt or "")
        self._is_copied = is_played and "mov" in source.format.name  # Matroska does not say when to decode
        self._seen: VideoStream = (
            proxy.add_stream_from_template(self._picture) if self._is_copied else self._coded_like(first)
        )
        self._heard: AudioStream | None = None
        if self._sound is not None:
            self._heard = proxy.add_stream("aac", rate=self._sound.rate, layout="stereo")

    def run(self, on_progress: Callable[[float], None]) -> None:
        """All of it."""
        whole = (self._source.duration or 0) / av.time_base
        streams = [self._picture] if self._sound is None else [self._picture, self._sound]
        for packet in self._source.demux(streams):
            if packet.stream is self._picture:
                self._see(packet)
                if whole and packet.pts is not None:
                    on_progress(min(1.0, float(packet.pts * packet.time_base) / whole))
            else:
                self._hear(packet)
        if not self._is_copied:
            self._proxy.mux(self._seen.encode(None))
        if self._heard is not None:
            self._proxy.mux(self._heard.encode(None))

    def _see(self, packet: Any) -> None:
        if self._is_copied:
            if packet.dts is not None:  # the last packet is empty
                packet.stream = self._seen
                self._proxy.mux(packet)
            return
        for frame in _decoded(packet):
            self._code(frame)

    def _code(self, frame: VideoFrame) -> None:
        small = frame.reformat(self._seen.width, self._seen.height, "yuv420p")
        small.pts, small.time_base = frame.pts, frame.time_base
        self._proxy.mux(self._seen.encode(small))

    def _coded_like(self, frame: VideoFrame) -> VideoStream:
        rate = self._picture.average_rate or 24
        stream: VideoStream = self._proxy.add_stream("libx264", rate=rate, options=dict(CODED))
        share = min(1.0, LONGER / max(frame.width, frame.height))
        stream.width, stream.height = _even(frame.width * share), _even(frame.height * share)
        stream.pix_fmt = "yuv420p"
        if self._picture.time_base is not None:
            stream.codec_context.time_base = self._picture.time_base
        if frame.rotation:
            stream.set_display_rotation(frame.rotation)
        return stream

    def _hear(self, packet: Any) -> None:
        assert self._heard is not None, "sound is only asked for where there is some"
        for frame in _decoded(packet):
            self._proxy.mux(self._heard.encode(frame))


def _decoded(packet: Any) -> list[Any]:
    """Its frames; none of a damaged packet: what can be seen of a clip is shown."""
    try:
        return list(packet.decode())
    except av.InvalidDataError:
        return []


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
