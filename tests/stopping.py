"""The whole server with a back door: what a test says is done inside of it, on SIGUSR1."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from apom import testing
from apom.testing import Running

SERVER = """
import signal, sys
from pathlib import Path
from apom.config import Settings
from apom.server.launch import serve

def act(*_):
    exec(Path(sys.argv[1], "deed").read_text(), {})
    Path(sys.argv[1], "deed").unlink()

signal.signal(signal.SIGUSR1, act)
exec(sys.argv[2], {})
serve(Settings())
"""


@dataclass(frozen=True)
class House:
    """A server, and a way to do something in it."""

    app: Running
    folder: Path

    def do(self, deed: str) -> None:
        """Python, on the server's main thread; returns when it is done."""
        path = self.folder / "deed"
        path.with_suffix(".part").write_text(deed)
        path.with_suffix(".part").rename(path)
        self.app.process.send_signal(signal.SIGUSR1)
        until(lambda: not path.exists())

    def client(self, cookies: httpx.Cookies | None = None) -> httpx.Client:
        headers = {"Origin": self.app.url}
        return httpx.Client(base_url=self.app.url, headers=headers, cookies=cookies, timeout=30, trust_env=False)


@contextmanager
def house(folder: Path, before: str = "", **settings: str) -> Iterator[House]:
    """The server with its data in `folder`. `before`: what is done in it before it starts."""
    chosen = {"data_dir": str(folder / "data"), "port": "0", **settings}
    env = {f"APOM_{name.upper()}": value for name, value in chosen.items()}
    app = testing.start(["-c", SERVER, str(folder), before], r"apom is at (http\S+)", env)
    try:
        yield House(app, folder)
    finally:
        app.stop()


def until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    """Waits for something that is about to be."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
