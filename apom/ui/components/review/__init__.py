"""The review page: what a link shows, on the whole screen, for people without an account, most of them on a phone.

The browser asks `/api/review/{link}` with the link's own cookie. It stands on a page of its own, without Streamlit
(apom/server/review_page.py), and is written like our components.
"""

from __future__ import annotations

from apom.models import Opinion
from apom.ui.components.assembly import pieces
from apom.ui.components.player import PLAYER, WATCH, player_labels
from apom.ui.components.remarks import REMARKS, remark_labels
from apom.words import _, forms

HTML = f"""<div class="review" data-state="new">
<div class="top"></div>
{WATCH}
<section class="side"></section>
<p class="pill" role="status" hidden></p>
<div class="notice" role="status" hidden></div>
<div class="veil" role="status" hidden></div>
</div>"""
PARTS = ("socket", "rest", "notice", *REMARKS, *PLAYER, "review/talk")


def script_and_look() -> tuple[str, str]:
    """What its page runs, and how it looks inside its shadow root."""
    return pieces("review", PARTS)


def labels() -> dict[str, object]:
    """Its words in the reader's language."""
    return {
        **player_labels(),
        **_room_labels(),
        **_talk_labels(),
        "lost": _("Connection lost. Trying again…"),
    }


def _room_labels() -> dict[str, object]:
    return {
        "gone": [_("This link is not valid."), _("Ask whoever sent it for a new one.")],
        "locked": [_("This link asks for a password"), _("Whoever sent you the link knows it.")],
        "password": _("Password"),
        "enter": _("Open"),
        "offline": _("The server does not answer. Try again in a moment."),
        "nothing": _("Nothing has been published yet. It will appear here by itself."),
        "newRound": _("Round {n} has been published."),
        "lookAtIt": _("Look at it"),
        "changed": forms("{n} changed since your last visit", "{n} changed since your last visit"),
        "changedHint": _("To the next shot that has changed"),
        "changes": {"new": _("New"), "take": _("Changed"), "trim": _("New trim")},
        "score": _("{n} of {all} approved"),
        "comments": forms("{n} comment", "{n} comments"),
        "loadAll": _("Download all"),
        "loadAllHint": _("All takes of this round as a ZIP"),
    }


def _talk_labels() -> dict[str, object]:
    return {
        **remark_labels(),
        "silence": _(
            "Nothing has been said yet. Pause where something strikes you, draw on the picture if that helps, and write."
        ),
        "closed": _("Comments are closed."),
        "name": _("Your name"),
        "needName": _("Tell us your name first, then press Enter."),
        "write": _("Comment on this shot"),
        "what": _("What should change?"),
        "you": _("You"),
        "team": _("Team"),
        "deeds": {Opinion.APPROVED.value: _("Approve"), Opinion.CHANGES_WANTED.value: _("Ask for changes")},
        "verdicts": {Opinion.APPROVED.value: _("Approved"), Opinion.CHANGES_WANTED.value: _("Changes wanted")},
        "approvals": forms("{n} approved", "{n} approved"),
        "changesWanted": forms("{n} wants changes", "{n} want changes"),
    }
