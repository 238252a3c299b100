"""Who may take what out of the house. What is missing is said, and the rest goes out nevertheless."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apom.errors import ApomError
from apom.export import document, tables
from apom.export.sheet import PROGRESS, Choice, Sheet, Shot
from apom.models import Actor, Box, BoxKind, Exported, Project, Role
from apom.money import Money
from apom.projects import need
from apom.store import Store, boxes, exporting, projects
from apom.words import N_, _, language

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

NO_HEADLINER = N_("No take has been picked for this shot.")
PURGED = N_("The picture was cleaned away; its recipe is left.")
NO_FILE = N_("The picture cannot be found.")


class Exports:
    """Documents and tables of one project, for everybody who may look at it."""

    def __init__(self, store: Store, storage: LocalStorage, money: Money, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._money = money
        self._clock = clock

    def docx(self, actor: Actor, project_id: UUID, path: Path, choice: Choice) -> Exported:
        """The shots as a document. Raises NotFound, OSError."""
        token = language.set(actor.language)
        try:
            sheet = self._sheet(actor, project_id, choice)
            document.write(sheet, path)
            return Exported(path=path, bytes=path.stat().st_size, remarks=sheet.remarks)
        finally:
            language.reset(token)

    def csv(self, actor: Actor, project_id: UUID, path: Path, *, takes: bool) -> Exported:
        """The shots as a table, or the takes. Raises NotFound, OSError."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            shots = boxes.of_project(tx, actor.user_id, project_id)
            found = exporting.takes(tx, project_id)
        by_id, box_of = {take["id"]: take for take in found}, {box.id: box for box in shots}
        if takes:
            order = {box.id: place for place, box in enumerate(shots)}
            known = sorted((take for take in found if take["box_id"] in order), key=lambda take: order[take["box_id"]])
            tables.write(path, tables.TAKES, [_take(take, box_of[take["box_id"]]) for take in known])
        else:
            tables.write(path, tables.SHOTS, [_shot(box, by_id) for box in shots if box.kind is BoxKind.SHOT])
        return Exported(path=path, bytes=path.stat().st_size)

    def _sheet(self, actor: Actor, project_id: UUID, choice: Choice) -> Sheet:
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.VIEWER)
            project = projects.get(tx, actor.user_id, project_id)
            assert project is not None, "its role was read in this snapshot"
            shots = boxes.of_project(tx, actor.user_id, project_id, BoxKind.SHOT)
            found = exporting.headliners(tx, project_id, [b.headliner_asset_id for b in shots if b.headliner_asset_id])
            said = exporting.said_to_clients(tx, project_id) if choice.comments else {}
        rows = [self._row(box, found, said) for box in shots]
        spent = self._spent(actor, project) if choice.cost else ""
        return Sheet(project=project, shots=rows, made_at=self._clock(), choice=choice, spent=spent)

    def _spent(self, actor: Actor, project: Project) -> str:
        spending = self._money.spending(actor, project.id)
        if spending.spent is None:
            return _("what was spent is not known: an exchange rate is missing")
        return _("{amount} spent", amount=f"{spending.spent:,.2f} {spending.currency}")

    def _row(self, box: Box, found: Mapping[UUID, dict[str, Any]], said: Mapping[UUID, Any]) -> Shot:
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
        thumb, remark = self._thumb(take)
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

    def _thumb(self, take: Mapping[str, Any]) -> tuple[Path | None, str]:
        """A purged take has kept its small picture, where it had one."""
        try:
            return self._storage.path(take["thumb_key"] or ""), _(PURGED) if take["purged_at"] else ""
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
