"""A project as documents show it: its shots in order, each with the take that stands for it, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import Field

from apom.models import Progress, Project, Record
from apom.words import N_, _

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0, section 2.2
PROGRESS = {
    Progress.NO_TAKE: N_("no take yet"),
    Progress.PICKED: N_("picked"),
    Progress.IN_REVIEW: N_("in review"),
    Progress.CHANGES_WANTED: N_("changes wanted"),
    Progress.APPROVED: N_("approved"),
}


class Choice(Record):
    """What a document shows beside shot, picture, prompt and model. Comments: those that clients see."""

    cost: bool = Field(False, description=N_("what it cost"))
    seeds: bool = Field(False, description=N_("the seeds"))
    comments: bool = Field(False, description=N_("what clients said"))


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One row. `thumb`: None where there is no picture, `remark` says why. `cost`: in `unit`."""

    code: str
    name: str
    line: str = ""
    progress: Progress
    prompt: str = ""
    model: str = ""
    seed: int | None = None
    duration_s: float | None = None
    cost: float | None = None
    unit: str = ""
    thumb: Path | None = None
    remark: str = ""
    comments: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """`spent`: in words, empty where it is not wanted."""

    project: Project
    shots: Sequence[Shot]
    made_at: datetime
    choice: Choice = field(default_factory=Choice)
    spent: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is missing, shot by shot."""
        if not self.shots:
            return (_("The project has no shots yet."),)
        return tuple(f"{shot.code} {shot.name}: {shot.remark}" for shot in self.shots if shot.remark)


def clean(text: str) -> str:
    """A text without what no XML document may hold."""
    return FORBIDDEN.sub("", text)
