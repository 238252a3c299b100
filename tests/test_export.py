"""What leaves the house: read back as others would read it."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import docx
import httpx
import pytest
from conftest import Cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_idor import arrived

from apom import testing
from apom.client import connect
from apom.config import Settings
from apom.errors import NotFound
from apom.export import document
from apom.export.sheet import Choice, Sheet, Shot, clean
from apom.models import Progress, Project, Role, Visibility
from apom.statement import RUNS
from apom.studio import Studio

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSWORD = "seven tall ships at dawn"
anything = st.text(alphabet=st.characters(exclude_categories=[]), max_size=40)


def film(**more: object) -> Project:
    ids = {name: UUID(int=1) for name in ("id", "created_by")}
    return Project(**{**ids, "name": "Film", "created_at": NOW, "updated_at": NOW, "role": Role.OWNER, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def thumb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thumbs") / "thumb.webp"
    Image.new("RGBA", (64, 96), (200, 40, 40, 90)).save(path, "WEBP")
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=anything, prompt=anything, said=anything)
def test_whatever_people_write_becomes_a_document(
    thumb: Path, tmp_path: Path, name: str, prompt: str, said: str
) -> None:
    shot = Shot(
        code="010",
        name=name,
        line=said,
        prompt=prompt,
        model=said,
        progress=Progress.PICKED,
        thumb=thumb,
        comments=[(name, said)],
    )
    sheet = Sheet(project=film(name=name, notes=said), shots=[shot], made_at=NOW, choice=Choice(comments=True))
    document.write(sheet, tmp_path / "film.docx")
    read = docx.Document(str(tmp_path / "film.docx"))
    cells = read.tables[-1].rows[1].cells
    assert cells[0].paragraphs[0].text.split() == clean(f"010 {name}").split()
    assert cells[2].paragraphs[0].text.split() == clean(prompt).split()


def test_a_document_shows_each_shot_once_with_its_picture(thumb: Path, tmp_path: Path) -> None:
    shots = [
        Shot(
            code=f"{n:03}",
            name="x",
            progress=Progress.APPROVED,
            prompt="a boat",
            model="m",
            seed=7,
            cost=0.5,
            unit="USD",
            thumb=thumb,
        )
        for n in range(10, 60, 10)
    ]
    bare = Shot(code="060", name="empty", progress=Progress.NO_TAKE, remark="No take has been picked for this shot.")
    document.write(
        Sheet(project=film(), shots=[*shots, bare], made_at=NOW, choice=Choice(cost=True, seeds=True)),
        tmp_path / "f.docx",
    )
    read = docx.Document(str(tmp_path / "f.docx"))
    _facts, table = read.tables
    assert [row.cells[0].paragraphs[0].text for row in table.rows] == [
        "Shot",
        *(f"{s.code} {s.name}" for s in [*shots, bare]),
    ]
    assert table.rows[1].cells[3].text == "m\nseed 7\n0.5 USD"
    assert table.rows[6].cells[1].text == bare.remark and any("060 empty" in p.text for p in read.paragraphs)
    section = read.sections[0]
    assert section.page_width > section.page_height
    with zipfile.ZipFile(tmp_path / "f.docx") as parts:
        body = parts.read("word/document.xml").decode()
        assert sum(name.startswith("word/media/") for name in parts.namelist()) == 5
        pictures = [
            Image.open(io.BytesIO(parts.read(name))) for name in parts.namelist() if name.startswith("word/media/")
        ]
    assert {picture.format for picture in pictures} == {"JPEG"}
    assert body.count("w:tblHeader") == 1 and body.count("w:cantSplit") == 6
    assert body.count('descr="010 x: a boat"') == 1


def test_what_is_internal_and_what_is_missing(cast: Cast, tmp_path: Path, thumb: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film")
    empty = alice.export_docx(project, tmp_path / "empty.docx")
    assert empty.remarks == ("The project has no shots yet.",)
    one, two, _three = alice.create_boxes(project, ["one", "two", "three"])
    for box in (one, two):
        made: Any = arrived(cast.studio, alice, box)
        alice.set_headliner(box, made)
    take = alice.get_box_assets(one).items[0]
    alice.add_comment(take, "not yet, he said", visibility=Visibility.INTERNAL)
    alice.add_comment(take, "softer please", visibility=Visibility.CLIENT)
    key = f"dev/a/{take.id}/thumb-0123456789ab.webp"
    path = cast.studio.settings.data_dir / "media" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(thumb.read_bytes())
    with cast.studio._store.write() as tx:
        tx.all("update asset set thumb_key = $1 where id = $2", key, take.id)
    written = alice.export_docx(project, tmp_path / "film.docx", comments=True)
    assert written.bytes == (tmp_path / "film.docx").stat().st_size
    assert written.remarks == (
        "020 two: The picture cannot be found.",
        "030 three: No take has been picked for this shot.",
    )
    text = "\n".join(
        cell.text for row in docx.Document(str(tmp_path / "film.docx")).tables[-1].rows for cell in row.cells
    )
    assert "softer please" in text and "not yet" not in text
    with pytest.raises(NotFound):
        cast.bob.export_docx(project, tmp_path / "stolen.docx")
    assert not (tmp_path / "stolen.docx").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=30).filter(lambda text: text.strip()))
def test_a_table_shows_texts_as_they_are_and_runs_none(cast: Cast, tmp_path: Path, name: str) -> None:
    project = cast.alice.create_project("Film")
    box = cast.alice.create_box(project, "=1+1")
    cast.alice.update_box(box, notes=name)
    notes = cast.alice.box(box).notes
    cast.alice.export_csv(project, tmp_path / "shots.csv")
    with (tmp_path / "shots.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "'=1+1" and row["notes"] in (notes, f"'{notes}")
    assert not any(value[:1] in RUNS for value in row.values() if value)


def test_over_http_a_name_of_any_letters_is_a_file_name(tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
        studio.register("alice", PASSWORD)
        actor = studio.resolve(token=studio.login("alice", PASSWORD)[0])
        assert actor is not None
        alice = studio.workspace(actor)
        project = alice.create_project('Маяк / "ночь"\\..')
        alice.create_box(project, "Гавань")
        _, secret = alice.create_token("test")
    with testing.server(tmp_path / "data") as app, httpx.Client(base_url=app.url) as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        answer = client.get(f"/api/projects/{project.id}/export.docx?seeds=true")
        assert (
            answer.status_code == 200
            and "Гавань" in docx.Document(io.BytesIO(answer.content)).tables[-1].rows[1].cells[0].text
        )
        name = answer.headers["content-disposition"]
        assert name.startswith("attachment; filename*=UTF-8''%D0%9C") and "/" not in name.partition("''")[2]
        assert client.get(f"/api/projects/{project.id}/export.csv?table=takes").content.startswith(
            "\ufeff".encode() + b"shot,take"
        )
        assert client.get(f"/api/projects/{UUID(int=5)}/export.docx").status_code == 404
        with connect(app.url, secret) as ws:
            written = ws.export_docx(project, tmp_path / "film.docx", comments=True)
            assert written.remarks == ("010 Гавань: No take has been picked for this shot.",)
            assert written.bytes == (tmp_path / "film.docx").stat().st_size
            assert ws.export_csv(project, tmp_path / "shots.csv").bytes == (tmp_path / "shots.csv").stat().st_size
            with pytest.raises(NotFound):
                ws.export_csv(UUID(int=5), tmp_path / "nothing.csv")
