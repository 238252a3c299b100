"""A folder of takes made elsewhere: which shot each belongs to, what is new, and what is only passed over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Cast
from media_samples import clip, corner
from PIL import Image

from apom.cli import main
from apom.config import Settings
from apom.errors import Invalid, NotAllowed, NotFound
from apom.importing import Came, Folder, bring, shot_of
from apom.models import Box, Project, Rights, Role
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"


@pytest.mark.parametrize(
    ("path", "shot"),
    [
        ("010 Harbour/v1/take.png", ("010", "Harbour")),
        ("010/take.png", ("010", "010")),
        ("020_storm/005.png", ("020", "storm")),
        ("10A - The keeper/x.png", ("10A", "The keeper")),
        ("harbour/x.png", ("harbour", "harbour")),
        ("Гавань на рассвете/x.png", ("Гавань_на_рассве", "Гавань на рассвете")),
        ("2001x a space odyssey/x.png", ("2001x", "a space odyssey")),
        ("010_take.png", ("010", "010")),
        ("30.png", ("30", "30")),
        ("take 010.png", ("", "")),
        ("1234567 take.png", ("", "")),
        ("!!!/x.png", ("", "!!!")),
    ],
)
def test_a_sub_folder_or_a_leading_number_says_which_shot(path: str, shot: tuple[str, str]) -> None:
    assert shot_of(Path(path)) == shot


def shade(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 36), (level, 90, 90)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files for three shots, one of them twice; one for none, one bad, and what is not meant."""
    root = tmp_path / "renders"
    shade(root / "010 Harbour" / "a.png", 10)
    shade(root / "010 Harbour" / "later" / "b.png", 20)
    shade(root / "20_storm.png", 30)
    shade(root / "copies" / "a.png", 10)
    shade(root / "lost.png", 40)
    (root / "010 Harbour" / "bad.png").write_text("<html>")
    (root / "010 Harbour" / ".hidden.png").write_text("x")
    (root / "010 Harbour" / "notes.txt").write_text("x")
    shade(root / ".cache" / "c.png", 50)
    clip(root / "copies" / "x.mp4", seconds=0.5)
    return root


@pytest.fixture
def project(cast: Cast) -> Project:
    return cast.alice.create_project("Lighthouse")


def brought(cast: Cast, project: Project, folder: Folder, **options: bool) -> list[tuple[str, str, str]]:
    came: list[Came] = []
    bring(cast.alice, project, folder.news(**options), Rights(owner="Ann"), came.append)  # type: ignore[arg-type]
    return sorted((one.path.relative_to(folder.root).as_posix(), one.code, one.outcome) for one in came)


def test_a_folder_comes_in_once(cast: Cast, project: Project, folder: Path) -> None:
    storm = cast.alice.create_box(project, "Storm", code="020")
    first = [
        ("010 Harbour/a.png", "010", "new"),
        ("010 Harbour/bad.png", "010", "refused"),
        ("010 Harbour/later/b.png", "010", "new"),
        ("20_storm.png", "020", "new"),
        ("copies/a.png", "copies", "known"),
        ("copies/x.mp4", "copies", "new"),
        ("lost.png", "", "refused"),
    ]
    assert brought(cast, project, Folder(root=folder)) == first
    boxes = {box.code: box for box in cast.alice.get_project_boxes(project)}
    assert {code: (box.name, box.assets_count) for code, box in boxes.items()} == {
        "010": ("Harbour", 2),
        "020": ("Storm", 1),
        "copies": ("copies", 1),
    }
    assert boxes["020"].id == storm.id, "20 is 020"
    take = cast.alice.get_box_assets(storm).items[0]
    assert cast.alice.asset(take).rights == {"owner": "Ann"}
    again = brought(cast, project, Folder(root=folder))
    assert {outcome for _, _, outcome in again} == {"known", "refused"}
    shade(folder / "010 Harbour" / "new.png", 99)
    assert ("010 Harbour/new.png", "010", "new") in brought(cast, project, Folder(root=folder))
    assert sum(box.assets_count for box in cast.alice.get_project_boxes(project)) == 5


def test_a_watched_folder_brings_what_has_come_to_rest(cast: Cast, project: Project, folder: Path) -> None:
    watched = Folder(root=folder)
    brought(cast, project, watched)
    assert brought(cast, project, watched, only_settled=True) == []
    path = shade(folder / "010 Harbour" / "render.png", 77)
    assert brought(cast, project, watched, only_settled=True) == [], "it may still be written"
    shade(path, 78)
    os.utime(path, ns=(1, 1))
    assert brought(cast, project, watched, only_settled=True) == [], "it is"
    assert brought(cast, project, watched, only_settled=True) == [("010 Harbour/render.png", "010", "new")]
    assert brought(cast, project, watched, only_settled=True) == []


def test_what_concerns_all_of_them_stops_it(cast: Cast, project: Project, folder: Path) -> None:
    for role, error in ((None, NotFound), (Role.VIEWER, NotAllowed)):
        if role is not None:
            cast.alice.set_member(project, "bob", role)
        with pytest.raises(error):
            bring(cast.bob, project, Folder(root=folder).news(), Rights(), lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="no folder"):
        list(Folder(root=folder / "nowhere").news())


def test_the_command_brings_it_and_says_what_came(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.accounts.acting(None)
        project = studio.workspace(actor).create_project("Lighthouse")
    command = ["import", str(folder), "--project", "lighthouse", "--owner", "Ann", "--data-dir", str(data)]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out.endswith("\n4 new, 1 known already, 2 not taken\n")
    assert "010  010 Harbour/a.png\n" in said.out
    assert "not taken: lost.png: It is in no sub-folder" in said.out
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["new"], found["known"], len(found["refused"])) == (0, 5, 2)
    assert main(["import", str(folder), "--project", "no such", "--data-dir", str(data)]) == 1
    assert main(["media", "rebuild", "--data-dir", str(data)]) == 0
    assert capsys.readouterr().out.strip() == "Lighthouse: 4 made anew"
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        alice = studio.workspace(actor)
        shots: list[Box] = list(alice.get_project_boxes(project))
        assert [box.code for box in shots] == ["010", "20", "copies"]


def test_a_picture_that_is_the_same_in_two_places_comes_once(cast: Cast, project: Project, tmp_path: Path) -> None:
    for name in ("010/a.png", "020/b.png"):
        (tmp_path / name).parent.mkdir()
        corner().save(tmp_path / name)
    assert [outcome for *_, outcome in brought(cast, project, Folder(root=tmp_path))] == ["new", "known"]
