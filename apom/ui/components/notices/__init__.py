"""What somebody was told: newest first, live, marked as read where it stands.

The browser reads and marks by `/api` itself; Python hears only what somebody wants to go to.
"""

from __future__ import annotations

from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<div class="head"></div>
<p class="pill" role="status" hidden></p>
<div class="lists"></div>
<div class="empty" hidden></div>
<div class="notice" role="status" hidden></div>"""
_notices = assemble("notices", _HTML, parts=("socket", "rest", "notice"))


def notices(*, key: str, on_open: OnAction) -> None:
    """The list. `on_open`: somebody wants to go to what the notification of the action is about."""
    mount(_notices, key=key, data={"labels": _labels()}, allow=["open"], on_action=on_open)


def _labels() -> dict[str, object]:
    return {
        "language": language.get(),
        "lost": _("Connection lost. Trying again…"),
        "offline": _("The server does not answer. Try again in a moment."),
        "list": _("Notifications"),
        "unread": forms("{n} unread", "{n} unread"),
        "noUnread": _("All is read"),
        "onlyUnread": _("Only unread"),
        "allRead": _("Mark all as read"),
        "read": _("Mark as read"),
        "isNew": _("New"),
        "more": _("Show more"),
        "none": [
            _("Nothing has happened yet"),
            _("What others say and decide, takes that need you, budgets and batches: you are told here."),
        ],
        "noneUnread": [_("All is read"), _("What is new comes here by itself.")],
        "failed": [_("Notifications could not be read"), _("The server does not answer. Trying again…")],
    }
