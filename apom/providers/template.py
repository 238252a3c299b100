"""Filling a request: one pass over a JSON tree, never over JSON text, so that no value can become structure.

`"{{param.seed}}"` as a whole string keeps the value's type; inside text it becomes text. What is missing, null, "" or []
drops its key or list item; 0 and false stay. Filters: string, int, float, json, default:VALUE (JSON), and in addresses
path (keeps slashes). `{"$if": "inputs.image", ...}` stands only when that is there and not false;
`{"$for": "inputs.image", "item": {... "{{item}}" ...}}` repeats. Keys are never filled, values never looked at again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

from pydantic import AfterValidator, JsonValue

from apom.errors import Invalid

Values: TypeAlias = Mapping[str, Any]

NAME = r"[a-zA-Z_]\w*(?:\.\w+|\[\d+\])*"
PLACEHOLDER = re.compile(
    rf"\{{\{{\s*(?P<name>{NAME})\s*(?P<filters>(?:\|\s*[a-z]+(?::(?:\"[^\"]*\"|[^|}}\"]*))?\s*)*)\}}\}}"
)
FILTER = re.compile(r"\|\s*(?P<name>[a-z]+)(?::(?P<value>\"[^\"]*\"|[^|\"]*))?")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


class _Absent:
    """What a placeholder without a value leaves behind."""


ABSENT: Final = _Absent()


def _number(kind: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return kind(value)
        except (TypeError, ValueError, OverflowError):
            raise Invalid("A number is needed where the model was given something else.") from None

    return convert


def text(value: Any) -> str:
    """A value inside text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "string": text,
    "int": _number(int),
    "float": _number(float),
    "json": lambda value: json.dumps(value, ensure_ascii=False),
}


def render(template: JsonValue, values: Values) -> Any:
    """The template filled. Answers None when nothing is left of it. Raises Invalid for a value that does not fit."""
    filled = _fill(template, values)
    return None if filled is ABSENT else filled


def render_address(template: str, values: Values) -> str:
    """An address or path: every value percent-encoded, none may be missing or climb (`..`). Raises Invalid.

    A placeholder that is the whole address is one the provider gave; it is taken as it is.
    """
    whole = PLACEHOLDER.fullmatch(template)
    if whole:
        return text(_need(whole, values))
    address = PLACEHOLDER.sub(lambda found: _encoded(found, values), template)
    if any(segment in (".", "..") for segment in address.partition("?")[0].split("/")):
        raise Invalid("A part of the request's address must not climb to another folder.")
    return address


def _need(found: re.Match[str], values: Values) -> Any:
    value = _value(found, values)
    if value is ABSENT:
        raise Invalid("{name} is missing, and the request's address needs it.", name=found["name"])
    return value


def _encoded(found: re.Match[str], values: Values) -> str:
    keep = "/" if "path" in (f["name"] for f in FILTER.finditer(found["filters"])) else ""
    return quote(text(_need(found, values)), safe=keep)


def render_header(template: str, values: Values) -> str | None:
    """A header's value, None when it has none. Raises Invalid for line breaks and what is not ASCII."""
    filled = render(template, values)
    if filled is None:
        return None
    if not HEADER_VALUE.fullmatch(text(filled)):
        raise Invalid("A header of the request would hold characters that headers cannot carry.")
    return text(filled)


def _fill(template: JsonValue, values: Values) -> Any:
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, list):
        return _fill_list(template, values)
    if isinstance(template, dict):
        return _fill_object(template, values)
    return ABSENT if template is None else template


def _fill_text(template: str, values: Values) -> Any:
    whole = PLACEHOLDER.fullmatch(template)
    if whole:
        return _value(whole, values)
    found = [_value(match, values) for match in PLACEHOLDER.finditer(template)]
    if any(value is ABSENT for value in found):
        return ABSENT
    pieces = iter(found)
    return PLACEHOLDER.sub(lambda _: text(next(pieces)), template)


def _fill_list(template: list[JsonValue], values: Values) -> Any:
    filled: list[Any] = []
    for item in template:
        if isinstance(item, dict) and "$for" in item:
            filled += _repeat(item, values)
        else:
            filled.append(_fill(item, values))
    kept = [item for item in filled if item is not ABSENT]
    return ABSENT if template and not kept else kept


def _fill_object(template: dict[str, JsonValue], values: Values) -> Any:
    if "$for" in template:
        return [item for item in _repeat(template, values) if item is not ABSENT] or ABSENT
    condition = find(str(template["$if"]), values) if "$if" in template else True
    if condition is ABSENT or condition is False:
        return ABSENT
    filled = {key: _fill(value, values) for key, value in template.items() if key != "$if"}
    return {key: value for key, value in filled.items() if value is not ABSENT}


def _repeat(template: dict[str, JsonValue], values: Values) -> list[Any]:
    found = find(str(template["$for"]), values)
    items = found if isinstance(found, list | tuple) else []
    return [_fill(template["item"], {**values, "item": item}) for item in items]


def find(name: str, values: Values) -> Any:
    """What `a.b[0].c` names; ABSENT for what is missing, null, "" or []."""
    found: Any = values
    for part in re.findall(r"[^.\[\]]+", name):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list | tuple) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return ABSENT
    empty = found is None or (isinstance(found, str | list | tuple) and not found)
    return ABSENT if empty else list(found) if isinstance(found, tuple) else found


def _value(match: re.Match[str], values: Values) -> Any:
    value = find(match["name"], values)
    for filter_ in FILTER.finditer(match["filters"]):
        if filter_["name"] == "default":
            value = json.loads(filter_["value"]) if value is ABSENT else value
        elif value is not ABSENT and filter_["name"] != "path":
            value = FILTERS[filter_["name"]](value)
    return value


def names(template: JsonValue) -> Iterator[str]:
    """Every name a template uses, `item` inside a `$for` left out."""
    if isinstance(template, str):
        yield from (match["name"] for match in PLACEHOLDER.finditer(template))
    elif isinstance(template, list):
        for item in template:
            yield from names(item)
    elif isinstance(template, dict):
        yield from (str(template[key]) for key in ("$if", "$for") if key in template)
        for key, value in template.items():
            if key not in ("$if", "$for"):
                yield from (n for n in names(value) if "$for" not in template or _root(n) != "item")


def _root(name: str) -> str:
    return re.split(r"[.\[]", name, maxsplit=1)[0]


def _checked(template: JsonValue, *, address: bool = False) -> JsonValue:
    """The template itself. Raises ValueError with a reason for what could never be filled."""
    if isinstance(template, str):
        _check_text(template, address=address)
    elif isinstance(template, list):
        for item in template:
            _checked(item)
    elif isinstance(template, dict):
        _check_object(template)
    return template


def _check_text(template: str, *, address: bool) -> None:
    rest = PLACEHOLDER.sub("", template)
    if "{{" in rest or "}}" in rest:
        raise ValueError(f"{template[:80]!r} holds a placeholder that cannot be read; write {{{{name|filter}}}}")
    for match in PLACEHOLDER.finditer(template):
        for found in FILTER.finditer(match["filters"]):
            _check_filter(found["name"], found["value"], address=address)


def _check_filter(name: str, value: str | None, *, address: bool) -> None:
    allowed = {*FILTERS, "default", *(["path"] if address else [])}
    if name not in allowed:
        raise ValueError(f"there is no filter {name!r} here; there are {', '.join(sorted(allowed))}")
    if (name == "default") != (value is not None):
        raise ValueError(f"the filter {name!r} is written {'default:VALUE' if name == 'default' else name}")
    if value is not None:
        try:
            json.loads(value)
        except ValueError:
            raise ValueError(f"default:{value} is not JSON; a text stands in quotes") from None


def _check_object(template: dict[str, JsonValue]) -> None:
    for key, value in template.items():
        if "{{" in key:
            raise ValueError(f"the key {key[:80]!r} holds a placeholder; only values are filled")
        if key in ("$if", "$for") and not (isinstance(value, str) and re.fullmatch(NAME, value)):
            raise ValueError(f"{key} needs a name such as inputs.image")
        _checked(value)
    if "$for" in template and set(template) != {"$for", "item"}:
        raise ValueError("$for goes with item and nothing else")


def _checked_text(template: str) -> str:
    _check_text(template, address=False)
    return template


def _checked_address(template: str) -> str:
    _check_text(template, address=True)
    return template


Template = Annotated[JsonValue, AfterValidator(_checked)]
TextTemplate = Annotated[str, AfterValidator(_checked_text)]
AddressTemplate = Annotated[str, AfterValidator(_checked_address)]
