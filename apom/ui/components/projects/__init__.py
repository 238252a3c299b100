"""Project cards: what each one looks like by now, and whether it moves or waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from apom.models import Project, media_url
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import _, plural

ACTIONS = frozenset({"open"})
MOSAIC = 4  # pictures on a card

_HTML = """<ul class="grid" role="list"></ul>
<div class="empty" hidden></div>"""
_projects = assemble("projects", _HTML)


class ProjectItem(TypedDict):
    """A project as its card shows it. `thumbs`: up to four, with their `placeholders`; `note`: a quiet line of any kind."""

    id: str
    name: str
    thumbs: list[str]
    placeholders: list[str | None]
    shots: int
    takes: int
    active: int
    attention: int
    counts_text: str
    note: str


def project_item(project: Project, mosaic: Sequence[tuple[str, str | None]] = (), *, note: str = "") -> ProjectItem:
    """A project for its card. `mosaic`: headliners, each the key of its thumbnail and its placeholder."""
    seen = mosaic[:MOSAIC]
    counts = (
        plural("{n} shot", "{n} shots", project.boxes_count),
        plural("{n} take", "{n} takes", project.assets_count),
    )
    return ProjectItem(
        id=str(project.id),
        name=project.name,
        thumbs=[media_url(key) or "" for key, _placeholder in seen],
        placeholders=[placeholder for _key, placeholder in seen],
        shots=project.boxes_count,
        takes=project.assets_count,
        active=project.active_count,
        attention=project.attention_count,
        counts_text=" · ".join(counts),
        note=note,
    )


def projects(
    items: Sequence[ProjectItem], *, key: str, on_action: OnAction, empty: tuple[str, str] | None = None
) -> None:
    """The cards. `empty`: title and hint for no items. The only action is "open"."""
    title, hint = empty or (_("No projects yet"), _("Make one, or start with the sample to look around."))
    labels = {
        "list": _("Projects"),
        "active": _("in flight"),
        "attention": _("Needs you"),
        "empty": title,
        "hint": hint,
    }
    mount(_projects, key=key, data={"items": list(items), "labels": labels}, allow=ACTIONS, on_action=on_action)
