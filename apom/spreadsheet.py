"""Cells of a table as people hand it over: CSV, cells copied from a spreadsheet, or an Excel workbook (XLSX).

Pure: bytes in, rows of texts out. No formula is ever worked out: of one the workbook's own last value is taken. What is
unpacked is counted as it comes, and a document type is refused, so that no file becomes larger than the limit.

Excel's format: ECMA-376, part 1, section 18 (SpreadsheetML).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from posixpath import join, normpath
from typing import Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from apom.config import LIMITS, MB
from apom.errors import ApomError, Invalid, TooLarge
from apom.statement import RUNS

DELIMITERS = "\t;,"
COLUMNS = 100  # as far to the right as is looked
SHEETS = 20
PARTS = 70_000  # of one name: Excel takes 65,490 styles
ENTRIES = 5_000  # in a workbook's archive; pictures are one each
CHUNK = 64 * 1024
ELEMENT = 48  # bytes that an element counts beside its own: it is time that it costs
FIELD = {
    delimiter: re.compile(
        rf'(?:"((?:[^"]|"")*+)"(?=[{delimiter}\r\n]|\Z)|([^{delimiter}\r\n]*))(\r\n|[{delimiter}\r\n]|\Z)'
    )
    for delimiter in DELIMITERS
}
WORD, LATIN = re.compile(rb"[A-Za-z\xa8\xb8\xc0-\xff]+"), re.compile(rb"[A-Za-z]")
AS_TEXT = re.compile(r'="([^"]*)"')  # how one tells Excel, in CSV, that 010 is no number
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
NOT_SHOWN = re.compile(r'"[^"]*"|\[(?!h|m|s)[^\]]*\]|\\.|[_*].')  # of a number's format: what is no part of the value
BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, 22), "d"),
    18: "h:m",
    20: "h:m",
    **dict.fromkeys((19, 21, 45, 46, 47), "s"),
}
TIMES = {"s": 86_400, "h:m": 1_440}
LAST_DAY = 2_958_466  # 9999-12-31
OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, kw_only=True)
class Row:
    """`number`: as a spreadsheet counts them, from 1. `unread`: where a formula has no value. `above`: what cells hold that
    are merged with one further up. `is_banner`: one text across the columns and nothing else.
    """

    number: int
    cells: Sequence[str]
    unread: frozenset[int] = frozenset()
    above: Mapping[int, str] = field(default_factory=dict)
    is_banner: bool = False


def tables(content: bytes, most: int) -> Iterator[Sequence[Row]]:
    """What the content may mean: each visible sheet of a workbook, or a text with one sign or another between its cells.

    Rows with something in them; after `most` of them one more is read, so that who asks knows. Raises Invalid, TooLarge.
    """
    if len(content) > LIMITS.table_bytes:
        raise TooLarge("A table may have {most} MB. Save only the sheet with the shots.", most=LIMITS.table_bytes // MB)
    if content.startswith(OLE):
        raise Invalid(
            "This workbook has a password, or it is in Excel's old format. Save it as XLSX or CSV without a password.",
            field="table",
        )
    if content.startswith(b"PK\x03\x04"):
        yield from _workbook(content, most)
        return
    text = decoded(content)
    for delimiter in DELIMITERS:
        yield list(_rows(text, delimiter, most))


# text


def decoded(content: bytes) -> str:
    """A text in UTF-8, in UTF-16 with its mark, or in the code pages that Excel writes, Cyrillic and Western. Raises Invalid."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        codes = ["utf-16"]
    else:
        codes = ["utf-8-sig", *(("cp1251", "cp1252") if _is_cyrillic(content) else ("cp1252", "cp1251"))]
    for code in codes:
        try:
            text = content.decode(code)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Invalid("This is no table: neither CSV nor an Excel workbook (XLSX).", field="table")


def _is_cyrillic(content: bytes) -> bool:
    """Words of letters above ASCII alone are Cyrillic; beside Latin letters they are their accents."""
    words = [word for word in WORD.findall(content[:100_000]) if not word.isascii()]
    mixed = sum(LATIN.search(word) is not None for word in words)
    return sum(len(word) > 1 for word in words) > 2 * mixed


def _rows(text: str, delimiter: str, most: int) -> Iterator[Row]:
    """Lenient: a quote opens a cell only where one closes it, so that a line of dialogue stays what it is."""
    number, cells, found, at = 1, list[str](), 0, 0
    while at <= len(text) and found <= most:
        match = FIELD[delimiter].match(text, at)
        assert match is not None, "an empty cell fits everywhere"
        quoted, bare, end = match.groups()
        cells.append(_plain(bare if quoted is None else quoted.replace('""', '"')))
        at = match.end() + (not end)
        if end == delimiter:
            continue
        if any(cells):
            found += 1
            yield Row(number=number, cells=cells[:COLUMNS])
        number, cells = number + 1, []


def _plain(text: str) -> str:
    """Without what we, and others, put before a text so that no spreadsheet runs it (`apom.statement.defused`)."""
    text = text.strip()
    if match := AS_TEXT.fullmatch(text):
        return match[1]
    return text[1:] if text[:1] == "'" and text[1:].lstrip()[:1] in RUNS and len(text) > 1 else text


# workbooks


def _workbook(content: bytes, most: int) -> Iterator[Sequence[Row]]:
    if content.count(b"PK\x01\x02") > ENTRIES:
        raise TooLarge("This workbook has too many parts. Save only the sheet with the shots.")
    try:
        with ZipFile(BytesIO(content)) as archive:
            yield from _Book(archive).sheets(most)
    except ApomError:
        raise
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise _broken() from error
    except (expat.ExpatError, KeyError, ValueError, IndexError, OverflowError) as error:
        raise _broken() from error


def _broken() -> Invalid:
    return Invalid("This is no Excel workbook (XLSX) that can be read. Save it once more, or as CSV.", field="table")


class _Parts(dict[str, list[Mapping[str, str]]]):
    """The attributes of the elements of some names in a part, in their order."""

    def __init__(self, *names: str) -> None:
        super().__init__({name: [] for name in names})

    @property
    def is_full(self) -> bool:
        """Whether there are more than any workbook has."""
        return any(len(found) > PARTS for found in self.values())

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if name in self:
            self[name].append({_local(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        """An element closes."""

    def text(self, data: str) -> None:
        """A piece of text."""


class _Styles(_Parts):
    """How numbers are shown, by the number of the cells' style."""

    def __init__(self) -> None:
        super().__init__("numFmt", "xf")
        self._is_in = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Of formats for cells alone: styles by name have `xf` too."""
        self._is_in |= name == "cellXfs"
        if name != "xf" or self._is_in:
            super().start(name, attributes)

    def end(self, name: str) -> None:
        """An element closes."""
        self._is_in &= name != "cellXfs"

    def shown(self) -> list[str]:
        """ "d" a date, "s" a time with seconds, "h:m" one without, "" a number."""
        own = {each["numFmtId"]: _shown_as(each["formatCode"]) for each in self["numFmt"]}
        ids = [xf.get("numFmtId", "0") for xf in self["xf"]]
        return [own.get(id) or BUILT_IN.get(int(id), "") for id in ids]


def _shown_as(code: str) -> str:
    letters = NOT_SHOWN.sub("", code.split(";")[0].lower())
    if re.search(r"[dy]", letters):
        return "d"
    return "s" if "s" in letters else "h:m" if "h" in letters else ""


class _Cells:
    """One sheet's rows as they stand in its part: texts, and the numbers of shared ones."""

    def __init__(self, most: int, shown: Sequence[str], epoch: datetime) -> None:
        self._most, self._shown, self._epoch = most, shown, epoch
        self.rows: dict[int, dict[int, str | int | None]] = {}
        self.merged: list[tuple[int, int, int, int]] = []
        self._number, self._at = 0, -1
        self._cell: dict[str, str] = {}
        self._words: list[str] = []
        self._is_value = self._is_formula = self._is_aside = False

    @property
    def is_full(self) -> bool:
        """Whether there are more rows than anybody wants."""
        return len(self.rows) > self._most

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if name == "row":
            self._number, self._at = int(attributes.get("r", self._number + 1)), -1
        elif name == "c":
            self._cell, self._words, self._is_formula = attributes, [], False
            self._at = _place(attributes["r"])[0] if "r" in attributes else self._at + 1
        elif name == "f":
            self._is_formula = True
        elif name == "rPh":  # how a word is read aloud
            self._is_aside = True
        elif name in ("v", "t"):
            self._is_value = not self._is_aside
        elif name == "mergeCell" and len(self.merged) < PARTS:
            first, _, last = attributes["ref"].partition(":")
            self.merged.append((*_place(first), *_place(last or first)))

    def end(self, name: str) -> None:
        """An element closes."""
        if name in ("v", "t"):
            self._is_value = False
        elif name == "rPh":
            self._is_aside = False
        elif name == "c" and self._at < COLUMNS and (self._words or self._is_formula):
            value = self._value("".join(self._words))
            if value != "":
                self.rows.setdefault(self._number, {})[self._at] = value

    def text(self, data: str) -> None:
        """A piece of text."""
        if self._is_value:
            self._words.append(data)

    def _value(self, text: str) -> str | int | None:
        """A text; the number of a shared one; None where there is a formula and nothing is known of what it gives."""
        match self._cell.get("t", "n"):
            case "s":
                return int(text)
            case "e":
                return None
            case "n" if text:
                return self._figure(float(text))
            case "b" if text:
                return "yes" if text == "1" else "no"
        return text.strip() or (None if self._is_formula else "")

    def _figure(self, value: float) -> str:
        """A number as one sees it in its cell. 0:05 is five seconds, whatever Excel takes it for."""
        place = int(self._cell.get("s", 0))
        shown = self._shown[place] if place < len(self._shown) else ""
        if shown == "d" and 0 <= value < LAST_DAY:
            return f"{self._epoch + timedelta(days=value):%Y-%m-%d}"
        return f"{value * TIMES.get(shown, 1):.10g}"


class _Shared:
    """Texts that several cells share, those of some numbers."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted, self._most = wanted, max(wanted, default=-1)
        self.found: dict[int, str] = {}
        self._number = -1
        self._words: list[str] = []
        self._is_text = self._is_aside = False

    @property
    def is_full(self) -> bool:
        """Whether all of them are here."""
        return self._number > self._most

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if name == "si":
            self._number, self._words = self._number + 1, []
        elif name == "rPh":
            self._is_aside = True
        elif name == "t":
            self._is_text = not self._is_aside and self._number in self._wanted

    def end(self, name: str) -> None:
        """An element closes."""
        if name == "si" and self._number in self._wanted:
            self.found[self._number] = "".join(self._words).strip()
        elif name == "rPh":
            self._is_aside = False
        elif name == "t":
            self._is_text = False

    def text(self, data: str) -> None:
        """A piece of text."""
        if self._is_text:
            self._words.append(data)


class _Book:
    """A workbook's parts."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._left = LIMITS.table_unpacked_bytes

    def sheets(self, most: int) -> Iterator[Sequence[Row]]:
        """The rows of each visible sheet."""
        (path,) = (target for kind, target in self._related("").values() if kind == "officeDocument")
        book = self._read(path, _Parts("sheet", "workbookPr"))
        related = self._related(path)
        of_kind = {kind: target for kind, target in related.values()}
        styles = self._read(of_kind["styles"], _Styles()).shown() if "styles" in of_kind else []
        is_1904 = any(each.get("date1904") in ("1", "true") for each in book["workbookPr"])
        epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)
        ids = [sheet["id"] for sheet in book["sheet"] if sheet.get("state", "visible") == "visible"][:SHEETS]
        paths = [target for kind, target in map(related.__getitem__, ids) if kind == "worksheet"]
        found = [self._read(path, _Cells(most, styles, epoch)) for path in paths]
        wanted = {
            value for cells in found for row in cells.rows.values() for value in row.values() if type(value) is int
        }
        shared = self._read(of_kind["sharedStrings"], _Shared(wanted)).found if wanted else {}
        yield from (list(_table(cells, shared)) for cells in found)

    def _related(self, path: str) -> dict[str, tuple[str, str]]:
        """What a part names: (its kind, its path) by id."""
        folder, _, name = path.rpartition("/")
        found = self._read(join(folder, "_rels", f"{name}.rels"), _Parts("Relationship"))["Relationship"]
        return {
            each["Id"]: (each["Type"].rpartition("/")[2], normpath(join("/", folder, each["Target"])).lstrip("/"))
            for each in found
        }

    def _read(self, path: str, reader: Any) -> Any:
        """A part, as far as its reader wants it. Raises TooLarge."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = partial(self._start, reader)
        parser.EndElementHandler = lambda name: reader.end(_local(name))
        parser.CharacterDataHandler = reader.text
        parser.StartDoctypeDeclHandler = _no_document_type
        with self._archive.open(path) as file:
            while not reader.is_full and (chunk := file.read(CHUNK)):
                self._left -= len(chunk)
                if self._left < 0:
                    raise TooLarge(
                        "Unpacked, this workbook has more than {most} MB. Save only the sheet with the shots.",
                        most=LIMITS.table_unpacked_bytes // MB,
                    )
                parser.Parse(chunk)
        return reader

    def _start(self, reader: Any, name: str, attributes: dict[str, str]) -> None:
        self._left -= ELEMENT
        reader.start(_local(name), attributes)


def _table(cells: _Cells, shared: Mapping[int, str]) -> Iterator[Row]:
    texts = {
        number: {at: shared[value] if type(value) is int else value for at, value in row.items()}
        for number, row in cells.rows.items()
    }
    above: dict[int, dict[int, str]] = {}
    wide = set[tuple[int, int]]()
    for left, top, right, bottom in cells.merged:
        value = texts.get(top, {}).get(left)
        if right - left > 1:
            wide.add((top, left))
        if isinstance(value, str):
            for number in [number for number in texts if top < number <= bottom]:
                above.setdefault(number, {})[left] = value
    for number, row in sorted(texts.items()):
        if any(value != "" for value in row.values()):
            yield Row(
                number=number,
                cells=[str(row.get(at) or "") for at in range(max(row) + 1)],
                unread=frozenset(at for at, value in row.items() if value is None),
                above=above.get(number, {}),
                is_banner=len(row) == 1 and (number, next(iter(row))) in wide,
            )


def _place(reference: str) -> tuple[int, int]:
    """(column from 0, row) of a cell's name.

    >>> _place("AB12")
    (27, 12)
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(reference)
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1, int(match[2])


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _no_document_type(*_: object) -> None:
    raise _broken()
