"""What the queue tells: of what is on its way, of what failed of late, to whom; and the same deed on many takes."""

from __future__ import annotations

import pytest
from conftest import Cast, Clock, let_in

from apom.config import LIMITS
from apom.errors import Invalid, NotAllowed, NotFound
from apom.models import Attention, Box, Deed, Role, State, Status, Take, new_id
from apom.studio import Studio, Workspace


def become(
    studio: Studio, take: Take, status: Status, *, attention: Attention | None = None, file: bool = False
) -> None:
    """A take as an engine would leave it."""
    with studio._store.write() as tx:
        tx.all(
            "update generation set state = $2, attention = $3::text where asset_id = $1",
            take.id,
            State(status.value),
            attention,
        )
        tx.all(
            "update asset set status = $2, file_key = $3::text, updated_at = $4 where id = $1",
            take.id,
            status,
            "dev/a/x/original-000000000000.png" if file else None,
            studio.queue._clock(),
        )


def shot(ws: Workspace, name: str = "P") -> Box:
    return ws.create_box(ws.create_project(name), "one")


def test_a_row_says_where_it_is_and_what_it_is(cast: Cast) -> None:
    box = shot(cast.alice)
    take = cast.alice.generate(box, "harbour " * 100)[0]
    item = cast.alice.queue().items[0]
    assert (item.asset_id, item.project_name, item.box_name, item.role) == (take.id, "P", "one", Role.OWNER)
    assert item.prompt_text.startswith("harbour harbour") and len(item.prompt_text) < 300
    assert (item.provider_title, item.model_title, item.thumbnail_url) == ("Sandbox", "Sandbox image", None)
    with cast.studio._store.write() as tx:
        tx.all("update asset set thumb_key = 'dev/a/x/thumb-000000000000.webp' where id = $1", take.id)
    assert cast.alice.queue_items([take])[0].thumbnail_url == "/app/static/m/x/thumb-000000000000.webp"


def test_what_failed_is_kept_a_week_and_goes_when_it_is_ordered_again(cast: Cast, clock: Clock) -> None:
    box = shot(cast.alice)
    takes = cast.alice.generate(box, "x", n=4)
    become(cast.studio, takes[0], Status.FAILED)
    become(cast.studio, takes[1], Status.CANCELLED, file=True)
    become(cast.studio, takes[2], Status.CANCELLED)
    failed = cast.alice.queue(status=Status.FAILED, project=box.project_id).items
    assert {item.asset_id for item in failed} == {takes[0].id, takes[1].id}, "one has arrived after it was stopped"
    assert [item.asset_id for item in cast.alice.queue().items] == [takes[3].id]
    assert len(cast.alice.queue_items(takes)) == 3
    again = cast.alice.decide([takes[0]], Deed.AGAIN)
    assert cast.alice.decide([takes[0]], Deed.AGAIN) == again, "said twice it is one order"
    assert [item.asset_id for item in cast.alice.queue(status=Status.FAILED).items] == [takes[1].id]
    clock.move(days=8)
    assert cast.alice.queue(status=Status.FAILED).items == ()


def test_pages_of_what_failed_come_newest_first(cast: Cast) -> None:
    takes = [cast.alice.generate(shot(cast.alice), "x")[0] for _ in range(3)]
    for take in takes:
        become(cast.studio, take, Status.FAILED)
    first = cast.alice.queue(status=Status.FAILED, limit=2)
    rest = cast.alice.queue(status=Status.FAILED, limit=2, cursor=first.next)
    assert [item.asset_id for item in (*first.items, *rest.items)] == [take.id for take in reversed(takes)]
    assert rest.next is None


def test_a_stranger_sees_nothing_and_a_viewer_can_decide_nothing(cast: Cast) -> None:
    box = shot(cast.alice)
    take = cast.alice.generate(box, "x")[0]
    become(cast.studio, take, Status.ATTENTION, attention=Attention.LOST)
    let_in(cast.alice, box.project_id, "victor")
    assert not (cast.bob.queue().items or cast.bob.queue_items([take]) or cast.bob.queue_summary())
    with pytest.raises(NotFound):
        cast.bob.queue(project=box.project_id)
    seen = cast.victor.queue_items([take])[0]
    assert (seen.role, seen.answers) == (Role.VIEWER, cast.alice.queue_items([take])[0].answers)
    assert [(row.attention, row.in_flight) for row in cast.victor.queue_summary()] == [(1, 0)]
    for who, code in ((cast.bob, NotFound.code), (cast.victor, NotAllowed.code)):
        assert [refusal.code for refusal in who.decide([take], Deed.GIVE_UP).refused] == [code]
    mine = cast.alice.queue(created_by=cast.victor.actor.user_id)
    assert mine.items == ()


def test_a_refusal_holds_up_no_other(cast: Cast) -> None:
    takes = cast.alice.generate(shot(cast.alice), "x", n=3)
    become(cast.studio, takes[1], Status.COMPLETED)
    done = cast.alice.decide([takes[0], takes[1], new_id(), takes[2], takes[0]], Deed.CANCEL)
    assert [take.id for take in done.takes] == [takes[0].id, takes[2].id]
    assert [refusal.code for refusal in done.refused] == ["conflict", "not_found"]
    assert "nothing to cancel" in done.refused[0].detail
    for many in ([], [new_id()] * (LIMITS.marks + 1)):
        with pytest.raises(Invalid):
            cast.alice.decide(many, Deed.CANCEL)


def test_ordering_again_has_to_say_that_it_may_bill_again(cast: Cast) -> None:
    takes = cast.alice.generate(shot(cast.alice), "x", n=2)
    for take in takes:
        become(cast.studio, take, Status.ATTENTION, attention=Attention.LOST)
    assert len(cast.alice.decide(takes, Deed.REGENERATE).refused) == 2
    done = cast.alice.decide(takes, Deed.REGENERATE, may_bill_again=True)
    assert len(done.takes) == 2 and not done.refused
    assert {item.asset_id for item in cast.alice.queue().items} == {take.id for take in done.takes}


def test_what_was_spent_on_a_day_is_one_row_per_model(cast: Cast, clock: Clock) -> None:
    box = shot(cast.alice)
    for days in (0, 1):
        clock.move(days=days)
        for take in cast.alice.generate(box, "x", n=2):
            become(cast.studio, take, Status.PROCESSING)
            cast.alice.cancel(take)
    rows = cast.alice.spending_by_day(project=box.project_id)
    assert [(row.takes, row.is_play, row.amount) for row in rows] == [(2, True, None), (2, True, None)]
    assert rows[0].day < rows[1].day
    assert [row.takes for row in cast.alice.spending_by_day(since=rows[1].day)] == [2]
    assert cast.bob.spending_by_day() == ()
    with pytest.raises(NotFound):
        cast.bob.spending_by_day(project=box.project_id)
