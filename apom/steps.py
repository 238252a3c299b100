"""Submit, poll, collect: one step of one generation. No loop, no clock and no store of their own.

A step takes what is known and answers with an `Outcome`; whoever runs it commits that and decides when to come back.
Money: `prepare` costs nothing and may be repeated; `submit` is called once, after the intent was committed, and
whatever it cannot know ends in ATTENTION, never in a second POST.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS
from apom.errors import ApomError, BadMedia, Misconfigured, ProviderError, TooLarge
from apom.models import AssetType, Generation, InputRole, State
from apom.words import N_

if TYPE_CHECKING:
    from apom.providers.client import Client, Rendered
    from apom.providers.spec import Model

log = logging.getLogger("apom.engine")

AGAIN_BY_ITSELF = frozenset(["not_sent", "rate_limited", "maintenance", "transient"])
BAD_FILE_TRIES = 4
FETCH_S = 600.0
KEPT_BY_PROVIDER = timedelta(hours=20)
LOST = N_(
    "The answer to the submission was lost: it may have been accepted and paid for. Check at the provider, then choose "
    "what to do. It is never sent again by itself."
)
LATE = N_("The provider has not finished within {minutes} minutes. It may still finish, and it may bill.")
GONE = N_("The provider finished, but the file could not be fetched for so long that it may be gone.")


@dataclass(frozen=True, kw_only=True)
class Said:
    """A sentence for the person who ordered it, in gettext's two parts."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.values)

    @classmethod
    def of(cls, error: ApomError) -> Said:
        """What an error says."""
        return cls(message=error.message, values=error.values)


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A file that is in storage: whose it is, its type, and keys and measures named as the asset's columns."""

    asset_id: UUID
    asset_type: AssetType
    file: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is true after a step. `changes`: fields of the generation. `durable`: False when only a timer moved.

    `pause_s`: the provider asked everybody to wait for so long.
    """

    state: State
    next_at: datetime
    changes: Mapping[str, Any] = field(default_factory=dict)
    arrived: Sequence[Arrived] = ()
    said: Said | None = None
    durable: bool = True
    pause_s: float | None = None


class Keeper(Protocol):
    """Takes bytes in: sniffs, checks, measures and stores them (apom.media). Blocking; called in a thread."""

    def temp(self) -> AbstractContextManager[Path]:
        """A path for a new file on the volume the media lie on; what is still there afterwards is removed."""

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        """The file at `path` becomes the generation's `index`-th output. Raises BadMedia, TooLarge."""


def backoff(attempts: int, *, first_s: float = 1.0, most_s: float = 60.0) -> timedelta:
    """Doubling, with jitter so that many do not come back at once."""
    return timedelta(seconds=min(most_s, first_s * 2 ** min(attempts, 10)) * random.uniform(0.7, 1.0))  # noqa: S311


def poll_wait(age_s: float, expected_s: float, every_s: float, most_s: float) -> timedelta:
    """Until the next poll: most of the expected time first, short steps around it, longer ones as it grows late."""
    if age_s < expected_s * 0.6:
        wait = max(expected_s * 0.6 - age_s, 0.2)
    else:
        wait = min(most_s, max(min(every_s, expected_s * 0.2), 0.2, age_s * 0.1))
    return timedelta(seconds=wait * random.uniform(0.9, 1.1))  # noqa: S311


async def prepare(
    generation: Generation, provider: Client, model: Model, files: Sequence[tuple[InputRole, Path, str]]
) -> Rendered:
    """Uploads the inputs and renders the request: free, so it may fail and be repeated. `files`: (role, path, mime)."""
    urls: dict[str, list[str]] = {}
    for role, path, mime in files:
        declared = next(i for i in model.inputs if i.role == role)
        urls.setdefault(declared.name, []).append(await provider.upload(declared, path, mime))
    inputs = {name: tuple(found) for name, found in urls.items()}
    return provider.render_submit(model, generation.params, inputs, callback_url=None)


def unprepared(generation: Generation, error: Exception, now: datetime) -> Outcome:
    """The inputs could not be brought to the provider: nothing was sent, nothing was paid."""
    attempts = generation.attempts + 1
    if isinstance(error, ProviderError) and error.kind in AGAIN_BY_ITSELF | {"unknown"}:
        wait = backoff(attempts) if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)
        return Outcome(state=State.PENDING, next_at=now + wait, changes={"attempts": attempts}, durable=False)
    said = Said.of(error) if isinstance(error, ApomError) else Said(message=N_("The request could not be made."))
    return Outcome(state=State.FAILED, next_at=now, changes={"error_code": _code(error)}, said=said)


async def submit(generation: Generation, provider: Client, model: Model, request: Rendered, now: datetime) -> Outcome:
    """The one POST that costs money. `generation` is SUBMITTING, and that is committed."""
    masked = request.masked()
    try:
        submitted = await provider.submit(request)
    except Misconfigured as error:  # the key went away meanwhile: nothing was sent
        return Outcome(state=State.FAILED, next_at=now, changes={"error_code": error.code}, said=Said.of(error))
    except ProviderError as error:
        attempts = generation.attempts + 1
        if error.kind in ("not_sent", "rate_limited", "maintenance"):
            wait = backoff(attempts) if error.retry_after_s is None else timedelta(seconds=error.retry_after_s)
            pause_s = None if error.kind == "not_sent" else wait.total_seconds()
            return Outcome(state=State.PENDING, next_at=now + wait, changes={"attempts": attempts}, pause_s=pause_s)
        state = State.ATTENTION if error.kind in ("unknown", "transient") else State.FAILED
        said = Said(message=LOST) if state is State.ATTENTION else Said.of(error)
        changes = {"error_code": error.provider_code or error.kind, "request": masked}
        return Outcome(state=state, next_at=now, changes=changes, said=said)
    poll = model.poll_block(provider.spec)
    return Outcome(
        state=State.PROCESSING,
        next_at=now + timedelta(seconds=min(1.0, poll.every_s)),
        changes={"task": submitted.task, "attempts": 0, "request": masked},
    )


def lost(now: datetime) -> Outcome:
    """A submission whose process died before the answer: nobody knows, so a person decides."""
    return Outcome(state=State.ATTENTION, next_at=now, changes={"error_code": "lost"}, said=Said(message=LOST))


async def poll(generation: Generation, provider: Client, model: Model, expected_s: float, now: datetime) -> Outcome:
    """Asks how far it is. Free, so every fault means "ask again"; only a task that still runs can be late."""
    block = model.poll_block(provider.spec)
    age_s = max(0.0, (now - (generation.submitted_at or generation.created_at)).total_seconds())
    try:
        answer = await provider.poll(model, generation.task, age_s)
    except (ProviderError, Misconfigured) as error:
        return _unanswered(generation, error, age_s > block.deadline_s, now)
    task: dict[str, JsonValue] = {**generation.task, **answer.task}
    changes: dict[str, Any] = {} if task == generation.task else {"task": task}
    if answer.cost is not None:
        changes |= {"cost_actual": answer.cost, "cost_unit": answer.unit}
    if answer.state == "done":
        task |= {"results": list(answer.results), "done_at": now.isoformat()}
        return Outcome(state=State.STORING, next_at=now, changes={**changes, "task": task, "attempts": 0})
    if answer.state in ("failed", "cancelled"):
        refusal = ProviderError("failed", provider_code=answer.error_code, provider_message=answer.error_message)
        changes["error_code"] = refusal.provider_code or "failed"
        return Outcome(state=State.FAILED, next_at=now, changes=changes, said=Said.of(refusal))
    if age_s > block.deadline_s:
        return _late(age_s, now)
    wait = poll_wait(age_s, expected_s, block.every_s, block.max_every_s)
    return Outcome(state=State.PROCESSING, next_at=now + wait, changes=changes, durable="task" in changes)


def _late(age_s: float, now: datetime) -> Outcome:
    said = Said(message=LATE, values={"minutes": round(age_s / 60)})
    return Outcome(state=State.ATTENTION, next_at=now, changes={"error_code": "late"}, said=said)


def _unanswered(generation: Generation, error: ProviderError | Misconfigured, is_late: bool, now: datetime) -> Outcome:
    """It is paid for: even "no such task" is asked again, until it is late and a person decides."""
    if isinstance(error, ProviderError) and error.kind in ("failed", "moderated"):
        changes = {"error_code": error.provider_code or error.kind}
        return Outcome(state=State.FAILED, next_at=now, changes=changes, said=Said.of(error))
    if is_late:
        said = Said.of(error)
        return Outcome(state=State.ATTENTION, next_at=now, changes={"error_code": error.code}, said=said)
    attempts = generation.attempts + 1
    wished_s = error.retry_after_s if isinstance(error, ProviderError) else None
    wait = backoff(attempts) if wished_s is None else timedelta(seconds=wished_s)
    return Outcome(state=State.PROCESSING, next_at=now + wait, changes={"attempts": attempts}, durable=False)


async def collect(generation: Generation, provider: Client, keeper: Keeper, now: datetime) -> Outcome:
    """Fetches every result and stores it. Paid for, so it is tried again for as long as the provider keeps it."""
    urls = generation.task["results"]
    assert isinstance(urls, list), "poll wrote it"
    arrived: list[Arrived] = []
    faults: list[Exception] = []
    for index, url in enumerate(urls):
        try:
            arrived.append(await _fetch(generation, provider, keeper, str(url), index))
        except Exception as error:  # a decoder may fail in its own way; whatever it is, the other files count
            log.warning("generation %s: result %s could not be stored", generation.id, index, exc_info=error)
            faults.append(error)
    if not faults or (arrived and _is_hopeless(generation, faults)):
        return Outcome(state=State.COMPLETED, next_at=now, arrived=arrived)
    return _uncollected(generation, faults, now)


async def _fetch(generation: Generation, provider: Client, keeper: Keeper, url: str, index: int) -> Arrived:
    with keeper.temp() as path:
        await provider.fetch(url, path, max_bytes=LIMITS.video_bytes, deadline_s=FETCH_S)
        return await asyncio.to_thread(keeper.keep, path, generation, index)


def _is_hopeless(generation: Generation, faults: Sequence[Exception]) -> bool:
    """The bytes themselves are wrong, again and again."""
    return generation.attempts + 1 >= BAD_FILE_TRIES and all(isinstance(f, BadMedia | TooLarge) for f in faults)


def _uncollected(generation: Generation, faults: Sequence[Exception], now: datetime) -> Outcome:
    attempts, first = generation.attempts + 1, faults[0]
    if _is_hopeless(generation, faults) and isinstance(first, ApomError):
        return Outcome(state=State.FAILED, next_at=now, changes={"error_code": first.code}, said=Said.of(first))
    done_at = datetime.fromisoformat(str(generation.task["done_at"]))
    if now - done_at > KEPT_BY_PROVIDER:
        return Outcome(state=State.ATTENTION, next_at=now, changes={"error_code": "gone"}, said=Said(message=GONE))
    wait = backoff(attempts, most_s=600)
    return Outcome(state=State.STORING, next_at=now + wait, changes={"attempts": attempts}, durable=False)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, ApomError) else type(error).__name__
