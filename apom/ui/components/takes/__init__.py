"""The takes of a box: a grid to look through, mark and open, by mouse, touch and keyboard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Literal, TypedDict
from uuid import UUID

from apom.models import OPEN_STATUSES, Status, Take
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import N_, _

ACTIONS = frozenset({"open", "favorite", "headliner", "cancel"})
STATUS_WORDS = {
    Status.PENDING: N_("Waiting"),
    Status.PROCESSING: N_("Working"),
    Status.COMPLETED: N_("Ready"),
    Status.FAILED: N_("Failed"),
    Status.CANCELLED: N_("Cancelled"),
    Status.ATTENTION: N_("Needs you"),
}

_HTML = """<ul class="grid" role="list"></ul>
<div class="empty" hidden></div>"""
_takes = assemble("takes", _HTML)


class TakeItem(TypedDict):
    """A take as the grid shows it. URLs are our own; `started_at` is ISO 8601 and only there while the take is in flight."""

    id: str
    type: Literal["IMAGE", "VIDEO"]
    status: str
    status_text: str
    thumb: str | None
    preview: str | None
    placeholder: str | None
    favorite: bool
    headliner: bool
    duration_s: float | None
    started_at: str | None
    alt: str
    error: str | None
    caption: str


def take_item(take: Take, *, name: str) -> TakeItem:
    """A take for the grid. `name`: what people call it ("Take 3"), read out and written below."""
    status = _(STATUS_WORDS[take.status])
    return TakeItem(
        id=str(take.id),
        type="VIDEO" if take.asset_type == "VIDEO" else "IMAGE",
        status=take.status,
        status_text=status,
        thumb=take.thumbnail_url,
        preview=take.preview_url,
        placeholder=take.placeholder,
        favorite=take.is_favorite,
        headliner=take.is_headliner,
        duration_s=take.duration_s,
        started_at=take.created_at.isoformat() if take.status in OPEN_STATUSES else None,
        alt=name,
        error=take.error_message,
        caption=f"{name} · {take.ai_model.rpartition('/')[2]}" if take.ai_model else name,
    )


def takes(
    items: Sequence[TakeItem],
    *,
    key: str,
    on_action: OnAction,
    selected: UUID | None = None,
    allow: Collection[str] = ACTIONS,
    empty: tuple[str, str] | None = None,
) -> None:
    """The grid. `selected` wears a ring; `allow`: what this reader may do of ACTIONS; `empty`: title and hint for no items."""
    title, hint = empty or (
        _("No takes yet"),
        _("Describe the shot and press Generate. What comes back is shown here."),
    )
    labels = {
        "list": _("Takes"),
        "favorite": _("Favourite (F)"),
        "headliner": _("Headliner: stands for the shot (H)"),
        "cancel": _("Cancel this take"),
        "empty": title,
        "hint": hint,
    }
    data = {
        "items": list(items),
        "selected": str(selected) if selected else None,
        "now": datetime.now(UTC).isoformat(),
        "labels": labels,
    }
    mount(_takes, key=key, data=data, allow=allow, on_action=on_action)
