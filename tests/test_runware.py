"""A provider unlike the others, from a file written with docs/providers.md alone: bodies are lists, questions are POSTs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from contract_room import Line, Table, at, complete, is_media, samples
from starlette.responses import Response

from apom.errors import ProviderError
from apom.providers.catalog import Catalog, read
from apom.providers.client import Client
from apom.testing.contracts import Contract, serve
from apom.testing.contracts.base import (
    MP4,
    PNG,
    Asked,
    Fields,
    Refusal,
    choice,
    flag,
    picture_as_data_uri,
    said,
    several,
    shaped,
    step,
    text,
    whole,
    wrong,
)

SPEC = read(Path(__file__).parent / "providers" / "runware.json")
COMMON: Fields = {"taskType": text(), "taskUUID": text(), "model": text(), "positivePrompt": text(3000, 3)}
OPTIONAL: Fields = {
    "deliveryMethod": choice("async", "sync"),
    "outputType": choice("URL"),
    "outputFormat": choice("PNG", "JPG", "WEBP"),
    "includeCost": flag,
    "webhookURL": text(),
    "negativePrompt": text(),
    "numberResults": whole(1, 4),
    "width": whole(128, 2048),
    "height": whole(128, 2048),
    "duration": whole(4, 12),
    "seed": whole(1, 2**31 - 1),
    "frameImages": several(shaped({"inputImage": picture_as_data_uri, "frame": choice("first", "last")}), 1, 2),
}
MODELS = ("runware:101@1", "bytedance:seedance@1.5-pro")


class Runware(Contract):
    """One address for everything. Wishes: `credits`, `policy`, `fails`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal("invalidApiKey", "Invalid API key", 401)
        body = asked.body
        if (asked.method, asked.path) != ("POST", "/v1") or not isinstance(body, list) or len(body) != 1:
            raise _refusal("invalidRequest", "The body has to be a list of tasks")
        if body[0].get("taskType") == "getResponse":
            return self._told(body[0])
        return self._taken(body[0])

    def _taken(self, task: Any) -> Response:
        wish = self.take_wish()
        if wish == "credits":
            raise _refusal("insufficientCredits", "Insufficient credits", 402)
        found = wrong(task, COMMON, OPTIONAL)
        if found or task["model"] not in MODELS or UUID(task["taskUUID"]).version != 4 or self.task(task["taskUUID"]):
            raise _refusal("invalidParameter", " ".join(found or ("task", "is not as it has to be")))
        self.order(task["model"], task["positivePrompt"], task, wish).id = task["taskUUID"]
        return said({"data": [{"taskType": task["taskType"], "taskUUID": task["taskUUID"]}]})

    def _told(self, asked: Any) -> Response:
        task = self.task(asked.get("taskUUID", ""))
        if task is None or set(asked) != {"taskType", "taskUUID"}:
            raise _refusal("taskNotFound", "There is no such task")
        kind = task.input["taskType"]
        known = {"taskType": kind, "taskUUID": task.id}
        if step(task, ("processing", "success")) == "processing":
            return said({"data": [{**known, "status": "processing"}]})
        if task.wish == "policy":
            raise _refusal("invalidProviderContent", "The content was flagged", 400)
        url = {"videoURL": self.files.at(MP4)} if kind == "videoInference" else {"imageURL": self.files.at(PNG)}
        return said({"data": [{**known, **url, "status": "success", "cost": 0.0038, "seed": 7}]})


def _refusal(code: str, message: str, status: int = 400) -> Refusal:
    return Refusal({"errors": [{"code": code, "message": message, "parameter": "", "type": "string"}]}, status)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = samples(tmp_path)
    (tmp_path / "in.png").write_bytes(made.png)
    with serve(made, {"runware": Runware}) as mocks:
        line = Line(mocks["runware"])
        yield Table(at(SPEC, mocks["runware"]), mocks["runware"], tmp_path, line)
        line.close()


def test_every_model_makes_its_picture_or_clip(table: Table) -> None:
    for model in SPEC.models:
        made = table.make(model.name, 'a "boat" {{model}}')
        assert (made.end.state, made.end.cost, made.end.unit) == ("done", 0.0038, "USD")
        assert [is_media(model, content) for content in made.files] == [True]
        assert table.mock.last.prompt == 'a "boat" {{model}}'
    assert table.mock.files.leaks == []


@pytest.mark.parametrize(("wish", "kind", "creates"), [("credits", "no_credit", 0), ("policy", "moderated", 1)])
def test_what_is_refused_is_said(table: Table, wish: str, kind: str, creates: int) -> None:
    table.mock.wish = wish
    with pytest.raises(ProviderError) as caught:
        table.make("flux-dev")
    assert (caught.value.kind, table.mock.creates) == (kind, creates)


def test_a_lost_answer_is_found_again_by_our_own_id(table: Table) -> None:
    ours = "7f1c9f0a-5a3e-4c55-9d58-0a0b7b3b8a11"

    async def scenario(client: Client) -> Any:
        model = client.spec.model("flux-dev")
        params = Catalog.check_params(model, complete(model, "a boat"))
        await client.submit(client.render_submit(model, params, {}, client_id=ours))
        return await client.look_up(model, ours)

    assert table.ask(scenario) == {"id": ours}
