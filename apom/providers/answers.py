"""What a provider's answer means: refused and how, how far, what it cost, which files. Values in, values out."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pydantic import JsonValue

from apom.errors import ProviderError
from apom.models import Json
from apom.net import Answer, kind_of
from apom.providers.expressions import parse_json, read
from apom.providers.spec import Cost, ErrorPaths, Poll, Progress, ProviderSpec, Result
from apom.providers.template import text

CONFIRMED_AFTER_S = 60.0  # until then a task that is not found may only not have spread through the provider yet
SAID_CHARS = 500
READ_CHARS = 20_000
NO_FILES = "The provider finished without a file."
DATA_URI = "data:"
JWT = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")  # header and claims begin with {" in base64url

File: TypeAlias = str | bytes  # where it is to be fetched, or itself


@dataclass(frozen=True, kw_only=True)
class Polled:
    """How far a task is. `progress`: 0 to 1. `results`: addresses, or the files themselves. `word`: the provider's own
    word for the state.

    `task`: what later polls need, learned now. `cost` is in `unit`s.
    """

    state: Progress
    word: str = ""
    progress: float | None = None
    results: tuple[File, ...] = ()
    cost: float | None = None
    unit: str | None = None
    error_code: str = ""
    error_message: str = ""
    meta: Json = field(default_factory=dict)
    task: Json = field(default_factory=dict)


def envelope(answer: Answer, variables: Mapping[str, JsonValue]) -> Json:
    """What expressions are read over. A body that is not JSON is null."""
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": parse_json(answer.content),
        "vars": dict(variables),
    }


def refusal(spec: ProviderSpec, answer: Answer, seen: Json, secrets: Collection[str] = ()) -> ProviderError | None:
    """Why a call did not succeed; None when it did. What cannot be told is `unknown`. No secret is in it."""
    if read(spec.response.ok, seen) is True:
        return None
    code, message = said(spec.response.error, seen, secrets)
    kind = next((rule.kind for rule in spec.classify if read(rule.when, seen) is True), kind_of(answer.status))
    return ProviderError(
        kind,
        provider_code=code or (str(answer.status) if answer.status >= 400 else ""),
        provider_message=message,
        retry_after_s=answer.retry_after_s,
    )


def said(where: ErrorPaths, seen: Json, secrets: Collection[str] = ()) -> tuple[str, str]:
    """Code and message of an error, as texts; empty when there is none."""
    return plain(read(where.code, seen), secrets), plain(read(where.message, seen), secrets)


def plain(value: JsonValue, secrets: Collection[str] = ()) -> str:
    """A value in the provider's words as one short printable line, secrets masked."""
    if value is None:
        return ""
    words = text(value)[:READ_CHARS].split()
    line = "".join(c for c in " ".join(words) if c.isprintable())
    return masked(line, secrets)[:SAID_CHARS]  # masked before it is cut: half a key would not be found


def masked(line: str, secrets: Collection[str]) -> str:
    """A text without the secrets that may stand in it, and without tokens made with them."""
    for secret in secrets:
        line = line.replace(secret, "***") if secret else line
    return JWT.sub("***", line)


def at_submit(error: ProviderError) -> ProviderError:
    """A provider's fault while it was taking an order leaves open whether it took it."""
    return _as("unknown", error) if error.kind == "transient" else error


def at_free_call(error: ProviderError, *, status: int | None = None, age_s: float = math.inf) -> ProviderError:
    """A call that costs nothing may be made again; a task not found `age_s` after its submission may yet be, at first."""
    missing = error.kind == "rejected" and (status == 404 or error.provider_code == "404")
    again = error.kind in ("unknown", "not_sent") or (missing and age_s < CONFIRMED_AFTER_S)
    return _as("transient", error) if again else error


def at_last(error: ProviderError) -> ProviderError:
    """A task that is done and whose result is refused has failed; what may work later is asked again."""
    return _as("failed", error) if error.kind == "rejected" else at_free_call(error)


def _as(kind: str, error: ProviderError) -> ProviderError:
    return ProviderError(
        kind,
        provider_code=error.provider_code,
        provider_message=error.provider_message,
        retry_after_s=error.retry_after_s,
    )


def taken(paths: Mapping[str, str], seen: Json) -> Json:
    """What is kept of an answer, by name; what is not there is left out."""
    found = {name: read(path, seen) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value not in (None, "")}


def polled(poll: Poll, seen: Json, secrets: Collection[str] = (), *, state: str | None = None) -> Polled:
    """How far a task is, from an answer that is ok. `state`: the expression for it, the poll's own by default."""
    word = plain(read(state or poll.state, seen), secrets)
    found = poll.states.of(word) or "running"
    code, message = said(poll.error, seen, secrets) if found in ("failed", "cancelled") else ("", "")
    return Polled(
        state=found,
        word=word,
        progress=progress(read(poll.progress, seen)),
        error_code=code,
        error_message=message,
        task=taken(poll.take, seen),
    )


def with_result(
    so_far: Polled,
    result: Result,
    error: ErrorPaths,
    files: Sequence[File],
    seen: Json,
    secrets: Collection[str] = (),
) -> Polled:
    """A task that is done, with its files. Done without a file is a failure, in the provider's words."""
    if files:
        return replace(so_far, results=tuple(files), meta=taken(result.meta, seen))
    code, reason = said(error, seen, secrets)
    message = plain(read(result.empty_message, seen), secrets) or reason or NO_FILES
    return replace(so_far, state="failed", error_code=code or "no_result", error_message=message)


def with_cost(so_far: Polled, cost: Cost | None, seen: Json) -> Polled:
    """With what it cost, where the answer says so; what an earlier answer said stays. Less than nothing is no cost."""
    amount = None if cost is None or so_far.cost is not None else number(read(cost.amount, seen))
    return so_far if cost is None or amount is None or amount < 0 else replace(so_far, cost=amount, unit=cost.unit)


def items(result: Result, seen: Json) -> list[JsonValue]:
    """The finished files as the answer gives them, one or several; each once."""
    found = read(result.items, seen)
    several = found if isinstance(found, list) else [found]
    kept: list[JsonValue] = []
    for item in several:
        if item not in (None, "") and item not in kept:
            kept.append(item)
    return kept


def file(result: Result, item: JsonValue) -> File | None:
    """A finished file: its address or its bytes; None for what is neither."""
    if not isinstance(item, str):
        return None
    if result.sent_as == "url" or (result.sent_as == "auto" and item.startswith(("https://", "http://", "/"))):
        return item
    return decoded(item)


def decoded(text: str) -> bytes | None:
    """The bytes in base64, or in a data URI; None for anything else."""
    head, comma, rest = text.partition(",") if text.startswith(DATA_URI) else ("", "", text)
    if comma and not head.endswith(";base64"):
        return None
    try:
        return base64.b64decode(rest, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def number(value: JsonValue) -> float | None:
    """A finite number, also when it comes as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def progress(percent: JsonValue) -> float | None:
    """0..100 as 0..1."""
    found = number(percent)
    return None if found is None else min(max(found / 100, 0.0), 1.0)
