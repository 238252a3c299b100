"""Shots from tables: what people's spreadsheets hold, what is wrong in them, and all of it or nothing."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from conftest import Cast, let_in
from hypothesis import given
from hypothesis import strategies as st

from apom.cli import main
from apom.config import LIMITS, Settings
from apom.errors import Invalid, NotAllowed, NotFound, TooLarge
from apom.export import tables as exported_tables
from apom.export import workbook as exported_book
from apom.models import Box, BoxKind, Project, Role, ShotTable
from apom.shot_lists import HEADINGS, listed, seconds
from apom.spreadsheet import decoded, tables
from apom.studio import Studio, Workspace

HEAD = "Code;Name;Section;Prompt;Line;Notes;Kind;Duration;In;Out;Assignee"
ROW = '010;Harbour;Scene 1;"harbour; at ""dawn""\nsoft light";“Aye.”;early;shot;2,5;0:01;00:00:03:12;Alice'


@pytest.fixture
def project(cast: Cast) -> Project:
    return cast.alice.create_project("Film")


def book(fill: Callable[[Any, Any], None]) -> bytes:
    """A workbook with one sheet, as XlsxWriter writes it."""
    content = BytesIO()
    with xlsxwriter.Workbook(content) as made:
        fill(made, made.add_worksheet("Shots"))
    return content.getvalue()


def sheet(*rows: list[object]) -> bytes:
    """A workbook with these rows, as openpyxl writes it."""
    made, content = openpyxl.Workbook(), BytesIO()
    for row in rows:
        made.active.append(row)
    made.save(content)
    return content.getvalue()


def stored(ws: Workspace, project: Project) -> list[tuple[str, str]]:
    return [(box.code, box.name) for box in ws.get_project_boxes(project)]


def problems(plan: ShotTable) -> dict[int, list[str]]:
    return {row.row: list(row.problems) for row in plan.of("refused")}


# what a row says


def test_every_column_is_read_by_its_heading(cast: Cast, project: Project):
    plan = cast.alice.plan_shots(project, f"{HEAD}\r\n{ROW}\r\n".encode())
    assert stored(cast.alice, project) == []
    assert (plan.columns, plan.unread) == (dict(zip(HEADINGS, HEAD.split(";"), strict=True)), ())
    (box,) = cast.alice.import_shots(project, f"{HEAD}\r\n{ROW}\r\n".encode())
    (row,) = plan.rows
    assert (row.row, row.outcome, row.code, row.name, row.problems) == (2, "new", "010", "Harbour", ())
    assert (box.code, box.name, box.section, box.kind, box.order_index) == (
        "010",
        "Harbour",
        "Scene 1",
        BoxKind.SHOT,
        0,
    )
    assert (box.prompt_text, box.line, box.notes) == ('harbour; at "dawn"\nsoft light', "“Aye.”", "early")
    assert (box.duration_s, box.in_s, box.out_s, box.assignee_name) == (2.5, 1, 3.5, "alice")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(delimiter: str, encoding: str, end: str):
    rows = (
        ("№", "Название", "Сцена", "Реплика"),
        ("010", "Гавань", "Первая", '"Так, идём; пора."'),
        ("", "Ёлка", "", ""),
    )
    quoted = [['"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in row] for row in rows]
    text = end.join(delimiter.join(row) for row in quoted)
    found = listed(text.encode(encoding))
    assert found.columns == {"code": 0, "name": 1, "section": 2, "line": 3}
    assert [list(row.cells) for row in found.rows] == [list(row) for row in rows[1:]]


def test_western_code_pages_too():
    text = "Code;Name\n010;Größe\n020;Château à Orléans\n030;Niño, Öl, naïve"
    assert decoded(text.encode("cp1252")) == decoded(text.encode()) == text


def test_cells_as_they_are_copied_from_a_spreadsheet(cast: Cast, project: Project):
    text = 'Code\tName\tLine\n010\tOne\t"two\nlines"\n020\t"Aye," he says\t5" tall\n'
    one, two = cast.alice.import_shots(project, text.encode())
    assert (one.line, two.name, two.line) == ("two\nlines", '"Aye," he says', '5" tall')


def test_titles_above_the_headings_and_columns_of_others_are_passed_over(cast: Cast, project: Project):
    text = "Lighthouse, third draft\n\nCode,Camera,Name\n010,dolly,One\n,,\n020,crane,Two\n"
    plan = cast.alice.plan_shots(project, text.encode())
    assert [(row.row, row.code, row.name) for row in plan.rows] == [(4, "010", "One"), (6, "020", "Two")]
    assert plan.unread == ("Camera",)


def test_a_shot_without_a_name_is_called_by_its_words_or_its_code(cast: Cast, project: Project):
    text = "Code,Prompt,Line\n,harbour at dawn,\n,,Aye.\nA-1,,\n,%s,\n" % ("word " * 30)
    made = cast.alice.import_shots(project, text.encode())
    assert [box.name for box in made] == ["harbour at dawn", "Aye.", "A-1", ("word " * 12).strip()]
    assert [box.code for box in made] == ["010", "020", "A-1", "030"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2", 2),
        ("2.5", 2.5),
        ("2,5 s", 2.5),
        ("3 сек.", 3),
        ("0:05", 5),
        ("1:02.5", 62.5),
        ("1:00:01", 3601),
        ("00:00:02:12", 2.5),
    ],
)
def test_lengths_as_people_write_them(text: str, found: float):
    assert seconds(text, 24) == found


@given(st.text(max_size=30))
def test_no_length_breaks_the_reading(text: str):
    with suppress(Invalid):
        assert seconds(text, 25) >= 0


# what is wrong


def test_each_problem_is_said_at_its_row_and_nothing_is_stored(cast: Cast, project: Project):
    rows = [
        "010;fine;;;;;;;;;",
        "a code!;x;;;;;;;;;",
        "030;x;;;;;sequence;;;;",
        "040;x;;;;;;soon;3;2;",
        "050;x;;;;;;;;;mallory",
        "10;again;;;;;;;;;",
        ";;Scene 2;;;;;;;;",
        f"070;{'x' * 121};;;;;;;;;",
        "080;x;;;;;;;3;2;",
        f"090;x;;{'x' * 20_001};;;;90000;;;",
    ]
    content = "\n".join([HEAD, *rows]).encode()
    plan = cast.alice.plan_shots(project, content)
    found = problems(plan)
    assert [row.outcome for row in plan.rows] == ["new", *["refused"] * 9]
    assert found == {
        3: ["“a code!” is no code. Use up to 16 letters, digits, dots and dashes, such as 010 or A-20."],
        4: ["“sequence” is no kind of shot. Write shot, reference or cut."],
        5: [
            "“soon” is no length. Write seconds, such as 2.5, or 0:05.",
            "In has to come before out. Move one of them.",
        ],
        6: ["mallory is not in this project. Let them in first, or leave this column out."],
        7: ["Shot 10 stands in row 2 already."],
        8: ["Nothing here names a shot. Give it a code or a name, or delete the row."],
        9: ["Name has at most 120 characters."],
        10: ["In has to come before out. Move one of them."],
        11: ["Prompt text has at most 20000 characters.", found[11][1]],
    }
    assert found[11][1].startswith("Duration s cannot be used")
    with pytest.raises(Invalid, match="Nothing was stored") as refused:
        cast.alice.import_shots(project, content)
    assert "3: “a code!” is no code." in str(refused.value)
    assert "And 3 more." in str(refused.value)
    assert stored(cast.alice, project) == []


def test_problems_speak_the_readers_language(cast: Cast, project: Project):
    russian = cast.studio.workspace(cast.alice.actor.model_copy(update={"language": "ru"}))
    (problem,) = russian.plan_shots(project, "Код;Имя\nкод!;x".encode()).rows[0].problems
    assert problem.startswith("«код!»")


def test_a_column_is_left_out(cast: Cast, project: Project):
    content = b"Code;Name;Assignee;Prompt\n010;One;mallory;x"
    (box,) = cast.alice.import_shots(project, content, leave_out=["assignee", "Prompt"])
    assert (box.name, box.assignee_id, box.prompt_text) == ("One", None, "")
    with pytest.raises(Invalid, match="There is no column nonsense") as refused:
        cast.alice.plan_shots(project, content, leave_out=["nonsense"])
    assert refused.value.field == "leave_out"
    with pytest.raises(Invalid, match="None of the columns names a shot"):
        cast.alice.plan_shots(project, content, leave_out=["code", "name", "prompt"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "No row with headings"),
        (b"\n \n;;\n", "No row with headings"),
        (b"\xef\xbb\xbf", "No row with headings"),
        (b"harbour;storm\nx;y", "No row with headings"),
        (b"Code;Name\n\n;\n", "Below the headings there is no row"),
        (b"\x89PNG\r\n\x1a\n\0\0", "This is no table"),
        (b"PK\x03\x04 and no more", "This is no Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "has a password, or it is in Excel's old format"),
        (sheet(), "No row with headings"),
        (sheet(["Code", "Name"]), "Below the headings there is no row"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(content: bytes, says: str):
    with pytest.raises(Invalid, match=says):
        listed(content)


def test_files_that_cannot_be_read(cast: Cast, project: Project, tmp_path: Path):
    with pytest.raises(Invalid, match="cannot be read"):
        cast.alice.import_shots(project, tmp_path / "nothing.csv")
    (tmp_path / "shots.csv").write_bytes(b"Code,Name\n010,One")
    assert len(cast.alice.import_shots(project, tmp_path / "shots.csv")) == 1
    with pytest.raises(TooLarge):
        cast.alice.plan_shots(project, b"x" * (LIMITS.table_bytes + 1))


# how many


def test_a_hundred_thousand_rows_are_refused_at_once(cast: Cast, project: Project):
    text = "Code;Name\n" + "".join(f"S{i};shot {i}\n" for i in range(100_000))
    rows = book(
        lambda _, page: [page.write_row(i, 0, ["Code", "Name"] if not i else ["", f"shot {i}"]) for i in range(3000)]
    )
    begun = time.process_time()
    for content in (text.encode(), rows):
        with pytest.raises(Invalid, match=f"at most|may have {LIMITS.shots_at_once} shots"):
            cast.alice.import_shots(project, content)
    assert time.process_time() - begun < 5
    assert stored(cast.alice, project) == []


def test_as_many_as_are_allowed_come_in_together(cast: Cast, project: Project):
    text = "Name\n" + "".join(f"shot {i}\n" for i in range(LIMITS.shots_at_once))
    made = cast.alice.import_shots(project, text.encode())
    assert [box.order_index for box in made] == list(range(LIMITS.shots_at_once))
    assert made[-1].code == f"{LIMITS.shots_at_once * 10}"


# what is here already


def test_what_is_here_stays_or_is_changed_where_a_cell_says_something(cast: Cast, project: Project):
    alice = cast.alice
    old = alice.create_box(project, "Harbour", code="010", prompt_text="dawn", notes="keep me")
    same = alice.create_box(project, "Storm", code="020")
    content = b"code,name,prompt,notes\n10,Harbour,dusk,\n020,Storm,,\n030,Night,,"
    assert [row.outcome for row in alice.plan_shots(project, content).rows] == ["here", "here", "new"]
    plan = alice.plan_shots(project, content, update=True)
    assert [(row.outcome, row.code, row.fields) for row in plan.rows] == [
        ("changed", "010", {"prompt_text": "dusk"}),
        ("same", "020", {}),
        ("new", "030", {"name": "Night", "code": "030"}),
    ]
    changed, new = alice.import_shots(project, content, update=True)
    assert (changed.id, changed.prompt_text, changed.notes, new.code) == (old.id, "dusk", "keep me", "030")
    assert alice.box(same).updated_at == same.updated_at
    assert alice.import_shots(project, content, update=True) == ()
    assert alice.import_shots(project, content) == ()


def test_a_kind_stays_and_other_kinds_come_in(cast: Cast, project: Project):
    cast.alice.create_box(project, "Harbour", code="010")
    (problem,) = problems(cast.alice.plan_shots(project, b"code,kind\n010,reference", update=True))[2]
    assert problem.startswith("010 is no shot of this kind here")
    made = cast.alice.import_shots(project, "code,name,kind\nc1,Keeper,Референс\n020,Next,кадр\nm1,Cut,cut".encode())
    assert [(box.kind, box.order_index) for box in made] == [
        (BoxKind.REFERENCE, None),
        (BoxKind.SHOT, 1),
        (BoxKind.CUT, None),
    ]


def test_a_trim_is_judged_with_what_is_there(cast: Cast, project: Project):
    cast.alice.create_box(project, "Harbour", code="010", in_s=3)
    assert problems(cast.alice.plan_shots(project, b"code,out\n010,2", update=True))[2] == [
        "In has to come before out. Move one of them."
    ]


def test_codes_that_differ_by_zeros_alone_are_each_their_own(cast: Cast, project: Project):
    for code in ("10", "010"):
        cast.alice.create_box(project, f"is {code}", code=code)
    content = b"code,notes\n010,a\n10,b"
    made = cast.alice.import_shots(project, content, update=True)
    assert [(box.name, box.notes) for box in made] == [("is 010", "a"), ("is 10", "b")]


def test_two_at_once_make_each_shot_once(cast: Cast, project: Project):
    content = b"Code,Name\n" + b"".join(b"S%d,x\n" % i for i in range(20))
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(cast.alice.import_shots, project, content) for _ in range(4)]
    assert sorted(len(each.result()) for each in made) == [0, 0, 0, 20]
    boxes = cast.alice.get_project_boxes(project)
    assert [box.order_index for box in boxes] == list(range(20))


# workbooks


def test_workbooks_of_other_programs(cast: Cast, project: Project):
    content = sheet(
        ["Code", "Name", "Duration", "Notes"], ["010", "Гавань", 2.5, True], [20, "Storm", None, datetime(2026, 1, 2)]
    )
    one, two = cast.alice.import_shots(project, content)
    assert (one.code, one.name, one.duration_s, one.notes) == ("010", "Гавань", 2.5, "yes")
    assert (two.code, two.duration_s, two.notes) == ("20", None, "2026-01-02")


def test_a_formula_gives_what_the_workbook_says_it_gave_and_else_is_a_problem(cast: Cast, project: Project):
    def fill(_: Any, page: Any) -> None:
        page.write_row(0, 0, ["Code", "Name", "Duration"])
        page.write_formula(1, 0, '="0"&"10"', None, "010")
        page.write_string(1, 1, '=HYPERLINK("http://evil.example")')
        page.write_formula(1, 2, "=1+1", None, 2)
        page.write_row(2, 0, ["020", "Broken"])
        page.write_formula(2, 2, "=1/0", None, "#DIV/0!")

    plan = cast.alice.plan_shots(project, book(fill))
    assert plan.rows[0].fields == {
        "code": "010",
        "name": '=HYPERLINK("http://evil.example")',
        "duration_s": 2.0,
    }
    assert problems(plan) == {3: ["The formula under Duration has no value. Write what it gives into the cell."]}
    never = sheet(["Code", "Name"], ["010", "=A1"])  # openpyxl works nothing out
    assert problems(cast.alice.plan_shots(project, never)) == {
        2: ["The formula under Name has no value. Write what it gives into the cell."]
    }


def test_merged_cells_name_the_section_of_all_their_rows(cast: Cast, project: Project):
    def fill(_: Any, page: Any) -> None:
        page.merge_range("A1:D1", "Shot list")
        page.write_row(1, 0, ["Section", "Code", "Name", "Line"])
        page.merge_range("A3:A4", "Scene 1")
        page.write_row(2, 1, ["010", "One"])
        page.write_row(3, 1, ["020", "Two"])
        page.merge_range("A5:D5", "ACT II")
        page.write_row(5, 1, ["030", "Three"])
        page.merge_range("C7:C8", "One name")
        page.write_row(6, 1, ["040"])
        page.write_row(7, 1, ["050"])

    made = cast.alice.import_shots(project, book(fill))
    assert [(box.section, box.code, box.name) for box in made] == [
        ("Scene 1", "010", "One"),
        ("Scene 1", "020", "Two"),
        ("ACT II", "030", "Three"),
        ("ACT II", "040", "One name"),
        ("ACT II", "050", "050"),
    ]


def test_a_time_is_what_one_sees_in_its_cell(cast: Cast, project: Project):
    def fill(made: Any, page: Any) -> None:
        page.write_row(0, 0, ["Name", "Duration"])
        for line, (value, code) in enumerate(
            ((5 / 86_400, "h:mm:ss"), (5 / 1_440, "h:mm"), (5 / 86_400, "mm:ss.0"), (5, '0.0" s"'), (5, "[Red]0")), 1
        ):
            page.write_string(line, 0, f"shot {line}")
            page.write_number(line, 1, value, made.add_format({"num_format": code}))

    assert {box.duration_s for box in cast.alice.import_shots(project, book(fill))} == {5.0}


def test_the_sheet_with_the_headings_is_found_and_hidden_ones_are_not_read(cast: Cast, project: Project):
    def fill(made: Any, page: Any) -> None:
        page.write_row(0, 0, ["Budget", "what it costs"])
        hidden, right = made.add_worksheet("old"), made.add_worksheet("list")
        for each, name in ((hidden, "hidden"), (right, "seen")):
            each.write_row(0, 0, ["Code", "Name", "Prompt"])
            each.write_row(1, 0, ["010", name, "x"])
        hidden.hide()

    assert [box.name for box in cast.alice.import_shots(project, book(fill))] == ["seen"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_what_we_export_comes_in_again(cast: Cast, project: Project, tmp_path: Path, language: str):
    alice = cast.studio.workspace(cast.alice.actor.model_copy(update={"language": language}))
    alice.import_shots(project, f"{HEAD}\n{ROW}\n020;=danger;;'quoted;-5;;;;;;\n030;Cast;;;;;;;;;".encode())
    before = alice.get_project_boxes(project)
    fields = ("code", "name", "section", "prompt_text", "line", "notes", "duration_s")
    for path in (
        alice.export_csv(project, tmp_path / "shots.csv"),
        alice.export_xlsx(project, tmp_path / "shots.xlsx"),
    ):
        there = alice.plan_shots(project, Path(str(getattr(path, "path", path))), update=True)
        assert {row.outcome for row in there.rows} == {"same"}, there
        other = alice.create_project("Copy")
        alice.import_shots(other, Path(str(getattr(path, "path", path))))
        assert [[getattr(box, name) for name in fields] for box in alice.get_project_boxes(other)] == [
            [getattr(box, name) for name in fields] for box in before
        ]


def test_every_heading_of_our_tables_is_known():
    known = set(listed(";".join(exported_tables.SHOTS).encode() + b"\n010").columns)
    titled = ";".join(exported_book.TITLES[name] for name in exported_tables.SHOTS)
    assert known == set(listed(titled.encode() + b"\n010").columns)
    assert known == {"code", "name", "section", "line", "notes", "duration_s", "prompt_text"}


def test_headings_as_people_write_them():
    for text, found in (
        ("Shot #;Scene #;Shot Description;Duration (sec);IN", ["code", "section", "prompt_text", "duration_s", "in_s"]),
        (
            "№ кадра;Сцена;Описание кадра;Хронометраж, сек.;Диалог",
            ["code", "section", "prompt_text", "line", "duration_s"],
        ),
        ("Номер;Shot number;Имя", ["code", "name"]),
        ("Shot;Code;Type", ["code", "name", "kind"]),
    ):
        assert list(listed(f"{text}\n010;x;x;x".encode()).columns) == found


# hostile files


def repacked(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    changed = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return changed.getvalue()


SMALL = sheet(["Code", "Name"], ["010", "One"])
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("much", [b" " * LIMITS.table_unpacked_bytes, b"<row>" + b"<c/>" * 1_400_000 + b"</row>"])
def test_a_workbook_is_unpacked_to_a_limit(much: bytes):
    bomb = repacked(SMALL, SHEET, lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + much))
    assert len(bomb) < 100_000
    begun = time.process_time()
    with pytest.raises(TooLarge, match="Unpacked, this workbook has more than 64 MB"):
        listed(bomb)
    assert time.process_time() - begun < 10


def test_a_workbook_with_a_document_type_or_too_many_parts_is_refused(cast: Cast, project: Project):
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    typed = repacked(SMALL, SHEET, lambda xml: xml.replace(b"<worksheet", laughs + b"<worksheet", 1))
    with pytest.raises(Invalid, match="This is no Excel workbook"):
        cast.alice.plan_shots(project, typed)
    many = BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for i in range(5_001):
            archive.writestr(str(i), b"")
    with pytest.raises(TooLarge, match="too many parts"):
        cast.alice.plan_shots(project, many.getvalue())


def test_cells_far_to_the_right_and_far_below_cost_nothing(cast: Cast, project: Project):
    far = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>x</t></is></c><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    plan = cast.alice.plan_shots(project, repacked(SMALL, SHEET, lambda xml: xml.replace(b"</sheetData>", far)))
    assert [row.row for row in plan.rows] == [2, 1048576]


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_no_bytes_do_more_than_raise_a_sentence(noise: bytes, at: int):
    for content in (noise, SMALL[: at % len(SMALL)] + noise + SMALL[at % len(SMALL) :], HEAD.encode() + b"\n" + noise):
        try:
            for rows in tables(content, 10):
                assert len(rows) <= 11
        except (Invalid, TooLarge):
            pass


# who


def test_only_who_may_edit_brings_shots_in(cast: Cast, project: Project):
    content = b"Code,Name\n010,One"
    let_in(cast.alice, project, "victor")
    for ask in ("plan_shots", "import_shots"):
        with pytest.raises(NotFound):
            getattr(cast.bob, ask)(project, content)
        with pytest.raises(NotAllowed):
            getattr(cast.victor, ask)(project, content)
    let_in(cast.alice, project, "victor", Role.EDITOR)
    (box,) = cast.victor.import_shots(project, content)
    assert box.created_by == cast.victor.actor.user_id
    assert isinstance(box, Box)


def test_an_assignee_is_known_by_the_project_alone(cast: Cast, project: Project):
    (problem,) = problems(cast.alice.plan_shots(project, b"name,assignee\nOne,bob"))[2]
    assert problem == "bob is not in this project. Let them in first, or leave this column out."


def test_the_board_hears_of_it(cast: Cast, project: Project):
    heard: list[Any] = []
    publish = cast.studio.hub.publish
    cast.studio.hub.publish = lambda *events: (heard.extend(events), publish(*events))[1]  # type: ignore[method-assign]
    cast.alice.import_shots(project, b"Name\nOne")
    assert [event.type for event in heard] == ["boxes_changed"]
    assert cast.alice.project(project).boxes_count == 1
    assert cast.alice.box(cast.alice.get_project_boxes(project)[0]).created_at.tzinfo is UTC


def test_the_command_line_shows_a_table_and_brings_it_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
        studio.register("alice", "seven tall ships at dawn")
        studio.workspace(studio.accounts.acting("alice")).create_project("Lighthouse")
    (tmp_path / "shots.csv").write_text("Code;Name;Camera;Assignee\n010;Harbour;dolly;mallory\n020;Storm;;\n")
    command = ["shots", "import", str(tmp_path / "shots.csv"), "--project", "lighthouse"]
    command += ["--data-dir", str(tmp_path / "data")]
    assert main([*command, "--dry-run"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2    010   refused  Harbour mallory is not in this project. Let them in first, or leave this column out.",
        "3    020   new      Storm",
        "Not read: Camera",
        "1 new, 1 cannot be used",
    ]
    assert main(command) == 1
    assert "Nothing was stored." in capsys.readouterr().err
    assert main([*command, "--leave-out", "assignee", "--json"]) == 0
    assert [row["outcome"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["new", "new"]
    assert main([*command, "--leave-out", "assignee"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 here already, left alone"
