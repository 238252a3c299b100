"""Files under keys: whole or not there, and never outside the root.

What takes `place` is tested in a folder and in a bucket on a real S3 server.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from uuid import UUID

import pytest
from conftest import Clock, person
from hypothesis import given
from hypothesis import strategies as st
from media_samples import clip, corner, png
from storages import Place
from test_media_route import get

from apom import backup
from apom import studio as studio_module
from apom.config import Settings
from apom.errors import BadMedia, Conflict, Invalid, NotFound, Unavailable
from apom.media import arrive, sendings
from apom.media.s3 import S3Storage
from apom.media.storage import LocalStorage, key
from apom.models import Arriving, Box, Mark, Upload, Uploaded, media_url, new_id
from apom.studio import Studio, Workspace
from apom.testing.invariants import assert_invariants

ASSET = UUID("6f1c2d3e-0000-4000-8000-000000000001")
KEY = key("dev", ASSET, "thumb", "ab" * 32, "webp")


@pytest.fixture
def storage(place: Place) -> LocalStorage:
    """In both places."""
    return place.storage()


@pytest.fixture
def folder(tmp_path: Path) -> LocalStorage:
    """What only a folder of this machine can do."""
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


def test_what_was_sent_ahead_is_there_once_it_is_put(storage: LocalStorage) -> None:
    content = os.urandom(40_000_000)  # more than one part
    with storage.temp() as source:
        source.write_bytes(content)
        with storage.ahead(source, KEY, mime="image/webp"):
            storage.put(source, KEY, mime="image/webp")
    assert storage.path(KEY).read_bytes() == content
    assert storage.size(KEY) == len(content)


@pytest.mark.parametrize("is_sent", [True, False])
def test_what_was_sent_ahead_and_is_not_wanted_is_taken_back(place: Place, is_sent: bool) -> None:
    storage = place.storage()
    with pytest.raises(BadMedia), storage.temp() as source:
        source.write_bytes(bytes(40_000_000))
        with storage.ahead(source, KEY, mime="image/webp"):
            if is_sent and isinstance(storage, S3Storage):
                wait(storage._ahead[KEY]._parts)
            raise BadMedia("no clip")
    if isinstance(storage, S3Storage):
        storage._senders.shutdown()  # nobody waits for what is taken back
    assert not storage.has(KEY)
    assert list(storage.list()) == [] and storage.sweep_temp(timedelta(0), datetime.now(UTC) + timedelta(days=1)) == 0


def test_what_is_not_there_is_not_found(storage: LocalStorage) -> None:
    with pytest.raises(NotFound):
        storage.path(KEY)
    put(storage, KEY)
    with pytest.raises(NotFound):
        storage.size(KEY.rpartition("/")[0])


def test_a_source_on_another_volume_is_copied_whole_and_removed(folder: LocalStorage, tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has no second volume to write to")
    with TemporaryDirectory(dir=shared) as elsewhere:
        source = Path(elsewhere, "source")
        source.write_bytes(b"content")
        folder.put(source, KEY, mime="image/webp")
        assert not source.exists()
    assert folder.path(KEY).read_bytes() == b"content"
    assert not list((folder.root / "tmp").iterdir())


def test_a_copy_that_fails_half_way_leaves_nothing_under_the_key(
    folder: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        folder.put(source, KEY, mime="image/webp")
    assert source.read_bytes() == b"content"
    assert list(folder.list()) == []
    assert not list((folder.root / "tmp").iterdir())


def test_bytes_and_names_are_on_disk_before_put_returns(folder: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    put(folder, KEY)
    path = folder.path(KEY)
    first, *folders = synced
    assert first == path.stat().st_ino
    assert folders[-1] == path.parent.stat().st_ino
    assert {folder.stat().st_ino for folder in path.parents[:4]} <= set(folders)


def test_deleting_takes_emptied_folders_along_and_may_be_repeated(folder: LocalStorage) -> None:
    other = key("dev", ASSET, "original", "cd" * 32, "png")
    put(folder, KEY)
    put(folder, other)
    folder.delete(KEY)
    folder.delete(KEY)
    assert [stored.key for stored in folder.list()] == [other]
    folder.delete(other)
    assert not (folder.root / "dev").exists()
    assert folder.root.is_dir()


def test_deleting_a_folder_by_its_key_does_nothing(storage: LocalStorage) -> None:
    put(storage, KEY)
    storage.delete(KEY.rpartition("/")[0])
    assert storage.size(KEY) == 7 and storage.has(KEY) and not storage.has(KEY.rpartition("/")[0])


def test_what_was_put_is_there_after_a_restart_and_gone_after_a_deletion(place: Place) -> None:
    put(place.storage(), KEY)
    place.down()
    place.up()
    storage = place.storage()
    assert storage.path(KEY).read_bytes() == b"content" and [each.key for each in storage.list("dev/")] == [KEY]
    storage.delete(KEY, KEY)
    storage.delete(KEY)
    storage.drop(KEY)
    for door in (storage.path, storage.size):
        with pytest.raises(NotFound):
            door(KEY)
    assert list(place.storage().list()) == []


def test_while_it_is_away_nothing_is_put_and_the_file_stays(place: Place, tmp_path: Path) -> None:
    storage = place.storage()
    put(storage, KEY)
    other, source = key("dev", ASSET, "original", "cd" * 32, "png"), tmp_path / "source"
    source.write_bytes(b"content")
    place.down()
    with pytest.raises((Unavailable, OSError)):
        storage.put(source, other, mime="image/png")
    assert source.read_bytes() == b"content"
    place.up()
    assert [each.key for each in storage.list()] == [KEY]
    storage.put(source, other, mime="image/png")
    assert storage.size(other) == 7


def test_anonymous_people_neither_read_nor_list(place: Place) -> None:
    put(place.storage(), KEY)
    assert (place.anonymous(KEY), place.anonymous("")) == (403, 403)


def test_putting_and_deleting_side_by_side_loses_no_file(folder: LocalStorage) -> None:
    def churn(name: str) -> None:
        for _ in range(40):
            put(folder, f"dev/a/x/{name}")
            assert folder.size(f"dev/a/x/{name}") == 7
            folder.delete(f"dev/a/x/{name}")

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
    assert stored.bytes == 7 and stored.modified.utcoffset() == timedelta(0)


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


def test_no_door_opens_to_what_is_no_key(storage: LocalStorage, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    doors = (
        storage.path,
        storage.size,
        storage.has,
        storage.delete,
        lambda k: storage.put(source, k, mime="image/png"),
    )
    for bad in BAD_KEYS:
        for attempt in doors:
            with pytest.raises(Invalid):
                attempt(bad)
    assert source.exists() and list(storage.list()) == []


def test_no_listing_leaves_the_root(storage: LocalStorage) -> None:
    for bad in ("..", "../", "/", "dev/../..", "\\", "\0", "dev//", ".git"):
        with pytest.raises(Invalid):
            list(storage.list(bad))


def test_a_link_inside_leads_nowhere_outside(folder: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder.root / "dev").mkdir(parents=True)
    (folder.root / "dev" / "out").symlink_to(tmp_path)
    with pytest.raises(Invalid):
        folder.path("dev/out/secret")
    assert list(folder.list()) == []


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


# a studio on it


@pytest.fixture
def house(place: Place, tmp_path: Path, clock: Clock) -> Iterator[Studio]:
    with Studio.open(Settings(data_dir=tmp_path / "data", **place.settings()), engine=False, clock=clock) as studio:
        studio_module.set_current(studio)
        yield studio
        studio_module.set_current(None)


def test_files_are_whole_for_members_and_nothing_for_others(house: Studio, place: Place, tmp_path: Path) -> None:
    corner().save(tmp_path / "x.png")
    alice = house.workspace(person(house, "alice"))
    take = alice.upload(alice.create_box(alice.create_project("P"), "one"), tmp_path / "x.png").take
    whole = get(alice.actor, take.file_url)
    assert (whole.status_code, whole.content) == (200, (tmp_path / "x.png").read_bytes())
    assert get(alice.actor, take.file_url, Range="bytes=1-3").content == b"PNG"
    again = get(alice.actor, take.file_url, **{"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, "immutable" in again.headers["cache-control"]) == (304, True)
    assert get(person(house, "bob"), take.file_url).status_code == 404 and get(None, take.file_url).status_code == 401
    assert get(alice.actor, str(take.file_url).replace("original", "thumb")).status_code == 404
    assert place.anonymous(str(take.file_key)) == 403
    assert_invariants(house, ())


def test_an_upload_outlives_a_storage_that_is_away(house: Studio, place: Place, tmp_path: Path) -> None:
    corner().save(tmp_path / "x.png")
    content, half = (tmp_path / "x.png").read_bytes(), 100
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    assert alice.receive(box, Upload(id=id, size=len(content)), [content[:half]]).bytes == half
    place.down()
    rest = Upload(id=id, size=len(content), offset=half)
    with pytest.raises(Unavailable):
        alice.receive(box, rest, [content[half:]])
    assert alice.get_box_assets(box).items == () and alice.received(box, id).bytes == len(content)
    place.up()
    assert_invariants(house, ())
    done = alice.receive(box, Upload(id=id, size=len(content), offset=len(content)), []).done
    assert done is not None and alice.asset(done.take).bytes == len(content)
    assert_invariants(house, ())


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What counts as a large clip here: two parts and a bit."""
    monkeypatch.setattr(arrive, "LARGE", 1_000_000)
    monkeypatch.setattr(sendings, "PART_BYTES", 5 * 1024 * 1024)  # S3 takes no smaller ones
    made = clip(tmp_path / "x.mp4").read_bytes()
    free = 11_000_000 - len(made)
    return made + free.to_bytes(4, "big") + b"free" + os.urandom(free - 8)


def sent(alice: Workspace, box: Box, id: UUID, content: bytes, *ends: int, begin: int = 0) -> Arriving:
    """Piece by piece, as far as these."""
    for end in ends:
        arriving = alice.receive(box, Upload(id=id, size=len(content), offset=begin), [content[begin:end]])
        begin = end
    return arriving


def on_its_way(studio: Studio) -> list[int]:
    """Parts that were sent of each upload that is not whole yet."""
    for sending in studio.uploads._on_their_way.values():
        wait(sending._parts)
    return [len(sending._parts) for sending in studio.uploads._on_their_way.values()]


def kept(place: Place, done: Uploaded) -> bytes:
    """What lies where it is kept: of a bucket no copy that is here."""
    storage, key = place.storage(), str(done.take.file_key)
    if isinstance(storage, S3Storage):
        return b"".join(storage._chunks(key, 0, storage.size(key)))
    return storage.path(key).read_bytes()


def left(studio: Studio) -> int:
    """What of uploads in parts is left in the bucket."""
    studio._storage._senders.shutdown()  # type: ignore[attr-defined]  # nobody waits for what is taken back
    return studio._storage.sweep_temp(timedelta(0), datetime.now(UTC) + timedelta(days=1))


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_large_upload_is_in_the_bucket_for_the_most_part_before_it_is_whole(
    house: Studio, place: Place, tmp_path: Path, film: bytes
) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    sent(alice, box, id, film, 6_000_000)
    assert on_its_way(house) == [1]
    sent(alice, box, id, film, 10_500_000, begin=5_500_000)
    assert on_its_way(house) == [2]
    done = sent(alice, box, id, film, len(film), begin=10_500_000).done
    assert done is not None and on_its_way(house) == []
    assert kept(place, done) == film and left(house) == 0
    assert_invariants(house, ())
    # its name is none of its content's: who asks whether it is whole asks its row
    house.operator().backup(str(tmp_path / "kept"))
    settings = Settings(data_dir=tmp_path / "new")
    restored = backup.restore(settings, tmp_path / "kept")
    assert (restored.files, restored.missing, restored.damaged) == (3, 0, 0)


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
@pytest.mark.parametrize("again", [0, 3_000, 4_000_000], ids=["anew", "from within the first bytes", "from a part"])
def test_an_upload_that_goes_on_from_further_back_is_what_came_last(
    house: Studio, place: Place, film: bytes, again: int
) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    other = film[:again] + os.urandom(len(film) - again)
    if not again:
        other = film[: film.index(b"free") + 4] + os.urandom(len(film) - film.index(b"free") - 4)
    sent(alice, box, id, other, 10_500_000)
    assert on_its_way(house) == [2]
    done = sent(alice, box, id, film, 9_000_000, len(film), begin=again).done
    assert done is not None
    assert kept(place, done) == film and left(house) == 0


def test_who_was_overtaken_takes_in_nothing_of_the_others(house: Studio, place: Place, film: bytes) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()

    def overtaken() -> Iterator[bytes]:
        yield film
        sent(alice, box, id, film, 9_000_000, begin=4_000_000)

    with pytest.raises(Conflict):
        alice.receive(box, Upload(id=id, size=len(film)), overtaken())
    assert alice.get_box_assets(box).items == () and alice.received(box, id).bytes == 9_000_000
    done = sent(alice, box, id, film, len(film), begin=9_000_000).done
    assert done is not None and kept(place, done) == film


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_what_was_sent_of_another_try_is_no_part_of_what_is_taken_back(
    house: Studio, place: Place, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    other = film[:-8_000_000] + os.urandom(8_000_000)

    def put(*_: object, mime: str) -> None:
        sent(alice, box, id, other, 10_500_000)
        assert on_its_way(house) == [2]
        raise Unavailable("full")

    with monkeypatch.context() as full:
        full.setattr(house._storage, "put", put)
        with pytest.raises(Unavailable):
            sent(alice, box, id, film, len(film))
    done = sent(alice, box, id, film, len(film), begin=len(film)).done
    assert done is not None
    assert kept(place, done) == film and left(house) == 0


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_large_upload_outlives_a_bucket_that_goes_away_and_a_restart(
    house: Studio, place: Place, tmp_path: Path, film: bytes
) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    sent(alice, box, id, film, 6_000_000)
    on_its_way(house)
    place.down()
    sent(alice, box, id, film, 10_500_000, begin=6_000_000)
    assert on_its_way(house) == [2], "the second failed"
    with pytest.raises(Unavailable):
        sent(alice, box, id, film, len(film), begin=10_500_000)
    place.up()
    house.uploads._on_their_way.clear()  # as a new process
    done = sent(alice, box, id, film, len(film), begin=len(film)).done
    assert done is not None
    assert kept(place, done) == film
    assert_invariants(house, ())


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_what_the_bucket_has_forgotten_of_an_upload_is_sent_anew(house: Studio, place: Place, film: bytes) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    sent(alice, box, id, film, 10_500_000)
    assert on_its_way(house) == [2]
    assert house._storage.sweep_temp(timedelta(0), datetime.now(UTC) + timedelta(days=1)) == 1
    done = sent(alice, box, id, film, len(film), begin=10_500_000).done
    assert done is not None
    assert kept(place, done) == film


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_of_a_large_upload_that_is_refused_or_given_up_nothing_stays(
    house: Studio, place: Place, tmp_path: Path, film: bytes
) -> None:
    alice = house.workspace(person(house, "alice"))
    box, id = alice.create_box(alice.create_project("P"), "one"), new_id()
    broken = film[:500] + bytes(len(film) - 500)
    with pytest.raises(BadMedia):
        sent(alice, box, id, broken, 10_500_000, len(broken))
    sent(alice, box, new_id(), film, 10_500_000)
    assert on_its_way(house) == [2]
    for part in (tmp_path / "data").rglob("*.part"):
        os.utime(part, (0, 0))
    assert house.uploads.sweep() == 1
    assert on_its_way(house) == [] and left(house) == 0
    assert list(place.storage().list()) == []


def test_retention_and_sweep_lose_nothing_while_it_is_away(
    house: Studio, place: Place, tmp_path: Path, clock: Clock
) -> None:
    alice = house.workspace(person(house, "alice"))
    project = alice.create_project("P")
    box = alice.create_box(project, "one")
    takes = []
    for n in (1, 2):
        (tmp_path / "x.png").write_bytes(png(n, n))
        takes.append(alice.upload(box, tmp_path / "x.png").take)
    alice.mark([Mark(asset_id=takes[0].id, trashed=True)])
    alice.empty_trash(project)
    place.down()
    for work in (house.retention.delete_files, lambda: house.sweeps.run("apom")):
        with suppress(Unavailable):
            work()
    place.up()
    house.retention.delete_files()
    clock.move(days=30)
    found = house.sweeps.run("apom", confirmed=True)
    assert found.missing == 0, "what stays is there"
    assert_invariants(house, ())
    kept = {each.key for each in house._storage.list("")}
    assert kept == {takes[1].file_key, takes[1].thumb_key, takes[0].thumb_key}
