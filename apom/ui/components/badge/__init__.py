"""The ways to the inbox, the queue and the notifications in the bar of every page: loudly how much is unread and how much
needs the reader, quietly how much is in flight and how much one was told.
"""

from __future__ import annotations

from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<a class="inbox" href="/inbox"></a><a class="queue" href="/queue"></a>\
<a class="notices" href="/notices"></a><p class="pill" hidden></p>"""
_badge = assemble("badge", _HTML, parts=("socket", "rest"))


def badge(*, key: str, on_open: OnAction) -> None:
    """Counts by itself, at most every two seconds; `on_open` hears `inbox`, `queue` or `notices`, whichever is wanted."""
    labels = {
        "language": language.get(),
        "lost": "",
        "queue": _("Queue"),
        "inbox": _("Inbox"),
        "notices": _("Notifications"),
        "unread": forms("{n} unread", "{n} unread"),
        "inFlight": forms("{n} in flight", "{n} in flight"),
        "needs": forms("{n} needs you", "{n} need you"),
    }
    mount(_badge, key=key, data={"labels": labels}, allow=["inbox", "queue", "notices"], on_action=on_open)
