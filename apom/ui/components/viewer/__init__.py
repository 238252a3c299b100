"""One take, large: a picture to look into, or a clip to play. What is known about it stands beside, drawn by the page."""

from __future__ import annotations

from uuid import UUID

from apom.models import Asset, Opinion, Take, Visibility
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.ui.components.gallery import take_labels
from apom.ui.components.remarks import REMARKS, remark_labels
from apom.words import _, forms

_HTML = """<div class="room"><section class="viewer" tabindex="-1">
<div class="stage"></div>
<div class="moments" hidden><div class="rail"></div><div class="span" hidden></div><div class="dots"></div></div>
<div class="bar"></div>
</section>
<section class="side" hidden></section>
<div class="notice" role="status" hidden></div></div>"""
_viewer = assemble("viewer", _HTML, parts=("rest", "shelf", "marks", "notice", *REMARKS, "viewer/talk"))
SHOWN = {*Take.model_fields, *Take.model_computed_fields}


def viewer(
    take: Asset | Take,
    *,
    key: str,
    on_action: OnAction,
    can_edit: bool,
    me: UUID,
    beside: str = "",
    talks: bool = False,
    trims: bool = False,
) -> None:
    """The big view of a take, or its state while there is nothing to see; Escape closes it, its dialog has the cross.

    It leafs through the takes of the gallery behind it and marks them by itself. `on_action` hears `close`, and `show` with
    the take that is looked at now. `beside`: the key of the container that speaks of the take; it is inert while another
    one is shown already. `me`: whose comments are one's own; `talks`: what was said is shown from the beginning; `trims`: in
    and out can be set here.
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
        **_talk_labels(),
    }
    item = take.model_dump(mode="json", include=SHOWN)
    data = {
        "item": item,
        "may": can_edit,
        "me": str(me),
        "beside": beside,
        "talks": talks,
        "trims": trims,
        "labels": labels,
    }
    mount(_viewer, key=key, data=data, allow=["close", "show"], on_action=on_action)


def _talk_labels() -> dict[str, object]:
    inside, out = Visibility.INTERNAL.value, Visibility.CLIENT.value
    return {
        **remark_labels(),
        "talkKey": _("Comments (C)"),
        "silence": _("Nothing has been said about this take. Write, and draw on the picture if that helps."),
        "closed": _("Put the take back to say something about it."),
        "write": _("Comment on this take"),
        "untimed": _("Whole take"),
        "when": _("About this moment, or the whole take"),
        "resolve": _("Resolve"),
        "reopen": _("Open again"),
        "hide": _("Hide from clients"),
        "unhide": _("Show to clients"),
        "hidden": _("Hidden"),
        "through": _("through “{name}”"),
        "you": _("You"),
        "team": _("Team"),
        "round": _("Round {n}"),
        "rounds": _("Verdicts, round by round"),
        "audience": _("Who reads it"),
        "sides": {
            inside: [_("Internal"), _("Only the people of this project read it.")],
            out: [_("Client"), _("Whoever has a review link reads it.")],
        },
        "sendClient": _("Send to client"),
        "sentClient": _("Behind the links now."),
        "sentAhead": _("Clients read it as soon as a round shows this take."),
        "remarks": forms("{n} open comment", "{n} open comments"),
        "verdicts": {Opinion.APPROVED.value: _("Approved"), Opinion.CHANGES_WANTED.value: _("Changes wanted")},
    }
