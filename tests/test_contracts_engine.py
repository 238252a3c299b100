"""Every provider through the whole house: ordered, sent, asked for, fetched and stored, at mocks of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import person
from contract_room import at, samples
from engine_room import until

from apom import net
from apom.config import Settings, shipped
from apom.models import AssetType, Box, InputRole, Status, Take
from apom.providers import keys
from apom.providers.catalog import Catalog
from apom.studio import Studio, Workspace
from apom.testing.contracts import Contract, serve
from apom.testing.contracts.base import FILES

SPECS = {slug: spec for slug, spec in Catalog.load(shipped("providers")).specs.items() if slug != "sandbox"}
OFFERED = [(slug, model.name) for slug, spec in SPECS.items() for model in spec.models if model.is_active]


@dataclass(frozen=True)
class House:
    """alice's studio with every provider at its mock."""

    alice: Workspace
    box: Box
    picture: Take
    mocks: dict[str, Contract]

    def order(self, slug: str, name: str, prompt: str = "a boat at dawn", **more: Any) -> Take:
        inputs = [(each.role, self.picture) for each in SPECS[slug].model(name).inputs]
        return self.alice.generate(self.box, prompt, model=f"{slug}/{name}", inputs=inputs, **more)[0]

    def ended(self, take: Take) -> Any:
        until(lambda: self.alice.asset(take).status not in (Status.PENDING, Status.PROCESSING), 60)
        return self.alice.asset(take)


def ship(folder: Path, mocks: dict[str, Contract]) -> None:
    """Every file at its mock, asked often."""
    for slug, spec in SPECS.items():
        data = json.loads(at(spec, mocks[slug]).model_dump_json(by_alias=True, exclude_unset=True))
        if "poll" in data:
            data["poll"] |= {"every_s": 0.05, "max_every_s": 0.1}
        data.pop("limits", None)
        (folder / f"{slug}.json").write_text(json.dumps(data), "utf-8")
    (folder / "sandbox.json").write_text((shipped("providers") / "sandbox.json").read_text("utf-8"), "utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    tmp, patch = tmp_path_factory.mktemp("house"), pytest.MonkeyPatch()
    (tmp / "providers").mkdir()
    with serve(samples(tmp)) as mocks, patch.context():
        ship(tmp / "providers", mocks)
        patch.setattr("apom.studio.house.shipped", lambda _: tmp / "providers")
        patch.setattr("apom.engine.wiring.inside", lambda _: net.in_process({FILES: mocks["kie"].files}))
        with Studio.open(Settings(data_dir=tmp / "data")) as studio:
            alice = person(studio, "alice")
            admin = studio.workspace(alice.model_copy(update={"is_admin": True}))
            for slug, spec in SPECS.items():
                for name in keys.names(spec):
                    admin.set_key(slug, mocks[slug].KEY, name=name)
                base_url = at(spec, mocks[slug]).base_url
                admin.set_address(slug, base_url, may_be_private=True)
            box = admin.create_box(admin.create_project("P"), "one")
            picture = admin.wait([admin.generate(box, "a harbour", model="kie/nano-banana")[0]])[0]
            for mock in mocks.values():
                mock.forget()
            yield House(admin, box, picture, mocks)
    patch.undo()


def prompt_for(name: str) -> str:
    return f'A "quoted" prompt for {name}\nwith {{{{model}}}}'


@pytest.fixture(scope="module")
def ordered(house: House) -> dict[tuple[str, str], Take]:
    """Every model at once."""
    return {(slug, name): house.order(slug, name, prompt_for(name)) for slug, name in OFFERED}


@pytest.mark.parametrize(("slug", "name"), OFFERED)
def test_every_model_is_ordered_once_and_arrives(
    house: House, ordered: dict[tuple[str, str], Take], slug: str, name: str
) -> None:
    take = house.ended(ordered[slug, name])
    assert take.status is Status.COMPLETED, take.error_message
    assert take.asset_type == SPECS[slug].model(name).model_type
    assert take.width == 64 and (take.asset_type is AssetType.IMAGE or take.duration_s)
    assert sum(task.prompt == prompt_for(name) for task in house.mocks[slug].tasks) == 1
    assert house.mocks[slug].files.leaks == []


def test_what_was_paid_is_told_in_money(house: House) -> None:
    project = house.alice.create_project("Paid")
    house.alice.wait(
        [house.alice.generate(house.alice.create_box(project, "one"), "a boat", model="kie/nano-banana")[0]]
    )
    assert house.alice.spending(project).spent == pytest.approx(4 * 0.005)


def test_what_is_done_and_empty_has_failed_in_the_providers_words(house: House) -> None:
    takes = []
    for slug, name, wish, words in (
        ("google-veo", "veo-3.1-fast", "filtered", "likenesses"),
        ("gemini-image", "gemini-2.5-flash-image", "safety", "IMAGE_SAFETY"),
        ("fal", "flux-dev", "detail", "was refused"),
        ("kie", "nano-banana", "402", "Insufficient credits"),
    ):
        house.mocks[slug].wish = wish
        takes.append((house.order(slug, name), words))
    for ordered, words in takes:
        take = house.ended(ordered)
        assert take.status is Status.FAILED and words in take.error_message, take.error_message


def test_three_results_become_three_takes(house: House) -> None:
    house.mocks["kie"].wish = "several"
    box = house.alice.create_box(house.box.project_id, "several")
    take = house.alice.generate(box, "three boats", model="kie/nano-banana")[0]
    assert house.ended(take).status is Status.COMPLETED
    assert len(house.alice.get_box_assets(box).items) == 3


def test_an_answer_that_is_lost_is_never_paid_twice(house: House) -> None:
    mock = house.mocks["openai-images"]
    before = len(mock.asked)
    mock.wish = "500"
    take = house.ended(house.order("openai-images", "gpt-image-2.5-flare"))
    assert take.status is Status.ATTENTION
    assert len(mock.asked) == before + 1
    assert house.alice.give_up(take).status is Status.FAILED


def test_a_role_fits_its_picture() -> None:
    roles = {each.role for spec in SPECS.values() for model in spec.models for each in model.inputs}
    assert roles <= set(InputRole)
