"""The queue: what needs somebody, what is on its way, what failed of late; thousands of rows, live.

The browser reads the rows from `/api` itself, hears of what changes in all of the reader's projects, asks again for that
alone, at most once a second, and sends what is decided. Python hears only which take somebody wants to see.
"""

from __future__ import annotations

from collections.abc import Iterable

from apom.models import Actor, Project, Step
from apom.ui.components.answers import deed_labels
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms

_HTML = """<div class="head"></div>
<p class="pill" role="status" hidden></p>
<div class="lists"></div>
<div class="empty" hidden></div>
<div class="bar" hidden></div>
<div class="notice" role="status" hidden></div>"""
PARTS = ("socket", "rest", "notice", "answers/offer", "queue/rows", "queue/lists", "queue/hands")
_queue = assemble("queue", _HTML, parts=PARTS)


def queue(actor: Actor, projects: Iterable[Project], *, key: str, on_open: OnAction) -> None:
    """The lists, for who reads them. `projects`: what can be filtered by, beside those with something in the queue;
    `on_open`: somebody wants to see the take of the action.
    """
    data = {
        "me": str(actor.user_id),
        "projects": [[str(project.id), project.name] for project in projects],
        "labels": _labels(),
    }
    mount(_queue, key=key, data=data, allow=["open"], on_action=on_open)


def _labels() -> dict[str, object]:
    return {
        **deed_labels(),
        "take": _("Take {n}"),
        "clip": _("Clip {n}"),
        "lost": _("Connection lost. Trying again…"),
        "project": _("Project"),
        "allProjects": _("All projects"),
        "whose": _("Whose"),
        "everybody": _("Everybody's"),
        "mine": _("Mine"),
        "providers": _("Providers"),
        "needs": forms("{n} needs you", "{n} need you"),
        "inFlight": forms("{n} in flight", "{n} in flight"),
        "waiting": forms("{n} waits", "{n} wait"),
        "well": _("answers"),
        "ill": _("answers with errors"),
        "paused": _("asked us to wait until {time}"),
        "atWork": _("{n} of {most} at once"),
        "errors": _("{share} % errors"),
        "delivered": _("last delivered at {time}"),
        "kinds": {"attention": _("Needs you"), "flight": _("In flight"), "failed": _("Failed in the last seven days")},
        "pickAll": {
            "attention": _("Select everything that needs you"),
            "flight": _("Select everything in flight"),
            "failed": _("Select everything that failed"),
        },
        "pick": _("Select {name}"),
        "picked": _("{n} selected"),
        "clear": _("Clear the selection (Esc)"),
        "steps": {
            Step.WAITING.value: _("Waiting"),
            Step.SENDING.value: _("Being sent"),
            Step.AT_PROVIDER.value: _("At the provider"),
            Step.STORING.value: _("Storing"),
        },
        "place": _("number {n} in line"),
        "ordered": _("Ordered {time}"),
        "arrived": _("It arrived after it had been stopped."),
        "none": [
            _("Nothing is on its way"),
            _("What you generate is shown here, step by step, until it is stored. What needs a decision comes first."),
        ],
        "noMatch": [_("Nothing matches"), _("Nothing in the queue passes these filters.")],
        "failed": [_("The queue could not be read"), _("The server does not answer. Trying again…")],
        "retry": _("Try again"),
    }
