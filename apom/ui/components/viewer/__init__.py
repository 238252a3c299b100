"""One take, large: a picture to look into, or a clip to play. What is known about it stands beside, drawn by the page."""

from __future__ import annotations

from apom.models import Asset, Take
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.ui.components.gallery import take_labels
from apom.words import _

_HTML = """<div class="room"><section class="viewer" tabindex="-1">
<div class="stage"></div>
<div class="bar"></div>
</section>
<div class="notice" role="status" hidden></div></div>"""
_viewer = assemble("viewer", _HTML, parts=("rest", "shelf", "marks", "notice"))
SHOWN = {*Take.model_fields, *Take.model_computed_fields}


def viewer(
    take: Asset | Take, *, key: str, on_action: OnAction, can_edit: bool, beside: str = "", trims: bool = False
) -> None:
    """The big view of a take, or its state while there is nothing to see; Escape closes it, its dialog has the cross.

    It leafs through the takes of the gallery behind it and marks them by itself. `on_action` hears `close`, and `show` with
    the take that is looked at now. `beside`: the key of the container that speaks of the take; it is inert while another
    one is shown already. `trims`: in and out can be set here.
    """
    labels = {
        **take_labels(),
        "prev": _("Previous take (←)"),
        "next": _("Next take (→)"),
        "trash": _("To the trash (Delete)"),
        "restore": _("Restore"),
        "zoom": _("Actual size (Z)"),
        "frame": _("This moment as a picture (S)"),
        "framed": _("The picture lies beside the clip."),
        "in": _("The shot begins here (I)"),
        "out": _("The shot ends here (O)"),
        "inSet": _("In at {at} s. The shot lasts {length} s."),
        "outSet": _("Out at {at} s. The shot lasts {length} s."),
        "trimNeeds": _("In and out are the headliner's. Make this clip the headliner first (H)."),
        "look": _("Look at it"),
        "offline": _("The server does not answer. Try again in a moment."),
    }
    item = take.model_dump(mode="json", include=SHOWN)
    data = {"item": item, "may": can_edit, "beside": beside, "trims": trims, "labels": labels}
    mount(_viewer, key=key, data=data, allow=["close", "show"], on_action=on_action)
