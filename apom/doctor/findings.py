"""What a check says."""

from __future__ import annotations

from enum import StrEnum

from apom.models import Record


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and should not stay so
    PROBLEM = "problem"  # people will run into it


class Finding(Record):
    """What one check found, in a sentence that says what to do."""

    check: str
    level: Level
    says: str


def ok(check: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, level=Level.OK, says=says)


def warning(check: str, says: str) -> Finding:
    """Something to do."""
    return Finding(check=check, level=Level.WARNING, says=says)


def problem(check: str, says: str) -> Finding:
    """Something to do now."""
    return Finding(check=check, level=Level.PROBLEM, says=says)
