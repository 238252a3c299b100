"""Clips are measured from their packets and shown small; what cannot be played is a sentence."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_samples import clip, corner, cut, is_red, silence
from PIL import Image

from apom.config import LIMITS
from apom.errors import BadMedia, TooLarge
from apom.media import video
from apom.media.video import Clip, read, write_preview

VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
SHAPES = {
    "plain.mp4": {},
    "sound.mp4": {"sound": True},
    "front.mp4": {"flags": "+faststart", "sound": True},
    "fragments.mp4": {"flags": "frag_keyframe+empty_moov"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none", "preset": "ultrafast"}},
    "old.mp4": {"codec": "mpeg4"},
    "prores.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "plain.mov": {},
    "plain.mkv": {},
    "vp9.webm": VP9,
    "sound.webm": {**VP9, "sound": True},
}


def seen(path: Path) -> Clip:
    return read(path, "mov" if path.suffix in (".mp4", ".mov") else "matroska", LIMITS)


@pytest.mark.parametrize("name", SHAPES)
def test_every_container_and_codec_is_measured(tmp_path: Path, name: str) -> None:
    clip_ = seen(clip(tmp_path / name, **SHAPES[name]))
    assert (clip_.width, clip_.height) == (160, 90)
    assert clip_.duration_s == pytest.approx(2, abs=0.005)
    assert clip_.fps == pytest.approx(24)
    assert clip_.codec in video.CODECS
    assert clip_.small.size == (160, 90)
    assert is_red(clip_.small.getpixel((20, 20))) and not is_red(clip_.small.getpixel((140, 20)))


def test_the_poster_is_not_the_first_frame_which_is_often_black(tmp_path: Path) -> None:
    clip_ = seen(clip(tmp_path / "x.mp4", seconds=3))
    first, poster = clip_.frames[0][1].getpixel((100, 60)), clip_.small.getpixel((100, 60))
    assert poster[0] > first[0]


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_clip_from_a_phone_stands_upright(tmp_path: Path, rotation: int) -> None:
    clip_ = seen(clip(tmp_path / "x.mp4", rotation=rotation))
    size = (160, 90) if rotation == 180 else (90, 160)
    at = {90: (10, 150), -90: (80, 10), 180: (150, 80)}[rotation]
    assert (clip_.width, clip_.height) == size == clip_.small.size == clip_.frames[0][1].size
    assert is_red(clip_.small.getpixel(at))
    assert is_red(clip_.frames[0][1].getpixel(at))


@pytest.mark.parametrize(
    ("made", "size", "frames"),
    [
        ({"seconds": 4}, (160, 90), 36),
        ({"seconds": 1}, (160, 90), 12),
        ({"seconds": 0.05, "fps": 24}, (160, 90), 1),
        ({"seconds": 4, "fps": 8}, (160, 90), 24),
        ({"seconds": 4, "fps": 60}, (160, 90), 36),
        ({"seconds": 1, "size": (640, 360)}, (320, 180), 12),
        ({"seconds": 1, "size": (360, 640)}, (320, 568), 12),
        ({"seconds": 1, "size": (1000, 16)}, (320, 6), 12),
        ({"seconds": 1, "size": (640, 360), "rotation": 90}, (320, 568), 12),
    ],
    ids=str,
)
def test_a_preview_plays_is_small_short_and_silent(
    tmp_path: Path, made: dict[str, object], size: tuple[int, int], frames: int
) -> None:
    preview = tmp_path / "preview.mp4"
    write_preview(seen(clip(tmp_path / "x.mp4", sound=True, **made)).frames, preview)
    with av.open(str(preview)) as container:
        assert not container.streams.audio
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.duration <= 3.1 * av.time_base
        decoded = list(container.decode(video=0))
    assert len(decoded) == frames
    assert (decoded[0].width, decoded[0].height) == size
    assert decoded[-1].time < 3
    content = preview.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_large_clip_gets_a_small_poster(tmp_path: Path) -> None:
    clip_ = seen(clip(tmp_path / "x.mp4", size=(1280, 720), seconds=0.5))
    assert clip_.small.size == (640, 360) and clip_.frames[0][1].size == (320, 180)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("name", ["plain.mp4", "front.mp4", "plain.mkv", "vp9.webm"])
def test_a_clip_that_was_cut_is_refused(tmp_path: Path, name: str, share: float) -> None:
    with pytest.raises(BadMedia, match="incomplete"):
        seen(cut(clip(tmp_path / name, **SHAPES[name]), share))


def test_damage_in_the_middle_is_survived_if_it_plays(tmp_path: Path) -> None:
    path = clip(tmp_path / "x.mp4", seconds=4)
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 3, len(content) // 2, 97):
        content[at] ^= 0xFF
    path.write_bytes(content)
    assert seen(path).frames


def test_what_an_edit_list_leaves_out_is_not_measured(tmp_path: Path) -> None:
    """As phones and editors trim: the only keyframe lies before the beginning."""
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "240", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(-24, 24):
            frame = av.VideoFrame.from_image(corner())
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip_ = seen(path)
    assert clip_.duration_s == pytest.approx(1, abs=0.05)
    assert [number for number, _ in clip_.frames] == list(range(12))


def test_a_preview_that_cannot_be_written_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    clip_ = seen(clip(tmp_path / "x.mp4", seconds=0.2))
    with pytest.raises(OSError, match="No such file"):
        write_preview(clip_.frames, tmp_path / "nowhere" / "preview.mp4")


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as container:
        silence(container, container.add_stream("aac", rate=48000), 1)
    with pytest.raises(BadMedia, match="This is sound"):
        seen(path)


def test_the_cover_of_a_sound_file_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as container:
        voice = container.add_stream("aac", rate=48000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 160, 90, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        silence(container, voice, 1)
        container.mux(cover.encode(av.VideoFrame.from_image(corner())))
        container.mux(cover.encode(None))
    with pytest.raises(BadMedia, match="This is sound"):
        seen(path)


def test_a_codec_nobody_expects_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMedia, match="ffv1"):
        seen(clip(tmp_path / "x.mkv", codec="ffv1", seconds=0.2))


def test_a_picture_or_a_playlist_called_mp4_is_not_followed(tmp_path: Path) -> None:
    secret = clip(tmp_path / "secret.mp4")
    disguised = tmp_path / "x.mp4"
    for content in (
        f"#EXTM3U\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n".encode(),
        f"ffconcat version 1.0\nfile {secret}\n".encode(),
        b"",
        b"<html>",
        secret.read_bytes()[8:],
    ):
        disguised.write_bytes(content)
        with pytest.raises(BadMedia):
            seen(disguised)
    for name in ("GIF", "PNG"):
        Image.new("RGB", (16, 16)).save(disguised, name)
        with pytest.raises(BadMedia):
            seen(disguised)


def test_names_are_paths_and_never_protocols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = clip(tmp_path / "plain.mp4")
    odd = plain.rename(tmp_path / "concat:a|b, кадр %20.mp4")
    assert seen(Path(odd.name)).width == 160


def test_too_many_pixels_or_seconds_are_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "x.mp4")
    with pytest.raises(TooLarge, match="160 × 90"):
        read(path, "mov", LIMITS.model_copy(update={"image_pixels": 160 * 90 - 1}))
    with pytest.raises(TooLarge, match="lasts 2 s"):
        read(path, "mov", LIMITS.model_copy(update={"video_s": 1.5}))


def test_too_many_packets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "PACKETS", 20)
    with pytest.raises(BadMedia):
        seen(clip(tmp_path / "x.mp4"))


def test_text_that_is_no_text_in_the_metadata_spoils_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "marker-title"
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_image(corner())))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"marker-title", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe"))
    assert seen(path).width == 160


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("tiny")
    return {name: clip(folder / name, size=(32, 16), seconds=0.5).read_bytes() for name in ("x.mp4", "x.mkv")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.sampled_from(["x.mp4", "x.mkv"]), st.data())
def test_flipped_bytes_give_a_clip_or_a_sentence(
    tmp_path: Path, tiny: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    content = bytearray(tiny[name])
    places = st.integers(0, len(content) - 1)
    for at, value in data.draw(st.dictionaries(places, st.integers(0, 255), max_size=8)).items():
        content[at] = value
    path = tmp_path / name
    path.write_bytes(content)
    with suppress(BadMedia, TooLarge):
        clip_ = seen(path)
        write_preview(clip_.frames, tmp_path / "preview.mp4")
