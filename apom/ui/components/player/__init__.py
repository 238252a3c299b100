"""The cut as one film with its shots below: the parts that the review page and the board share."""

from __future__ import annotations

from apom.words import _

PLAYER = ("player/player", "player/strip")
WATCH = """<section class="watch"><div class="stage"><div class="screens"></div><p class="blank-word"></p></div>
<div class="scrub"></div><div class="keys"></div></section>
<ol class="strip"></ol>"""


def player_labels() -> dict[str, object]:
    """Its words in the reader's language."""
    return {
        "round": _("Round {n}"),
        "shots": _("Shots, in order"),
        "noTake": _("There is no take of this shot yet."),
        "broken": _("This take cannot be shown here."),
        "before": _("Previous shot (↑)"),
        "after": _("Next shot (↓)"),
        "toggle": _("Play or pause (Space)"),
        "loop": _("This shot alone, over and over"),
        "compare": _("Beside the round before"),
        "mute": _("Sound (M)"),
        "full": _("Full screen (F)"),
        "load": _("Download this take"),
        "scrub": _("Where in the film"),
    }
