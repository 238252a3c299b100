"""`apom shots`: shots from a table."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from apom.cli.command import Commands, Reply, command, group, table
from apom.cli.door import person
from apom.cli.importing import find_project
from apom.config import Settings
from apom.models import ShotTable

OUTCOMES = {  # for people
    "new": "new",
    "changed": "changed",
    "same": "nothing to change",
    "here": "here already, left alone",
    "refused": "cannot be used",
}


def add(commands: Commands) -> None:
    """Declares the command."""
    shots = group(
        commands, "shots", "Bring in shots from a table.", "apom shots import shots.xlsx --project Lighthouse"
    )
    examples = """
        apom shots import shots.xlsx --project Lighthouse --dry-run
        apom shots import shots.csv --project Lighthouse
        apom shots import shots.csv --project Lighthouse --update
        apom shots import shots.csv --project Lighthouse --leave-out assignee
        """
    parser = command(shots, "import", bring_in, examples)
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV or XLSX")
    parser.add_argument("--project", required=True, metavar="NAME", help="its name, or its id")
    parser.add_argument("--update", action="store_true", help="change shots that are here already")
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="FIELD", help="a field that is not read, such as assignee"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what it would do, and store nothing")
    parser.add_argument("--user", metavar="NAME", help="who brings them (the first admin)")


def bring_in(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Make shots from a CSV or Excel file, all of them or none.

    Columns are known by their headings, in English or Russian: code, name, section, prompt, line, notes, kind, duration, in,
    out, assignee. What apom exports as a table comes in again. Shots whose code is here already stay as they are unless
    --update says to change what their cells say; empty cells change nothing.
    """
    options = {"update": arguments.update, "leave_out": arguments.leave_out}
    with person(settings, arguments.user) as ws:
        project = find_project(ws, arguments.project)
        plan = ws.plan_shots(project, arguments.file, **options)
        if not arguments.dry_run:
            ws.import_shots(project, arguments.file, **options)
    return Reply(document=plan.model_dump(mode="json"), lines=_lines(plan), code=1 if plan.of("refused") else 0)


def _lines(plan: ShotTable) -> list[str]:
    rows = [(str(row.row), row.code, row.outcome, " ".join((row.name, *row.problems))) for row in plan.rows]
    counts = Counter[str](row.outcome for row in plan.rows)
    summary = ", ".join(f"{counts[outcome]} {words}" for outcome, words in OUTCOMES.items() if counts[outcome])
    unread = [f"Not read: {', '.join(plan.unread)}"] if plan.unread else []
    return [*table([("ROW", "CODE", "OUTCOME", "SHOT"), *rows]), *unread, summary]
