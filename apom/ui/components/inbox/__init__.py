"""The inbox: comments and verdicts of others across projects, unread first, live, answered in place.

The browser reads and marks by `/api` itself; Python hears only which take somebody wants to see.
"""

from __future__ import annotations

from collections.abc import Iterable

from apom.models import Opinion, Project
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<div class="head"></div>
<p class="pill" role="status" hidden></p>
<div class="lists"></div>
<div class="empty" hidden></div>
<div class="bar" hidden></div>
<div class="notice" role="status" hidden></div>"""
_inbox = assemble("inbox", _HTML, parts=("socket", "rest", "notice"))


def inbox(projects: Iterable[Project], *, key: str, on_open: OnAction) -> None:
    """The lists. `projects`: what can be filtered by; `on_open`: somebody wants to see the take of the action."""
    data = {"projects": [[str(project.id), project.name] for project in projects], "labels": _labels()}
    mount(_inbox, key=key, data=data, allow=["open"], on_action=on_open)


def _labels() -> dict[str, object]:
    return {
        "language": language.get(),
        "lost": _("Connection lost. Trying again…"),
        "offline": _("The server does not answer. Try again in a moment."),
        "project": _("Project"),
        "allProjects": _("All projects"),
        "list": _("Comments and verdicts"),
        "parts": {"unread": _("Unread"), "read": _("Read")},
        "unread": forms("{n} unread", "{n} unread"),
        "noUnread": _("All is read"),
        "allRead": _("Mark all as read"),
        "markRead": _("Mark as read"),
        "markUnread": _("Mark as unread"),
        "marked": forms("{n} marked as read", "{n} marked as read"),
        "undo": _("Undo"),
        "resolve": _("Resolve"),
        "reopen": _("Open again"),
        "hide": _("Hide from clients"),
        "unhide": _("Show to clients"),
        "reply": _("Reply"),
        "replyTo": _("Reply to {name}"),
        "sendClient": _("Reply to the client"),
        "sendInside": _("Note for the team"),
        "sentClient": _("Your reply is behind the link now."),
        "sentInside": _("Only the people of this project read it."),
        "quit": _("Cancel"),
        "picked": _("{n} selected"),
        "pick": _("Select what {name} said"),
        "clear": _("Clear the selection (Esc)"),
        "internal": _("Internal"),
        "member": _("Team"),
        "through": _("through “{name}”"),
        "take": _("Take {n}"),
        "clip": _("Clip {n}"),
        "round": _("Round {n}"),
        "open": _("Look at {name}"),
        "verdicts": {Opinion.APPROVED.value: _("Approved"), Opinion.CHANGES_WANTED.value: _("Changes wanted")},
        "none": [
            _("Nothing has been said yet"),
            _(
                "What clients say and decide behind review links comes here, and what your team says. Share a project to begin."
            ),
        ],
        "failed": [_("The inbox could not be read"), _("The server does not answer. Trying again…")],
    }
