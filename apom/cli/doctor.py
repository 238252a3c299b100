"""`apom doctor`: what an operator wants to know before people work here."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime

from apom.cli import door
from apom.cli.command import Commands, Reply, command, finding
from apom.config import Settings
from apom.doctor import examine
from apom.doctor.findings import Finding, Level
from apom.errors import ApomError, Unavailable
from apom.models import StoreInfo


def add(commands: Commands) -> None:
    """Declares the command."""
    command(commands, "doctor", doctor, "apom doctor\napom doctor --json")


def doctor(settings: Settings, _: argparse.Namespace) -> Reply:
    """Look for what is wrong, and say what to do.

    It checks this machine, the data folder and the store, and changes nothing. Exit code 1 when there is a problem; a
    warning is not one.
    """
    from apom.store import upkeep

    server = door.server(settings)
    findings = examine(
        settings,
        _store(settings, server),
        newest_schema=upkeep.newest_schema(),
        server=server.url if server else None,
        now=datetime.now(UTC),
    )
    return Reply(
        document=[finding.model_dump(mode="json") for finding in findings],
        lines=[*map(_line, findings), _summary(findings)],
        code=1 if any(finding.level is Level.PROBLEM for finding in findings) else 0,
    )


def _store(settings: Settings, server: door.Server | None) -> StoreInfo | ApomError:
    try:
        return door.store_info(settings, server)
    except ApomError as error:
        return error
    except ImportError as error:
        return Unavailable("It cannot be looked at: {reason}. Install what is in requirements.txt.", reason=error)


def _line(found: Finding) -> str:
    return finding(found.level, found.check, found.says)


def _summary(findings: tuple[Finding, ...]) -> str:
    count = Counter(finding.level for finding in findings)
    return f"ok: {count[Level.OK]}, warnings: {count[Level.WARNING]}, problems: {count[Level.PROBLEM]}"
