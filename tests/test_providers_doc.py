"""docs/providers.md knows every word of the vocabulary and no other, and its example works as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from loopback import Loopback, run, said
from pydantic import BaseModel

from apom import net
from apom.config import shipped
from apom.models import InputRole
from apom.providers import keys, parameters, rules, spec, template
from apom.providers.catalog import Catalog, parse
from apom.providers.client import Client

DOC = (Path(__file__).parent.parent / "docs" / "providers.md").read_text("utf-8")
SHAPES: dict[str, type[BaseModel]] = {
    "A file": spec.ProviderSpec,
    "limits": spec.Limits,
    "response": spec.Response,
    "classify": spec.Rule,
    "inputs": spec.Input,
    "upload": spec.Upload,
    "request": spec.Request,
    "submit": spec.Submit,
    "lookup": spec.Lookup,
    "poll": spec.Poll,
    "states": spec.States,
    "fetch": spec.Fetch,
    "result": spec.Result,
    "cost": spec.Cost,
    "cancel": spec.Cancel,
    "account": spec.Account,
    "callback": spec.Callback,
    "models": spec.Model,
    "price": spec.Price,
    "terms": spec.Terms,
    "evidence": spec.Evidence,
    "parameters_schema": parameters.ParametersSchema,
    "properties": parameters.Parameter,
    "x-ui": parameters.XUi,
}


def table(heading: str, column: str = "word") -> list[str]:
    """The first column of the table below a heading, or of the table with that column."""
    below = DOC.partition(f"\n### {heading}\n")[2] if heading else DOC
    rows = below.partition(f"| {column} |")[2].split("\n\n")[0].splitlines()[2:]
    return [re.sub(r"\\\|", "|", row).split("`")[1] for row in rows]


@pytest.mark.parametrize("heading", SHAPES)
def test_a_table_names_the_words_of_its_shape_in_their_order(heading: str) -> None:
    fields = SHAPES[heading].model_fields
    assert table(heading) == [field.alias or name for name, field in fields.items()]


def test_the_smaller_lists_are_whole() -> None:
    assert table("", "kind") == list(get_args(spec.Kind))
    assert set(table("", "filter")) == {*template.FILTERS, "path", "default"}
    kinds = get_args(get_args(spec.Auth)[0])
    assert table("auth", "type") == [get_args(kind.model_fields["type"].annotation)[0] for kind in kinds]
    assert "secret" in spec.Keyed.model_fields
    placeholders = " ".join(table("", "placeholder"))
    assert all(f"{{{{{name}}}}}" in placeholders for name in (rules.FILE.strip("{}"), *rules.UPLOAD_NAMES))


@pytest.mark.parametrize(
    ("heading", "word", "values"),
    [
        ("inputs", "role", [role.value for role in InputRole]),
        ("inputs", "as", get_args(spec.Input.model_fields["sent_as"].annotation)),
        ("result", "as", get_args(spec.Result.model_fields["sent_as"].annotation)),
        ("submit", "replay", get_args(spec.Submit.model_fields["replay"].annotation)),
        ("terms", "commercial", get_args(spec.Terms.model_fields["commercial"].annotation)),
        ("evidence", "level", get_args(spec.Evidence.model_fields["level"].annotation)),
        ("properties", "x-role", get_args(parameters.Role)),
        ("properties", "type", get_args(parameters.Parameter.model_fields["type"].annotation)),
        ("x-ui", "widget", get_args(get_args(parameters.XUi.model_fields["widget"].annotation)[0])),
    ],
)
def test_a_word_with_a_choice_names_what_there_is(heading: str, word: str, values: Any) -> None:
    row = next(row for row in DOC.partition(f"\n### {heading}\n")[2].splitlines() if row.startswith(f"| `{word}` |"))
    assert all(f"`{value}`" in row for value in values), row


def rows() -> list[str]:
    """A row for each file: its keys, its models."""
    found = []
    for slug, provider in Catalog.load(shipped("providers")).specs.items():
        names = ", ".join(f"`{name}`" for name in keys.names(provider)) or "none"
        models = ", ".join(m.name if m.is_active else f"({m.name})" for m in provider.models)
        found.append(f"| `{slug}` {provider.name} | {names} | {models} |")
    return found


def test_the_table_of_what_comes_with_apom_is_what_comes_with_it() -> None:
    below = DOC.partition("| file | key | models |\n| --- | --- | --- |\n")[2]
    assert below.split("\n\n")[0].splitlines() == rows()


def example() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOC.partition("```json\n")[2].partition("```")[0])
    return found


def test_the_example_makes_a_picture_with_the_answers_of_its_page() -> None:
    lines = [
        line.partition("   ")[0] for line in DOC.splitlines() if line.startswith('{"id": "img_') or "bad_ratio" in line
    ]
    waiting, ready, refused = (json.loads(line) for line in lines)
    with Loopback() as acme:
        acme.on("POST", "/v1/images", said(waiting))
        acme.on("GET", "/v1/images/img_81", said(waiting), said(ready))
        data = example() | {"base_url": acme.url + "/v1"}
        provider = parse(json.dumps(data), file="acme.json")
        http = net.make_client

        async def scenario() -> Any:
            general, submitter = http(purpose="general"), http(purpose="submit")
            client = Client(provider, general=general, submitter=submitter, secrets={"ACME_API_KEY": "k"})
            model = provider.model("acme-2")
            order = client.render_submit(model, {"prompt": "a boat", "aspect_ratio": "16:9"}, {})
            submitted = await client.submit(order)
            polled = [await client.poll(model, submitted.task, 1) for _ in range(2)]
            await general.aclose()
            await submitter.aclose()
            return polled

        first, last = run(scenario())
        assert acme.seen[0].json == {"model": "acme-2", "prompt": "a boat", "ratio": "16:9"}
        assert (first.state, last.state, last.cost) == ("queued", "done", 0.03)
        assert last.results == ("https://cdn.acme.example/81.png",)
    assert refused["error"]["code"] == "bad_ratio"


def test_the_example_is_a_whole_file() -> None:
    assert parse(json.dumps(example()), file="acme.json").id == "acme"
