"""Rounds and links: what a link shows, and that it shows nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Cast, Clock, let_in
from test_idor import arrived

from apom.errors import Conflict, Invalid, NotAllowed, NotFound
from apom.models import Project, Role
from apom.store import upkeep
from apom.studio import Studio


@pytest.fixture
def project(cast: Cast, studio: Studio) -> Project:
    """Three shots, the first two with headliners."""
    project = cast.alice.create_project("P")
    for name in ("one", "two"):
        box = cast.alice.create_box(project, name)
        cast.alice.set_headliner(box, arrived(studio, cast.alice, box))  # type: ignore[arg-type]
    cast.alice.create_box(project, "three")
    return project


def test_a_link_shows_the_last_round_and_never_the_live_board(cast: Cast, studio: Studio, project: Project) -> None:
    link, token = cast.alice.create_link(project, "client")
    review = studio.review(token)
    assert (review.round(), review.shots()) == (None, [])
    first = cast.alice.publish_round(project, "first look")
    assert [(s["code"], s["asset_id"] is not None) for s in review.shots()] == [
        ("010", True),
        ("020", True),
        ("030", False),
    ]
    boxes = cast.alice.get_project_boxes(project)
    cast.alice.set_headliner(boxes[0], None)
    cast.alice.reorder_boxes(project, list(reversed(boxes)))
    cast.alice.update_box(boxes[1], name="renamed")
    assert [s["name"] for s in review.shots()] == ["one", "two", "three"]
    assert review.round() == first
    assert cast.alice.publish_round(project).number == 2
    assert [s["name"] for s in review.shots()] == ["three", "renamed", "one"]
    assert link.id == review.link().id


def test_prompts_are_shown_only_where_the_link_says_so(cast: Cast, studio: Studio, project: Project) -> None:
    cast.alice.publish_round(project)
    shown = {
        flag: studio.review(cast.alice.create_link(project, "x", show_prompts=flag)[1]).shots()
        for flag in (True, False)
    }
    assert shown[True][0]["prompt_text"] == "x"
    assert shown[False][0]["prompt_text"] is None
    assert set(shown[False][0]) == set(
        "code name asset_id in_s out_s asset_type width height duration_s fps placeholder prompt_text".split()
    ), "an allow-list: no cost, no seed, no model, no person"


def test_unknown_expired_and_revoked_answer_the_same(
    cast: Cast, studio: Studio, project: Project, clock: Clock
) -> None:
    revoked, short, kept = (
        cast.alice.create_link(project, name, days=days) for name, days in (("a", 90), ("b", 1), ("c", 90))
    )
    review = studio.review(revoked[1])
    cast.alice.revoke_link(revoked[0])
    clock.move(days=2)
    said = set()
    ask: list[Callable[[], object]] = [review.round, review.shots, review.link]
    ask += [lambda t=token: studio.review(t) for token in (revoked[1], short[1], "no such token", "")]  # type: ignore[misc]
    for call in ask:
        with pytest.raises(NotFound) as refused:
            call()
        said.add(str(refused.value))
    assert len(said) == 1
    assert studio.review(kept[1]).link().label == "c"


def test_a_link_lives_thirty_days_unless_told_otherwise(cast: Cast, project: Project) -> None:
    link, token = cast.alice.create_link(project, "client")
    assert round((link.expires_at - link.created_at).total_seconds() / 86_400) == 30
    assert len(token) == 43
    with pytest.raises(Invalid):
        cast.alice.create_link(project, " ")


def test_a_token_is_nowhere_in_the_store(cast: Cast, studio: Studio, project: Project) -> None:
    _, token = cast.alice.create_link(project, "client")
    with studio._store.read() as tx:
        tables = [row["table_name"] for row in tx.all(upkeep.TABLES)]
        assert all(token not in str(tx.all(f"select * from {table}")) for table in tables)
    assert token not in str(cast.alice.links(project))


def test_members_see_links_and_only_editors_make_them(cast: Cast, project: Project) -> None:
    let_in(cast.alice, project, "victor", Role.VIEWER)
    link, _ = cast.alice.create_link(project, "client")
    assert cast.victor.links(project) == (link,)
    with pytest.raises(NotAllowed):
        cast.victor.revoke_link(link)
    with pytest.raises(NotFound):
        cast.bob.revoke_link(link)


def test_what_a_client_saw_is_not_deleted(cast: Cast, project: Project) -> None:
    box = cast.alice.get_project_boxes(project)[0]
    cast.alice.publish_round(project)
    for delete, thing in ((cast.alice.delete_box, box), (cast.alice.delete_asset, box.headliner_asset_id)):
        with pytest.raises(Conflict, match="client saw"):
            delete(thing)  # type: ignore[operator]


def test_a_round_needs_a_headliner(cast: Cast) -> None:
    project = cast.alice.create_project("empty")
    cast.alice.create_box(project, "one")
    with pytest.raises(Conflict, match="headliner"):
        cast.alice.publish_round(project)
