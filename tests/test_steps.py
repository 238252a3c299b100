"""Single steps at the edges of what they may assume."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_steps_machine import Keeper, Provider, Rendered, spec_of

from apom import steps
from apom.models import REPLAY, AssetInput, Attention, Generation, InputRole, Json, State, Status, new_id
from apom.providers.spec import Submit
from apom.steps import Outcome

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def generation(state: State, **more: Any) -> Generation:
    ids = {name: new_id() for name in ("id", "asset_id", "project_id", "box_id", "created_by")}
    task: Json = {"id": f"task-{ids['id']}"}
    known = {"provider": "sandbox", "model": "sandbox-image", "snapshot": "", "params": {}, "task": task}
    return Generation(**{**ids, **known, "state": state, "next_at": NOW, "created_at": NOW, **more})


def recovered(provider: Provider, g: Generation, age_s: float, *, is_called_back: bool = False) -> Outcome:
    model = provider.spec.model("sandbox-image")
    return asyncio.run(
        steps.recover(g, provider, model, Keeper(), age_s=age_s, is_called_back=is_called_back)  # type: ignore[arg-type]
    )


def polled(provider: Provider, g: Generation, age_s: float, **more: Any) -> Outcome:
    provider.created[str(g.id)] = 1
    model = provider.spec.model("sandbox-image")
    return asyncio.run(
        steps.poll(g, provider, model, Keeper(), age_s=age_s, expected_s=10, now=NOW, **more)  # type: ignore[arg-type]
    )


def test_what_is_not_there_yet_may_still_be_on_its_way() -> None:
    g, provider = generation(State.SUBMITTING), Provider(spec_of("lookup"))
    for age_s in (0.0, steps.LEASE_S, steps.PROVEN_S - 1):
        outcome = recovered(provider, g, age_s)
        assert (outcome.state, outcome.durable) == (State.SUBMITTING, False)
        assert age_s + outcome.wait_s == pytest.approx(steps.PROVEN_S)
    assert recovered(provider, g, steps.PROVEN_S).state is State.PENDING
    provider.created[str(g.id)] = 1
    found = recovered(provider, g, 1.0)
    assert (found.state, found.changes["task_id"]) == (State.PROCESSING, f"task-{g.id}")


def test_absence_that_proves_nothing_is_a_persons() -> None:
    outcome = recovered(Provider(spec_of("lookup that proves nothing")), generation(State.SUBMITTING), 1000)
    assert (outcome.state, outcome.changes["attention"]) == (State.ATTENTION, Attention.UNSURE)


def test_a_provider_that_cannot_be_reached_is_asked_again_for_a_while() -> None:
    provider = Provider(spec_of("lookup"))
    provider.reaction = "unreachable"
    assert recovered(provider, generation(State.SUBMITTING), 100).state is State.SUBMITTING
    outcome = recovered(provider, generation(State.SUBMITTING), steps.LOOK_UP_S)
    assert (outcome.state, outcome.changes["attention"]) == (State.ATTENTION, Attention.UNSURE)


def test_the_same_key_is_used_once_within_its_time_and_never_with_inputs_that_move() -> None:
    provider = Provider(spec_of("same key"))
    block: Submit = provider.spec.submit
    used = (AssetInput(asset_id=new_id(), source_asset_id=new_id(), role=InputRole.REFERENCE),)
    assert recovered(provider, generation(State.SUBMITTING), 1).state is State.SUBMITTING, "the first may still run"
    again = recovered(provider, generation(State.SUBMITTING), 60)
    assert (again.state, again.changes["error_code"]) == (State.PENDING, REPLAY)
    for g, age_s in (
        (generation(State.SUBMITTING, error_code=REPLAY), 60.0),
        (generation(State.SUBMITTING, inputs=used), 60.0),
        (generation(State.SUBMITTING), block.replay_s),
    ):
        assert recovered(provider, g, age_s).state is State.ATTENTION


def test_a_key_that_may_be_forgotten_is_not_used_and_checking_again_sends_nothing() -> None:
    provider = Provider(spec_of("same key"))
    model, keeper = provider.spec.model("sandbox-image"), Keeper()
    fresh, stale = NOW - timedelta(seconds=60), NOW - timedelta(seconds=provider.spec.submit.replay_s)
    again = recovered(provider, generation(State.SUBMITTING, submitted_at=stale), 60)
    for first, state, created in (
        (fresh, State.PROCESSING, 1),
        (stale, State.ATTENTION, 0),
        (None, State.ATTENTION, 0),
    ):
        task = {**again.changes["task"], steps.FIRST_SENT: first and first.isoformat()}
        g = generation(State.SUBMITTING, error_code=REPLAY, task=task, submitted_at=NOW)
        outcome = asyncio.run(steps.submit(g, provider, model, Rendered(str(g.id)), keeper, now=NOW))  # type: ignore[arg-type]
        assert (outcome.state, provider.created[str(g.id)]) == (state, created)
        if state is State.ATTENTION:
            assert (outcome.changes["attention"], outcome.changes["error_code"]) == (Attention.UNSURE, REPLAY)
            asked = g.model_copy(update={"error_code": outcome.changes["error_code"]})
            assert recovered(provider, asked, 60).state is State.ATTENTION, "a person who asks orders nothing"


def test_a_provider_that_calls_is_waited_for_before_a_person_is_asked() -> None:
    provider, g = Provider(spec_of("neither")), generation(State.SUBMITTING)
    assert recovered(provider, g, 1, is_called_back=True).state is State.SUBMITTING
    for outcome in (recovered(provider, g, 1), recovered(provider, g, steps.CALLBACK_S, is_called_back=True)):
        assert (outcome.state, outcome.changes["attention"]) == (State.ATTENTION, Attention.LOST)


def test_late_is_no_failure_and_is_said_once() -> None:
    provider, g = Provider(spec_of("lookup")), generation(State.PROCESSING)
    provider.reaction = "runs"
    block = provider.spec.poll
    assert block is not None
    assert polled(provider, g, block.deadline_s).changes == {}
    late = polled(provider, g, block.deadline_s + 1)
    assert (late.state, late.durable, late.changes["attention"]) == (State.PROCESSING, True, Attention.LATE)
    quiet = polled(provider, g.model_copy(update={"attention": Attention.LATE}), block.deadline_s + 60)
    assert (quiet.state, quiet.durable, quiet.said) == (State.PROCESSING, False, None)
    assert quiet.wait_s <= steps.LATE_MOST_S
    over = polled(provider, g, block.watch_s + 1)
    assert (over.state, over.durable) == (State.ATTENTION, True)
    provider.reaction = "ok"
    assert polled(provider, g, block.watch_s + 1).state is State.STORING, "whenever it comes, it is taken"


def test_a_provider_that_calls_is_asked_less_often_and_never_for_ever() -> None:
    provider, g = Provider(spec_of("lookup")), generation(State.PROCESSING)
    provider.reaction = "runs"
    often, seldom = polled(provider, g, 100), polled(provider, g, 100, is_called_back=True)
    assert 3 < seldom.wait_s / often.wait_s < 8
    assert seldom.wait_s < 60


def test_a_provider_that_would_not_take_it_back_is_asked_once() -> None:
    provider, g = Provider(spec_of("lookup")), generation(State.PROCESSING, decision=Status.CANCELLED)
    provider.reaction = "refused"
    assert polled(provider, g, 5).changes == {"attempts": 1}, "nothing was learned"
    provider.reaction = "runs"
    told = polled(provider, g, 5)
    assert told.changes["task"][steps.CALLED_OFF] is True and told.durable
