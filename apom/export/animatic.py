"""A film of stills and clips as one MP4: H.264 and AAC, BT.709, to be played while it loads.

Every shot begins at the frame nearest to where its time has come, counted from the beginning of the film, and its sound at
that very frame: neither drifts, however many shots there are. One shot is open at a time, frame by frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TypeAlias

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from apom.config import LIMITS
from apom.errors import ApomError
from apom.export.films import Film, Scene
from apom.export.sheet import clean
from apom.fields import one_line
from apom.media import images
from apom.media.mixing import RATE, Mixer, Sound, open_sound
from apom.media.reels import fitted, open_reel, picture
from apom.media.sniff import HEAD, sniff
from apom.sandbox.caption import FONT
from apom.words import _, say

CODED = {"crf": "21", "preset": "veryfast", "profile": "high"}
THREADS = 2
SOUND_BITS = 192_000  # a second
NAME_CHARS = 80
PAPER, INK, FAINT = (22, 24, 29), (236, 238, 242), (138, 145, 158)
Label: TypeAlias = tuple[Image.Image, tuple[int, int]]  # a plate, and where it goes
BEHIND = 0.45  # how bright the blurred picture is behind another


def write(film: Film, path: Path, progress: Callable[[float], None]) -> list[str]:
    """The film at `path`, or nothing there; answers with what could not be shown, in words.

    `progress` hears how far it is, 0 to 1, and may raise to end it. Raises OSError.
    """
    try:
        with (
            av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as container,
            ExitStack() as stack,
        ):
            return _Making(film, container, stack, progress).run()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class _Making:
    """One film: both streams side by side, so that nothing has to wait in memory."""

    def __init__(
        self, film: Film, container: OutputContainer, stack: ExitStack, progress: Callable[[float], None]
    ) -> None:
        self._film, self._container, self._progress = film, container, progress
        self._remarks: list[str] = []
        container.metadata["title"] = clean(film.title)
        self._seen = _pictures(container, film)
        music = self._music(stack)
        has_sound = music is not None or (film.has_clip_sound and any(scene.is_clip for scene in film.scenes))
        self._heard: AudioStream | None = None
        if has_sound:
            self._heard = container.add_stream("aac", rate=RATE, layout="stereo")
            self._heard.codec_context.bit_rate = SOUND_BITS
        self._mixer = Mixer(music)
        self._frames = self._samples = 0
        self._shown: Image.Image | None = None
        self._frame: VideoFrame | None = None

    def run(self) -> list[str]:
        """All of it."""
        film, at_s = self._film, 0.0
        whole = max(1, round(sum(scene.duration_s for scene in film.scenes) * film.fps))
        for scene in film.scenes:
            at_s += scene.duration_s
            count = max(1, round(at_s * film.fps) - self._frames)
            self._play(scene, count, whole)
        self._container.mux(self._seen.encode(None))
        if self._heard is not None:
            self._container.mux(self._heard.encode(None))
        return self._remarks

    def _play(self, scene: Scene, count: int, whole: int) -> None:
        label = _label(scene, self._film.size) if self._film.has_codes and scene.code else None
        with ExitStack() as stack:
            sound = self._sound(scene, stack)
            left_s = None if scene.out_s is None else scene.out_s - scene.in_s
            for n, image in enumerate(self._images(scene, count, label)):
                self._show(image)
                is_out = left_s is not None and n / self._film.fps >= left_s
                self._hear(None if is_out else sound)
                if self._frames % 12 == 0:
                    self._progress(min(1.0, self._frames / whole))

    def _images(self, scene: Scene, count: int, label: Label | None) -> Iterator[Image.Image]:
        """So many pictures, whatever happens; the same object again while nothing moves."""
        last, shown, given, why = None, None, 0, scene.remark
        if scene.path is not None:
            try:
                for image in _source(scene, scene.path, self._film, count):
                    if image is not last or shown is None:
                        last, shown = image, _labelled(image, label)
                    yield shown
                    given += 1
            except (ApomError, av.FFmpegError, OSError) as error:
                why = say(error) if isinstance(error, ApomError) else _("The file is damaged.")
        if why and scene.code:
            then = _("A slate stands in its place.") if shown is None else _("Its last good frame stays.")
            self._remarks.append(f"{scene.code} {scene.name}: {why} {then}")
        yield from repeat(shown or _slate(scene, why, self._film.size), count - given)

    def _show(self, image: Image.Image) -> None:
        if image is not self._shown or self._frame is None:
            self._shown, self._frame = image, _coded(image)
        self._frame.pts, self._frame.time_base = self._frames, 1 / self._film.fps
        self._frames += 1
        self._container.mux(self._seen.encode(self._frame))

    def _hear(self, clip: Sound | None) -> None:
        """What belongs to the frame that was shown."""
        if self._heard is None:
            return
        count = round(self._frames / self._film.fps * RATE) - self._samples
        frame = AudioFrame.from_ndarray(self._mixer.read(count, clip), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples += count
        self._container.mux(self._heard.encode(frame))

    def _music(self, stack: ExitStack) -> Sound | None:
        if self._film.soundtrack is None:
            return None
        try:
            found = stack.enter_context(open_sound(self._film.soundtrack))
        except av.FFmpegError:
            found = None
        if found is None:
            self._remarks.append(_("The soundtrack cannot be heard: the file is damaged. The film is without it."))
        return found

    def _sound(self, scene: Scene, stack: ExitStack) -> Sound | None:
        """What is heard in a clip, from the frame on that it begins with; a damaged one is reported by its picture."""
        if scene.path is None or not scene.is_clip or not self._film.has_clip_sound:
            return None
        try:
            with open_reel(scene.path) as reel:
                start_s = reel.origin_s + scene.in_s
            return stack.enter_context(open_sound(scene.path, start_s))
        except (ApomError, av.FFmpegError, OSError):
            return None


def _pictures(container: OutputContainer, film: Film) -> VideoStream:
    stream: VideoStream = container.add_stream(
        "libx264", rate=film.fps, options={**CODED, "g": str(max(1, round(film.fps * 2)))}
    )
    stream.width, stream.height = film.size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / film.fps
    context.thread_count = THREADS
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _coded(image: Image.Image) -> VideoFrame:
    """As H.264 takes it, in the colours it says it has."""
    frame: VideoFrame = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV's gap
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)


def _source(scene: Scene, path: Path, film: Film, count: int) -> Iterator[Image.Image]:
    """The pictures of a take, each as large as the film. Raises ApomError, FFmpegError, OSError."""
    if not scene.is_clip:
        with path.open("rb") as file:
            kind = sniff(file.read(HEAD))
        still = images.full(path, kind.reader, LIMITS).convert("RGB")
        yield from repeat(_placed(still.resize(fitted(still.size, film.size), reducing_gap=2.0), film), count)
        return
    out = count if scene.out_s is None else max(1, round((scene.out_s - scene.in_s) * film.fps))
    with open_reel(path) as reel:
        last: VideoFrame | None = None
        for frame in reel.frames(scene.in_s, film.fps, min(count, out)):
            if frame is not last:
                last, image = frame, _placed(picture(frame, film.size), film)
            yield image
    yield from repeat(image, max(0, count - out))


def _placed(image: Image.Image, film: Film) -> Image.Image:
    """In the middle of the film's frame."""
    width, height = film.size
    if image.size == film.size:
        return image
    if film.is_blurred:
        small = image.resize((max(2, width // 16), max(2, height // 16)), Image.Resampling.BOX)
        behind = small.filter(ImageFilter.GaussianBlur(3)).resize(film.size, Image.Resampling.BICUBIC)
        behind = behind.point(lambda level: level * BEHIND)
    else:
        behind = Image.new("RGB", film.size)
    behind.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return behind


def _label(scene: Scene, size: tuple[int, int]) -> Label:
    """The shot's code and name on a dark plate, and where it goes: in the lower left, within the safe area."""
    unit = min(size) / 28
    font, pad = _font(unit), round(unit * 0.6)
    text = _cut(f"{scene.code}  {scene.name}", font, size[0] * 0.8)
    width, height = round(font.getlength(text)) + 2 * pad, round(unit * 1.25) + pad
    plate = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), round(unit / 3), fill=(0, 0, 0, 205))
    draw.text((pad, height / 2), text, font=font, fill=INK, anchor="lm")
    edge = round(min(size) * 0.04)
    return plate, (edge, size[1] - edge - height)


def _labelled(image: Image.Image, label: Label | None) -> Image.Image:
    if label is None:
        return image
    plate, place = label
    whole = image.copy()
    whole.paste(plate, place, plate)
    return whole


def _slate(scene: Scene, why: str, size: tuple[int, int]) -> Image.Image:
    """What stands in for a picture: which shot it is, what will be said in it, why it is not here."""
    width, height = size
    slate = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(slate)
    unit, room = min(size) / 24, width * 0.8
    draw.rectangle((unit, unit, width - unit, height - unit), outline=(52, 57, 67), width=max(1, round(unit / 16)))
    lines = [
        *((line, 3.2, INK) for line in _wrapped(scene.code, 3.2 * unit, room, 1)),
        *((line, 1.5, INK) for line in _wrapped(scene.name, 1.5 * unit, room, 2)),
        *((line, 0.9, FAINT) for line in _wrapped(scene.spoken, 0.9 * unit, room, 3)),
        *((line, 0.9, (224, 168, 88)) for line in _wrapped(why, 0.9 * unit, room, 2)),
    ]
    at = (height - sum(share * 1.5 for _line, share, _ink in lines) * unit) / 2
    for line, share, ink in lines:
        at += share * 0.75 * unit
        draw.text((width / 2, at), line, font=_font(share * unit), fill=ink, anchor="mm")
        at += share * 0.75 * unit
    return slate


def _wrapped(text: str, size: float, room: float, most: int) -> list[str]:
    """Line by line, the last one cut when there is more."""
    font, lines = _font(size), [""]
    for word in clean(one_line(text)).split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > NAME_CHARS or font.getlength(longer) > room:
            lines.append(word[: NAME_CHARS * 2])
        else:
            lines[-1] = longer
    lines = [line for line in lines if line]
    shown = lines[:most]
    if len(lines) > most:
        shown[-1] += " …"
    return [_cut(line, font, room) for line in shown]


def _cut(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """In one line that fits."""
    text = clean(one_line(text))
    shown = text[: NAME_CHARS * 2]
    while len(shown) > 1 and font.getlength(shown) > room:
        shown = shown[: -max(2, len(shown) // 10)].rstrip() + "…"
    return shown


def _font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, max(6, round(size)))
