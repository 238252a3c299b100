"""Provider files: what is wrong with one is said when it is loaded, with its place and its mend."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apom.config import shipped
from apom.errors import Invalid, Misconfigured
from apom.models import AssetType
from apom.providers.catalog import Catalog, canonical, from_snapshot, parse
from apom.providers.spec import Model, ProviderSpec, merged, schema_text

FOLDER = shipped("providers")
SANDBOX: dict[str, Any] = json.loads((FOLDER / "sandbox.json").read_text())
CATALOG = Catalog.load(FOLDER)
IMAGE, VIDEO = (CATALOG.find("sandbox", f"sandbox-{kind}") for kind in ("image", "video"))


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    data = copy.deepcopy(SANDBOX)
    change(data)
    return json.dumps(data)


PARAMS = "parameters_schema"
REMEMBERED = {"level": "memory", "source": "x", "checked_on": "2026-11-23"}


def put(value: Any, *place: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for step in place[:-1]:
            data = data[step]
        if value is ...:
            del data[place[-1]]
        else:
            data[place[-1]] = value

    return change


def test_the_schema_beside_the_files_is_the_one_the_shapes_give() -> None:
    mend = "write it again: Path('providers/schema.json').write_text(apom.providers.spec.schema_text())"
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text(), mend


def test_every_shipped_file_keeps_the_schema() -> None:
    validator = Draft202012Validator(json.loads(schema_text()))
    for path in FOLDER.glob("*.json"):
        if path.name != "schema.json":
            assert list(validator.iter_errors(json.loads(path.read_text()))) == []


def test_the_sandbox_offers_a_picture_a_clip_and_an_edit_for_play() -> None:
    image, video, edit = (model for model in CATALOG.models() if model.provider == "sandbox")
    assert CATALOG.models()[:3] == (image, video, edit), "what costs nothing comes first"
    assert [model.model_type for model in (image, video, edit)] == [AssetType.IMAGE, AssetType.VIDEO, AssetType.IMAGE]
    assert image.is_play and video.is_play and edit.is_play
    assert image.price == {"amount": 4, "unit": "play credit", "per": "take"}
    assert (video.inputs[0]["role"], edit.inputs[0]["role"]) == ("first_frame", "edit_source")


@pytest.mark.parametrize(
    ("change", "place", "mend"),
    [
        (put("{{param.sed}}", "models", 0, "request_schema", "input", "seed"), "models[0].submit.request.json", "param.seed"),
        (put("{{inputs.image}}", "models", 0, "request_schema", "input", "x"), "models[0].submit.request.json", "inputs.image"),
        (put("{{task.ID}}", "poll", "request", "query", "taskId"), "models[0].poll.request.query", "task.id"),
        (put("{{param.prompt}}", "poll", "request", "query", "taskId"), "models[0].poll.request.query", "task.id"),
        (put("{{input.path}}", "upload", "request", "multipart", "fileName"), "upload.request.multipart", "input.filename"),
        (put("x", "upload", "request", "multipart", "file"), "upload.request.multipart", "{{input.file}}"),
        (put("body.data[", "poll", "state"), "poll.state", "cannot be read"),
        (put("a" * 400, "result", "items"), "result.items", "300"),
        (put("run(body)", "response", "ok"), "response.ok", "no function run()"),
        (put(..., "poll", "states", "done"), "poll.states.done", "missing"),
        (put([], "poll", "states", "done"), "poll.states.done", "at least 1"),
        (put(["success"], "poll", "states", "failed"), "poll.states", "two places"),
        (put({"type": "bearer", "secret": "sk-live-51Habc"}, "auth"), "auth.bearer.secret", "KIE_API_KEY"),
        (put({"Authorization": "Bearer x"}, "headers"), "headers", "under auth"),
        (put({"x-api-key": "x"}, "submit", "request", "headers"), "submit.request", "under auth"),
        (put("magic", "classify", 0, "as"), "classify[0].as", "rate_limited"),
        (put("x", "surprise"), "surprise", "no such field"),
        (put("x", "submit", "request", "url"), "submit.request", "pattern"),
        (put("http://a.b/", "submit", "request", "url"), "submit.request", "either a path or a url"),
        (put("https://{{model}}/x", "submit", "request", "url"), "submit.request.url", "pattern"),
        (put("/x/{{model|shout}}", "submit", "request", "path"), "submit.request.path", "no filter"),
        (put("//evil.com", "submit", "request", "path"), "submit.request.path", "pattern"),
        (put("http://me:pw@a.b", "base_url"), "base_url", "pattern"),
        (put(["https://a.b"], "hosts"), "hosts[0]", "pattern"),
        (put(..., "upload"), "models[1].inputs", "no upload block"),
        (put("sandbox-image", "models", 1, "name"), "models[0].name", "two models"),
        (put("seed", "models", 0, PARAMS, "properties", "prompt", "x-role"), "models[0].parameters_schema", "same x-role"),
        (put(..., "submit", "request", "json", "clientId"), "models[0].submit.request", "{{client_id}}"),
        (put("x", "submit", "lookup", "request", "query", "clientId"), "models[0].submit.lookup.request", "{{client_id}}"),
        (put(..., "submit", "lookup", "missing"), "models[0].submit.lookup.missing", "absent"),
        (put({"other": "body"}, "submit", "lookup", "take"), "models[0].submit.lookup.take", "'id'"),
        (put("{{task.ID}}", "cancel", "request", "json", "taskId"), "models[0].cancel.request.json", "task.id"),
        (put("twice", "submit", "replay"), "submit.replay", "same_key"),
        (put(["nope"], "models", 0, PARAMS, "required"), "models[0].parameters_schema.required", "'nope'"),
        (put(7, "models", 1, PARAMS, "properties", "duration", "default"), "models[1].parameters_schema", "one of 3, 4, 5"),
        (put("(", "models", 0, PARAMS, "properties", "prompt", "pattern"), "models[0].parameters_schema", "regex"),
        (put("http://x", "models", 0, PARAMS, "properties", "prompt", "$ref"), "models[0].parameters_schema", "no such field"),
        (put("memory", "evidence", "level"), "models[0].is_active", "false"),
        (put(REMEMBERED, "models", 1, "evidence"), "models[1].is_active", "false"),
        (put({"amount": 1, "unit": "USD"}, "models", 1, "price"), "models[1].price.unit", "'play credit'"),
        (put({"auth": True}, "models", 0, "result"), "models[0].result.auth", "under the provider's result"),
        (put({"state": "((("}, "models", 0, "poll"), "models[0].poll (over the provider's).state", "cannot be read"),
        (put({"states": None}, "models", 0, "poll"), "models[0].poll (over the provider's).states", "missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_place_and_mend(change: Callable[[Any], None], place: str, mend: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse(changed(change), file="sandbox.json")
    assert str(caught.value).startswith("The provider file sandbox.json cannot be used. ")
    assert place in str(caught.value)
    assert mend in str(caught.value)
    assert "sk-live" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '"x"'])
def test_what_is_no_provider_file_at_all_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        parse(text, file="x.json")


def test_a_file_is_called_as_its_id(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(SANDBOX))
    with pytest.raises(Misconfigured, match=r"other\.json"):
        Catalog.load(tmp_path)


def test_a_models_own_blocks_are_laid_over_the_providers() -> None:
    spec = parse(
        changed(
            lambda data: data["models"][0].update(
                api_endpoint="/v2/{{model|path}}",
                request_schema={"input": {"seed": None, "n": 1}},
                poll={"every_s": 9, "states": {"failed": ["fail", "expired"]}},
                result={"ttl": "2d"},
            )
        ),
        file="sandbox.json",
    )
    model = spec.models[0]
    request = model.submit_block(spec).request
    assert request.path == "/v2/{{model|path}}"
    assert request.body == {
        "model": "{{model}}", "callBackUrl": "{{callback_url}}", "clientId": "{{client_id}}",
        "input": {"prompt": "{{param.prompt}}", "n": 1},
    }  # fmt: skip
    poll = model.poll_block(spec)
    assert (poll.every_s, poll.states.done, poll.states.failed) == (9, ("success",), ("fail", "expired"))
    assert model.result_block(spec).ttl == "2d"
    assert spec.models[1].poll_block(spec).every_s == 1
    assert merged({"a": {"b": 1, "c": [1]}}, {"a": {"b": None, "c": [2]}}) == {"a": {"c": [2]}}


def test_inputs_said_once_are_those_of_every_model_without_its_own() -> None:
    shared = SANDBOX["models"][1]["inputs"]
    spec = parse(changed(put(shared, "inputs")), file="sandbox.json")
    assert [len(model.inputs) for model in spec.models] == [1, 1, 1]
    spec = parse(changed(lambda d: (put(shared, "inputs")(d), put([], "models", 0, "inputs")(d))), file="sandbox.json")
    assert [len(model.inputs) for model in spec.models] == [0, 1, 1]


def test_terms_said_once_are_those_of_every_model_without_its_own() -> None:
    terms = {"url": "https://acme.example/terms", "commercial": "plan", "checked_on": "2026-11-23"}
    spec = parse(changed(lambda d: (put(terms, "terms")(d), put(..., "models", 0, "terms")(d))), file="sandbox.json")
    assert [model.terms.commercial if model.terms else None for model in spec.models] == ["plan", "yes", "yes"]


def test_parameters_said_once_lie_below_those_of_each_model() -> None:
    def share(data: dict[str, Any]) -> None:
        del data["models"][2:]
        image, video = data["models"]
        data[PARAMS] = copy.deepcopy(image[PARAMS])
        del image[PARAMS]
        del video["request_schema"]["input"]["duration"]
        video[PARAMS] = {"required": ["seed"], "properties": {"resolution": None, "seed": {"maximum": 9}}}

    spec = parse(changed(share), file="sandbox.json")
    image, video = (model.parameters for model in spec.models)
    assert image == IMAGE.parameters
    assert (list(video.properties), video.required) == (["prompt", "aspect_ratio", "seed"], ("seed",))
    assert (video.properties["seed"].minimum, video.properties["seed"].maximum) == (0, 9)
    again = from_snapshot(canonical(spec))
    assert [model.parameters for model in again.models] == [image, video] and canonical(again) == canonical(spec)


def test_a_model_may_send_a_form_where_the_others_send_json() -> None:
    form = {"request": {"json": None, "multipart": {"prompt": "{{param.prompt}}", "id": "{{client_id}}"}}}
    change = lambda d: d["models"][0].update(api_endpoint="/edits", submit=form, request_schema={})  # noqa: E731
    spec = parse(changed(change), file="sandbox.json")
    request = spec.models[0].submit_block(spec).request
    assert (request.path, request.body, sorted(request.multipart or {})) == ("/edits", None, ["id", "prompt"])
    assert spec.models[1].submit_block(spec).request.multipart is None


def test_a_snapshot_is_the_same_content_whatever_its_order_and_comes_back_as_the_same_spec(tmp_path: Path) -> None:
    sha256, text = CATALOG.snapshot("sandbox")
    again = from_snapshot(text)
    assert canonical(again) == text
    assert [m.submit_block(again) for m in again.models] == [
        m.submit_block(CATALOG.specs["sandbox"]) for m in again.models
    ]
    turned = {key: SANDBOX[key] for key in reversed(SANDBOX)}
    (tmp_path / "sandbox.json").write_text(json.dumps(turned, indent=4))
    assert Catalog.load(tmp_path).snapshot("sandbox") == (sha256, text)
    (tmp_path / "sandbox.json").write_text(changed(put(2, "poll", "every_s")))
    assert Catalog.load(tmp_path).snapshot("sandbox")[0] != sha256


def test_what_cannot_be_generated_with_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text(changed(put(False, "models", 0, "is_active")))
    catalog = Catalog.load(tmp_path)
    assert [model.name for model in catalog.models()] == ["sandbox-video", "sandbox-edit"]
    for provider, model in (("sandbox", "sandbox-image"), ("sandbox", "none"), ("none", "x")):
        with pytest.raises(Invalid):
            catalog.find(provider, model)


def test_defaults_are_filled_in_and_null_counts_as_not_given() -> None:
    assert CATALOG.check_params(IMAGE, {"prompt": "p", "seed": None}) == {
        "prompt": "p", "aspect_ratio": "16:9", "resolution": "720p"
    }  # fmt: skip
    found = CATALOG.check_params(VIDEO, {"duration": 5.0, "seed": 0})
    assert found == {"duration": 5, "seed": 0}
    assert isinstance(found["duration"], int)


@pytest.mark.parametrize(
    ("model", "params", "field", "sentence"),
    [
        (VIDEO, {"duration": 7}, "duration", "Duration must be one of 3, 4, 5."),
        (VIDEO, {"duration": True}, "duration", "Duration must be a whole number."),
        (VIDEO, {"duration": "4"}, "duration", "Duration must be a whole number."),
        (VIDEO, {"seed": -1}, "seed", "Seed must be at least 0."),
        (VIDEO, {"seed": 2**31}, "seed", "Seed must be at most 2147483647."),
        (VIDEO, {"seed": 1.5}, "seed", "Seed must be a whole number."),
        (VIDEO, {"prompt": "x" * 20_001}, "prompt", "Prompt must not be longer than 20000 characters."),
        (VIDEO, {"prompt": "\ud800"}, "prompt", "Prompt holds characters that cannot be sent."),
        (VIDEO, {"wings": 2}, "wings", "Sandbox video has no parameter wings."),
        (IMAGE, {}, "prompt", "Prompt is missing."),
        (IMAGE, {"prompt": ""}, "prompt", "Prompt is missing."),
        (IMAGE, {"prompt": ["x"]}, "prompt", "Prompt must be a text."),
        (IMAGE, {"prompt": "p", "aspect_ratio": 969}, "aspect_ratio", "Aspect ratio must be a text."),
    ],
)
def test_what_a_model_cannot_take_is_said_plainly(model: Model, params: Any, field: str, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        CATALOG.check_params(model, params)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


def test_a_spec_cannot_be_changed() -> None:
    spec: ProviderSpec = CATALOG.specs["sandbox"]
    with pytest.raises(ValueError, match="frozen"):
        spec.base_url = "https://evil.example"
