"""The cut of a project over the whole window: the headliners in order, as behind a review link, for its own people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from apom.models import Box, Project, Take
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.ui.components.player import PLAYER, WATCH, player_labels
from apom.words import _, clock, forms, language, plural

ACTIONS = frozenset({"open", "close"})
SHOWN = {"id", "asset_type", "thumbnail_url", "placeholder", "width", "height", "duration_s"}

_HTML = f"""<dialog class="cut"><div class="top"></div>
{WATCH}
<p class="none" hidden></p></dialog>"""
_cut = assemble("cut", _HTML, parts=PLAYER)


def cut(
    project: Project,
    boxes: Sequence[Box],
    takes: Mapping[UUID, Take],
    *,
    key: str,
    on_action: OnAction,
) -> None:
    """Opens at once and plays. `takes`: the shots' headliners and the soundtrack, by their ids.

    `on_action` hears `close`, and `open` with the shot that is looked at.
    """
    room = {
        "project_id": str(project.id),
        "project_name": project.name,
        "fps": project.fps,
        "shots": [_shot(box, _seen(box.headliner_asset_id, takes)) for box in boxes],
        "soundtrack": _seen(project.soundtrack_asset_id, takes),
        "facts": _facts(project, boxes),
    }
    mount(_cut, key=key, data={"room": room, "labels": _labels()}, allow=ACTIONS, on_action=on_action)


def _labels() -> dict[str, object]:
    return {
        **player_labels(),
        "language": language.get(),
        "film": _("The cut"),
        "noTake": _("This shot has no headliner yet."),
        "open": _("Open this shot (O)"),
        "close": _("Close (Esc)"),
        "without": forms("{n} has no headliner: {codes}", "{n} have no headliner: {codes}"),
        "nothing": _("No shot has a headliner yet. Pick one in each shot (H), and the cut plays here."),
        "noShots": _("There are no shots yet. Add some on the board, and pick a headliner in each."),
    }


def _facts(project: Project, boxes: Sequence[Box]) -> str:
    if not boxes:
        return ""
    length = clock(sum(box.length_s or 0 for box in boxes if box.headliner_asset_id))
    return " · ".join([plural("{n} shot", "{n} shots", project.boxes_count), length])


def _shot(box: Box, take: Mapping[str, object] | None) -> dict[str, object]:
    said = box.model_dump(mode="json", include={"code", "name", "in_s", "out_s", "duration_s"})
    return {"box_id": str(box.id), **said, "take": take}


def _seen(id: UUID | None, takes: Mapping[UUID, Take]) -> dict[str, object] | None:
    """A take that can be shown, in the words of a round's (apom.models.ReviewTake)."""
    take = takes.get(id) if id else None
    if take is None or take.shown_url is None or take.missing_at is not None:
        return None
    return {**take.model_dump(mode="json", include=SHOWN), "file_url": take.shown_url}
