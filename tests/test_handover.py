"""What an editor gets: unpacked and looked at, as an editor would."""

from __future__ import annotations

import csv
import io
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID
from xml.etree import ElementTree

import av
import opentimelineio as otio
import pytest
from conftest import Cast, let_in
from media_samples import clip, corner
from test_export_timelines import cuts

from apom.errors import Conflict, NotAllowed, NotFound
from apom.export import handover
from apom.export.changes import Content, Placed, changes
from apom.export.handover import CutChoice
from apom.export.room import Room
from apom.models import JobState, Project, Take, Visibility, new_id
from apom.waiting import ended
from pages.export import holds


def room(cast: Cast, project: Project, job_id: UUID | None = None) -> Room:
    return Room(
        store=cast.studio._store,
        storage=cast.studio._storage,
        money=cast.studio.money,
        actor=cast.alice.actor,
        project_id=project.id,
        now=cast.studio.accounts._clock(),
        job_id=job_id,
    )


class Film:
    """A clip with sound and trims, a picture, a WebM, a WebP: whatever comes in real projects."""

    def __init__(self, cast: Cast, samples: Path, folder: Path, **more: Any) -> None:
        self.cast, self.alice, self.folder = cast, cast.alice, folder
        self.project = self.alice.create_project("Film «Маяк»", **{"fps": 24, "width": 160, "height": 90, **more})
        self.shots = self.alice.create_boxes(self.project, ["Harbour", "Storm", "Dawn", "End"])
        self.takes = [
            self.take(0, samples / "a.mp4"),
            self.take(1, samples / "b.webm"),
            self.take(2, self.picture("c.png")),
            self.take(3, self.picture("d.webp")),
        ]
        for shot, take in zip(self.shots, self.takes, strict=True):
            self.alice.set_headliner(shot, take)
        self.alice.update_box(self.shots[0], in_s=0.5, out_s=1.5)
        self.alice.update_box(self.shots[2], duration_s=2)
        self.made = 0

    def picture(self, name: str) -> Path:
        corner((160 + len(list(self.folder.iterdir())), 90)).save(self.folder / name)
        return self.folder / name

    def take(self, shot: int, path: Path) -> Take:
        return self.alice.upload(self.shots[shot], path).take

    def hand_over(self, job_id: UUID | None = None, **choices: Any) -> tuple[Path, list[str]]:
        self.made += 1
        path = self.folder / f"hand-over {self.made}.zip"
        shares: list[float] = []
        remarks = handover.write(room(self.cast, self.project, job_id), CutChoice(**choices), path, shares.append)
        assert all(0 <= share <= 1 for share in shares)
        return path, list(remarks)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    clip(folder / "a.mp4", seconds=2, sound=True)
    clip(folder / "b.webm", codec="libvpx-vp9", seconds=1, fps=30)
    clip(folder / "e.mp4", seconds=1, sound=True)
    return folder


@pytest.fixture
def film(cast: Cast, samples: Path, tmp_path: Path) -> Film:
    (tmp_path / "takes").mkdir()
    return Film(cast, samples, tmp_path / "takes")


def unpacked(path: Path, into: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(into)
    return into


def named(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    return set(names)


def media(path: Path) -> set[str]:
    return {name for name in named(path) if "/" in name}


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_everything_is_there_and_every_path_resolves(film: Film, tmp_path: Path) -> None:
    path, remarks = film.hand_over()
    assert remarks == []
    folder = unpacked(path, tmp_path / "out")
    a, b, c, d = (f"{n:02}0_{take.id.hex[:8]}" for n, take in enumerate(film.takes, start=1))
    assert media(path) == {
        f"media/{a}.mov", f"originals/{a}.mp4", f"media/{b}.mov", f"originals/{b}.webm", f"media/{c}.png",
        f"media/{d}.png", f"originals/{d}.webp",
    }  # fmt: skip
    assert named(path) - media(path) == {
        "cut.otio", "content.otio", "version.txt", "cut.xml", "cut.edl", "shots.csv", "README.txt",
    }  # fmt: skip
    timeline = otio.adapters.read_from_file(str(folder / "cut.otio"))
    hour = 86_400
    expected = [
        (f"{a}.mov", 0, 24, hour + 12, hour + 36),
        (f"{b}.mov", 24, 48, hour, hour + 24),
        (f"{c}.png", 48, 96, 0, 48),
        (f"{d}.png", 96, 168, 0, 72),
    ]
    assert list(cuts(timeline, Fraction(24)).values()) == [expected, [], [(f"{a}.mov", 0, 24, hour + 12, hour + 36)]]
    xml = otio.adapters.read_from_file(str(folder / "cut.xml"), adapter_name="fcp_xml")
    assert list(cuts(xml, Fraction(24)).values()) == list(cuts(timeline, Fraction(24)).values())
    edl = otio.adapters.read_from_file(str(folder / "cut.edl"), adapter_name="cmx_3600", rate=24)
    assert [item.name for item in edl.tracks[0].find_clips()] == [row[0] for row in expected]
    root = ElementTree.parse(folder / "cut.xml")
    addresses = {item.media_reference.target_url for item in timeline.find_clips()}
    assert addresses == {at.text for at in root.iter("pathurl")}
    assert all((folder / unquote(at)).is_file() and not at.startswith((".", "/", "file:")) for at in addresses)
    original = film.cast.studio._storage.path(film.takes[0].file_key or "").read_bytes()
    assert (folder / "originals" / f"{a}.mp4").read_bytes() == original
    with av.open(str(folder / "media" / f"{b}.mov")) as made:
        assert made.streams.video[0].average_rate == sum(1 for _ in made.decode(video=0)) == 24


def test_the_zip_is_an_opentimelineio_bundle(film: Film, tmp_path: Path) -> None:
    path, _remarks = film.hand_over()
    bundle = path.rename(tmp_path / "cut.otioz")
    (tmp_path / "bundle").mkdir()
    timeline = otio.adapters.read_from_file(str(bundle), extract_to_directory=str(tmp_path / "bundle"))
    assert len(list(timeline.tracks[0].find_clips())) == 4


def test_the_next_one_holds_what_is_new(film: Film, samples: Path, tmp_path: Path) -> None:
    path, _ = film.hand_over()
    folder = unpacked(path, tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in (folder / "media").iterdir()}
    alice, shots = film.alice, film.shots
    alice.reorder_boxes(film.project, [shots[3].id, shots[0].id, shots[1].id, shots[2].id])
    alice.update_box(shots[0], name="Harbour at dawn", in_s=1.0)
    newer = film.take(1, samples / "e.mp4")
    alice.set_headliner(shots[1], newer)
    alice.delete_box(shots[2])
    (added,) = alice.create_boxes(film.project, ["Night"])
    path, remarks = film.hand_over()
    assert remarks == [f"{added.code} Night: No take has been picked for this shot."]
    stem = f"020_{newer.id.hex[:8]}"
    assert media(path) == {f"media/{stem}.mov", f"originals/{stem}.mp4"}
    unpacked(path, folder)
    assert all(file.stat().st_mtime_ns == at for file, at in before.items())
    rows = [(row["change"], row["shot"], row["old"], row["new"]) for row in table(folder / "changes.csv")]
    old = f"020_{film.takes[1].id.hex[:8]}.mov"
    assert rows == [
        ("moved", "040", "4", "1"),
        ("trim", "010", "01:00:00:12-01:00:01:12", "01:00:01:00-01:00:01:12"),
        ("take", "020", old, f"{stem}.mov"),
        ("new", added.code, "", ""),
        ("removed", "030", f"030_{film.takes[2].id.hex[:8]}.png", ""),
    ]
    timeline = otio.adapters.read_from_file(str(folder / "cut.otio"))
    assert all((folder / item.media_reference.target_url).is_file() for item in timeline.find_clips())
    assert isinstance(timeline.tracks[0][3], otio.schema.Gap)
    path, _ = film.hand_over()
    assert media(path) == set() and table_of(path, "changes.csv") == []
    assert "Hand-over 3" in text_of(path, "README.txt")
    path, _ = film.hand_over(holds="everything")
    assert len(media(path)) == 6
    path, _ = film.hand_over(coding="h264")
    assert {name.rpartition(".")[2] for name in media(path)} == {"mov", "mp4"}, "the clips are other files now"


def text_of(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode("utf-8-sig")


def table_of(path: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(path, name))))


def test_it_is_a_job_for_who_may_edit(film: Film) -> None:
    let_in(film.alice, film.project, "victor")
    for who, problem in ((film.cast.victor, NotAllowed), (film.cast.bob, NotFound)):
        with pytest.raises(problem):
            who.order_export(film.project, "cut")
        with pytest.raises(problem):
            who.export_cut(film.project, film.folder / "no.zip")
    film.cast.studio.jobs._is_on = lambda: True
    order = film.alice.order_export(film.project, "cut", alternates="none")
    film.cast.studio.jobs.start()
    job = ended(film.alice.job, order)
    assert job.state is JobState.DONE and job.result
    assert holds(order) == ["Changes since the last one"], "until it is known since which"
    assert holds(job) == ["Hand-over 1: everything"]
    next_one = film.alice.order_export(film.project, "cut", alternates="none")
    assert holds(ended(film.alice.job, next_one)) == ["Hand-over 2: what is new since hand-over 1"]
    film.cast.studio.jobs.stop()
    found = film.alice.export_file(order, film.folder / "job.zip")
    assert found.name == "Film Маяк hand-over 1.zip" and len(media(found.path)) == 7
    with film.cast.studio._store.read() as tx:
        assert {row["id"] for row in tx.all("select id from handover")} == {order.id, next_one.id}
    film.alice.delete_project(film.project)
    with film.cast.studio._store.read() as tx:
        assert tx.all("select id from handover") == []


def test_a_job_that_begins_anew_holds_the_same_again(film: Film) -> None:
    film.hand_over()
    film.alice.set_headliner(film.shots[2], film.take(2, film.picture("new.png")))
    job = new_id()
    first, _ = film.hand_over(job)
    again, _ = film.hand_over(job)
    assert media(first) == media(again) != set()


def test_what_is_stopped_leaves_nothing(film: Film, cast: Cast) -> None:
    def stop(share: float) -> None:
        if share > 0.1:
            raise Conflict("stopped")

    path = film.folder / "stopped.zip"
    with pytest.raises(Conflict):
        handover.write(room(cast, film.project), CutChoice(), path, stop)
    assert not path.exists() and not list((cast.studio._storage.root / "tmp").glob("*"))
    path, _ = film.hand_over()
    assert len(media(path)) == 7, "nothing was remembered"


def test_an_empty_project_is_handed_over_too(cast: Cast, tmp_path: Path) -> None:
    project = cast.alice.create_project("Empty")
    remarks = handover.write(room(cast, project), CutChoice(), tmp_path / "empty.zip", lambda share: None)
    assert remarks == ["The project has no shots yet."]
    assert "cut.otio" in named(tmp_path / "empty.zip")


def test_what_is_missing_or_broken_is_named_and_the_rest_goes_out(film: Film, tmp_path: Path) -> None:
    storage = film.cast.studio._storage
    storage.path(film.takes[0].file_key or "").write_bytes(b"\0\0\0\x18ftypmp42 broken")
    storage.delete(film.takes[1].file_key or "")
    with film.cast.studio._store.write() as tx:
        tx.all(
            "update asset set purged_at = $2, file_key = null where id = $1", film.takes[2].id, film.takes[2].created_at
        )
    path, remarks = film.hand_over()
    assert [remark.partition(":")[0] for remark in remarks] == ["010 Harbour", "020 Storm", "030 Dawn"]
    assert "damaged" in remarks[0] and "cannot be found" in remarks[1] and "cleaned away" in remarks[2]
    timeline = otio.adapters.read_from_file(str(unpacked(path, tmp_path / "out") / "cut.otio"))
    kinds = [type(item) for item in timeline.tracks[0]]
    assert kinds == [otio.schema.Gap] * 3 + [otio.schema.Clip]
    assert timeline.tracks[0][0].duration().value == 24 and timeline.tracks[0][2].duration().value == 48
    assert all(remark in text_of(path, "README.txt") for remark in remarks)


def test_the_soundtrack_lies_under_the_cut(film: Film, samples: Path) -> None:
    sound = film.take(3, samples / "a.mp4")
    with film.cast.studio._store.write() as tx:
        tx.all("update asset set asset_type = 'AUDIO' where id = $1", sound.id)
        tx.all("update project set soundtrack_asset_id = $2 where id = $1", film.project.id, sound.id)
    path, remarks = film.hand_over()
    assert remarks == []
    name = f"040_{sound.id.hex[:8]}"
    assert {f"media/{name}.wav", f"originals/{name}.mp4"} < media(path)
    timeline = otio.adapters.read_from_string(text_of(path, "cut.otio"), "otio_json")
    assert cuts(timeline, Fraction(24))["A1"] == [(f"{name}.wav", 0, 47, 0, 47)], "as long as it lasts"
    assert f"* FROM CLIP NAME:  {name}.wav" in text_of(path, "cut.edl")
    with film.cast.studio._store.write() as tx:
        tx.all("update project set soundtrack_asset_id = null where id = $1", film.project.id)
    path, _ = film.hand_over()
    assert [(row["change"], row["old"], row["new"]) for row in table_of(path, "changes.csv")] == [
        ("soundtrack", f"{name}.wav", "")
    ]


def test_other_takes_lie_in_a_bin(film: Film, samples: Path) -> None:
    other = film.take(0, samples / "e.mp4")
    liked = film.take(2, film.picture("liked.png"))
    film.alice.toggle_favorite(liked)
    path, _ = film.hand_over(alternates="favourites")
    assert bin_of(path) == [f"030_{liked.id.hex[:8]}.png"]
    path, _ = film.hand_over(alternates="all", holds="everything")
    assert bin_of(path) == [f"010_{other.id.hex[:8]}.mov", f"030_{liked.id.hex[:8]}.png"]
    path, _ = film.hand_over(alternates="none", holds="everything")
    assert bin_of(path) == []


def bin_of(path: Path) -> list[str]:
    root = ElementTree.fromstring(text_of(path, "cut.xml"))
    return [str(each.findtext("name")) for each in root.findall(".//bin/children/clip")]


def test_what_clients_said_is_marked_and_nothing_else(film: Film) -> None:
    alice, take = film.alice, film.takes[0]
    seen = alice.add_comment(take, "hold longer", visibility=Visibility.CLIENT, timecode_s=1.0)
    alice.add_comment(take, "SECRET budget", visibility=Visibility.INTERNAL, timecode_s=1.0)
    done = alice.add_comment(take, "done already", visibility=Visibility.CLIENT)
    alice.mark_comments([done], is_resolved=True)
    path, _ = film.hand_over()
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if b"SECRET" in archive.read(name)]
    timeline = otio.adapters.read_from_string(text_of(path, "cut.otio"), "otio_json")
    marks = next(iter(timeline.find_clips())).markers
    told = [(m.name, m.color, m.marked_range.start_time.value - 86_400) for m in marks]
    assert told == [("alice: hold longer", "RED", 24), ("alice: done already", "GREEN", 12)]
    assert "* LOC: 01:00:00:12 RED     alice: hold longer" in text_of(path, "cut.edl")
    assert seen


def test_recipes_go_along_only_if_they_may(film: Film) -> None:
    with film.cast.studio._store.write() as tx:
        tx.all("update asset_recipe set prompt_text = 'HUSH a boat' where asset_id = $1", film.takes[0].id)
    path, _ = film.hand_over(prompts=False)
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if b"HUSH" in archive.read(name)]
    path, _ = film.hand_over(holds="everything")
    assert "HUSH" in text_of(path, "cut.otio") and "HUSH" in text_of(path, "cut.xml")
    assert table_of(path, "shots.csv")[0]["prompt"] == "HUSH a boat"


@pytest.mark.parametrize("fps", [23.976, 29.97, 60, 12.5])
def test_the_cut_runs_at_the_projects_rate(cast: Cast, samples: Path, tmp_path: Path, fps: float) -> None:
    project = cast.alice.create_project("Film", fps=fps)
    (shot,) = cast.alice.create_boxes(project, ["one"])
    cast.alice.set_headliner(shot, cast.alice.upload(shot, samples / "e.mp4").take)
    remarks = handover.write(room(cast, project), CutChoice(), tmp_path / "cut.zip", lambda share: None)
    folder = unpacked(tmp_path / "cut.zip", tmp_path / "out")
    timeline = otio.adapters.read_from_file(str(folder / "cut.otio"))
    (item,) = timeline.tracks[0].find_clips()
    rate = {12.5: 25.0}.get(fps, fps)
    assert abs(item.source_range.duration.rate - rate) < 0.001 and item.source_range.duration.value == round(rate)
    with av.open(str(folder / item.media_reference.target_url)) as made:
        assert sum(1 for _ in made.decode(video=0)) == round(rate)
    assert bool(remarks) is (fps == 12.5)


def test_changes_are_said_once() -> None:
    def shot(box: str, code: str, file: str = "media/x_1.mov", **more: Any) -> Placed:
        return Placed(**{**dict(box=box, code=code, name=box, file=file, is_clip=True, frames=24), **more})

    def told(before: Content, after: Content) -> list[tuple[str, str]]:
        return [(row["change"], row["shot"]) for row in changes(before, after)]

    one, two = shot("a", "010"), shot("b", "020")
    base = Content(rate="24", shots=(one, two))
    assert told(base, base) == []
    assert told(base, Content(rate="25", shots=(one.model_copy(update={"frames": 25}), two))) == [
        ("frame rate", ""),
        ("trim", "020"),
    ]
    assert told(base, Content(rate="24", shots=(two, one))) in ([("moved", "020")], [("moved", "010")])
    coded = one.model_copy(update={"code": "015", "file": "media/y_1.mov"})
    assert told(base, Content(rate="24", shots=(coded, two))) == [("code", "015")]
    gap = one.model_copy(update={"file": ""})
    assert told(base, Content(rate="24", shots=(gap, two))) == [("take", "010")]
    assert told(base, Content(rate="24", sound="media/s.wav")) == [
        ("soundtrack", ""),
        ("removed", "010"),
        ("removed", "020"),
    ]
