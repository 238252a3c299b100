"""What a page costs the server: each time its script runs again, and when somebody opens it.

Tabs without a browser speak Streamlit's protocol over real websockets. The processor time is the server's alone, less
what it uses anyway while nobody does anything.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from websockets.sync.client import connect

from apom.config import Settings
from apom.studio import Studio
from apom.testing import Running
from benchmarks import people, servers, takes
from benchmarks.cost import cpu_s
from benchmarks.figures import APOM, Aim, Figure, Scale, figure, together
from benchmarks.takes import Production
from tests.ws_client import Tab

TAKES = (200, 2000)
FIRST = 100  # takes that the gallery asks for first (shelf.js)
PAUSE_S = 0.06  # a signed-in tab may send 20 messages a second
SETTLE_S = 1.0
EMPTY = "page that does nothing"


@dataclass(frozen=True, kw_only=True)
class Size:
    """So many `rounds` of so many `reruns`, by one tab and shared out among `sessions`; idle for so long."""

    rounds: int
    reruns: int
    sessions: int
    idle_s: float


SIZES: dict[Scale, Size] = {
    "toy": Size(rounds=1, reruns=2, sessions=2, idle_s=0.2),
    "quick": Size(rounds=3, reruns=40, sessions=20, idle_s=4),
    "full": Size(rounds=5, reruns=60, sessions=20, idle_s=15),
}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is in the store: a box for each number of takes, and the sign-ins of as many tabs as there are."""

    project_id: UUID
    boxes: Mapping[int, UUID]
    tokens: Sequence[str]


def run(scale: Scale) -> list[Figure]:
    """Streamlit alone, twice; then ours."""
    size = SIZES[scale]
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        folder = Path(name)
        figures = [
            *of_streamlit(folder, size, "Streamlit, as it comes"),
            *of_streamlit(folder, size, "Streamlit, no GC after a run", "--runner.postScriptGC=false"),
        ]
        prepared = prepare(folder / "data", size.sessions)
        with servers.ours(folder / "data") as server:
            figures += of_apom(server, prepared, size)
    return together(figures)


def prepare(data_dir: Path, sessions: int) -> Prepared:
    """alice, her project, a box for each number of takes; she has signed in that often."""
    few, many = TAKES
    with Studio.open(Settings(data_dir=data_dir), engine=False) as studio:
        alice, first = people.alice(studio)
        tokens = [first, *(studio.login("alice", people.PASSWORD)[0] for _ in range(sessions - 1))]
        project = alice.create_project("Lighthouse")
        boxes = [box.id for box in alice.create_boxes(project, ["Harbour", "Storm"])]
        production = Production(
            project_id=project.id, user_id=alice.actor.user_id, boxes=boxes, count=few + many, large=many
        )
        takes.fill(studio._store, production)
    return Prepared(project_id=project.id, boxes=dict(zip(TAKES, boxes, strict=True)), tokens=tokens)


def of_streamlit(folder: Path, size: Size, who: str, *options: str) -> list[Figure]:
    """The page that does nothing, in an app of its own."""
    with servers.bare(folder, *options) as server, ExitStack() as stack:
        tabs = [stack.enter_context(Tab(server.url)) for _ in range(size.sessions)]
        meter = Meter.of(server, size)
        return [meter.reruns(f"{EMPTY}, {said(some)}", who, some) for some in (tabs[:1], tabs)]


def of_apom(server: Running, prepared: Prepared, size: Size) -> list[Figure]:
    """The same page behind our edge; a box's page; and somebody who opens one."""
    with ExitStack() as stack:
        tabs = [stack.enter_context(Tab(server.url, token)) for token in prepared.tokens]
        meter = Meter.of(server, size)
        figures = [meter.idle]
        for some in (tabs[:1], tabs):
            figures.append(
                meter.reruns(f"{EMPTY}, {said(some)}", APOM, some, page="nothing", aim=Aim(of="cpu_ms", ms=10))
            )
            for count, box in prepared.boxes.items():
                aim = Aim(of="cpu_ms", ms=100) if count == TAKES[0] else None
                what = f"box page, {count} takes, {said(some)}"
                figures.append(meter.reruns(what, APOM, some, page="box", query=f"box={box}", aim=aim))
        for count, box in prepared.boxes.items():
            gallery = Gallery(server.url, prepared.tokens[0], prepared.project_id, box)
            with gallery:
                figures.append(meter.times(f"its gallery's first {FIRST} of {count}", gallery.look))
                figures.append(meter.times(f"box page opened, {count} takes", gallery.open))
    return figures


def said(tabs: Sequence[Tab]) -> str:
    """How many they are."""
    return "1 session" if len(tabs) == 1 else f"{len(tabs)} sessions"


@dataclass(frozen=True, kw_only=True)
class Meter:
    """The processor time of one server, less what it uses anyway. `idle_share`: of a core."""

    pid: int
    size: Size
    idle_share: float

    @classmethod
    def of(cls, server: Running, size: Size) -> Meter:
        """Looks at it for a while, with every tab connected."""
        pid = server.process.pid
        time.sleep(min(SETTLE_S, size.idle_s))
        started, used = time.perf_counter(), cpu_s(pid)
        time.sleep(size.idle_s)
        return cls(pid=pid, size=size, idle_share=(cpu_s(pid) - used) / (time.perf_counter() - started))

    @property
    def idle(self) -> Figure:
        """Per second in which nobody does anything."""
        return figure(f"idle for a second, {self.size.sessions} sessions", cpu_s=[self.idle_share], n=1)

    def reruns(
        self, what: str, who: str, tabs: Sequence[Tab], *, page: str = "", query: str = "", aim: Aim | None = None
    ) -> Figure:
        """Each tab asks for the page again and again, all at once."""
        for tab in tabs:  # the first time, a session begins and modules are loaded
            rerun(tab, page, query)
        each = max(1, self.size.reruns // len(tabs))
        with ThreadPoolExecutor(len(tabs)) as pool:

            def together() -> list[float]:
                return [
                    wall_s
                    for found in pool.map(lambda tab: again(partial(rerun, tab, page, query), each), tabs)
                    for wall_s in found
                ]

            return self._figure(what, who, together, aim)

    def times(self, what: str, act: Callable[[], None]) -> Figure:
        """Somebody does it again and again."""
        act()
        return self._figure(what, APOM, lambda: again(act, max(1, self.size.reruns // 4)), None)

    def _figure(self, what: str, who: str, round_: Callable[[], list[float]], aim: Aim | None) -> Figure:
        cpu, wall = [], []
        for _ in range(self.size.rounds):
            started, used = time.perf_counter(), cpu_s(self.pid)
            took = round_()
            idle_s = self.idle_share * (time.perf_counter() - started)
            cpu.append((cpu_s(self.pid) - used - idle_s) / len(took))
            wall += took
        return figure(what, who, cpu_s=cpu, wall_s=wall, n=len(wall), aim=aim)


def again(act: Callable[[], object], times: int) -> list[float]:
    """So often, with a pause after each; how long each took."""
    wall = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        wall.append(time.perf_counter() - started)
        time.sleep(PAUSE_S)
    return wall


def rerun(tab: Tab, page: str, query: str) -> None:
    """The script once, to its end."""
    drawn = tab.run(page=page, page_hash=tab.pages.get(page, ""), query=query)
    if drawn.end != "finished" or "exception" in drawn.kinds:
        raise RuntimeError(f"the page {page!r} ended as {drawn}")


class Gallery:
    """What the browser does for a box's page beside its script: the gallery reads the takes by REST."""

    def __init__(self, url: str, token: str, project_id: UUID, box_id: UUID) -> None:
        self._url, self._token = url, token
        self._project, self._box = project_id, box_id
        self._client = httpx.Client(
            base_url=url, cookies={"apom_session": token}, headers={"sec-fetch-site": "same-origin"}, trust_env=False
        )

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def look(self) -> None:
        """The first page, and how many there are in all."""
        for path in (f"/api/boxes/{self._box}/assets?limit={FIRST}", f"/api/boxes/{self._box}"):
            self._client.get(path).raise_for_status()

    def open(self) -> None:
        """A new tab: its session, the script, the gallery's own socket; it looks once more when that is there."""
        host = urlsplit(self._url).netloc
        headers = {"Origin": self._url, "Cookie": f"apom_session={self._token}"}
        with Tab(self._url, self._token) as tab:
            rerun(tab, "box", f"box={self._box}")
            self.look()
            with connect(
                f"ws://{host}/api/projects/{self._project}/events", additional_headers=headers, proxy=None
            ) as socket:
                socket.recv(timeout=20)
                self.look()
