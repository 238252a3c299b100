"""Files under keys: whole or not there, and never outside the root."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apom.errors import Invalid, NotFound
from apom.media.storage import LocalStorage, key
from apom.models import media_url

ASSET = UUID("6f1c2d3e-0000-4000-8000-000000000001")
KEY = key("dev", ASSET, "thumb", "ab" * 32, "webp")


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


def put(storage: LocalStorage, key: str, content: bytes = b"content") -> None:
    with storage.temp() as source:
        source.write_bytes(content)
        storage.put(source, key, mime="image/webp")


def test_a_key_is_made_of_ids_and_hashes_and_has_a_url() -> None:
    assert f"dev/a/{ASSET}/thumb-abababababab.webp" == KEY
    assert media_url(KEY) == f"/app/static/m/{ASSET}/thumb-abababababab.webp"


def test_what_is_put_can_be_had_and_the_source_is_gone(storage: LocalStorage) -> None:
    with storage.temp(".webp") as source:
        source.write_bytes(b"content")
        storage.put(source, KEY, mime="image/webp")
        assert not source.exists()
    assert storage.path(KEY).read_bytes() == b"content"
    assert storage.size(KEY) == 7


def test_putting_again_changes_nothing(storage: LocalStorage) -> None:
    put(storage, KEY)
    put(storage, KEY)
    assert [stored.key for stored in storage.list()] == [KEY]


def test_what_is_not_there_is_not_found(storage: LocalStorage) -> None:
    with pytest.raises(NotFound):
        storage.path(KEY)
    put(storage, KEY)
    with pytest.raises(NotFound):
        storage.size(KEY.rpartition("/")[0])


def test_a_source_on_another_volume_is_copied_whole_and_removed(storage: LocalStorage, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second volume to write to")
    with TemporaryDirectory(dir=shared) as folder:
        source = Path(folder, "source")
        source.write_bytes(b"content")
        storage.put(source, KEY, mime="image/webp")
        assert not source.exists()
    assert storage.path(KEY).read_bytes() == b"content"
    assert not list((storage.root / "tmp").iterdir())


def test_a_copy_that_fails_half_way_leaves_nothing_under_the_key(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_volume(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    def disk_full(_: Path, target: Path) -> None:
        target.write_bytes(b"con")
        raise OSError(errno.ENOSPC, "No space left on device")

    source = tmp_path / "source"
    source.write_bytes(b"content")
    monkeypatch.setattr(os, "replace", other_volume)
    monkeypatch.setattr(shutil, "copyfile", disk_full)
    with pytest.raises(OSError, match="No space"):
        storage.put(source, KEY, mime="image/webp")
    assert source.read_bytes() == b"content"
    assert list(storage.list()) == []
    assert not list((storage.root / "tmp").iterdir())


def test_bytes_and_names_are_on_disk_before_put_returns(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    put(storage, KEY)
    path = storage.path(KEY)
    first, *folders = synced
    assert first == path.stat().st_ino
    assert folders[-1] == path.parent.stat().st_ino
    assert {folder.stat().st_ino for folder in path.parents[:4]} <= set(folders)


def test_deleting_takes_emptied_folders_along_and_may_be_repeated(storage: LocalStorage) -> None:
    other = key("dev", ASSET, "original", "cd" * 32, "png")
    put(storage, KEY)
    put(storage, other)
    storage.delete(KEY)
    storage.delete(KEY)
    assert [stored.key for stored in storage.list()] == [other]
    storage.delete(other)
    assert not (storage.root / "dev").exists()
    assert storage.root.is_dir()


def test_deleting_a_folder_by_its_key_does_nothing(storage: LocalStorage) -> None:
    put(storage, KEY)
    storage.delete(KEY.rpartition("/")[0])
    assert storage.size(KEY) == 7


def test_putting_and_deleting_side_by_side_loses_no_file(storage: LocalStorage) -> None:
    def churn(name: str) -> None:
        for _ in range(40):
            put(storage, f"dev/a/x/{name}")
            assert storage.size(f"dev/a/x/{name}") == 7
            storage.delete(f"dev/a/x/{name}")

    failed: list[BaseException] = []

    def guarded(name: str) -> None:
        try:
            churn(name)
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=guarded, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_listing_goes_by_prefix_in_order_and_leaves_temp_out(storage: LocalStorage) -> None:
    for name in ("prod/a/1/x.png", "dev/a/2/x.png", "dev/a/1/y.png", "dev/a/1/x.png", "dev/a/10/x.png"):
        put(storage, name)
    with storage.temp() as unfinished:
        unfinished.write_bytes(b"")
        assert [s.key for s in storage.list()] == [
            "dev/a/1/x.png",
            "dev/a/1/y.png",
            "dev/a/10/x.png",
            "dev/a/2/x.png",
            "prod/a/1/x.png",
        ]
    assert [s.key for s in storage.list("dev/a/1")] == ["dev/a/1/x.png", "dev/a/1/y.png", "dev/a/10/x.png"]
    assert [s.key for s in storage.list("dev/a/1/")] == ["dev/a/1/x.png", "dev/a/1/y.png"]
    assert list(storage.list("dev/b/")) == []
    stored = next(storage.list("prod/"))
    assert stored.bytes == 7 and stored.modified.tzinfo is UTC


def test_temp_is_on_the_same_volume_and_is_cleared_whatever_happens(storage: LocalStorage) -> None:
    with pytest.raises(ZeroDivisionError), storage.temp(".mp4") as path:
        assert path.suffix == ".mp4" and path.is_relative_to(storage.root)
        path.mkdir()
        (path / "half").write_bytes(b"half")
        raise ZeroDivisionError
    assert not path.exists()


def test_a_sweep_removes_only_what_was_left_long_ago(storage: LocalStorage) -> None:
    now = datetime.now(UTC)
    assert storage.sweep_temp(timedelta(days=1), now) == 0
    with storage.temp() as old, storage.temp() as folder, storage.temp() as young:
        old.write_bytes(b"")
        folder.mkdir()
        young.write_bytes(b"")
        before = (now - timedelta(days=2)).timestamp()
        for path in (old, folder):
            os.utime(path, (before, before))
        assert storage.sweep_temp(timedelta(days=1), now) == 2
        assert young.exists() and not old.exists() and not folder.exists()


BAD_KEYS = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../../x",
    "a/./x",
    "a//x",
    "a\\x",
    "a\0",
    "a/\n",
    "a\n",
    ".hidden",
    "a/.b",
]
BAD_KEYS += ["C:/x", "tmp/x", "TMP/x", "tmp", "a/", "é", "a" * 101, "a/" * 11 + "a", "~/x", "a/%2e%2e/x", "a/\u202ex"]


@pytest.mark.parametrize("bad", BAD_KEYS, ids=ascii)
def test_no_door_opens_to_what_is_no_key(storage: LocalStorage, tmp_path: Path, bad: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    for attempt in (storage.path, storage.size, storage.delete, lambda k: storage.put(source, k, mime="image/png")):
        with pytest.raises(Invalid):
            attempt(bad)
    assert source.exists()


@pytest.mark.parametrize("bad", ["..", "../", "/", "dev/../..", "\\", "\0", "dev//", ".git"], ids=ascii)
def test_no_listing_leaves_the_root(storage: LocalStorage, bad: str) -> None:
    with pytest.raises(Invalid):
        list(storage.list(bad))


def test_a_link_inside_leads_nowhere_outside(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (storage.root / "dev").mkdir(parents=True)
    (storage.root / "dev" / "out").symlink_to(tmp_path)
    with pytest.raises(Invalid):
        storage.path("dev/out/secret")
    assert list(storage.list()) == []


PIECES = st.sampled_from(
    ["..", ".", "", "a", "dev", "tmp", "/", "\\", "\0", "C:", "~", "%2e%2e", " ", "\n", "out", "é"]
)


@given(st.text() | st.lists(PIECES | st.text(max_size=5), max_size=8).map("/".join))
def test_no_key_ever_leaves_the_root(attempt: str) -> None:
    storage = LocalStorage(Path("/srv/media"))
    try:
        target = storage._target(attempt)
    except Invalid:
        return
    assert target.is_relative_to("/srv/media") and target != Path("/srv/media")
    assert target.relative_to("/srv/media").as_posix() == attempt
    assert not target.is_relative_to("/srv/media/tmp")
