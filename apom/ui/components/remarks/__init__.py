"""What is said about takes, and what is drawn on them: the parts that the review page and the big view share."""

from __future__ import annotations

from apom.words import _, language

REMARKS = ("remarks/drawing", "remarks/remarks")


def remark_labels() -> dict[str, object]:
    """The words of a thread, and of the field where one writes."""
    return {
        "language": language.get(),
        "talk": _("Comments"),
        "send": _("Send"),
        "when": _("About this moment, or the whole shot"),
        "untimed": _("Whole shot"),
        "range": _("From here to where you wind on"),
        "tools": {"pin": _("Pin a spot"), "box": _("Draw a box"), "strokes": _("Draw freely")},
        "answer": _("Reply"),
        "answering": _("Reply to {name}"),
        "edit": _("Edit"),
        "editing": _("Edit your comment"),
        "remove": _("Delete"),
        "sure": _("Delete it for good?"),
        "quit": _("Cancel"),
        "resolved": _("Done"),
    }
