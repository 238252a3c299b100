"""Named moments at which a process ends as by SIGKILL: functions of the product, wrapped from outside by their names."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import pkgutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from apom.engine.run import LAST_WORDS_S
from apom.models import Status

Where = Literal["before", "during", "after"]
DURING_S = 0.1  # so long after it began: the sandbox answers a submission later


@dataclass(frozen=True, kw_only=True)
class Point:
    """Before, during or after a call of `function` (`module:Class.name`) whose arguments satisfy `counts`."""

    where: Where
    function: str
    counts: Callable[..., bool] = lambda *_, **__: True


def _is_arrival(_: object, event: Any) -> bool:
    return bool(event.status is Status.COMPLETED)


POINTS = {
    "before the intent is committed": Point(where="after", function="apom.store.generations:claim"),
    "after the intent, before the POST": Point(where="before", function="apom.engine.worker:Worker.submit"),
    "while the POST is under way": Point(where="during", function="apom.engine.worker:Worker.submit"),
    "after the POST, before its answer is committed": Point(where="after", function="apom.engine.worker:Worker.submit"),
    "within the commit of outcomes": Point(where="after", function="apom.store.generations:commit"),
    "after a lost one is adopted": Point(where="after", function="apom.engine.worker:Worker._adopt"),
    "after a lost one is looked up": Point(where="after", function="apom.engine.worker:Worker.recover"),
    "between the files of a result": Point(where="after", function="apom.media.storage:LocalStorage.put"),
    "after the files are stored, before the row": Point(where="after", function="apom.engine.wiring:MediaKeeper.keep"),
    "after the row, before the event": Point(where="before", function="apom.events:Hub.publish", counts=_is_arrival),
    "as the drain begins": Point(where="before", function="apom.engine.run:Run._drain"),
    "in the drain, before the last commit": Point(
        where="before",
        function="apom.engine.clerk:Clerk.flush",
        counts=lambda _, wait_s=0.0: wait_s == LAST_WORDS_S,
    ),
}

CLEANING = {
    "in the run, before it is committed": Point(where="after", function="apom.store.retention:announce"),
    "after the run, before a file goes": Point(where="before", function="apom.retention:Retention.delete_files"),
    "before a file goes": Point(where="before", function="apom.media.storage:LocalStorage._unlink"),
    "after a file went": Point(where="after", function="apom.media.storage:LocalStorage._unlink"),
    "after files went, before that is noted": Point(where="before", function="apom.store.retention:forget"),
    "while that is noted": Point(where="after", function="apom.store.retention:forget"),
}


def arm(point: Point, nth: int = 1) -> None:
    """This process ends at the `nth` passing of a point."""
    module, _, path = point.function.partition(":")
    owner_path, _, attribute = path.rpartition(".")
    owner = pkgutil.resolve_name(f"{module}:{owner_path}" if owner_path else module)
    setattr(owner, attribute, _wrapped(point, getattr(owner, attribute), nth))


def _wrapped(point: Point, function: Callable[..., Any], nth: int) -> Callable[..., Any]:
    passings = iter(range(1, nth + 1))

    def is_due(*args: Any, **more: Any) -> bool:
        return point.counts(*args, **more) and next(passings, 0) == nth

    @functools.wraps(function)
    def wrapped(*args: Any, **more: Any) -> Any:
        due = is_due(*args, **more)
        if due and point.where == "before":
            _die()
        found = function(*args, **more)
        if due and point.where == "after":
            _die()
        return found

    @functools.wraps(function)
    async def awaited(*args: Any, **more: Any) -> Any:
        due = is_due(*args, **more)
        if due and point.where == "before":
            _die()
        if due and point.where == "during":
            asyncio.get_running_loop().call_later(DURING_S, _die)
        found = await function(*args, **more)
        if due and point.where == "after":
            _die()
        return found

    return awaited if inspect.iscoroutinefunction(function) else wrapped


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
