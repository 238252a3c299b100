"""What a project can leave as. The command line, REST, the client and the board's menu are drawn from this list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apom.errors import Invalid
from apom.export import bundle, contact, document, films, handover, packing, rights, tables, workbook
from apom.export.room import Progress, Room
from apom.export.sheet import SECRET, Choice
from apom.fields import refusal
from apom.models import Record, Role
from apom.words import N_

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, kw_only=True)
class Format:
    """`choice`: what one may choose, each with a default. `write`: answers with what is missing in the file, in words.

    `is_long`: made as a job, and fetched when it is done. `least`: the role it takes. `suffix`: what follows the
    project's name in the file's. `told`: what the job says of the file besides; of several, `number` is in its name, too.
    """

    title: str
    about: str
    icon: str
    ext: str
    mime: str
    choice: type[Record]
    write: Callable[[Room, Any, Path, Progress], Sequence[str]]
    is_long: bool = False
    least: Callable[[Any], Role] = lambda choice: Role.VIEWER
    suffix: Callable[[Any], str] = lambda choice: ""
    told: Callable[[Room, Any], Mapping[str, int | None]] = lambda room, choice: {}

    @property
    def secrets(self) -> set[str]:
        """The choices that are asked for anew each time and kept nowhere."""
        return {name for name, field in self.choice.model_fields.items() if field.json_schema_extra == SECRET}

    def check(self, choices: Mapping[str, object]) -> Record:
        """What was chosen, the rest as it is by default. Raises Invalid."""
        try:
            return self.choice.model_validate(dict(choices))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise refusal(first["loc"], first) from None


FORMATS: Mapping[str, Format] = {
    "docx": Format(
        title=N_("Word document"),
        about=N_("Each shot with its picture, prompt and model, to read and to print."),
        icon="description",
        ext="docx",
        mime=DOCX,
        choice=Choice,
        write=document.export,
    ),
    "pdf": Format(
        title=N_("Contact sheet"),
        about=N_("Pictures in a grid, a storyboard, or beside their lines and notes, as PDF."),
        icon="grid_view",
        ext="pdf",
        mime="application/pdf",
        choice=contact.PdfChoice,
        write=contact.export,
    ),
    "xlsx": Format(
        title=N_("Workbook"),
        about=N_("Shots, takes and costs for Excel, each on a sheet of its own."),
        icon="table_chart",
        ext="xlsx",
        mime=XLSX,
        choice=workbook.XlsxChoice,
        write=workbook.export,
    ),
    "csv": Format(
        title=N_("Table"),
        about=N_("Shots, takes or costs as CSV, for any spreadsheet."),
        icon="table",
        ext="csv",
        mime="text/csv",
        choice=tables.CsvChoice,
        write=tables.export,
        suffix=lambda choice: str(choice.table),
    ),
    "rights": Format(
        title=N_("Rights sheet"),
        about=N_(
            "For each file that is delivered: model and terms, inputs, who approved it. What is unknown stands at the top."
        ),
        icon="gavel",
        ext="docx",
        mime=DOCX,
        choice=rights.RightsChoice,
        write=rights.export_docx,
        suffix=lambda choice: "rights",
    ),
    "rights_csv": Format(
        title=N_("Rights sheet as a table"),
        about=N_("The same as CSV, a row for each file."),
        icon="gavel",
        ext="csv",
        mime="text/csv",
        choice=rights.RightsCsvChoice,
        write=rights.export_csv,
        suffix=lambda choice: "rights",
    ),
    "animatic": Format(
        title=N_("Animatic"),
        about=N_("The cut as a film: stills held for their shots, clips with their trims, the soundtrack below."),
        icon="movie",
        ext="mp4",
        mime="video/mp4",
        choice=films.AnimaticChoice,
        write=films.write,
        is_long=True,
    ),
    "archive": Format(
        title=N_("Project archive"),
        about=N_("Everything of the project in one file, to keep or to bring into another apom. No links, no keys."),
        icon="inventory_2",
        ext="zip",
        mime="application/zip",
        choice=packing.ArchiveChoice,
        write=packing.write,
        is_long=True,
        least=lambda choice: Role.EDITOR,
        suffix=lambda choice: "archive",
    ),
    "zip": Format(
        title=N_("Takes as a ZIP"),
        about=N_("The files themselves, named by shot and take, with a manifest. It begins to arrive at once."),
        icon="folder_zip",
        ext="zip",
        mime="application/zip",
        choice=bundle.ZipChoice,
        write=bundle.write,
        least=bundle.least,
        suffix=lambda choice: str(choice.what),
    ),
    "cut": Format(
        title=N_("Hand-over to the editor"),
        about=N_(
            "The cut for Premiere, Resolve and others, with everything it is cut from. The next one holds what is new."
        ),
        icon="content_cut",
        ext="zip",
        mime="application/zip",
        choice=handover.CutChoice,
        write=handover.write,
        is_long=True,
        least=lambda choice: Role.EDITOR,
        suffix=lambda choice: "hand-over",
        told=handover.told,
    ),
}


def named(name: str) -> Format:
    """One of the formats. Raises Invalid."""
    if name not in FORMATS:
        raise Invalid("There is no such format. There are: {names}.", field="format", names=", ".join(FORMATS))
    return FORMATS[name]
