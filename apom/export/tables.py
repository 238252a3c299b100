"""Shots and takes as CSV for spreadsheets: UTF-8 with a byte order mark, every text shown as it is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apom.statement import defused

SHOTS = (
    "code",
    "name",
    "section",
    "line",
    "notes",
    "duration_s",
    "progress",
    "takes",
    "headliner",
    "model",
    "seed",
    "prompt",
)
TAKES = (
    "shot", "take", "number", "type", "source", "status", "favourite", "headliner", "rating", "model", "seed", "prompt",
    "width", "height", "duration_s", "bytes", "sha256", "cost", "unit", "made_by", "made_at", "owner", "licence", "note",
)  # fmt: skip


def write(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """The table at `path`. Raises OSError."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows([_cell(row.get(name)) for name in header] for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return defused(str(value))
