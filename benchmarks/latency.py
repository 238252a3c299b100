"""How much apom adds to a provider's own time: from the order to the take that is there, thumbnail and all.

Thirty people order five takes a second by REST from the real server, while one of them has the box's page open. The
provider takes its own time for each and costs next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from websockets.asyncio.client import connect

from apom import testing
from apom.config import Settings
from apom.models import OPEN_STATUSES, Role, Status
from apom.studio import Studio
from benchmarks import people, provider
from benchmarks.cost import cpu_s
from benchmarks.figures import APOM, Aim, Figure, Scale, figure, together
from benchmarks.orders import WARM_UP, Order, orders
from benchmarks.provider import Task
from tests.ws_client import Tab

PER_S = 5
PEOPLE = 30  # each may order ten times a minute
GATHER_S = 0.1  # the gallery asks for what changed within so long at once (shelf.js)
RERUN_S = 5.0  # whoever has the page open clicks about as often
PATIENCE_S = 60.0
NAIVE = "naive script"


@dataclass(frozen=True, kw_only=True)
class Size:
    """So many takes from apom, and from the naive script."""

    takes: int
    naive: int


SIZES: dict[Scale, Size] = {
    "toy": Size(takes=3, naive=2),
    "quick": Size(takes=20 * PER_S, naive=20 * PER_S),
    "full": Size(takes=600 * PER_S, naive=120 * PER_S),
}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Where takes are ordered, by whom (API tokens), and the sign-in of the one who looks on."""

    project_id: UUID
    box_id: UUID
    tokens: Sequence[str]
    session: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A take that came: its prompt, when it was ordered and when it was there, in seconds since 1970."""

    prompt: str
    ordered: float
    there: float


def run(scale: Scale) -> list[Figure]:
    """The naive script, then apom; each with a provider of its own."""
    size = SIZES[scale]
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        return together(of_naive(size.naive, Path(name)) + of_apom(size.takes, Path(name)))


def of_naive(count: int, folder: Path) -> list[Figure]:
    """In a process of its own."""
    with provider.started() as url:
        command = [sys.executable, "-m", "benchmarks.naive", url, str(count), str(PER_S), str(folder)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        made = [Made(prompt=prompt, ordered=ordered, there=there) for prompt, ordered, there in said["made"]]
        return figures_of(NAIVE, made, provider.log_of(url), said["cpu_s"])


def of_apom(count: int, folder: Path) -> list[Figure]:
    """The server, and those who use it."""
    prepared = prepare(folder / "data", min(count, PEOPLE))
    with provider.started() as url, testing.server(folder / "data", sandbox_url=url) as server:
        asyncio.run(ordered(server.url, prepared, list(orders(WARM_UP, PER_S, "first"))))
        used = cpu_s(server.process.pid)
        made = asyncio.run(ordered(server.url, prepared, list(orders(count, PER_S))))
        return figures_of(APOM, made, provider.log_of(url), cpu_s(server.process.pid) - used)


def prepare(data_dir: Path, many: int) -> Prepared:
    """People who may make takes in one project, and alice, who looks on."""
    with Studio.open(Settings(data_dir=data_dir), engine=False) as studio:
        (alice, session), operator = people.alice(studio), studio.operator()
        project = alice.create_project("Lighthouse")
        names = [f"person-{i}" for i in range(many)]
        for name in names:
            operator.add_user(name, people.PASSWORD)
            alice.set_member(project, name, Role.EDITOR)
        tokens = [operator.create_token(name, "benchmark")[1] for name in names]
        box = alice.create_box(project, "Harbour")
    return Prepared(project_id=project.id, box_id=box.id, tokens=tokens, session=session)


async def ordered(url: str, prepared: Prepared, wanted: Sequence[Order]) -> list[Made]:
    """Orders them all, each at its time, with the page open; waits until the last one is there."""
    async with OpenPage(url, prepared) as page, httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
        started = time.monotonic()

        async def place(i: int, order: Order) -> tuple[str, Order, float]:
            await asyncio.sleep(max(0.0, started + order.at_s - time.monotonic()))
            at = time.time()
            answer = await client.post(
                f"/api/boxes/{prepared.box_id}/generate",
                json={"prompt": order.prompt},
                headers={"Authorization": f"Bearer {prepared.tokens[i % len(prepared.tokens)]}"},
            )
            return str(answer.raise_for_status().json()[0]["id"]), order, at

        placed = await asyncio.gather(*(place(i, order) for i, order in enumerate(wanted)))
        there = await page.all_there([id for id, _, _ in placed])
    return [Made(prompt=order.prompt, ordered=at, there=there[id]) for id, order, at in placed]


class OpenPage:
    """A browser tab with a box's page, without the browser: the script's session, the events, what the gallery asks for."""

    def __init__(self, url: str, prepared: Prepared) -> None:
        self._url, self._prepared = url, prepared
        self._there: dict[str, float] = {}
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = threading.Event()

    async def __aenter__(self) -> OpenPage:
        self._tasks = [asyncio.create_task(live()) for live in (self._listen, self._look, self._click)]
        await asyncio.wait_for(self._news.wait(), PATIENCE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed.set()
        *cancelled, clicking = self._tasks
        for task in cancelled:
            task.cancel()
        await asyncio.gather(*cancelled, return_exceptions=True)
        await clicking

    async def all_there(self, ids: Sequence[str]) -> Mapping[str, float]:
        """When each of them was heard to be there. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._there.keys() >= set(ids):
                self._news.clear()
                waiting = asyncio.create_task(self._news.wait())
                done, _ = await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
                for task in done - {waiting}:
                    await task  # it never ends by itself: this raises what went wrong
        return self._there

    async def _listen(self) -> None:
        host = urlsplit(self._url).netloc
        headers = {"Origin": self._url, "Cookie": f"apom_session={self._prepared.session}"}
        address = f"ws://{host}/api/projects/{self._prepared.project_id}/events"
        async with connect(address, additional_headers=headers, proxy=None) as socket:
            async for said in socket:
                event = json.loads(said)
                if event["asset_id"] and event["status"] not in OPEN_STATUSES:
                    if event["status"] != Status.COMPLETED:
                        raise RuntimeError(f"a take ended as {event['status']}")
                    self._there[event["asset_id"]] = time.time()
                if event["asset_id"]:
                    self._changed.add(event["asset_id"])
                self._news.set()

    async def _look(self) -> None:
        """Reads what changed, and the thumbnails that are new."""
        cookies = {"apom_session": self._prepared.session}
        seen: set[str] = set()
        async with httpx.AsyncClient(base_url=self._url, cookies=cookies, trust_env=False, timeout=20) as client:
            while True:
                await asyncio.sleep(GATHER_S)
                some, self._changed = list(self._changed)[:100], set(list(self._changed)[100:])
                if some:
                    takes = (await client.get("/api/assets", params={"id": some})).raise_for_status().json()
                    await client.get(f"/api/boxes/{self._prepared.box_id}")
                    thumbs = {take["thumbnail_url"] for take in takes if take["thumbnail_url"]} - seen
                    await asyncio.gather(*(client.get(thumb) for thumb in thumbs))
                    seen |= thumbs

    async def _click(self) -> None:
        await asyncio.to_thread(self._click_now_and_then)

    def _click_now_and_then(self) -> None:
        query = f"box={self._prepared.box_id}"
        with Tab(self._url, self._prepared.session) as tab:
            tab.run(page="box", query=query)
            while not self._is_closed.wait(RERUN_S):
                tab.run(page="box", page_hash=tab.pages["box"], query=query)


def figures_of(who: str, made: Sequence[Made], log: Mapping[str, Task], cpu_s: float) -> list[Figure]:
    """What was added in all, and where."""
    tasks = [log[one.prompt] for one in made]
    both = list(zip(made, tasks, strict=True))
    aim = Aim(of="p99_ms", ms=1500) if who == APOM else None
    polls = sum(task.polls for task in tasks) / len(tasks)
    parts = {
        "… order → at the provider": [task.accepted - one.ordered for one, task in both],
        "… ready → noticed": [task.noticed - task.accepted - task.takes_s for task in tasks],
        "… noticed → download begun": [task.fetched - task.noticed for task in tasks],
        "… download begun → there": [one.there - task.fetched for one, task in both],
    }
    whole = [one.there - one.ordered - task.takes_s for one, task in both]
    return [
        figure(
            "added to the provider's time",
            who,
            cpu_s=[cpu_s / len(made)],
            wall_s=whole,
            n=len(made),
            aim=aim,
            note=f"{polls:.1f} polls a take",
        ),
        *(figure(what, who, wall_s=wall_s) for what, wall_s in parts.items()),
    ]
