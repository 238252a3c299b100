"""The soundtrack: where sound goes and where it does not, who sets it, and what takes it away again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Cast, Clock, let_in
from media_samples import corner, sound

from apom.errors import BadMedia, Conflict, Invalid, NotAllowed, NotFound
from apom.models import AssetType, BoxKind, Mark, Project, Rights, Role, Upload, new_id
from apom.words import box_title, speaking


@pytest.fixture
def project(cast: Cast) -> Project:
    return cast.alice.create_project("Lighthouse")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return sound(tmp_path / "song.mp3", words={"title": "SECRET"})


def test_a_soundtrack_is_set_and_taken_away(cast: Cast, project: Project, song: Path) -> None:
    set_to = cast.alice.set_soundtrack(project, song, rights=Rights(licence="CC BY 4.0"))
    take = cast.alice.asset(set_to.soundtrack_asset_id or "")
    assert (take.asset_type, take.mime, take.duration_s) == (AssetType.AUDIO, "audio/mpeg", 1.5)
    assert take.rights == {"licence": "CC BY 4.0"} and take.thumbnail_url and take.shown_url != take.file_url
    box = cast.alice.box(take.box_id)
    assert (box.kind, box.name, box.code, box.order_index) == (BoxKind.REFERENCE, "Sound", "sound", None)
    assert cast.alice.project(project) == set_to
    assert cast.alice.set_soundtrack(project, None).soundtrack_asset_id is None
    assert cast.alice.asset(take).id == take.id, "the sound itself stays"
    again = cast.alice.update_project(project, soundtrack_asset_id=take.id)
    assert again.soundtrack_asset_id == take.id


def test_a_sound_is_no_take_of_the_film(cast: Cast, project: Project, song: Path, tmp_path: Path) -> None:
    assert cast.alice.set_soundtrack(project, song).assets_count == 0
    shot = cast.alice.create_box(project, "one")
    corner().save(tmp_path / "x.png")
    cast.alice.upload(shot, tmp_path / "x.png")
    assert cast.alice.project(project).assets_count == 1
    of_shot, of_sound = cast.alice.storage(project)
    assert ((of_shot.takes, of_shot.sounds), (of_sound.takes, of_sound.sounds)) == ((1, 0), (1, 1))
    assert (of_sound.bytes > 0, [row.sounds for row in cast.alice.storage()]) == (True, [1])


def test_the_box_for_sound_is_called_once() -> None:
    assert (box_title("sound", "Sound"), box_title("010", "Harbour"), box_title("Anna", "anna")) == (
        "Sound",
        "010 Harbour",
        "anna",
    )
    with speaking("ru"):
        assert box_title("sound", "Sound") == "Звук"


def test_there_is_one_box_for_sound(cast: Cast, project: Project) -> None:
    assert cast.alice.sound_box(project) == cast.alice.sound_box(project)
    other = cast.alice.create_project("Another")
    cast.alice.create_box(other, "sound of the sea", code="sound")
    assert cast.alice.sound_box(other).code == "010", "its usual code is taken"


def test_a_shot_takes_no_sound_and_says_where_it_goes(cast: Cast, project: Project, song: Path, tmp_path: Path) -> None:
    for kind in (BoxKind.SHOT, BoxKind.CUT):
        box = cast.alice.create_box(project, "one", kind=kind)
        with pytest.raises(BadMedia, match="soundtrack in the project's settings"):
            cast.alice.upload(box, song)
        head = song.read_bytes()[:500]
        with pytest.raises(BadMedia, match="soundtrack in the project's settings"):
            cast.alice.receive(box, Upload(), [head])
        assert cast.alice.get_box_assets(box).items == ()
    voice = cast.alice.create_box(project, "Anna", kind=BoxKind.REFERENCE)
    assert cast.alice.upload(voice, song).take.asset_type is AssetType.AUDIO, "an input lies with its person"


def test_only_a_sound_of_the_project_can_be_its_soundtrack(
    cast: Cast, project: Project, song: Path, tmp_path: Path
) -> None:
    corner().save(tmp_path / "x.png")
    with pytest.raises(Invalid, match="must be a sound"):
        cast.alice.set_soundtrack(project, tmp_path / "x.png")
    assert cast.alice.get_box_assets(cast.alice.sound_box(project)).items == ()
    other = cast.alice.set_soundtrack(cast.alice.create_project("Another"), song).soundtrack_asset_id
    for wrong in (other, new_id()):
        with pytest.raises(Invalid) as refused:
            cast.alice.update_project(project, soundtrack_asset_id=wrong)
        assert refused.value.field == "soundtrack_asset_id"
    with pytest.raises(Invalid):
        cast.alice.create_project("Third", soundtrack_asset_id=other)  # type: ignore[call-arg]  # not at birth
    with pytest.raises(Invalid, match="cannot be read"):
        cast.alice.set_soundtrack(project, tmp_path / "nowhere.mp3")


def test_who_may_not_change_the_project_sets_none(cast: Cast, project: Project, song: Path) -> None:
    let_in(cast.alice, project, "victor")
    for ws, error in ((cast.victor, NotAllowed), (cast.bob, NotFound)):
        with pytest.raises(error):
            ws.set_soundtrack(project, song)
        with pytest.raises(error):
            ws.sound_box(project)
        with pytest.raises(error):
            ws.set_soundtrack(project, None)
    assert cast.alice.get_project_boxes(project) == ()
    let_in(cast.alice, project, "victor", Role.EDITOR)
    assert cast.victor.set_soundtrack(project, song).soundtrack_asset_id


def test_what_goes_away_is_no_soundtrack_any_more(cast: Cast, project: Project, song: Path) -> None:
    def set_to() -> object:
        return cast.alice.set_soundtrack(project, song).soundtrack_asset_id

    take = set_to()
    cast.alice.mark([Mark(asset_id=take, trashed=True)])
    assert cast.alice.project(project).soundtrack_asset_id is None
    with pytest.raises(Invalid):
        cast.alice.update_project(project, soundtrack_asset_id=take)
    cast.alice.delete_asset(set_to())
    assert cast.alice.project(project).soundtrack_asset_id is None
    set_to()
    cast.alice.delete_box(cast.alice.sound_box(project))
    assert cast.alice.project(project).soundtrack_asset_id is None
    set_to()
    cast.alice.delete_project(project)


def test_nothing_cleans_it_away(cast: Cast, project: Project, song: Path, clock: Clock) -> None:
    take = cast.alice.set_soundtrack(project, song).soundtrack_asset_id
    clock.move(days=100)
    for _ in range(2):
        cast.studio.retention.run("test", confirmed=True)
        clock.move(days=10)
    assert cast.alice.project(project).soundtrack_asset_id == take
    assert cast.alice.asset(take or "").trashed_at is None


def test_a_round_freezes_it(cast: Cast, project: Project, song: Path, tmp_path: Path) -> None:
    take = cast.alice.set_soundtrack(project, song).soundtrack_asset_id
    assert take is not None
    shot = cast.alice.create_box(project, "one")
    corner().save(tmp_path / "x.png")
    cast.alice.set_headliner(shot, cast.alice.upload(shot, tmp_path / "x.png").take)
    made = cast.alice.create_link(project, "client")
    assert cast.alice.publish_round(project).soundtrack_asset_id == take
    cast.alice.set_soundtrack(project, None)
    review = cast.studio.review(made.token, browser="b" * 43)
    room = review.room()
    assert room.soundtrack is not None and room.soundtrack.id == take
    asset = cast.alice.asset(take)
    name = str(room.soundtrack.file_url).rpartition("/")[2]
    assert name == str(asset.proxy_key).rpartition("/")[2]
    shared = review.file(take, name)
    assert shared.media_type == "audio/mpeg" and b"SECRET" not in shared.path.read_bytes()
    assert review.file(take, str(asset.thumb_key).rpartition("/")[2])
    with pytest.raises(NotFound):
        review.file(take, str(asset.file_key).rpartition("/")[2])
    for delete in (lambda: cast.alice.delete_asset(take), lambda: cast.alice.delete_box(asset.box_id)):
        with pytest.raises(Conflict, match="published round"):
            delete()
    cast.alice.mark([Mark(asset_id=take, trashed=True)])
    assert cast.alice.empty_trash(project).kept == 1
    cast.alice.publish_round(project)
    assert review.room().soundtrack is None, "the next round has none"


def test_a_sound_is_found_by_its_type(cast: Cast, project: Project, song: Path) -> None:
    take = cast.alice.set_soundtrack(project, song).soundtrack_asset_id
    found = cast.alice.search_assets(project=project, asset_type=AssetType.AUDIO, since=None)
    assert [each.id for each in found.items] == [take]
    assert timedelta(seconds=found.items[0].duration_s or 0) == timedelta(seconds=1.5)
