"""The sheet as a Word document: a cover with what there is to know, then a row for each shot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apom.errors import Invalid
from apom.export import word
from apom.export.room import Progress as Told
from apom.export.room import Room
from apom.export.sheet import PROGRESS, Choice, Sheet, Shot, clean, length, picture_size
from apom.export.sheets import sheet as read_sheet
from apom.models import Progress
from apom.words import N_, _, day, paid, plural

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row

COLUMNS = ((N_("Shot"), 34), (N_("Picture"), 74), (N_("Prompt"), 112), (N_("Model"), 53))  # shares of the width
PICTURE = (64, 46)  # mm, at most wide and high; on Letter too
ADDRESS = re.compile(r"https?://[!#$%&'()*+,./:;=?@A-Za-z0-9_~-]{3,2000}")
BAD_LINK = N_("The review link must be the whole address, as it was shown when the link was made: https://…")


def export(room: Room, choice: Choice, path: Path, progress: Told) -> Sequence[str]:
    """The shots of a project at `path`; answers with what is missing. Raises NotFound, Invalid, OSError.

    A review link is what somebody pastes: the store has no address to show, only the hash of its token.
    """
    if choice.review_link and not ADDRESS.fullmatch(choice.review_link):
        raise Invalid(BAD_LINK, field="review_link")
    sheet = read_sheet(room, choice)
    write(sheet, path, progress)
    return sheet.remarks


def write(sheet: Sheet, path: Path, progress: Told = lambda share: None) -> None:
    """The document at `path`. Raises OSError."""
    document = word.new(sheet.project.name, sheet.choice.paper, sheet.made_at)
    _cover(document, sheet)
    if sheet.shots:
        word.heading(document, _("Shots"))
        columns = [(_(title), width) for title, width in COLUMNS]
        rows = word.table(document, columns, len(sheet.shots), sheet.choice.paper)
        for number, (row, shot) in enumerate(zip(rows, sheet.shots, strict=True), start=1):
            _fill(row, shot, sheet.choice, number)
            progress(0.9 * number / len(sheet.shots))
    document.save(str(path))
    progress(1)


def _cover(document: Document, sheet: Sheet) -> None:
    project = sheet.project
    document.add_heading(clean(project.name), 0)
    link = sheet.choice.review_link
    told = [(_(name), value) for name, value in _facts(sheet)]
    table = word.facts(document, [*told, (_("Review"), "")] if link else told)
    if link:
        word.link(table.rows[-1].cells[1].paragraphs[0], link)
    if project.notes:
        document.add_paragraph()
        document.add_paragraph(clean(project.notes))
    if sheet.remarks:
        document.add_paragraph().add_run(_("What is missing")).bold = True
        word.remarks(document, sheet.remarks)


def _facts(sheet: Sheet) -> Sequence[tuple[str, str]]:
    shots, project = sheet.shots, sheet.project
    approved = sum(shot.progress is Progress.APPROVED for shot in shots)
    counted = [plural("{n} shot", "{n} shots", len(shots)), plural("{n} take", "{n} takes", project.assets_count)]
    whole = sum(shot.duration_s or 0 for shot in shots)
    told = [
        (N_("Date"), day(sheet.made_at)),
        (N_("Content"), ", ".join(counted)),
        (N_("Approved"), _("{n} of {all}", n=approved, all=len(shots))),
        (N_("Length"), length(whole) if whole else ""),
        (N_("Format"), picture_size(project)),
        (N_("Cost"), sheet.spent),
    ]
    return [(name, value) for name, value in told if value]


def _fill(row: _Row, shot: Shot, choice: Choice, number: int) -> None:
    from apom.media.images import as_jpeg

    named, picture, prompt, model = row.cells
    comments = shot.comments if choice.comments else ()
    word.keep(row, max(len(shot.prompt) + sum(len(text) for _who, text in comments), 3 * len(shot.line + shot.name)))
    word.put(named, shot.title, bold=True)
    for text in _about(shot, choice):
        word.put(named, text)
    if shot.thumb is not None:
        jpeg = as_jpeg(shot.thumb)
        word.picture(picture.paragraphs[0], jpeg, number=number, alt=shot.alt, most=PICTURE)
    if shot.remark:
        picture.add_paragraph() if shot.thumb is not None else picture.paragraphs[0]
        picture.paragraphs[-1].add_run(clean(shot.remark)).italic = True
    prompt.text = clean(shot.prompt)
    for author, text in comments:
        word.labelled(prompt, author, text)
    model.text = clean("\n".join(_recipe(shot, choice)))


def _about(shot: Shot, choice: Choice) -> Sequence[str]:
    lasts = length(shot.duration_s) if shot.duration_s else ""
    said = [said.words(shot.take) for said in shot.verdicts] if choice.verdicts else []
    return [text for text in (_(PROGRESS[shot.progress]), *said, lasts, shot.line) if text]


def _recipe(shot: Shot, choice: Choice) -> Sequence[str]:
    seed = _("seed {seed}", seed=shot.seed) if choice.seeds and shot.seed is not None else ""
    cost = paid(shot.cost, shot.unit) if choice.cost and shot.cost is not None else ""
    return [text for text in (shot.model, seed, cost) if text]
