"""`python -m apom`: serve, and what an operator does. Each command also works while the server holds the store.

Exit codes: 0 done, 1 refused or failed (the sentence is on stderr), 2 wrong usage or unsafe settings.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pydantic import BaseModel

from apom import __version__, runfile
from apom.config import Settings
from apom.errors import ApomError, Misconfigured, StoreBusy, Unavailable
from apom.models import Health, User


class OperatorDoor(Protocol):
    """`apom.studio.Operator`, here or over HTTP."""

    def health(self) -> Health: ...
    def users(self) -> tuple[User, ...]: ...
    def add_user(self, username: str, password: str) -> User: ...
    def reset_password(self, username: str, password: str) -> User: ...


@contextmanager
def operator(settings: Settings) -> Iterator[OperatorDoor]:
    """The operator's door: in this process, or through the server that holds the store. Raises StoreBusy, Unavailable."""
    from apom.client import OperatorClient
    from apom.studio import Studio

    try:
        studio = Studio.open(settings, engine=False)
    except StoreBusy as busy:
        run = runfile.read(settings.data_dir)
        if run is None or str(run.pid) != busy.values.get("pid"):  # left behind by one that was killed
            raise
        yield OperatorClient(run.url, run.token)
        return
    with studio:
        yield studio.operator()


def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Starts the dashboard, the REST interface and the engine in this process."""
    from apom.server.launch import serve as serve_until_stopped

    serve_until_stopped(settings)
    return 0


def health(settings: Settings, arguments: argparse.Namespace) -> int:
    """How the running server is."""
    from apom.client import OperatorClient

    run = runfile.read(settings.data_dir)
    if run is None:
        raise Unavailable("No server runs on this data folder. Start one with: python -m apom serve")
    found = OperatorClient(run.url, run.token).health()
    show(
        [found], arguments.json, lambda h: f"{'well' if h.ok else 'NOT WELL'}: {run.url}, {h.in_flight} takes in flight"
    )
    return 0 if found.ok else 1


def list_users(settings: Settings, arguments: argparse.Namespace) -> int:
    """Every account."""
    with operator(settings) as door:
        show(door.users(), arguments.json, describe)
    return 0


def add_user(settings: Settings, arguments: argparse.Namespace) -> int:
    """A new account; the password is asked for, or read from standard input."""
    password = ask_password()
    with operator(settings) as door:
        show([door.add_user(arguments.name, password)], arguments.json, describe)
    return 0


def reset_password(settings: Settings, arguments: argparse.Namespace) -> int:
    """A new password for an account; its sessions end."""
    password = ask_password()
    with operator(settings) as door:
        show([door.reset_password(arguments.name, password)], arguments.json, describe)
    return 0


def describe(user: User) -> str:
    """An account in one line."""
    return f"{user.username}  {'admin' if user.is_admin else 'user'}  {'active' if user.is_active else 'inactive'}"


def ask_password() -> str:
    """Never echoed, never an argument: both end up where others can read them."""
    return getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def show(records: Sequence[BaseModel], as_json: bool, line: Callable[[object], str] | Callable[..., str]) -> None:
    """Records for people, or for programs."""
    if as_json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2, ensure_ascii=False))
    else:
        for record in records:
            print(line(record))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(prog="apom", description="The production asset manager for AI film work.")
    root.add_argument("--version", action="version", version=__version__)
    commands = root.add_subparsers(required=True, metavar="command")
    _command(commands, "serve", serve)
    _command(commands, "health", health)
    people = commands.add_parser("user", help="accounts").add_subparsers(required=True, metavar="command")
    _command(people, "list", list_users)
    for name, act in (("add", add_user), ("reset-password", reset_password)):
        _command(people, name, act).add_argument("name", help="the user name")
    return root


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    act: Callable[[Settings, argparse.Namespace], int],
) -> argparse.ArgumentParser:
    summary = (act.__doc__ or "").splitlines()[0]
    command = commands.add_parser(name, help=summary, description=summary)
    command.add_argument("--json", action="store_true", help="answer in JSON")
    command.set_defaults(act=act)
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.act(Settings(), arguments))
    except Misconfigured as error:
        print(f"apom: {error}", file=sys.stderr)
        return 2
    except ApomError as error:
        print(f"apom: {error}", file=sys.stderr)
        return 1
