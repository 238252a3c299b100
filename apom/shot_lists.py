"""Shots from a table: which column is what, what each row comes to, and all of it brought in, or nothing.

A table is known by its headings, in English or Russian; what we export comes in again. An empty cell leaves a shot as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from apom.config import LIMITS
from apom.errors import ApomError, Invalid
from apom.events import Hub
from apom.fields import BoxChanges, check, one_line
from apom.models import Actor, Box, BoxKind, Event, Project, Role, RowOutcome, ShotRow, ShotTable, new_id
from apom.projects import check_trim, need, next_codes
from apom.spreadsheet import Row, tables
from apom.store import Store, Tx, boxes, projects
from apom.words import plural, say, speaking

HEAD = 20  # rows that are looked through for the headings: titles may stand above them
SAID = 8  # problems in one sentence
CODE_CHARS = 16
NAME_CHARS = 60  # of a name that is taken from the prompt
# The headings of each field, the best first; `_heading` says how they are compared.
HEADINGS: Mapping[str, str] = {
    "code": "code|shot code|код|код шота|shot no|no шота|no кадра|no плана|shot|шот|кадр|план|no",
    "name": "name|shot name|title|имя|название|наименование|shot|шот|кадр|план",
    "section": "section|scene|scene no|sequence|act|раздел|сцена|no сцены|эпизод|секция|акт",
    "prompt_text": "prompt|prompt text|промпт|промт|description|shot description|action|описание|описание шота|описание кадра"
    "|действие",
    "line": "line|spoken line|dialogue|dialog|voice over|voiceover|vo|реплика|диалог|закадровый текст|текст диктора|текст",
    "notes": "notes|note|comments|comment|remarks|заметки|заметка|примечания|примечание|комментарии|комментарий",
    "kind": "kind|type|вид|тип",
    "duration_s": "duration|length|on screen|seconds|sec|длительность|длина|хронометраж|хрон|секунды|сек",
    "in_s": "in|вход|начало",
    "out_s": "out|выход|конец",
    "assignee": "assignee|assigned to|whose it is|artist|ответственный|исполнитель|кто",
}
NUMBER = re.compile(r"#|№|\bnumber\b|\bномер\b")
UNITS = frozenset("s sec seconds с сек секунд секунды".split())  # at the end of a heading
SHARED = ("section", "kind", "assignee")  # a cell that is merged with one further up means the same there
KINDS = {
    **dict.fromkeys("shot шот кадр план".split(), BoxKind.SHOT),
    **dict.fromkeys("reference ref референс".split(), BoxKind.REFERENCE),
    **dict.fromkeys("cut монтаж".split(), BoxKind.CUT),
}
IDENTIFYING = {"code", "name", "prompt_text", "line"}  # one of them a shot must have
SECONDS = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:s|sec|seconds?|с|сек|секунд[аы]?)?\.?", re.IGNORECASE)
CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+):(\d+(?:[.,]\d+)?)")  # m:s, h:m:s, and a timecode h:m:s:f


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A table whose headings were found. `columns`: the place of each field; `rows`: those below the headings;
    `has_sections`: rows with one merged text name the section of those below.
    """

    headings: Sequence[str]
    columns: Mapping[str, int]
    rows: Sequence[Row]
    has_sections: bool = True

    @property
    def unread(self) -> tuple[str, ...]:
        """Headings of columns that are not read."""
        places = self.columns.values()
        return tuple(one_line(text) for at, text in enumerate(self.headings) if text and at not in places)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What rows are read against: the project's boxes by code, and who is in it."""

    project: Project
    boxes: Sequence[Box]
    people: Mapping[str, UUID]

    def box(self, code: str) -> Box | None:
        """The box of that code; spreadsheets lose the zeros before a number."""
        return self._by_code.get(code) or self._by_key.get(_key(code))

    @cached_property
    def _by_code(self) -> dict[str, Box]:
        return {box.code: box for box in self.boxes}

    @cached_property
    def _by_key(self) -> dict[str, Box]:
        return {_key(box.code): box for box in reversed(self.boxes)}


class ShotLists:
    """Reads tables of shots and brings them in."""

    def __init__(self, store: Store, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock

    def plan(
        self, actor: Actor, project_id: UUID, content: bytes, *, update: bool, leave_out: Collection[str]
    ) -> ShotTable:
        """What bringing it in would do, row by row; nothing is stored. Raises NotFound, NotAllowed, Invalid, TooLarge."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            place = _place(tx, actor, project_id)
        with speaking(actor.language):
            return planned(listed(content, leave_out), place, update=update)

    def bring_in(
        self, actor: Actor, project_id: UUID, content: bytes, *, update: bool, leave_out: Collection[str]
    ) -> tuple[Box, ...]:
        """The boxes that were made and changed, in the table's order; all or none. Raises as `plan`, and for any problem."""
        with self._store.read() as tx:
            need(tx, actor, project_id, Role.EDITOR)
        table, now = listed(content, leave_out), self._clock()
        with self._store.write() as tx:
            need(tx, actor, project_id, Role.EDITOR)
            place = _place(tx, actor, project_id)
            with speaking(actor.language):
                plan = planned(table, place, update=update)
                _refuse(plan)
            codes = [row.code for row in plan.of("new", "changed")]
            new = list(_new(plan, place, actor, len(boxes.order(tx, project_id)), now))
            boxes.insert(tx, new)
            for row in plan.of("changed"):
                box = place.box(row.code)
                assert box is not None, "it was changed because it is there"
                boxes.update(tx, box.id, check(BoxChanges, row.fields), now)
            if codes:
                projects.touch(tx, project_id, now)
            there = {box.code: box for box in boxes.of_project(tx, actor.user_id, project_id)}
        if codes:
            self._hub.publish(Event(type="boxes_changed", project_id=project_id))
        return tuple(there[code] for code in codes)


def _place(tx: Tx, actor: Actor, project_id: UUID) -> Place:
    project = projects.get(tx, actor.user_id, project_id)
    assert project is not None, "its role was read in this snapshot"
    people = {member.username.casefold(): member.user_id for member in projects.members(tx, actor.user_id, project_id)}
    return Place(project=project, boxes=boxes.of_project(tx, actor.user_id, project_id), people=people)


def _refuse(plan: ShotTable) -> None:
    """Raises Invalid with the first problems, each with its row."""
    found = [f"{row.row}: {problem}" for row in plan.rows for problem in row.problems]
    if not found:
        return
    more = len(found) - SAID
    raise Invalid(
        "Nothing was stored. Rows of the table that cannot be used: {problems}",
        field="table",
        problems=" ".join(found[:SAID]) + (" " + plural("And {n} more.", "And {n} more.", more) if more > 0 else ""),
    )


def _new(plan: ShotTable, place: Place, actor: Actor, first: int, now: datetime) -> Iterator[Box]:
    """The new boxes; shots at the end, in the table's order."""
    for row in plan.of("new"):
        fields = dict(row.fields)
        kind = BoxKind(str(fields.pop("kind", BoxKind.SHOT)))
        yield Box(
            id=new_id(),
            project_id=place.project.id,
            project_name=place.project.name,
            kind=kind,
            order_index=first if kind is BoxKind.SHOT else None,
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
            **check(BoxChanges, fields),
        )
        first += kind is BoxKind.SHOT


# which column is what


def listed(content: bytes, leave_out: Collection[str] = ()) -> Listed:
    """The table with the most columns that are known: a workbook's sheet, a text. Raises Invalid, TooLarge."""
    left_out = set(map(_field_named, leave_out))
    found = [table for rows in tables(content, LIMITS.shots_at_once + HEAD) if (table := _headed(rows)) is not None]
    best = max(found, key=lambda table: len(table.columns), default=None)
    if best is None:
        raise Invalid(
            "No row with headings was found. Name the columns, for example: code, name, section, prompt, line, notes, "
            "duration, assignee.",
            field="table",
        )
    if not best.rows:
        raise Invalid("Below the headings there is no row.", field="table")
    if len(best.rows) > LIMITS.shots_at_once:
        raise Invalid(
            "A table may have {most} shots. Bring them in as several tables.", field="table", most=LIMITS.shots_at_once
        )
    columns = {name: at for name, at in best.columns.items() if name not in left_out}
    if not IDENTIFYING & columns.keys():
        raise Invalid("None of the columns names a shot. Give one of: code, name, prompt, line.", field="table")
    return replace(best, columns=columns, has_sections="section" not in left_out)


def _field_named(text: str) -> str:
    """A field by its name or one of its headings. Raises Invalid."""
    words = _heading(text)
    found = next((name for name, known in HEADINGS.items() if text == name or words in known.split("|")), None)
    if found is None:
        raise Invalid(
            "There is no column {name}. There are: {names}.",
            field="leave_out",
            name=one_line(text)[:60],
            names=", ".join(HEADINGS),
        )
    return found


def _headed(rows: Sequence[Row]) -> Listed | None:
    """The first row with two headings that are known, else the first of all with one and nothing else."""
    found = [_columns(row.cells) for row in rows[:HEAD]]
    several = (at for at, columns in enumerate(found) if len(columns) > 1)
    is_alone = bool(found and found[0]) and sum(map(bool, rows[0].cells)) == 1
    at = next(several, 0 if is_alone else None)
    return None if at is None else Listed(headings=rows[at].cells, columns=found[at], rows=rows[at + 1 :])


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """The place of each field; each column is one, and the best heading wins."""
    headings = [_heading(cell) for cell in cells]
    found = dict[str, int]()
    for name, words in HEADINGS.items():
        places = (headings.index(word) for word in words.split("|") if word in headings)
        place = next((place for place in places if place not in found.values()), None)
        if place is not None:
            found[name] = place
    return found


def _heading(text: str) -> str:
    """A heading as headings are compared: `Length, s`, `duration_s` and `№` are known."""
    words = re.findall(r"[^\W_]+", NUMBER.sub(" no ", text[:60].casefold()).replace("ё", "е"))
    return " ".join(words[:-1] if len(words) > 1 and words[-1] in UNITS else words)


# what a row comes to


def planned(table: Listed, place: Place, *, update: bool) -> ShotTable:
    """What each row comes to, in the language of this context."""
    rows, banner, seen = list[ShotRow](), "", dict[str, int]()
    said = {text for row in table.rows if (text := _text(row, table, "code")).isdecimal() and len(text) <= CODE_CHARS}
    taken = {box.code for box in place.boxes} | said
    spare = iter(next_codes(taken, len(table.rows)))
    for row in table.rows:
        if row.is_banner:
            banner = "".join(row.cells)
            continue
        texts = {name: text for name in table.columns if (text := _text(row, table, name))}
        if banner and table.has_sections:
            texts.setdefault("section", banner)
        read = _Reader(place, row, table)
        fields = read.fields(texts)
        code = fields.pop("code", "")
        box = place.box(code) if code else None
        code = box.code if box else code or next(spare)
        if (before := seen.setdefault(f"here {code}" if box else _key(code), row.number)) != row.number:
            read.minds(Invalid("Shot {code} stands in row {row} already.", code=code, row=before))
        outcome = read.outcome(box, fields, update=update)
        if outcome == "new":
            fields["code"] = code
            fields["name"] = fields.get("name") or _named(fields) or code
        rows.append(
            ShotRow(
                row=row.number,
                outcome=outcome,
                code=code,
                name=str(fields.get("name") or (box.name if box else "")),
                fields=_stored(fields) if outcome in ("new", "changed") else {},
                problems=tuple(read.problems),
            )
        )
    if not rows:
        raise Invalid("Below the headings there is no row.", field="table")
    headings = {name: one_line(table.headings[at]) for name, at in table.columns.items()}
    return ShotTable(rows=tuple(rows), columns=headings, unread=table.unread)


class _Reader:
    """Reads the cells of one row, and remembers what is wrong with them."""

    def __init__(self, place: Place, row: Row, table: Listed) -> None:
        self._place, self._row, self._table = place, row, table
        self.problems = list[str]()

    def minds(self, error: ApomError) -> None:
        """Something is wrong."""
        self.problems.append(say(error))

    def fields(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """What the cells say, as fields of a box."""
        found = dict[str, Any]()
        for at in self._table.columns.values():
            if at in self._row.unread:
                error = Invalid(
                    "The formula under {heading} has no value. Write what it gives into the cell.",
                    heading=one_line(self._table.headings[at])[:60],
                )
                self.minds(error)
        for name, text in texts.items():
            try:
                found |= self._field(name, text)
            except Invalid as error:
                self.minds(error)
        if not self.problems and not IDENTIFYING & found.keys():
            self.minds(Invalid("Nothing here names a shot. Give it a code or a name, or delete the row."))
        return found

    def outcome(self, box: Box | None, fields: dict[str, Any], *, update: bool) -> RowOutcome:
        """What the row does; `fields` keeps what differs from the box."""
        if box is not None and not update:
            return "refused" if self.problems else "here"
        if box is not None:
            if fields.pop("kind", box.kind) is not box.kind:
                self.minds(
                    Invalid("{code} is no shot of this kind here, and its kind stays. Leave it out.", code=box.code)
                )
            for name in [name for name, value in fields.items() if value == getattr(box, name)]:
                del fields[name]
        try:
            trims = {"in_s": box.in_s, "out_s": box.out_s} if box else {}
            if {"in_s", "out_s"} & fields.keys():
                check_trim({**trims, **fields}, box.clip_s if box else None)
        except Invalid as error:
            self.minds(error)
        if self.problems:
            return "refused"
        return "new" if box is None else "changed" if fields else "same"

    def _field(self, name: str, text: str) -> Mapping[str, Any]:
        """One cell. Raises Invalid."""
        if name == "kind":
            kind = KINDS.get(text.casefold())
            if kind is None:
                raise Invalid("“{text}” is no kind of shot. Write shot, reference or cut.", text=one_line(text)[:40])
            return {"kind": kind}
        if name == "assignee":
            person = self._place.people.get(one_line(text).casefold())
            if person is None:
                raise Invalid(
                    "{name} is not in this project. Let them in first, or leave this column out.",
                    name=one_line(text)[:60],
                )
            return {"assignee_id": person}
        if name in ("duration_s", "in_s", "out_s"):
            return check(BoxChanges, {name: seconds(text, self._place.project.fps)})
        if name == "code":
            return {"code": _code(text)}
        return check(BoxChanges, {name: text})


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as JSON."""
    return {name: str(value) if isinstance(value, UUID | StrEnum) else value for name, value in fields.items()}


def _text(row: Row, table: Listed, name: str) -> str:
    """What stands in a row under a field's heading."""
    at = table.columns.get(name)
    if at is None:
        return ""
    text = row.cells[at].strip() if at < len(row.cells) else ""
    return text or (row.above.get(at, "") if name in SHARED else "")


def _key(code: str) -> str:
    return code.lower().lstrip("0") or "0"


def _code(text: str) -> str:
    try:
        return str(check(BoxChanges, {"code": text})["code"])
    except Invalid:
        raise Invalid(
            "“{text}” is no code. Use up to 16 letters, digits, dots and dashes, such as 010 or A-20.",
            text=one_line(text)[:40],
        ) from None


def _named(fields: Mapping[str, Any]) -> str:
    """A name for a shot that has none: how its prompt or its line begins."""
    text = one_line(str(fields.get("prompt_text") or fields.get("line") or ""))
    if len(text) <= NAME_CHARS:
        return text
    return text[: NAME_CHARS + 1].rpartition(" ")[0] or text[:NAME_CHARS]


def seconds(text: str, fps: float) -> float:
    """A length: 2.5, 2,5 s, 0:05, 1:02:03, or a timecode 00:00:05:12. Raises Invalid.

    >>> seconds("00:00:05:12", 24)
    5.5
    """
    text = text.strip()
    if match := SECONDS.fullmatch(text):
        return float(match[1].replace(",", "."))
    if match := CLOCK.fullmatch(text):
        *whole, last = (float((part or "0").replace(",", ".")) for part in match.groups())
        if match[1] is None:
            return (whole[1] * 60 + whole[2]) * 60 + last
        return round((whole[0] * 60 + whole[1]) * 60 + whole[2] + last / fps, 3)
    raise Invalid("“{text}” is no length. Write seconds, such as 2.5, or 0:05.", text=one_line(text)[:40])
