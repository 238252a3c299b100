"""`apom generate`: one take of a model, to try it, or from a script."""

from __future__ import annotations

import argparse
import json
import time

from pydantic import JsonValue

from apom.cli.command import Commands, Reply, command
from apom.cli.door import OperatorDoor, operator, working_operator
from apom.config import Settings
from apom.errors import Invalid, Unavailable
from apom.models import OPEN_STATUSES, Json, Status, Trial
from apom.studio import TRIALS

LOOK_EVERY_S = 0.5


def add(commands: Commands) -> None:
    """Declares the command."""
    examples = """
        apom generate sandbox/sandbox-image "harbour at dawn"
        apom generate sandbox/sandbox-image "a boat" --param seed=7 --json
        apom generate sandbox/sandbox-video "slow pan" --from TAKE
        apom generate kie/nano-banana-pro "harbour at dawn" --dry-run
        """
    parser = command(commands, "generate", generate, examples)
    parser.add_argument("model", help="as `apom models` calls it")
    parser.add_argument("prompt", help="what is to be seen")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the model")
    parser.add_argument(
        "--from", dest="source", metavar="TAKE", help="the id of a take of the same project to start from"
    )
    parser.add_argument("--project", default=TRIALS, metavar="NAME", help=f"where it goes to ({TRIALS})")
    parser.add_argument("--no-style", action="store_true", help="send the prompt without the style of its project")
    parser.add_argument("--user", metavar="NAME", help="whose take it is (the first admin's)")
    parser.add_argument(
        "--dry-run", action="store_true", help="show the very request, its key masked, and send nothing"
    )
    parser.add_argument("--timeout", type=float, default=1800, metavar="SECONDS", help="how long to wait (1800)")


def generate(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Generate one take, wait for it, and print where its file is. It costs what a take costs.

    It works while the server runs, and without it. Stopped by Ctrl+C it goes on where the server runs, else at the next
    start.
    """
    params = dict(map(_param, arguments.param))
    if arguments.dry_run:
        return _dry(settings, arguments, params)
    with working_operator(settings) as door:
        take = door.try_model(
            arguments.model,
            arguments.prompt,
            username=arguments.user,
            project=arguments.project,
            params=params,
            source=arguments.source,
            with_style=not arguments.no_style,
        )
        found = _awaited(door, str(take.id), arguments.user, arguments.timeout)
    if found.take.status is not Status.COMPLETED:
        raise Unavailable("The take is {status}. {why}", status=found.take.status, why=found.take.error_message or "")
    return Reply(document=found.model_dump(mode="json"), lines=[str(found.path)])


def _dry(settings: Settings, arguments: argparse.Namespace, params: Json) -> Reply:
    with operator(settings) as door:
        request = door.dry_run(arguments.model, arguments.prompt, params)
    return Reply(document=request, lines=json.dumps(request, indent=2, ensure_ascii=False).splitlines())


def _awaited(door: OperatorDoor, take_id: str, username: str | None, timeout_s: float) -> Trial:
    until = time.monotonic() + timeout_s
    while True:
        found = door.trial(take_id, username=username)
        if found.take.status not in OPEN_STATUSES:
            return found
        if time.monotonic() > until:
            raise Unavailable("The take {id} is still on its way, and goes on by itself.", id=take_id)
        time.sleep(LOOK_EVERY_S)


def _param(text: str) -> tuple[str, JsonValue]:
    """`name=value`; what is JSON is taken as that, everything else as text. Raises Invalid."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Invalid("A parameter looks like name=value, not {text}.", field="param", text=text)
    try:
        found: JsonValue = json.loads(value)
    except ValueError:
        found = value
    return name, found
