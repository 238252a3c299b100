"""The servers that are measured, each a process of its own.

`python -m benchmarks.servers ours DIR | bare DIR OPTION… | copier DIR`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
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


@contextmanager
def copier(folder: Path) -> Iterator[Running]:
    """The least that can take a file in and give it out: to disk as it comes, no questions."""
    folder.mkdir()
    yield from _until_left(start(["-m", "benchmarks.servers", "copier", str(folder)], r"copier (http\S+)", {}))


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


def _copier(folder: str) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import FileResponse, Response
    from starlette.routing import Route

    async def put(request: Request) -> Response:
        with Path(folder, request.path_params["name"]).open("wb") as file:  # noqa: ASYNC230  (it has nothing else to do)
            async for chunk in request.stream():
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return Response()

    def get(request: Request) -> Response:
        return FileResponse(Path(folder, request.path_params["name"]))

    routes = [Route("/{name}", put, methods=["PUT"]), Route("/{name}", get)]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning", access_log=False))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:  # as ours, for Nagle's sake
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(f"copier http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        server.run(sockets=[listener])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    servers: dict[str, Callable[..., None]] = {"ours": _ours, "bare": _bare, "copier": _copier}
    servers[sys.argv[1]](*sys.argv[2:])
