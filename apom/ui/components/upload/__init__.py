"""Where pictures and clips of one's own are dropped or chosen: each with its progress, a way to stop it, and what it was
refused for beside its name. The rights in them are asked once for all that come together.

The browser sends the files to `/api` itself, in pieces, and goes on while the person looks at other pages of this tab. The
gallery hears of what has arrived by the project's events.
"""

from __future__ import annotations

from apom.config import LIMITS, MB
from apom.models import SOUND, Box, BoxKind
from apom.ui.components.assembly import Action, OnAction, assemble, mount
from apom.words import _, forms, language

_HTML = """<div class="zone"></div>
<form class="rights" hidden></form>
<section class="drop" hidden><header></header><p class="sr" role="status"></p><ul></ul></section>"""
PICTURES, SOUNDS = "image/*,video/*,.heic,.heif,.mkv", "audio/*,.m4a,.flac,.ogg,.opus"
PARTS = ("rest", "upload/sending")
_upload = assemble("upload", _HTML, parts=PARTS)


def _nothing(_action: Action) -> None:
    """There is nothing that Python has to hear."""


def upload(box: Box, *, key: str, on_done: OnAction = _nothing) -> None:
    """The place of a box, for who may add takes to it. `on_done` hears of each take that came of it."""
    is_reference = box.kind is BoxKind.REFERENCE
    is_sound = is_reference and box.name == SOUND
    accept = SOUNDS if is_sound else f"{PICTURES},{SOUNDS}" if is_reference else PICTURES
    labels = _labels() | (_sound_labels() if is_sound else {})
    _mount(f"uploads/{box.id}", accept, key=key, labels=labels, asks_rights=True, on_done=on_done)


def drop_archive(*, key: str) -> None:
    """Where project archives are dropped: each becomes a project of whoever is here, by a job."""
    labels = _labels() | {
        "drop": _("Drop a project archive here"),
        "letGo": _("Let go to bring it in"),
        "choose": _("Choose a file"),
        "sizes": _("What Export wrote as “Project archive”: a ZIP."),
        "looking": _("Sent"),
        "done": _("Sent; it is being brought in"),
    }
    _mount("archives", ".zip,application/zip", key=key, labels=labels, asks_rights=False)


def _mount(
    place: str,
    accept: str,
    *,
    key: str,
    labels: dict[str, object],
    asks_rights: bool,
    on_done: OnAction = _nothing,
) -> None:
    data = {
        "place": place,
        "accept": accept,
        "asksRights": asks_rights,
        "rightsChars": LIMITS.rights_chars,
        "nameChars": LIMITS.name_chars,
        "labels": labels,
    }
    mount(_upload, key=key, data=data, allow=() if on_done is _nothing else ("done",), on_action=on_done)


def _sound_labels() -> dict[str, object]:
    return {
        "drop": _("Drop sound here"),
        "letGo": _("Let go to add it"),
        "sizes": _("MP3, M4A, WAV, FLAC or Ogg, up to {most} MB.", most=LIMITS.audio_bytes // MB),
    }


def _labels() -> dict[str, object]:
    sizes = _(
        "Pictures up to {image} MB, clips up to {video} GB.",
        image=LIMITS.image_bytes // MB,
        video=LIMITS.video_bytes // (1024 * MB),
    )
    return {
        "language": language.get(),
        "drop": _("Drop pictures and clips here"),
        "letGo": _("Let go to add them to this shot"),
        "choose": _("Choose files"),
        "sizes": sizes,
        "whose": forms("{n} file: whose is it?", "{n} files: whose are they?"),
        "why": _("It stands in the rights sheet. All of it may stay empty."),
        "owner": _("Owner"),
        "ownerHint": _("Ann Photographer"),
        "licence": _("Licence"),
        "licenceHint": _("our own work, CC BY 4.0, stock licence 1234"),
        "note": _("Note"),
        "upload": forms("Upload {n} file", "Upload {n} files"),
        "leave": _("Leave it"),
        "files": _("Uploads"),
        "over": forms("{n} file uploaded", "{n} files uploaded"),
        "underWay": _("{done} of {n} uploaded"),
        "refused": forms("{n} not taken", "{n} not taken"),
        "stopAll": _("Stop all"),
        "clear": _("Clear the list"),
        "stop": _("Stop {name}"),
        "again": _("Try again"),
        "waiting": _("Waiting"),
        "looking": _("Being looked at…"),
        "stopped": _("Stopped"),
        "done": _("Uploaded"),
        "twin": _("Uploaded. The same file is in this project already."),
        "stuck": _("The server does not answer. What has been sent is kept."),
        "folder": _("This is a folder. Choose the files in it."),
    }
