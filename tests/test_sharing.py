"""Rounds and links: what a link shows, and that it shows nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import Cast, Clock, let_in
from media_samples import png
from test_idor import arrived

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooMany
from apom.models import MadeLink, Opinion, Progress, Project, ReviewTake, Role, new_id
from apom.store import upkeep
from apom.studio import Review, Studio, Workspace


@pytest.fixture
def project(cast: Cast, studio: Studio) -> Project:
    """Three shots, the first two with headliners."""
    project = cast.alice.create_project("P")
    for name in ("one", "two"):
        box = cast.alice.create_box(project, name)
        cast.alice.set_headliner(box, arrived(studio, cast.alice, box))  # type: ignore[arg-type]
    cast.alice.create_box(project, "three")
    return project


ORIGINAL = "original-0123456789ab.png"


def keep_files(studio: Studio, ws: Workspace, project: object) -> None:
    """Something to serve for each headliner."""
    for box in ws.get_project_boxes(project):  # type: ignore[arg-type]
        if box.headliner_asset_id:
            path = studio.settings.data_dir / "media" / "dev" / "a" / str(box.headliner_asset_id) / ORIGINAL
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(4, 4))


def names(review: Review) -> list[str]:
    return [shot.name for shot in review.room().shots]


def seen_by(studio: Studio, link: MadeLink, browser: str = "b") -> Review:
    """A browser that has come in."""
    review = studio.review(link.token, browser=browser)
    review.visit()
    return review


def test_a_link_shows_the_last_round_and_never_the_live_board(cast: Cast, studio: Studio, project: Project) -> None:
    link = cast.alice.create_link(project, "client")
    review = studio.review(link.token)
    assert (review.round(), review.room().shots) == (None, ())
    first = cast.alice.publish_round(project, "first look")
    assert [(s.code, s.take is not None) for s in review.room().shots] == [("010", True), ("020", True), ("030", False)]
    boxes = cast.alice.get_project_boxes(project)
    cast.alice.set_headliner(boxes[0], None)
    cast.alice.reorder_boxes(project, list(reversed(boxes)))
    cast.alice.update_box(boxes[1], name="renamed", in_s=1, out_s=2)
    assert names(review) == ["one", "two", "three"]
    assert (review.round(), review.room().note) == (first, "first look")
    assert cast.alice.publish_round(project).number == 2
    assert names(review) == ["three", "renamed", "one"]
    assert (review.room().shots[1].in_s, review.room().shots[1].out_s) == (1, 2)
    assert link.link.id == review.link().id
    assert [round.number for round in cast.alice.rounds(project)] == [2, 1]
    assert [shot.name for shot in cast.alice.round_shots(first)] == ["one", "two", "three"]


def test_prompts_are_shown_only_where_the_link_says_so(cast: Cast, studio: Studio, project: Project) -> None:
    cast.alice.publish_round(project)
    shown = [
        studio.review(cast.alice.create_link(project, "x", show_prompts=flag).token).room().shots[0].take
        for flag in (True, False)
    ]
    assert [take and take.prompt_text for take in shown] == ["x", None]
    assert set(ReviewTake.model_fields) == set(
        "id number asset_type file_url thumbnail_url preview_url placeholder mime width height duration_s fps prompt_text".split()
    ), "an allow-list: no cost, no seed, no model, no person"


def test_unknown_expired_revoked_and_unanswered_passwords_answer_the_same(
    cast: Cast, studio: Studio, project: Project, clock: Clock
) -> None:
    cast.alice.publish_round(project)
    revoked, short, kept = (
        cast.alice.create_link(project, name, days=days, can_approve=True)
        for name, days in (("a", 90), ("b", 1), ("c", 90))
    )
    locked = cast.alice.create_link(project, "d", password="seven ships", days=90)
    shot = cast.alice.get_project_boxes(project)[0]
    round = cast.alice.rounds(project)[0]
    cast.alice.revoke_link(revoked.link)
    clock.move(days=2)
    said = set()
    for token in (revoked.token, short.token, locked.token, "no such token", ""):
        review = studio.review(token, browser="b")
        calls: list[Callable[[], object]] = [
            review.link,
            review.round,
            review.room,
            review.visit,
            review.comments,
            lambda r=review: r.call_me("x"),
            lambda r=review: r.looked(shot),
            lambda r=review: r.comment(shot.headliner_asset_id, "x", name="y"),
            lambda r=review: r.edit_comment(new_id(), "x"),
            lambda r=review: r.delete_comment(new_id()),
            lambda r=review: r.give_verdict(shot, round, Opinion.APPROVED, name="y"),
            lambda r=review: r.file(shot.headliner_asset_id, ORIGINAL),
        ]
        if token != locked.token:
            calls += [review.id, review.door, lambda r=review: r.admit("x")]
        for call in calls:
            with pytest.raises(NotFound) as refused:
                call()
            said.add(str(refused.value))
    assert len(said) == 1
    assert studio.review(kept.token).link().label == "c"


def test_a_password_opens_the_link_in_the_browser_it_was_given_in(cast: Cast, studio: Studio, project: Project) -> None:
    link = cast.alice.create_link(project, "client", password="seven ships")
    review = studio.review(link.token, browser="here")
    assert link.link.has_password and review.door().asks_password
    with pytest.raises(NotSignedIn, match="not the password"):
        review.admit("eight ships")
    with pytest.raises(NotFound):
        review.visit()
    review.admit("seven ships")
    assert not review.door().asks_password
    assert review.visit().project_name == "P"
    with pytest.raises(NotFound):
        studio.review(link.token, browser="elsewhere").visit()
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            review.admit("guess")
    with pytest.raises(TooMany):
        review.admit("seven ships")
    with pytest.raises(Invalid, match="6 to 128"):
        cast.alice.create_link(project, "client", password="short")


def test_a_link_lives_thirty_days_or_to_the_end_of_a_day_wherever_that_is(
    cast: Cast, studio: Studio, project: Project, clock: Clock
) -> None:
    made = cast.alice.create_link(project, "client")
    assert round((made.link.expires_at - made.link.created_at).total_seconds() / 86_400) == 30
    assert len(made.token) == 43
    assert made.url == f"http://127.0.0.1:8501/review?token={made.token}" and made.is_local
    until = cast.alice.create_link(project, "friday", until=date(2026, 11, 27))
    assert until.link.expires_at == datetime(2026, 11, 28, 12, tzinfo=UTC), "it is Friday somewhere until then"
    assert cast.alice.create_link(project, "x", until=date(2036, 1, 1)).link.expires_at < clock() + timedelta(days=181)
    for wrong in ({"label": " "}, {"label": "x", "until": date(2026, 11, 20)}):
        with pytest.raises(Invalid):
            cast.alice.create_link(project, **wrong)  # type: ignore[arg-type]


def test_a_token_is_nowhere_in_the_store(cast: Cast, studio: Studio, project: Project) -> None:
    made = cast.alice.create_link(project, "client", password="seven ships")
    seen = studio.review(made.token, browser="b" * 43)
    seen.admit("seven ships")
    with studio._store.read() as tx:
        tables = [row["table_name"] for row in tx.all(upkeep.TABLES)]
        everything = "".join(str(tx.all(f"select * from {table}")) for table in tables)
    assert all(secret not in everything for secret in (made.token, "seven ships", "b" * 43))
    assert made.token not in str(cast.alice.links(project)) + repr(made) + repr(seen._pass)


def test_members_see_links_and_only_editors_make_them(cast: Cast, project: Project) -> None:
    let_in(cast.alice, project, "victor", Role.VIEWER)
    link = cast.alice.create_link(project, "client").link
    assert cast.victor.links(project) == cast.victor.links() == (link,)
    for act in (cast.victor.revoke_link, lambda link: cast.victor.change_link(link, can_comment=False)):
        with pytest.raises(NotAllowed):
            act(link)
    assert cast.bob.links() == ()
    for act in (cast.bob.revoke_link, cast.bob.change_link, cast.bob.link_activity):
        with pytest.raises(NotFound):
            act(link)


def test_the_list_of_links_says_what_was_done_with_them(
    cast: Cast, studio: Studio, project: Project, clock: Clock
) -> None:
    cast.alice.publish_round(project)
    made, other = (cast.alice.create_link(project, name, can_approve=True) for name in ("client", "other"))
    shot = cast.alice.get_project_boxes(project)[0]
    review = seen_by(studio, made)
    review.looked(shot)
    review.looked(shot)
    review.visit()
    review.comment(shot.headliner_asset_id, "softer", name="Vera")  # type: ignore[arg-type]
    review.give_verdict(shot, cast.alice.rounds(project)[0], Opinion.CHANGES_WANTED)
    found = cast.alice.links(project, live=True)
    assert [(link.label, link.visits, link.comments) for link in found] == [("other", 0, 0), ("client", 1, 1)]
    activity = cast.alice.link_activity(made.link).items
    assert [(each.action, each.name, each.box_code) for each in reversed(activity)] == [
        ("OPENED", "Vera", None),
        ("VIEWED", "Vera", "010"),
        ("COMMENTED", "Vera", "010"),
        ("CHANGES_WANTED", "Vera", "010"),
    ]
    first = cast.alice.link_activity(made.link, limit=3)
    assert len(cast.alice.link_activity(made.link, cursor=first.next).items) == 1
    cast.alice.revoke_link(other.link)
    clock.move(days=31)
    assert cast.alice.links(live=True) == ()
    assert len(cast.alice.links()) == 2


def test_what_is_new_is_new_since_the_visit_before(cast: Cast, studio: Studio, project: Project, clock: Clock) -> None:
    cast.alice.publish_round(project)
    review = seen_by(studio, cast.alice.create_link(project, "client"))
    one, two, _three = cast.alice.get_project_boxes(project)
    assert {shot.changed for shot in review.visit().shots} == {None}, "all is new to who comes first"
    better = arrived(studio, cast.alice, one)
    cast.alice.set_headliner(one, better)  # type: ignore[arg-type]
    cast.alice.update_box(two, in_s=1)
    cast.alice.create_box(project, "four")
    cast.alice.publish_round(project)
    expected = ["take", "trim", None, "new"]
    for wait in ({"minutes": 1}, {"minutes": 20}, {"minutes": 20}):
        assert [shot.changed for shot in review.visit().shots] == expected, "for as long as this visit goes on"
        clock.move(**wait)
    room = review.visit()
    assert room.shots[0].previous and room.shots[0].previous.id == one.headliner_asset_id
    assert room.shots[1].previous is None, "the same take"
    clock.move(hours=2)
    back = review.visit()
    assert {shot.changed for shot in back.shots} == {None}
    assert back.last_visit_at and clock() - back.last_visit_at > timedelta(hours=1)


def test_verdicts_are_appended_and_each_names_its_round_and_take(cast: Cast, studio: Studio, project: Project) -> None:
    first = cast.alice.publish_round(project)
    one = cast.alice.get_project_boxes(project)[0]
    link = cast.alice.create_link(project, "client", can_approve=True)
    vera, igor = (seen_by(studio, link, browser) for browser in ("v", "i"))

    def progress() -> Progress:
        return cast.alice.box(one).progress

    assert progress() is Progress.IN_REVIEW
    vera.give_verdict(one, first, Opinion.CHANGES_WANTED, name="Vera")
    igor.give_verdict(one, first, Opinion.APPROVED, name="Igor")
    assert progress() is Progress.CHANGES_WANTED
    vera.give_verdict(one, first, Opinion.APPROVED)
    assert progress() is Progress.APPROVED
    shot = vera.room().shots[0]
    assert (shot.verdict, shot.approvals, shot.changes_wanted) == (Opinion.APPROVED, 2, 0)
    old = one.headliner_asset_id
    better = arrived(studio, cast.alice, one)
    cast.alice.set_headliner(one, better)  # type: ignore[arg-type]
    assert progress() is Progress.PICKED, "nobody has judged this take"
    cast.alice.publish_round(project)
    assert progress() is Progress.IN_REVIEW
    assert vera.room().shots[0].verdict is None
    with pytest.raises(Conflict, match="new round"):
        vera.give_verdict(one, first, Opinion.APPROVED)
    assert cast.alice.give_verdict(one, Opinion.CHANGES_WANTED).asset_id == better.id  # type: ignore[attr-defined]
    verdicts = cast.alice.verdicts(project, box=one)
    assert [(v.round_number, v.asset_id == old, v.name, v.verdict) for v in reversed(verdicts)] == [
        (1, True, "Vera", "CHANGES_WANTED"),
        (1, True, "Igor", "APPROVED"),
        (1, True, "Vera", "APPROVED"),
        (2, False, "alice", "CHANGES_WANTED"),
    ]
    assert progress() is Progress.CHANGES_WANTED


def test_switches_of_a_link_hold_in_the_service(cast: Cast, studio: Studio, project: Project) -> None:
    round = cast.alice.publish_round(project)
    shot = cast.alice.get_project_boxes(project)[0]
    keep_files(studio, cast.alice, project)
    made = cast.alice.create_link(project, "x", can_comment=False)
    review = seen_by(studio, made)
    acts: dict[str, Callable[[], object]] = {
        "can_comment": lambda: review.comment(shot.headliner_asset_id, "x", name="Vera"),  # type: ignore[arg-type]
        "can_approve": lambda: review.give_verdict(shot, round, Opinion.APPROVED, name="Vera"),
        "can_download": lambda: review.file(shot.headliner_asset_id, ORIGINAL, to_keep=True),  # type: ignore[arg-type]
    }
    review.file(shot.headliner_asset_id, ORIGINAL)  # type: ignore[arg-type]
    for switch, act in acts.items():
        with pytest.raises(NotAllowed):
            act()
        cast.alice.change_link(made.link, **{switch: True})  # type: ignore[arg-type]
        act()
    assert cast.alice.links(project)[0].can_download


def test_a_link_opens_files_of_its_rounds_and_no_others(cast: Cast, studio: Studio, project: Project) -> None:
    cast.alice.publish_round(project)
    boxes = cast.alice.get_project_boxes(project)
    unpublished = arrived(studio, cast.alice, boxes[0])
    foreign_project = cast.alice.create_project("Q")
    foreign_box = cast.alice.create_box(foreign_project, "q")
    foreign = arrived(studio, cast.alice, foreign_box)
    cast.alice.set_headliner(foreign_box, foreign)  # type: ignore[arg-type]
    cast.alice.publish_round(foreign_project)
    review = seen_by(studio, cast.alice.create_link(project, "x"))
    keep_files(studio, cast.alice, project)
    assert review.file(boxes[0].headliner_asset_id, ORIGINAL)[1] == "image/png"  # type: ignore[arg-type]
    for take in (unpublished, foreign, new_id()):
        with pytest.raises(NotFound):
            review.file(take, ORIGINAL)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="new round"):
            review.comment(take, "x", name="Vera")  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        review.looked(foreign_box)


def test_a_reviewer_says_so_much_in_a_minute_and_no_more(
    cast: Cast, studio: Studio, project: Project, clock: Clock
) -> None:
    cast.alice.publish_round(project)
    take = cast.alice.get_project_boxes(project)[0].headliner_asset_id
    assert take
    link = cast.alice.create_link(project, "x")
    vera, igor = seen_by(studio, link, "v"), seen_by(studio, link, "i")
    for n in range(LIMITS.link_comments_minute):
        vera.comment(take, f"{n}", name="Vera")
    with pytest.raises(TooMany):
        vera.comment(take, "and")
    igor.comment(take, "I have said nothing yet", name="Igor")
    clock.move(minutes=1)
    vera.comment(take, "and")
    with studio._store.write() as tx:
        tx.all(
            "insert into link_activity select gen_random_uuid(), project_id, link_id, reviewer_id, null, 'COMMENTED', $1"
            f" from link_activity, generate_series(1, {LIMITS.link_comments_day // 10})",
            clock() - timedelta(hours=2),
        )
    with pytest.raises(TooMany, match="in a day"):
        igor.comment(take, "more")


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
