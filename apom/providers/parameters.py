"""What a model may be given: a subset of JSON Schema (draft 2020-12) with `x-ui` and `x-role`, and the check of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from apom.errors import Invalid
from apom.models import Json
from apom.words import N_, _

Role: TypeAlias = Literal["prompt", "negative", "seed", "aspect_ratio", "duration_s", "resolution", "audio", "count"]
Number: TypeAlias = int | float
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]

KINDS = {
    "string": N_("a text"),
    "integer": N_("a whole number"),
    "number": N_("a number"),
    "boolean": N_("yes or no"),
    "array": N_("a list"),
}


class Shape(BaseModel):
    """A part of a provider file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class XUi(Shape):
    """How a parameter looks in the form."""

    widget: Literal["text", "textarea", "select", "slider", "number", "toggle", "seed"] | None = None
    help: str = ""
    unit: str = ""
    group: str = ""
    order: int = 0


class Parameter(Shape):
    """One parameter. `x-role` says what it means, so that one form serves many models."""

    type: Literal["string", "integer", "number", "boolean", "array"]
    title: str = ""
    description: str = ""
    default: JsonValue = None
    enum: tuple[JsonValue, ...] | None = Field(None, min_length=1)
    minimum: Number | None = None
    maximum: Number | None = None
    multipleOf: Number | None = Field(None, gt=0)  # noqa: N815  (JSON Schema's own name, as below)
    minLength: int | None = Field(None, ge=0)  # noqa: N815
    maxLength: int | None = Field(None, ge=0)  # noqa: N815
    pattern: str | None = None
    items: Parameter | None = None
    minItems: int | None = Field(None, ge=0)  # noqa: N815
    maxItems: int | None = Field(None, ge=0)  # noqa: N815
    x_role: Role | None = Field(None, alias="x-role")
    x_ui: XUi | None = Field(None, alias="x-ui")


class ParametersSchema(Shape):
    """Everything a model may be given. What is not named here is refused."""

    type: Literal["object"]
    required: tuple[str, ...] = ()
    properties: dict[Name, Parameter] = Field(min_length=1)

    def json_schema(self) -> Json:
        """As JSON Schema, for the form and for the check."""
        return {**self.model_dump(mode="json", by_alias=True, exclude_unset=True), "additionalProperties": False}


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ValueError with a reason when this is no JSON Schema."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        raise ValueError(f"{error.json_path}: {error.message}") from None


def label(name: str, schema: Mapping[str, Any]) -> str:
    """What a parameter is called in a sentence: its title, else its name in words."""
    title = schema.get("title")
    return _(str(title)) if title else name.removesuffix("_s").replace("_", " ").capitalize()


def check(schema: Mapping[str, Any], params: Mapping[str, JsonValue], *, model: str) -> Json:
    """`params` with the defaults filled in; null counts as not given. Raises Invalid with the field and a sentence.

    `schema` is `ParametersSchema.json_schema()`, `model` the title for the sentences.
    """
    full, wrong = examine(schema, params, model=model)
    if wrong:
        raise wrong[0]
    return full


def examine(schema: Mapping[str, Any], params: Mapping[str, JsonValue], *, model: str) -> tuple[Json, list[Invalid]]:
    """As `check`, with everything that is wrong instead of the first."""
    properties: Mapping[str, Any] = schema["properties"]
    wrong = [
        Invalid("{model} has no parameter {name}.", field=name, model=model, name=name[:40])
        for name in params
        if name not in properties
    ]
    full = {
        name: p.get("default") if params.get(name) is None else _whole(p, params[name])
        for name, p in properties.items()
    }
    full = {name: value for name, value in full.items() if value is not None}
    wrong += [
        Invalid("{label} is missing.", field=name, label=label(name, properties[name]))
        for name in schema.get("required", ())
        if name not in full
    ]
    found = (_wrong_with(name, properties[name], value) for name, value in full.items())
    return full, [*wrong, *filter(None, found)]


def _whole(schema: Mapping[str, Any], value: JsonValue) -> JsonValue:
    """Forms and JavaScript write 5.0 for 5."""
    whole = schema["type"] == "integer" and isinstance(value, float) and value.is_integer()
    return int(value) if whole and isinstance(value, float) else value


def _wrong_with(name: str, schema: Mapping[str, Any], value: JsonValue) -> Invalid | None:
    from jsonschema import Draft202012Validator

    found = next(
        iter(sorted(Draft202012Validator(schema).iter_errors(value), key=lambda e: e.validator != "type")), None
    )
    if found is not None:
        sentence, values = _sentence(str(found.validator), found.validator_value)
        return Invalid(sentence, field=name, label=label(name, schema), **values)
    if isinstance(value, float) and not math.isfinite(value):
        return Invalid("{label} must be {kind}.", field=name, label=label(name, schema), kind=_(KINDS["number"]))
    if isinstance(value, str) and not _can_be_sent(value):
        return Invalid("{label} holds characters that cannot be sent.", field=name, label=label(name, schema))
    return None


def _can_be_sent(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(rule: str, limit: Any) -> tuple[str, dict[str, object]]:
    """The sentence for a broken rule of JSON Schema, and what fills it beside the label."""
    if rule == "enum":
        return N_("{label} must be one of {choices}."), {"choices": ", ".join(str(choice) for choice in limit)}
    if rule == "type":
        return N_("{label} must be {kind}."), {"kind": _(KINDS[limit])}
    if rule == "minLength" and limit == 1:
        return N_("{label} is missing."), {}
    return SENTENCES.get(rule, N_("{label} does not have the form it needs.")), {"limit": limit}


SENTENCES = {
    "minimum": N_("{label} must be at least {limit}."),
    "maximum": N_("{label} must be at most {limit}."),
    "multipleOf": N_("{label} must be a multiple of {limit}."),
    "minLength": N_("{label} needs at least {limit} characters."),
    "maxLength": N_("{label} must not be longer than {limit} characters."),
    "minItems": N_("{label} needs at least {limit}."),
    "maxItems": N_("{label} takes at most {limit}."),
}
