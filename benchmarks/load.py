"""Many takes at once: what is added to the provider's own time, what a take costs, and whether anybody notices.

Beside a service of the classic shape, Celery and Redis, at the same provider, and without the look at every file that the
classic one does not take.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from apom.config import Settings
from apom.engine.run import TICK_S
from apom.models import Box
from apom.studio import Studio
from apom.testing import Running, offer
from benchmarks import burst, classic, people, provider, rerun, servers
from benchmarks.burst import Made
from benchmarks.figures import APOM, Aim, Figure, Scale, figure, together
from benchmarks.orders import LONG, prompts_of
from benchmarks.provider import Task
from tests.ws_client import Tab

CELERY = "Celery + Redis"
SEEN, BARE = "checked, with thumbnails", "kept as they come"
EVERY_S = 10.0  # between two polls of the classic service
EAGER_S = 2.0
LATEST_MS = 500.0
RESPONSIVE_MS = 1000.0
FOR_EVER = (900.0, 900.0)
LARGE_S = (8.0, 20.0)  # the server has to come up and the page to be opened meanwhile
LOOKS = 5
PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """So many takes at once, one figure for each; so many large ones; so many in flight while pages are drawn.

    `takes_s`: how long the provider takes, at least and at most; `picture`: what the large ones are.
    """

    at_once: Sequence[int]
    large: int
    in_flight: int
    takes_s: tuple[float, float] = LONG
    picture: str = "large"
    is_compared: bool = True


SIZES: dict[Scale, Size] = {
    "toy": Size(at_once=(5,), large=2, in_flight=4, takes_s=(0.3, 0.9), picture="photo", is_compared=False),
    "quick": Size(at_once=(200,), large=8, in_flight=200),
    "full": Size(at_once=(1000, 5000), large=100, in_flight=1000),
}


def run(scale: Scale) -> list[Figure]:
    """Bursts, large files, pages."""
    size = SIZES[scale]
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        folder = Path(name)
        reason = classic.installed(folder / "celery") if size.is_compared else "Celery is left out here."
        if reason:
            print(reason, flush=True)
        figures = [
            found
            for count in size.at_once
            for found in (*of_apom(folder, count, size), *(of_celery(folder, count) if not reason else ()))
        ]
        figures += [*of_large(folder, size), *of_pages(folder, size, rerun.SIZES[scale])]
        return together([*figures, *of_pages_beside_large(folder, size)])


def of_apom(folder: Path, count: int, size: Size) -> Iterator[Figure]:
    """The engine's process, with and without the look at the files."""
    for how, more in ((SEEN, []), (BARE, ["bare"])):
        yield from at_once(f"{count} at once, {how}", APOM, *measured(folder, count, "small", size, *more))


def of_celery(folder: Path, count: int) -> Iterator[Figure]:
    """Its worker, its Redis, and whoever orders."""
    for how, who, every_s in (
        (SEEN, CELERY, EVERY_S),
        (BARE, CELERY, EVERY_S),
        (BARE, f"{CELERY}, asking every {EAGER_S:g} s", EAGER_S),
    ):
        with provider.started("small") as url, tempfile.TemporaryDirectory(dir=folder) as name:
            made = classic.run(url, count, Path(name) / "classic", folder / "celery", every_s=every_s, seen=how == SEEN)
            yield from at_once(f"{count} at once, {how}", who, made, provider.log_of(url))


def measured(folder: Path, count: int, picture: str, size: Size, *more: str) -> tuple[Made, Mapping[str, Task]]:
    """The studio's process, and what the provider noted."""
    with provider.started(picture) as url, tempfile.TemporaryDirectory(dir=folder) as name:
        command = [sys.executable, "-m", "benchmarks.burst", url, str(count), name, *map(str, size.takes_s), *more]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=classic.PATIENCE_S)
        log = provider.log_of(url)
    return Made(**json.loads(done.stdout)), log


def at_once(what: str, who: str, made: Made, log: Mapping[str, Task]) -> Iterator[Figure]:
    """What was added in all, and on the two ways."""
    each = [(log[prompt], ordered, there) for prompt, ordered, there in made.takes]
    took_s = max(there for _, _, there in each) - min(ordered for _, ordered, _ in each)
    polls = sum(task.polls for task, _, _ in each) / len(each)
    yield figure(
        f"{what}: added",
        who,
        cpu_s=[made.cpu_s / len(each)],
        wall_s=[there - ordered - task.takes_s for task, ordered, there in each],
        n=len(each),
        note=f"{len(each) / took_s:.0f} takes/s, {polls:.1f} polls a take, {made.memory_mb:.0f} MB",
    )
    sent = [task.accepted - ordered for task, ordered, _ in each]
    yield figure(f"{what}: … order → at the provider", who, wall_s=sent)
    detected = [there - task.accepted - task.takes_s for task, _, there in each]
    yield figure(f"{what}: … ready → there", who, wall_s=detected)


def of_large(folder: Path, size: Size) -> Iterator[Figure]:
    """Files of 20 MB beside those of 0.2 MB: memory, and the engine's clock."""
    small, _ = measured(folder, size.large, "small", size)
    large, log = measured(folder, size.large, size.picture, size)
    yield from at_once(f"{size.large} of 20 MB at once", APOM, large, log)
    yield figure(
        f"{size.large} of 20 MB at once: the latest tick",
        wall_s=[max(0.0, max(large.ticks_apart_s) - TICK_S)],
        n=len(large.ticks_apart_s),
        aim=Aim(of="p99_ms", ms=LATEST_MS),
        note=f"{large.memory_mb - small.memory_mb:+.0f} MB against as many of 0.2 MB",
    )


def of_pages(folder: Path, size: Size, reruns: rerun.Size) -> Iterator[Figure]:
    """Two pages of the real server: while nothing is in flight, and while much is."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        data = Path(name)
        with Studio.open(Settings(data_dir=data), engine=False) as studio:
            alice, token = people.alice(studio)
            box = alice.create_box(alice.create_project("Lighthouse"), "Harbour")
        pages = {"box page": ("box", f"box={box.id}"), "projects page": ("", "")}
        with served(data, "small") as (server, _):
            idle = [drawn(server, token, reruns, f"{what}, nothing in flight", *page) for what, page in pages.items()]
        order(data, token, box, prompts_of(size.in_flight, FOR_EVER))
        with served(data, "small") as (server, url):
            wait_for(lambda: len(provider.log_of(url)) == size.in_flight)
            busy = [
                drawn(
                    server, token, reruns, f"{what}, {size.in_flight} in flight", *page, most=2 * (before.cpu_ms or 0)
                )
                for (what, page), before in zip(pages.items(), idle, strict=True)
            ]
        yield from (one for both in zip(idle, busy, strict=True) for one in both)


def of_pages_beside_large(folder: Path, size: Size) -> Iterator[Figure]:
    """The box's page, drawn again and again until the last large file has come."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        data = Path(name)
        with Studio.open(Settings(data_dir=data), engine=False) as studio:
            alice, token = people.alice(studio)
            box = alice.create_box(alice.create_project("Lighthouse"), "Harbour")
        order(data, token, box, prompts_of(size.large, LARGE_S if size.is_compared else size.takes_s))
        wall_s: list[float] = []
        with served(data, size.picture) as (server, url), Tab(server.url, token) as tab:
            look = partial(rerun.rerun, tab, "box", f"box={box.id}")
            look()  # the first time, a session begins and modules are loaded
            while not wall_s or not all(task.fetched for task in provider.log_of(url).values()):
                wall_s += rerun.again(look, LOOKS)
        yield figure("box page while 20 MB files come", wall_s=wall_s, aim=Aim(of="p99_ms", ms=RESPONSIVE_MS))


@contextmanager
def served(data: Path, picture: str) -> Iterator[tuple[Running, str]]:
    """The whole app, and where the provider is that it asks."""
    with provider.started(picture) as url, servers.ours(data, sandbox_url=url) as server:
        yield server, url


def order(data: Path, token: str, box: Box, prompts: Sequence[str]) -> None:
    """Before the server starts, from a provider without limits."""
    with Studio.open(Settings(data_dir=data), engine=False) as studio:
        offer(studio, burst.unlimited)
        actor = studio.resolve(token=token)
        assert actor is not None, "she has just signed in"
        burst.order(studio.workspace(actor), box, prompts)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Looks until it is so. Raises TimeoutError."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError("the orders have not reached the provider")
        time.sleep(0.2)


def drawn(
    server: Running, token: str, size: rerun.Size, what: str, page: str, query: str, *, most: float | None = None
) -> Figure:
    """One tab asks for a page again and again."""
    with Tab(server.url, token) as tab:
        meter = rerun.Meter.of(server, size)
        aim = None if most is None else Aim(of="cpu_ms", ms=round(most, 1))
        return meter.reruns(what, APOM, [tab], page=page, query=query, aim=aim)
