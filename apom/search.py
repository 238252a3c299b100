"""What a list of takes is narrowed to, and how a search line is read. Pure: `store.assets` makes SQL of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apom.fields import one_line
from apom.models import AssetType, SourceType, Status

QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
TERM = re.compile(r'(?P<no>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which takes; None and the like for any. `since` is the first moment, `until` the first one after the last.

    `trashed_at`: thrown away at this very moment, which is what a job throws away.
    """

    project_id: UUID | None = None
    box_id: UUID | None = None
    batch_id: UUID | None = None
    asset_type: AssetType | None = None
    source_type: SourceType | None = None
    status: Status | None = None
    favorites: bool = False
    min_rating: int = 0
    trashed: bool = False
    trashed_at: datetime | None = None
    ai_model: str | None = None
    tag: str | None = None
    created_by: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Words:
    """What must be in a text, each of it, and what must not; in either case of the letters."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """First what must be there, then what must not."""
        return self.wanted + self.unwanted


def parse(line: str) -> Words:
    """`storm "old lighthouse" -night -"city street"`: words and phrases, those after a minus unwanted.

    Every line means something: a quote that is never closed reaches to the end, signs that stand alone are passed over.
    """
    found: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for term in TERM.finditer(one_line(line).translate(QUOTES)):
        text = one_line(term["phrase"] or term["word"] or "")
        if text.strip("-"):
            found[bool(term["no"])][text] = None
    return Words(wanted=tuple(found[False]), unwanted=tuple(found[True]))
