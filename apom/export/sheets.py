"""The shots of a project, or single takes of it, as documents and contact sheets show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from apom.errors import ApomError
from apom.export.room import Room
from apom.export.sheet import Choice, Said, Sheet, Shot
from apom.models import Box, BoxKind, Opinion, Project, Which
from apom.store import boxes, exporting
from apom.words import N_, _

NO_HEADLINER = N_("No take has been picked for this shot.")
PURGED = N_("The picture was cleaned away; its recipe is left.")
NO_FILE = N_("The picture cannot be found.")


def sheet(room: Room, choice: Choice | None = None, *, which: Which = "headliners") -> Sheet:
    """The project's headliners shot by shot, or its favourites, or all that is there. Raises NotFound."""
    choice = choice or Choice()
    project = room.project()
    with room.store.read() as tx:
        shots = boxes.of_project(
            tx, room.actor.user_id, room.project_id, BoxKind.SHOT if which == "headliners" else None
        )
        if which == "headliners":
            ids = [box.headliner_asset_id for box in shots if box.headliner_asset_id]
            found = list(exporting.headliners(tx, room.project_id, ids).values())
        else:
            found = exporting.takes(tx, room.project_id)
        heard = exporting.said_to_clients(tx, room.project_id) if choice.comments else {}
        judged = exporting.last_words(tx, room.project_id) if choice.verdicts else []
    said = _said(judged)
    rows = [
        _row(room, box, take, heard.get(box.id, ()), said.get(box.id, ())) for box, take in _pairs(shots, found, which)
    ]
    spent = _spent(room, project) if choice.cost else ""
    return Sheet(project=project, shots=rows, made_at=room.now, choice=choice, spent=spent)


def _pairs(
    shots: Sequence[Box], takes: Sequence[Mapping[str, Any]], which: Which
) -> list[tuple[Box, Mapping[str, Any] | None]]:
    """What is shown, in order: each shot once with its headliner, or each take that is wanted."""
    if which == "headliners":
        by_id = {take["id"]: take for take in takes}
        return [(box, by_id.get(box.headliner_asset_id) if box.headliner_asset_id else None) for box in shots]
    of_box = defaultdict[UUID, list[Mapping[str, Any]]](list)
    for take in takes:
        if take["status"] == "COMPLETED" and (which == "all" or take["is_favorite"]):
            of_box[take["box_id"]].append(take)
    return [(box, take) for box in shots for take in of_box[box.id]]


def _row(
    room: Room, box: Box, take: Mapping[str, Any] | None, comments: Sequence[tuple[str, str]], verdicts: Sequence[Said]
) -> Shot:
    known: dict[str, Any] = {
        **box.model_dump(include={"code", "name", "line", "notes"}),
        "progress": box.progress,
        "comments": comments,
        "verdicts": verdicts,
    }
    if take is None:
        return Shot(**known, prompt=box.prompt_text, duration_s=box.duration_s, remark=_(NO_HEADLINER))
    thumb, remark = thumb_of(room, take)
    return Shot(
        **known,
        prompt=take["prompt_text"],
        model=take["ai_model"],
        seed=take["seed"],
        duration_s=box.duration_s if box.clip_s is None else box.length_s,
        cost=take["cost"],
        unit=take["cost_unit"] or "",
        take=take["number"],
        is_favorite=take["is_favorite"],
        thumb=thumb,
        remark=remark,
    )


def thumb_of(room: Room, take: Mapping[str, Any]) -> tuple[Path | None, str]:
    """Its small picture and what is to be said about it. A purged take has kept its own, where it had one."""
    try:
        return room.storage.path(take["thumb_key"] or ""), _(PURGED) if take["purged_at"] else ""
    except ApomError:
        return None, _(PURGED) if take["purged_at"] else _(NO_FILE)


def _said(rows: Sequence[Mapping[str, Any]]) -> dict[UUID, list[Said]]:
    found = defaultdict[UUID, list[Said]](list)
    for row in rows:
        opinion = Opinion(row["verdict"])
        found[row["box_id"]].append(
            Said(name=row["name"], opinion=opinion, round=row["round"], take=row["take"], at=row["created_at"])
        )
    return found


def _spent(room: Room, project: Project) -> str:
    spending = room.money.spending(room.actor, project.id)
    if spending.spent is None:
        return _("what was spent is not known: an exchange rate is missing")
    return _("{amount} spent", amount=f"{spending.spent:,.2f} {spending.currency}")
