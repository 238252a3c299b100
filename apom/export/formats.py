"""What a project can leave as. The command line, REST, the client and the board's menu are drawn from this list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apom.errors import Invalid
from apom.export import bundle, handover, sheets
from apom.export.room import Progress, Room
from apom.export.sheet import Choice
from apom.fields import refusal
from apom.models import Record, Role
from apom.words import N_

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, kw_only=True)
class Format:
    """`choice`: what one may choose, each with a default. `write`: answers with what is missing in the file, in words.

    `is_long`: made as a job, and fetched when it is done. `least`: the role it takes. `suffix`: what follows the
    project's name in the file's.
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
        write=sheets.docx,
    ),
    "csv": Format(
        title=N_("Table"),
        about=N_("Shots or takes as CSV, for any spreadsheet."),
        icon="table",
        ext="csv",
        mime="text/csv",
        choice=sheets.TableChoice,
        write=sheets.csv,
        suffix=lambda choice: "takes" if choice.takes else "shots",
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
    ),
}


def named(name: str) -> Format:
    """One of the formats. Raises Invalid."""
    if name not in FORMATS:
        raise Invalid("There is no such format. There are: {names}.", field="format", names=", ".join(FORMATS))
    return FORMATS[name]
