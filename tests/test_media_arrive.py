"""A file arrives, is what its bytes say, and is kept with what was made from it."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from media_samples import clip, corner, png
from PIL import Image

from apom.config import LIMITS
from apom.errors import ApomError, BadMedia, TooLarge
from apom.media import arrive as arriving
from apom.media.arrive import Arrival, arrive, discard, keep, take_in
from apom.media.storage import LocalStorage
from apom.models import AssetType

ASSET = UUID("6f1c2d3e-0000-4000-8000-000000000001")
SCRIPT = b"*/=1;alert(document.domain)/*<script>alert(1)</script>"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


def test_a_picture_arrives(tmp_path: Path) -> None:
    path = tmp_path / "from the provider"
    corner((1600, 900)).save(path, "PNG")
    arrival = arrive(path, tmp_path / "derived", expect=AssetType.IMAGE)
    assert arrival == Arrival(
        asset_type=AssetType.IMAGE,
        mime="image/png",
        ext="png",
        bytes=path.stat().st_size,
        width=1600,
        height=900,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        placeholder=arrival.placeholder,
        thumb=tmp_path / "derived" / "thumb.webp",
    )
    with Image.open(arrival.thumb) as thumb:
        assert (thumb.format, thumb.size) == ("WEBP", (640, 360))


def test_a_clip_arrives(tmp_path: Path) -> None:
    path = clip(tmp_path / "x.mp4", sound=True)
    arrival = arrive(path, tmp_path / "derived", expect=AssetType.VIDEO)
    assert (arrival.asset_type, arrival.mime, arrival.ext) == (AssetType.VIDEO, "video/mp4", "mp4")
    assert (arrival.width, arrival.height, arrival.duration_s, arrival.fps) == (160, 90, 2.0, 24.0)
    assert arrival.placeholder.startswith("data:image/webp;base64,") and len(arrival.placeholder) < 400
    assert arrival.preview is not None and arrival.preview.stat().st_size < path.stat().st_size
    with Image.open(arrival.thumb) as thumb:
        assert (thumb.format, thumb.size) == ("WEBP", (160, 90))


@pytest.mark.parametrize(("name", "mime"), [("x.mov", "quicktime"), ("x.mkv", "x-matroska")])
def test_the_type_of_a_clip_is_its_containers(tmp_path: Path, name: str, mime: str) -> None:
    arrival = arrive(clip(tmp_path / name), tmp_path)
    assert (arrival.mime, arrival.ext) == (f"video/{mime}", name[2:])


def test_a_wrong_name_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    corner().save(path, "PNG")
    assert arrive(path, tmp_path).mime == "image/png"
    path = clip(tmp_path / "y.mp4").rename(tmp_path / "y.png")
    assert arrive(path, tmp_path).mime == "video/mp4"


def test_what_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "x.mp4"
    corner().save(picture, "PNG")
    for expected in (AssetType.VIDEO, AssetType.AUDIO):
        with pytest.raises(BadMedia, match="This is a picture"):
            arrive(picture, tmp_path, expect=expected)
    with pytest.raises(BadMedia, match="This is a clip"):
        arrive(clip(tmp_path / "y.mp4"), tmp_path, expect=AssetType.IMAGE)


BAD = {
    "page.png": b"<!DOCTYPE html><script>alert(1)</script>",
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "paper.png": b"%PDF-1.7\n",
    "answer.png": b'{"code": 500}',
    "nothing.png": b"",
    "narrow.png": png(0, 10),
    "script.gif": b"GIF89a/" + SCRIPT,
    "list.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "photo.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
    "noise.bin": bytes(range(256)) * 20,
    "huge.png": png(10_000, 10_000, b"a bomb is refused by its header"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_a_sentence_and_leave_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with pytest.raises((BadMedia, TooLarge)) as refused:
        arrive(path, tmp_path / "derived")
    assert str(refused.value)[0].isupper() and str(refused.value).endswith(".")
    assert not list((tmp_path / "derived").glob("*"))


def test_a_clip_without_its_index_is_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "x.mp4")
    path.write_bytes(path.read_bytes().partition(b"moov")[0])
    with pytest.raises(BadMedia, match="incomplete"):
        arrive(path, tmp_path)


@pytest.mark.parametrize(("reader", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif")])
def test_a_picture_with_a_script_behind_it_is_only_ever_a_picture(tmp_path: Path, reader: str, mime: str) -> None:
    path = tmp_path / "x.html"
    corner().save(path, reader)
    path.write_bytes(path.read_bytes() + SCRIPT + b"PK\x03\x04")
    arrival = arrive(path, tmp_path)
    assert arrival.mime == mime
    assert b"script" not in arrival.thumb.read_bytes()


def test_one_byte_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    corner().save(path)
    size = path.stat().st_size
    assert arrive(path, tmp_path, limits=LIMITS.model_copy(update={"image_bytes": size})).bytes == size
    with pytest.raises(TooLarge, match="at most"):
        arrive(path, tmp_path, limits=LIMITS.model_copy(update={"image_bytes": size - 1}))
    path = clip(tmp_path / "y.mp4")
    with pytest.raises(TooLarge, match="at most"):
        arrive(path, tmp_path, limits=LIMITS.model_copy(update={"video_bytes": path.stat().st_size - 1}))


def test_a_picture_is_kept_under_keys_of_its_asset(storage: LocalStorage, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    corner().save(path)
    content = path.read_bytes()
    arrival = arrive(path, tmp_path / "derived")
    kept = keep(storage, arrival, path, env="dev", asset_id=ASSET)
    assert kept.file_key == f"dev/a/{ASSET}/original-{arrival.sha256[:12]}.png"
    assert kept.preview_key is None
    assert storage.path(kept.file_key).read_bytes() == content
    assert [stored.key for stored in storage.list()] == [kept.file_key, kept.thumb_key]
    assert not path.exists() and not arrival.thumb.exists()


def test_keeping_again_after_a_crash_leads_to_the_same_keys(storage: LocalStorage, tmp_path: Path) -> None:
    source = clip(tmp_path / "x.mp4")
    kept = []
    for attempt in ("first", "second"):
        copy = tmp_path / attempt
        copy.write_bytes(source.read_bytes())
        kept.append(keep(storage, arrive(copy, tmp_path / "derived"), copy, env="dev", asset_id=ASSET))
    assert kept[0] == kept[1]
    assert len(list(storage.list(f"dev/a/{ASSET}/"))) == 3


def test_the_original_is_put_last(storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path / "x.mp4")
    arrival = arrive(path, tmp_path / "derived")
    moved: list[str] = []
    replace = os.replace

    def crash_at_the_third(source: Path, target: Path) -> None:
        if len(moved) == 2:
            raise OSError("crash")
        moved.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", crash_at_the_third)
    with pytest.raises(OSError, match="crash"):
        keep(storage, arrival, path, env="dev", asset_id=ASSET)
    assert [name.partition("-")[0] for name in moved] == ["thumb", "preview"]
    assert path.exists()


def test_a_large_file_is_written_out_while_it_is_looked_at_and_leaves_nothing_where_the_disk_says_no(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "LARGE", 1000)
    path = clip(tmp_path / "x.mp4")
    content = path.read_bytes()
    _, file = take_in(storage, path, env="dev", asset_id=ASSET)
    assert storage.path(file["file_key"]).read_bytes() == content and len(list(storage.list())) == 3
    discard(storage, file)

    def full(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="Input"):
            take_in(storage, clip(path), env="dev", asset_id=ASSET)
    assert list(storage.list()) == []


def test_loading_the_package_loads_no_decoder() -> None:
    code = "import sys, apom.media.arrive, apom.media.storage; print({'PIL', 'av', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_clip_cut_anywhere_is_taken_or_refused_in_our_words(tmp_path: Path) -> None:
    whole = clip(tmp_path / "x.mp4", seconds=0.5).read_bytes()
    path = tmp_path / "y.mp4"
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:size])
        with suppress(ApomError):
            arrive(path, tmp_path)
