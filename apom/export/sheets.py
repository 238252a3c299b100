"""The shots of a project as documents and tables. What is missing is said, and the rest goes out nevertheless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import Field

from apom.errors import ApomError
from apom.export import document, tables
from apom.export.room import Progress, Room
from apom.export.sheet import PROGRESS, Choice, Sheet, Shot
from apom.models import Box, BoxKind, Project, Record
from apom.store import boxes, exporting
from apom.words import N_, _

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

NO_HEADLINER = N_("No take has been picked for this shot.")
PURGED = N_("The picture was cleaned away; its recipe is left.")
NO_FILE = N_("The picture cannot be found.")


class TableChoice(Record):
    """What a table has rows of."""

    takes: bool = Field(False, description=N_("every take, and not a row for each shot"))


def docx(room: Room, choice: Choice, path: Path, progress: Progress) -> Sequence[str]:
    """The shots as a document. Raises OSError."""
    made = sheet(room, choice)
    document.write(made, path)
    return made.remarks


def csv(room: Room, choice: TableChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The shots as a table, or the takes. Raises OSError."""
    with room.store.read() as tx:
        shots = boxes.of_project(tx, room.actor.user_id, room.project_id)
        found = exporting.takes(tx, room.project_id)
    by_id, box_of = {take["id"]: take for take in found}, {box.id: box for box in shots}
    if choice.takes:
        order = {box.id: place for place, box in enumerate(shots)}
        known = sorted((take for take in found if take["box_id"] in order), key=lambda take: order[take["box_id"]])
        tables.write(path, tables.TAKES, [_take(take, box_of[take["box_id"]]) for take in known])
    else:
        tables.write(path, tables.SHOTS, [_shot(box, by_id) for box in shots if box.kind is BoxKind.SHOT])
    return ()


def sheet(room: Room, choice: Choice) -> Sheet:
    """The project as documents show it."""
    project = room.project()
    with room.store.read() as tx:
        shots = boxes.of_project(tx, room.actor.user_id, room.project_id, BoxKind.SHOT)
        found = exporting.headliners(tx, room.project_id, [b.headliner_asset_id for b in shots if b.headliner_asset_id])
        said = exporting.said_to_clients(tx, room.project_id) if choice.comments else {}
    rows = [_row(room.storage, box, found, said) for box in shots]
    spent = _spent(room, project) if choice.cost else ""
    return Sheet(project=project, shots=rows, made_at=room.now, choice=choice, spent=spent)


def _spent(room: Room, project: Project) -> str:
    spending = room.money.spending(room.actor, project.id)
    if spending.spent is None:
        return _("what was spent is not known: an exchange rate is missing")
    return _("{amount} spent", amount=f"{spending.spent:,.2f} {spending.currency}")


def _row(storage: LocalStorage, box: Box, found: Mapping[UUID, dict[str, Any]], said: Mapping[UUID, Any]) -> Shot:
    take = found.get(box.headliner_asset_id) if box.headliner_asset_id else None
    known = {
        "code": box.code,
        "name": box.name,
        "line": box.line,
        "progress": box.progress,
        "comments": said.get(box.id, ()),
    }
    if take is None:
        return Shot(**known, prompt=box.prompt_text, duration_s=box.duration_s, remark=_(NO_HEADLINER))
    thumb, remark = _thumb(storage, take)
    return Shot(
        **known,
        prompt=take["prompt_text"],
        model=take["ai_model"],
        seed=take["seed"],
        duration_s=box.duration_s or take["duration_s"],
        cost=take["cost"],
        unit=take["cost_unit"] or "",
        thumb=thumb,
        remark=remark,
    )


def _thumb(storage: LocalStorage, take: Mapping[str, Any]) -> tuple[Path | None, str]:
    """A purged take has kept its small picture, where it had one."""
    try:
        return storage.path(take["thumb_key"] or ""), _(PURGED) if take["purged_at"] else ""
    except ApomError:
        return None, _(PURGED) if take["purged_at"] else _(NO_FILE)


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
        "made_at": f"{take['created_at']:%Y-%m-%d %H:%M:%S}",
        **{name: rights.get(name) for name in ("owner", "licence", "note")},
    }
