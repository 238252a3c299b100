"""`apom export`: everything that a project can leave as."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from apom.cli.command import Commands, Reply, command, group
from apom.cli.door import person
from apom.cli.importing import find_project
from apom.config import Settings
from apom.export.formats import FORMATS
from apom.words import size


def add(commands: Commands) -> None:
    """Declares a command for each format, with what one may choose in it."""
    exports = group(
        commands, "export", "Write a project as a document, a table or files.", "apom export docx Film film.docx"
    )
    for name, format in FORMATS.items():
        act = partial(write, name)
        act.__doc__ = f"{format.title}. {format.about}"  # what the help says
        parser = command(exports, name, act, f"apom export {name} Film film.{format.ext}")
        parser.add_argument("project", help="its name, or its id")
        parser.add_argument("file", type=Path, metavar="FILE", help="where to")
        parser.add_argument("--user", metavar="NAME", help="who may see it (the first admin)")
        for choice, field in format.choice.model_fields.items():
            parser.add_argument(f"--{choice.replace('_', '-')}", dest=f"choice_{choice}", **_option(field))


def write(name: str, settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Write a project in the format of that name."""
    asked = {key.removeprefix("choice_"): it for key, it in vars(arguments).items() if key.startswith("choice_")}
    with person(settings, arguments.user) as ws:
        found = ws.export(find_project(ws, arguments.project), name, arguments.file, **asked)
    lines = [*found.remarks, f"Written: {found.path} ({size(found.bytes)})"]
    return Reply(document=found.model_dump(mode="json"), lines=lines)


def _option(field: FieldInfo) -> Mapping[str, Any]:
    """How a choice is declared for the command line. What is left out is left to the format."""
    kind, default = field.annotation, field.default
    said = {"help": str(field.description), "default": argparse.SUPPRESS}
    if kind is bool:
        return {**said, "action": argparse.BooleanOptionalAction if default else "store_true"}
    if get_origin(kind) is Literal:
        return {**said, "choices": get_args(kind), "help": f"{field.description} ({default})"}
    plain = next((one for one in get_args(kind) if one is not type(None)), kind)
    return {**said, "type": plain, "metavar": getattr(plain, "__name__", "TEXT").upper()}
