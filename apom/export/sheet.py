"""A project as documents show it: its shots in order, each with the take that stands for it, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import Field
from pydantic.config import JsonDict

from apom.models import Opinion, Paper, Progress, Project, Record
from apom.words import N_, _

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0, section 2.2
PROGRESS = {
    Progress.NO_TAKE: N_("no take yet"),
    Progress.PICKED: N_("picked"),
    Progress.IN_REVIEW: N_("in review"),
    Progress.CHANGES_WANTED: N_("changes wanted"),
    Progress.APPROVED: N_("approved"),
}
OPINIONS = {Opinion.APPROVED: N_("approved by {name}"), Opinion.CHANGES_WANTED: N_("changes wanted by {name}")}

SECRET: JsonDict = {"writeOnly": True}  # of a choice: who has it may look in, so it is kept nowhere
PAPER: dict[Paper, tuple[float, float]] = {"A4": (210, 297), "Letter": (215.9, 279.4)}  # mm, wide and high


class Choice(Record):
    """What a document shows beside shot, picture, prompt and model."""

    paper: Paper = Field("A4", description=N_("paper"))
    cost: bool = Field(False, description=N_("cost"))
    seeds: bool = Field(False, description=N_("seeds"))
    verdicts: bool = Field(False, description=N_("who approved, who asked for changes"))
    comments: bool = Field(False, description=N_("what clients said"))
    review_link: str | None = Field(
        None,
        description=N_("address of a review link, for the cover"),
        json_schema_extra=SECRET,
    )


@dataclass(frozen=True, kw_only=True)
class Said:
    """Somebody's last word about a shot. `take`: the number of the take it was about, None where that take is gone."""

    name: str
    opinion: Opinion
    round: int
    take: int | None
    at: datetime

    def words(self, shown: int | None = None) -> str:
        """In a line; `shown`: the take it stands beside, as another one is named."""
        about = _("round {n}", n=self.round)
        if self.take is not None and self.take != shown:
            about += ", " + _("take {n}", n=self.take)
        return f"{_(OPINIONS[self.opinion], name=self.name)} ({about})"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One row. `thumb`: None where there is no picture, `remark` says why. `cost`: in `unit`. `take`: the take's number.

    `verdicts`: the last word of each person, the newest first.
    """

    code: str
    name: str
    line: str = ""
    notes: str = ""
    progress: Progress
    prompt: str = ""
    model: str = ""
    seed: int | None = None
    duration_s: float | None = None
    cost: float | None = None
    unit: str = ""
    take: int | None = None
    is_favorite: bool = False
    thumb: Path | None = None
    remark: str = ""
    comments: Sequence[tuple[str, str]] = ()
    verdicts: Sequence[Said] = ()

    @property
    def title(self) -> str:
        """Its code and name."""
        return f"{self.code} {self.name}".strip()

    @property
    def alt(self) -> str:
        """What the picture shows, for who cannot see it."""
        return f"{self.title}: {self.prompt}"[:500]


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
        return tuple(f"{shot.title}: {shot.remark}" for shot in self.shots if shot.remark)


def clean(text: str) -> str:
    """A text without what no XML document may hold."""
    return FORBIDDEN.sub("", text)


def picture_size(project: Project) -> str:
    """How large and how fast its pictures are, in words."""
    return _(
        "{width} × {height}, {fps} frames a second", width=project.width, height=project.height, fps=f"{project.fps:g}"
    )


def length(seconds: float) -> str:
    """A length as people read it: 4.5 s, 1:05."""
    if seconds < 60:
        return _("{s} s", s=f"{seconds:g}" if seconds == round(seconds, 1) else f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
