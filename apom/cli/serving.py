"""`apom serve`, `apom health`: the server."""

from __future__ import annotations

import argparse

from apom import runfile
from apom.cli import door
from apom.cli.command import Commands, Reply, command, finding
from apom.config import Settings
from apom.errors import Unavailable


def add(commands: Commands) -> None:
    """Declares the commands."""
    parser = command(
        commands,
        "serve",
        serve,
        """
        apom serve
        apom serve --port 9000 --data-dir /srv/films
        APOM_PUBLIC_URL=https://films.example.com apom serve --host 0.0.0.0
        """,
        answers=False,
    )
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (APOM_HOST; 127.0.0.1)")
    parser.add_argument("--port", type=port, metavar="NUMBER", help="where to listen; 0: any (APOM_PORT; 8501)")
    command(commands, "health", health, "apom health\napom health --json")


def port(text: str) -> int:
    """A port's number. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("it is a number from 0 to 65535")
    return int(text)


def serve(settings: Settings, _: argparse.Namespace) -> None:
    """Start the dashboard, the REST interface and the engine.

    It runs until Ctrl+C or SIGTERM, and ends within ten seconds. What is in flight at a provider goes on when it is
    started again. A store of an older version is brought up to date first.
    """
    from apom.server.launch import serve as serve_until_stopped

    serve_until_stopped(settings)


def health(settings: Settings, _: argparse.Namespace) -> Reply:
    """Ask the running server how it is, part by part, and what to do.

    Exit code 0 when the store answers, the engine ticks and long work is done; 1 when not, and when no server runs.
    """
    found = door.server(settings)
    if found is None:
        run = runfile.read(settings.data_dir)
        if run is not None:
            raise Unavailable("The server at {url} does not answer. Is it running?", url=run.url)
        raise Unavailable("No server runs on this data folder. Start one with: apom serve")
    well = "well" if found.health.ok else "NOT WELL"
    return Reply(
        document={"url": found.url, **found.health.model_dump(mode="json")},
        lines=[
            f"{well}: {found.url}, {found.health.in_flight} takes in flight",
            *(finding("ok" if part.ok else "problem", part.name, part.says) for part in found.health.parts),
        ],
        code=0 if found.health.ok else 1,
    )
