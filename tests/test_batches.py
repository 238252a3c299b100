"""Many takes at once: what they come to, all or nothing, and a word about all of them together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import Cast, let_in
from engine_room import Room, offer, opened, until
from hypothesis import given
from hypothesis import strategies as st
from test_money import dear

from apom.config import LIMITS, Settings, shipped
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from apom.models import REPLAY, Batch, BatchInput, BatchOrder, Box, Event, InputRole, Status, Take, new_id
from apom.orders import draft
from apom.providers.catalog import Catalog
from apom.store import generations, users
from apom.studio import Studio, Workspace

IMAGE, VIDEO, SECOND = "sandbox/sandbox-image", "sandbox/sandbox-video", "sandbox/second-image"
CATALOG = Catalog.load(shipped("providers"))


def second_model(data: dict[str, Any]) -> None:
    """Another model of pictures at the sandbox: dearer, with other names for the same things, and without a seed."""
    image = data["models"][0]
    schema = {**image["parameters_schema"], "properties": dict(image["parameters_schema"]["properties"])}
    schema["properties"]["ratio"] = schema["properties"].pop("aspect_ratio")
    schema["properties"]["steps"] = {"type": "integer", "title": "Steps", "minimum": 1, "maximum": 50}
    del schema["properties"]["seed"]
    request = {"model": "sandbox-image", "input": {"aspect_ratio": "{{param.ratio}}", "seed": None}}
    data["models"].append(
        {
            **image,
            "name": "second-image",
            "title": "Second image",
            "parameters_schema": schema,
            "price": {"amount": 6, "unit": "play credit", "per": "take"},
            "request_schema": request,
        }
    )


def two_for_money(data: dict[str, Any]) -> None:
    second_model(data)
    dear()(data)


def seeded_second_model(data: dict[str, Any]) -> None:
    """Another model of pictures that takes a seed."""
    data["models"].append({**data["models"][0], "name": "second-image", "request_schema": {"model": "sandbox-image"}})


def wish(boxes: list[Box], **changes: Any) -> BatchOrder:
    values = {"prompts": ["a boat"], "models": [IMAGE], "boxes": [box.id for box in boxes], **changes}
    return BatchOrder(**values)


def shots(ws: Workspace, n: int = 1, **project: Any) -> list[Box]:
    return list(ws.create_boxes(ws.create_project("Film", **project), [f"shot {i}" for i in range(n)]))


def takes_of(ws: Workspace, batch: Batch) -> list[Take]:
    return list(reversed(ws.search_assets(batch=batch, limit=LIMITS.page).items))


def rows(studio: Studio) -> list[int]:
    tables = ("batch", "asset", "asset_recipe", "generation", "generation_output", "provider_snapshot")
    with studio._store.read() as tx:
        return [tx.value(f"select count(*) from {table}") for table in tables]


def settle(studio: Studio, batch: Batch, status: Status, *, but: int = 0) -> None:
    """The batch's takes end like that, except for so many, without an engine."""
    with studio._store.write() as tx:
        ids = [r["asset_id"] for r in tx.all("select asset_id from generation where batch_id = $1", batch.id)][but:]
        tx.all("update asset set status = $2 where id = any($1)", ids, status)
        tx.all("update generation set state = $2, finished_at = now() where asset_id = any($1)", ids, status)


# what an order comes to


@given(
    st.lists(st.lists(st.integers(1, 3), max_size=2), min_size=1, max_size=3),
    st.integers(1, 3),
    st.lists(st.integers(0, 99), unique=True, max_size=3),
    st.integers(1, 4),
)
def test_there_are_as_many_takes_as_combinations(braces: list[list[int]], boxes: int, seeds: list[int], n: int) -> None:
    prompts = [
        f"{i}" + "".join(" {" + "|".join(f"{k}{j}" for j in range(size)) + "|}" for k, size in enumerate(sizes))
        for i, sizes in enumerate(braces)
    ]
    order = BatchOrder(prompts=prompts, models=[IMAGE], boxes=[new_id() for _ in range(boxes)], seeds=seeds, n=n)
    found = draft(CATALOG, order)
    (part,) = found.parts
    texts = sum(prod(size + 1 for size in sizes) for sizes in braces)
    assert found.faults == ()
    assert found.count(part) == len(takes := list(found.takes())) == texts * boxes * (len(seeds) or n)
    assert len({(t.box_id, t.prompt, t.params["seed"]) for t in takes}) == len(takes)
    if seeds:
        assert {t.params["seed"] for t in takes} == set(seeds)


def test_the_plan_says_what_each_model_costs_and_stores_nothing(cast: Cast) -> None:
    offer(cast.studio, two_for_money)
    one, two = shots(cast.alice, 2)
    before = rows(cast.studio)
    order = wish([one, two], prompts=["a {red|blue} boat", "rain"], models=[IMAGE, SECOND], n=2, params={"steps": 5})
    plan = cast.alice.estimate_batch(one.project_id, order)
    assert plan.prompts == ("a red boat", "a blue boat", "rain")
    assert (plan.takes, plan.currency, plan.amount, plan.reasons) == (24, "USD", 12 * 4 * 0.5 + 12 * 6 * 0.5, ())
    first, second = plan.lines
    assert (first.model, first.count, first.price, first.unit, first.amount) == (IMAGE, 12, 4, "credit", 24)
    assert (first.left_out, second.left_out) == (("steps",), ())
    assert rows(cast.studio) == before


def test_play_is_named_and_not_added_to_money(cast: Cast) -> None:
    (box,) = shots(cast.alice, budget=0)
    plan = cast.alice.estimate_batch(box.project_id, wish([box], n=3))
    assert (plan.amount, plan.lines[0].is_play, plan.lines[0].amount, plan.reasons) == (0, True, None, ())
    batch = cast.alice.order_batch(box.project_id, wish([box], n=3, name="  Boats\n at sea"))
    assert (batch.name, batch.estimate, batch.unit, batch.amount, batch.spent) == (
        "Boats at sea",
        12,
        "play credit",
        0,
        0,
    )


def test_one_form_reaches_each_model_under_its_own_names(cast: Cast) -> None:
    offer(cast.studio, second_model)
    (box,) = shots(cast.alice)
    order = wish([box], models=[IMAGE, SECOND], options={"aspect_ratio": "1:1"}, params={"steps": 9})
    first, second = takes_of(cast.alice, cast.alice.order_batch(box.project_id, order))
    configs = [cast.alice.asset(take).generation_config for take in (first, second)]
    assert (first.ai_model, configs[0]["aspect_ratio"], "steps" in configs[0]) == (IMAGE, "1:1", False)
    assert (second.ai_model, configs[1]["ratio"], configs[1]["steps"]) == (SECOND, "1:1", 9)


def test_a_duration_is_written_as_each_model_writes_it(cast: Cast) -> None:
    def in_words(data: dict[str, Any]) -> None:
        video = next(model for model in data["models"] if model["name"] == "sandbox-video")
        duration = video["parameters_schema"]["properties"]["duration"]
        duration |= {"type": "string", "enum": ["3", "5"], "default": "3"}
        video["inputs"] = []
        video["request_schema"] = {}

    offer(cast.studio, in_words)
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], models=[VIDEO], options={"duration_s": 5.0}))
    assert cast.alice.asset(takes_of(cast.alice, batch)[0]).generation_config["duration"] == "5"


# refused whole


def test_a_refusal_lists_every_reason_with_what_it_belongs_to_and_stores_nothing(cast: Cast) -> None:
    offer(cast.studio, second_model)
    (box,) = shots(cast.alice)
    (strange,) = shots(cast.bob)
    order = wish(
        [box, strange],
        prompts=["", "a boat", "x" * 20_001],
        models=[IMAGE, SECOND, "sandbox/none", "none"],
        seeds=[1, -1],
        params={"steps": 99, "colour": "red"},
        options={"duration_s": 5},
        inputs=[BatchInput(role=InputRole.REFERENCE, asset_id=new_id())],
        name="n" * 200,
    )
    before = rows(cast.studio)
    plan = cast.alice.estimate_batch(box.project_id, order)
    with pytest.raises(Refused) as refused:
        cast.alice.order_batch(box.project_id, order)
    assert refused.value.reasons == plan.reasons
    assert all(reason.detail in str(refused.value) for reason in plan.reasons)
    assert rows(cast.studio) == before
    found = {(reason.field, reason.model): reason.detail for reason in plan.reasons}
    assert len(found) == len(plan.reasons)
    assert found == {
        ("models.2", None): "There is no model none at Sandbox. Choose another one.",
        ("models.3", None): "There is no provider none. Choose another model.",
        ("prompts.0", None): "Prompt is missing.",
        ("prompts.2", None): "A prompt has at most 20000 characters.",
        ("name", None): "A name has at most 120 characters.",
        ("options.duration_s", IMAGE): (
            "Sandbox image cannot be given a duration. Leave that out, or choose another model."
        ),
        ("options.duration_s", SECOND): (
            "Second image cannot be given a duration. Leave that out, or choose another model."
        ),
        ("seeds", SECOND): "Second image takes no seed. Leave the seeds out, or choose another model.",
        ("seeds.1", IMAGE): "Seed must be at least 0.",
        ("params.colour", IMAGE): "Sandbox image has no parameter colour.",
        ("params.colour", SECOND): "Second image has no parameter colour.",
        ("params.steps", SECOND): "Steps must be at most 50.",
        ("boxes.1", None): "This shot is gone. Choose another one.",
        ("inputs.0", IMAGE): "Sandbox image takes no reference.",
        ("inputs.0", SECOND): "Second image takes no reference.",
    }


def test_an_empty_form_says_what_to_do(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    order = BatchOrder(prompts=(), models=(), boxes=(), n=0)
    reasons = cast.alice.estimate_batch(box.project_id, order).reasons
    assert {reason.field: reason.detail for reason in reasons} == {
        "prompts": "Write a prompt.",
        "models": "Choose a model.",
        "boxes": "Choose a shot.",
        "n": "Ask for 1 to 16 takes at once.",
    }
    plan = cast.alice.estimate_batch(box.project_id, wish([box], prompts=()))
    assert [reason.field for reason in plan.reasons] == ["prompts"]
    assert (plan.takes, plan.lines[0].price) == (0, 4)


def test_too_many_are_refused_before_they_are_made(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    for order in (
        wish([box], prompts=["{a|b|c|d}{a|b|c|d}{a|b|c|d}"], n=16),
        wish([box], seeds=range(5000)),
        wish([box], prompts=[f"{i} {{a|b}}{{c|d}}" for i in range(5000)]),
    ):
        reasons = cast.alice.estimate_batch(box.project_id, order).reasons
        assert [reason.field for reason in reasons] == [None], reasons
        assert "a batch has at most 1000" in reasons[0].detail


def test_over_the_budget_or_the_month_all_of_it_is_refused_with_both_reasons(cast: Cast) -> None:
    offer(cast.studio, dear())
    (box,) = shots(cast.alice, budget=5)
    with cast.studio._store.write() as tx:
        users.set_monthly_limit(tx, cast.alice.actor.user_id, 3, datetime.now(UTC))
    with pytest.raises(Refused, match=r"project's budget of 5\.00 USD.*your limit of 3\.00 USD") as refused:
        cast.alice.order_batch(box.project_id, wish([box], n=3))
    assert [(reason.code, reason.field) for reason in refused.value.reasons] == [("over_budget", None)] * 2
    assert cast.alice.spending(box.project_id).promised == 0
    cast.alice.order_batch(box.project_id, wish([box]))
    assert cast.alice.spending(box.project_id).promised == 2


def test_an_input_has_to_be_a_finished_take_of_the_project(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    waiting = cast.alice.generate(box, "x")[0]
    order = wish([box], models=[VIDEO], inputs=[BatchInput(role=InputRole.FIRST_FRAME, asset_id=waiting.id)])
    (reason,) = cast.alice.estimate_batch(box.project_id, order).reasons
    assert (reason.field, reason.detail) == ("inputs.0", "The input must be a finished image.")
    (reason,) = cast.alice.estimate_batch(box.project_id, wish([box], models=[VIDEO])).reasons
    assert reason.detail == "Sandbox video needs a image to start from."


# once


def test_a_double_click_from_two_threads_is_one_batch(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    order = wish([box], n=4)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: cast.alice.order_batch(box.project_id, order, token="one-click"), range(8)))
    assert len({batch.id for batch in found}) == 1
    assert len(takes_of(cast.alice, found[0])) == 4
    with pytest.raises(Conflict):
        cast.alice.order_batch(box.project_id, wish([box], n=3), token="one-click")
    with pytest.raises(Invalid):
        cast.alice.order_batch(box.project_id, order, token="short")


def test_a_thousand_are_ordered_and_cancelled_quickly(cast: Cast) -> None:
    boxes = shots(cast.alice, 10)
    order = wish(boxes, prompts=[f"boat {i} {{at dawn|at dusk}}" for i in range(10)], n=5)
    began = time.monotonic()
    batch = cast.alice.order_batch(boxes[0].project_id, order)
    ordered_s = time.monotonic() - began
    assert (batch.takes, batch.counts) == (1000, {Status.PENDING: 1000})
    began = time.monotonic()
    batch = cast.alice.cancel_batch(batch)
    assert batch.counts == {Status.CANCELLED: 1000}
    assert max(ordered_s, time.monotonic() - began) < 5, "0.2 s each on an idle machine"
    numbers = [take.number for take in cast.alice.get_box_assets(boxes[3], limit=500).items]
    assert sorted(numbers) == list(range(1, 101))
    assert cast.alice.cancel_batch(batch) == batch


# who, and what they see


def test_strangers_find_nothing_and_viewers_look(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    let_in(cast.alice, box.project_id, "victor")
    batch = cast.alice.order_batch(box.project_id, wish([box]))
    assert cast.victor.batch(batch) == batch
    assert cast.victor.batches(box.project_id).items == cast.victor.batches().items == (batch,)
    assert cast.victor.estimate_batch(box.project_id, wish([box])).takes == 1
    acts: list[Callable[[Workspace], object]] = [
        lambda ws: ws.order_batch(box.project_id, wish([box])),
        lambda ws: ws.pause_batch(batch),
        lambda ws: ws.resume_batch(batch),
        lambda ws: ws.cancel_batch(batch),
        lambda ws: ws.retry_batch(batch),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act(cast.victor)
        with pytest.raises(NotFound):
            act(cast.bob)
    for look in (cast.bob.batch, lambda batch: cast.bob.search_assets(batch=batch)):
        with pytest.raises(NotFound):
            look(batch)
    assert cast.bob.batches().items == ()
    assert cast.alice.batch(batch) == batch


def test_batches_are_listed_newest_first_in_pages_and_single_takes_are_not(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    made = [cast.alice.order_batch(box.project_id, wish([box], name=f"{i}")) for i in range(3)]
    cast.alice.generate(box, "one take")
    many = cast.alice.generate(box, "{a|b}", n=5)
    first = cast.alice.batches(box.project_id, limit=2)
    rest = cast.alice.batches(box.project_id, limit=2, cursor=first.next)
    listed = [*first.items, *rest.items]
    assert [batch.id for batch in listed] == [many[0].batch_id, *(batch.id for batch in reversed(made))]
    assert rest.next is None
    assert listed[0].recipe.prompts == ("{a|b}",)
    assert listed[1].created_by_name == "alice"
    assert listed[1].recipe == wish([box], name="2")
    single = cast.alice.batch(cast.alice.generate(box, "x")[0].batch_id)  # type: ignore[arg-type]
    assert (single.takes, single.recipe.models) == (1, (IMAGE,))


# again


def test_a_retry_orders_what_failed_with_its_seed_and_a_double_click_is_one(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], n=5))
    assert cast.alice.retry_batch(batch) == batch, "nothing failed"
    settle(cast.studio, batch, Status.ATTENTION)
    settle(cast.studio, batch, Status.FAILED, but=1)
    settle(cast.studio, batch, Status.CANCELLED, but=3)
    batch = cast.alice.batch(batch)
    assert (batch.counts, batch.retriable) == ({Status.ATTENTION: 1, Status.FAILED: 2, Status.CANCELLED: 2}, 4)
    before = {take.id: take for take in takes_of(cast.alice, batch)}
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: cast.alice.retry_batch(batch, token="again-please"), range(4)))
    assert {(b.takes, b.retriable) for b in found} == {(5, 0)}
    assert found[0].counts == {Status.ATTENTION: 1, Status.PENDING: 4}
    new = [take for take in takes_of(cast.alice, batch) if take.id not in before]
    failed = [take for take in before.values() if take.status is not Status.ATTENTION]
    assert [take.seed for take in new] == [take.seed for take in failed]
    settle(cast.studio, batch, Status.FAILED)
    assert cast.alice.retry_batch(batch, token="again-please").retriable == 5, "said before"
    assert cast.alice.retry_batch(batch).counts == {Status.PENDING: 5}


def test_a_retry_is_priced_and_refused_whole(cast: Cast) -> None:
    offer(cast.studio, dear())
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], n=3))
    settle(cast.studio, batch, Status.FAILED)
    cast.alice.update_project(box.project_id, budget=4)

    def switched_off(data: dict[str, Any]) -> None:
        dear()(data)
        data["models"][0]["is_active"] = False

    for change, sentence in ((dear(), r"about 6\.00 USD"), (switched_off, "Sandbox image is switched off")):
        offer(cast.studio, change)
        before = rows(cast.studio)
        with pytest.raises(Refused, match=sentence):
            cast.alice.retry_batch(batch)
        assert rows(cast.studio) == before
    assert cast.alice.batch(batch).retriable == 3


def test_what_arrived_after_all_or_was_thrown_away_is_not_ordered_again(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], n=3))
    settle(cast.studio, batch, Status.CANCELLED)
    first, second, third = takes_of(cast.alice, batch)
    with cast.studio._store.write() as tx:
        tx.all("update asset set file_key = 'dev/a/x/original-0.png' where id = $1", first.id)
        tx.all("update asset set trashed_at = now() where id = $1", second.id)
    batch = cast.alice.retry_batch(batch)
    assert batch.counts == {Status.CANCELLED: 2, Status.PENDING: 1}
    assert takes_of(cast.alice, batch)[-1].seed == third.seed


# with the engine


def one_at_a_time(data: dict[str, Any]) -> None:
    """The rest waits in line."""
    data["limits"]["concurrent"] = 1


def submitted(room: Room) -> int:
    return int(room.stats()["submitted"])


@pytest.fixture
def room(tmp_path: Path, database_url: str) -> Any:
    with opened(tmp_path, database_url) as room:
        yield room


def test_each_shot_may_bring_its_own_prompt_and_headliner(room: Room) -> None:
    ws, project = room.alice, room.box.project_id
    two, bare = ws.create_boxes(project, ["two", "bare"])
    ws.update_box(room.box, prompt_text="a {red|blue} boat")
    ws.update_box(two, prompt_text="rain")
    pictures = ws.wait(ws.order_batch(project, BatchOrder(own_prompts=True, models=IMAGE, boxes=(room.box, two))))
    assert sorted(room.take(take).prompt_text for take in pictures) == ["a blue boat", "a red boat", "rain"]
    for take in pictures:
        ws.set_headliner(take.box_id, take)
    inputs = (BatchInput(role=InputRole.FIRST_FRAME, asset_id=None),)
    order = BatchOrder(prompts="slow push in", models=VIDEO, boxes=(room.box, two), inputs=inputs)
    clips = ws.wait(ws.order_batch(project, order), timeout_s=60)
    assert {clip.status for clip in clips} == {Status.COMPLETED}
    assert {clip.box_id: room.take(clip).parent_asset_id for clip in clips} == {
        box.id: ws.box(box).headliner_asset_id for box in (room.box, two)
    }
    plan = ws.estimate_batch(project, BatchOrder(own_prompts=True, models=VIDEO, boxes=(two, bare), inputs=inputs))
    assert [(reason.field, reason.detail) for reason in plan.reasons] == [
        ("boxes.1", "Shot 030 has no prompt yet. Write one there, or give one prompt for all."),
        ("boxes.1", "Shot 030 has no headliner to start from. Pick one, or leave the shot out."),
    ]


def test_two_models_shots_prompts_and_seeds_end_completed(room: Room) -> None:
    offer(room.studio, seeded_second_model)
    two = room.alice.create_box(room.box.project_id, "two")
    order = wish([room.box, two], prompts=["a {red|blue} boat"], models=[IMAGE, SECOND], seeds=[3, 4])
    batch = room.alice.order_batch(room.box.project_id, order)
    takes = room.alice.wait(batch, timeout_s=120)
    assert len(takes) == 16 == len({(t.box_id, t.ai_model, t.seed, room.take(t).prompt_text) for t in takes})
    assert {take.status for take in takes} == {Status.COMPLETED}
    found = room.alice.batch(batch)
    assert (found.counts, found.takes, found.spent, found.estimate) == ({Status.COMPLETED: 16}, 16, 0, 64)


def test_a_paused_batch_sends_nothing_more_until_it_is_resumed_across_a_restart_too(
    tmp_path: Path, database_url: str
) -> None:
    with opened(tmp_path, database_url) as room:
        offer(room.studio, one_at_a_time)
        batch = room.alice.order_batch(room.box.project_id, wish([room.box], n=5))
        until(lambda: submitted(room) >= 1)
        batch = room.alice.pause_batch(batch)
        with room.studio._store.read() as tx:
            sent = tx.value("select count(*) from generation where state <> 'PENDING'")
        assert batch.is_paused and sent < 5
        other = room.arrival("somebody waits for this")
        assert other.status is Status.COMPLETED, "the line goes on"
        until(lambda: room.alice.batch(batch).counts.get(Status.COMPLETED) == sent)
        assert submitted(room) == sent + 1
        settings = Settings(data_dir=tmp_path / "data", sandbox_url=room.url, database_url=database_url)
        alice = room.alice.actor
        room.studio.close()
        with Studio.open(settings) as again:
            ws = again.workspace(alice)
            ws.wait(ws.generate(room.box, "one more"), timeout_s=60)
            assert submitted(room) == sent + 2
            assert again.health().in_flight == 0
            assert not ws.resume_batch(batch).is_paused
            takes = ws.wait(batch, timeout_s=120)
            assert {take.status for take in takes} == {Status.COMPLETED}
        assert submitted(room) == 5 + 2


def test_a_paused_batch_cannot_be_claimed_and_what_was_sent_before_can(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], n=3))
    free = cast.alice.generate(box, "x")[0]
    now = datetime.now(UTC)

    def claimed(owner: str) -> list[bool]:
        """Of the batch's and of the one that stands alone: whether the engine may send it."""
        with cast.studio._store.write() as tx:
            open_ones = {g.id: g for g in generations.unfinished(tx)}
            ids = [r["id"] for r in tx.all("select id from generation order by batch_id <> $1, created_at", batch.id)]
            mine = generations.claim(tx, ids, owner, now, now)
            assert mine == open_ones.keys() & mine
            tx.all("update generation set state = 'PENDING', owner = null")
        return [id in mine for id in ids]

    assert cast.alice.pause_batch(batch).is_paused
    assert [item.is_paused for item in cast.alice.queue().items].count(True) == 3
    assert claimed("a") == [False, False, False, True]
    with cast.studio._store.write() as tx:  # the key may be forgotten before the batch is resumed
        tx.all("update generation set error_code = $1 where asset_id = $2", REPLAY, takes_of(cast.alice, batch)[1].id)
    assert claimed("b") == [False, True, False, True]
    assert not cast.alice.resume_batch(batch).is_paused
    assert claimed("c") == [True, True, True, True]
    assert free.batch_id != batch.id


def test_a_cancelled_batch_sends_nothing_more_and_follows_what_was_sent(room: Room) -> None:
    offer(room.studio, one_at_a_time)
    batch = room.alice.order_batch(room.box.project_id, wish([room.box], n=5))
    until(lambda: submitted(room) >= 1)
    room.alice.pause_batch(batch)
    batch = room.alice.cancel_batch(batch)
    assert batch.counts.keys() <= {Status.CANCELLED, Status.COMPLETED} and not batch.is_paused
    with room.studio._store.read() as tx:
        sent = tx.value("select count(*) from generation where state <> 'CANCELLED' or submitted_at is not null")
    room.rests()
    assert submitted(room) == sent == len(room.ledger()) < 5
    assert room.actions()[-1] == "batch.cancel"


def test_who_listens_hears_of_it_after_the_commit(cast: Cast) -> None:
    one, two = shots(cast.alice, 2)

    async def heard(act: Callable[[], Batch]) -> list[Event]:
        with cast.alice.events(one.project_id) as subscription:
            batch = act()
            found = [await asyncio.wait_for(subscription.next(), 5)]
            while found[-1].type != "batch_changed":
                found.append(await asyncio.wait_for(subscription.next(), 5))
            assert found[-1].batch_id == batch.id
            return found

    def listen(act: Callable[[], Batch]) -> list[tuple[UUID | None, int]]:
        return [(event.box_id, len(event.asset_ids)) for event in asyncio.run(heard(act))]

    both = [(one.id, 3), (two.id, 3), (None, 0)]
    assert listen(lambda: cast.alice.order_batch(one.project_id, wish([one, two], n=3))) == both
    (batch,) = cast.alice.batches().items
    assert listen(lambda: cast.alice.pause_batch(batch)) == [(None, 0)]
    assert listen(lambda: cast.alice.cancel_batch(batch)) == both
    assert listen(lambda: cast.alice.retry_batch(batch)) == both


def test_one_thing_will_do_where_several_may_be_and_a_record_for_its_id(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    order = BatchOrder(prompts="rain", models=IMAGE, boxes=box, seeds=7)
    assert order == BatchOrder(prompts=("rain",), models=(IMAGE,), boxes=(box.id,), seeds=(7,))


def test_texts_that_cannot_be_stored_are_tidied_or_refused(cast: Cast) -> None:
    (box,) = shots(cast.alice)
    batch = cast.alice.order_batch(
        box.project_id, wish([box], prompts=["\ud800rain 👩\u200d🎬\u202e"], name="a\ud800\nb")
    )
    assert (batch.name, batch.recipe.prompts) == ("a b", ("rain 👩\u200d🎬",))
    for params in ({"seed": object()}, {"resolution": "\ud800"}):
        with pytest.raises(Invalid):
            cast.alice.generate(box, "x", params=params)  # type: ignore[arg-type]
