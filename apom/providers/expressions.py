"""JMESPath over `{status, headers, body, vars}`: how a provider file says where something stands in an answer.

One function is added: `parse_json(text)`, null for what is no JSON. Grammar: https://jmespath.org/specification.html;
numbers need backticks (``body.code == `200` ``), what is missing is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.parser import ParsedResult
from pydantic import AfterValidator, Field, JsonValue

MOST_CHARS = 300
MOST_DEPTH = 24


def parse_json(text: str | bytes) -> JsonValue:
    """The value in a JSON text; None for what is no JSON, too deep, or holds numbers or characters that JSON has not."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could be neither stored nor sent
    except (ValueError, RecursionError):
        return None
    return value


def _refuse(name: str) -> None:
    raise ValueError(name)


class _Functions(Functions):
    @signature({"types": []})
    def _func_parse_json(self, text: JsonValue) -> JsonValue:
        return parse_json(text) if isinstance(text, str) else None


OPTIONS = jmespath.Options(custom_functions=_Functions())


@lru_cache(maxsize=1024)
def compiled(expression: str) -> ParsedResult:
    """The parsed expression. Raises ValueError with a reason: too long, too deep, not JMESPath, unknown function."""
    if len(expression) > MOST_CHARS:
        raise ValueError(f"the expression is longer than {MOST_CHARS} characters")
    try:
        found = jmespath.compile(expression)
    except RecursionError:
        raise ValueError(f"the expression is nested deeper than {MOST_DEPTH}") from None
    except JMESPathError as error:
        raise ValueError(f"the expression cannot be read: {str(error).splitlines()[0]}") from None
    for depth, node in _nodes(found.parsed):
        if depth > MOST_DEPTH:
            raise ValueError(f"the expression is nested deeper than {MOST_DEPTH}")
        if node["type"] == "function_expression":
            _check_function(node)
    return found


def _nodes(root: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    waiting = [(1, root)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting += [(depth + 1, child) for child in node["children"] if isinstance(child, Mapping)]


def _check_function(node: Mapping[str, Any]) -> None:
    """JMESPath itself notices these only when it reads an answer."""
    known = Functions.FUNCTION_TABLE | _Functions.FUNCTION_TABLE
    if node["value"] not in known:
        raise ValueError(f"there is no function {node['value']}()")
    wanted = known[node["value"]]["signature"]
    given = len(node["children"])
    if given < len(wanted) or (given > len(wanted) and not wanted[-1].get("variadic")):
        raise ValueError(f"{node['value']}() takes {len(wanted)} arguments, not {given}")


def read(expression: str | None, envelope: Mapping[str, JsonValue]) -> JsonValue:
    """What stands there; None when nothing does, or when the answer is built differently than the file expects."""
    if expression is None:
        return None
    try:
        value: JsonValue = compiled(expression).search(envelope, OPTIONS)
    except JMESPathError:
        return None
    return value


def _checked(expression: str) -> str:
    compiled(expression)
    return expression


Expression = Annotated[str, Field(min_length=1, max_length=MOST_CHARS), AfterValidator(_checked)]
