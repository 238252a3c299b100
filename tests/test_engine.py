"""The engine with the real sandbox, real media and a real store."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import let_in, person
from engine_room import offer, until
from hypothesis import given
from hypothesis import strategies as st

from apom.config import Settings
from apom.engine.gate import SENDING, Bucket, Gate
from apom.engine.outcomes import Done, commit
from apom.errors import Conflict, Invalid
from apom.models import Answer, Asset, AssetType, InputRole, Role, SourceType, State, Status, Take, new_id
from apom.steps import Arrived, Outcome, backoff, poll_wait
from apom.store import generations
from apom.studio import Studio, Workspace


@pytest.fixture
def alice(running: Studio) -> Workspace:
    return running.workspace(person(running, "alice"))


def arrived(alice: Workspace, takes: Sequence[Take]) -> list[Asset]:
    """With everything about them."""
    return [alice.asset(take) for take in alice.wait(takes, timeout_s=120)]


def assert_files_match_rows(studio: Studio) -> None:
    """I3 and I4: a COMPLETED take's file is there with its size and sha256, and there is no other file."""
    storage = studio.assets._storage
    with studio._store.read() as tx:
        rows = tx.all("select * from asset")
    expected = {key for row in rows for key in (row["file_key"], row["thumb_key"], row["preview_key"]) if key}
    assert {stored.key for stored in storage.list("")} == expected
    for row in rows:
        assert (row["status"] == "COMPLETED") == (row["file_key"] is not None)
        if row["file_key"]:
            content = storage.path(row["file_key"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (row["bytes"], row["sha256"])


def test_pictures_arrive_with_everything_measured(running: Studio, alice: Workspace) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    ordered = alice.generate(box, "закат над морем", n=3)
    assert {take.status for take in ordered} == {Status.PENDING}
    takes = arrived(alice, ordered)
    assert [t.status for t in takes] == [Status.COMPLETED] * 3, [t.error_message for t in takes]
    take = takes[0]
    assert (take.asset_type, take.source_type, take.mime) == (AssetType.IMAGE, SourceType.GENERATED, "image/png")
    assert take.width and take.height and take.bytes and take.sha256 and take.thumb_key
    assert take.placeholder and take.placeholder.startswith("data:image/webp;base64,")
    assert take.external_task_id is None or take.external_task_id
    assert take.cost and take.cost_unit
    assert len({t.seed for t in takes}) == 3 and len({t.sha256 for t in takes}) == 3
    assert alice.box(box).assets_count == 3
    with running._store.read() as tx:
        assert tx.value("select count(*) from ledger_entry where is_play") == 3
    assert_files_match_rows(running)


def test_a_clip_is_made_from_a_picture(running: Studio, alice: Workspace) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    (picture,) = arrived(alice, alice.generate(box, "harbour"))
    (clip,) = arrived(alice, [alice.animate(picture)])
    assert clip.status is Status.COMPLETED, clip.error_message
    assert (clip.asset_type, clip.source_type, clip.mime) == (AssetType.VIDEO, SourceType.IMG2VID, "video/mp4")
    assert clip.parent_asset_id == picture.id
    assert [(i.source_asset_id, i.role) for i in clip.inputs] == [(picture.id, InputRole.FIRST_FRAME)]
    assert clip.duration_s and 2.5 < clip.duration_s < 6
    assert clip.preview_key and clip.thumb_key
    with pytest.raises(Conflict, match="made from it"):
        alice.delete_asset(picture)
    alice.delete_asset(clip)
    alice.delete_asset(picture)
    assert_files_match_rows(running)


def test_a_failure_of_the_provider_is_told_in_its_words(alice: Workspace) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    failed, refused = arrived(alice, (*alice.generate(box, "[fail] x"), *alice.generate(box, "[refuse] x")))
    assert failed.status is Status.FAILED and "It said: " in str(failed.error_message)
    assert refused.status is Status.FAILED and "It said: " in str(refused.error_message)
    assert not refused.cost, "nothing was charged"
    again = alice.again(refused)
    assert (again.number, again.seed, again.ai_model) == (3, refused.seed, refused.ai_model)


def test_one_order_sent_twice_is_one_order(alice: Workspace) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    results: list[set[object]] = []
    threads = [
        threading.Thread(
            target=lambda: results.append({t.id for t in alice.generate(box, "x", n=2, token="one-click-only")})
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(frozenset, results))) == 1
    assert len(alice.get_box_assets(box).items) == 2
    bob = alice._studio.workspace(person(alice._studio, "bob"))
    with pytest.raises(Conflict):
        bob.generate(bob.create_box(bob.create_project("B"), "b"), "x", token="one-click-only")


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("n", {"n": 0}),
        ("n", {"n": 17}),
        ("prompt", {"prompt": "x" * 20_001}),
        ("model", {"model": "sandbox/none"}),
        ("model", {"model": "none/none"}),
        ("nonsense", {"params": {"nonsense": 1}}),
        ("aspect_ratio", {"params": {"aspect_ratio": "7:5"}}),
        ("inputs", {"model": "sandbox/sandbox-video"}),
    ],
)
def test_a_bad_order_is_refused_before_anything_is_stored(
    alice: Workspace, field: str, order: dict[str, object]
) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    with pytest.raises(Invalid) as refused:
        alice.generate(box, **{"prompt": "x", **order})  # type: ignore[arg-type]
    assert refused.value.field == field
    assert alice.get_box_assets(box).items == ()


def test_inputs_must_be_finished_pictures_of_this_project(alice: Workspace) -> None:
    box = alice.create_box(alice.create_project("P"), "one")
    elsewhere = alice.create_box(alice.create_project("Q"), "one")
    picture = alice.wait(alice.generate(elsewhere, "x"), timeout_s=90)[0]
    for source in (picture, alice.generate(box, "[slow] x")[0]):
        with pytest.raises(Invalid):
            alice.generate(box, "x", model="sandbox/sandbox-video", inputs=[(InputRole.FIRST_FRAME, source)])


def test_what_was_in_flight_goes_on_after_a_restart(settings: Settings) -> None:
    slow = settings.model_copy(update={"sandbox_image_s": 2.0})
    with Studio.open(slow) as studio:
        alice = studio.workspace(person(studio, "alice"))
        box = alice.create_box(alice.create_project("P"), "one")
        takes = alice.generate(box, "x", n=4)
        until(lambda: all(alice.asset(t).status is Status.PROCESSING for t in takes))
        time.sleep(0.3)  # the answers to the submissions are committed a moment later
    with Studio.open(settings) as studio:
        again = studio.workspace(alice.actor)
        done = again.wait(takes, timeout_s=90)
        assert [t.status for t in done] == [Status.COMPLETED] * 4, [t.error_message for t in done]
        assert len(list((settings.data_dir / "sandbox").rglob("*.json"))) >= 4
        assert_files_match_rows(studio)


def test_a_submission_whose_process_died_waits_for_a_person_and_is_never_sent_again(studio: Studio) -> None:
    alice = studio.workspace(person(studio, "alice"))
    offer(studio, lambda file: file["submit"].pop("lookup"))
    box = alice.create_box(alice.create_project("P"), "one")
    take = alice.generate(box, "x")[0]
    with studio._store.write() as tx:
        tx.all("update generation set state = 'SUBMITTING', owner = 'dead', lease_until = $1", studio.accounts._clock())
    studio.engine.start()
    until(lambda: alice.asset(take).status is Status.ATTENTION)
    assert alice.asset(take).answers == (Answer.PASTE_TASK_ID, Answer.REGENERATE, Answer.GIVE_UP)
    assert "never sent again by itself" in str(alice.asset(take).error_message)
    until(lambda: studio.engine.vitals().in_flight == 0)
    with studio._store.read() as tx:
        assert tx.value("select count(*) from ledger_entry") == 1, "it may have been paid for"


def test_a_row_that_cannot_be_read_holds_up_no_other(studio: Studio) -> None:
    alice = studio.workspace(person(studio, "alice"))
    box = alice.create_box(alice.create_project("P"), "one")
    broken, whole = alice.generate(box, "x", n=2)
    with studio._store.write() as tx:
        tx.all("update provider_snapshot set content = '{}'")
        generations.keep_snapshot(tx, "elsewhere", "sandbox", "{}", studio.accounts._clock())
        tx.all("update generation set snapshot = 'elsewhere' where asset_id = $1", broken.id)
        sha256, content = studio.generate._catalog.snapshot("sandbox")
        generations.keep_snapshot(tx, sha256 + "-whole", "sandbox", content, studio.accounts._clock())
        tx.all("update generation set snapshot = $2 where asset_id = $1", whole.id, sha256 + "-whole")
    studio.engine.start()
    assert alice.wait([whole], timeout_s=90)[0].status is Status.COMPLETED
    assert alice.asset(broken).status is Status.PENDING


def test_a_result_that_was_ready_while_we_slept_is_fetched_however_late(settings: Settings) -> None:
    with Studio.open(settings.model_copy(update={"sandbox_image_s": 1.0})) as studio:
        alice = studio.workspace(person(studio, "alice"))
        take = alice.generate(alice.create_box(alice.create_project("P"), "one"), "x")[0]
        until(lambda: alice.asset(take).status is Status.PROCESSING)
        time.sleep(0.3)
    time.sleep(0.8)  # it is ready now
    with Studio.open(settings, engine=False) as studio:
        with studio._store.write() as tx:
            tx.all("update generation set submitted_at = submitted_at - interval '8 hours'")
        studio.engine.start()
        assert studio.workspace(alice.actor).wait([take], timeout_s=90)[0].status is Status.COMPLETED


def test_several_results_become_takes_even_when_who_ordered_has_left(studio: Studio) -> None:
    alice, editor = (studio.workspace(person(studio, name)) for name in ("alice", "edith"))
    project = alice.create_project("P")
    let_in(alice, project, "edith", Role.EDITOR)
    box = alice.create_box(project, "one")
    take = editor.generate(box, "x")[0]
    editor.remove_member(project, editor.actor.user_id)
    with studio._store.read() as tx:
        before = generations.unfinished(tx)[0]
    file = {"file_key": "dev/a/x/original-0123456789ab.png", "mime": "image/png", "bytes": 1, "sha256": "0"}
    arrived = [Arrived(asset_id=id, asset_type=AssetType.IMAGE, file=file) for id in (take.id, new_id(), new_id())]
    outcome = Outcome(state=State.COMPLETED, arrived=arrived)
    done = Done(
        before=before, after=before.model_copy(update={"state": State.COMPLETED}), outcome=outcome, is_play=True
    )
    assert set(commit(studio._store, [done], "me", before.next_at)) == {before.id}
    assert commit(studio._store, [done], "me", before.next_at) == {}, "once"
    takes = alice.get_box_assets(box).items
    assert {t.id for t in takes} == {a.asset_id for a in arrived}
    assert {(t.status, alice.asset(t).prompt_text, t.seed) for t in takes} == {(Status.COMPLETED, "x", take.seed)}


def test_the_same_token_for_another_order_is_refused(alice: Workspace) -> None:
    one, two = alice.create_boxes(alice.create_project("P"), ["one", "two"])
    alice.generate(one, "x", token="one-click-only")
    for order in (
        lambda: alice.generate(two, "x", token="one-click-only"),
        lambda: alice.generate(one, "y", token="one-click-only"),
    ):
        with pytest.raises(Conflict, match="placed before"):
            order()
    with pytest.raises(Invalid):
        alice.generate(one, "x", token="\ud800 short")


def test_a_take_that_was_not_sent_is_cancelled_and_never_sent(studio: Studio, settings: Settings) -> None:
    alice = studio.workspace(person(studio, "alice"))
    box = alice.create_box(alice.create_project("P"), "one")
    take = alice.generate(box, "x")[0]
    assert alice.cancel(take).status is Status.CANCELLED
    with pytest.raises(Conflict):
        alice.cancel(take)
    studio.engine.start()
    other = alice.wait(alice.generate(box, "y"), timeout_s=90)[0]
    assert other.status is Status.COMPLETED
    assert alice.asset(take).status is Status.CANCELLED
    assert not Path(settings.data_dir / "run.json").exists()


def test_deleting_waits_for_what_is_on_its_way(studio: Studio) -> None:
    alice = studio.workspace(person(studio, "alice"))
    project = alice.create_project("P")
    box = alice.create_box(project, "one")
    take = alice.generate(box, "x")[0]
    for delete, thing in ((alice.delete_asset, take), (alice.delete_box, box), (alice.delete_project, project)):
        with pytest.raises(Conflict, match=r"on (its|their) way"):
            delete(thing)  # type: ignore[operator]
    alice.cancel(take)
    alice.delete_project(project)


def test_favourites_and_headliners(running: Studio, alice: Workspace) -> None:
    project = alice.create_project("P")
    let_in(alice, project, person(running, "victor").username)
    box, other = alice.create_boxes(project, ["one", "two"])
    a, b = alice.wait(alice.generate(box, "x", n=2), timeout_s=90)
    assert alice.toggle_favorite(a).is_favorite
    assert [t.id for t in alice.get_favorite_assets(project).items] == [a.id]
    assert [t.id for t in alice.get_favorite_assets().items] == [a.id]
    assert not alice.toggle_favorite(a).is_favorite
    assert alice.set_headliner(box, b).headliner_asset_id == b.id
    assert alice.asset(b).is_headliner and alice.box(box).cover_url
    with pytest.raises(Invalid, match="of this shot"):
        alice.set_headliner(other, b)
    with pytest.raises(Invalid, match="not here yet"):
        alice.set_headliner(box, alice.generate(box, "[slow] y")[0])
    assert alice.mosaics([project])[project.id] == [(b.thumb_key, b.placeholder)]
    assert [t.id for t in alice.get_box_assets(box, asset_type=AssetType.VIDEO).items] == []
    alice.delete_asset(b)
    assert alice.box(box).headliner_asset_id is None, "I5"
    assert alice.box(box).cover_key == a.thumb_key, "the newest take stands in"
    assert alice.generate(box, "x")[0].number == 4, "numbers are never given twice"


def test_health_tells_of_store_and_engine(studio: Studio) -> None:
    def well() -> dict[str, bool]:
        return {part.name: part.ok for part in studio.health().parts}

    assert well() == {"store": True, "engine": False, "jobs": False}
    studio.engine.start()
    until(lambda: well()["engine"])
    studio.jobs.start()
    until(lambda: studio.health().ok)
    studio.engine.stop()
    assert well() == {"store": True, "engine": False, "jobs": False}


def test_an_engine_that_cannot_start_says_why_at_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no providers today")

    monkeypatch.setattr(studio.engine, "_make_providers", broken)
    with pytest.raises(RuntimeError, match="no providers today"):
        studio.engine.start()


def test_a_gate_holds_slots_and_tokens() -> None:
    gate = Gate(slots=2, submits=Bucket(12, 3600), polls=Bucket(12, 3600))
    a, b, c, d = (new_id() for _ in range(4))
    for id in (a, b, c, d):
        gate.line.join(id, a, is_batch=False)
    assert [gate.next(), gate.next()] == [a, b]
    assert gate.next() is None, "no slot"
    gate.leave(a)
    assert gate.next() == c
    gate.leave(b)
    assert gate.next() is None, "no token: a quarter of twelve at once, the others over the hour"
    assert gate.submits.wait_s() == pytest.approx(400, abs=5)
    gate.submits.pause(3000)
    assert gate.submits.wait_s() > 2900 and gate.polls.wait_s() == 0


def test_a_gate_lets_in_no_more_than_can_be_sent_at_once_however_many_slots_there_are() -> None:
    gate = Gate(slots=1000, submits=Bucket(10**6, 1), polls=Bucket(12, 3600))
    who = new_id()
    for id in (ids := [new_id() for _ in range(SENDING + 2)]):
        gate.line.join(id, who, is_batch=False)
    assert [gate.next() for _ in ids] == [*ids[:SENDING], None, None]
    gate.answered(ids[3])
    assert [gate.next(), gate.next()] == [ids[SENDING], None]
    gate.leave(ids[4])
    assert gate.next() == ids[SENDING + 1]
    assert len(gate.inside) == SENDING + 1, "the one that was answered is at the provider, the one that left is not"


@given(st.floats(0, 1e6), st.floats(0.1, 1e4), st.floats(0.1, 60), st.floats(1, 600))
def test_the_next_poll_is_never_now_and_never_too_late(age: float, expected: float, every: float, most: float) -> None:
    wait = poll_wait(age, expected, every, most)
    assert 0.15 < wait <= max(most, expected * 0.6, 0.2) * 1.1 + 1e-6


@given(st.integers(0, 10_000))
def test_backoff_stays_within_its_bounds(attempts: int) -> None:
    assert 0.5 <= backoff(attempts) <= 60
