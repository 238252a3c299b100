"""The way to the queue in the bar of every page: quietly how much is in flight, loudly how much needs the reader."""

from __future__ import annotations

from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<a href="/queue"></a><p class="pill" hidden></p>"""
_badge = assemble("badge", _HTML, parts=("socket", "rest"))


def badge(*, key: str, on_open: OnAction) -> None:
    """Counts by itself, at most every two seconds; `on_open`: somebody wants to see the queue."""
    labels = {
        "language": language.get(),
        "lost": "",
        "queue": _("Queue"),
        "inFlight": forms("{n} in flight", "{n} in flight"),
        "needs": forms("{n} needs you", "{n} need you"),
    }
    mount(_badge, key=key, data={"labels": labels}, allow=["open"], on_action=on_open)
