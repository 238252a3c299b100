"""The ways to the inbox and the queue in the bar of every page: loudly how much is unread and how much needs the reader,
quietly how much is in flight.
"""

from __future__ import annotations

from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<a class="inbox" href="/inbox"></a><a class="queue" href="/queue"></a><p class="pill" hidden></p>"""
_badge = assemble("badge", _HTML, parts=("socket", "rest"))


def badge(*, key: str, on_open: OnAction) -> None:
    """Counts by itself, at most every two seconds; `on_open` hears `inbox` or `queue`, whichever somebody wants to see."""
    labels = {
        "language": language.get(),
        "lost": "",
        "queue": _("Queue"),
        "inbox": _("Inbox"),
        "unread": forms("{n} unread", "{n} unread"),
        "inFlight": forms("{n} in flight", "{n} in flight"),
        "needs": forms("{n} needs you", "{n} need you"),
    }
    mount(_badge, key=key, data={"labels": labels}, allow=["inbox", "queue"], on_action=on_open)
