"""`apom export`: documents and tables of a project."""

from __future__ import annotations

import argparse
from pathlib import Path

from apom.cli.command import Commands, Reply, command, group
from apom.cli.door import person
from apom.cli.importing import find_project
from apom.config import Settings
from apom.models import Exported
from apom.words import size


def add(commands: Commands) -> None:
    """Declares the commands."""
    exports = group(commands, "export", "Write documents and tables of a project.", "apom export docx Film film.docx")
    document = command(
        exports, "docx", docx, "apom export docx Film film.docx\napom export docx Film film.docx --seeds"
    )
    for name, what in (("cost", "what it cost"), ("seeds", "the seeds"), ("comments", "what clients said")):
        document.add_argument(f"--{name}", action="store_true", help=f"show {what}")
    table = command(exports, "csv", csv, "apom export csv Film shots.csv\napom export csv Film takes.csv --takes")
    table.add_argument("--takes", action="store_true", help="every take, and not a row for each shot")
    for parser in (document, table):
        parser.add_argument("project", help="its name, or its id")
        parser.add_argument("file", type=Path, metavar="FILE", help="where to")
        parser.add_argument("--user", metavar="NAME", help="who may see it (the first admin)")


def docx(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Write the shots as a Word document: picture, prompt and model of the take that was picked for each."""
    asked = {name: getattr(arguments, name) for name in ("cost", "seeds", "comments")}
    with person(settings, arguments.user) as ws:
        return _written(ws.export_docx(find_project(ws, arguments.project), arguments.file, **asked))


def csv(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Write the shots, or the takes, as a table for spreadsheets."""
    with person(settings, arguments.user) as ws:
        found = find_project(ws, arguments.project)
        return _written(ws.export_csv(found, arguments.file, takes=arguments.takes))


def _written(found: Exported) -> Reply:
    lines = [*found.remarks, f"Written: {found.path} ({size(found.bytes)})"]
    return Reply(document=found.model_dump(mode="json"), lines=lines)
