"""What is said about takes: by members, behind links, in the inbox; and that what is INTERNAL stays inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Cast, Clock, let_in
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_idor import arrived
from test_sharing import seen_by

from apom.api.review_routes import is_for_reviewers
from apom.errors import ApomError, Conflict, Invalid, NotAllowed, NotFound
from apom.models import Area, Box, Event, Opinion, Pin, Project, Role, Strokes, Visibility, new_id
from apom.studio import Review, Studio

SECRET = "for our ears only"


@pytest.fixture
def project(cast: Cast) -> Project:
    """Published below; victor looks on."""
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor", Role.VIEWER)
    return project


@pytest.fixture
def box(cast: Cast, studio: Studio, project: Project) -> Box:
    """A shot of the first round, with its take."""
    box = cast.alice.create_box(project, "one")
    cast.alice.set_headliner(box, arrived(studio, cast.alice, box))  # type: ignore[arg-type]
    cast.alice.publish_round(project)
    return cast.alice.box(box)


@pytest.fixture
def review(cast: Cast, studio: Studio, project: Project, box: Box) -> Review:
    """Vera's browser."""
    review = seen_by(studio, cast.alice.create_link(project, "client", can_approve=True))
    review.call_me("Vera")
    return review


def take_of(box: Box) -> Any:
    return box.headliner_asset_id


def make_clip(studio: Studio, box: Box) -> None:
    with studio._store.write() as tx:
        tx.all("update asset set asset_type = 'VIDEO', duration_s = 4 where id = $1", take_of(box))


def texts(review: Review) -> list[str]:
    return [comment.text for comment in reversed(review.comments().items)]


def test_a_comment_is_internal_unless_a_member_says_that_clients_may_read_it(
    cast: Cast, box: Box, review: Review
) -> None:
    inside = cast.alice.add_comment(take_of(box), SECRET)
    outside = cast.alice.add_comment(take_of(box), "here it is", visibility=Visibility.CLIENT)
    cast.alice.add_comment(take_of(box), SECRET, answers=outside)
    cast.alice.add_comment(take_of(box), "softer now", answers=outside, visibility=Visibility.CLIENT)
    assert texts(review) == ["here it is", "softer now"]
    assert [comment.text for comment in cast.victor.comments(box=box).items] == [
        "softer now",
        SECRET,
        "here it is",
        SECRET,
    ]
    with pytest.raises(Invalid, match="do not see what you answer"):
        cast.alice.add_comment(take_of(box), "x", answers=inside, visibility=Visibility.CLIENT)
    with pytest.raises(Invalid, match="no longer there"):
        review.comment(take_of(box), "x", answers=inside)
    with pytest.raises(NotAllowed, match="Only editors"):
        cast.victor.add_comment(take_of(box), "x", visibility=Visibility.CLIENT)
    assert cast.victor.add_comment(take_of(box), "I see").visibility is Visibility.INTERNAL
    with pytest.raises(NotFound):
        cast.bob.add_comment(take_of(box), "x")


def test_comments_point_to_moments_ranges_and_places(cast: Cast, studio: Studio, box: Box, review: Review) -> None:
    make_clip(studio, box)
    strokes = Strokes(lines=(((0, 0), (0.5, 0.25)), ((1, 1),)))
    for region in (Pin(x=0.5, y=0.25), Area(x=0, y=0, width=1, height=0.5), strokes, None):
        review.comment(take_of(box), "here", region=region, timecode_s=2.0, end_s=3.5)
        found, seen = cast.alice.comments(asset=take_of(box)).items[0], review.comments().items[0]
        assert found.region == seen.region == region
        assert (found.timecode_s, found.end_s, found.round_number) == (2.0, 3.5, 1)
        assert (seen.is_mine, seen.is_guest, seen.author_name) == (True, True, "Vera")
    for wrong in (
        {"timecode_s": -1},
        {"timecode_s": 9},
        {"timecode_s": 3, "end_s": 2},
        {"end_s": 2},
        {"timecode_s": float("nan")},
    ):
        with pytest.raises(Invalid):
            review.comment(take_of(box), "here", **wrong)  # type: ignore[arg-type]


def test_text_is_tidied_and_measured(cast: Cast, box: Box, review: Review) -> None:
    review.comment(take_of(box), "  <b>bold</b>\u202e \x00![x](http://evil/x.png)  ")
    assert texts(review) == ["<b>bold</b> ![x](http://evil/x.png)"], "kept as it was typed: faces show it as text"
    for wrong in ("", " \n ", "\u202e", "x" * 2001):
        with pytest.raises(Invalid):
            review.comment(take_of(box), wrong)
        with pytest.raises(Invalid):
            cast.alice.add_comment(take_of(box), wrong)
    review.comment(take_of(box), "x" * 2000, name="V" * 60)
    with pytest.raises(Invalid):
        review.comment(take_of(box), "x", name="V" * 61)


def test_reviewers_change_and_delete_only_their_own_and_only_from_the_same_browser(
    cast: Cast, studio: Studio, project: Project, box: Box
) -> None:
    link = cast.alice.create_link(project, "client")
    vera, other = seen_by(studio, link, "v"), seen_by(studio, link, "o")
    mine = vera.comment(take_of(box), "soft", name="Vera")
    theirs = cast.alice.add_comment(take_of(box), "noted", visibility=Visibility.CLIENT)
    for who, comment in ((other, mine), (vera, theirs), (studio.review(link.token), mine)):
        with pytest.raises(NotAllowed):
            who.edit_comment(comment, "x")
        with pytest.raises(NotAllowed):
            who.delete_comment(comment)
    with pytest.raises(NotAllowed):
        cast.alice.edit_comment(mine, "put into their mouth")
    vera.edit_comment(mine, "softer")
    assert "softer" in texts(other)
    other.comment(take_of(box), "agreed", name="Olga", answers=mine)
    with pytest.raises(Conflict, match="answered"):
        vera.delete_comment(mine)
    again = vera.comment(take_of(box), "oh")
    vera.delete_comment(again)
    cast.alice.delete_comment(mine)
    assert texts(vera) == ["noted"], "with its answers"
    inside = cast.victor.add_comment(take_of(box), "hm")
    with pytest.raises(NotAllowed):
        cast.alice.edit_comment(inside, "x")
    assert cast.victor.edit_comment(inside, "hm.").text == "hm."
    cast.victor.delete_comment(inside)


def test_the_inbox_has_what_others_said_and_marks_it_for_everybody(
    cast: Cast, studio: Studio, project: Project, box: Box, review: Review, clock: Clock
) -> None:
    review.comment(take_of(box), "softer")
    review.give_verdict(box, cast.alice.rounds(project)[0], Opinion.CHANGES_WANTED)
    cast.victor.add_comment(take_of(box), "louder")
    cast.alice.add_comment(take_of(box), "my own")
    assert [(i.kind, i.author_name, i.link_label, i.verdict) for i in cast.alice.inbox().items] == [
        ("comment", "victor", None, None),
        ("verdict", "Vera", "client", "CHANGES_WANTED"),
        ("comment", "Vera", "client", None),
    ]
    assert [unread.unread for unread in cast.alice.unread()] == [3]
    assert cast.bob.inbox().items == () == cast.bob.unread()
    assert (cast.alice.box(box).unread_count, cast.alice.project(project).unread_count) == (3, 3)
    page = cast.alice.inbox(limit=2)
    rest = cast.alice.inbox(limit=2, cursor=page.next)
    ids = [item.id for item in (*page.items, *rest.items)]
    assert len(set(ids)) == 3
    with pytest.raises(NotAllowed):
        cast.victor.mark_comments(ids, is_read=True)
    assert cast.bob.mark_comments(ids, is_read=True) == ()
    marked = cast.alice.mark_comments([*ids[:2], new_id()], is_read=True)
    assert [item.is_read for item in marked] == [True, True]
    assert len(cast.alice.inbox(is_read=False).items) == 1
    assert len(cast.alice.inbox(is_read=True, project=project).items) == 2
    cast.alice.mark_comments(ids, is_read=False)
    assert cast.alice.unread()[0].unread == 3
    said = next(item for item in cast.alice.inbox().items if item.kind == "comment" and item.link_label)
    cast.alice.mark_comments([said], is_resolved=True)
    assert cast.alice.comments(project=project, unresolved=True).items[0].text == "my own"
    assert review.comments().items[0].is_resolved
    cast.alice.mark_comments([said], is_hidden=True)
    assert texts(review) == []
    cast.alice.mark_comments([said], is_hidden=False)
    assert texts(review) == ["softer"]


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
act = st.tuples(
    st.sampled_from(["inside", "outside", "guest", "hide", "show", "resolve", "delete", "round", "judge"]),
    st.integers(0, 9),
    words,
)


@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(act, max_size=10))
def test_nothing_behind_a_link_ever_contains_what_is_internal(
    cast: Cast, studio: Studio, acts: list[tuple[str, int, str]]
) -> None:
    alice, project = cast.alice, cast.alice.create_project("P")
    box = alice.create_box(project, "one")
    alice.set_headliner(box, arrived(studio, alice, box))  # type: ignore[arg-type]
    alice.publish_round(project)
    take = take_of(alice.box(box))
    review = seen_by(studio, alice.create_link(project, "x", can_approve=True, show_prompts=True))
    heard: list[Event] = []
    studio.hub.publish = lambda *events: heard.extend(events)  # type: ignore[method-assign]
    said: list[Any] = []
    internal: set[str] = set()

    def answered(n: int) -> Any:
        return said[n % len(said)] if said and n % 3 else None

    def inside(n: int, text: str) -> None:
        comment = alice.add_comment(take, f"{SECRET} {text}", answers=answered(n))
        internal.add(str(comment.id))
        said.append(comment.id)

    def do(deed: str, n: int, text: str) -> None:
        deeds: dict[str, Callable[[], object]] = {
            "inside": lambda: inside(n, text),
            "outside": lambda: said.append(
                alice.add_comment(take, text, answers=answered(n), visibility=Visibility.CLIENT).id
            ),
            "guest": lambda: said.append(review.comment(take, text, name="Vera", answers=answered(n))),
            "hide": lambda: alice.mark_comments(said[:n], is_hidden=True),
            "show": lambda: alice.mark_comments(said[:n], is_hidden=False),
            "resolve": lambda: alice.mark_comments(said[:n], is_resolved=True),
            "delete": lambda: said and alice.delete_comment(said[n % len(said)]),
            "round": lambda: alice.publish_round(project, "next"),
            "judge": lambda: review.give_verdict(box, alice.rounds(project)[0], Opinion.APPROVED, name="Vera"),
        }
        try:
            deeds[deed]()
        except ApomError:
            return

    for deed in acts:
        do(*deed)
        shown = [review.comments().model_dump_json(), review.visit().model_dump_json(), repr(review.link())]
        assert not any(SECRET in each or any(id in each for id in internal) for each in shown)
    told = [event for event in heard if is_for_reviewers(event)]
    assert not any(str(event.comment_id) in internal for event in told), "not even that something was said"
    assert {str(event.comment_id) for event in heard} >= internal, "members hear of it"
