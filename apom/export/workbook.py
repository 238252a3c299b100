"""Shots, takes and costs as a workbook for Excel: real numbers and dates, every text shown as it is and none of it run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from apom.export.room import Progress, Room
from apom.export.sheet import clean
from apom.export.sheets import thumb_of
from apom.export.tables import COSTS, SHOTS, TAKES, Tables, read
from apom.models import Record
from apom.statement import RUNS
from apom.words import N_, _

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

EXACT = 10**15  # a larger whole number loses its last digits in Excel, so it goes in as text
WIDE = {
    "prompt": 60,
    "notes": 40,
    "line": 40,
    "name": 28,
    "note": 40,
    "headliner": 14,
    "take": 14,
    "sha256": 18,
    "model": 26,
}
PICTURE = (128, 72)  # px, at most wide and high
TITLES = {
    "code": N_("Code"),
    "shot": N_("Shot"),
    "take": N_("Take id"),
    "name": N_("Name"),
    "picture": N_("Picture"),
    "section": N_("Section"),
    "line": N_("Line"),
    "notes": N_("Notes"),
    "duration_s": N_("Length, s"),
    "progress": N_("Progress"),
    "takes": N_("Takes"),
    "headliner": N_("Headliner"),
    "model": N_("Model"),
    "seed": N_("Seed"),
    "prompt": N_("Prompt"),
    "number": N_("Number"),
    "type": N_("Type"),
    "source": N_("Source"),
    "status": N_("Status"),
    "favourite": N_("Favourite"),
    "rating": N_("Rating"),
    "width": N_("Width"),
    "height": N_("Height"),
    "bytes": N_("Bytes"),
    "cost": N_("Cost"),
    "unit": N_("Unit"),
    "made_by": N_("Made by"),
    "made_at": N_("Made at, UTC"),
    "owner": N_("Owner"),
    "licence": N_("Licence"),
    "note": N_("Note"),
    "month": N_("Month"),
    "provider": N_("Provider"),
    "person": N_("Person"),
    "units": N_("Units"),
    "play": N_("Play prices"),
    "currency": N_("Currency"),
    "amount": N_("Amount"),
    "unpriced": N_("Without a rate"),
}  # a column without one keeps its name


class XlsxChoice(Record):
    """What a workbook holds."""

    pictures: bool = Field(False, description=N_("pictures"))


@dataclass(frozen=True, kw_only=True)
class Page:
    """One sheet of a workbook. `pictures`: by the number of the row, from 0; of which there is a column when it is not None."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    pictures: Mapping[int, Path] | None = None
    formats: Mapping[str, str] = field(default_factory=dict)


def export(room: Room, choice: XlsxChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The workbook at `path`; answers with what is missing. Raises NotFound, OSError."""
    found = read(room)
    pictures, remarks = _pictures(room, found) if choice.pictures else ((None, None), [])
    pages = [
        Page(title=_("Shots"), columns=SHOTS, rows=found.shots, pictures=pictures[0]),
        Page(title=_("Takes"), columns=TAKES, rows=found.takes, pictures=pictures[1]),
        Page(title=_("Costs"), columns=COSTS, rows=found.costs, formats={"month": "yyyy-mm"}),
    ]
    write(pages, path, room.now, progress)
    return remarks


def _pictures(room: Room, found: Tables) -> tuple[tuple[dict[int, Path], dict[int, Path]], list[str]]:
    """Those of shots and of takes, and whose are missing."""
    of_take: dict[Any, Path] = {}
    remarks = []
    for row in found.takes:
        thumb, remark = thumb_of(room, found.files[row["take"]])
        if thumb is not None:
            of_take[row["take"]] = thumb
        if remark and row["status"] == "COMPLETED":
            remarks.append(f"{row['shot']}, {_('take {n}', n=row['number'])}: {remark}")
    shots = {n: of_take[row["headliner"]] for n, row in enumerate(found.shots) if row["headliner"] in of_take}
    return (shots, {n: of_take[row["take"]] for n, row in enumerate(found.takes) if row["take"] in of_take}), remarks


def write(pages: Sequence[Page], path: Path, made_at: datetime, progress: Progress = lambda share: None) -> None:
    """The workbook at `path`. Raises OSError."""
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"author": "apom", "created": made_at.replace(tzinfo=None)})
        forms = _Forms(book)
        all_rows, done = sum(len(page.rows) for page in pages) or 1, 0
        for page in pages:
            sheet = book.add_worksheet(page.title)
            columns = [*page.columns[:1], *(["picture"] if page.pictures is not None else []), *page.columns[1:]]
            _head(sheet, columns, len(page.rows), forms)
            for number, row in enumerate(page.rows):
                _row(sheet, page, number, [(name, row.get(name)) for name in columns], forms)
                done += 1
                progress(0.9 * done / all_rows)
    progress(1)


class _Forms:
    """How cells look."""

    def __init__(self, book: Workbook) -> None:
        look = {"valign": "top"}
        self.head = book.add_format({"bold": True, "font_color": "white", "bg_color": "#26324A", "valign": "vcenter"})
        self.plain = book.add_format(look)
        self.wrapped = book.add_format({**look, "text_wrap": True})
        self.quoted = book.add_format({**look, "text_wrap": True, "quote_prefix": True})
        self.whole = book.add_format({**look, "num_format": "0"})
        self.number = book.add_format({**look, "num_format": "#,##0.######"})
        self.moment = book.add_format({**look, "num_format": "yyyy-mm-dd hh:mm"})
        self.dates = {"yyyy-mm": book.add_format({**look, "num_format": "yyyy-mm"})}


def _head(sheet: Worksheet, columns: Sequence[str], rows: int, forms: _Forms) -> None:
    for place, name in enumerate(columns):
        sheet.write_string(0, place, _(TITLES[name]) if name in TITLES else name, forms.head)
        sheet.set_column(place, place, 19 if name == "picture" else WIDE.get(name, 12))
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, rows, len(columns) - 1)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _row(sheet: Worksheet, page: Page, number: int, cells: Iterable[tuple[str, object]], forms: _Forms) -> None:
    line = number + 1
    sheet.set_row_pixels(line, PICTURE[1] + 6 if page.pictures is not None else 20)
    for place, (name, value) in enumerate(cells):
        if name == "picture":
            thumb = (page.pictures or {}).get(number)
            if thumb is not None:
                _picture(sheet, line, place, thumb)
        elif isinstance(value, datetime):
            sheet.write_datetime(line, place, value, forms.dates.get(page.formats.get(name, ""), forms.moment))
        else:
            _cell(sheet, line, place, value, forms)


def _cell(sheet: Worksheet, line: int, place: int, value: object, forms: _Forms) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_string(line, place, _("yes") if value else _("no"), forms.plain)
    elif isinstance(value, int) and abs(value) < EXACT:
        sheet.write_number(line, place, value, forms.whole)
    elif isinstance(value, float) and math.isfinite(value):
        sheet.write_number(line, place, value, forms.number)
    else:
        text = clean(str(value))
        sheet.write_string(line, place, text, _form(text, forms))


def _form(text: str, forms: _Forms) -> Format:
    """A text that would begin a formula once somebody edits its cell is marked as a text for good."""
    return forms.quoted if text[:1] in RUNS or text.lstrip()[:1] in RUNS else forms.wrapped


def _picture(sheet: Worksheet, line: int, place: int, thumb: Path) -> None:
    from apom.media.images import as_jpeg, size_of

    jpeg = as_jpeg(thumb, 2 * PICTURE[0])  # twice as fine as it is shown
    width, height = size_of(jpeg)
    scale = min(PICTURE[0] / width, PICTURE[1] / height)
    options = {
        "image_data": BytesIO(jpeg),
        "x_scale": scale,
        "y_scale": scale,
        "x_offset": 3,
        "y_offset": 3,
        "object_position": 1,  # sorted and filtered with its row
    }
    sheet.insert_image(line, place, "picture.jpg", options)
