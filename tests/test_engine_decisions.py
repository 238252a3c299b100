"""What a person decides about takes whose fate is open, with a sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import let_in, person
from engine_room import Room, lost, offer, opened, until

from apom import steps
from apom.errors import ApomError, Conflict, Invalid, NotAllowed
from apom.models import Answer, Attention, Status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path) as room:
        yield room


def impatient(file: dict[str, Any], **poll: float) -> None:
    file["poll"] |= {"every_s": 0.1, "max_every_s": 0.2, "deadline_s": 0.2, **poll}


def test_a_take_cancelled_at_the_provider_costs_nothing_and_stays_cancelled(room: Room) -> None:
    take = room.order("[slow] x")
    room.is_sent(take)
    assert room.alice.cancel(take).status is Status.CANCELLED
    room.rests()
    assert room.stats()["tasks"] == {"cancelled": 1}
    found = room.take(take)
    assert (found.status, found.answers, found.file_key) == (Status.CANCELLED, (), None)
    assert room.ledger() == [(4, 0)]
    with pytest.raises(Conflict):
        room.alice.cancel(take)
    assert room.actions()[-1] == "asset.cancel"


def test_what_arrives_after_a_cancel_is_kept_and_offered(room: Room) -> None:
    offer(room.studio, lambda file: file.pop("cancel"))
    take = room.order()
    room.is_sent(take)
    room.alice.cancel(take)
    room.rests()
    found = room.take(take)
    assert (found.status, found.answers) == (Status.CANCELLED, (Answer.KEEP,))
    assert "Keep it" in found.error_message and found.file_key
    assert room.ledger() == [(4, 4)]
    assert room.alice.keep(take).status is Status.COMPLETED
    kept = room.take(take)
    assert (kept.status, kept.answers, kept.error_message) == (Status.COMPLETED, (), None)
    with pytest.raises(Conflict):
        room.alice.keep(take)
    assert room.alice.set_headliner(room.box, take).headliner_asset_id == take.id


def test_a_cancel_while_it_is_being_sent_does_not_lose_the_task(room: Room) -> None:
    offer(room.studio, lambda file: file.pop("cancel"))
    room.manners(create_delay_s=0.6)
    take = room.order()
    until(lambda: room.stats()["submitted"] == 1)
    assert room.take(take).external_task_id is None
    assert room.alice.cancel(take).status is Status.CANCELLED
    until(lambda: room.take(take).answers == (Answer.KEEP,))
    found = room.take(take)
    assert (found.status, room.stats()["submitted"]) == (Status.CANCELLED, 1)
    assert found.external_task_id


def test_a_cancel_of_one_that_the_provider_refuses_to_take_sends_it_never_again(room: Room) -> None:
    room.manners(rate_limit_next=1)
    take = room.order()
    until(lambda: room.health().paused_until)
    room.alice.cancel(take)
    room.rests()
    until(lambda: room.health().paused_until is None)
    assert room.alice.wait([room.order("y")])[0].status is Status.COMPLETED
    assert (room.take(take).status, room.stats()["submitted"]) == (Status.CANCELLED, 1)


def test_a_late_take_asks_for_a_person_and_still_comes_by_itself(room: Room) -> None:
    offer(room.studio, impatient)
    room.manners(image_s=1.5)
    take = room.order()
    late = room.reaches(take, Status.ATTENTION)
    assert (late.attention, late.answers[0]) == (Attention.LATE, Answer.CHECK_AGAIN)
    assert "comes by itself" in late.error_message
    assert room.alice.queue(status=Status.ATTENTION).items[0].asset_id == take.id
    done = room.reaches(take, Status.COMPLETED)
    assert (done.attention, done.answers, done.error_message) == (None, (), None)
    assert (room.stats()["submitted"], room.ledger()) == (1, [(4, 4)])


def test_after_its_time_it_rests_until_a_person_asks_again(room: Room) -> None:
    offer(room.studio, lambda file: impatient(file, watch_s=0.4))
    room.manners(image_s=2)
    take = room.order()
    room.reaches(take, Status.ATTENTION)
    room.rests()
    room.manners(image_s=0.2)
    until(lambda: room.stats()["tasks"] == {"success": 1})
    assert room.take(take).status is Status.ATTENTION
    assert room.alice.check_again(take).status is Status.PROCESSING
    with pytest.raises(Conflict, match="answered already"):
        room.alice.check_again(take)
    assert room.reaches(take, Status.COMPLETED).attention is None
    assert room.stats()["submitted"] == 1


def test_one_that_was_given_up_is_offered_when_it_comes(room: Room) -> None:
    offer(room.studio, impatient)
    room.manners(image_s=1.5)
    take = room.order()
    room.reaches(take, Status.ATTENTION)
    assert room.alice.give_up(take).status is Status.FAILED
    assert "given up" in room.take(take).error_message
    until(lambda: room.take(take).answers == (Answer.KEEP,))
    assert room.take(take).status is Status.FAILED, "I1"
    assert room.alice.keep(take).status is Status.COMPLETED
    assert room.actions()[-2:] == ["asset.give_up", "asset.keep"]


def test_a_lost_submission_is_made_again_only_by_a_person_who_knows_that_it_may_bill_again(room: Room) -> None:
    take = lost(room)
    assert room.ledger() == [(4, None)]
    with pytest.raises(Invalid) as refused:
        room.alice.regenerate(take, may_bill_again=False)
    assert refused.value.field == "may_bill_again"
    again = room.alice.regenerate(take, may_bill_again=True)
    assert again.id != take.id and room.alice.regenerate(take, may_bill_again=True).id == again.id, "one press"
    done = room.take(room.alice.wait([again])[0])
    assert (done.status, done.seed, done.prompt_text) == (Status.COMPLETED, take.seed, "x")
    assert (room.take(take).status, room.stats()["submitted"]) == (Status.FAILED, 2)
    with pytest.raises(Conflict):
        room.alice.regenerate(take, may_bill_again=True, token="another-token")


def test_a_pasted_task_id_is_believed_when_the_provider_knows_it(room: Room) -> None:
    other = room.arrival("y")
    take = lost(room)
    ids = {path.stem for path in (room.folder / "tasks").glob("*.json")} - {other.external_task_id}
    for wrong, error in (("", Invalid), ("two words", Invalid), ("no-such-task", Invalid), ("é", Invalid)):
        with pytest.raises(error):
            room.alice.paste_task_id(take, wrong)
    with pytest.raises(Conflict, match="Another take"):
        room.alice.paste_task_id(take, other.external_task_id or "")
    assert room.take(take).status is Status.ATTENTION
    assert room.alice.paste_task_id(take, f" {ids.pop()} ").status is Status.PROCESSING
    assert room.reaches(take, Status.COMPLETED).external_task_id
    assert room.stats()["submitted"] == 2


def test_a_paste_that_the_provider_cannot_check_now_changes_nothing(room: Room) -> None:
    take = lost(room)
    room.studio.engine.stop()
    with pytest.raises(ApomError, match="engine does not run"):
        room.alice.paste_task_id(take, "t1")
    assert room.take(take).status is Status.ATTENTION


def test_a_lost_answer_is_found_again_by_our_own_id(room: Room) -> None:
    room.manners(drop_next=2)
    takes = [room.order(), room.order("y")]
    assert [t.status for t in room.alice.wait(takes)] == [Status.COMPLETED] * 2
    assert room.stats()["submitted"] == 2


def test_what_is_proved_never_to_have_arrived_is_sent(room: Room) -> None:
    room.studio.engine.stop()
    take = room.order()
    with room.studio._store.write() as tx:
        tx.all(
            "update generation set state = 'SUBMITTING', owner = 'dead', submitted_at = $1::timestamptz"
            " - interval '1 minute', lease_until = $1::timestamptz - interval '30 seconds'",
            room.studio.accounts._clock(),
        )
    room.studio.engine.start()
    assert room.reaches(take, Status.COMPLETED).external_task_id
    assert room.stats()["submitted"] == 1


def test_a_provider_that_cannot_tell_leaves_it_to_a_person_who_may_ask_again(room: Room) -> None:
    room.manners(drop_next=1, no_lookup=1)
    take = room.order()
    found = room.reaches(take, Status.ATTENTION)
    assert (found.attention, found.answers[0]) == (Attention.UNSURE, Answer.CHECK_AGAIN)
    room.alice.check_again(take)
    until(lambda: room.take(take).status is Status.ATTENTION)
    room.manners(no_lookup=0)
    room.alice.check_again(take)
    assert room.reaches(take, Status.COMPLETED).external_task_id
    assert room.stats()["submitted"] == 1


def test_the_same_key_makes_a_second_request_safe(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def keyed(file: dict[str, Any]) -> None:
        del file["submit"]["lookup"]
        file["submit"]["replay"] = "same_key"
        file["submit"]["request"]["headers"] = {"Idempotency-Key": "{{client_id}}"}

    monkeypatch.setattr(steps, "LEASE_S", 0.5)
    offer(room.studio, keyed)
    room.manners(drop_next=1)
    take = room.order()
    assert room.reaches(take, Status.COMPLETED).external_task_id
    assert room.stats()["submitted"] == 1
    room.manners(drop_next=2)
    assert room.reaches(room.order("y"), Status.ATTENTION).attention is Attention.UNSURE, "once, not for ever"
    assert room.stats()["submitted"] == 2


def test_a_file_that_is_gone_is_fetched_again_when_a_person_says_so(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "BAD_FILE_TRIES", 1)
    offer(room.studio, lambda file: file["poll"].update(every_s=2))
    take = room.order()
    until(lambda: room.stats()["tasks"] == {"success": 1})
    path = next((room.folder / "files").iterdir())
    content = path.read_bytes()
    path.write_bytes(b"no picture at all")
    failed = room.reaches(take, Status.FAILED)
    assert failed.answers == (Answer.RETRY_DOWNLOAD,)
    path.write_bytes(content)
    assert room.alice.retry_download(take).status is Status.PROCESSING
    assert room.reaches(take, Status.COMPLETED).sha256
    assert room.stats()["submitted"] == 1


def test_a_viewer_decides_nothing(room: Room) -> None:
    take = lost(room)
    victor = room.studio.workspace(person(room.studio, "victor"))
    let_in(room.alice, take.project_id, "victor")
    for answer in (
        lambda: victor.check_again(take),
        lambda: victor.paste_task_id(take, "t1"),
        lambda: victor.regenerate(take, may_bill_again=True),
        lambda: victor.give_up(take),
        lambda: victor.keep(take),
    ):
        with pytest.raises(NotAllowed):
            answer()
    assert [item.answers for item in victor.queue().items] == [
        (Answer.PASTE_TASK_ID, Answer.REGENERATE, Answer.GIVE_UP)
    ]


def test_a_take_deleted_on_its_way_leaves_no_file_behind(room: Room) -> None:
    offer(room.studio, lambda file: file.pop("cancel"))
    take = room.order()
    room.is_sent(take)
    room.alice.cancel(take)
    room.alice.delete_asset(take)
    room.rests()
    assert list(room.studio.assets._storage.list("")) == [], "I4"
    assert len(room.ledger()) == 1, "what it may have cost is remembered"
