"""apom in a notebook or a script: the way in, how records look, tables, waiting."""

from __future__ import annotations

import _thread
import getpass
import inspect
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_origin, get_type_hints

import pandas as pd
import pytest
from conftest import Cast, let_in, person
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from pydantic import TypeAdapter

import apom
from apom import testing, waiting
from apom.config import LIMITS
from apom.errors import Invalid, NotFound, NotSignedIn, StoreBusy, Unavailable
from apom.models import (
    Asset,
    AssetType,
    Box,
    Member,
    Page,
    Project,
    Rows,
    SourceType,
    Status,
    Take,
    new_id,
)
from apom.notebook import OpenStudio, cards, drawing, ipython, progress
from apom.notebook.pictures import Pictures
from apom.studio import Workspace

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "seven tall ships at dawn"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEAVY = "streamlit pandas boto3 duckdb PIL av httpx fastapi apscheduler numpy argon2 tqdm markupsafe IPython pydantic"


def take(status: Status = Status.COMPLETED, **fields: Any) -> Asset:
    return Asset(
        **{
            "id": new_id(),
            "project_id": new_id(),
            "box_id": new_id(),
            "number": 1,
            "asset_type": AssetType.IMAGE,
            "source_type": SourceType.GENERATED,
            "status": status,
            "created_by": new_id(),
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


# the way in


def test_import_apom_loads_nothing_and_takes_no_time() -> None:
    code = f"""
import sys, time
began = time.process_time()
import apom
spent = time.process_time() - began
assert not [name for name in {HEAVY.split()} if name in sys.modules], sys.modules.keys()
assert {{"open", "connect", "show", "save"}} <= set(dir(apom))
print(spent * 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) <= 150, "ms of CPU"


def test_what_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = apom.opne  # type: ignore[attr-defined]


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Somebody types these at the prompts; the prompts."""
    asked: list[str] = []
    rest = iter(words)

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return next(rest)

    monkeypatch.setattr(getpass, "getpass", answer)
    return asked


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStudio]:
    """A studio in a folder, opened as a person does."""
    monkeypatch.delenv("APOM_TOKEN", raising=False)
    with apom.open(tmp_path / "films") as studio:
        yield studio
    waiting.show_with(waiting.nullcontext)


def test_the_same_folder_opened_again_is_the_same_studio_until_it_is_closed(door: OpenStudio, tmp_path: Path) -> None:
    assert apom.open(str(tmp_path / "films")) is door
    door.close()
    door.close()
    with apom.open(tmp_path / "films") as again:
        assert again is not door and again.health().store
    assert repr(door) == f"<apom in {tmp_path / 'films'}, closed>"


def test_a_named_folder_has_its_own_store_whatever_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APOM_DATA_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("APOM_DATABASE_URL", f"duckdb:///{tmp_path}/work.duckdb")
    with apom.open(tmp_path / "play"), apom.open() as work:
        assert (tmp_path / "play" / "apom.duckdb").exists() and (tmp_path / "work.duckdb").exists()
        assert apom.open(tmp_path / "work") is work


def test_another_working_directory_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with apom.open("films") as door:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert repr(door) == f"<apom in {tmp_path / 'films'}>" and apom.open(tmp_path / "films") is door


def test_a_star_import_leaves_pythons_own_open_alone() -> None:
    names: dict[str, object] = {}
    exec("from apom import *", names)
    assert "open" not in names and names["show"] is apom.show


def test_a_store_held_by_something_that_is_no_server_is_said(tmp_path: Path) -> None:
    code = "import sys, apom; apom.open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match=f"process {holder.pid}"):
            apom.open(tmp_path)
        holder.communicate()
    assert holder.returncode == 0, "it is closed when Python ends"


def test_register_and_login_ask_for_what_must_not_stand_in_a_cell(
    door: OpenStudio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = typed(monkeypatch, PASSWORD, "seven tall ships at dusk", PASSWORD, PASSWORD, PASSWORD)
    with pytest.raises(Invalid, match="differ"):
        door.register("alice")
    alice = door.register("alice")
    assert door.login("alice").actor.user_id == alice.actor.user_id
    assert asked == ["A new password: ", "Once more: "] * 2 + ["Password: "]
    assert PASSWORD not in repr(door) + repr(alice) + "".join(capsys.readouterr())


def test_a_token_opens_without_a_question(door: OpenStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = door.register("alice", password=PASSWORD)
    _, secret = alice.create_token("notebook")
    assert door.login(token=secret).actor.username == "alice"
    monkeypatch.setenv("APOM_TOKEN", secret)
    assert door.login().actor.username == "alice"
    with pytest.raises(NotSignedIn, match="Make a token"):
        door.login(token=secret + "x")
    monkeypatch.delenv("APOM_TOKEN")
    with pytest.raises(Invalid, match="APOM_TOKEN"):
        door.login()


def test_where_nobody_can_type_it_says_what_to_do(tmp_path: Path) -> None:
    code = f"import apom; apom.open({str(tmp_path)!r}).register('alice')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert "Nobody can type a password here" in done.stderr and "GetPassWarning" not in done.stderr


def test_closing_ends_the_sessions_and_leaves_the_tokens(tmp_path: Path) -> None:
    with apom.open(tmp_path) as door:
        alice = door.register("alice", password=PASSWORD)
        _, secret = alice.create_token("notebook")
        door.login(token=secret)
    with apom.open(tmp_path) as door:
        assert len(door.login(token=secret).sessions()) == 0


def test_a_dashboard_that_runs_is_gone_through_and_its_end_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with testing.server(tmp_path) as server:
        door = apom.open(tmp_path)
        assert server.url in capsys.readouterr().out
        project = door.register("alice", password=PASSWORD).create_project("The lighthouse")
        assert apom.open(tmp_path) is door
        with apom.connect(server.url, door.login("alice", password=PASSWORD).create_token("laptop")[1]) as laptop:
            assert laptop.project(project) == project
            assert "The lighthouse" in str(apom.show(laptop.projects()))
        assert "The lighthouse" in str(apom.show(project)), "a closed connection is passed over"
    with apom.open(tmp_path) as here:
        assert here is not door and "through" not in repr(here)
        assert here.login("alice", password=PASSWORD).project(project).name == "The lighthouse"


# lists and tables


def test_rows_are_a_tuple_for_everything_that_knows_tuples(cast: Cast) -> None:
    project = cast.alice.create_project("The lighthouse")
    let_in(cast.alice, project, "victor")
    members = cast.alice.members(project)
    as_tuple = TypeAdapter(tuple[Member, ...])
    as_rows = TypeAdapter(Rows[Member])
    assert members == tuple(members) and hash(members) == hash(tuple(members))
    assert as_tuple.dump_json(members) == as_rows.dump_json(members)
    assert as_tuple.json_schema() == as_rows.json_schema()
    assert as_rows.validate_json(as_rows.dump_json(members)).df().equals(members.df())
    assert members[:1].df().equals(members.df()[:1]) and isinstance(members[0], Member)


def test_every_list_of_a_workspace_can_be_a_frame() -> None:
    methods = {name: it for name, it in inspect.getmembers(Workspace, callable) if not name.startswith("_")}
    answers = {name: get_type_hints(method).get("return") for name, method in methods.items()}
    bare = [name for name, answer in answers.items() if get_origin(answer) is tuple and ... in get_args(answer)]
    lists = {name for name, answer in answers.items() if hasattr(answer, "df")}
    assert bare == [] and lists >= set(
        "projects members get_project_boxes models sessions tokens links queue wait".split()
    )


def test_an_empty_list_has_the_columns_of_a_full_one(cast: Cast) -> None:
    empty, project = cast.bob.projects(), cast.alice.create_project("The lighthouse")
    assert list(empty.df().columns) == list(cast.alice.projects().df().columns) and len(empty.df()) == 0
    boxes = cast.alice.get_project_boxes(project).df()
    assert "code" in boxes and boxes.dtypes.equals(cast.alice.create_boxes(project, ["Harbour"]).df().dtypes)


def test_columns_have_types_to_reckon_with(cast: Cast) -> None:
    box = cast.alice.create_box(cast.alice.create_project("The lighthouse"), "Harbour")
    ordered = cast.alice.generate(box, "harbour at dawn", n=2)
    frame = cast.alice.get_box_assets(box).df()
    assert frame["created_at"].dtype == pd.DatetimeTZDtype("us", "UTC") == frame["trashed_at"].dtype
    assert pd.api.types.is_string_dtype(frame["id"]) and set(frame["id"]) == {str(take.id) for take in ordered}
    assert set(frame["status"]) == {"PENDING"} and frame["parent_asset_id"].isna().all()
    assert frame["seed"].dtype == "Int64" and frame["width"].isna().all() and frame["is_favorite"].dtype == bool
    assert not [name for name in frame if "key" in name or "placeholder" in name]


def test_what_has_parts_stays_an_object() -> None:
    full = take(generation_config={"seed": 7, "loras": [{"name": "ink"}]}, tags=("a", "b"))
    frame = Rows([full], Asset).df()
    assert frame["generation_config"][0] == {"seed": 7, "loras": [{"name": "ink"}]}
    assert frame["tags"][0] == ["a", "b"] and frame["inputs"][0] == []
    assert Page(items=(full,)).df().equals(frame) and Page(items=()).df().empty


# how records look


class Reader(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.sources: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name in ("src", "poster")]

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = set("div style figure figcaption img b p span".split())
EVIL = st.text(min_size=1) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{name} {0}",
        "</style><b onclick=x>",
        "&lt;b&gt;",
        "%s",
    ]
)


@given(words=EVIL)
def test_what_people_write_is_never_markup(words: str) -> None:
    nobody = Pictures([])
    box = Box.model_construct(project_id=new_id(), name=words, code=words)
    project = Project.model_construct(name=words)
    failed = take(Status.FAILED, error_message=words, ai_model=words, prompt_text=words)
    drawn = [
        cards.take_card(failed, nobody),
        cards.take_tile(failed, nobody),
        cards.box_tile(box, nobody),
        cards.project_tile(project, [], nobody),
    ]
    for html in drawn:
        seen = Reader(str(html))
        assert seen.tags <= OURS and seen.attributes <= {"class", "alt", "width", "src"}
        assert words in seen.text


def test_a_table_shows_what_people_write_as_it_is(cast: Cast) -> None:
    project = cast.alice.create_project("The lighthouse")
    cast.alice.create_link(project, "<script>alert(1)</script>")
    html = str(apom.show(cast.alice.links(project)))
    assert "&lt;script&gt;" in html and "script" not in Reader(html).tags


@dataclass(frozen=True, kw_only=True)
class House:
    """alice's shot with two pictures and a clip, made for real."""

    door: OpenStudio
    alice: Workspace
    box: Box
    pictures: Rows[Take]
    clip: Take


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APOM_SANDBOX_IMAGE_S", "0.1")
        patch.setenv("APOM_SANDBOX_VIDEO_S", "0.1")
        door = apom.open(tmp_path_factory.mktemp("house"))
    with door:
        waiting.show_with(waiting.nullcontext)
        alice = door.register("alice", password=PASSWORD)
        assert isinstance(alice, Workspace)
        box = alice.create_box(alice.create_project("The lighthouse"), "Harbour at dawn", code="A1")
        pictures = alice.wait(alice.generate(box, "harbour at dawn", n=2))
        clip = alice.wait([alice.animate(pictures[0])])[0]
        yield House(door=door, alice=alice, box=alice.box(box), pictures=pictures, clip=clip)


def test_a_take_is_its_picture_with_the_words_that_made_it(house: House) -> None:
    seen = Reader(str(apom.show(house.pictures[0])))
    assert [src[:23] for src in seen.sources] == ["data:image/webp;base64,"]
    assert "harbour at dawn" in seen.text and f"seed {house.pictures[0].seed}" in seen.text


def test_a_clip_plays_in_the_notebook(house: House) -> None:
    seen = Reader(str(apom.show(house.clip)))
    assert "video" in seen.tags and {src[:10] for src in seen.sources} == {"data:video", "data:image"}
    assert "preview" not in seen.text


def test_of_a_large_clip_the_preview_plays_and_says_how_to_have_it_whole(house: House) -> None:
    large = house.clip.model_copy(update={"bytes": LIMITS.shown_clip_bytes + 1})
    seen = Reader(str(apom.show(large)))
    assert "video" in seen.tags and "preview" in seen.text and 'apom.save(take, "clips")' in seen.text
    assert max(map(len, seen.sources)) < house.clip.bytes


def test_takes_are_a_contact_sheet_with_badges(house: House) -> None:
    first, second = house.pictures
    marked = [first.model_copy(update={"is_favorite": True, "rating": 3}), second, house.clip]
    seen = Reader(str(apom.show(marked)))
    assert len(seen.sources) == 3 and "♥" in seen.text and "★★★" in seen.text and "▶ 4 s" in seen.text
    assert "video" not in seen.tags, "a sheet shows posters"
    assert str(apom.show(Page(items=tuple(marked), next="x"))).count("cursor=page.next") == 1


def test_takes_of_several_shots_say_which(house: House) -> None:
    elsewhere = house.pictures[0].model_copy(update={"box_id": new_id()})
    assert "A1 · Take 2" in Reader(str(apom.show([house.pictures[1], elsewhere]))).text
    assert "A1" not in Reader(str(apom.show(house.pictures))).text


def test_an_upright_take_is_drawn_narrow_enough_to_be_seen_whole(house: House) -> None:
    upright = house.pictures[0].model_copy(update={"width": 720, "height": 1280})
    assert "aspect-ratio: 720 / 1280; max-width: 315px" in str(apom.show(upright))


def test_shots_and_projects_are_their_covers_with_counts(house: House) -> None:
    shot = Reader(str(apom.show(house.alice.get_project_boxes(house.box.project_id))))
    film = Reader(str(apom.show(house.alice.project(house.box.project_id))))
    assert len(shot.sources) == 1 and "A1" in shot.text and "3 takes" in shot.text
    assert len(film.sources) == 1 and "1 shot · 3 takes" in film.text


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.COMPLETED])
def test_a_take_that_is_not_here_says_how_it_is_and_why(status: Status) -> None:
    seen = Reader(str(apom.show(take(status, error_message="The provider is asleep."))))
    assert seen.sources == [] and "The provider is asleep." in seen.text
    assert ("ws.asset(take)" in seen.text) == (status in (Status.PENDING, Status.PROCESSING))


def test_pictures_come_through_whoever_may_see_them(house: House) -> None:
    bob = house.door._studio.workspace(person(house.door._studio, "bob"))
    key = house.pictures[0].thumb_key
    assert Pictures([bob]).uri(key) is None and Pictures([]).uri(key) is None
    assert (Pictures([bob, house.alice]).uri(key) or "").startswith("data:image/webp;base64,")
    unseen = Reader(str(cards.take_card(house.pictures[0], Pictures([bob]))))
    assert unseen.sources == [house.pictures[0].placeholder] and "harbour" not in unseen.text


def test_what_is_too_much_for_one_output_is_left_out_and_said(house: House) -> None:
    path, _ = house.alice.file(house.pictures[0], (house.pictures[0].thumb_key or "").rpartition("/")[2])
    pictures = Pictures([house.alice], most=path.stat().st_size)
    tiles = cards.sheet([cards.take_tile(take, pictures) for take in [house.pictures[0]] * 3])
    html = str(cards.page(tiles, pictures))
    assert pictures.left_out == 2 and "2 pictures are left out" in html and len(html) < 4 * path.stat().st_size


def test_nothing_is_said_in_a_sentence_and_what_is_no_record_is_refused() -> None:
    assert "Nothing here yet." in str(apom.show(Rows((), Take)))
    for thing in ([], 7, "harbour", [take(), 7]):
        with pytest.raises(Invalid, match="cannot"):
            apom.show(thing)


def test_originals_are_saved_under_names_that_no_other_take_has(house: House, tmp_path: Path) -> None:
    saved = apom.save([*house.pictures, house.clip], tmp_path / "out")
    assert apom.save(house.clip, tmp_path / "out") == saved[2:], "again is the same file"
    assert [path.name[:7] for path in saved] == ["A1-001-", "A1-002-", "A1-003-"] and saved[2].suffix == ".mp4"
    assert [path.stat().st_size for path in saved] == [take.bytes for take in (*house.pictures, house.clip)]
    with pytest.raises(NotFound):
        apom.save(take(Status.PENDING), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be written"):
        apom.save(house.clip, tmp_path / "file")


def test_other_peoples_lists_keep_their_own_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    formatter = DisplayFormatter()
    monkeypatch.setattr(ipython, "shell", lambda: SimpleNamespace(display_formatter=formatter))
    ipython.draw_as_html((list, tuple), drawing._html)
    draw = formatter.formatters["text/html"]
    assert 'class="sheet"' in draw([take()]) and 'class="sheet"' in draw(Rows([take()]))
    assert draw(Fancy((1, 2))) == "<i>2</i>" and draw([1, 2]) is None and draw([]) is None


class Fancy(tuple[int, ...]):
    """A tuple that draws itself."""

    def _repr_html_(self) -> str:
        return f"<i>{len(self)}</i>"


# waiting


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_why_takes_did_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    here, gone = take(number=1), take(Status.FAILED, number=2, error_message="The provider refused the content.")
    with progress.bar() as on_change:
        on_change((take(Status.PROCESSING), gone))
        on_change((here, gone))
    assert terminal.getvalue().count("Take 2 · Failed · The provider refused the content.") == 1
    assert "2 takes: 1 ready · 1 failed" in terminal.getvalue() and "100%" in terminal.getvalue()


def test_a_cell_shows_a_bar_whose_words_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(progress, "Output", lambda: SimpleNamespace(draw=lambda html, text: drawn.append(html)))
    bar = progress.CellBar()
    bar.update(())
    bar.update((take(), take(Status.FAILED, number=2, error_message="<script>")))
    bar.say("You stopped waiting.")
    seen = Reader(drawn[-1])
    assert seen.tags == {"div", "progress"} and "Take 2 · Failed · <script>" in seen.text
    assert "0 takes · 0 s" in Reader(drawn[0]).text and "You stopped waiting." in seen.text


def test_a_script_is_told_only_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar() as on_change:
        on_change((take(), take(Status.ATTENTION, number=2, error_message="Money may have been spent.")))
    assert capsys.readouterr() == ("", "Take 2 · Needs you · Money may have been spent.\n")


def test_whoever_stops_waiting_is_told_that_the_takes_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "_onlooker", progress.bar)
    looked = threading.Event()

    def look(ids: object) -> tuple[Take, ...]:
        looked.set()
        return (slow,)

    slow = take(Status.PROCESSING)
    stopper = threading.Thread(target=lambda: looked.wait(5) and _thread.interrupt_main())
    stopper.start()
    with pytest.raises(KeyboardInterrupt):
        waiting.wait(look, [slow.id], timeout_s=20, on_change=None)
    stopper.join()
    assert "The takes go on by themselves" in capsys.readouterr().err
