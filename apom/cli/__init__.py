"""`python -m apom`, `apom`: serve, and what an operator does. Each command also works while the server holds the store.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or unsafe settings, 130 stopped by Ctrl+C. Why is a sentence on
standard error. With `--json` standard output is one JSON document, whatever happens: the answer, or a problem with its
`code` and `detail`, as REST gives it. (Wrong usage is noticed before `--json` is.)
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from pydantic import JsonValue, ValidationError

from apom import __version__
from apom.cli import (
    backup,
    config,
    database,
    doctor,
    exporting,
    generating,
    importing,
    media,
    people,
    providers,
    retention,
    serving,
    shots,
    soundtrack,
    statement,
    tokens,
)
from apom.cli.command import Reply, add_data_dir
from apom.config import Settings
from apom.errors import ApomError, Invalid, Misconfigured, Unavailable

NOUNS = (
    serving, providers, generating, importing, shots, soundtrack, exporting, media, retention, people, tokens, config, statement,
    database, backup, doctor
)  # fmt: skip
ABOUT = "The production asset manager for people who make films, ads and clips with AI."
EXAMPLES = """examples:
  apom serve                    the dashboard on http://127.0.0.1:8501
  apom user add alice           an account
  apom providers setup kie      a key, kept and tried
  apom import DIR --project X   a folder of takes made elsewhere
  apom export docx X film.docx  the shots as a document
  apom doctor                   is everything in order?
  apom db info --json           for programs
  apom user add --help          more about one command

Commands also work while the server runs. Exit codes: 0 done, 1 refused or
failed, 2 wrong usage or unsafe settings, 130 stopped by Ctrl+C."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    root = argparse.ArgumentParser(
        prog="apom", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--version", action="version", version=f"apom {__version__}")
    add_data_dir(root, default=None)
    commands = root.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for noun in NOUNS:
        noun.add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _unheard(error)


def _unheard(error: OSError) -> int:
    """Standard output takes no more: whoever read it has read enough, which is no fault, or its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer must not fail at exit
    if not isinstance(error, BrokenPipeError):
        print(f"apom: The answer could not be written: {error.strerror}.", file=sys.stderr)
    return 1


def _run(argv: Sequence[str]) -> int:
    root = parser()
    if any("\0" in word or not _is_text(word) for word in argv):
        root.error("an argument is not text in UTF-8")
    arguments = root.parse_args(argv)
    as_json = getattr(arguments, "json", False)
    try:
        reply: Reply | None = arguments.act(settings(arguments), arguments)
    except ApomError as error:
        return _refused(error, as_json)
    except ModuleNotFoundError as error:
        return _refused(not_installed(error), as_json)
    except OSError as error:  # from the places nobody foresaw: still a sentence
        place = f"{error.filename}: " if error.filename else ""
        return _refused(Unavailable("{place}{reason}", place=place, reason=error.strerror or error), as_json)
    if reply is None:
        return 0
    print(_document(reply.document) if as_json else "\n".join(map(printable, reply.lines)), flush=True)
    return reply.code


def settings(arguments: argparse.Namespace) -> Settings:
    """From the command line, else from the environment. Raises Misconfigured."""
    names = ("data_dir", "host", "port")
    chosen = {name: value for name in names if (value := getattr(arguments, name, None)) is not None}
    try:
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "APOM_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Misconfigured("{name} cannot be used: {reason}.", name=name, reason=first["msg"]) from None


def not_installed(error: ModuleNotFoundError) -> Unavailable:
    """The sentence for a package that is missing; raises the error itself when the module is our own."""
    if error.name is None or error.name.startswith("apom"):
        raise error
    return Unavailable("The package {name} is missing. Install what is in requirements.txt.", name=error.name)


def printable(text: str) -> str:
    """Without what a terminal would obey: names and messages come from anywhere."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def _is_text(word: str) -> bool:
    """Bytes of the command line that are no UTF-8 come as surrogates."""
    return not any("\ud800" <= c <= "\udfff" for c in word)


def _refused(error: ApomError, as_json: bool) -> int:
    if as_json:
        field = {"field": error.field} if isinstance(error, Invalid) and error.field else {}
        print(_document({"type": "about:blank", "code": error.code, "detail": str(error), **field}), flush=True)
    print(printable(f"apom: {error}"), file=sys.stderr)
    return 2 if isinstance(error, Misconfigured) else 1


def _document(document: JsonValue) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
