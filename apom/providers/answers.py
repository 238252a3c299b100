"""What a provider's answer means: refused and how, how far, what it cost, which files. Values in, values out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from apom.errors import ProviderError
from apom.models import Json
from apom.net import Answer, kind_of
from apom.providers.expressions import parse_json, read
from apom.providers.spec import Cost, ErrorPaths, Poll, Progress, ProviderSpec, Result
from apom.providers.template import text

CONFIRMED_AFTER_S = 60.0  # until then a task that is not found may only not have spread through the provider yet
SAID_CHARS = 500
NO_FILES = "The provider finished without a file."


@dataclass(frozen=True, kw_only=True)
class Polled:
    """How far a task is. `progress`: 0 to 1. `results`: addresses. `word`: the provider's own word for the state.

    `task`: what later polls need, learned now. `cost` is in `unit`s.
    """

    state: Progress
    word: str = ""
    progress: float | None = None
    results: tuple[str, ...] = ()
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
    line = masked(" ".join(text(value)[: 4 * SAID_CHARS].split()), secrets)
    return "".join(c for c in line if c.isprintable())[:SAID_CHARS]


def masked(line: str, secrets: Collection[str]) -> str:
    """A text without the secrets that may stand in it."""
    for secret in secrets:
        line = line.replace(secret, "***") if secret else line
    return line


def at_submit(error: ProviderError) -> ProviderError:
    """A provider's fault while it was taking an order leaves open whether it took it."""
    return _as("unknown", error) if error.kind == "transient" else error


def at_free_call(error: ProviderError, *, status: int | None = None, age_s: float = math.inf) -> ProviderError:
    """A call that costs nothing may be made again; a task not found `age_s` after its submission may yet be, at first."""
    missing = error.kind == "rejected" and (status == 404 or error.provider_code == "404")
    again = error.kind in ("unknown", "not_sent") or (missing and age_s < CONFIRMED_AFTER_S)
    return _as("transient", error) if again else error


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


def polled(poll: Poll, result: Result, cost: Cost | None, seen: Json, secrets: Collection[str] = ()) -> Polled:
    """How far a task is, from an answer that is ok. Done without a file is a failure, in the provider's words."""
    word = plain(read(poll.state, seen))
    state = poll.states.of(word) or "running"
    code, message = said(poll.error, seen, secrets)
    results = addresses(read(result.items, seen)) if state == "done" else ()
    if state == "done" and not results:
        message = plain(read(result.empty_message, seen), secrets) or message or NO_FILES
        state, code = "failed", code or "no_result"
    amount = None if cost is None else number(read(cost.amount, seen))
    return Polled(
        state=state,
        word=word,
        progress=progress(read(poll.progress, seen)),
        results=results,
        cost=amount,
        unit=cost.unit if cost is not None and amount is not None else None,
        error_code=code if state in ("failed", "cancelled") else "",
        error_message=message if state in ("failed", "cancelled") else "",
        meta=taken(result.meta, seen),
        task=taken(poll.take, seen),
    )


def addresses(items: JsonValue) -> tuple[str, ...]:
    """The addresses of the finished files, whether one is given or a list; each once."""
    several = items if isinstance(items, list) else [items]
    return tuple(dict.fromkeys(item for item in several if isinstance(item, str) and item))


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
