"""`apom statement`: what was spent in a month, beside what the providers' credit lost."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from apom.cli.command import Commands, Reply, command, table
from apom.cli.door import operator
from apom.config import Settings
from apom.models import BalanceChange, StatementRow
from apom.money import month_after, month_of
from apom.statement import csv_text


def add(commands: Commands) -> None:
    """Declares the command."""
    examples = "apom statement\napom statement --month 2026-11\napom statement --month 2026-11 --csv november.csv"
    parser = command(commands, "statement", show, examples)
    parser.add_argument("--month", type=month, metavar="YYYY-MM", help="which month, in UTC (this one)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows into a file for a spreadsheet, too")
    parser.add_argument("--ask", action="store_true", help="ask the providers now what credit is left")


def show(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Show what was spent in a month: by provider, project and person.

    Below it what each provider's credit lost between the first and the last reading of the month, beside what our own
    entries come to in that time: the difference was bought there by somebody else. Play prices are no money.
    """
    since = arguments.month or month_of(datetime.now(UTC))
    with operator(settings) as door:
        if arguments.ask:
            door.read_balances()
        rows = door.statement(since=since, until=month_after(since))
        changes = door.balances(since)
    lines = _spent(rows) or [f"Nothing was spent in {since:%Y-%m}."]
    if changes:
        lines += ["", *_changed(changes)]
    if arguments.csv:
        arguments.csv.write_text(csv_text(rows), "utf-8-sig", newline="")
        lines += ["", f"Written: {arguments.csv}"]
    document: JsonValue = {
        "month": f"{since:%Y-%m}",
        "rows": [row.model_dump(mode="json") for row in rows],
        "balances": [change.model_dump(mode="json") for change in changes],
    }
    return Reply(document=document, lines=lines)


def month(text: str) -> datetime:
    """The first moment of a month: argparse says what is none."""
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)


def _spent(rows: Sequence[StatementRow]) -> list[str]:
    """Names last: they may be long."""
    return table(
        [
            (
                row.provider,
                f"{row.takes} takes",
                "unpriced" if row.units is None else f"{row.units:g} {row.unit or ''}".rstrip(),
                "play" if row.is_play else "" if row.amount is None else f"{row.amount:,.2f} {row.currency}",
                row.username or "somebody who left",
                row.project_name or "a project that is gone",
            )
            for row in rows
        ]
    )


def _changed(changes: Sequence[BalanceChange]) -> list[str]:
    return table(
        [("provider", "first", "last", "fell", "bought", "our entries", "difference", "unit")]
        + [
            (
                change.provider,
                f"{change.first:g}",
                f"{change.last:g}",
                f"{change.fell:g}",
                f"{change.rose:g}",
                f"{change.entered:g}" + (f" (+{change.unpriced} unpriced)" if change.unpriced else ""),
                f"{change.difference:g}",
                change.unit or "",
            )
            for change in changes
        ]
    )
