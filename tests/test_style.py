"""A project's style follows the prompts of its shots, once; what was sent before is sent as it was."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Cast, let_in
from media_samples import clip
from test_batches import VIDEO, settle, shots, takes_of, wish
from test_smart_edit import arrived

from apom.config import LIMITS
from apom.errors import Conflict, Invalid, NotFound, Refused
from apom.models import AssetType, BatchInput, BatchOrder, Box, InputRole, Role, Status, Take
from apom.orders import asks_style, styled
from apom.studio import Studio, Workspace

STYLE = "35 mm film, muted {greens|blues}"


def in_style(ws: Workspace, n: int = 1, style: str = STYLE) -> list[Box]:
    return shots(ws, n, style_text=style)


def words(ws: Workspace, take: Take) -> str:
    """The prompt of a take, which is the one that its provider gets."""
    asset = ws.asset(take)
    assert asset.generation_config["prompt"] == asset.prompt_text
    return asset.prompt_text


def restyle(ws: Workspace, box: Box, style: str) -> None:
    ws.update_project(box.project_id, style_text=style)


@pytest.mark.parametrize(
    ("prompt", "style", "sent"),
    [
        ("harbour", "film", "harbour, film"),
        ("A harbour.", "film", "A harbour. film"),
        ("harbour,", "film", "harbour, film"),
        ("harbour, film", "film", "harbour, film"),
        ("film", "film", "film"),
        ("", "film", ""),
        ("harbour", "", "harbour"),
    ],
)
def test_how_a_prompt_and_a_style_are_joined(prompt: str, style: str, sent: str):
    assert styled(prompt, style) == sent
    assert styled(sent, style) == sent


def test_an_edit_is_never_given_the_style():
    edit = BatchOrder(models=[], boxes=[], inputs=(BatchInput(role=InputRole.EDIT_SOURCE, asset_id=None),))
    clip = BatchOrder(models=[], boxes=[], inputs=(BatchInput(role=InputRole.FIRST_FRAME, asset_id=None),))
    assert (asks_style(edit), asks_style(clip)) == (False, True)


def test_the_style_follows_the_prompt_unless_it_is_left_out(cast: Cast):
    (box,) = in_style(cast.alice)
    both = cast.alice.generate(box, " a boat ", n=2)
    assert {words(cast.alice, take) for take in both} == {f"a boat, {STYLE}"}
    (bare,) = cast.alice.generate(box, "a boat", with_style=False)
    assert words(cast.alice, bare) == "a boat"
    assert words(cast.alice, cast.alice.create_asset(box, "a boat")) == f"a boat, {STYLE}"
    restyle(cast.alice, box, "")
    assert words(cast.alice, cast.alice.generate(box, "a boat")[0]) == "a boat"


def test_an_empty_prompt_does_not_become_the_style(cast: Cast):
    (box,) = in_style(cast.alice)
    with pytest.raises(Invalid):
        cast.alice.generate(box, " ")


def test_what_was_sent_once_is_sent_again_as_it_was(cast: Cast):
    (box,) = in_style(cast.alice)
    lost, failed, done = (cast.alice.generate(box, "a boat")[0] for _ in range(3))
    restyle(cast.alice, box, "ink on paper")
    end(cast.studio, lost, "ATTENTION", attention="LOST")
    end(cast.studio, failed, "FAILED")
    end(cast.studio, done, "COMPLETED")
    again = cast.alice.again(failed), cast.alice.again(done), cast.alice.regenerate(lost, may_bill_again=True)
    assert {words(cast.alice, take) for take in again} == {f"a boat, {STYLE}"}


def end(studio: Studio, take: Take, status: str, attention: str | None = None) -> None:
    state = status if attention is None else "PENDING"
    with studio._store.write() as tx:
        tx.all("update asset set status = $2 where id = $1", take.id, status)
        tx.all(
            "update generation set state = $2, attention = $3::text, finished_at = $4 where asset_id = $1",
            take.id,
            state,
            attention,
            take.created_at,
        )


def test_a_token_is_one_order_whatever_became_of_the_style(cast: Cast):
    (box,) = in_style(cast.alice)
    first = cast.alice.generate(box, "a boat", token="once-and-only-once")
    batch = cast.alice.order_batch(box.project_id, wish([box]), token="one-batch-only")
    restyle(cast.alice, box, "ink on paper")
    assert cast.alice.generate(box, "a boat", token="once-and-only-once") == first
    assert cast.alice.order_batch(box.project_id, wish([box]), token="one-batch-only") == batch
    with pytest.raises(Conflict):
        cast.alice.generate(box, "a boat", with_style=False, token="once-and-only-once")
    with pytest.raises(Conflict):
        cast.alice.order_batch(box.project_id, wish([box], with_style=False), token="one-batch-only")


def test_an_order_from_before_there_were_styles_is_known_again(cast: Cast):
    (box,) = shots(cast.alice)
    first = cast.alice.generate(box, "a boat", with_style=False, token="once-and-only-once")
    batch = cast.alice.order_batch(box.project_id, wish([box], with_style=False), token="one-batch-only")
    with cast.studio._store.write() as tx:
        for row in tx.all("select id, recipe from batch"):
            recipe = json.loads(row["recipe"])
            del recipe["with_style"]
            tx.all("update batch set recipe = $2 where id = $1", row["id"], json.dumps(recipe))
    assert cast.alice.generate(box, "a boat", with_style=False, token="once-and-only-once") == first
    assert cast.alice.batch(batch).recipe.with_style is False
    assert cast.alice.order_batch(box.project_id, wish([box], with_style=False), token="one-batch-only").id == batch.id


def test_a_batch_shows_in_its_estimate_what_it_sends(cast: Cast):
    one, two = in_style(cast.alice, 2)
    order = wish([one, two], prompts=["a {red|blue} boat"])
    plan = cast.alice.estimate_batch(one.project_id, order)
    assert plan.prompts == (f"a red boat, {STYLE}", f"a blue boat, {STYLE}")
    assert (plan.takes, plan.reasons) == (4, ())
    batch = cast.alice.order_batch(one.project_id, order)
    assert [words(cast.alice, take) for take in takes_of(cast.alice, batch)] == [*plan.prompts] * 2
    assert batch.recipe.prompts == order.prompts
    bare = cast.alice.estimate_batch(one.project_id, order.model_copy(update={"with_style": False}))
    assert bare.prompts == ("a red boat", "a blue boat")


def test_each_shots_own_prompt_is_styled_and_stays_as_it_is(cast: Cast):
    (box,) = in_style(cast.alice)
    cast.alice.update_box(box, prompt_text="a boat")
    order = wish([box], prompts=[], own_prompts=True)
    batch = cast.alice.order_batch(box.project_id, order)
    assert [words(cast.alice, take) for take in takes_of(cast.alice, batch)] == [f"a boat, {STYLE}"]
    assert cast.alice.box(box).prompt_text == "a boat"


def test_what_failed_of_a_batch_is_ordered_again_as_it_was(cast: Cast):
    (box,) = in_style(cast.alice)
    batch = cast.alice.order_batch(box.project_id, wish([box], n=2))
    settle(cast.studio, batch, Status.FAILED)
    restyle(cast.alice, box, "ink on paper")
    cast.alice.retry_batch(batch)
    new = [take for take in takes_of(cast.alice, batch) if take.status is Status.PENDING]
    assert [words(cast.alice, take) for take in new] == [f"a boat, {STYLE}"] * 2


def test_prompt_and_style_together_keep_the_limit(cast: Cast):
    (box,) = in_style(cast.alice)
    room = LIMITS.prompt_chars - len(STYLE) - 2
    assert len(words(cast.alice, cast.alice.generate(box, "x" * room)[0])) == LIMITS.prompt_chars
    with pytest.raises(Invalid, match="With the project's style the prompt has more than"):
        cast.alice.generate(box, "x" * (room + 1))
    assert cast.alice.generate(box, "x" * (room + 1), with_style=False)
    with pytest.raises(Refused, match="With the project's style"):
        cast.alice.order_batch(box.project_id, wish([box], prompts=["a boat", "x" * (room + 1)]))


def test_smart_edits_words_are_not_touched(cast: Cast):
    (box,) = in_style(cast.alice)
    picture = arrived(cast.alice, box)
    assert STYLE not in words(cast.alice, cast.alice.edit(picture, "make it night")[0])
    source: Any = [(InputRole.EDIT_SOURCE, picture)]
    (take,) = cast.alice.generate(box, "make it night", model="sandbox/sandbox-edit", inputs=source)
    assert words(cast.alice, take) == "make it night"


def test_a_clip_has_the_style_where_its_words_are_new(cast: Cast):
    (box,) = in_style(cast.alice)
    picture = arrived(cast.alice, box)
    assert words(cast.alice, cast.alice.animate(picture)) == f"a boat at noon, {STYLE}"
    restyle(cast.alice, box, "ink on paper")
    assert words(cast.alice, cast.alice.animate(picture)) == f"a boat at noon, {STYLE}"
    assert words(cast.alice, cast.alice.animate(picture, "slow pan")) == "slow pan, ink on paper"
    assert words(cast.alice, cast.alice.animate(picture, "slow pan", with_style=False)) == "slow pan"


def test_nobody_reads_the_style_of_a_project_by_ordering_there(cast: Cast):
    (box,) = in_style(cast.alice, style="x" * LIMITS.prompt_chars)
    with pytest.raises(NotFound):
        cast.bob.generate(box, "a boat")
    with pytest.raises(NotFound):
        cast.bob.estimate_batch(box.project_id, wish([box]))
    (own,) = shots(cast.bob)
    plan = cast.bob.estimate_batch(own.project_id, wish([box]))
    assert plan.prompts == ("a boat",)
    let_in(cast.alice, box.project_id, "bob", Role.EDITOR)
    with pytest.raises(Invalid, match="With the project's style"):
        cast.bob.generate(box, "a boat")


def test_video_models_are_given_it_too(cast: Cast):
    (box,) = in_style(cast.alice)
    frame: Any = [(InputRole.FIRST_FRAME, arrived(cast.alice, box))]
    (clip,) = cast.alice.generate(box, "slow pan", model=VIDEO, inputs=frame)
    assert (clip.asset_type, words(cast.alice, clip)) == (AssetType.VIDEO, f"slow pan, {STYLE}")


def test_a_shot_that_goes_on_has_the_style_also_where_the_next_shot_is_not_there_yet(cast: Cast, tmp_path: Path):
    (box,) = in_style(cast.alice)
    source = cast.alice.upload(box, clip(tmp_path / "x.mp4", seconds=1, size=(64, 64))).take
    onward = partial(cast.alice.continue_shot, box, clip=source)
    new = onward("she turns", adds_shot=True, token="pressed-once")
    assert words(cast.alice, new) == f"she turns, {STYLE}"
    restyle(cast.alice, box, "ink on paper")
    assert onward("she turns", adds_shot=True, token="pressed-once").id == new.id
    assert words(cast.alice, onward()) == "she turns, ink on paper"
    assert words(cast.alice, onward("she runs", with_style=False)) == "she runs"
    with cast.studio._store.write() as tx:
        tx.all("update asset_recipe set prompt_text = 'as sent' where asset_id = $1", source.id)
    cast.alice.update_box(cast.alice.box(new.box_id), prompt_text="")
    assert words(cast.alice, onward()) == "as sent"
