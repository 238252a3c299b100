"""What a person can decide about a take, as buttons; wherever the take is seen they say and do the same.

The browser asks what has to be asked, and sends the decision to `/api` itself. The queue and the gallery share the script
(`offer.js`) and the words.
"""

from __future__ import annotations

from apom.models import Asset, Deed
from apom.ui.components.assembly import OnAction, assemble, mount
from apom.words import PLAY_UNIT, _, forms, language

_HTML = """<div class="answers" role="group"></div>
<div class="notice" role="status" hidden></div>"""
PARTS = ("rest", "notice", "answers/offer")
_answers = assemble("answers", _HTML, parts=PARTS)


def answers(take: Asset, *, key: str, on_decided: OnAction) -> None:
    """The answers that a take waits for; nothing when there are none. The reader may edit its project."""
    if not take.answers:
        return
    data = {"id": str(take.id), "answers": [answer.value for answer in take.answers], "labels": deed_labels()}
    mount(_answers, key=key, data=data, allow=["decided"], on_action=on_decided)


def deed_labels() -> dict[str, object]:
    """What can be decided about takes, in words: the buttons, the questions, what came of it."""
    return {
        "language": language.get(),
        "decide": _("What can be done about it"),
        "question": _("A question"),
        "leave": _("Leave it"),
        "units": {PLAY_UNIT: _(PLAY_UNIT)},
        "answered": _("It does not wait for an answer any more. Look at it again."),
        "offline": _("The server does not answer. Try again in a moment."),
        "price": _("By the estimate: {price}."),
        "taskId": _("The task's id"),
        "pasteHint": _(
            "Open your account at {provider} and look into its list of requests (it may be called history, logs or tasks) "
            "for one of that minute with this prompt. If it is there, copy its id. If it is not, it never arrived there."
        ),
        "refused": forms("{n} was not done", "{n} were not done"),
        "deeds": {
            Deed.CANCEL.value: _("Cancel"),
            Deed.AGAIN.value: _("Try again"),
            Deed.CHECK_AGAIN.value: _("Check again"),
            Deed.RETRY_DOWNLOAD.value: _("Fetch the file again"),
            "paste_task_id": _("Paste the task's id"),
            Deed.REGENERATE.value: _("Order again"),
            Deed.GIVE_UP.value: _("Give up"),
            Deed.KEEP.value: _("Keep it"),
        },
        "deedHints": {
            Deed.CANCEL.value: _("Stops it. What was sent may be billed; if it arrives after all, it can be kept."),
            Deed.AGAIN.value: _("The same recipe once more, as a new take"),
            Deed.CHECK_AGAIN.value: _("Asks the provider once more. Costs nothing."),
            Deed.RETRY_DOWNLOAD.value: _("Fetches the finished file once more. Costs nothing."),
            "paste_task_id": _("You found it in the provider's own list. Costs nothing."),
            Deed.REGENERATE.value: _("A new take from the same recipe. It may be billed a second time."),
            Deed.GIVE_UP.value: _("Counts it as failed. If it arrives after all, it can be kept."),
            Deed.KEEP.value: _("It arrived after it had been stopped. Keep it as a take."),
        },
        "ask_cancel": forms(
            "Cancel {n} take? What was sent may be billed.", "Cancel {n} takes? What was sent may be billed."
        ),
        "ask_again": forms("Order {n} take once more?", "Order {n} takes once more?"),
        "ask_regenerate": forms(
            "The first order may have been billed. Order {n} take again, knowing that it may be billed a second time?",
            "The first orders may have been billed. Order {n} takes again, knowing that they may be billed a second time?",
        ),
        "ask_give_up": forms("Count {n} take as failed?", "Count {n} takes as failed?"),
        "did_cancel": forms("{n} take cancelled.", "{n} takes cancelled."),
        "did_again": forms("{n} take is on its way again.", "{n} takes are on their way again."),
        "did_check_again": forms(
            "The provider is asked again about {n} take.", "The provider is asked again about {n} takes."
        ),
        "did_retry_download": forms(
            "The file of {n} take is fetched again.", "The files of {n} takes are fetched again."
        ),
        "did_paste_task_id": forms("Found: it goes on from there.", "Found: they go on from there."),
        "did_regenerate": forms("{n} take is ordered again.", "{n} takes are ordered again."),
        "did_give_up": forms("{n} take given up.", "{n} takes given up."),
        "did_keep": forms("{n} take kept.", "{n} takes kept."),
    }
