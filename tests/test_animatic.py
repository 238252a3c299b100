"""The cut as a film: every shot where it belongs, to the frame; what is missing has a slate; sound where it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from conftest import Cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_samples import clip, cut, is_red
from PIL import Image

from apom.errors import Invalid
from apom.export import animatic, films
from apom.export.films import AnimaticChoice, Film, Scene, rate_of, size_of
from apom.export.room import Room
from apom.models import Project, Role
from apom.studio import Studio, Workspace

RATE = 48_000
SIZE = (160, 90)
GREEN, GREY, RED, BLUE = (30, 180, 30), (128, 128, 128), (210, 30, 30), (30, 30, 210)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def still(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def scene(path: Path | None = None, seconds: float = 1.0, **more: Any) -> Scene:
    known = {"code": "010", "name": "Harbour", "duration_s": seconds, "path": path}
    return Scene(**{**known, "is_clip": path is not None and path.suffix != ".png", **more})


def film(*scenes: Scene, **more: Any) -> Film:
    return Film(**{"title": "Film", "scenes": scenes, "size": SIZE, "fps": Fraction(24), "has_codes": False, **more})


def made(found: Film, path: Path) -> list[str]:
    return animatic.write(found, path, lambda share: None)


def pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [frame.to_image(src_colorspace=1) for frame in container.decode(video=0)]


def middle(image: Image.Image) -> tuple[int, int, int]:
    return image.getpixel((image.width // 2, image.height // 2))  # type: ignore[return-value]


def is_like(pixel: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


def heard(path: Path) -> np.ndarray[Any, Any]:
    """Its sound as one channel, at `RATE`."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def loud(sound: np.ndarray[Any, Any], from_s: float, to_s: float) -> float:
    part = sound[round(from_s * RATE) : round(to_s * RATE)]
    return float(np.sqrt(np.mean(part * part)))


def bursts(path: Path, seconds: float, at: dict[float, float], *, hz: float = 1000, level: float = 0.5) -> Path:
    """A sound file, silent but for tones: when (s) and for how long (s)."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = np.zeros_like(time)
    for begin, lasts in at.items():
        on = (time >= begin) & (time < begin + lasts)
        tone[on] = level * np.sin(2 * np.pi * hz * time[on])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", rate=RATE, layout="mono")
        _encode(container, stream, tone)
    return path


def _encode(container: Any, stream: Any, tone: np.ndarray[Any, Any]) -> None:
    for begin in range(0, len(tone), 1024):
        part = (tone[begin : begin + 1024] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, begin
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def talking(path: Path, seconds: float, at: dict[float, float], *, colour: tuple[int, int, int] = GREEN) -> Path:
    """A clip of one colour that is white exactly while something is heard."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "12", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        voice = container.add_stream("aac", rate=RATE, layout="mono")
        for n in range(round(seconds * 24)):
            is_on = any(begin <= n / 24 + 1e-6 < begin + lasts - 1e-6 for begin, lasts in at.items())
            frame = av.VideoFrame.from_image(Image.new("RGB", SIZE, (255, 255, 255) if is_on else colour))
            frame.pts, frame.time_base = n, Fraction(1, 24)
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=5)))
        container.mux(stream.encode(None))
        time = np.arange(round(seconds * RATE)) / RATE
        tone = np.zeros_like(time)
        for begin, lasts in at.items():
            on = (time >= begin) & (time < begin + lasts)
            tone[on] = 0.5 * np.sin(2 * np.pi * 1000 * time[on])
        _encode(container, voice, tone)
    return path


@pytest.mark.parametrize("fps", [24, 23.976, 25, 30, 12.5])
def test_the_film_has_every_frame_and_not_one_more(tmp_path: Path, fps: float) -> None:
    path, lengths = still(tmp_path / "a.png", RED), [1.01, 0.333, 0.77, 1.009, 0.06]
    rate = rate_of(fps)
    assert made(film(*(scene(path, s) for s in lengths), fps=rate), tmp_path / "film.mp4") == []
    with av.open(str(tmp_path / "film.mp4")) as container:
        (stream,) = container.streams
        assert stream.frames == sum(1 for _ in container.decode(video=0)) == round(sum(lengths) * rate)
        assert stream.average_rate == rate and stream.start_time == 0
        assert float(stream.duration * stream.time_base) == pytest.approx(stream.frames / rate, abs=1e-6)


def test_each_frame_shows_its_shot(tmp_path: Path) -> None:
    colours = [RED, GREEN, BLUE, GREY]
    lengths = [0.51, 0.26, 0.74, 0.49]
    scenes = [scene(still(tmp_path / f"{n}.png", c), s) for n, (c, s) in enumerate(zip(colours, lengths, strict=True))]
    made(film(*scenes), tmp_path / "film.mp4")
    expected, at_s = [], 0.0
    for colour, seconds in zip(colours, lengths, strict=True):
        at_s += seconds
        expected += [colour] * (round(at_s * 24) - len(expected))
    for n, (image, colour) in enumerate(zip(pictures(tmp_path / "film.mp4"), expected, strict=True)):
        assert is_like(middle(image), colour), (n, middle(image), colour)


def test_what_is_written_plays_everywhere(tmp_path: Path) -> None:
    made(film(scene(still(tmp_path / "a.png", RED))), tmp_path / "film.mp4")
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "film.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


def test_other_shapes_stand_in_the_middle(tmp_path: Path) -> None:
    tall = still(tmp_path / "tall.png", RED, (90, 160))
    for is_blurred in (True, False):
        made(film(scene(tall, 0.2), is_blurred=is_blurred), tmp_path / "film.mp4")
        (image, *_) = pictures(tmp_path / "film.mp4")
        assert is_like(middle(image), RED)
        edge = image.getpixel((4, 45))
        assert (edge[0] > 60) is is_blurred and edge[0] < 140  # type: ignore[index]


def test_a_clip_is_trimmed_and_its_last_frame_stays(tmp_path: Path) -> None:
    path = talking(tmp_path / "a.mp4", 2, {0.5: 0.25})
    made(film(scene(path, 2.0, in_s=0.5, out_s=1.0)), tmp_path / "film.mp4")
    shown = [middle(image)[0] > 200 for image in pictures(tmp_path / "film.mp4")]
    assert shown == [True] * 6 + [False] * 42
    made(film(scene(path, 1.0, in_s=0.625, out_s=0.7)), tmp_path / "film.mp4")
    assert all(middle(image)[0] > 200 for image in pictures(tmp_path / "film.mp4"))  # held on the frame before out


def test_what_is_heard_stays_with_what_is_seen(tmp_path: Path) -> None:
    first = talking(tmp_path / "a.mp4", 2, {0.5: 0.25})
    second = talking(tmp_path / "b.mp4", 2, {1.0: 0.5})
    found = film(scene(still(tmp_path / "s.png", RED), 1.37), scene(first, 1.5), scene(second, 1.75, in_s=0.25))
    assert made(found, tmp_path / "film.mp4") == []
    seen = [
        n / 24 for n, image in enumerate(pictures(tmp_path / "film.mp4")) if is_like(middle(image), (255, 255, 255))
    ]
    sound = heard(tmp_path / "film.mp4")
    on = np.nonzero(np.abs(sound) > 0.05)[0] / RATE
    begins = [float(on[0]), float(on[np.nonzero(np.diff(on) > 0.3)[0][0] + 1])]
    gap = next(n for n in range(1, len(seen)) if seen[n] - seen[n - 1] > 0.1)
    assert begins[0] == pytest.approx(seen[0], abs=0.005)
    assert begins[1] == pytest.approx(seen[gap], abs=0.005)
    with av.open(str(tmp_path / "film.mp4")) as container:
        video, audio = container.streams
        assert float(audio.duration * audio.time_base) == pytest.approx(
            float(video.duration * video.time_base), abs=0.03
        )


def test_music_steps_back_while_a_clip_is_heard(tmp_path: Path) -> None:
    music = bursts(tmp_path / "music.wav", 10, {0: 10}, hz=400, level=0.4)
    path = talking(tmp_path / "a.mp4", 3, {1.0: 1.0})
    made(film(scene(path, 3), scene(still(tmp_path / "s.png", RED), 1), soundtrack=music), tmp_path / "film.mp4")
    sound = heard(tmp_path / "film.mp4")
    time = np.arange(len(sound)) / RATE

    def level(at: float) -> float:
        """Of the music alone, at 400 Hz."""
        on = (time >= at) & (time < at + 0.2)
        return float(abs(np.mean(sound[on] * np.exp(-2j * np.pi * 400 * time[on]))) * 2)

    whole = 0.4 / 2**0.5  # one channel on two loudspeakers
    assert level(0.5) == pytest.approx(whole, abs=0.02)
    assert level(1.6) == pytest.approx(0.3 * whole, abs=0.02)
    assert level(3.5) == pytest.approx(whole, abs=0.02)


def test_music_that_ends_early_is_followed_by_silence_and_a_longer_one_is_cut(tmp_path: Path) -> None:
    path = still(tmp_path / "a.png", RED)
    made(film(scene(path, 2), soundtrack=bursts(tmp_path / "m.m4a", 1, {0: 1})), tmp_path / "film.mp4")
    sound = heard(tmp_path / "film.mp4")
    assert loud(sound, 0.2, 0.8) > 0.2 and loud(sound, 1.2, 1.9) < 0.01
    assert len(sound) / RATE == pytest.approx(2, abs=0.03)
    made(film(scene(path, 1), soundtrack=bursts(tmp_path / "m.wav", 9, {0: 9})), tmp_path / "film.mp4")
    assert len(heard(tmp_path / "film.mp4")) / RATE == pytest.approx(1, abs=0.03)


def test_without_sound_anywhere_there_is_no_track_of_it(tmp_path: Path) -> None:
    path = talking(tmp_path / "a.mp4", 1, {0: 1})
    made(film(scene(path), has_clip_sound=False), tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert not container.streams.audio


def test_a_broken_clip_is_named_and_holds_its_place(tmp_path: Path) -> None:
    broken = cut(clip(tmp_path / "a.mp4"), 0.3)
    nothing = tmp_path / "b.mp4"
    nothing.write_bytes(b"<html>")
    green = still(tmp_path / "c.png", GREEN)
    scenes = [scene(broken, 1, code="010"), scene(nothing, 1, code="020"), scene(green, 1, code="030")]
    remarks = made(film(*scenes, soundtrack=nothing), tmp_path / "film.mp4")
    assert [remark[:3] for remark in remarks] == ["The", "010", "020"]
    assert "slate" in remarks[1]
    shown = pictures(tmp_path / "film.mp4")
    assert len(shown) == 72 and is_like(middle(shown[50]), GREEN)
    assert max(shown[10].getpixel((5, 5))) < 50  # type: ignore[type-var]


def varying(path: Path) -> Path:
    """A clip without a steady rate: red until 0.7 s, then blue; both frames, and no others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for at, colour in ((0, RED), (10, RED), (700, BLUE), (710, BLUE), (1500, BLUE)):
            frame = av.VideoFrame.from_image(Image.new("RGB", SIZE, colour))
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_clips_without_a_steady_rate_keep_their_time(tmp_path: Path) -> None:
    made(film(scene(varying(tmp_path / "a.mp4"), 1.5)), tmp_path / "film.mp4")
    shown = [is_red(middle(image)) for image in pictures(tmp_path / "film.mp4")]
    assert shown == [True] * 17 + [False] * 19  # 17/24 s is the first moment after 0.7 s


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_clips_from_phones_stand_upright(tmp_path: Path, rotation: int) -> None:
    path = clip(tmp_path / "a.mp4", rotation=rotation, seconds=0.5)
    made(film(scene(path, 0.5), is_blurred=False), tmp_path / "film.mp4")
    image = pictures(tmp_path / "film.mp4")[2]
    corners = {"left top": (62, 10), "right top": (98, 10), "left low": (62, 80), "right low": (98, 80)}
    red = [name for name, place in corners.items() if is_red(image.getpixel(place))]
    assert red == {90: ["left low"], 180: ["right low"], 270: ["right top"]}[rotation]


def bright(path: Path, trc: int) -> Path:
    """HDR in ten bits: diffuse white as BT.2408 puts it, 58 % of PQ and 75 % of HLG."""
    level = 0.58 if trc == 16 else 0.75
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = trc, 9, 9, 1
        for n in range(12):
            frame = av.VideoFrame.from_image(Image.new("RGB", SIZE, (round(level * 255),) * 3))
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9)
            frame.pts, frame.time_base = n, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("trc", [16, 18])
def test_hdr_is_shown_as_bright_as_it_was_meant(tmp_path: Path, trc: int) -> None:
    made(film(scene(bright(tmp_path / "a.mp4", trc), 0.5)), tmp_path / "film.mp4")
    assert all(225 < level <= 255 for level in middle(pictures(tmp_path / "film.mp4")[3]))


def test_codes_are_written_into_the_picture(tmp_path: Path) -> None:
    path = still(tmp_path / "a.png", RED)
    made(film(scene(path, 0.1, name="Гавань на рассвете"), has_codes=True), tmp_path / "film.mp4")
    (image, *_) = pictures(tmp_path / "film.mp4")
    low = image.crop((0, 75, 80, 90))
    assert low.convert("L").getextrema()[0] < 40 and is_like(middle(image), RED)


class Stop(Exception):
    """Somebody has stopped it."""


def test_when_it_is_stopped_nothing_is_left(tmp_path: Path) -> None:
    path = talking(tmp_path / "a.mp4", 2, {0.5: 0.25})
    told: list[float] = []

    def progress(share: float) -> None:
        told.append(share)
        if share > 0.5:
            raise Stop

    with pytest.raises(Stop):
        animatic.write(film(scene(path, 2), scene(path, 2)), tmp_path / "film.mp4", progress)
    assert told == sorted(told) and len(told) > 2
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(exclude_categories=[]), max_size=60) | st.just("w" * 20_000))
def test_whatever_people_write_becomes_a_slate(tmp_path: Path, text: str) -> None:
    found = film(scene(None, 0.04, code=text, name=text, spoken=text, remark=text), title=text, has_codes=True)
    made(found, tmp_path / "film.mp4")
    labelled = film(scene(still(tmp_path / "a.png", RED), 0.04, code=text, name=text), has_codes=True)
    made(labelled, tmp_path / "film.mp4")


def test_sizes_and_rates() -> None:
    ids = {name: "00000000-0000-0000-0000-000000000001" for name in ("id", "created_by")}
    project = Project(**ids, name="Film", created_at=NOW, updated_at=NOW, role=Role.OWNER)  # type: ignore[arg-type]
    assert size_of(project, 720) == (1280, 720) and size_of(project, 1080) == (1920, 1080)
    tall = project.model_copy(update={"width": 1080, "height": 1920})
    assert size_of(tall, 720) == (720, 1280)
    strip = project.model_copy(update={"width": 16384, "height": 16})
    assert size_of(strip, 720) == (2160, 720)
    assert [rate_of(fps) for fps in (23.976, 29.97, 24, 12.5, 240, 0.01)] == [
        Fraction(24000, 1001),
        Fraction(30000, 1001),
        24,
        Fraction(25, 2),
        60,
        1,
    ]


# Of a project in a store


@pytest.fixture
def room(cast: Cast) -> Room:
    project = cast.alice.create_project("Film", width=160, height=90)
    return room_of(cast.studio, cast.alice, project)


def room_of(studio: Studio, ws: Workspace, project: Project) -> Room:
    return Room(
        store=studio._store,
        storage=studio._storage,
        money=studio.money,
        actor=ws.actor,
        project_id=project.id,
        now=NOW,
    )


def test_a_project_becomes_a_film(cast: Cast, room: Room, tmp_path: Path) -> None:
    alice, project_id = cast.alice, room.project_id
    first, second, third = alice.create_boxes(project_id, ["Harbour", "Storm", "Light"])
    picture = alice.upload(first, still(tmp_path / "a.png", RED)).take
    alice.set_headliner(first, picture)
    moving = alice.upload(second, clip(tmp_path / "b.mp4", seconds=2)).take
    alice.set_headliner(second, moving)
    alice.update_box(second, in_s=0.5, out_s=1.5)
    alice.update_box(third, duration_s=0.5, line="Light the lamp.")
    found, remarks = films.gather(room, AnimaticChoice())
    assert [s.duration_s for s in found.scenes] == [3.0, 1.0, 0.5] and remarks == ()
    said = films.write(room, AnimaticChoice(still_s=0.5), tmp_path / "film.mp4", lambda share: None)
    assert said == ("030 Light: No take has been picked for this shot. A slate stands in its place.",)
    assert len(pictures(tmp_path / "film.mp4")) == 48


def test_the_soundtrack_of_a_project_is_heard(cast: Cast, room: Room, tmp_path: Path) -> None:
    alice, project_id = cast.alice, room.project_id
    alice.create_boxes(project_id, ["Harbour"])
    project = alice.set_soundtrack(project_id, bursts(tmp_path / "music.wav", 2, {0.5: 0.5}))
    films.write(room, AnimaticChoice(still_s=1), tmp_path / "film.mp4", lambda share: None)
    sound = heard(tmp_path / "film.mp4")
    assert loud(sound, 0, 0.45) < 0.01 and loud(sound, 0.55, 0.95) > 0.2
    cast.studio._storage.delete(alice.asset(project.soundtrack_asset_id or "").file_key or "")
    said = films.write(room, AnimaticChoice(still_s=1), tmp_path / "film.mp4", lambda share: None)
    assert "soundtrack" in said[0]


def test_an_empty_project_is_a_slate(room: Room, tmp_path: Path) -> None:
    said = films.write(room, AnimaticChoice(still_s=0.5), tmp_path / "film.mp4", lambda share: None)
    assert said == ("The project has no shots yet.",)
    assert len(pictures(tmp_path / "film.mp4")) == 12


def test_a_film_of_days_is_refused(cast: Cast, room: Room) -> None:
    (shot,) = cast.alice.create_boxes(room.project_id, ["Harbour"])
    cast.alice.update_box(shot, duration_s=86_400)
    with pytest.raises(Invalid, match="at most 240"):
        films.gather(room, AnimaticChoice())


def test_a_file_that_is_gone_is_said(cast: Cast, room: Room, tmp_path: Path) -> None:
    (shot,) = cast.alice.create_boxes(room.project_id, ["Harbour"])
    take = cast.alice.upload(shot, still(tmp_path / "a.png", RED)).take
    cast.alice.set_headliner(shot, take)
    cast.studio._storage.delete(take.file_key or "")
    found, _ = films.gather(room, AnimaticChoice())
    assert found.scenes[0].path is None and "cannot be found" in found.scenes[0].remark
    with cast.studio._store.write() as tx:
        tx.all("update asset set purged_at = $2 where id = $1", take.id, NOW)
    found, _ = films.gather(room, AnimaticChoice())
    assert "cleaned away" in found.scenes[0].remark
