"""Projects and boxes: order, codes, rights, deletion."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Cast, let_in
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from media_samples import clip, corner

from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.models import Box, BoxKind, Role, new_id
from apom.projects import next_codes
from apom.studio import Workspace


def order(ws: Workspace, project: object) -> list[str]:
    return [box.name for box in ws.get_project_boxes(project, kind=BoxKind.SHOT)]  # type: ignore[arg-type]


def assert_dense(ws: Workspace, project: object) -> None:
    """I6: places are dense and unique among shots."""
    places = [b.order_index for b in ws.get_project_boxes(project, kind=BoxKind.SHOT)]  # type: ignore[arg-type]
    assert places == list(range(len(places)))


def test_a_project_is_created_listed_changed_and_deleted(cast: Cast) -> None:
    project = cast.alice.create_project("  The\tlight house ", fps=25, notes="n")
    assert (project.name, project.fps, project.role) == ("The light house", 25, Role.OWNER)
    assert cast.alice.projects().items == (project,)
    changed = cast.alice.update_project(project, name="Next", budget=12.5)
    assert (changed.name, changed.budget, changed.fps) == ("Next", 12.5, 25)
    assert cast.alice.update_project(project, budget=None).budget is None
    cast.alice.delete_project(project)
    assert cast.alice.projects().items == ()
    with pytest.raises(NotFound):
        cast.alice.project(project)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": " "},
        {"name": "x" * 121},
        {"fps": 0},
        {"width": 5},
        {"currency": "euro"},
        {"budget": -1},
        {"retention_days": -1},
    ],
)
def test_bad_values_are_refused_by_field_and_nothing_is_stored(cast: Cast, bad: dict[str, object]) -> None:
    fields = {"name": "P", **bad}
    name = str(fields.pop("name"))
    with pytest.raises(Invalid) as refused:
        cast.alice.create_project(name, **fields)  # type: ignore[arg-type]
    assert refused.value.field in bad
    assert cast.alice.projects().items == ()


def test_unknown_fields_are_refused(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    for field in ("created_by", "id", "role", "bytes"):
        with pytest.raises(Invalid):
            cast.alice.update_project(project, **{field: "x"})  # type: ignore[arg-type]


def test_projects_come_in_keyset_pages(cast: Cast) -> None:
    made = [cast.alice.create_project(f"P{i}") for i in range(7)]
    first = cast.alice.projects(limit=3)
    cast.alice.create_project("came in between")
    second = cast.alice.projects(limit=3, cursor=first.next)
    third = cast.alice.projects(limit=3, cursor=second.next)
    assert [p.id for page in (first, second, third) for p in page.items] == [p.id for p in reversed(made)]
    assert third.next is None


def test_archived_projects_are_listed_apart(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    cast.alice.update_project(project, is_archived=True)
    assert cast.alice.projects().items == ()
    assert [p.id for p in cast.alice.projects(archived=True).items] == [project.id]


def test_pasted_lines_become_shots_in_order_with_codes(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    boxes = cast.alice.create_boxes(project, ["one", "two", "three"])
    assert [(b.code, b.name, b.order_index) for b in boxes] == [
        ("010", "one", 0),
        ("020", "two", 1),
        ("030", "three", 2),
    ]
    assert boxes == cast.alice.get_project_boxes(project)
    assert cast.alice.project(project).boxes_count == 3
    assert cast.alice.create_box(project, "four").code == "040"


def test_one_bad_line_stores_none(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    with pytest.raises(Invalid):
        cast.alice.create_boxes(project, ["one", " ", "three"])
    assert cast.alice.get_project_boxes(project) == ()


def test_codes_go_on_after_the_highest_number() -> None:
    assert next_codes([], 2) == ["010", "020"]
    assert next_codes(["010", "015", "intro"], 2) == ["020", "030"]
    assert next_codes(["990"], 1) == ["1000"]


def test_a_code_is_unique_and_stays_through_reordering(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    a, b = cast.alice.create_boxes(project, ["a", "b"])
    with pytest.raises(Conflict, match="020"):
        cast.alice.update_box(a, code="020")
    with pytest.raises(Conflict):
        cast.alice.create_box(project, "c", code="010")
    cast.alice.reorder_boxes(project, [b, a])
    assert [x.code for x in cast.alice.get_project_boxes(project)] == ["020", "010"]


def test_references_and_cuts_have_no_place_in_the_order(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    reference = cast.alice.create_box(project, "Anna", kind=BoxKind.REFERENCE)
    shot = cast.alice.create_box(project, "one")
    assert reference.order_index is None and shot.order_index == 0
    assert cast.alice.project(project).boxes_count == 1
    with pytest.raises(Invalid):
        cast.alice.move_box(reference, 1)
    with pytest.raises(Conflict):
        cast.alice.reorder_boxes(project, [shot, reference])


def test_reordering_takes_the_whole_permutation_or_nothing(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    a, b, c = cast.alice.create_boxes(project, ["a", "b", "c"])
    for wrong in ([a, b], [a, b, b], [a, b, c, c], [a, b, new_id()], []):
        with pytest.raises(Conflict):
            cast.alice.reorder_boxes(project, wrong)
    assert order(cast.alice, project) == ["a", "b", "c"]
    cast.alice.reorder_boxes(project, [c, a, b])
    assert order(cast.alice, project) == ["c", "a", "b"]
    assert_dense(cast.alice, project)


def test_moving_stops_at_the_ends(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    a, _, c = cast.alice.create_boxes(project, ["a", "b", "c"])
    cast.alice.move_box(a, 1)
    assert order(cast.alice, project) == ["b", "a", "c"]
    cast.alice.move_box(c, -99)
    assert order(cast.alice, project) == ["c", "b", "a"]
    cast.alice.move_box(c, -1)
    assert_dense(cast.alice, project)


def test_many_people_reordering_at_once_leave_a_dense_order(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    boxes = cast.alice.create_boxes(project, [f"s{i}" for i in range(6)])

    def shuffle(seed: int) -> None:
        rng = random.Random(seed)
        try:
            if seed % 3:
                cast.alice.move_box(rng.choice(boxes), rng.randint(-3, 3))
            elif seed % 2:
                cast.alice.reorder_boxes(project, rng.sample(boxes, 6))
            else:
                cast.alice.create_box(project, f"new {seed}")
        except Conflict:
            return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(shuffle, range(30)))
    assert_dense(cast.alice, project)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(-6, 6), st.booleans()), max_size=6))
def test_any_moves_and_deletions_keep_the_order_dense(cast: Cast, moves: list[tuple[int, int, bool]]) -> None:
    project = cast.alice.create_project("P")
    boxes: list[Box] = list(cast.alice.create_boxes(project, list("abcde")))
    for which, steps, is_deletion in moves:
        if not boxes:
            break
        box = boxes[which % len(boxes)]
        if is_deletion:
            cast.alice.delete_box(box)
            boxes.remove(box)
        else:
            cast.alice.move_box(box, steps)
        assert_dense(cast.alice, project)


def test_a_stranger_finds_nothing_and_a_viewer_changes_nothing(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    box = cast.alice.create_box(project, "one")
    let_in(cast.alice, project, "victor")
    changes = [
        lambda ws: ws.update_project(project, name="x"),
        lambda ws: ws.delete_project(project),
        lambda ws: ws.set_member(project, "bob", Role.EDITOR),
        lambda ws: ws.create_box(project, "x"),
        lambda ws: ws.create_boxes(project, ["x"]),
        lambda ws: ws.update_box(box, name="x"),
        lambda ws: ws.delete_box(box),
        lambda ws: ws.reorder_boxes(project, [box]),
        lambda ws: ws.move_box(box, 1),
        lambda ws: ws.set_headliner(box, None),
        lambda ws: ws.generate(box, "x"),
        lambda ws: ws.publish_round(project),
        lambda ws: ws.create_link(project, "x"),
    ]
    reads = [
        lambda ws: ws.project(project),
        lambda ws: ws.members(project),
        lambda ws: ws.get_project_boxes(project),
        lambda ws: ws.box(box),
        lambda ws: ws.get_box_assets(box),
        lambda ws: ws.get_favorite_assets(project),
        lambda ws: ws.links(project),
    ]
    for act in changes:
        with pytest.raises(NotAllowed):
            act(cast.victor)
    for act in (*changes, *reads):
        with pytest.raises(NotFound):
            act(cast.bob)
    for act in reads:
        act(cast.victor)
    assert cast.bob.projects().items == ()
    assert cast.alice.box(box) == box
    assert cast.victor.project(project).role is Role.VIEWER


def test_an_editor_changes_the_project_but_not_its_money_or_people(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor", Role.EDITOR)
    cast.victor.update_project(project, name="x")
    for changes in ({"budget": 1.0}, {"is_archived": True}, {"currency": "EUR"}):
        with pytest.raises(NotAllowed, match="owner"):
            cast.victor.update_project(project, **changes)  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        cast.victor.delete_project(project)


def test_there_is_exactly_one_owner(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor")
    for act in (
        lambda: cast.alice.set_member(project, "victor", Role.OWNER),
        lambda: cast.alice.set_member(project, "alice", Role.VIEWER),
        lambda: cast.alice.remove_member(project, cast.alice.actor.user_id),
        lambda: cast.alice.set_member(project, "nobody here", Role.VIEWER),
    ):
        with pytest.raises(Invalid):
            act()
    cast.victor.remove_member(project, cast.victor.actor.user_id)
    with pytest.raises(NotFound):
        cast.victor.project(project)


def test_what_cannot_be_an_id_is_not_there(cast: Cast) -> None:
    for thing in ("", "x", "../../etc/passwd", "0" * 40):
        with pytest.raises(NotFound):
            cast.alice.project(thing)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=140), notes=st.text(max_size=300))
def test_any_text_is_stored_tidily_or_refused_with_a_sentence(cast: Cast, name: str, notes: str) -> None:
    try:
        project = cast.alice.create_project(name, notes=notes)
    except Invalid as error:
        event(str(error))
        return
    again = cast.alice.project(project)
    assert again == project
    assert 0 < len(again.name) <= 120 and "\n" not in again.name


def test_a_clip_is_in_the_cut_from_in_to_out(cast: Cast, tmp_path: Path) -> None:
    project = cast.alice.create_project("P")
    shot, still = cast.alice.create_boxes(project, ["one", "two"])
    assert shot.length_s is None and cast.alice.update_box(shot, duration_s=4).length_s == 4, "as planned"
    cast.alice.set_headliner(shot, cast.alice.upload(shot, clip(tmp_path / "x.mp4")).take)
    found = cast.alice.box(shot)
    assert (found.clip_s, found.length_s) == (2, 2), "a clip lasts as long as it is"
    assert cast.alice.update_box(shot, in_s=0.5).length_s == 1.5
    assert cast.alice.update_box(shot, out_s=1.25).length_s == 0.75
    for changes, field in (
        ({"in_s": 1.25}, "out_s"),
        ({"in_s": 1.5}, "out_s"),
        ({"out_s": 0.5}, "out_s"),
        ({"out_s": 2.5}, "out_s"),
        ({"out_s": None, "in_s": 2}, "in_s"),
    ):
        with pytest.raises(Invalid) as refused:
            cast.alice.update_box(shot, **changes)  # type: ignore[arg-type]
        assert refused.value.field == field
    assert cast.alice.update_box(shot, in_s=None, out_s=2.03).length_s == 2, "a player's end may be a frame late"
    cast.alice.set_headliner(shot, cast.alice.upload(shot, clip(tmp_path / "y.mp4", seconds=1)).take)
    assert cast.alice.box(shot).length_s == 1, "a shorter clip ends where it ends"

    corner().save(tmp_path / "x.png")
    cast.alice.set_headliner(still, cast.alice.upload(still, tmp_path / "x.png").take)
    assert cast.alice.box(still).length_s == 3, "a picture stands, unless somebody says how long"
    assert cast.alice.update_box(still, duration_s=5).length_s == 5
    with pytest.raises(Invalid):
        cast.alice.create_box(project, "three", in_s=2, out_s=1)


def test_a_shot_is_somebodys_of_the_project(cast: Cast) -> None:
    project = cast.alice.create_project("P")
    shot = cast.alice.create_box(project, "one", section="Scene 2", assignee_id=cast.alice.actor.user_id)
    assert (shot.section, cast.alice.box(shot).assignee_name) == ("Scene 2", "alice")
    for ws in (cast.victor, cast.bob):
        with pytest.raises(Invalid) as refused:
            cast.alice.update_box(shot, assignee_id=ws.actor.user_id)
        assert refused.value.field == "assignee_id"
    let_in(cast.alice, project, "victor")
    assert cast.alice.update_box(shot, assignee_id=cast.victor.actor.user_id).assignee_name == "victor"
    cast.alice.remove_member(project, cast.victor.actor.user_id)
    assert cast.alice.box(shot).assignee_id is None, "who leaves has no shots any more"
    assert cast.alice.update_box(shot, assignee_id=None).assignee_name == ""
