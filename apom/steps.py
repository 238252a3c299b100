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
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from pydantic import JsonValue

from apom.config import LIMITS
from apom.errors import ApomError, BadMedia, Misconfigured, ProviderError, TooLarge
from apom.models import REPLAY, AssetType, Attention, Generation, InputRole, Json, State, Status
from apom.words import N_

if TYPE_CHECKING:
    from apom.providers.answers import Polled
    from apom.providers.client import Client, Rendered
    from apom.providers.spec import Input, Model, Poll, ProviderSpec, Submit

log = logging.getLogger("apom.engine")

AGAIN_BY_ITSELF = frozenset(["not_sent", "rate_limited", "maintenance", "transient"])
BAD_FILE_TRIES = 4
FREE_TRIES = 4  # a submission that costs nothing is made again so often when its answer is lost
FETCH_S = 600.0
FETCH_LATE_S = 3600.0  # a finished file that cannot be fetched for so long is a person's matter too
LOOK_UP_S = 600.0  # a provider that cannot be asked for a lost submission is asked again for so long
LEASE_S = 20.0  # longer than a submission may take in all (15 s)
PROVEN_S = 30.0  # what the provider does not know so long after it was sent was never taken
CALLBACK_S = 300.0  # the provider may call and bring the lost task by itself
CALLED_BACK = 5  # times as long between polls when the provider calls; never for ever: callbacks get lost
LATE_MOST_S = 600.0
HELD = "held:"  # in the task's results: the file came in the answer and is held by its number
CALLED_OFF = "called_off"  # in the task: the provider was told to stop
FIRST_SENT = "first_sent_at"  # in the task of a submission that goes out once more
KNOWN = 0.9  # of the time for which a provider says that it knows a key
LOST = N_(
    "The answer to the submission was lost: it may have been accepted and paid for. Check at the provider, then choose "
    "what to do. It is never sent again by itself."
)
UNSURE = N_(
    "The answer to the submission was lost, and the provider could not tell whether it has it. Check again later, or look "
    "at the provider. It is never sent again by itself."
)
LATE = N_(
    "The provider has not finished within {minutes} minutes. It is looked after further, and comes by itself if it comes; "
    "it may bill."
)
OVER = N_("The provider has not finished, and nobody looks after it any more. Check again, or give up.")
GONE = N_(
    "The provider finished, but the file cannot be fetched so far. It is tried for as long as the provider keeps it."
)
EXPIRED = N_("The provider finished, but the file could not be fetched for so long that it may be gone.")


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
    """What is true after a step, and in how many seconds the next one is due.

    `changes`: fields of the generation. `durable`: False when only a timer moved. `pause_s`: the provider asked everybody
    to wait, for so long (0: it did not say). `is_well`: whether the provider answered as it should; None when not asked.
    """

    state: State
    wait_s: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    arrived: Sequence[Arrived] = ()
    said: Said | None = None
    durable: bool = True
    pause_s: float | None = None
    is_well: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that a take starts from: which part it plays, whose original it is, where it lies."""

    role: InputRole
    asset_id: UUID
    path: Path
    mime: str


class Lender(Protocol):
    """Gives originals away as a model takes them. Blocking; called in a thread."""

    def fitted(self, source: Source, declared: Input) -> AbstractContextManager[tuple[Path, str]]:
        """The file and its type, converted where the model takes another type or fewer bytes. Raises TooLarge, BadMedia."""

    def lend(self, source: Source, declared: Input) -> tuple[str | None, str]:
        """An address from which the provider fetches it, None when nobody outside can, and the type it has there."""


class Keeper(Protocol):
    """Takes bytes in: sniffs, checks, measures and stores them (apom.media). Blocking; called in a thread."""

    def temp(self) -> AbstractContextManager[Path]:
        """A path for a new file on the volume the media lie on; what is still there afterwards is removed."""

    def keep(self, path: Path, generation: Generation, index: int) -> Arrived:
        """The file at `path` becomes the generation's `index`-th output. Raises BadMedia, TooLarge."""

    def discard(self, arrived: Arrived) -> None:
        """Nobody wants the file any more."""

    def hold(self, generation: Generation, files: Sequence[bytes], note: Json) -> None:
        """Writes down, so that it survives a crash, what came in an answer and cannot be asked for again."""

    def recall(self, generation: Generation) -> Json | None:
        """The note of what is held for a generation; None when nothing is."""

    def held(self, generation: Generation, index: int, path: Path) -> None:
        """A copy of a held file at `path`. Raises BadMedia when it is gone."""

    def release(self, generation: Generation) -> None:
        """Nothing held is needed any more."""


def backoff(attempts: int, *, first_s: float = 1.0, most_s: float = 60.0) -> float:
    """Seconds: doubling, with jitter so that many do not come back at once."""
    return min(most_s, first_s * 2.0 ** min(attempts, 10)) * random.uniform(0.7, 1.0)  # noqa: S311


def poll_wait(age_s: float, expected_s: float, every_s: float, most_s: float) -> float:
    """Until the next poll: most of the expected time first, short steps around it, longer ones as it grows late."""
    if age_s < expected_s * 0.6:
        wait = max(expected_s * 0.6 - age_s, 0.2)
    else:
        wait = min(most_s, max(min(every_s, expected_s * 0.2), 0.2, age_s * 0.1))
    return wait * random.uniform(0.9, 1.1)  # noqa: S311


async def prepare(
    generation: Generation,
    provider: Client,
    model: Model,
    sources: Sequence[Source],
    lender: Lender,
    callback_url: str | None = None,
) -> Rendered:
    """Brings the inputs and renders the request: free, so it may fail and be repeated."""
    inputs: dict[str, list[Any]] = {}
    for source in sources:
        declared = next(i for i in model.inputs if i.role == source.role)
        inputs.setdefault(declared.name, []).append(await _brought(provider, declared, source, lender))
    return provider.render_submit(
        model, generation.params, inputs, client_id=str(generation.id), callback_url=callback_url
    )


async def _brought(provider: Client, declared: Input, source: Source, lender: Lender) -> Any:
    if declared.sent_as == "url":
        url, mime = await asyncio.to_thread(lender.lend, source, declared)
        return await provider.bring(declared, source.path, mime, url)
    with ExitStack() as until_sent:
        path, mime = await asyncio.to_thread(until_sent.enter_context, lender.fitted(source, declared))
        return await provider.bring(declared, path, mime)


def unprepared(generation: Generation, error: Exception) -> Outcome:
    """The inputs could not be brought to the provider: nothing was sent, nothing was paid."""
    if isinstance(error, ProviderError) and error.kind in AGAIN_BY_ITSELF | {"unknown"}:
        return replace(_unsent(generation, error), durable=False)
    said = Said.of(error) if isinstance(error, ApomError) else Said(message=N_("The request could not be made."))
    return Outcome(state=State.FAILED, changes={"error_code": _code(error)}, said=said)


def _unsent(generation: Generation, error: ProviderError) -> Outcome:
    """Nothing was ordered. A wish to wait holds for everybody; the row itself stays at the head of its line."""
    attempts = generation.attempts + 1
    pause_s = (error.retry_after_s or 0.0) if error.kind in ("rate_limited", "maintenance") else None
    wait_s = backoff(attempts) if pause_s is None else 0.0
    return Outcome(state=State.PENDING, wait_s=wait_s, changes={"attempts": attempts}, pause_s=pause_s, is_well=False)


async def submit(
    generation: Generation, provider: Client, model: Model, request: Rendered, keeper: Keeper, *, now: datetime
) -> Outcome:
    """The one POST that costs money. `generation` is SUBMITTING, and that is committed."""
    masked = request.masked()
    if _is_forgotten(generation, model.submit_block(provider.spec), now):
        return lost(generation, unsure=True)
    try:
        submitted = await provider.submit(request)
    except Misconfigured as error:  # the key went away meanwhile: nothing was sent
        if generation.error_code == REPLAY:
            return lost(generation, unsure=True)
        return Outcome(state=State.FAILED, changes={"error_code": error.code}, said=Said.of(error))
    except ProviderError as error:
        if error.kind in ("not_sent", "rate_limited", "maintenance"):
            return _unsent(generation, error)
        # A second request with the same key that is refused says nothing of the first.
        if error.kind in ("unknown", "transient") or generation.error_code == REPLAY:
            return Outcome(
                state=State.SUBMITTING, wait_s=0.5, changes={"request": masked}, durable=False, is_well=False
            )
        changes = {"error_code": error.provider_code or error.kind, "request": masked}
        return Outcome(state=State.FAILED, changes=changes, said=Said.of(error), is_well=error.kind != "auth")
    taken = _at_provider(model, provider.spec, submitted.task, request=masked)
    if submitted.polled is None:
        return taken
    ended = await _ended(generation, submitted.polled, submitted.task, keeper, now)
    return taken if ended is None else replace(ended, changes={**taken.changes, **ended.changes})


def _at_provider(model: Model, spec: ProviderSpec, task: Json, **changes: Any) -> Outcome:
    known = {"task": task, "task_id": task_id(model, spec, task), "attempts": 0, "attention": None, "error_code": None}
    block = model.poll_block(spec)
    wait_s = min(1.0, block.every_s) if block else 0.0
    return Outcome(state=State.PROCESSING, wait_s=wait_s, changes={**changes, **known}, is_well=True)


def task_id(model: Model, spec: ProviderSpec, task: Mapping[str, JsonValue]) -> str | None:
    """What the provider calls a task: the first thing its file takes from the answer to a submission."""
    found = task.get(next(iter(model.submit_block(spec).take), ""))
    return None if found is None else str(found)[:500]


async def recover(
    generation: Generation, provider: Client, model: Model, keeper: Keeper, *, age_s: float, is_called_back: bool
) -> Outcome:
    """A submission whose answer was lost, `age_s` seconds after it began: is it there?

    It is sent again only where the provider's file proves that this cannot be paid twice; what nobody knows becomes a
    person's. `is_called_back`: the provider may call and tell.
    """
    answered = await asyncio.to_thread(keeper.recall, generation)
    if answered is not None:  # the answer was here, and the process ended before that was committed
        return Outcome(state=State.STORING, changes={**answered, "attempts": 0, "attention": None, "error_code": None})
    block = model.submit_block(provider.spec)
    found = await _looked_up(generation, provider, model, age_s) or _sent_again(generation, block, age_s)
    if found is not None:
        return found
    if is_called_back and age_s < CALLBACK_S:
        return _lost_so_far(generation, CALLBACK_S - age_s)
    return lost(generation, unsure=block.lookup is not None or generation.error_code == REPLAY)


async def _looked_up(generation: Generation, provider: Client, model: Model, age_s: float) -> Outcome | None:
    """By our own id, where the provider can be asked for that; None when it cannot tell."""
    block = model.submit_block(provider.spec).lookup
    if block is None:
        return None
    try:
        task = await provider.look_up(model, str(generation.id))
    except (ProviderError, Misconfigured) as error:
        is_deaf = isinstance(error, Misconfigured) or error.kind in AGAIN_BY_ITSELF | {"auth"}
        again = _lost_so_far(generation, backoff(generation.attempts + 1), is_well=False)
        return again if is_deaf and age_s < LOOK_UP_S else None
    if task is not None:
        return _at_provider(model, provider.spec, task)
    if not block.proves_absence:
        return None
    if age_s < PROVEN_S:
        return _lost_so_far(generation, PROVEN_S - age_s)
    return Outcome(state=State.PENDING, changes={"attention": None, "error_code": None}, is_well=True)


def _sent_again(generation: Generation, block: Submit, age_s: float) -> Outcome | None:
    """Where nothing is ever paid; or with the same key, once, where the provider knows it again. Else None.

    The same key with another body is an error, and inputs are uploaded to a new address each time.
    """
    if block.replay == "free" and generation.attempts < FREE_TRIES:
        attempts = generation.attempts + 1
        return Outcome(
            state=State.PENDING, wait_s=backoff(attempts), changes={"attempts": attempts, "error_code": None}
        )
    if block.replay != "same_key" or generation.inputs or generation.error_code == REPLAY:
        return None
    if age_s > block.replay_s * KNOWN:
        return None
    if age_s < LEASE_S:
        return _lost_so_far(generation, LEASE_S - age_s)
    first = generation.submitted_at
    task = {**generation.task, FIRST_SENT: first.isoformat() if first else None}
    return Outcome(state=State.PENDING, changes={"attention": None, "error_code": REPLAY, "task": task})


def _is_forgotten(generation: Generation, block: Submit, now: datetime) -> bool:
    """Whether the provider may no longer know the key of a submission that goes out once more: what waits in line, or
    for a provider that cannot be reached, may wait for days, and then it would be paid again.
    """
    if generation.error_code != REPLAY or block.replay != "same_key":
        return False
    first = generation.task.get(FIRST_SENT)
    return not isinstance(first, str) or (now - datetime.fromisoformat(first)).total_seconds() > block.replay_s * KNOWN


def _lost_so_far(generation: Generation, wait_s: float, *, is_well: bool | None = None) -> Outcome:
    changes = {"attempts": generation.attempts + 1}
    return Outcome(state=State.SUBMITTING, wait_s=wait_s, changes=changes, durable=False, is_well=is_well)


def lost(generation: Generation, *, unsure: bool = False) -> Outcome:
    """Nobody knows whether it was ordered, so a person decides. What went out twice under one key remembers that: to check
    again is no order to send it a third time.
    """
    attention = Attention.UNSURE if unsure else Attention.LOST
    code = REPLAY if generation.error_code == REPLAY else "lost"
    said = Said(message=UNSURE if unsure else LOST)
    return Outcome(state=State.ATTENTION, changes={"error_code": code, "attention": attention}, said=said)


async def poll(
    generation: Generation,
    provider: Client,
    model: Model,
    keeper: Keeper,
    *,
    age_s: float,
    expected_s: float,
    now: datetime,
    is_called_back: bool = False,
) -> Outcome:
    """Asks how far it is, `age_s` seconds after it was sent. Free, so every fault means "ask again"."""
    block = model.poll_block(provider.spec)
    assert block is not None, "without a poll nothing is ever PROCESSING"
    called_off = await _call_off(generation, provider, model)
    try:
        answer = await provider.poll(model, generation.task, age_s)
    except (ProviderError, Misconfigured) as error:
        return _unanswered(generation, block, error, age_s)
    task: Json = {**generation.task, **called_off}
    ended = await _ended(generation, answer, task, keeper, now)
    if ended is not None:
        return ended
    task |= answer.task
    changes: dict[str, Any] = _cost(answer) if task == generation.task else {**_cost(answer), "task": task}
    wait_s = poll_wait(age_s, expected_s, block.every_s, block.max_every_s) * (CALLED_BACK if is_called_back else 1)
    still = Outcome(state=State.PROCESSING, wait_s=wait_s, changes=changes, durable="task" in changes, is_well=True)
    return _in_time(generation, block, still, age_s)


async def _ended(generation: Generation, answer: Polled, task: Json, keeper: Keeper, now: datetime) -> Outcome | None:
    """The end of a task; None while it goes on. Files that came in the answer are held before anything is committed."""
    if answer.state in ("queued", "running"):
        return None
    changes: dict[str, Any] = {**_cost(answer), "task": {**task, **answer.task}, "attention": None}
    if answer.state in ("failed", "cancelled"):
        refusal = ProviderError("failed", provider_code=answer.error_code, provider_message=answer.error_message)
        changes |= {"error_code": refusal.provider_code or "failed"}
        return Outcome(state=State.FAILED, changes=changes, said=Said.of(refusal), is_well=True)
    files = [file for file in answer.results if isinstance(file, bytes)]
    numbers = iter(range(len(files)))
    results = [file if isinstance(file, str) else f"{HELD}{next(numbers)}" for file in answer.results]
    changes["task"] |= {"results": results, "done_at": now.isoformat()}
    if files:
        note: Json = {**_cost(answer), "task": changes["task"]}
        await asyncio.to_thread(keeper.hold, generation, files, note)
    return Outcome(state=State.STORING, changes={**changes, "attempts": 0}, is_well=True)


def _cost(answer: Polled) -> dict[str, Any]:
    return {} if answer.cost is None else {"cost_actual": answer.cost, "cost_unit": answer.unit}


async def _call_off(generation: Generation, provider: Client, model: Model) -> Json:
    """Takes back what a person has cancelled, where the provider can; it is polled on for what it cost."""
    if generation.decision is not Status.CANCELLED or provider.spec.cancel is None or CALLED_OFF in generation.task:
        return {}
    try:
        await provider.cancel(model, generation.task)
    except (ProviderError, Misconfigured) as error:
        if isinstance(error, Misconfigured) or error.kind in AGAIN_BY_ITSELF:
            return {}
    return {CALLED_OFF: True}


def _in_time(generation: Generation, block: Poll, still: Outcome, age_s: float) -> Outcome:
    """A deadline is no failure: a person hears of it, and it is looked after quietly, for as long as the file says."""
    if age_s <= block.deadline_s:
        return still
    changes = {**still.changes, "attention": Attention.LATE}
    if age_s > max(block.watch_s, block.deadline_s):
        return replace(still, state=State.ATTENTION, changes=changes, said=Said(message=OVER), durable=True)
    quiet = replace(still, wait_s=max(still.wait_s, min(age_s * 0.1, LATE_MOST_S)), changes=changes)
    if generation.attention is not None:
        return quiet
    said = still.said or Said(message=LATE, values={"minutes": max(1, round(block.deadline_s / 60))})
    return replace(quiet, said=said, durable=True)


def _unanswered(generation: Generation, block: Poll, error: ProviderError | Misconfigured, age_s: float) -> Outcome:
    """It is paid for: even "no such task" is asked again, until it is late and a person hears of it."""
    pause_s, wished_s = None, None
    if isinstance(error, ProviderError):
        if error.kind in ("failed", "moderated"):
            changes = {"error_code": error.provider_code or error.kind, "attention": None}
            return Outcome(state=State.FAILED, changes=changes, said=Said.of(error), is_well=True)
        wished_s = error.retry_after_s
        pause_s = (wished_s or 0.0) if error.kind == "rate_limited" else None
    attempts = generation.attempts + 1
    again = Outcome(
        state=State.PROCESSING,
        wait_s=backoff(attempts) if wished_s is None else wished_s,
        changes={"attempts": attempts},
        said=Said.of(error),
        durable=False,
        pause_s=pause_s,
        is_well=False,
    )
    return _in_time(generation, block, again, age_s)


async def collect(generation: Generation, provider: Client, model: Model, keeper: Keeper, *, age_s: float) -> Outcome:
    """Fetches every result and stores it, `age_s` seconds after it was ready.

    Paid for, so it is tried again for as long as the provider keeps it.
    """
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
        return Outcome(state=State.COMPLETED, changes={"attention": None, "error_code": None}, arrived=arrived)
    return _uncollected(generation, faults, age_s, model.result_block(provider.spec).kept_s)


async def _fetch(generation: Generation, provider: Client, keeper: Keeper, url: str, index: int) -> Arrived:
    with keeper.temp() as path:
        if url.startswith(HELD):
            await asyncio.to_thread(keeper.held, generation, int(url.removeprefix(HELD)), path)
        else:
            await provider.fetch(url, path, max_bytes=LIMITS.video_bytes, deadline_s=FETCH_S)
        return await asyncio.to_thread(keeper.keep, path, generation, index)


def _is_hopeless(generation: Generation, faults: Sequence[Exception]) -> bool:
    """The bytes themselves are wrong, again and again."""
    return generation.attempts + 1 >= BAD_FILE_TRIES and all(isinstance(f, BadMedia | TooLarge) for f in faults)


def _is_refused(generation: Generation, faults: Sequence[Exception]) -> bool:
    """The provider says, again and again, that the file is not there or not for us."""
    kinds = [f.kind if isinstance(f, ProviderError) else "" for f in faults]
    return generation.attempts + 1 >= BAD_FILE_TRIES and set(kinds) <= {"rejected", "auth"}


def _uncollected(generation: Generation, faults: Sequence[Exception], age_s: float, kept_s: float) -> Outcome:
    attempts, first = generation.attempts + 1, faults[0]
    if _is_hopeless(generation, faults) and isinstance(first, ApomError):
        changes = {"error_code": first.code, "attention": None}
        return Outcome(state=State.FAILED, changes=changes, said=Said.of(first))
    wait_s = backoff(attempts, most_s=600)
    gone: dict[str, Any] = {"error_code": "gone", "attention": Attention.GONE}
    if age_s > kept_s:
        return Outcome(state=State.ATTENTION, changes=gone, said=Said(message=EXPIRED))
    if generation.attention is None and (age_s > FETCH_LATE_S or _is_refused(generation, faults)):
        return Outcome(
            state=State.STORING, wait_s=wait_s, changes={**gone, "attempts": attempts}, said=Said(message=GONE)
        )
    return Outcome(state=State.STORING, wait_s=wait_s, changes={"attempts": attempts}, durable=False)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, ApomError) else type(error).__name__
