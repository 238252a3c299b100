"""Servers for tests: the app, the engine alone and the sandbox as processes of their own, on loopback, on free ports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apom.studio import Studio
    from apom.testing.storm import Storm

ROOT = Path(__file__).resolve().parent.parent.parent
READY_S = 60.0
SMALL = "from apom.sandbox.__main__ import main; from apom.testing import small_pictures; small_pictures(); main()"


@dataclass(kw_only=True)
class Running:
    """A server of our own: where it is, what it said, and the process behind it."""

    url: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    ear: threading.Thread | None = None

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self.process.kill()
        self.ended(10)

    def ended(self, timeout_s: float) -> int:
        """Waits until it has ended by itself; the exit code. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(timeout=timeout_s)
        if self.ear is not None:
            self.ear.join(timeout=5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def stop(self, timeout_s: float = 15) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.ended(timeout_s)


def start(command: list[str], pattern: str, env: dict[str, str]) -> Running:
    """Starts `python …` and waits for the line that matches `pattern`, whose first group is the URL.

    Raises RuntimeError with what it said when it ends first, or does not come up within a minute.
    """
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    running = Running(url="", process=process)
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None, "it is a pipe"
        for line in process.stdout:
            running.said.append(line)
            print(line, end="", file=sys.stderr)  # where a test fails, beside it
            found = re.search(pattern, line)
            if found and not running.url:
                running.url = found[1]
                ready.set()
        ready.set()

    running.ear = threading.Thread(target=listen, daemon=True)
    running.ear.start()
    if not ready.wait(READY_S) or not running.url:
        running.kill()
        raise RuntimeError("it did not start:\n" + "".join(running.said))
    return running


def small_pictures() -> None:
    """The sandbox of this process draws a quarter as wide and high from now on, at a tenth of the cost."""
    from apom.sandbox import order

    order.SIZES.update({shape: (width // 4, height // 4) for shape, (width, height) in order.SIZES.items()})


@contextmanager
def sandbox(folder: Path, *, image_s: float = 0.2, video_s: float = 0.5, small: bool = False) -> Iterator[Running]:
    """The sandbox provider as a process of its own. `small`: see `small_pictures`."""
    program = ["-c", SMALL] if small else ["-m", "apom.sandbox"]
    options = ["--port", "0", "--folder", str(folder), "--image-s", str(image_s), "--video-s", str(video_s)]
    running = start([*program, *options], r"sandbox (http\S+)", {})
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def server(data_dir: Path, **settings: str) -> Iterator[Running]:
    """The whole app as a process of its own. `settings`: as in `Settings`, for its APOM_* variables."""
    chosen = {"data_dir": str(data_dir), "port": "0", **settings}
    env = {f"APOM_{name.upper()}": value for name, value in chosen.items()}
    running = start(["-m", "apom", "serve"], r"apom is at (http\S+)", env)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def chaos(folder: Path, storm: Storm, *, seed: int = 0, image_s: float = 0.2) -> Iterator[Running]:
    """The sandbox behind a bad network, as a process of its own. It draws small pictures."""
    options = [
        "--folder",
        str(folder),
        "--storm",
        json.dumps(asdict(storm)),
        "--seed",
        str(seed),
        "--image-s",
        str(image_s),
    ]
    running = start(["-m", "apom.testing.storm", *options], r"chaos (http\S+)", {})
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def life(data_dir: Path, sandbox_url: str, *options: str) -> Iterator[Running]:
    """A studio with its engine and no dashboard, as a process of its own; it ends when nothing is on its way any more.

    `options`: of `python -m apom.testing.alone`.
    """
    command = ["-m", "apom.testing.alone", str(data_dir), "--sandbox", sandbox_url, *options]
    running = start(command, "(life begins)", {})
    try:
        yield running
    finally:
        running.stop()


def offer(studio: Studio, change: Callable[[dict[str, Any]], object]) -> None:
    """The studio offers the sandbox by a file that was changed: without a lookup, with a short deadline, and so on."""
    from apom.config import shipped
    from apom.providers.catalog import Catalog, parse

    data = json.loads((shipped("providers") / "sandbox.json").read_text("utf-8"))
    change(data)
    catalog = Catalog(specs={"sandbox": parse(json.dumps(data), file="sandbox.json")})
    studio.generate._catalog = catalog
    studio.queue._catalog = catalog
