"""Filling requests: whatever a person types arrives as typed, and never becomes structure."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from apom.errors import Invalid
from apom.providers.template import (
    AddressTemplate,
    Template,
    TextTemplate,
    names,
    render,
    render_address,
    render_header,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
HOSTILE = TEXT | st.sampled_from(
    ['"},"model":"veo-ultra-expensive', "{{param.seed}}", "{{{{", "}}", "\\", "\n", "{% x %}", "${x}", "\x00", "🎬"]
)


@given(HOSTILE)
def test_any_prompt_arrives_verbatim(prompt: str) -> None:
    body = {"model": "{{model}}", "input": {"prompt": "{{param.prompt}}", "text": "a {{param.prompt}} z"}}
    values = {"model": "m", "param": {"prompt": prompt, "seed": 7}}
    sent = json.loads(json.dumps(render(body, values)))
    assert sent == {"model": "m", "input": {"prompt": prompt, "text": f"a {prompt} z"}}


@given(HOSTILE.filter(lambda text: text not in (".", "..")))
def test_any_value_stays_inside_its_segment_of_an_address(value: str) -> None:
    address = render_address("https://a.b/x/{{task.id}}/y?q={{task.id}}", {"task": {"id": value}})
    parts = urlsplit(address)
    assert parts.netloc == "a.b"
    assert parts.path.count("/") == 3
    assert unquote(parts.path.split("/")[2]) == value
    assert unquote(parts.query.removeprefix("q=")) == value


@given(HOSTILE)
def test_no_value_breaks_a_header(value: str) -> None:
    try:
        sent = render_header("x {{param.v}}", {"param": {"v": value}})
    except Invalid:
        assert not (value.isascii() and value.isprintable())
    else:
        assert sent == f"x {value}"
        assert "\n" not in sent and "\r" not in sent


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{{param.seed}}", 0),
        ("{{param.audio}}", False),
        ("{{param.ratio}}", "16:9"),
        ("{{param.tags}}", ["a", "b"]),
        ("{{param.size}}", {"w": 2}),
        ("{{ param.seed }}", 0),
        ("seed {{param.seed}}, {{param.audio}}, {{param.tags}}", 'seed 0, false, ["a", "b"]'),
        ("{{param.tags[1]}}", "b"),
        ("{{param.size.w}}", 2),
        ("{{param.seed|string}}", "0"),
        ("{{param.count|int}}", 8),
        ("{{param.count|float}}", 8.0),
        ("{{param.size|json}}", '{"w": 2}'),
        ('{{param.none|default:"a, {b} | c"}}', "a, {b} | c"),
        ("{{param.none|default:5}}", 5),
        ("{{param.seed|default:5|string}}", "0"),
        ({"a": "{{param.none}}", "b": "{{param.empty}}", "c": "{{param.nothing}}", "d": "{{param.missing}}"}, {}),
        ({"a": "x {{param.missing}}", "b": [], "c": "", "d": None}, {"b": [], "c": ""}),
        (["{{param.missing}}", "{{param.seed}}", "literal", 3], [0, "literal", 3]),
        ({"urls": ["{{param.missing}}"], "left": 1}, {"left": 1}),
        ({"$if": "param.missing", "a": 1}, None),
        ({"$if": "param.audio", "a": 1}, None),
        ({"$if": "param.seed", "a": 1}, {"a": 1}),
        ([{"$for": "param.tags", "item": {"url": "{{item}}", "r": "{{param.ratio}}"}}, 9],
         [{"url": "a", "r": "16:9"}, {"url": "b", "r": "16:9"}, 9]),
        ({"all": {"$for": "param.tags", "item": "{{item}}!"}}, {"all": ["a!", "b!"]}),
        ({"all": {"$for": "param.missing", "item": "{{item}}"}}, {}),
        ({"literal {x}": "{not} a {placeholder}"}, {"literal {x}": "{not} a {placeholder}"}),
    ],
)  # fmt: skip
def test_a_template_is_filled(template: Any, filled: Any) -> None:
    values = {
        "param": {
            "seed": 0, "audio": False, "ratio": "16:9", "tags": ("a", "b"), "size": {"w": 2}, "count": "8",
            "none": None, "empty": "", "nothing": [],
        }
    }  # fmt: skip
    TypeAdapter(Template).validate_python(template)
    assert render(template, values) == filled


def test_a_value_is_never_looked_at_again() -> None:
    assert render("{{param.a}} {{param.b}}", {"param": {"a": "{{param.b}}", "b": "B"}}) == "{{param.b}} B"


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("/p/{{model}}", "/p/google%2Fnano%20banana"),
        ("/p/{{model|path}}", "/p/google/nano%20banana"),
        ("{{task.url}}", "https://x.y/a?b=c"),
    ],
)
def test_addresses_are_encoded(template: str, address: str) -> None:
    values = {"model": "google/nano banana", "task": {"url": "https://x.y/a?b=c"}}
    assert render_address(template, values) == address


@pytest.mark.parametrize("value", ["..", ".", "a/../../b", None])
def test_an_address_neither_climbs_nor_has_holes(value: str | None) -> None:
    with pytest.raises(Invalid):
        render_address("/x/{{task.id|path}}/y", {"task": {"id": value}})


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="number"):
        render("{{param.a|int}}", {"param": {"a": "eight"}})


@pytest.mark.parametrize(
    ("kind", "template", "reason"),
    [
        (Template, "{{param.a|upper}}", "no filter 'upper'"),
        (Template, "{{param.a|path}}", "no filter 'path'"),
        (Template, "{{param.a|default}}", "default:VALUE"),
        (Template, "{{param.a|default:x}}", "not JSON"),
        (Template, "{{param.a|int:3}}", "is written int"),
        (Template, "{{param a}}", "cannot be read"),
        (Template, ["{{param.a"], "cannot be read"),
        (Template, {"a{{b}}": 1}, "only values are filled"),
        (Template, {"$if": 3}, "needs a name"),
        (Template, {"$for": "param.a", "item": 1, "x": 2}, "goes with item"),
        (TextTemplate, "{{__import__('os')}}", "cannot be read"),
        (AddressTemplate, "/{{param.a|int|upper}}", "no filter 'upper'"),
    ],
)
def test_a_template_that_could_never_be_filled_is_refused(kind: Any, template: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(kind).validate_python(template)


def test_the_names_a_template_uses() -> None:
    template = {"a": "{{param.x|int}} {{model}}", "b": [{"$for": "inputs.i", "item": ["{{item.u}}", "{{param.y}}"]}]}
    assert sorted(names(template)) == ["inputs.i", "model", "param.x", "param.y"]
