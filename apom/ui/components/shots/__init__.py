"""The board: a project's shots in order, each with the take that stands for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NotRequired, TypedDict

from apom.models import Box, Progress
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import N_, _, forms, language, plural

PROGRESS = {
    Progress.IN_REVIEW: N_("In review"),
    Progress.CHANGES_WANTED: N_("Changes wanted"),
    Progress.APPROVED: N_("Approved"),
}
ACTIONS = frozenset({"open", "earlier", "later"})

_HTML = """<ol class="grid" role="list"></ol>
<div class="empty" hidden></div>
<p class="sr" role="status" aria-live="polite"></p>"""
_shots = assemble("shots", _HTML)


class ShotItem(TypedDict):
    """A shot as the board shows it. `takes`, `active`, `attention`: how many; the texts say it in the reader's language."""

    id: str
    code: str
    name: str
    thumb: str | None
    placeholder: str | None
    takes: int
    active: int
    attention: int
    status_text: str
    unread: NotRequired[int]
    progress: NotRequired[str]


def shot_item(box: Box) -> ShotItem:
    """A shot for the board."""
    return ShotItem(
        id=str(box.id),
        code=box.code,
        name=box.name,
        thumb=box.cover_url,
        placeholder=box.cover_placeholder,
        takes=box.assets_count,
        active=box.active_count,
        attention=box.attention_count,
        status_text=" · ".join(_status(box)),
        unread=box.unread_count,
        progress=box.progress.value,
    )


def _status(box: Box) -> list[str]:
    takes = plural("{n} take", "{n} takes", box.assets_count) if box.assets_count else _("No takes yet")
    length = [_("{s} s", s=f"{box.length_s:.1f}")] if box.length_s else []
    whose = [box.assignee_name] if box.assignee_name else []
    return [takes, *length, *([_(PROGRESS[box.progress])] if box.progress in PROGRESS else []), *whose]


def shots(
    items: Sequence[ShotItem],
    *,
    key: str,
    on_action: OnAction,
    allow: Collection[str] = ACTIONS,
    empty: tuple[str, str] | None = None,
) -> None:
    """The board. Buttons and Alt+arrow keys move a shot one place: each move is one "earlier" or "later" action.

    `allow`: what this reader may do of ACTIONS; `empty`: title and hint for no items.
    """
    title, hint = empty or (_("No shots yet"), _("Paste your script or a list: every line becomes a shot."))
    labels = {
        "list": _("Shots, in order"),
        "earlier": _("Move earlier (Alt+←)"),
        "later": _("Move later (Alt+→)"),
        "moved": _("Shot {code} is now {place} of {count}"),
        "active": _("in flight"),
        "attention": _("Needs you"),
        "language": language.get(),
        "unread": forms("{n} unread", "{n} unread"),
        "empty": title,
        "hint": hint,
    }
    mount(_shots, key=key, data={"items": list(items), "labels": labels}, allow=allow, on_action=on_action)
