"""Sound arrives: what it is, how long, what it looks like, and nothing of what was written into it is shared."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import av
import pytest
from media_samples import clip, cut, sound
from PIL import Image

from apom.config import LIMITS
from apom.errors import ApomError, BadMedia, TooLarge
from apom.media.arrive import arrive, keep
from apom.media.sound import BARS, GROUND, INK, waveform
from apom.media.storage import LocalStorage
from apom.models import AssetType, new_id

WORDS = {"title": "SECRET TITLE", "artist": "SECRET ARTIST", "comment": "SECRET COMMENT"}
MIMES = {"mp3": "mpeg", "m4a": "mp4", "aac": "aac", "wav": "wav", "flac": "flac", "ogg": "ogg"}


@pytest.mark.parametrize("ext", MIMES)
def test_sound_arrives_as_what_it_is(tmp_path: Path, ext: str) -> None:
    path = sound(tmp_path / f"x.{ext}", words={} if ext == "aac" else WORDS)
    arrival = arrive(path.rename(tmp_path / "no name.txt"), tmp_path / "made")
    assert (arrival.asset_type, arrival.mime, arrival.ext) == (AssetType.AUDIO, f"audio/{MIMES[ext]}", ext)
    assert arrival.duration_s == pytest.approx(1.5, abs=0.06)
    assert (arrival.width, arrival.height, arrival.fps, arrival.preview, arrival.needs_proxy) == (None,) * 4 + (False,)
    assert arrival.sha256 == hashlib.sha256((tmp_path / "no name.txt").read_bytes()).hexdigest(), "it stays as it came"
    with Image.open(arrival.thumb) as thumb:
        assert (thumb.format, thumb.size) == ("WEBP", (640, 360))
    assert len(arrival.placeholder) < 400


@pytest.mark.parametrize("ext", ["mp3", "m4a", "wav", "flac", "ogg"])
def test_what_is_shared_has_no_words_and_the_same_sound(tmp_path: Path, ext: str) -> None:
    path = sound(tmp_path / f"x.{ext}", words=WORDS)
    assert b"SECRET" in path.read_bytes()
    shared = arrive(path, tmp_path / "made").proxy
    assert shared is not None and shared.suffix == f".{ext}"
    assert b"SECRET" not in shared.read_bytes()
    assert decoded(shared) == decoded(path)


def decoded(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(plane) for frame in container.decode(audio=0) for plane in frame.planes)


def test_tags_behind_the_sound_go_too(tmp_path: Path) -> None:
    path = sound(tmp_path / "x.mp3")
    path.write_bytes(path.read_bytes() + b"TAG" + b"SECRET TITLE".ljust(125, b"\0"))
    shared = arrive(path, tmp_path / "made").proxy
    assert shared is not None and b"SECRET" not in shared.read_bytes()


@pytest.mark.parametrize("ext", ["mp3", "flac"])
def test_a_cover_is_passed_over(tmp_path: Path, ext: str) -> None:
    path = sound(tmp_path / f"x.{ext}", cover=True)
    with av.open(str(path)) as container:
        assert container.streams.video
    arrival = arrive(path, tmp_path / "made")
    assert arrival.asset_type is AssetType.AUDIO and arrival.proxy is not None
    with av.open(str(arrival.proxy)) as container:
        assert not container.streams.video


def test_it_is_kept_with_its_waveform_and_its_copy(tmp_path: Path) -> None:
    storage, path, asset_id = LocalStorage(tmp_path / "media"), sound(tmp_path / "x.mp3"), new_id()
    kept = keep(storage, arrive(path, tmp_path / "made"), path, env="dev", asset_id=asset_id)
    assert kept.proxy_key is not None and kept.proxy_key.endswith(".mp3")
    assert {stored.key for stored in storage.list()} == {kept.file_key, kept.thumb_key, kept.proxy_key}


def test_a_waveform_shows_where_it_is_loud() -> None:
    image = waveform([0] * 50 + [1000] * 50)
    assert [image.getpixel((x, 100)) == INK for x in (100, 520, 522, 524)].count(True) >= 1
    assert image.getpixel((100, 100)) == GROUND
    assert waveform([]).size == waveform([5]).size == waveform([1] * 72_000).size
    assert image.width > BARS * 6


def test_too_much_of_it_is_refused(tmp_path: Path) -> None:
    path = sound(tmp_path / "x.wav")
    with pytest.raises(TooLarge, match="at most"):
        arrive(path, tmp_path, limits=LIMITS.model_copy(update={"audio_bytes": path.stat().st_size - 1}))
    for ext in ("wav", "mp3"):
        with pytest.raises(TooLarge, match="longer than 1 s"):
            arrive(sound(tmp_path / f"y.{ext}"), tmp_path, limits=LIMITS.model_copy(update={"audio_s": 1}))
    with pytest.raises(BadMedia, match="48 kHz"):
        arrive(sound(tmp_path / "z.wav", rate=384_000, seconds=0.1), tmp_path)


def test_a_clip_called_sound_and_the_other_way_round(tmp_path: Path) -> None:
    path = clip(tmp_path / "x.mp4", seconds=0.5)
    path.write_bytes(path.read_bytes().replace(b"ftypisom", b"ftypM4A ", 1))
    with pytest.raises(BadMedia, match="moving picture in this sound"):
        arrive(path, tmp_path / "made")
    assert not list((tmp_path / "made").iterdir())
    with pytest.raises(BadMedia, match="This is sound, and no sound"):
        arrive(sound(tmp_path / "y.mp3"), tmp_path, expect=AssetType.VIDEO)


@pytest.mark.parametrize("ext", MIMES)
def test_sound_cut_or_spoilt_anywhere_is_taken_or_refused_in_our_words(tmp_path: Path, ext: str) -> None:
    whole = sound(tmp_path / f"x.{ext}", seconds=0.5).read_bytes()
    path = tmp_path / "y"
    for at in range(0, len(whole), max(1, len(whole) // 12)):
        for content in (whole[:at], whole[:at] + bytes(b ^ 0x5A for b in whole[at : at + 200]) + whole[at + 200 :]):
            path.write_bytes(content)
            with suppress(ApomError):
                arrive(path, tmp_path / "made")


@pytest.mark.parametrize("ext", ["flac", "m4a"])
def test_half_a_sound_is_refused(tmp_path: Path, ext: str) -> None:
    with pytest.raises(BadMedia, match="damaged or incomplete"):
        arrive(cut(sound(tmp_path / f"x.{ext}", seconds=3), 0.5), tmp_path / "made")
