"""What every command is made of: how it is declared, what it answers, how people see a table."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import JsonValue

from apom.config import Settings

WIDTH = 80  # columns
INDENT = 20  # columns before the sentence of a finding: its level and its name


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a command answers: `document` for programs, `lines` for people; `code` is the exit code."""

    document: JsonValue
    lines: Sequence[str]
    code: int = 0


Act: TypeAlias = Callable[[Settings, argparse.Namespace], Reply | None]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_data_dir(parser: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    """`--data-dir`, which may stand before a command or after it: suppressed, it does not undo what stood before."""
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", default=default, help="where everything lies (APOM_DATA_DIR; data)"
    )


def group(commands: Commands, name: str, summary: str, examples: str) -> Commands:
    """A noun with commands of its own."""
    return _parser(commands, name, summary, examples).add_subparsers(required=True, metavar="COMMAND", title="commands")


def command(commands: Commands, name: str, act: Act, examples: str, *, answers: bool = True) -> argparse.ArgumentParser:
    """A command; its help is what `act` says of itself. `answers`: it has something to say, in JSON too."""
    parser = _parser(commands, name, act.__doc__ or "", examples)
    add_data_dir(parser)
    if answers:
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")
    parser.set_defaults(act=act)
    return parser


def _parser(commands: Commands, name: str, text: str, examples: str) -> argparse.ArgumentParser:
    text = textwrap.dedent(text).strip()
    paragraphs = [textwrap.fill(" ".join(part.split()), WIDTH - 2) for part in text.split("\n\n")]
    return commands.add_parser(
        name,
        help=paragraphs[0].replace("\n", " "),
        description="\n\n".join(paragraphs),
        epilog="examples:\n" + textwrap.indent(textwrap.dedent(examples).strip(), "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns. The last column is as long as it is: put what varies most there."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([*map(str.ljust, row[:-1], widths), row[-1]]) for row in rows]


def finding(level: str, name: str, says: str) -> str:
    """What was looked at, how it is, and a sentence below one another."""
    return textwrap.fill(
        says,
        WIDTH,
        initial_indent=f"{level:<8} {name:<10} ",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
