"""One moment of a clip as a picture."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from apom.config import LIMITS, Limits
from apom.errors import BadMedia, Invalid
from apom.media.images import check_pixels
from apom.media.sniff import HEAD, sniff
from apom.media.video import DAMAGED, picture_stream, seen_size, upright
from apom.models import AssetType

EARLY_S = 0.001  # what rounding a time to milliseconds may take away


def write_still(path: Path, target: Path, at_s: float | None, *, limits: Limits = LIMITS) -> None:
    """Writes the frame that is seen `at_s` seconds into the clip at `path` as a PNG, upright and in full size.

    None: its last frame. Blocking. Raises Invalid for a moment after its end, BadMedia.
    """
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    if kind.asset_type is not AssetType.VIDEO:
        raise Invalid("Only a clip has moments to choose from.", field="at_s")
    options = {"protocol_whitelist": "file", "max_pixels": str(limits.image_pixels)}
    try:
        with av.open(f"file:{path}", "r", format=kind.reader, options=options, metadata_errors="replace") as container:
            _still(container, at_s, limits).save(target, "PNG")
    except av.FFmpegError as error:
        raise BadMedia(DAMAGED) from error


def _still(container: InputContainer, at_s: float | None, limits: Limits) -> Image.Image:
    stream = picture_stream(container)
    check_pixels(stream.codec_context.width, stream.codec_context.height, limits)
    stream.codec_context.options = {"max_pixels": str(limits.image_pixels)}  # the header may lie
    stream.thread_type = "AUTO"
    frame = _frame(container, stream, at_s)
    return upright(frame, *seen_size(frame))


def _frame(container: InputContainer, stream: VideoStream, at_s: float | None) -> VideoFrame:
    """The last frame that begins no later than `at_s`; decoded from the keyframe before it."""
    base = stream.time_base
    if base is None:
        raise BadMedia(DAMAGED)
    start, end = _extent(container, stream)
    length_s = max(float((end - start) * base), (container.duration or 0) / av.time_base)
    if at_s is not None and not 0 <= at_s <= length_s:
        raise Invalid("The clip is {seconds} s long. Choose a moment in it.", field="at_s", seconds=f"{length_s:.4g}")
    wanted = end if at_s is None else start + int((at_s + EARLY_S) / base)
    container.seek(wanted, stream=stream)
    found: VideoFrame | None = None
    for frame in container.decode(stream):
        if found is not None and frame.pts is not None and frame.pts > wanted:
            break
        found = frame
    if found is None:
        raise BadMedia(DAMAGED)
    return found


def _extent(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """Where its packets begin and end, in units of its time base."""
    spans = [
        (packet.pts, packet.pts + (packet.duration or 0))
        for packet in container.demux(stream)
        if packet.pts is not None and not packet.is_discard
    ]
    if not spans:
        raise BadMedia(DAMAGED)
    return min(begin for begin, _ in spans), max(end for _, end in spans)
