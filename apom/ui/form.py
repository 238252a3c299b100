"""The prompt form: drawn from a model's parameters_schema, so that a new model needs no new page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import JsonValue

from apom.config import LIMITS
from apom.fields import tidy
from apom.models import AIModel, OptionRole
from apom.orders import styled
from apom.ui.door import plain
from apom.words import N_, _, paid

HIDDEN_ROLES = ("prompt",)
LACKING = {"seed": N_("seeds"), "aspect_ratio": N_("aspect ratios"), "negative": N_("negative prompts")}
RESERVED = {"no": N_("no commercial use"), "plan": N_("commercial use depends on your plan with them")}
FEW = 6


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What a person filled in."""

    prompt: str
    model: AIModel
    params: dict[str, JsonValue]
    n: int
    with_style: bool


def model_id(model: AIModel) -> str:
    """How a model is named in an order."""
    return f"{model.provider}/{model.name}"


def titles(models: Iterable[AIModel]) -> dict[str, str]:
    """The models by id, as people know them: with the provider where there is more than one to choose from."""
    known = list(models)
    several = len({model.provider for model in known}) > 1
    return {model_id(model): f"{model.provider_title} · {model.title}" if several else model.title for model in known}


def pick(models: Sequence[AIModel], *, key: str) -> AIModel:
    """Which one: found by typing, too. What it costs and what one may do with its takes stands below it."""
    by_id = {model_id(model): model for model in models}
    named = titles(models)
    if len(by_id) == 1:
        return models[0]
    model = by_id[st.selectbox(_("Model"), list(by_id), format_func=named.__getitem__, key=key)]
    facts = [_("{cost} a take", cost=cost) if (cost := estimate(model, 1)) else _("no price is known"), *cannot(model)]
    st.caption(plain(" · ".join(facts)))
    return model


def cannot(model: AIModel) -> list[str]:
    """What others do and this one does not, and what its terms forbid, before anything is ordered."""
    lacking = [words for role, words in LACKING.items() if _playing(model, role) is None]
    said = [_("without {what}", what=", ".join(map(_, lacking)))] if lacking else []
    commercial = (model.terms or {}).get("commercial")
    return said + ([_(RESERVED[commercial])] if isinstance(commercial, str) and commercial in RESERVED else [])


def estimate(model: AIModel, n: int) -> str:
    """What an order will cost, in words; empty when nobody knows."""
    if model.price is None or not isinstance(amount := model.price.get("amount"), int | float):
        return ""
    return cost(amount * n, str(model.price.get("unit", "")), is_play=model.is_play)


def cost(amount: float, unit: str, *, is_play: bool) -> str:
    """An estimate in a provider's unit, in words."""
    return paid(amount, unit) if is_play else _("about {cost}", cost=paid(amount, unit))


def draw(models: tuple[AIModel, ...], prompt: str, *, style: str, key: str) -> Filled:
    """The form's widgets, outside of any st.form so that the estimate follows; what stands in them now."""
    text = st.text_area(
        _("Prompt"),
        value=prompt,
        height=132,
        max_chars=LIMITS.prompt_chars,
        placeholder=_("What should the picture show?"),
        key=f"{key}-prompt",
        on_change="ignore",  # leaving the field must not get in the way of the link that was clicked
    )
    with_style = add_style(style, lambda: sent(text, style), key=key)
    model = pick(models, key=f"{key}-model")
    params: dict[str, JsonValue] = {
        name: value for name, value in _params(model, f"{key}-{model_id(model)}") if value is not None
    }
    n = st.select_slider(
        _("Takes"),
        [1, 2, 4, 8, LIMITS.variations],
        value=1,
        key=f"{key}-n",
        help=_("Each take gets a seed of its own."),
    )
    return Filled(prompt=text, model=model, params=params, n=int(n), with_style=with_style)


def add_style(style: str, sent: Callable[[], str], *, key: str) -> bool:
    """Whether the project's style goes along, which is asked where there is one; and the words as they would be sent."""
    if not style:
        return True
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-styling"):
        adds = st.toggle(_("Add the project's style"), value=True, key=f"{key}-style", help=plain(style))
        if adds:
            # opening it brings what was typed meanwhile
            with st.popover(_("What is sent"), type="tertiary", key=f"{key}-sent", on_change="rerun"):
                st.text(sent())
    return adds


def sent(prompt: str, style: str) -> str:
    """A prompt with the project's style."""
    return styled(tidy(prompt), style) or _("Write a prompt first.")


COMMON: Mapping[OptionRole, str] = {
    "aspect_ratio": N_("Aspect ratio"),
    "resolution": N_("Resolution"),
    "duration_s": N_("Length in seconds"),
    "audio": N_("Sound"),
    "negative": N_("Not in the picture"),
}


def common(models: Sequence[AIModel], *, key: str) -> dict[OptionRole, JsonValue]:
    """The options that all of the models have, under names of their own; only what somebody chose. Nothing chosen leaves
    each model to what it does by itself.
    """
    schemas = {role: [found for model in models if (found := _playing(model, role))] for role in COMMON}
    chosen = {
        role: _choice(role, found, f"{key}-{role}") for role, found in schemas.items() if 0 < len(found) == len(models)
    }
    return {role: value for role, value in chosen.items() if value not in (None, "")}


def _playing(model: AIModel, role: str) -> Mapping[str, Any] | None:
    """The schema of the parameter that plays a role in a model."""
    properties = model.parameters_schema.get("properties")
    assert isinstance(properties, dict), "checked when the provider file was loaded"
    return next((p for p in properties.values() if isinstance(p, dict) and p.get("x-role") == role), None)


def _choice(role: OptionRole, schemas: Sequence[Mapping[str, Any]], key: str) -> JsonValue:
    """One option for all: of what every model takes."""
    label = _(COMMON[role])
    if role == "audio":
        answer = st.segmented_control(label, [_("On"), _("Off")], key=key)
        return None if answer is None else answer == _("On")
    if not all(isinstance(schema.get("enum"), list) for schema in schemas):
        return st.text_input(label, key=key) or None
    shared = [value for value in schemas[0]["enum"] if all(value in schema["enum"] for schema in schemas)]
    if not shared:
        return None
    picked: JsonValue = st.selectbox(label, shared, index=None, placeholder=_("as each model does"), key=key)
    return picked


def _params(model: AIModel, key: str) -> list[tuple[str, JsonValue]]:
    properties = model.parameters_schema.get("properties")
    assert isinstance(properties, dict), "checked when the provider file was loaded"
    shown = [
        (name, schema)
        for name, schema in properties.items()
        if isinstance(schema, dict) and schema.get("x-role") not in HIDDEN_ROLES
    ]
    if not shown:
        return []
    with st.expander(_("Options"), key=f"{key}:options", icon=":material/tune:"):
        return [(name, _widget(name, schema, f"{key}-{name}")) for name, schema in shown]


def _widget(name: str, schema: Mapping[str, JsonValue], key: str) -> JsonValue:
    """One parameter: an enum, a switch, a number, or words."""
    title, hint = schema.get("title"), schema.get("description")
    label = plain(_(str(title)) if title else name.replace("_", " ").capitalize())
    hint = plain(_(str(hint))) if hint else None
    choices, default = schema.get("enum"), schema.get("default")
    if isinstance(choices, list):
        index = choices.index(default) if default in choices else 0
        if len(choices) <= FEW:
            return st.segmented_control(label, choices, default=choices[index], required=True, key=key, help=hint)
        return st.selectbox(label, choices, index=index, key=key, help=hint)
    if schema.get("type") == "boolean":
        return st.toggle(label, value=bool(default), key=key, help=hint)
    if schema.get("type") in ("integer", "number"):
        return _number(label, schema, key, hint)
    return st.text_input(label, value=str(default or ""), key=key, help=hint) or None


def _number(label: str, schema: Mapping[str, JsonValue], key: str, hint: str | None) -> JsonValue:
    convert = _whole if schema.get("type") == "integer" else _real
    least, most, value = (convert(schema.get(name)) for name in ("minimum", "maximum", "default"))
    options: dict[str, Any] = {"min_value": least, "max_value": most, "value": value, "help": hint, "key": key}
    if convert is _whole:
        options["step"] = 1
    if schema.get("x-role") == "seed":
        options["placeholder"] = _("any")
    number: JsonValue = st.number_input(label, **options)
    return number


def _whole(value: JsonValue) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _real(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None
