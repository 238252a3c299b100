"""The takes of a box on a wall: thousands to look through, select, mark and throw away, by mouse, touch and keyboard.

The browser reads the takes from `/api` itself, hears what happens to them, and sends the marks there. Python hears only
which take somebody wants to see large, so a rerun costs the same whatever a box holds.
"""

from __future__ import annotations

from apom.models import Box
from apom.ui.components.answers import deed_labels
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import STATUS_WORDS, _, forms, language

_HTML = """<div class="filters"></div>
<p class="pill" role="status" hidden></p>
<p class="stuck" role="status" hidden></p>
<button type="button" class="fresh" hidden></button>
<div class="wall" tabindex="-1"><div class="rows" role="grid" aria-multiselectable="true"></div><div class="cards"></div></div>
<div class="empty" hidden></div>
<div class="bar" hidden></div>
<div class="notice" role="status" hidden></div>
<dialog class="sheet"></dialog>
<dialog class="question"></dialog>"""
PARTS = (
    "socket",
    "rest",
    "shelf",
    "marks",
    "notice",
    "answers/offer",
    "gallery/wall",
    "gallery/hands",
    "gallery/results",
    "gallery/bars",
)
_gallery = assemble("gallery", _HTML, parts=PARTS)


def gallery(box: Box, *, key: str, on_open: OnAction, can_edit: bool) -> None:
    """The wall of a box. `on_open`: somebody wants to see the take of the action large."""
    data = {"box": str(box.id), "project": str(box.project_id), "may": can_edit, "labels": _labels()}
    mount(_gallery, key=key, data=data, allow=["open"], on_action=on_open)


def take_labels() -> dict[str, object]:
    """What takes and their marks are called, wherever they are shown."""
    return {
        "language": language.get(),
        "take": _("Take {n}"),
        "clip": _("Clip {n}"),
        "sound": _("Sound {n}"),
        "status": {status.value: _(word) for status, word in STATUS_WORDS.items()},
        "favorite": _("Favourite (F)"),
        "headliner": _("Headliner: stands for the shot (H)"),
        "toTrash": _("To the trash (Delete)"),
        "rate": _("Rating"),
        "rateTo": _("Rate {n} (key {n})"),
        "trashed": forms("{n} take in the trash", "{n} takes in the trash"),
        "undo": _("Undo"),
        "running": _("This take is still on its way. Wait for it, or cancel it."),
        "count": forms("{n} take", "{n} takes"),
        "stuck": forms("{n} change is not saved yet. Trying again…", "{n} changes are not saved yet. Trying again…"),
        "offline": _("The server does not answer. Try again in a moment."),
        "broken": _("The picture did not load"),
        "purged": _("Files cleaned away"),
        "missing": _("The file cannot be found"),
    }


def _labels() -> dict[str, object]:
    return {
        **deed_labels(),
        **take_labels(),
        "list": _("Takes"),
        "lost": _("Connection lost. Trying again…"),
        "kinds": _("Kind"),
        "all": _("All"),
        "images": _("Pictures"),
        "clips": _("Clips"),
        "favorites": _("Favourites"),
        "least": _("Least rating"),
        "anyRating": _("Any rating"),
        "trash": _("Trash"),
        "size": _("Size of the pictures"),
        "keys": _("Keyboard (?)"),
        "keyboard": _("Keyboard"),
        "closeSheet": _("Close"),
        "pick": _("Select (X)"),
        "picked": _("{n} selected"),
        "allResults": forms("All {n} result", "All {n} results"),
        "allPicked": forms("{n} selected", "All {n} selected"),
        "working": forms("{n} take: {percent} %", "{n} takes: {percent} %"),
        "stop": _("Stop"),
        "changed": forms("{n} take changed", "{n} takes changed"),
        "clear": _("Clear the selection (Esc)"),
        "cancel": _("Cancel this take"),
        "restore": _("Restore"),
        "purge": _("Delete for good"),
        "purgeQuestion": forms(
            "{n} take goes with its file, for good. This cannot be undone.",
            "{n} takes go with their files, for good. This cannot be undone.",
        ),
        "keep": _("Keep"),
        "fresh": forms("{n} new take", "{n} new takes"),
        "isFavorite": _("favourite"),
        "isHeadliner": _("headliner"),
        "rated": _("rated {n}"),
        "remarks": forms("{n} open comment", "{n} open comments"),
        "none": [_("No takes yet"), _("Describe the shot and press Generate. What comes back is shown here.")],
        "noMatch": [_("Nothing matches"), _("No take of this shot passes these filters.")],
        "noTrash": [
            _("The trash is empty"),
            _("What you throw away waits here and can be restored, until its files are cleaned away some days later."),
        ],
        "failed": [_("The takes could not be read"), _("The server does not answer. Trying again…")],
        "retry": _("Try again"),
        "sheet": [
            ["← ↑ → ↓", _("Move")],
            ["Shift + ↑", _("Select along the way")],
            ["Space", _("Look at it large")],
            ["X", _("Select or not")],
            ["F", _("Favourite or not")],
            ["H", _("Headliner or not")],
            ["1 … 5", _("Rate; 0 takes it away")],
            ["Delete", _("To the trash")],
            ["Ctrl + Z", _("Undo the last throw")],
            ["Ctrl + A", _("Select all")],
            ["Esc", _("Select none")],
            ["?", _("This list")],
        ],
    }
