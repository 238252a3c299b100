"""The engine, the sandbox and the store on one thread, in a time of their own: an hour of waiting takes no time at all.

Everything is the product's: steps, store, media, HTTP (over ASGI), sandbox. Only clocks and threads are replaced.
"""

from __future__ import annotations

import asyncio
import errno
import selectors
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio.to_thread
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import httpx
import pytest

from apom import net
from apom.config import Settings
from apom.engine import wiring
from apom.engine.gate import Bucket
from apom.errors import Unavailable
from apom.media.storage import LocalStorage
from apom.sandbox import order
from apom.sandbox.app import Sandbox, create_app
from apom.sandbox.easel import Easel, draw
from apom.store import generations
from apom.store.duck import DuckStore
from apom.studio import Studio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONGEST_S = 1800.0
SMALL = (64, 36)
CLIP: list[bytes] = []  # drawn once: it takes longer than all the rest


class Time:
    """What every clock shows. `set_by`: by how much somebody has set the wall clock.

    `stopped_within_s`: how long the last life took to end when it was asked to.
    """

    def __init__(self) -> None:
        self.monotonic_s = 1000.0
        self.set_by = timedelta()
        self.stopped_within_s = 0.0

    def monotonic(self) -> float:
        self.monotonic_s += 1e-6  # nothing happens in no time
        return self.monotonic_s

    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=self.monotonic()) + self.set_by


class Jumps(selectors.DefaultSelector):
    """When nothing is ready, the next timer is."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        assert found or timeout is not None, "everybody waits for everybody"
        if not found and timeout:
            self._time.monotonic_s += timeout
        return found


class Loop(asyncio.SelectorEventLoop):
    """What would run in a thread runs at once."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)
        return future


@dataclass
class Faults:
    """Counts calls, and makes some of them fail: (kind, the how manieth) to whether it was done nevertheless."""

    planned: Mapping[tuple[str, int], bool] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    happened: int = 0
    is_armed: bool = False

    @contextmanager
    def around(self, kind: str, error: Exception) -> Iterator[None]:
        """A call: it fails before anything was done, or after all of it was, or not."""
        self.calls[kind] += self.is_armed
        is_done = self.planned.get((kind, self.calls[kind])) if self.is_armed else None
        self.happened += is_done is not None
        if is_done is False:
            raise error
        yield
        if is_done is True:
            raise error


@contextmanager
def simulated(
    monkeypatch: pytest.MonkeyPatch, folder: Path, faults: Faults, **manners: float
) -> Iterator[tuple[Studio, Time]]:
    """A studio without a thread, for `run`. `manners`: the sandbox's, others than usual."""
    now = Time()
    with monkeypatch.context() as patch:
        _replace_clocks(patch, now)
        _replace_threads(patch)
        _fail(patch, faults)
        patch.setattr(wiring, "inside", lambda settings: _inside(settings, now, manners))
        for name in order.SIZES:
            patch.setitem(order.SIZES, name, SMALL)
        with Studio.open(Settings(data_dir=folder), engine=False, clock=now.wall) as studio:
            yield studio, now


def _replace_clocks(patch: pytest.MonkeyPatch, now: Time) -> None:
    class Wall(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return BEGIN + timedelta(seconds=now.monotonic())

    patch.setattr(time, "monotonic", now.monotonic)
    patch.setattr(Bucket.__init__, "__defaults__", (now.monotonic,))
    patch.setattr(apscheduler.schedulers.base, "datetime", Wall)
    patch.setattr(apscheduler.triggers.interval, "datetime", Wall)


def _replace_threads(patch: pytest.MonkeyPatch) -> None:
    async def at_once(func: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return func(*args)

    def want(easel: Easel, file: str, wanted: order.Order, seed: int) -> None:
        path = easel._files / file
        if wanted.model == order.VIDEO and CLIP:
            path.write_bytes(CLIP[0])
        elif not path.exists():
            draw(wanted, seed, easel._files, path)
            CLIP.extend([path.read_bytes()] * (wanted.model == order.VIDEO))

    patch.setattr(anyio.to_thread, "run_sync", at_once)
    patch.setattr(Easel, "want", want)


def _inside(settings: Settings, now: Time, manners: dict[str, float]) -> net.Mounts:
    app = create_app(settings.data_dir / "sandbox", image_s=3, video_s=6)
    sandbox: Sandbox = app.routes[0].endpoint.__self__  # type: ignore[attr-defined]  # a bound method
    sandbox.tasks._clock = now.monotonic  # nobody sets the provider's clock
    sandbox.manners.change({**manners})
    return net.in_process({wiring.SANDBOX_HOST: app})


def _fail(patch: pytest.MonkeyPatch, faults: Faults) -> None:
    write, send, put = DuckStore.write, httpx.AsyncClient.send, LocalStorage.put

    @contextmanager
    def failing_write(store: DuckStore, *, wait_s: float | None = None) -> Iterator[Any]:
        with ExitStack() as whole:
            tx = whole.enter_context(write(store, wait_s=wait_s))
            yield tx
            with faults.around("commit", Unavailable("The store could not be written.")):
                whole.pop_all().close()

    async def failing_send(client: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
        async with AsyncExitStack() as opened:
            with faults.around("request", httpx.ReadError("")):
                answer = await send(client, request, **more)
                opened.push_async_callback(answer.aclose)
            opened.pop_all()
        return answer

    def failing_put(storage: LocalStorage, source: Path, key: str, *, mime: str) -> None:
        with faults.around("put", OSError(errno.ENOSPC, "No space left on device")):
            put(storage, source, key, mime=mime)

    patch.setattr(DuckStore, "write", failing_write)
    patch.setattr(httpx.AsyncClient, "send", failing_send)
    patch.setattr(LocalStorage, "put", failing_put)


def run(studio: Studio, now: Time, scenario: Callable[[], Awaitable[None]]) -> None:
    """A life of the engine while the scenario takes place, to its orderly end."""

    async def both() -> None:
        engine = asyncio.create_task(studio.engine._main(Future(), lambda: True))
        await asyncio.sleep(0)
        await scenario()
        assert not engine.done(), "it has stopped"
        begun = now.monotonic()
        studio.engine._tell(lambda run: run.stopping.set())
        await engine
        now.stopped_within_s = now.monotonic() - begun

    with asyncio.Runner(loop_factory=lambda: Loop(Jumps(now))) as runner:
        runner.run(both())


async def until(true: Callable[[], object]) -> None:
    """Waits, in the simulated time, until it is so."""
    end = time.monotonic() + LONGEST_S
    while not true():
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(0.5)


async def rests(studio: Studio) -> None:
    """Nothing is on its way any more."""

    def is_done() -> bool:
        with studio._store.read() as tx:
            return not generations.unfinished(tx)

    await until(is_done)


async def insists(action: Callable[[], Any]) -> Any:
    """As a person does who is told to try again."""
    for _ in range(3):
        try:
            return action()
        except Unavailable:
            await asyncio.sleep(1)
    return action()
