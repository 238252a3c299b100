"""Documents, contact sheets, workbooks and the rights sheet: read back by other programs."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import docx
import openpyxl
import pypdf
import pytest
from conftest import Cast, let_in
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_idor import arrived

from apom.errors import Invalid, NotFound
from apom.export import contact, document, rights, tables, workbook
from apom.export.contact import PdfChoice, wrapped
from apom.export.rights import Delivery, Judged, Question, Source, summary
from apom.export.sheet import Choice, Said, Sheet, Shot, clean
from apom.models import Layout, Opinion, Progress, Project, Rights, Role, SourceType, Visibility, new_id
from apom.providers.spec import Terms
from apom.statement import RUNS
from apom.words import language

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LINK = "https://apom.example.com/review?token=abc-DEF_123"
anything = st.text(alphabet=st.characters(exclude_categories=[]), max_size=60) | st.sampled_from(
    [
        "=1+1",
        "x" * 3_000,
        "a\n" * 200,
        "😀👩‍👩‍👧 嵐",
        "مرحبا 12 שלום",
        "\ud800",
        "\x00\x1b[2J",
        "_x0041_",
        "\u202e123",
        "{n}",
        "None",
        "",
    ]
)


@pytest.fixture(scope="module")
def thumb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thumbs") / "thumb.webp"
    Image.new("RGBA", (64, 96), (200, 40, 40, 90)).save(path, "WEBP")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


def film(name: str = "Film", **more: Any) -> Project:
    ids = UUID(int=1)
    return Project(id=ids, created_by=ids, name=name, created_at=NOW, updated_at=NOW, role=Role.OWNER, **more)


def shot(n: int = 1, **more: Any) -> Shot:
    return Shot(
        **{"code": f"{n}0", "name": f"shot {n}", "progress": Progress.PICKED, "prompt": "a boat", "model": "m", **more}
    )


def pages(path: Path) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(path).pages]


# what people type


@settings(max_examples=12, deadline=None)
@given(name=anything, prompt=anything, said=anything, layout=st.sampled_from(get_args(Layout)))
def test_whatever_people_write_becomes_every_kind_of_file(
    thumb: Path, folder: Path, name: str, prompt: str, said: str, layout: Layout
) -> None:
    heard = Said(name=name, opinion=Opinion.APPROVED, round=1, take=2, at=NOW)
    one = shot(
        name=name,
        prompt=prompt,
        line=said,
        notes=said,
        model=said,
        thumb=thumb,
        verdicts=[heard],
        comments=[(name, said)],
    )
    sheet = Sheet(
        project=film(name, notes=said), shots=[one, replace(one, thumb=None, remark=said)], made_at=NOW,
        choice=Choice(comments=True, verdicts=True, seeds=True, cost=True),
    )  # fmt: skip
    document.write(sheet, folder / "film.docx")
    cells = docx.Document(str(folder / "film.docx")).tables[-1].rows[1].cells
    assert cells[2].paragraphs[0].text.split() == clean(prompt).split()
    contact.write(sheet, PdfChoice(layout=layout, prompts=True), folder / "film.pdf")
    assert "10" in pages(folder / "film.pdf")[0]
    row = {"code": name, "prompt": prompt, "line": said, "seed": 2**62, "duration_s": 2.5}
    workbook.write(
        [workbook.Page(title="Shots", columns=tables.SHOTS, rows=[row], pictures={0: thumb})], folder / "film.xlsx", NOW
    )
    book = openpyxl.load_workbook(folder / "film.xlsx")["Shots"]
    found = {book.cell(1, n).value: book.cell(2, n) for n in range(1, book.max_column + 1)}
    assert found["Prompt"].data_type != "f" and found["Seed"].value == str(2**62) and found["Length, s"].value == 2.5
    tables.write(folder / "film.csv", ["prompt"], [{"prompt": prompt}])
    with (folder / "film.csv").open(encoding="utf-8-sig", newline="") as file:
        (_head, (text,)) = csv.reader(file) if prompt else (["prompt"], [""])
    assert text.removeprefix("'") in (prompt, prompt.encode(errors="replace").decode()) and text[:1] not in RUNS
    source = Source(
        shot=name, number=1, type="IMAGE", source=SourceType.UPLOADED, sha256=None,
        rights=Rights(owner=name, licence=prompt, note=said),
    )  # fmt: skip
    judged = Judged(opinion=Opinion.APPROVED, name=name, through=said, round=1, at=NOW)
    files = [
        Delivery(
            name=name, made_by=name, made_at=NOW, prompt=prompt, seed=1, source=source, inputs=[source], judged=[judged]
        )
    ]
    rights.write_docx(film(name), files, summary(files), "A4", NOW, folder / "rights.docx")
    tables.write(folder / "rights.csv", rights.TABLE, [rights.as_row(each) for each in files])
    assert len(docx.Document(str(folder / "rights.docx")).tables[-1].rows) == 2
    with (folder / "rights.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 2


def test_lines_are_broken_at_spaces_and_cut_with_a_sign() -> None:
    def width_of(letter: str) -> float:
        return 1

    assert wrapped("one two three", width_of, 7, 5) == ["one two", "three"]
    assert wrapped("one two three", width_of, 7, 1) == ["one tw…"]
    assert wrapped("abcdefghij", width_of, 4, 5) == ["abcd", "efgh", "ij"]
    assert wrapped("a\n\nb", width_of, 4, 5) == ["a", "b"]
    assert wrapped("anything", width_of, 0.5, 3) and wrapped("anything", width_of, 10, 0) == []


# the document


def test_a_document_has_a_cover_verdicts_a_link_and_the_readers_language(thumb: Path, tmp_path: Path) -> None:
    said = [
        Said(name="Anna", opinion=Opinion.APPROVED, round=2, take=3, at=NOW),
        Said(name="Ben", opinion=Opinion.CHANGES_WANTED, round=1, take=2, at=NOW),
    ]
    shots = [shot(1, take=3, verdicts=said, thumb=thumb, duration_s=61.5, progress=Progress.APPROVED), shot(2)]
    choice = Choice(paper="Letter", verdicts=True, review_link=LINK)
    token = language.set("ru")
    try:
        document.write(
            Sheet(project=film(fps=25), shots=shots, made_at=NOW, choice=choice, spent="5.00 USD spent"),
            tmp_path / "f.docx",
        )
    finally:
        language.reset(token)
    read = docx.Document(str(tmp_path / "f.docx"))
    facts, table = read.tables
    told = {row.cells[0].text: row.cells[1] for row in facts.rows}
    assert (
        told["Дата"].text == "28 нояб. 2026\u202fг."
        and told["Одобрено"].text == "1 из 2"
        and told["Длина"].text == "1:02"
    )
    assert told["Формат"].text == "1920 × 1080, кадров в секунду: 25" and told["Стоимость"].text == "5.00 USD spent"
    (link,) = told["Просмотр"].paragraphs[0].hyperlinks
    assert link.address == link.text == LINK
    assert "одобрено, Anna (раунд 2)\nнужны правки, просит Ben (раунд 1, дубль 2)" in table.rows[1].cells[0].text
    section = read.sections[0]
    assert section.page_width is not None and (round(section.page_width.mm), round(section.page_height.mm)) == (
        279,
        216,
    )  # type: ignore[union-attr]
    assert 'w:val="ru-RU"' in read.styles.element.xml and read.core_properties.created == NOW
    xml = read.element.xml
    assert (
        xml.index("<w:tblBorders") < xml.index("<w:tblLayout", xml.index("<w:tblBorders")) < xml.index("<w:tblCellMar")
    )


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a b", "https://x<y", "token", "https://пример.рф"])
def test_a_link_that_is_no_address_is_refused(cast: Cast, tmp_path: Path, link: str) -> None:
    project = cast.alice.create_project("Film")
    with pytest.raises(Invalid, match="whole address"):
        cast.alice.export_docx(project, tmp_path / "f.docx", review_link=link)


def test_a_review_link_is_kept_nowhere(cast: Cast, tmp_path: Path) -> None:
    project = cast.alice.create_project("Film")
    cast.alice.remember_export("docx", seeds=True, review_link=LINK)
    chosen = {format.name: format.chosen for format in cast.alice.export_formats()}["docx"]
    assert chosen["seeds"] is True and "review_link" not in chosen
    with pytest.raises(Invalid, match="kept nowhere"):
        cast.alice.order_export(project, "docx", review_link=LINK)
    assert cast.alice.export_docx(project, tmp_path / "f.docx", review_link=LINK).bytes


def test_an_office_program_opens_a_document(thumb: Path, tmp_path: Path) -> None:
    """`make office` installs LibreOffice."""
    shots = [shot(n, thumb=thumb, name=f"Смотритель {n}", prompt="волны " * 20) for n in range(1, 21)]
    shots.append(shot(21, remark="No take has been picked for this shot.", prompt="long " * 4_000))
    document.write(
        Sheet(project=film("Маяк"), shots=shots, made_at=NOW, choice=Choice(review_link=LINK)), tmp_path / "f.docx"
    )
    office = shutil.which("soffice")
    assert office, "LibreOffice is not installed: make office"
    home = f"-env:UserInstallation=file://{tmp_path}/office"
    subprocess.run(
        [office, home, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "f.docx")],
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = pages(tmp_path / "f.pdf")
    assert "Маяк" in found[0] and LINK in found[0] and "210 shot 21: No take has been picked" in found[0]
    assert "Смотритель 1" in found[1] and "Смотритель 20" in " ".join("".join(found).split())
    assert all("Prompt" in page for page in found[1:]), "the header stands on each page"
    assert 8 <= len(found) <= 20 and f"{len(found)} / {len(found)}" in found[-1]
    assert "".join(found).count("long") == 4_000, "a row that is taller than a page is not cut off"


# the contact sheet


def test_a_contact_sheet_holds_each_picture_once_whatever_the_grid(thumb: Path, tmp_path: Path) -> None:
    sheet = Sheet(project=film("Маяк"), shots=[shot(n, thumb=thumb) for n in range(1, 14)], made_at=NOW)
    for choice, on_page in (
        (PdfChoice(grid="2x2"), 4), (PdfChoice(grid="3x2"), 6), (PdfChoice(), 12), (PdfChoice(grid="5x4"), 20),
        (PdfChoice(grid="6x5"), 30), (PdfChoice(layout="storyboard"), 6), (PdfChoice(layout="script"), 5),
    ):  # fmt: skip
        contact.write(sheet, choice, tmp_path / "f.pdf")
        found = pages(tmp_path / "f.pdf")
        assert len(found) == -(-13 // on_page)
        assert all(
            "Маяк" in page and "28 Nov 2026" in page and f"{n} / {len(found)}" in page
            for n, page in enumerate(found, 1)
        )
        assert [f"{n}0 shot {n}" in "\n".join(found) for n in range(1, 14)] == [True] * 13
        reader = pypdf.PdfReader(tmp_path / "f.pdf")
        assert sum(" Do" in page.get_contents().get_data().decode("latin-1") for page in reader.pages) == len(found)  # type: ignore[union-attr]
        wide = reader.pages[0].mediabox.width > reader.pages[0].mediabox.height
        assert wide is (choice.layout != "script")


def test_paper_words_and_what_has_no_letter(thumb: Path, tmp_path: Path) -> None:
    one = shot(name="嵐 🦊 буря", line="Never.", notes="softer", thumb=thumb, duration_s=2.5)
    contact.write(
        Sheet(project=film(), shots=[one], made_at=NOW), PdfChoice(layout="script", paper="Letter"), tmp_path / "f.pdf"
    )
    (text,) = pages(tmp_path / "f.pdf")
    assert (
        "10 □ □ буря" in text and "“Never.”" in text and "softer" in text and "2.5 s" in text and "a boat" not in text
    )
    box = pypdf.PdfReader(tmp_path / "f.pdf").pages[0].mediabox
    assert (round(box.width), round(box.height)) == (612, 792)


# with a store


def with_picture(cast: Cast, take_id: UUID, thumb: Path) -> None:
    key = f"dev/a/{take_id}/thumb-0123456789ab.webp"
    path = cast.studio.settings.data_dir / "media" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(thumb.read_bytes())
    with cast.studio._store.write() as tx:
        tx.all("update asset set thumb_key = $1 where id = $2", key, take_id)


def test_takes_of_a_project_on_paper_and_in_a_workbook(cast: Cast, tmp_path: Path, thumb: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film")
    path = tmp_path / "f.pdf"
    assert alice.export_pdf(project, path).remarks == ("The project has no shots yet.",)
    assert alice.export_pdf(project, path, which="favourites").remarks == ("No take is a favourite yet.",)
    assert "No take is a favourite yet." in pages(path)[0]
    one, two = alice.create_boxes(project, ["one", "two"])
    first: Any = arrived(cast.studio, alice, one)
    second: Any = arrived(cast.studio, alice, one)
    alice.set_headliner(one, first)
    alice.toggle_favorite(second)
    with_picture(cast, first.id, thumb)
    assert alice.export_pdf(project, path).remarks == ("020 two: No take has been picked for this shot.",)
    assert "010 one" in pages(path)[0] and "020 two" in pages(path)[0]
    assert alice.export_pdf(project, path, which="favourites").remarks == ("010 one: The picture cannot be found.",)
    assert "take 2 ★" in pages(path)[0] and "take 1" not in pages(path)[0]
    alice.export_pdf(project, path, which="all")
    assert "take 1" in pages(path)[0] and "take 2" in pages(path)[0]
    alice.update_box(two, notes="=HYPERLINK(1)")
    written = alice.export_xlsx(project, tmp_path / "f.xlsx", pictures=True)
    assert written.remarks == ("010, take 2: The picture cannot be found.",) and written.name == "Film.xlsx"
    book = openpyxl.load_workbook(tmp_path / "f.xlsx")
    assert book.sheetnames == ["Shots", "Takes", "Costs"]
    assert [len(sheet._images) for sheet in book] == [1, 1, 0]
    shots, takes, costs = book
    assert shots.freeze_panes == "B2" and shots.auto_filter.ref == "A1:M3"
    row = {shots.cell(1, n).value: shots.cell(3, n) for n in range(1, 14)}
    assert row["Notes"].value == "=HYPERLINK(1)" and row["Notes"].data_type == "s" and row["Notes"].quotePrefix
    made = {takes.cell(1, n).value: takes.cell(2, n).value for n in range(1, takes.max_column + 1)}
    assert made["Made at, UTC"] == first.created_at.replace(tzinfo=None, microsecond=made["Made at, UTC"].microsecond)
    assert costs.max_row == 1
    let_in(alice, project, "victor")
    assert cast.victor.export_xlsx(project, tmp_path / "f.xlsx").remarks == ()
    for export in (cast.bob.export_pdf, cast.bob.export_xlsx, cast.bob.export_rights):
        with pytest.raises(NotFound):
            export(project, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_costs_are_told_by_provider_model_and_person(cast: Cast, tmp_path: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film")
    with cast.studio._store.write() as tx:
        for model, amount in (("flux", 1.25), ("flux", 0.75), ("veo", None)):
            tx.all(
                "insert into ledger_entry (id, generation_id, user_id, project_id, provider, model, estimate, actual, unit,"
                " is_play, currency, rate, amount, happened_at)"
                " values ($1, $2, $3, $4, 'kie', $5, 4, null, 'credit', false, 'USD', null, $6::double precision, $7)",
                new_id(), new_id(), alice.actor.user_id, project.id, model, amount, NOW,
            )  # fmt: skip
    alice.export_csv(project, tmp_path / "costs.csv", table="costs")
    with (tmp_path / "costs.csv").open(encoding="utf-8-sig", newline="") as file:
        flux, veo = csv.DictReader(file)
    assert (flux["month"], flux["model"], flux["person"], flux["takes"], flux["units"], flux["amount"]) == (
        "2026-11", "flux", "alice", "2", "8", "2",
    )  # fmt: skip
    assert veo["amount"] == "" and veo["unpriced"] == "1" and veo["play"] == "no"
    alice.export_xlsx(project, tmp_path / "f.xlsx")
    costs = openpyxl.load_workbook(tmp_path / "f.xlsx")["Costs"]
    assert costs["A2"].value == datetime(2026, 11, 1) and costs["I2"].value == 2 and costs["I3"].value is None


# the rights sheet


def source(**more: Any) -> Source:
    known = {"shot": "010 one", "number": 1, "type": "IMAGE", "source": SourceType.GENERATED, "sha256": "ab" * 32}
    return Source(**{**known, "provider": "Kie", "model": "Flux", **more})


def terms(commercial: Any) -> Terms:
    return Terms(url="https://kie.ai/terms", commercial=commercial, checked_on=date(2026, 11, 23))


def delivery(made: Source, *inputs: Source, opinion: Opinion | None = Opinion.APPROVED) -> Delivery:
    judged = [Judged(opinion=opinion, name="Anna", through="Client", round=1, at=NOW)] if opinion else []
    return Delivery(
        name="010_ab.png", made_by="alice", made_at=NOW, prompt="x", seed=1, source=made, inputs=inputs, judged=judged
    )


UPLOAD = {"source": SourceType.UPLOADED}
OWNED = {**UPLOAD, "rights": Rights(owner="Anna", licence="all rights")}


@pytest.mark.parametrize(
    ("each", "questions"),
    [
        (delivery(source(terms=terms("yes"))), []),
        (delivery(source(terms=terms("no"))), [Question.FORBIDDEN]),
        (delivery(source(terms=terms("plan"))), [Question.PLAN]),
        (delivery(source(terms=terms("unknown"))), [Question.TERMS]),
        (delivery(source()), [Question.TERMS]),
        (delivery(source(is_play=True)), [Question.PLAY]),
        (delivery(source(**UPLOAD)), [Question.OWNER]),
        (delivery(source(**{**UPLOAD, "rights": Rights(owner="Anna")})), [Question.OWNER]),
        (delivery(source(**OWNED)), []),
        (delivery(source(terms=terms("yes")), source(**OWNED)), []),
        (delivery(source(terms=terms("yes")), source(**UPLOAD)), [Question.INPUTS]),
        (delivery(source(**UPLOAD, is_frame=True), source(terms=terms("no"))), [Question.INPUTS]),
        (delivery(source(terms=terms("yes")), opinion=None), [Question.UNJUDGED]),
        (delivery(source(terms=terms("yes")), opinion=Opinion.CHANGES_WANTED), [Question.CHANGES]),
        (replace(delivery(source(terms=terms("yes"))), is_gone=True), [Question.GONE]),
    ],
)
def test_what_is_open_about_a_file_is_asked(each: Delivery, questions: list[Question]) -> None:
    assert list(each.questions) == questions
    assert len(summary([each, each])) == len(questions) and all("2" in text for text in summary([each, each]))
    row = rights.as_row(each)
    assert bool(row["open_questions"]) is bool(questions)


def test_the_summary_counts_the_worst_first() -> None:
    files = [delivery(source())] * 3 + [delivery(source(terms=terms("no")), opinion=None)]
    assert summary(files) == [
        "1 file may not be used commercially.",
        "3 files have unknown commercial terms.",
        "1 file was approved by nobody.",
    ]


def kept_terms(cast: Cast, commercial: str) -> None:
    """What the provider's file said when the takes were ordered."""
    with cast.studio._store.write() as tx:
        for row in tx.all("select sha256, content from provider_snapshot"):
            content = json.loads(row["content"])
            told = {"url": "https://acme.example/terms", "commercial": commercial, "checked_on": "2026-11-01"}
            content |= {"is_play": False, "terms": {**told, "disclosure": "Say that it is AI."}}
            content["models"] = [{**model, "terms": content["terms"]} for model in content["models"]]
            tx.all("update provider_snapshot set content = $1 where sha256 = $2", json.dumps(content), row["sha256"])


def test_the_rights_sheet_tells_terms_of_the_day_inputs_and_who_approved(cast: Cast, tmp_path: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film")
    path = tmp_path / "rights.docx"
    assert alice.export_rights(project, path).remarks == ("No headliner has been picked yet.",)
    assert alice.export_rights(project, path, which="round").remarks[0].startswith("No round has been published")
    one, two = alice.create_boxes(project, ["one", "two"])
    made: Any = arrived(cast.studio, alice, one)
    Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.png")
    hashed = hashlib.sha256((tmp_path / "photo.png").read_bytes()).hexdigest()
    photo = alice.upload(two, tmp_path / "photo.png", rights=Rights(owner="Anna Lvova", note="=see contract")).take
    with cast.studio._store.write() as tx:
        tx.all(
            "insert into asset_input (asset_id, source_asset_id, role, position) values ($1, $2, 'first_frame', 0)",
            made.id,
            photo.id,
        )
    alice.set_headliner(one, made)
    alice.set_headliner(two, photo)
    kept_terms(cast, "unknown")
    alice.publish_round(project)
    alice.give_verdict(one, Opinion.APPROVED)
    written = alice.export_rights(project, path, which="round")
    assert written.name == "Film rights.docx"
    assert written.remarks == (
        "1 file has unknown commercial terms.",
        "1 upload is without an owner or a licence.",
        "1 file was made from something whose rights are unknown or restricted.",
        "1 file was approved by nobody.",
    )
    read = docx.Document(str(path))
    _facts, told, files = read.tables
    assert "• 1 file has unknown commercial terms." in told.rows[0].cells[0].text
    text = [[cell.text for cell in row.cells] for row in files.rows]
    assert f"010_{made.id.hex[:8]}.png" in text[1][0] and "sha256 UNKNOWN" in text[1][0]
    assert "terms: https://acme.example/terms, as of 1 Nov 2026" in text[1][1] and "UNKNOWN" in text[1][1]
    assert "disclosure: Say that it is AI." in text[1][1]
    assert f"owner: Anna Lvova; licence: UNKNOWN; =see contract; sha256 {hashed}" in text[1][2]
    assert "approved: alice, " in text[1][3] and "round 1, member of the project" in text[1][3]
    assert text[2][3] == "NOBODY"
    kept_terms(cast, "yes")
    written = alice.export_rights(project, tmp_path / "rights.csv", which="headliners", as_table=True)
    assert not any("commercial" in remark for remark in written.remarks)
    with (tmp_path / "rights.csv").open(encoding="utf-8-sig", newline="") as file:
        rows: list[Mapping[str, str]] = list(csv.DictReader(file))
    assert [row["commercial_use"] for row in rows] == ["yes", ""]
    assert rows[1]["sha256"] == hashed and rows[1]["note"] == "'=see contract"
    assert rows[0]["inputs"].startswith("first frame: 020 two, take 1, uploaded; owner: Anna Lvova")


def test_a_review_links_approval_names_the_link_and_a_take_that_is_gone_is_said(cast: Cast, tmp_path: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film")
    box = alice.create_box(project, "one")
    take: Any = arrived(cast.studio, alice, box)
    alice.set_headliner(box, take)
    round = alice.publish_round(project)
    review = cast.studio.review(alice.create_link(project, "Studio Nord", can_approve=True).token, browser="hers")
    review.visit()
    review.give_verdict(box, round, Opinion.APPROVED, name="Anna")
    alice.give_verdict(box, Opinion.CHANGES_WANTED)
    alice.add_comment(take, "softer", visibility=Visibility.CLIENT)
    with cast.studio._store.write() as tx:
        tx.all("update asset set purged_at = created_at, file_key = null where id = $1", take.id)
    remarks = alice.export_rights(project, tmp_path / "r.docx").remarks
    assert "Changes are wanted in 1 file." in remarks and "1 file is not there any more." in remarks
    assert "1 file is a stand-in of the sandbox." in remarks
    judged = docx.Document(str(tmp_path / "r.docx")).tables[-1].rows[1].cells[3].text
    assert "approved: Anna, " in judged and "round 1, link “Studio Nord”" in judged
    alice.export_docx(project, tmp_path / "f.docx", verdicts=True)
    text = docx.Document(str(tmp_path / "f.docx")).tables[-1].rows[1].cells[0].text
    assert "changes wanted by alice (round 1)" in text and "approved by Anna (round 1)" in text
