"""One take, large: a picture to look into, or a clip to play. What is known about it stands beside, drawn by the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from apom.models import Json, Status, Take
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.ui.components.takes import STATUS_WORDS
from apom.words import _

ACTIONS = frozenset({"close", "prev", "next", "favorite", "headliner"})

_HTML = """<div class="room"><section class="viewer" tabindex="-1">
<div class="stage"></div>
<div class="bar"></div>
</section></div>"""
_viewer = assemble("viewer", _HTML)


def viewer(
    take: Take,
    *,
    name: str,
    key: str,
    on_action: OnAction,
    allow: Collection[str] = ACTIONS,
    position: str = "",
    preload: Sequence[str] = (),
) -> None:
    """The big view of a take, or its state while there is nothing to see. `name`: what people call it ("Take 3").

    `allow`: leave "prev" or "next" out at the ends, the toggles out for readers; `position`: "3 / 12"; `preload`: URLs of
    the neighbouring pictures, fetched ahead. Actions carry the id of the take that was shown when they were done.
    """
    labels = {
        "close": _("Close (Esc)"),
        "prev": _("Previous take (←)"),
        "next": _("Next take (→)"),
        "favorite": _("Favourite (F)"),
        "headliner": _("Headliner: stands for the shot (H)"),
        "zoom": _("Actual size (Z)"),
    }
    data = {"item": _item(take, name), "position": position, "preload": list(preload), "labels": labels}
    mount(_viewer, key=key, data=data, allow=allow, on_action=on_action)


def _item(take: Take, name: str) -> Json:
    return {
        "id": str(take.id),
        "type": take.asset_type,
        "status": take.status,
        "status_text": _(STATUS_WORDS[take.status]),
        "url": take.file_url if take.status is Status.COMPLETED else None,
        "thumb": take.thumbnail_url,
        "placeholder": take.placeholder,
        "width": take.width,
        "height": take.height,
        "favorite": take.is_favorite,
        "headliner": take.is_headliner,
        "alt": name,
        "error": take.error_message,
    }
