"""Files that people bring: one way in, one take each, and nothing left of what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cast, Clock, let_in
from media_samples import clip, corner

from apom.config import LIMITS
from apom.errors import BadMedia, Conflict, Invalid, NotAllowed, NotFound, TooLarge, Unavailable
from apom.models import Asset, AssetType, Box, Mark, Project, Rights, Role, SourceType, Status, Upload, new_id
from apom.sending import send
from apom.store import Tx, assets, system
from apom.studio import Studio
from apom.uploads import tidy_name


@pytest.fixture
def project(cast: Cast) -> Project:
    return cast.alice.create_project("Lighthouse")


@pytest.fixture
def shot(cast: Cast, project: Project) -> Box:
    return cast.alice.create_box(project, "Harbour")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "harbour 01.png"
    corner().save(path)
    return path


def files(studio: Studio) -> list[str]:
    """Whatever lies in storage, and what came only in part."""
    folder = studio.settings.data_dir
    return sorted(
        str(path.relative_to(folder)) for name in ("media", "arriving") for path in (folder / name).rglob("*.*")
    )


def broken_off(content: bytes) -> Iterator[bytes]:
    yield content
    raise Unavailable("the line broke")


def test_a_picture_becomes_a_take_with_all_that_is_known_of_it(cast: Cast, shot: Box, picture: Path) -> None:
    rights = Rights(owner="Ann Photographer", licence="CC BY 4.0", note="credit  in the titles")
    done = cast.alice.upload(shot, picture, rights=rights)
    take = cast.alice.asset(done.take)
    assert (take.status, take.source_type, take.asset_type) == (
        Status.COMPLETED,
        SourceType.UPLOADED,
        AssetType.IMAGE,
    )
    assert (take.number, take.width, take.height, take.mime) == (1, 160, 90, "image/png")
    assert take.sha256 == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert take.rights == rights.model_dump()
    assert take.generation_config == {"file_name": "harbour 01.png"}
    assert done.twin is None
    assert picture.exists(), "it is still the sender's"
    assert cast.alice.get_box_assets(shot).items == (done.take,)
    assert len(files(cast.studio)) == 2, "the picture and its thumbnail"


def test_the_same_id_again_is_the_same_take(cast: Cast, shot: Box, picture: Path) -> None:
    id = new_id()
    first = cast.alice.upload(shot, picture, upload_id=id)
    assert cast.alice.upload(shot, picture, upload_id=id) == first
    assert cast.alice.received(shot, id).done == first
    assert cast.alice.box(shot).assets_count == 1
    other = cast.alice.create_box(shot.project_id, "Storm")
    assert cast.alice.upload(other, picture, upload_id=id).take.id != first.take.id, "an id is good for one shot"


def test_an_id_is_its_senders_own(cast: Cast, project: Project, shot: Box, picture: Path) -> None:
    let_in(cast.alice, project, "victor", Role.EDITOR)
    id = new_id()
    takes = {ws.upload(shot, picture, upload_id=id).take.id for ws in (cast.alice, cast.victor)}
    assert len(takes) == 2


def test_a_file_that_is_there_already_is_said_and_taken(cast: Cast, project: Project, shot: Box, picture: Path) -> None:
    first = cast.alice.upload(shot, picture)
    other = cast.alice.create_box(project, "Storm")
    second = cast.alice.upload(other, picture)
    assert second.twin == first.take
    assert second.take.id != first.take.id
    elsewhere = cast.alice.create_box(cast.alice.create_project("Another"), "Harbour")
    assert cast.alice.upload(elsewhere, picture).twin is None, "a project knows only itself"
    sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
    assert cast.alice.known_files(project, [sha256, "0" * 64]) == {sha256}
    with pytest.raises(NotFound):
        cast.bob.known_files(project, [sha256])
    with pytest.raises(Invalid):
        cast.alice.known_files(project, ["not a hash"])


def test_who_may_not_change_the_project_uploads_nothing(cast: Cast, project: Project, shot: Box, picture: Path) -> None:
    let_in(cast.alice, project, "victor")
    for ws, error in ((cast.victor, NotAllowed), (cast.bob, NotFound)):
        with pytest.raises(error):
            ws.upload(shot, picture)
        with pytest.raises(error):
            ws.received(shot, new_id())
    assert files(cast.studio) == []


def test_what_broke_off_is_gone_on_with(cast: Cast, shot: Box, picture: Path) -> None:
    content = picture.read_bytes()
    upload = Upload(name="x.png", size=len(content))
    with pytest.raises(Unavailable):
        cast.alice.receive(shot, upload, broken_off(content[:50]))
    assert cast.alice.received(shot, upload.id).bytes == 50
    with pytest.raises(Conflict, match="Only 50 bytes"):
        cast.alice.receive(shot, upload.model_copy(update={"offset": 60}), [content[60:]])
    assert cast.alice.receive(shot, upload.model_copy(update={"offset": 50}), [content[50:80]]).bytes == 80
    whole = cast.alice.receive(shot, upload.model_copy(update={"offset": 80}), [content[80:]])
    assert whole.done is not None
    assert cast.alice.asset(whole.done.take).sha256 == hashlib.sha256(content).hexdigest()
    assert len(files(cast.studio)) == 2


def test_pieces_are_sent_until_they_are_there(
    cast: Cast, shot: Box, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apom.sending.WAIT_S", 0.0)
    monkeypatch.setattr("apom.sending.LIMITS", LIMITS.model_copy(update={"piece_bytes": 100}))
    misses = iter([False, True, True, False, True] + [False] * 100)

    def receive(upload: Upload, content: object) -> object:
        if next(misses):
            raise Unavailable("the line broke")
        return cast.alice.receive(shot, upload, content)  # type: ignore[arg-type]

    heard: list[tuple[int, int]] = []
    done = send(
        receive,  # type: ignore[arg-type]
        lambda id: cast.alice.received(shot, id),
        picture,
        None,
        None,
        None,
        lambda *at: heard.append(at),
    )
    assert cast.alice.asset(done.take).sha256 == hashlib.sha256(picture.read_bytes()).hexdigest()
    size = picture.stat().st_size
    assert heard[-1] == (size, size) and heard == sorted(heard)


def test_a_broken_off_upload_is_forgotten_after_a_day(cast: Cast, shot: Box, clock: Clock) -> None:
    upload = Upload(size=100)
    assert cast.alice.receive(shot, upload, [b"\x89PNG\r\n\x1a\n"]).bytes == 8
    assert cast.studio.uploads.sweep() == 0
    clock.move(days=400)  # the file's own time is the real one
    assert cast.studio.uploads.sweep() == 1
    assert cast.alice.received(shot, upload.id).bytes == 0


def test_what_is_too_large_is_refused_before_it_comes(cast: Cast, shot: Box) -> None:
    def read() -> Iterator[bytes]:
        raise AssertionError("nothing is read")
        yield b""

    with pytest.raises(TooLarge, match="2048 MB"):
        cast.alice.receive(shot, Upload(size=LIMITS.video_bytes + 1), read())
    head = b"\x89PNG\r\n\x1a\n" + bytes(5000)
    seen: list[int] = []

    def picture() -> Iterator[bytes]:
        for _ in range(1000):
            seen.append(1)
            yield head

    with pytest.raises(TooLarge, match="50 MB"):
        cast.alice.receive(shot, Upload(size=LIMITS.image_bytes + 1), picture())
    assert len(seen) == 1, "its first bytes say that it is a picture"
    with pytest.raises(BadMedia, match="ZIP"):
        cast.alice.receive(shot, Upload(size=10**9), [b"PK\x03\x04" + bytes(5000)])
    with pytest.raises(Invalid, match="More bytes"):
        cast.alice.receive(shot, Upload(size=10), [b"12345678901"])
    assert files(cast.studio) == []


def test_a_person_keeps_no_more_than_an_admin_allows(cast: Cast, shot: Box, picture: Path) -> None:
    with cast.studio._store.write() as tx:
        system.put(tx, "upload_gb", 1, None, cast.studio.uploads._clock())
    with pytest.raises(TooLarge, match="1 GB"):
        cast.alice.receive(shot, Upload(size=1024**3 + 1), [])
    take = cast.alice.upload(shot, picture).take
    with cast.studio._store.write() as tx:
        tx.all("update asset set bytes = $2 where id = $1", take.id, 1024**3)
    with pytest.raises(TooLarge, match="1 GB"):
        cast.alice.upload(shot, picture)
    assert len(files(cast.studio)) == 2


def test_what_came_in_part_counts_too(cast: Cast, shot: Box) -> None:
    with cast.studio._store.write() as tx:
        system.put(tx, "upload_gb", 1, None, cast.studio.uploads._clock())
    begun = Upload(size=1024**3 - 5)
    cast.alice.receive(shot, begun, [b"\x89PNG\r\n\x1a\n"])
    with pytest.raises(TooLarge, match="1 GB"):
        cast.alice.receive(shot, Upload(size=1024**3 - 5), [])
    assert cast.alice.receive(shot, begun.model_copy(update={"offset": 8}), [b"x"]).bytes == 9


def test_another_process_that_was_faster_keeps_its_file(
    cast: Cast, shot: Box, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Upload(name="x.png", size=picture.stat().st_size)
    insert = assets.insert

    def meanwhile(tx: Tx, takes: list[Asset]) -> None:
        monkeypatch.setattr(assets, "insert", insert)
        monkeypatch.setattr(assets, "is_there", lambda *_: True)
        raise Conflict("somebody was faster")

    monkeypatch.setattr(assets, "insert", meanwhile)
    with pytest.raises(Conflict):
        cast.alice.receive(shot, upload, [picture.read_bytes()])
    assert len(files(cast.studio)) == 2


def test_a_file_leaves_again_when_its_row_cannot_be(
    cast: Cast, shot: Box, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Upload(name="x.png", size=picture.stat().st_size)
    with monkeypatch.context() as broken:
        broken.setattr("apom.store.assets.set_file", lambda *_: (_ for _ in ()).throw(Unavailable("the store is away")))
        with pytest.raises(Unavailable):
            cast.alice.receive(shot, upload, [picture.read_bytes()])
    assert cast.alice.box(shot).assets_count == 0
    assert [name.split("/")[0] for name in files(cast.studio)] == [], "its sender has it still"
    assert cast.alice.receive(shot, upload, [picture.read_bytes()]).done is not None


def test_a_clip_comes_in_by_the_same_way(cast: Cast, shot: Box, tmp_path: Path) -> None:
    take = cast.alice.upload(shot, clip(tmp_path / "x.mp4")).take
    assert (take.asset_type, take.duration_s, take.preview_key is not None) == (AssetType.VIDEO, 2.0, True)


def test_uploads_can_be_thrown_away_and_deleted(cast: Cast, shot: Box, picture: Path) -> None:
    take = cast.alice.upload(shot, picture).take
    cast.alice.mark([Mark(asset_id=take.id, trashed=True)])
    assert len(files(cast.studio)) == 2
    cast.alice.delete_asset(take)
    assert files(cast.studio) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\win.ini", "win.ini"),
        ("a\x00b\u202egnp.exe", "abgnp.exe"),
        ("кадр\n01.png", "кадр 01.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
        ("", ""),
    ],
)
def test_a_name_is_only_shown(name: str, shown: str) -> None:
    assert tidy_name(name) == shown
