"""What people are told: everything once, to whom it concerns, and to nobody who may not see it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Cast, Clock, let_in
from engine_room import offer
from test_comments import take_of
from test_idor import arrived
from test_money import dear
from test_queue import become
from test_sharing import seen_by

from apom.errors import Conflict, Invalid, NotFound
from apom.models import (
    Attention,
    BatchOrder,
    Box,
    Channel,
    Digest,
    Event,
    NoticeKind,
    Opinion,
    Project,
    Role,
    Status,
    Visibility,
    new_id,
)
from apom.notices import mail_time
from apom.store import system, users
from apom.studio import Studio, Workspace

SECRET = "for our ears only"


@pytest.fixture
def project(cast: Cast) -> Project:
    project = cast.alice.create_project("Film")
    let_in(cast.alice, project, "victor", Role.VIEWER)
    return project


@pytest.fixture
def box(cast: Cast, studio: Studio, project: Project) -> Box:
    """A shot of the first round, with its take."""
    box = cast.alice.create_box(project, "Harbour")
    cast.alice.set_headliner(box, arrived(studio, cast.alice, box))  # type: ignore[arg-type]
    cast.alice.publish_round(project)
    return cast.alice.box(box)


def told(ws: Workspace, **which: Any) -> list[tuple[str, str]]:
    ws._studio.telling.derive(everything=True)
    return [(each.title, each.text) for each in ws.notifications(**which).items]


def test_a_comment_is_told_to_the_others_of_the_project_once(cast: Cast, box: Box) -> None:
    assert told(cast.alice) == []
    cast.alice.add_comment(take_of(box), SECRET)
    assert told(cast.victor) == [("alice commented on 010 Harbour", SECRET)] == told(cast.victor)
    assert told(cast.alice) == told(cast.bob) == [], "not to who said it, not to strangers"
    cast.alice.add_comment(take_of(box), "x" * 600, visibility=Visibility.CLIENT)
    newest = cast.victor.notifications().items[0] if told(cast.victor) else None
    assert newest is not None
    assert (len(newest.text), newest.text[-1], newest.path) == (500, "…", f"/box?box={box.id}&take={take_of(box)}")
    assert cast.victor.unread_notifications() == 2


def test_what_clients_say_and_decide_is_told_to_every_member(
    cast: Cast, studio: Studio, project: Project, box: Box
) -> None:
    review = seen_by(studio, cast.alice.create_link(project, "client", can_approve=True))
    round = cast.alice.rounds(project)[0]
    review.comment(take_of(box), "softer <b>light</b>", name="Vera")
    review.give_verdict(box.id, round.id, Opinion.APPROVED)
    review.give_verdict(box.id, round.id, Opinion.CHANGES_WANTED)
    expected = [
        ("Vera wants changes to 010 Harbour", ""),
        ("Vera approved 010 Harbour", ""),
        ("Vera commented on 010 Harbour", "softer <b>light</b>"),
    ]
    assert told(cast.alice) == told(cast.victor) == expected
    assert told(cast.bob) == []


def test_the_words_of_a_comment_are_those_of_now_and_go_with_it(cast: Cast, box: Box) -> None:
    said = cast.alice.add_comment(take_of(box), "softr")
    told(cast.victor)
    cast.alice.edit_comment(said, "softer")
    assert told(cast.victor)[0][1] == "softer"
    assert cast.victor.unread_notifications() == 1
    cast.alice.delete_comment(said)
    assert told(cast.victor) == []
    assert cast.victor.unread_notifications() == 0


def test_who_comes_later_hears_nothing_of_before_and_who_was_removed_nothing_any_more(
    cast: Cast, project: Project, box: Box
) -> None:
    cast.alice.add_comment(take_of(box), SECRET)
    let_in(cast.alice, project, "bob", Role.EDITOR)
    assert told(cast.bob) == []
    cast.alice.add_comment(take_of(box), SECRET)
    assert len(told(cast.bob)) == 1
    one = cast.bob.notifications().items[0]
    cast.alice.remove_member(project, cast.bob.actor.user_id)
    cast.alice.add_comment(take_of(box), SECRET)
    assert told(cast.bob) == []
    assert cast.bob.unread_notifications() == 0
    for ws in (cast.bob, cast.alice):
        with pytest.raises(NotFound):
            ws.notification(one)


def test_a_process_that_died_before_it_told_loses_nothing(cast: Cast, studio: Studio, box: Box) -> None:
    cast.alice.add_comment(take_of(box), "said, and then the power went")
    assert studio.telling.__class__(studio._store, studio.hub, studio.settings, studio.telling._clock).derive() == 1
    assert studio.telling.derive(everything=True) == 0


def test_takes_that_need_somebody_are_told_to_who_ordered_them_and_collapse_within_a_batch(
    cast: Cast, studio: Studio, project: Project, box: Box
) -> None:
    let_in(cast.alice, project, "bob", Role.EDITOR)
    takes = cast.bob.generate(box, "x", n=3)
    become(studio, takes[0], Status.ATTENTION, attention=Attention.LOST)
    assert told(cast.bob) == [("A take of 010 Harbour needs you", "")]
    assert told(cast.alice) == told(cast.victor) == []
    for take in takes[1:]:
        become(studio, take, Status.ATTENTION, attention=Attention.GONE)
    assert told(cast.bob) == [("3 takes need you", "")]
    assert [(each.n, each.path) for each in cast.bob.notifications().items] == [(3, "/queue")]
    cast.bob.mark_notifications_read()
    assert told(cast.bob, unread=True) == []
    cast.bob.give_up(takes[0])
    become(studio, takes[0], Status.ATTENTION, attention=Attention.LOST)
    assert len(told(cast.bob, unread=True)) == 1, "what needs somebody again is news again"


def test_takes_of_who_cannot_answer_any_more_are_the_owners(
    cast: Cast, studio: Studio, project: Project, box: Box
) -> None:
    let_in(cast.alice, project, "bob", Role.EDITOR)
    take = cast.bob.generate(box, "x")[0]
    let_in(cast.alice, project, "bob", Role.VIEWER)
    become(studio, take, Status.ATTENTION, attention=Attention.LOST)
    assert (told(cast.bob), len(told(cast.alice))) == ([], 1)


def test_the_end_of_a_batch_is_told_once_to_who_ordered_it(
    cast: Cast, studio: Studio, project: Project, box: Box
) -> None:
    order = BatchOrder(prompts=("x",), models=("sandbox/sandbox-image",), boxes=(box,), seeds=(1, 2, 3), name="Light")
    batch = cast.alice.order_batch(project, order)
    takes = cast.alice.search_assets(batch=batch).items
    become(studio, takes[0], Status.COMPLETED, file=True)
    become(studio, takes[1], Status.FAILED)
    assert told(cast.alice) == []
    become(studio, takes[2], Status.COMPLETED, file=True)
    assert told(cast.alice) == [("The batch Light is done", "2 ready · 1 failed")] == told(cast.alice)
    assert told(cast.victor) == []
    cast.alice.retry_batch(batch)
    again = next(take for take in cast.alice.search_assets(batch=batch).items if take.status is Status.PENDING)
    assert len(told(cast.alice)) == 1
    become(studio, again, Status.COMPLETED, file=True)
    assert len(told(cast.alice)) == 2, "it was ordered again, and is done again"
    cast.alice.generate(box, "just one")
    assert len(told(cast.alice)) == 2, "a single take is no batch"


def test_a_budget_is_told_once_each_time_it_is_nearly_used_up(cast: Cast, studio: Studio) -> None:
    offer(studio, dear())
    project = cast.alice.create_project("Film", budget=10)
    for name, role in (("victor", Role.VIEWER), ("bob", Role.EDITOR)):
        let_in(cast.alice, project, name, role)
    box = cast.alice.create_box(project, "One")
    cast.alice.generate(box, "x", n=3)
    assert told(cast.alice) == [], "6 of 10"
    take = cast.alice.generate(box, "x")[0]
    expected = [("80 % of the budget of Film is spent or promised", "8.00 USD of 10.00 USD")]
    assert told(cast.alice) == told(cast.bob) == expected
    assert told(cast.victor) == [], "who only looks on spends nothing"
    cast.alice.cancel(take)
    assert told(cast.alice) == expected, "6 of 10: it has fallen far enough"
    cast.alice.generate(box, "x")
    assert told(cast.alice) == expected * 2
    cast.alice.update_project(project, budget=100)
    cast.alice.generate(box, "x")
    assert told(cast.alice) == expected * 2


def test_a_budget_of_next_to_nothing_is_told_like_any_other(cast: Cast, studio: Studio) -> None:
    """Infinity is no JSON: everybody's notifications would stop at it."""
    offer(studio, dear())
    project = cast.alice.create_project("Film", budget=100)
    cast.alice.generate(cast.alice.create_box(project, "One"), "x")
    cast.alice.update_project(project, budget=5e-324)
    assert told(cast.alice) == [("100000 % of the budget of Film is spent or promised", "2.00 USD of 0.0000 USD")]


def test_a_persons_month_is_told_to_them_alone(cast: Cast, studio: Studio, clock: Clock) -> None:
    offer(studio, dear())
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    with studio._store.write() as tx:
        users.set_monthly_limit(tx, cast.alice.actor.user_id, 4.5, clock.now)
    cast.alice.generate(box, "x", n=2)
    expected = [("88 % of your limit for this month is spent or promised", "4.00 USD of 4.50 USD")]
    assert told(cast.alice) == expected == told(cast.alice)
    assert told(cast.bob) == []
    with studio._store.write() as tx:
        system.put(tx, "currency", "XYZ", None, clock.now)
    assert told(cast.alice) == expected, "what nobody can reckon is not told"


def test_everybody_marks_their_own_and_pages_through_them(cast: Cast, box: Box) -> None:
    for n in range(5):
        cast.alice.add_comment(take_of(box), f"{n}")
    told(cast.victor)
    page = cast.victor.notifications(limit=2)
    rest = cast.victor.notifications(limit=9, cursor=page.next)
    assert [each.text for each in (*page.items, *rest.items)] == ["4", "3", "2", "1", "0"]
    assert rest.next is None
    assert cast.bob.mark_notifications_read(page.items) == 0
    assert cast.victor.unread_notifications() == 5, "a stranger marks nothing"
    assert cast.victor.mark_notifications_read(page.items) == 3
    assert [each.text for each in cast.victor.notifications(unread=True).items] == ["2", "1", "0"]
    assert cast.victor.mark_notifications_read([]) == 3
    assert cast.victor.mark_notifications_read() == 0
    with pytest.raises(Invalid):
        cast.victor.notifications(cursor="nonsense")
    with pytest.raises(Invalid):
        cast.victor.mark_notifications_read([new_id()] * 201)


def test_people_choose_what_they_hear_of_and_how(cast: Cast, box: Box) -> None:
    before = cast.victor.notification_settings()
    assert set(before.channels.values()) == {(Channel.APP, Channel.POST)}
    assert (before.digest, before.email, before.mail_ready) == (Digest.HOURLY, None, False)
    changed = cast.victor.set_notification_settings({NoticeKind.COMMENT: []}, digest=Digest.DAILY)
    assert (changed.channels[NoticeKind.COMMENT], changed.digest) == ((), Digest.DAILY)
    assert changed.channels[NoticeKind.VERDICT] == (Channel.APP, Channel.POST)
    cast.alice.add_comment(take_of(box), "x")
    assert told(cast.victor) == []
    assert cast.victor.set_notification_settings().digest is Digest.DAILY
    for wrong in ({"NO_SUCH": ()}, {NoticeKind.COMMENT: ("PIGEON",)}, {NoticeKind.WEBHOOK: ()}):
        with pytest.raises(Invalid):
            cast.victor.set_notification_settings(wrong)  # type: ignore[arg-type]


def test_an_address_for_mail_is_checked_and_one_persons(cast: Cast) -> None:
    assert cast.alice.set_email(" alice@example.com ").email == "alice@example.com"
    assert cast.alice.set_email("ALICE@example.com").email == "ALICE@example.com"
    with pytest.raises(Conflict, match="There is an account"):
        cast.bob.set_email("alice@EXAMPLE.com")
    for wrong in ("alice", "a@b", "a b@example.com", "a@example.com\nBcc: x@example.com, <x@y.z>", "a@b..c", "@x.y"):
        with pytest.raises(Invalid):
            cast.bob.set_email(wrong)
    assert cast.alice.set_email(None).email is None


def test_a_deactivated_person_is_told_nothing(cast: Cast, studio: Studio, box: Box) -> None:
    studio.operator().change_user("victor", is_active=False)
    cast.alice.add_comment(take_of(box), "x")
    assert studio.telling.derive() == 0


def test_it_is_said_to_the_person_alone_and_live(cast: Cast, studio: Studio, box: Box) -> None:
    async def scene() -> tuple[Event, int, int]:
        project_id, hub = box.project_id, studio.hub
        with (
            hub.subscribe(project_id, user_id=cast.victor.actor.user_id) as victor,
            hub.subscribe(project_id) as page,
            hub.subscribe(project_id, user_id=cast.alice.actor.user_id) as alice,
        ):
            await asyncio.to_thread(cast.alice.add_comment, take_of(box), "x")
            for each in (victor, page, alice):
                assert (await each.next()).type == "comment"
            await studio.telling.look(None)
            return await asyncio.wait_for(victor.next(), 5), page._queue.qsize(), alice._queue.qsize()

    event, *others = asyncio.run(scene())
    assert (event.type, event.user_id, event.project_id, others) == (
        "notified",
        cast.victor.actor.user_id,
        None,
        [0, 0],
    )


def test_old_ones_go_and_what_is_told_stays_told(cast: Cast, studio: Studio, clock: Clock, box: Box) -> None:
    cast.alice.add_comment(take_of(box), "x")
    assert len(told(cast.victor)) == 1
    clock.move(days=91)
    assert told(cast.victor) == []
    with studio._store.read() as tx:
        assert tx.value("select count(*) from notification") == 0
    assert told(cast.victor) == []


def test_a_project_that_is_deleted_takes_what_was_told_of_it_along(cast: Cast, studio: Studio) -> None:
    project = cast.alice.create_project("Short")
    let_in(cast.alice, project, "victor", Role.VIEWER)
    box = cast.alice.create_box(project, "One")
    cast.alice.add_comment(arrived(studio, cast.alice, box), "x")  # type: ignore[arg-type]
    assert len(told(cast.victor)) == 1
    cast.alice.delete_project(project)
    assert told(cast.victor) == []


def test_mails_go_out_when_the_person_wants_them(clock: Clock) -> None:
    noon = clock.now
    assert [(mail_time(digest, noon) - noon).total_seconds() / 60 for digest in Digest] == [1, 60, 18 * 60]
    dawn = noon.replace(hour=5)
    assert mail_time(Digest.DAILY, dawn) == dawn.replace(hour=6)
