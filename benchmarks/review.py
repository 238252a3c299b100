"""A review link: how soon a phone shows the film, and whether members notice the reviewers.

Chromium is slowed down to a mobile network by its own tools. The reviewers are a process of their own (guests.py).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Browser, sync_playwright

from apom.client import RemoteStudio
from apom.client.workspace import RemoteWorkspace
from apom.config import Settings
from apom.models import BatchOrder, Box, MadeLink, Status
from apom.studio import Studio
from apom.testing import Running
from benchmarks import people, rerun, servers
from benchmarks.figures import APOM, Aim, Figure, Scale, figure
from tests.browser import ARGS
from tests.ws_client import Tab

FIRST_MS = 2000  # a film that is there later has lost its viewer
TIMES_IDLE = 2
NETWORKS = {"4G, 85 ms": 85, "4G, 170 ms": 170}  # both 9 Mbit/s down: 4G of WebPageTest's profiles has 170
MBIT_S = 9
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SHOTS = 4
PATIENCE_S = 60.0
# The first time a picture of the film is painted, and the first time a frame of the clip itself is.
WATCH = """
window.seen = {};
new PerformanceObserver(list => {
  for (const each of list.getEntries()) if (each.url.includes("/review/m/")) seen.picture ??= each.renderTime || each.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
const look = () => {
  const film = document.querySelector("main")?.shadowRoot?.querySelector("video:not([hidden])");
  if (film && !film.watched) { film.watched = true; film.requestVideoFrameCallback(now => { seen.frame ??= now; }); }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """`loads` of each network; so many `guests` and `orders` while a member's page is drawn `reruns` times."""

    loads: int
    guests: int
    orders: int
    seconds: float
    height: int
    reruns: rerun.Size


SIZES: dict[Scale, Size] = {
    "toy": Size(
        loads=1,
        guests=2,
        orders=2,
        seconds=1,
        height=180,
        reruns=rerun.Size(rounds=1, reruns=2, sessions=1, idle_s=0.2),
    ),
    "quick": Size(
        loads=4,
        guests=50,
        orders=100,
        seconds=4,
        height=1080,
        reruns=rerun.Size(rounds=2, reruns=15, sessions=1, idle_s=4),
    ),
    "full": Size(
        loads=15,
        guests=50,
        orders=300,
        seconds=5,
        height=1080,
        reruns=rerun.Size(rounds=5, reruns=40, sessions=1, idle_s=10),
    ),
}


def run(scale: Scale) -> list[Figure]:
    """The film first, while nobody else is there; then the crowd."""
    size = SIZES[scale]
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        folder = Path(name)
        token, box = prepare(folder, size)
        with servers.ours(folder / "data") as server, RemoteStudio(server.url) as studio:
            alice = studio.login("alice", people.PASSWORD)
            link = alice.create_link(box.project_id, "client", can_approve=True)
            return [*of_first_frames(link, size), *of_a_crowd(server, alice, token, link, box, size)]


def prepare(folder: Path, size: Size) -> tuple[str, Box]:
    """A film of clips, published; alice's sign-in, and its first shot."""
    film = clip(folder / "clip.mp4", size)
    with Studio.open(Settings(data_dir=folder / "data")) as studio:
        alice, token = people.alice(studio)
        project = alice.create_project("Lighthouse")
        boxes = alice.create_boxes(project, [f"Shot {n}" for n in range(SHOTS)])
        for box in boxes:
            alice.set_headliner(box, alice.upload(box, film).take)
        alice.publish_round(project)
        return token, boxes[0]


def clip(path: Path, size: Size) -> Path:
    """A clip as a model of today gives it: 1080p, some 8 Mbit/s, its index in front."""
    width, rng = size.height * 16 // 9 // 2 * 2, np.random.default_rng(7)
    ramp = np.linspace(0, 200, width, dtype=np.uint8)[None, :, None]
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, size.height, "yuv420p", 8_000_000
        for n in range(round(24 * size.seconds)):
            grain = rng.integers(0, 40, (size.height // 4, width // 4, 3), dtype=np.uint8)
            frame = np.roll(ramp, n * 8, axis=1) + grain.repeat(4, axis=0).repeat(4, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.astype(np.uint8), format="rgb24")))
        container.mux(stream.encode())
    return path


def of_first_frames(link: MadeLink, size: Size) -> Iterator[Figure]:
    """From the link's address to the film on a phone that has never been here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        look(browser, link, 0)  # the first time, modules are loaded
        for network, latency in NETWORKS.items():
            pictures, frames, sent = zip(*(look(browser, link, latency) for _ in range(size.loads)), strict=True)
            note = f"{max(sent) / 1000:.0f} KB beside the media"
            aim = Aim(of="p99_ms", ms=FIRST_MS)
            yield figure(f"first picture of the film, {network}", wall_s=pictures, aim=aim, note=note)
            yield figure(f"first frame of the clip, {network}", wall_s=frames, aim=aim)
        browser.close()


def look(browser: Browser, link: MadeLink, latency: int) -> tuple[float, float, int]:
    """Seconds until a picture of the film is seen, until the clip's own is; bytes of everything but media."""
    context = browser.new_context(**PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    tools = context.new_cdp_session(page)
    if latency:
        bytes_s = MBIT_S * 1_000_000 / 8
        tools.send("Network.enable")
        limits = {"offline": False, "latency": latency, "downloadThroughput": bytes_s, "uploadThroughput": bytes_s}
        tools.send("Network.emulateNetworkConditions", limits)
    page.add_init_script(WATCH)
    page.goto(link.url, wait_until="commit", timeout=60_000)
    until = time.monotonic() + PATIENCE_S
    while "frame" not in (seen := page.evaluate("window.seen")):
        if time.monotonic() > until:
            raise TimeoutError("the film does not come")
        page.wait_for_timeout(50)
    entries = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    others = f"{entries}.filter(each => !each.name.includes('/review/m/'))"
    sent = page.evaluate(f"{others}.reduce((n, each) => n + each.transferSize, 0)")
    context.close()
    return min(seen.get("picture", seen["frame"]), seen["frame"]) / 1000, seen["frame"] / 1000, sent


def of_a_crowd(
    server: Running, alice: RemoteWorkspace, token: str, link: MadeLink, box: Box, size: Size
) -> Iterator[Figure]:
    """A member's page while nobody else is there; with the reviewers; with the engine at work beside them."""
    page = ("box", f"box={box.id}")
    idle = drawn(server, token, size, "member's page, nobody else there", page)
    yield idle
    with guests(server, link, size.guests):
        talk = drawn(server, token, size, f"member's page, {size.guests} reviewers talk", page, idle)
        yield replace(talk, cpu_ms=None)  # the reviewers' own requests are in that time, and come in gusts
        spare = alice.create_box(box.project_id, "More of it")
        order = BatchOrder(
            prompts=("the lighthouse",),
            models=("sandbox/sandbox-image",),
            boxes=(spare,),
            seeds=tuple(range(size.orders)),
        )
        batch = alice.order_batch(box.project_id, order)
        busy = drawn(server, token, size, f"… and {size.orders} pictures are made", page, idle)
        left = size.orders - alice.batch(batch).counts.get(Status.COMPLETED, 0)
        # the sandbox draws in the server's own process, too
        yield replace(busy, cpu_ms=None, note=f"{left} of them still to come")


def drawn(
    server: Running, token: str, size: Size, what: str, page: tuple[str, str], idle: Figure | None = None
) -> Figure:
    """One tab asks for a page again and again."""
    with Tab(server.url, token) as tab:
        aim = Aim(of="p50_ms", ms=round(TIMES_IDLE * (idle.p50_ms or 0), 1)) if idle else None
        meter = rerun.Meter.of(server, size.reruns)
        return meter.reruns(what, APOM, [tab], page=page[0], query=page[1], aim=aim)


@contextmanager
def guests(server: Running, link: MadeLink, count: int) -> Iterator[None]:
    """Their process, from when all of them are in."""
    cookie = f"apom_review_{link.link.id.hex}={link.token}"
    command = [sys.executable, "-m", "benchmarks.guests", server.url, cookie, link.link.id.hex, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        assert crowd.stdout is not None, "it is a pipe"
        assert crowd.stdin is not None, "it is a pipe"
        if crowd.stdout.readline() != "ready\n":
            raise RuntimeError("the reviewers have not come in")
        time.sleep(1)
        yield
        assert crowd.poll() is None, "a reviewer was refused"
        crowd.stdin.close()
