"""Beside ours: Celery and Redis, the service that everybody knows how to build. See `benchmarks.queued`.

Redis has to be installed (Debian: redis-server); Celery comes into the benchmark's own folder.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from apom import testing
from benchmarks.burst import FIRST, Made
from benchmarks.cost import cpu_s, most_memory_mb
from benchmarks.orders import WARM_UP

READY_S = 20.0
PATIENCE_S = 900.0
TABLE = "takes.sqlite"
WORKER = "-m celery -A benchmarks.queued worker -P threads -c 32 -l ERROR --without-gossip --without-mingle"


def installed(folder: Path) -> str:
    """Puts Celery there; why it cannot be measured, or nothing."""
    if shutil.which("redis-server") is None:
        return "Celery is left out: there is no redis-server here. In Debian it is the package redis-server."
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder), "celery", "redis"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return f"Celery is left out: it could not be installed. {done.stderr.strip().splitlines()[-1]}"
    return ""


def run(url: str, count: int, folder: Path, celery: Path, *, every_s: float, seen: bool) -> Made:
    """So many takes at once, by a worker, Redis, and whoever orders.

    `celery`: where it was installed; `seen`: files are checked and made small as apom does it.
    """
    folder.mkdir()
    with ExitStack() as stack:
        socket = stack.enter_context(_redis(folder))
        env = {
            "PYTHONPATH": os.pathsep.join([str(celery), str(testing.ROOT)]),
            "QUEUED_REDIS": f"redis+socket://{socket}",
            "QUEUED_PROVIDER": url,
            "QUEUED_FOLDER": str(folder),
            "QUEUED_EVERY_S": str(every_s),
            "QUEUED_SEEN": str(int(seen)),
        }
        worker = testing.start(WORKER.split(), "(queued is ready)", env)
        stack.callback(worker.stop)
        pids = [worker.process.pid, _pid_of(socket)]
        _order(WARM_UP, FIRST, env)
        _wait(folder / TABLE)
        used = sum(map(cpu_s, pids))
        ordered = _order(count, "take", env)
        _wait(folder / TABLE)
        return Made(
            takes=_takes(folder / TABLE),
            cpu_s=sum(map(cpu_s, pids)) - used + ordered,
            memory_mb=sum(map(most_memory_mb, pids)),
        )


@contextmanager
def _redis(folder: Path) -> Iterator[Path]:
    """In memory alone, on a socket in the folder."""
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--pidfile", str(folder / "redis.pid")]
    with subprocess.Popen(["redis-server", *options, "--daemonize", "no"], stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + READY_S
            while not (socket.exists() and (folder / "redis.pid").exists()):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("redis-server did not start")
                time.sleep(0.05)
            yield socket
        finally:
            process.terminate()


def _pid_of(socket: Path) -> int:
    return int(socket.with_name("redis.pid").read_text("ascii"))


def _order(count: int, name: str, env: Mapping[str, str]) -> float:
    """The processor time that ordering took, in seconds."""
    command = [sys.executable, "-m", "benchmarks.queued", str(count), name]
    done = subprocess.run(command, env={**os.environ, **env}, check=True, capture_output=True, text=True)
    return float(done.stdout)


def _wait(path: Path) -> None:
    """Until the last one is there. Raises TimeoutError."""
    with closing(sqlite3.connect(path)) as table:
        until = time.monotonic() + PATIENCE_S
        while table.execute("select count(*) from take where there is null").fetchone()[0]:
            if time.monotonic() > until:
                raise TimeoutError("Celery has not delivered everything within a quarter of an hour")
            time.sleep(0.25)


def _takes(path: Path) -> list[tuple[str, float, float]]:
    with closing(sqlite3.connect(path)) as table:
        return [row for row in table.execute("select prompt, ordered, there from take") if FIRST not in row[0]]
