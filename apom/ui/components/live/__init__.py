"""Keeps a page up to date: listens to what happens in a project, and runs the enclosing fragment again when it did."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from apom.ui.components.assembly import assemble
from apom.words import _

_live = assemble("live", '<p class="pill" role="status" hidden></p>', parts=["socket"])


class Heard(TypedDict, total=False):
    """The last message of a burst, as the browser passed it on: a hint what to look at, never the truth.

    `type` is the server's, or `caught_up` when messages may have been missed.
    """

    type: str
    project_id: str
    version: int
    box_id: str | None
    asset_id: str | None
    status: str | None


def live(project_id: UUID, *, key: str) -> Heard | None:
    """Call it inside the fragment that should be drawn anew; says why it was, None for any other reason.

    A burst of messages is one rerun; a hidden tab waits until it is looked at; without a socket it looks again by itself.
    """
    labels = {"lost": _("Connection lost. Trying again…")}
    data = {"url": f"/api/projects/{project_id}/events", "labels": labels}
    heard: Heard | None = _live(key=key, data=data, on_event_change=_look).event
    return heard


def _look() -> None:
    """Its being there tells Streamlit the name of the trigger; the rerun is all that is wanted."""
