"""A picture changed by words, and a shot that goes on where another one ends."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Cast, let_in, person
from engine_room import offer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from apom import stills
from apom.config import SYSTEM
from apom.editing import SLOT, choose, edits, filled
from apom.errors import Conflict, Invalid, NotAllowed, NotFound, OverBudget
from apom.fields import tidy
from apom.models import AssetType, BoxKind, InputRole, Role, SourceType, Status, Take
from apom.sandbox.painter import paint
from apom.sandbox.retouch import LARGEST, retouched
from apom.store import assets, users
from apom.studio import Studio, Workspace

TEMPLATES = st.tuples(st.text(), st.text()).filter(lambda parts: SLOT not in parts[0] + parts[1])


# words into the template


@given(TEMPLATES, st.text())
def test_words_arrive_as_they_are_whatever_they_are(around: tuple[str, str], words: str):
    before, after = around
    assert filled(before + SLOT + after, words) == before + words + after


@pytest.mark.parametrize("words", ["{words}", "{}", "{0.__class__}", "a\nb", "🌧️ {{seed}} %s", '"},"model":"dear"'])
def test_braces_newlines_and_emoji_are_nothing_special(words: str):
    assert filled("Change {words}, keep the rest", words) == f"Change {words}, keep the rest"


def test_the_default_template_can_be_filled():
    assert filled(str(SYSTEM["smart_edit_template"].default), "x") == "x"


# which model


def test_a_model_that_needs_words_alone_or_makes_clips_is_none_that_edits(cast: Cast):
    assert [model.name for model in cast.alice.models() if edits(model)] == ["sandbox-edit"]
    assert [model.name for model in cast.alice.models() if model.needs_take] == ["sandbox-video", "sandbox-edit"]


def test_the_sandbox_edits_while_nothing_else_can_and_of_several_an_admin_chooses(cast: Cast):
    play = next(model for model in cast.alice.models() if edits(model))
    one, two = (play.model_copy(update={"provider": slug, "is_play": False}) for slug in ("kie", "fal"))
    assert choose([play], "") == "sandbox/sandbox-edit"
    assert choose([play, one], "") == "kie/sandbox-edit"
    assert choose([play, one, two], "fal/sandbox-edit") == "fal/sandbox-edit"
    with pytest.raises(Invalid, match="Several models"):
        choose([play, one, two], "")
    with pytest.raises(Invalid, match="No model here"):
        choose([], "")


# ordered, as every take is


def arrived(ws: Workspace, box: Any, kind: AssetType = AssetType.IMAGE) -> Take:
    """A take that is here, without an engine."""
    take = ws.generate(box, "a boat at noon")[0]
    with ws._studio._store.write() as tx:
        tx.all(
            "update generation set state = 'COMPLETED', finished_at = $2 where asset_id = $1", take.id, take.created_at
        )
        file = {"mime": "image/png", "file_key": f"dev/a/{take.id}/original-0123456789ab.png", "duration_s": 1.0}
        assets.set_file(tx, take.id, kind, file, take.created_at)
    return take


def make_admin(studio: Studio, ws: Workspace) -> Workspace:
    with studio._store.write() as tx:
        users.set_rights(tx, ws.actor.user_id, True, True, studio.accounts._clock())
    return studio.workspace(ws.actor.model_copy(update={"is_admin": True}))


def test_an_edit_is_a_child_of_the_picture_with_the_admins_template_around_the_words(cast: Cast):
    alice = cast.alice
    box = alice.create_box(alice.create_project("Film"), "One")
    picture = arrived(alice, box)
    make_admin(cast.studio, alice).set_system("smart_edit_template", "Change only this: {words}. Keep faces.")
    words = "make it {night}\nand 🌙 {words} {{seed}}"
    new = [alice.asset(take) for take in alice.edit(picture, words, n=2)]
    assert {take.prompt_text for take in new} == {f"Change only this: {tidy(words)}. Keep faces."}
    assert {(take.parent_asset_id, take.box_id, take.ai_model, take.source_type) for take in new} == {
        (picture.id, box.id, "sandbox/sandbox-edit", SourceType.GENERATED)
    }
    assert [[(used.source_asset_id, used.role) for used in take.inputs] for take in new] == [
        [(picture.id, InputRole.EDIT_SOURCE)]
    ] * 2
    assert len({take.seed for take in new}) == 2


def test_pressed_twice_an_edit_is_ordered_once(cast: Cast):
    box = cast.alice.create_box(cast.alice.create_project("Film"), "One")
    picture = arrived(cast.alice, box)
    with ThreadPoolExecutor(4) as pool:
        orders = [pool.submit(cast.alice.edit, picture, "night", token="one-and-the-same") for _ in range(4)]
        assert len({order.result()[0].id for order in orders}) == 1
    with pytest.raises(Conflict):
        cast.alice.edit(picture, "day", token="one-and-the-same")


def test_only_a_finished_picture_of_ones_own_project_is_edited_and_not_by_who_only_looks(cast: Cast):
    alice = cast.alice
    project = alice.create_project("Film")
    box = alice.create_box(project, "One")
    picture, clip, coming = arrived(alice, box), arrived(alice, box, AssetType.VIDEO), alice.generate(box, "x")[0]
    let_in(alice, project, "victor", Role.VIEWER)
    for take in (clip, coming):
        with pytest.raises(Invalid, match="finished image"):
            alice.edit(take, "night")
    for words in ("", " \n "):
        with pytest.raises(Invalid, match="what should change"):
            alice.edit(picture, words)
    with pytest.raises(Invalid, match="at most"):
        alice.edit(picture, "x" * 20_001)
    with pytest.raises(NotFound):
        cast.bob.edit(picture, "night")
    with pytest.raises(NotAllowed):
        cast.victor.edit(picture, "night")
    assert len(alice.get_box_assets(box).items) == 3


def test_an_edit_beyond_the_budget_is_refused_with_a_sentence(cast: Cast):
    offer(cast.studio, dear)
    project = cast.alice.create_project("Film")
    picture = arrived(cast.alice, cast.alice.create_box(project, "One"))
    cast.alice.update_project(project, budget=1.0)
    with pytest.raises(OverBudget, match="Nothing was ordered"):
        cast.alice.edit(picture, "night")


def dear(file: dict[str, Any]) -> None:
    """The sandbox asks for money: half a dollar a credit."""
    file["is_play"] = False
    file["cost"] = {
        "amount": "body.data.creditsConsumed",
        "unit": "credit",
        "worth": {"amount": 0.5, "currency": "USD"},
    }
    for model in file["models"]:
        model["price"]["unit"] = "credit"


# what the sandbox draws


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


@pytest.mark.parametrize("words", ["make it night", "снегопад", "black and white", "better, please"])
def test_the_sandbox_changes_what_it_is_given_and_keeps_its_shape(words: str):
    before = paint("harbour at noon", 3, (320, 180))
    after = retouched(before, words, 1)
    top = (0, 0, 320, 120)  # without the captions
    assert after.size == before.size
    assert difference(before.crop(top), after.crop(top)) > 8
    assert difference(before.crop(top).convert("L").convert("RGB"), after.crop(top)) < 120, "the picture is still there"
    assert retouched(before, words, 1).tobytes() == after.tobytes()
    assert retouched(before, words, 2).tobytes() != after.tobytes()


def test_the_words_decide_what_is_changed():
    before = paint("harbour at noon", 3, (320, 180))
    night, grey = retouched(before, "make it night", 1), retouched(before, "black and white", 1)
    assert ImageStat.Stat(night.convert("L")).mean[0] < 0.5 * ImageStat.Stat(before.convert("L")).mean[0]
    red, green, blue = (ImageStat.Stat(band).mean[0] for band in grey.split())
    assert abs(red - green) < 1 and abs(green - blue) < 1


def test_a_picture_of_any_size_is_edited_and_a_huge_one_made_smaller():
    assert max(retouched(Image.new("RGB", (3000, 1000), "gray"), "rain", 1).size) == LARGEST
    assert retouched(Image.new("RGB", (16, 9), "gray"), "rain", 1).size == (16, 9)


def clip_in(ws: Workspace, box: Any) -> Take:
    """A finished clip that stands for its shot."""
    picture = ws.wait(ws.generate(box, "a boat"), timeout_s=60)[0]
    clip = ws.wait([ws.animate(picture)], timeout_s=60)[0]
    ws.set_headliner(box, clip)
    return clip


def test_an_edit_and_a_continued_shot_come_back_from_the_sandbox(running: Studio):
    alice = running.workspace(person(running, "alice"))
    one, two = alice.create_boxes(alice.create_project("Film"), ["One", "Two"])
    clip = clip_in(alice, one)
    picture = alice.asset(clip).parent_asset_id
    assert picture is not None
    edited, new = alice.wait(
        [alice.edit(picture, "make it night")[0], alice.continue_shot(one, "it turns")], timeout_s=60
    )
    assert (edited.status, edited.width, edited.parent_asset_id) == (Status.COMPLETED, 320, picture)
    assert alice.asset(edited).cost == 4
    assert (new.status, new.asset_type, new.box_id) == (Status.COMPLETED, AssetType.VIDEO, two.id)

    frame = alice.asset(alice.asset(new).inputs[0].source_asset_id)
    assert (frame.box_id, frame.asset_type, frame.parent_asset_id) == (two.id, AssetType.IMAGE, clip.id)
    assert frame.inputs[0].at_s == clip.duration_s
    assert (new.parent_asset_id, alice.asset(new).inputs[0].role) == (frame.id, InputRole.FIRST_FRAME)

    refused(alice, one, two, clip)
    all_or_nothing(running, alice, one, new)
    in_a_new_shot(alice, two, new)


def refused(alice: Workspace, one: Any, two: Any, clip: Take) -> None:
    """What cannot go on, and why."""
    with pytest.raises(Invalid, match="Nothing stands for this shot"):
        alice.continue_shot(two)
    with pytest.raises(Invalid, match="clip of this shot"):
        alice.continue_shot(two, clip=clip)
    picture = next(take for take in alice.get_box_assets(one).items if take.asset_type is AssetType.IMAGE)
    with pytest.raises(Invalid, match="Only a clip"):
        alice.continue_shot(one, clip=picture)
    with pytest.raises(Invalid, match="own project"):
        alice.continue_shot(one, into=alice.create_box(alice.create_project("Other"), "x"))
    with pytest.raises(Invalid, match="takes no first frame"):
        alice.continue_shot(one, model="sandbox/sandbox-image")
    assert len(alice.get_box_assets(two).items) == 2, "no picture was left behind"


def in_a_new_shot(alice: Workspace, two: Any, clip: Take) -> None:
    """After the last shot nothing follows, unless one is added: once, however often it is pressed."""
    with pytest.raises(Conflict, match="last shot"):
        alice.continue_shot(two, clip=clip)
    with ThreadPoolExecutor(3) as pool:
        orders = [
            pool.submit(alice.continue_shot, two, "on", clip=clip, adds_shot=True, token="pressed-thrice")
            for _ in "123"
        ]
        (new,) = {order.result().id for order in orders}
    shots = alice.get_project_boxes(two.project_id, kind=BoxKind.SHOT)
    assert [(shot.code, shot.order_index) for shot in shots] == [("010", 0), ("020", 1), ("030", 2)]
    assert alice.get_box_assets(shots[2]).items[0].id == new
    assert len(alice.get_box_assets(shots[2]).items) == 2
    assert alice.continue_shot(two, "on", clip=clip, token="pressed-thrice").id == new
    with pytest.raises(Conflict):
        alice.continue_shot(two, "otherwise", clip=clip, token="pressed-thrice")


def all_or_nothing(studio: Studio, alice: Workspace, one: Any, last: Take) -> None:
    """An order that may not be placed leaves no picture, no shot and no file."""
    offer(studio, dear)
    alice.update_project(one.project_id, budget=1.0)
    before = state(studio, alice, one)
    with pytest.raises(OverBudget):
        alice.continue_shot(one)
    with pytest.raises(OverBudget):
        alice.continue_shot(last.box_id, clip=last, adds_shot=True)
    assert state(studio, alice, one) == before
    alice.update_project(one.project_id, budget=None)


def state(studio: Studio, alice: Workspace, box: Any) -> object:
    takes = [take.id for take in alice.search_assets(project=box.project_id).items]
    shots = [shot.id for shot in alice.get_project_boxes(box.project_id)]
    return takes, shots, {stored.key for stored in studio.assets._storage.list("")}


def test_strangers_and_who_only_looks_continue_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    alice = cast.alice
    project = alice.create_project("Film")
    one, _ = alice.create_boxes(project, ["One", "Two"])
    clip = arrived(alice, one, AssetType.VIDEO)
    let_in(alice, project, "victor", Role.VIEWER)
    monkeypatch.setattr(stills.Stills, "cut", lambda *_: pytest.fail("nothing is cut for them"))
    with pytest.raises(NotFound):
        cast.bob.continue_shot(one, clip=clip)
    with pytest.raises(NotAllowed):
        cast.victor.continue_shot(one, clip=clip)
    with pytest.raises(Invalid, match="follow each other"):
        reference = alice.create_box(project, "Cast", kind=BoxKind.REFERENCE)
        alice.continue_shot(reference, clip=arrived(alice, reference, AssetType.VIDEO))
