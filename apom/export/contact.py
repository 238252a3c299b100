"""Contact sheets and storyboards as PDF: pictures in a grid, or pictures with what is said and noted beside or below them.

DejaVu Sans goes in with the letters that are used (Latin, Cyrillic, Greek, Hebrew and more); what it has no letter for is
shown as an empty square and never an error.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from apom.export.room import Progress, Room
from apom.export.sheet import PAPER, PROGRESS, Sheet, Shot, clean, length
from apom.export.sheets import sheet as read_sheet
from apom.models import Grid, Layout, Paper, Record, Which
from apom.words import N_, _, day, plural

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN = 10.0  # mm
HEAD, FOOT = 9.0, 7.0  # mm
GAP = 4.0
LINE = 1.3  # line height, in sizes of the letters
PT = 25.4 / 72  # mm
DOTS = 200  # small pictures are made for so many dots an inch
WHOLE = 400  # a thumbnail that would have more dots goes in as it is: making it smaller takes longer than it saves
INK, GREY, PALE = (38, 50, 74), (110, 116, 128), (238, 240, 244)
NO_LETTER = "□"
SIZES = {"2x2": 9.0, "3x2": 8.0, "4x3": 7.0, "5x4": 6.0, "6x5": 5.5}  # pt
SCRIPT_ROWS = 5
STORYBOARD = (3, 2)  # frames across and down
WORDS = (N_("grid"), N_("storyboard"), N_("script"))  # as they are shown


class PdfChoice(Record):
    """What a contact sheet shows, and how."""

    layout: Layout = Field("grid", description=N_("layout"))
    grid: Grid = Field("4x3", description=N_("pictures across and down, in a grid"))
    paper: Paper = Field("A4", description=N_("paper"))
    which: Which = Field("headliners", description=N_("which takes"))
    prompts: bool = Field(False, description=N_("prompts"))


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where things of one shot stand: x, y, width, height in mm. `size`: of the letters, in pt."""

    picture: tuple[float, float, float, float]
    words: tuple[float, float, float, float]
    size: float


@dataclass(frozen=True, kw_only=True)
class Board:
    """How a page is divided. `frames`: of one page, in order."""

    is_landscape: bool
    frames: Sequence[Frame]
    lines: Sequence[tuple[float, float, float, float]] = ()  # rules between rows: x, y, x, y


def export(room: Room, choice: PdfChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The contact sheet at `path`; answers with what is missing. Raises NotFound, OSError."""
    sheet = read_sheet(room, which=choice.which)
    write(sheet, choice, path, progress)
    return sheet.remarks if sheet.shots else (_nothing(choice.which),)


def write(sheet: Sheet, choice: PdfChoice, path: Path, progress: Progress = lambda share: None) -> None:
    """The PDF at `path`. Raises OSError."""
    board = divided(choice)
    pdf = _new(sheet, board, choice.paper)
    letters = Letters(pdf)
    most = len(board.frames)
    pages = [sheet.shots[i : i + most] for i in range(0, len(sheet.shots), most)] or [()]
    done = 0
    for number, shots in enumerate(pages, start=1):
        pdf.add_page()
        _edges(pdf, letters, sheet, f"{number} / {len(pages)}")
        for x, y, to_x, to_y in board.lines if shots else ():
            pdf.line(x, y, to_x, to_y)
        for frame, shot in zip(board.frames, shots, strict=False):
            _picture(pdf, letters, frame, shot)
            _words(pdf, letters, frame, told(shot, choice))
            done += 1
            progress(0.9 * done / len(sheet.shots))
    if not sheet.shots:
        letters.write(_nothing(choice.which), MARGIN, MARGIN + HEAD + 6, 10, GREY)
    pdf.output(str(path))
    progress(1)


def _nothing(which: Which) -> str:
    if which == "headliners":
        return _("The project has no shots yet.")
    return _("No take is a favourite yet.") if which == "favourites" else _("The project has no finished takes yet.")


def told(shot: Shot, choice: PdfChoice) -> list[tuple[str, bool]]:
    """What stands with a picture, line by line, and whether it is what the shot is called."""
    take = _("take {n}", n=shot.take) if choice.which != "headliners" and shot.take is not None else ""
    if take and shot.is_favorite:
        take += " ★"
    lasts = length(shot.duration_s) if shot.duration_s else ""
    about = " · ".join(part for part in (take, lasts, shot.model if choice.prompts or take else "") if part)
    lines = [(shot.title, True), (about, False)]
    if choice.layout != "grid":
        progress = "" if choice.which != "headliners" else _(PROGRESS[shot.progress])
        lines += [(progress, False), (f"“{shot.line}”" if shot.line else "", False), (shot.notes, False)]
    if choice.prompts:
        lines.append((shot.prompt, False))
    return [(text, is_name) for text, is_name in lines if text]


def divided(choice: PdfChoice) -> Board:
    """The page of a choice."""
    narrow, tall = PAPER[choice.paper]
    if choice.layout == "script":
        return _script(narrow, tall)
    wide, high = tall, narrow
    top, room = MARGIN + HEAD, high - 2 * MARGIN - HEAD - FOOT
    if choice.layout == "storyboard":
        across, down, size = *STORYBOARD, 8.0
    else:
        across, down, size = int(choice.grid[0]), int(choice.grid[2]), SIZES[choice.grid]
    width = (wide - 2 * MARGIN - (across - 1) * GAP) / across
    height = (room - (down - 1) * GAP) / down
    lines = 3 if choice.layout == "grid" and not choice.prompts else 6
    caption = 1.5 + lines * size * PT * LINE
    picture = min(height - caption, width * 9 / 16) if choice.layout == "storyboard" else height - caption
    frames = [
        Frame(picture=(x, y, width, picture), words=(x, y + picture + 1.5, width, height - picture - 1.5), size=size)
        for y in (top + row * (height + GAP) for row in range(down))
        for x in (MARGIN + column * (width + GAP) for column in range(across))
    ]
    return Board(is_landscape=True, frames=frames)


def _script(wide: float, high: float) -> Board:
    """Upright, a row for each shot: the picture on the left, words on the right."""
    top, room = MARGIN + HEAD, high - 2 * MARGIN - HEAD - FOOT
    height = room / SCRIPT_ROWS
    picture = (wide - 2 * MARGIN) * 0.42
    words = wide - 2 * MARGIN - picture - GAP
    rows = [top + n * height for n in range(SCRIPT_ROWS)]
    frames = [
        Frame(
            picture=(MARGIN, y + 2, picture, height - 4),
            words=(MARGIN + picture + GAP, y + 2, words, height - 4),
            size=8.5,
        )
        for y in rows
    ]
    return Board(is_landscape=False, frames=frames, lines=[(MARGIN, y, wide - MARGIN, y) for y in rows[1:]])


class Letters:
    """Words on the page of a PDF, in its one font."""

    def __init__(self, pdf: FPDF) -> None:
        self._pdf = pdf
        self._known: frozenset[int] = frozenset(pdf.current_font.cmap)  # type: ignore[union-attr]
        self._width = cache(self._measured)

    def shown(self, text: str) -> str:
        """The text as the font can show it: in lines, without what is not seen."""
        kept = (self._letter(letter) for letter in unicodedata.normalize("NFC", clean(text)).replace("\r\n", "\n"))
        return "".join(kept)

    def _letter(self, letter: str) -> str:
        if letter == "\n":
            return letter
        if letter.isspace():
            return " "
        if ord(letter) in self._known:
            return letter if unicodedata.category(letter) not in ("Cf", "Cc") else ""
        return "" if unicodedata.category(letter) in ("Cf", "Cc", "Mn", "Me") else NO_LETTER

    def fitted(self, text: str, size: float, width: float, lines: int) -> list[str]:
        """The text in at most so many lines, `…` where it was cut. Visual order: ready to be written."""
        found = wrapped(self.shown(text), lambda letter: self._width(letter) * size, width, lines)
        return [ordered(line) for line in found]

    def write(self, text: str, x: float, y: float, size: float, colour: tuple[int, int, int]) -> None:
        """A line of our own or of `fitted`, its base at `y`."""
        self._pdf.set_font_size(size)
        self._pdf.set_text_color(*colour)
        self._pdf.text(x, y, text)

    def _measured(self, letter: str) -> float:
        """Its width in mm at 1 pt."""
        self._pdf.set_font_size(10)
        return self._pdf.get_string_width(letter) / 10


def wrapped(text: str, width_of: Callable[[str], float], width: float, most: int) -> list[str]:
    """The text in lines no wider than `width`, broken at spaces where there are some; at most `most` of them."""
    lines: list[str] = []
    for line in _broken(text, width_of, width):
        if len(lines) == most:
            if lines:
                lines[-1] = _cut(lines[-1], width_of, width)
            break
        lines.append(line)
    return lines


def _broken(text: str, width_of: Callable[[str], float], width: float) -> Iterator[str]:
    for paragraph in text.splitlines():
        line, used = "", 0.0
        for word in paragraph.split(" "):
            room = sum(map(width_of, word))
            space = width_of(" ") if line else 0.0
            if used + space + room <= width:
                line, used = f"{line} {word}" if line else word, used + space + room
                continue
            if line:
                yield line
            line, used = "", 0.0
            for letter in word:  # a word that is wider than a line is broken anywhere
                if line and used + width_of(letter) > width:
                    yield line
                    line, used = "", 0.0
                line, used = line + letter, used + width_of(letter)
        if line:
            yield line


def _cut(line: str, width_of: Callable[[str], float], width: float) -> str:
    while line and sum(map(width_of, line)) + width_of("…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


def ordered(line: str) -> str:
    """The letters from left to right as they are seen: Hebrew and Arabic run the other way, a shot's code stays before
    its name.
    """
    if not any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in line):
        return line
    from fpdf.bidi import BidiParagraph
    from fpdf.enums import TextDirection

    return BidiParagraph(line, TextDirection.LTR if line[0].isdigit() else None).get_reordered_string()


def _new(sheet: Sheet, board: Board, paper: Paper) -> FPDF:
    from fpdf import FPDF

    from apom.sandbox.caption import FONT

    logging.getLogger("fpdf").setLevel(logging.ERROR)  # it says each thing it does to the font
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    size: tuple[float, float] = PAPER[paper]
    pdf = FPDF(orientation="landscape" if board.is_landscape else "portrait", unit="mm", format=size)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.add_font("words", fname=FONT)
    pdf.set_font("words", size=8)
    pdf.set_draw_color(*GREY)
    pdf.set_line_width(0.15)
    pdf.set_title(clean(sheet.project.name))
    pdf.set_author("apom")
    pdf.set_creator("apom")
    pdf.set_creation_date(sheet.made_at)
    return pdf


def _edges(pdf: FPDF, letters: Letters, sheet: Sheet, page: str) -> None:
    """What stands above and below each page."""
    room = pdf.w - 2 * MARGIN
    for line in letters.fitted(sheet.project.name, 12, room * 0.7, 1):
        letters.write(line, MARGIN, MARGIN + 4, 12, INK)
    right = day(sheet.made_at)
    pdf.set_font_size(8)
    letters.write(right, pdf.w - MARGIN - pdf.get_string_width(right), MARGIN + 4, 8, GREY)
    foot = pdf.h - MARGIN
    letters.write(plural("{n} picture", "{n} pictures", len(sheet.shots)), MARGIN, foot, 7, GREY)
    pdf.set_font_size(7)
    letters.write(page, pdf.w - MARGIN - pdf.get_string_width(page), foot, 7, GREY)


def _picture(pdf: FPDF, letters: Letters, frame: Frame, shot: Shot) -> None:
    from apom.media.images import as_jpeg

    x, y, width, height = frame.picture
    pdf.set_fill_color(*PALE)
    pdf.rect(x, y, width, height, style="F")
    if shot.thumb is None:
        lines = letters.fitted(shot.remark, frame.size, width - 4, 3)
        for n, line in enumerate(lines):
            letters.write(
                line, x + 2, y + height / 2 + (n - len(lines) / 2 + 0.8) * frame.size * PT * LINE, frame.size, GREY
            )
        return
    dots = max(width, height) / 25.4 * DOTS
    jpeg = as_jpeg(shot.thumb) if dots > WHOLE else as_jpeg(shot.thumb, round(dots))
    pdf.image(BytesIO(jpeg), x=x, y=y, w=width, h=height, keep_aspect_ratio=True, alt_text=clean(shot.alt))


def _words(pdf: FPDF, letters: Letters, frame: Frame, texts: Sequence[tuple[str, bool]]) -> None:
    """As many lines as there is room for; the name of the shot keeps to one of them."""
    x, y, width, height = frame.words
    step = frame.size * PT * LINE
    left = int(height / step)
    for text, is_name in texts:
        lines = letters.fitted(text, frame.size, width, min(left, 1) if is_name else left)
        for line in lines:
            y += step
            letters.write(line, x, y - step * 0.25, frame.size, INK if is_name else GREY)
        left -= len(lines)
