"""What is made from originals: what browsers play instead, nothing that says where it was taken, and all of it anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pillow_heif
import pytest
from conftest import person
from media_samples import clip, corner, is_red
from PIL import Image

from apom.config import Settings
from apom.models import Box, Job, JobState, Status, Take
from apom.studio import Studio, Workspace
from apom.testing.invariants import assert_invariants

GPS, PLACE = 0x8825, b"41 N 29 E, behind the old harbour"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio.open(Settings(data_dir=tmp_path_factory.mktemp("derived") / "data")) as studio:
        yield studio


@pytest.fixture(scope="module")
def alice(studio: Studio) -> Workspace:
    return studio.workspace(person(studio, "alice"))


@pytest.fixture
def shot(alice: Workspace) -> Box:
    return alice.create_box(alice.create_project("P"), "one")


def ended(ws: Workspace, job: Job) -> Job:
    deadline = time.monotonic() + 60
    while (found := ws.job(job)).state in (JobState.PENDING, JobState.RUNNING):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def stored(ws: Workspace, take: Take, key: str | None) -> Path:
    assert key is not None
    return ws.file(take, key.rpartition("/")[2])[0]


def proxied(studio: Studio, ws: Workspace, take: Take) -> Take:
    studio.derivatives.order_proxies()
    for job in ws.jobs(take.project_id).items:
        assert ended(ws, job).state is JobState.DONE, job
    return ws.asset(take)


PLAYED = [
    ("x.mp4", {}),
    ("x.webm", {"codec": "libvpx-vp9"}),
    ("x.mp4", {"codec": "libsvtav1"}),
]
NOT_PLAYED = [
    ("x.mp4", {"codec": "libx265", "sound": True}),
    ("x.mov", {"codec": "prores_ks", "pixels": "yuv422p10le", "sound": True}),
    ("x.mp4", {"pixels": "yuv420p10le"}),
    ("x.mp4", {"codec": "libx265", "rotation": 90}),
    ("x.mkv", {"sound": True}),
    ("x.mov", {"sound": True, "rotation": 90}),
]


@pytest.mark.parametrize(("name", "options"), PLAYED)
def test_what_browsers_play_stays_alone(
    alice: Workspace, studio: Studio, shot: Box, tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    take = alice.upload(shot, clip(tmp_path / name, seconds=0.5, **options)).take  # type: ignore[arg-type]
    assert proxied(studio, alice, take).proxy_key is None
    assert alice.jobs(shot.project_id).items == ()
    assert take.shown_url == take.file_url
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "the tests that follow would starve the machine"


@pytest.mark.parametrize(("name", "options"), NOT_PLAYED)
def test_browsers_get_h264_for_what_they_do_not_play(
    alice: Workspace, studio: Studio, shot: Box, tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    take = alice.upload(shot, clip(tmp_path / name, seconds=1, **options)).take  # type: ignore[arg-type]
    assert take.status is Status.COMPLETED, "it is there before its proxy is"
    after = proxied(studio, alice, take)
    assert after.shown_url not in (None, after.file_url)
    path = stored(alice, after, after.proxy_key)
    with av.open(str(path)) as proxy:
        picture = proxy.streams.video[0]
        assert (picture.codec_context.name, picture.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert [stream.codec_context.name for stream in proxy.streams.audio] == ["aac"] * bool(options.get("sound"))
        assert proxy.duration is not None and abs(proxy.duration / av.time_base - 1) < 0.15
        frames = [frame for frame in proxy.decode(picture)]
        assert len(frames) == 24
        assert frames[0].rotation == options.get("rotation", 0)
    assert_invariants(studio, ())


def test_a_heic_photo_has_a_jpeg_for_browsers_that_does_not_say_where_it_was_taken(
    alice: Workspace, shot: Box, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(GPS)[1] = "N"
    exif[0x010E] = PLACE.decode()
    photo = pillow_heif.from_pillow(corner((640, 360)))
    photo.save(tmp_path / "x.heic", exif=exif.tobytes(), quality=90)
    take = alice.upload(shot, tmp_path / "x.heic").take
    assert take.mime == "image/heic"
    assert PLACE in stored(alice, take, take.file_key).read_bytes(), "originals are never rewritten"
    path = stored(alice, take, take.proxy_key)
    assert alice.file(take, path.name)[1] == "image/jpeg"
    with Image.open(path) as shown:
        assert shown.format == "JPEG"
        assert (shown.width, shown.height) == (take.width, take.height)
        assert not shown.getexif()
    assert PLACE not in path.read_bytes()


@pytest.mark.parametrize("reader", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_thumbnail_is_upright_and_says_nothing_of_its_place(
    alice: Workspace, shot: Box, tmp_path: Path, reader: str
) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, PLACE.decode()
    exif.get_ifd(GPS)[1] = "N"
    corner((160, 90)).save(tmp_path / "x", reader, exif=exif)
    take = alice.upload(shot, tmp_path / "x").take
    assert (take.width, take.height) == (90, 160)
    thumb = stored(alice, take, take.thumb_key)
    with Image.open(thumb) as small:
        assert small.size == (90, 160)
        assert is_red(small.convert("RGB").getpixel((80, 10))), "the red corner is at the top right now"
        assert not small.getexif()
    assert PLACE not in thumb.read_bytes()


def test_everything_is_made_anew_and_nothing_is_left_over(
    alice: Workspace, studio: Studio, shot: Box, tmp_path: Path
) -> None:
    corner().save(tmp_path / "x.png")
    takes = [
        alice.upload(shot, tmp_path / "x.png").take,
        alice.upload(shot, clip(tmp_path / "x.mkv", seconds=0.5)).take,
        alice.upload(shot, clip(tmp_path / "x.mp4", seconds=0.5)).take,
    ]
    for take in takes:
        stored(alice, take, take.thumb_key).write_bytes(b"an older maker's")
    broken = alice.upload(shot, clip(tmp_path / "y.mp4", seconds=0.5, fps=12)).take
    original = stored(alice, broken, broken.file_key)
    whole = original.read_bytes()
    original.write_bytes(whole[:100])
    found = ended(alice, alice.rebuild_media(shot.project_id))
    assert found.state is JobState.DONE, found
    assert found.result is not None
    assert found.result["made"] == 3  # type: ignore[call-overload,index]
    assert list(found.result["refused"].values()) == [1]  # type: ignore[call-overload,index,union-attr]
    original.write_bytes(whole)
    after = {take.id: take for take in alice.get_assets(takes)}
    assert after[takes[1].id].proxy_key is not None
    for take in after.values():
        with Image.open(stored(alice, take, take.thumb_key)) as small:
            small.load()
    assert_invariants(studio, ())


def test_a_clip_that_is_deleted_meanwhile_leaves_no_proxy(
    alice: Workspace, studio: Studio, shot: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apom.media import proxies

    take = alice.upload(shot, clip(tmp_path / "x.mkv", seconds=0.5)).take
    write = proxies.write_proxy

    def and_then_it_goes(path: Path, target: Path, *more: object) -> None:
        write(path, target, *more)  # type: ignore[arg-type]
        alice.delete_asset(take)

    monkeypatch.setattr(proxies, "write_proxy", and_then_it_goes)
    studio.derivatives.order_proxies()
    for job in alice.jobs(shot.project_id).items:
        ended(alice, job)
    assert_invariants(studio, ())
