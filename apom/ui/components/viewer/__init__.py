"""One take, large: a picture to look into, or a clip to play. What is known about it stands beside, drawn by the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, TypedDict

from apom.models import Status, Take
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.ui.components.takes import STATUS_WORDS
from apom.words import _

ACTIONS = frozenset({"close", "prev", "next", "favorite", "headliner"})

_HTML = """<section class="viewer" tabindex="-1">
<div class="stage"></div>
<div class="bar"></div>
</section>"""
_viewer = assemble("viewer", _HTML)


class ViewerItem(TypedDict):
    """A take as the viewer shows it. URLs are our own; without `url` its status is shown in the picture's place."""

    id: str
    type: Literal["IMAGE", "VIDEO"]
    status: str
    status_text: str
    url: str | None
    thumb: str | None
    placeholder: str | None
    width: int | None
    height: int | None
    favorite: bool
    headliner: bool
    alt: str
    error: str | None


def viewer_item(take: Take, *, name: str) -> ViewerItem:
    """A take for the viewer. `name`: what people call it ("Take 3"), read out and shown in the bar."""
    return ViewerItem(
        id=str(take.id),
        type="VIDEO" if take.asset_type == "VIDEO" else "IMAGE",
        status=take.status,
        status_text=_(STATUS_WORDS[take.status]),
        url=take.file_url if take.status is Status.COMPLETED else None,
        thumb=take.thumbnail_url,
        placeholder=take.placeholder,
        width=take.width,
        height=take.height,
        favorite=take.is_favorite,
        headliner=take.is_headliner,
        alt=name,
        error=take.error_message,
    )


def viewer(
    item: ViewerItem,
    *,
    key: str,
    on_action: OnAction,
    allow: Collection[str] = ACTIONS,
    position: str = "",
    preload: Sequence[str] = (),
) -> None:
    """The big view. `allow`: leave "prev" or "next" out at the ends, the toggles out for readers; `position`: "3 / 12";
    `preload`: URLs of the neighbouring pictures, fetched ahead. Actions carry the id of the take that was shown.
    """
    labels = {
        "close": _("Close (Esc)"),
        "prev": _("Previous take (←)"),
        "next": _("Next take (→)"),
        "favorite": _("Favourite (F)"),
        "headliner": _("Headliner: stands for the shot (H)"),
        "zoom": _("Actual size (Z)"),
    }
    data = {"item": item, "position": position, "preload": list(preload), "labels": labels}
    mount(_viewer, key=key, data=data, allow=allow, on_action=on_action)
