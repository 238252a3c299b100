"""Shots, takes and costs as tables; as CSV for spreadsheets: UTF-8 with a byte order mark, every text shown as it is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import Field

from apom.export.room import Progress, Room
from apom.export.sheet import PROGRESS
from apom.models import Box, BoxKind, Record, TableName
from apom.statement import defused
from apom.store import boxes, exporting
from apom.words import N_

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
COSTS = "month provider model person takes units unit play amount currency unpriced".split()
WORDS = (N_("shots"), N_("takes"), N_("costs"))  # as they are shown


class CsvChoice(Record):
    """Which table."""

    table: TableName = Field("shots", description=N_("which table"))


@dataclass(frozen=True, kw_only=True)
class Tables:
    """A project in rows: SHOTS, TAKES, COSTS. `files`: the stored takes by their ids."""

    shots: Sequence[Mapping[str, Any]]
    takes: Sequence[Mapping[str, Any]]
    costs: Sequence[Mapping[str, Any]]
    files: Mapping[UUID, Mapping[str, Any]]


def export(room: Room, choice: CsvChoice, path: Path, progress: Progress) -> Sequence[str]:
    """A table of the project at `path`. Raises NotFound, OSError."""
    found = read(room)
    header, rows = {
        "shots": (SHOTS, found.shots),
        "takes": (TAKES, found.takes),
        "costs": (COSTS, found.costs),
    }[choice.table]
    write(path, header, rows)
    progress(1)
    return ()


def read(room: Room) -> Tables:
    """The project's shots, takes and costs. Raises NotFound."""
    with room.store.read() as tx:
        shots = boxes.of_project(tx, room.actor.user_id, room.project_id)
        found = exporting.takes(tx, room.project_id)
        costs = exporting.costs(tx, room.project_id)
    by_id, box_of = {take["id"]: take for take in found}, {box.id: box for box in shots}
    order = {box.id: place for place, box in enumerate(shots)}
    known = sorted((take for take in found if take["box_id"] in order), key=lambda take: order[take["box_id"]])
    return Tables(
        shots=[_shot(box, by_id) for box in shots if box.kind is BoxKind.SHOT],
        takes=[_take(take, box_of[take["box_id"]]) for take in known],
        costs=[{**cost, "play": cost["is_play"]} for cost in costs],
        files=by_id,
    )


def _shot(box: Box, by_id: Mapping[UUID, dict[str, Any]]) -> dict[str, Any]:
    take = by_id.get(box.headliner_asset_id, {}) if box.headliner_asset_id else {}
    return {
        **box.model_dump(include={"code", "name", "section", "line", "notes", "duration_s"}),
        "progress": PROGRESS[box.progress],
        "takes": box.assets_count,
        "headliner": box.headliner_asset_id,
        "model": take.get("ai_model"),
        "seed": take.get("seed"),
        "prompt": take.get("prompt_text") or box.prompt_text,
    }


def _take(take: dict[str, Any], box: Box) -> dict[str, Any]:
    rights = take["rights"] or {}
    return {
        **take,
        "shot": box.code,
        "take": take["id"],
        "type": take["asset_type"],
        "source": take["source_type"],
        "favourite": take["is_favorite"],
        "headliner": take["id"] == box.headliner_asset_id,
        "model": take["ai_model"],
        "prompt": take["prompt_text"],
        "unit": take["cost_unit"],
        "made_at": take["created_at"],
        **{name: rights.get(name) for name in ("owner", "licence", "note")},
    }


def write(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """The table at `path`. Raises OSError."""
    with path.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows([cell(row.get(name), name) for name in header] for row in rows)


def cell(value: object, name: str = "") -> str:
    """A value as it stands in a table: numbers with a point, moments in UTC, texts that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m}" if name == "month" else f"{value:%Y-%m-%d %H:%M:%S}"
    return defused(str(value))
