"""Every model of every provider file, at a mock that answers like the real one, through the real interpreter.

What providers are known to do, and where it is proven (here, unless a file is named):

| what | proven by |
| --- | --- |
| 200 with another code in the body | test_an_order_that_is_refused |
| results as a JSON text: empty, broken, null | test_how_a_task_ends |
| a state that is not known | test_how_a_task_ends |
| success without a file | test_how_a_task_ends, test_an_answer_without_a_picture_is_a_failure |
| a file that is gone after its time | test_a_file_that_is_gone_is_said; test_engine: fetched_however_late |
| 404 at the first poll | test_providers_client: poll_that_does_not_succeed, still_not_found_after_a_minute |
| 429 with and without Retry-After, seconds, date | test_an_order_that_is_refused; test_providers_client: how_long_to_wait |
| HTML 502, a cut answer, a reset after the order | test_providers_client: does_not_succeed_has_a_kind_and_was_sent_once |
| calls that come twice, late, forged | test_hooks: is_heard_and_nobody_else_is, believed_only_when |
| one task, two who look after it | test_engine_races: of_many_who_answer_at_once; test_steps_machine |
| quotes, line breaks, {{x}}, emoji, 10 kB | test_hostile_prompts_arrive_verbatim, test_any_prompt_arrives_verbatim |
| false and 0 stay, what is empty goes, 16:9 is a text | test_what_is_sent, test_nothing_empty_is_sent |
| a file that is edited while a task runs | test_providers_service: an_edited_file; test_providers_catalog: a_snapshot_is |
| a result on a private address | test_guard: every_spelling_of_this_machine |
| a redirect to another host, with a key | test_the_key_goes_to_the_provider; test_guard: takes_no_key_along |
| three results | test_how_a_task_ends; test_contracts_engine: three_results |
| 30 MB in base64 | test_thirty_megabytes_in_base64 |
| webp and mp4 under a wrong type | test_contracts_engine: is_ordered_once_and_arrives |
| killed between the order and its commit | test_crash: survive_a_sigkill |
| clocks that differ, for tokens | test_providers_keys: good_from_a_little_before_now |
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from contract_room import Line, Table, at, is_media, order, samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apom.config import shipped
from apom.errors import ProviderError
from apom.providers import keys
from apom.providers.catalog import Catalog
from apom.providers.client import Client, Rendered
from apom.testing.contracts import SHIPPED, Contract, serve
from apom.testing.contracts.base import Samples

CATALOG = Catalog.load(shipped("providers"))
SPECS = {slug: spec for slug, spec in CATALOG.specs.items() if slug != "sandbox"}
MODELS = [(slug, model.name) for slug, spec in SPECS.items() for model in spec.models]
FIRST = [(slug, spec.models[0].name) for slug, spec in SPECS.items()]
HOSTILE = [
    'A "quoted" \\"prompt\\"\nwith {{task.id}} and {{param.seed}} and {{model}} \\ ünï',
    '"},"model":"veo-ultra-expensive","input":{"prompt":"',
    '", "model": "other", "x": "',
    "{'$if': 'x'} {\"$for\": \"inputs.image\", \"item\": 1}",
    "%2e%2e/%00 ../../etc?x=1&y=2#z",
    "line\nbreak\ttab and \u2028 and \u200b and 🎬👩‍🎤 مرحبا",
    "--boundary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nother",
    "{{",
    "}}{{callback_url}}",
    "x" * 10_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, Path]:
    folder = tmp_path_factory.mktemp("contracts")
    made = samples(folder)
    (folder / "in.png").write_bytes(made.png)
    return made, folder


@pytest.fixture(scope="module")
def house(media: tuple[Samples, Path]) -> Iterator[Callable[[str], Table]]:
    made, folder = media
    with serve(made) as mocks:
        line = Line(mocks["kie"])

        def table(slug: str) -> Table:
            mocks[slug].forget()
            return Table(at(SPECS[slug], mocks[slug]), mocks[slug], folder, line)

        yield table
        line.close()


House = Callable[[str], Table]


def test_the_table_above_names_tests_that_are_there() -> None:
    here = Path(__file__)
    for cell in (row.split("|")[2] for row in (__doc__ or "").splitlines() if row.startswith("| ")):
        for part in cell.split(";"):
            module, _, fragments = part.strip().rpartition(": ")
            is_module = (here.parent / f"{fragments}.py").exists()
            text = (here.parent / f"{module or here.stem}.py").read_text("utf-8")
            defined = " ".join(line for line in text.splitlines() if line.startswith("def test_"))
            assert is_module or "test" not in cell or all(f in defined for f in fragments.split(", ")), part


def test_every_file_has_its_mock() -> None:
    assert set(SPECS) == set(SHIPPED)


def test_no_two_models_have_the_same_title() -> None:
    titles = [model.title for spec in CATALOG.specs.values() for model in spec.models]
    assert len(set(titles)) == len(titles)


def test_every_file_says_how_to_get_a_key_what_may_be_done_and_how_that_is_known() -> None:
    for spec in SPECS.values():
        assert spec.docs.endswith(".") and (not keys.names(spec) or "Get a " in spec.docs)
        assert all(model.terms is not None for model in spec.models)
        assert all(model.is_active == ((model.evidence or spec.evidence).level != "memory") for model in spec.models)


def expected(slug: str, name: str) -> str:
    """What the mock takes this model for."""
    model = SPECS[slug].model(name)
    return {"comfyui": "graph", "openai-compatible": ""}.get(slug, model.remote or name)


@pytest.mark.parametrize(("slug", "name"), MODELS)
def test_every_model_makes_its_picture_or_clip(house: House, slug: str, name: str) -> None:
    table = house(slug)
    made = table.make(name, HOSTILE[0])
    assert made.end.state == "done", made.end
    assert made.files and all(is_media(table.spec.model(name), content) for content in made.files)
    assert table.mock.creates == 1
    assert (table.mock.last.prompt, table.mock.last.model) == (HOSTILE[0], expected(slug, name))
    assert made.end.cost is None or made.end.cost > 0
    assert table.mock.files.leaks == []


async def send_all(table: Table, client: Client, name: str, prompts: list[str]) -> None:
    model = client.spec.model(name)
    inputs = await table.brought(client, model)
    for prompt in prompts:
        await client.submit(order(client, model, prompt, inputs))


def fitted(slug: str, name: str, prompt: str) -> str:
    """A prompt within the model's limits."""
    schema = SPECS[slug].model(name).parameters.properties["prompt"]
    return prompt[: schema.maxLength or len(prompt)].ljust(schema.minLength or 0, "x")


def arrived(table: Table, slug: str, name: str) -> list[str]:
    assert {task.model for task in table.mock.tasks} == {expected(slug, name)}
    return [task.prompt for task in table.mock.tasks]


@pytest.mark.parametrize(("slug", "name"), MODELS)
def test_hostile_prompts_arrive_verbatim_and_the_model_stays(house: House, slug: str, name: str) -> None:
    table, prompts = house(slug), [fitted(slug, name, prompt) for prompt in HOSTILE]
    table.ask(lambda client: send_all(table, client, name, prompts))
    assert arrived(table, slug, name) == prompts


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(MODELS),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=3, max_size=200), min_size=1, max_size=5),
)
def test_any_prompt_arrives_verbatim_at_any_model(house: House, which: tuple[str, str], prompts: list[str]) -> None:
    table = house(which[0])
    table.ask(lambda client: send_all(table, client, which[1], prompts))
    assert arrived(table, *which) == prompts


def refused(act: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize(
    ("slug", "wish", "kind", "retry_s"),
    [
        ("kie", "401", "auth", None),
        ("kie", "402", "no_credit", None),
        ("kie", "404", "rejected", None),
        ("kie", "429", "rate_limited", None),
        ("kie", "455", "maintenance", None),
        ("kie", "500", "unknown", None),
        ("kie", "501", "failed", None),
        ("kie", "505", "rejected", None),
        ("fal", "balance", "no_credit", None),
        ("fal", "429", "rate_limited", None),
        ("replicate", "429", "rate_limited", 1),
        ("replicate", "402", "no_credit", None),
        ("replicate", "500", "unknown", None),
        ("openai-images", "moderated", "moderated", None),
        ("openai-images", "no credit", "no_credit", None),
        ("openai-images", "429", "rate_limited", 20),
        ("openai-images", "500", "unknown", None),
        ("gemini-image", "429", "rate_limited", None),
        ("gemini-image", "500", "unknown", None),
        ("google-veo", "429", "rate_limited", None),
        ("byteplus", "sensitive", "moderated", None),
        ("byteplus", "overdue", "no_credit", None),
        ("byteplus", "429", "rate_limited", None),
        ("bfl", "402", "no_credit", None),
        ("bfl", "429", "rate_limited", None),
        ("kling", "1101", "no_credit", None),
        ("kling", "1301", "moderated", None),
        ("kling", "1303", "rate_limited", None),
        ("minimax", "1002", "rate_limited", None),
        ("minimax", "1008", "no_credit", None),
        ("minimax", "1026", "moderated", None),
        ("stability", "moderated", "moderated", None),
        ("stability", "402", "no_credit", None),
        ("stability", "429", "rate_limited", None),
        ("automatic1111", "memory", "unknown", None),
    ],
)
def test_an_order_that_is_refused(house: House, slug: str, wish: str, kind: str, retry_s: float | None) -> None:
    table = house(slug)
    table.mock.wish = wish
    error = refused(lambda: table.make(SPECS[slug].models[0].name))
    assert (error.kind, error.retry_after_s) == (kind, retry_s)
    assert error.provider_message
    assert table.mock.creates == 0


@pytest.mark.parametrize(("slug", "name"), [first for first in FIRST if keys.names(SPECS[first[0]])])
def test_a_wrong_key_is_said_to_be_one(house: House, slug: str, name: str) -> None:
    table = house(slug)
    wrong = replace(table, secrets=dict.fromkeys(keys.names(table.spec), "sk-wrong"))
    error = refused(lambda: wrong.make(name))
    assert (error.kind, table.mock.creates) == ("auth", 0)
    assert "sk-wrong" not in error.provider_message


ENDS = [
    ("kie", "fail", "failed", "too dark"),
    ("kie", "empty", "failed", "without a file"),
    ("kie", "garbled", "failed", "without a file"),
    ("kie", "null", "failed", "without a file"),
    ("kie", "odd word", "done", ""),
    ("kie", "several", "done", ""),
    ("fal", "error", "failed", "out of memory"),
    ("replicate", "failed", "failed", "CUDA out of memory"),
    ("replicate", "canceled", "cancelled", "canceled"),
    ("replicate", "aborted", "cancelled", "aborted"),
    ("replicate", "removed", "failed", ""),
    ("replicate", "one", "done", ""),
    ("replicate", "data", "done", ""),
    ("replicate", "at once", "done", ""),
    ("google-veo", "error", "failed", "Internal error"),
    ("google-veo", "filtered", "failed", "likenesses"),
    ("byteplus", "failed", "failed", "internal error"),
    ("byteplus", "expired", "failed", "expired"),
    ("byteplus", "cancelled", "cancelled", "cancelled"),
    ("comfyui", "error", "failed", "Allocation on device"),
    ("comfyui", "old", "done", ""),
    ("bfl", "Request Moderated", "failed", "Request Moderated"),
    ("bfl", "Content Moderated", "failed", "Content Moderated"),
    ("bfl", "Error", "failed", "Error"),
    ("kling", "failed", "failed", "shows nothing"),
    ("minimax", "Fail", "failed", "could not be made"),
]


@pytest.mark.parametrize(("slug", "wish", "state", "said"), ENDS)
def test_how_a_task_ends(house: House, slug: str, wish: str, state: str, said: str) -> None:
    table = house(slug)
    table.mock.wish = wish
    made = table.make(SPECS[slug].models[0].name)
    assert made.end.state == state
    assert said in made.end.error_message
    assert len(made.files) == {"several": 3}.get(wish, 1 if state == "done" else 0)
    assert table.mock.creates == 1


def test_an_order_that_was_finished_at_once_is_not_asked_for(house: House) -> None:
    table = house("replicate")
    table.mock.wish = "at once"
    assert table.make("flux-schnell").states == ()
    assert [asked.method for asked in table.mock.asked] == ["POST"]


@pytest.mark.parametrize(
    ("slug", "wish", "said"),
    [
        ("openai-images", "empty", "without a file"),
        ("gemini-image", "text", "NO_IMAGE"),
        ("gemini-image", "blocked", "PROHIBITED_CONTENT"),
        ("gemini-image", "safety", "IMAGE_SAFETY"),
        ("stability", "filtered", "CONTENT_FILTERED"),
    ],
)
def test_an_answer_without_a_picture_is_a_failure(house: House, slug: str, wish: str, said: str) -> None:
    table = house(slug)
    table.mock.wish = wish
    made = table.make(SPECS[slug].models[0].name)
    assert (made.end.state, table.mock.creates) == ("failed", 1)
    assert said in made.end.error_message


@pytest.mark.parametrize(("wish", "kind"), [("detail", "failed"), ("policy", "moderated")])
def test_a_task_that_is_done_and_whose_result_is_refused_has_failed(house: House, wish: str, kind: str) -> None:
    table = house("fal")
    table.mock.wish = wish
    error = refused(lambda: table.make("flux-dev"))
    assert (error.kind, error.provider_message) == (kind, "prompt was refused")


def test_a_request_has_addresses_of_its_own(house: House) -> None:
    table = house("fal")
    made = table.make("seedance-1.5-pro")
    assert made.task["status_url"].endswith("/fal-ai/bytedance/requests/task-1/status")
    assert {asked.path for asked in table.mock.asked[1:]} == {
        "/fal-ai/bytedance/requests/task-1/status",
        "/fal-ai/bytedance/requests/task-1",
    }


def test_a_graph_that_was_finished_before_says_what_to_do(house: House) -> None:
    table = house("comfyui")
    assert table.make("sdxl").end.state == "done"
    made = table.make("sdxl")
    assert made.end.state == "failed" and "another seed" in made.end.error_message
    assert table.make("sdxl", seed=8).end.state == "done"


def test_a_server_that_forgot_a_task_leaves_it_running_until_it_is_late(house: House) -> None:
    table = house("comfyui")
    table.mock.wish = "forgets"
    with pytest.raises(AssertionError, match="running"):
        table.make("sdxl")


@pytest.mark.parametrize(("slug", "field"), [("comfyui", "prompt_id"), ("kling", "external_task_id")])
def test_a_lost_answer_is_found_again_by_our_own_id(house: House, slug: str, field: str) -> None:
    table = house(slug)

    async def scenario(client: Client) -> Any:
        model = client.spec.models[0]
        rendered = await table.rendered(client, model, "a boat")
        submitted = await client.submit(rendered)
        assert isinstance(rendered.json, dict)
        return submitted.task, await client.look_up(model, str(rendered.json[field]))

    task, found = table.ask(scenario)
    assert task == found


def test_a_result_may_be_asked_for_by_status_and_be_three_questions_away(house: House) -> None:
    upscaled = house("stability").make("creative-upscale")
    assert (upscaled.states, len(upscaled.files)) == (("running", "running", "done"), 1)
    table = house("minimax")
    table.make("hailuo-02")
    assert [asked.path for asked in table.mock.asked[-2:]] == ["/v1/query/video_generation", "/v1/files/retrieve"]


def test_what_is_told_at_the_order_counts_at_the_end(house: House) -> None:
    made = house("bfl").make("flux-2-pro")
    assert (made.end.cost, made.end.unit) == (3, "credit")
    assert house("automatic1111").make("txt2img", seed=5).end.meta == {"seed": 5}


FIELDS: list[tuple[str, tuple[Any, ...]]] = [
    ("kie", ("input",)),
    ("kie", ()),
    ("replicate", ("input",)),
    ("replicate", ()),
    ("openai-images", ()),
    ("openai-compatible", ()),
    ("gemini-image", ("generationConfig", "imageConfig")),
    ("gemini-image", ("contents", 0)),
    ("google-veo", ("parameters",)),
    ("google-veo", ("instances", 0)),
    ("byteplus", ("content", 0)),
    ("byteplus", ()),
    ("comfyui", ("prompt", "3", "inputs")),
    ("comfyui", ()),
    ("bfl", ()),
    ("kling", ()),
    ("minimax", ()),
    ("automatic1111", ()),
]


@pytest.mark.parametrize(("slug", "place"), FIELDS)
def test_a_mock_takes_nothing_it_does_not_know(house: House, slug: str, place: tuple[Any, ...]) -> None:
    table = house(slug)

    async def scenario(client: Client) -> object:
        rendered = await table.rendered(client, client.spec.models[0], "a boat")
        return await client.submit(_with_surprise(rendered, place))

    error = refused(lambda: table.ask(scenario))
    assert (error.kind, table.mock.creates) == ("rejected", 0)


def _with_surprise(rendered: Rendered, place: tuple[Any, ...]) -> Rendered:
    body: Any = copy.deepcopy(rendered.json)
    inner = body
    for step in place:
        inner = inner[step]
    inner["surprise"] = 1
    return replace(rendered, json=body)


@pytest.mark.parametrize("slug", ["fal", "replicate", "byteplus", "comfyui"])
def test_a_task_is_taken_back(house: House, slug: str) -> None:
    table = house(slug)

    async def scenario(client: Client) -> None:
        model = client.spec.models[0]
        submitted = await table.ordered(client, model, "a boat")
        await client.cancel(model, submitted.task)

    table.ask(scenario)
    assert getattr(table.mock, "deleted", []) == [table.mock.last.id] or table.mock.last.is_cancelled


def test_the_balance_tries_the_key(house: House) -> None:
    table = house("kie")
    assert table.ask(lambda client: client.balance()) == 512.5
    wrong = replace(table, secrets={"KIE_API_KEY": "sk-wrong"})
    assert refused(lambda: wrong.ask(lambda client: client.balance())).kind == "auth"


def test_the_key_goes_to_the_provider_and_nowhere_else(house: House) -> None:
    """The clip is fetched with the key, and that leads to another host."""
    table = house("google-veo")
    assert table.make("veo-3.1").end.state == "done"
    download = table.mock.asked[-1]
    assert download.path.endswith(":download") and download.headers["x-goog-api-key"] == table.mock.KEY
    assert table.mock.files.leaks == []


def test_a_file_that_is_gone_is_said(house: House) -> None:
    table = house("kie")
    table.mock.files.gone = True
    assert refused(lambda: table.make("nano-banana")).provider_message.startswith("403")
    assert not (table.folder / "out-0").exists()


def test_thirty_megabytes_in_base64(house: House) -> None:
    table = house("openai-images")
    table.mock.files.samples = replace(table.mock.files.samples, png=b"\x89PNG" + bytes(30 * 1024 * 1024))
    try:
        made = table.make("gpt-image-2.5-flare")
        assert [len(content) for content in made.files] == [30 * 1024 * 1024 + 4]
    finally:
        table.mock.files.samples = replace(table.mock.files.samples, png=(table.folder / "in.png").read_bytes())


def body_of(table: Table, name: str, **params: Any) -> Any:
    table.ask(lambda client: table.ordered(client, client.spec.model(name), "a boat", **params))
    return table.mock.last.input


def test_what_is_sent(house: House) -> None:
    kie = body_of(house("kie"), "seedance-1.5-pro", audio=False, fixed_lens=False)
    assert kie["generate_audio"] is False and kie["fixed_lens"] is False
    assert (kie["aspect_ratio"], kie["duration"]) == ("16:9", "8")
    assert "input_urls" not in kie
    fal = body_of(house("fal"), "flux-dev", seed=0)
    assert fal["seed"] == 0 and fal["guidance_scale"] == 3.5
    assert body_of(house("fal"), "seedance-1.5-pro", duration=12)["duration"] == "12"
    local = house("openai-compatible")
    assert set(body_of(local, "image")) == {"prompt", "size"}
    assert body_of(local, "image", model="flux")["model"] == "flux"
    comfy = body_of(house("comfyui"), "sdxl", seed=0)
    assert comfy["3"]["inputs"]["seed"] == 0 and comfy["7"]["inputs"]["text"] == ""


@pytest.mark.parametrize(("slug", "name"), [each for each in MODELS if each[0] != "comfyui"])
def test_nothing_empty_is_sent(house: House, slug: str, name: str) -> None:
    table = house(slug)

    async def scenario(client: Client) -> Rendered:
        model = client.spec.model(name)
        needed = [each.name for each in model.inputs if each.min]
        inputs = {name: files for name, files in (await table.brought(client, model)).items() if name in needed}
        return order(client, model, "a boat", inputs)

    rendered = table.ask(scenario)
    assert not any(value in (None, "", [], {}) for value in _values(rendered.json))
    assert rendered.parts or rendered.json
    assert all(part.content for part in rendered.parts)


def _values(tree: Any) -> Iterator[Any]:
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for value in inner:
        yield value
        yield from _values(value)


def test_a_mock_that_was_made_to_forget_is_as_new(house: House) -> None:
    table = house("kie")
    table.make("nano-banana-edit")
    mock: Contract = table.mock
    mock.forget()
    assert (mock.creates, mock.tasks, mock.asked, getattr(mock, "uploads", None)) == (0, [], [], {})
