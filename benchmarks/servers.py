"""The servers that are measured, each a process of its own: `python -m benchmarks.servers ours DIR | bare DIR OPTION…`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from apom.config import Settings
from apom.testing import Running, start

HERE = Path(__file__).parent
OPTIONS = (
    "--server.headless=true --server.address=127.0.0.1 --server.fileWatcherType=none --browser.gatherUsageStats=false"
)


@contextmanager
def ours(data_dir: Path, *, sandbox_url: str = "") -> Iterator[Running]:
    """The whole app with one page more, `nothing`."""
    env = {"APOM_SANDBOX_URL": sandbox_url}
    yield from _until_left(start(["-m", "benchmarks.servers", "ours", str(data_dir)], r"apom is at (http\S+)", env))


@contextmanager
def bare(folder: Path, *options: str) -> Iterator[Running]:
    """Streamlit as it comes, with these options besides. `folder`: an empty one, where it finds no settings of ours."""
    yield from _until_left(start(["-m", "benchmarks.servers", "bare", str(folder), *options], r"URL: (http\S+)", {}))


def _until_left(running: Running) -> Iterator[Running]:
    try:
        yield running
    finally:
        running.stop()


def _ours(data_dir: str) -> None:
    from apom.server.launch import serve
    from apom.server.wiring import wiring

    serve(
        Settings(data_dir=Path(data_dir), port=0),
        lambda settings: replace(wiring(settings), script=HERE / "page_ours.py"),
    )


def _bare(folder: str, *options: str) -> None:
    from streamlit.web import cli

    os.chdir(folder)
    sys.argv = [
        "streamlit",
        "run",
        str(HERE / "page_bare.py"),
        f"--server.port={_free_port()}",
        *OPTIONS.split(),
        *options,
    ]
    cli.main()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    (_ours if sys.argv[1] == "ours" else _bare)(*sys.argv[2:])
