"""Word documents, as documents here are made: paper, page numbers, tables with a header on each page, pictures, links.

python-docx as it comes looks through all pictures and all rows for each one that is added, which is quadratic: 27 s for a
thousand shots. Here rows are made at once and walked through once, and pictures get numbers of our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zipfile import ZipInfo

from apom.export.sheet import PAPER, clean
from apom.models import Paper
from apom.words import day, language

if TYPE_CHECKING:
    from docx.document import Document
    from docx.opc.packuri import PackURI
    from docx.table import Table, _Cell, _Row
    from docx.text.paragraph import Paragraph

MARGIN = 12  # mm
INK = "26324A"
PALE = "C3C9D4"
LOUD = "B3261E"
LOCALES = {"en": "en-US", "ru": "ru-RU"}
UNBROKEN = 2_000  # characters; a row with more may be taller than a page, and one that must not break is cut off there


def new(title: str, paper: Paper, made_at: datetime) -> Document:
    """An empty landscape document with page numbers."""
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Mm

    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    high, wide = PAPER[paper]
    section.page_width, section.page_height = Mm(wide), Mm(high)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(MARGIN)
    section.footer_distance = Mm(6)
    _styles(document)
    about: Any = document.core_properties
    about.title, about.author, about.last_modified_by, about.comments = clean(title)[:255], "apom", "apom", ""
    about.created = about.modified = made_at.replace(tzinfo=None)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    footer.add_run(f"{clean(title)} · {day(made_at)} · ")
    _field(footer, "PAGE")
    footer.add_run(" / ")
    _field(footer, "NUMPAGES")
    return document


def _styles(document: Document) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    normal: Any = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(9)
    normal.paragraph_format.space_after = Pt(2)
    for name in ("Title", "Heading 1"):
        style: Any = document.styles[name]
        style.font.color.rgb = RGBColor.from_string(INK)
    for tongue in document.styles.element.iter(qn("w:lang")):
        tongue.set(qn("w:val"), LOCALES.get(language.get(), "en-US"))


def _field(paragraph: Paragraph, code: str) -> None:
    """What the word processor fills in."""
    from docx.oxml.ns import qn
    from docx.oxml.parser import OxmlElement

    for kind, text in (("begin", ""), ("", code), ("end", "")):
        run = paragraph.add_run()._r
        part = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            part.set(qn("w:fldCharType"), kind)
        else:
            part.text = text
        run.append(part)


def facts(document: Document, told: Sequence[tuple[str, str]], width: float = 240) -> Table:
    """What is known, line by line, its name before it. `width`: in mm."""
    from docx.shared import Mm

    table: Table = document.add_table(rows=len(told), cols=2)
    table.autofit = False
    for column, wide in zip(table.columns, (40, width - 40), strict=True):
        column.width = Mm(wide)
    for row, (name, value) in zip(table.rows, told, strict=True):
        first, second = row.cells
        first.width, second.width = Mm(40), Mm(width - 40)
        first.paragraphs[0].add_run(clean(name)).bold = True
        put(second, value)
    return table


def table(document: Document, columns: Sequence[tuple[str, float]], count: int, paper: Paper) -> Iterator[_Row]:
    """A table of `count` rows below a header that is said again on each page. Widths are shares of the page's."""
    from docx.shared import Mm

    room = PAPER[paper][1] - 2 * MARGIN
    scale = room / sum(width for _title, width in columns)
    made = document.add_table(rows=count + 1, cols=len(columns))
    made.style, made.autofit = "Table Grid", False
    _look(made)
    widths = [Mm(width * scale) for _title, width in columns]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    rows = iter(made.rows)
    _header(next(rows), [title for title, _width in columns])
    for row in rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width
        yield row


def _look(made: Table) -> None:
    """Pale lines, and some room around what stands in cells. The schema asks for this order."""
    from docx.oxml.ns import nsdecls, qn
    from docx.oxml.parser import parse_xml

    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    lines = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="{PALE}"/>' for side in sides)
    room = "".join(f'<w:{side} w:w="85" w:type="dxa"/>' for side in sides[:4])
    properties = made._tbl.tblPr
    properties.find(qn("w:tblLayout")).addprevious(parse_xml(f"<w:tblBorders {nsdecls('w')}>{lines}</w:tblBorders>"))
    properties.find(qn("w:tblLook")).addprevious(parse_xml(f"<w:tblCellMar {nsdecls('w')}>{room}</w:tblCellMar>"))


def _header(row: _Row, titles: Sequence[str]) -> None:
    from docx.shared import RGBColor

    for cell, title in zip(row.cells, titles, strict=True):
        run = cell.paragraphs[0].add_run(title)
        run.bold, run.font.color.rgb = True, RGBColor(255, 255, 255)
        shade(cell, INK)
    _mark(row, "w:tblHeader")


def shade(cell: _Cell, colour: str) -> None:
    """The colour behind a cell."""
    from docx.oxml.ns import nsdecls
    from docx.oxml.parser import parse_xml

    shading = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{colour}"/>')
    cell._tc.get_or_add_tcPr().append(shading)


def keep(row: _Row, characters: int) -> None:
    """The row stays on one page, unless it may be taller than that."""
    if characters < UNBROKEN:
        _mark(row, "w:cantSplit")


def _mark(row: _Row, name: str) -> None:
    from docx.oxml.parser import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))


def put(cell: _Cell, text: str, *, bold: bool = False, loud: bool = False) -> None:
    """One more paragraph of a cell, its first one where that is empty."""
    from docx.shared import RGBColor

    first = cell.paragraphs[0]
    paragraph = cell.add_paragraph() if first._p.r_lst else first
    run = paragraph.add_run(clean(text))
    if bold or loud:
        run.bold = True
    if loud:
        run.font.color.rgb = RGBColor.from_string(LOUD)


def labelled(cell: _Cell, label: str, text: str) -> None:
    """One more paragraph: the label bold, then the text."""
    put(cell, f"{label}: ", bold=True)
    cell.paragraphs[-1].add_run(clean(text))


def picture(paragraph: Paragraph, jpeg: bytes, *, number: int, alt: str, most: tuple[float, float]) -> None:
    """A picture, at most so many mm wide and high. `number`: from 1, its own within the document.

    Without python-docx's search for a picture that is the same and for the next free number.
    """
    from docx.image.image import Image
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml.shape import CT_Inline
    from docx.parts.image import ImagePart
    from docx.shared import Mm

    image = Image.from_blob(jpeg)
    part: Any = paragraph.part
    image_part = ImagePart.from_image(image, _as_it_is(f"/word/media/picture{number}.jpg"))
    part.package.image_parts.append(image_part)
    relation = f"rIdPicture{number}"
    part.load_rel(RELATIONSHIP_TYPE.IMAGE, image_part, relation)
    width, height = image.px_width, image.px_height
    scale = min(most[0] / width, most[1] / height)
    inline = CT_Inline.new_pic_inline(number, relation, f"{number}.jpg", Mm(width * scale), Mm(height * scale))
    inline.docPr.set("descr", clean(alt))
    for side in ("distT", "distB", "distL", "distR"):
        inline.set(side, "0")  # where none is given, LibreOffice takes 3 mm
    paragraph.add_run()._r.add_drawing(inline)


@cache
def _as_it_is_type() -> type[PackURI]:
    from docx.opc.packuri import PackURI

    class AsItIs(PackURI):
        """A part that is not compressed once more: half of the time that a document of pictures takes to be saved."""

        @property
        def membername(self) -> ZipInfo:  # python-docx hands it to ZipFile.writestr, which takes both
            return ZipInfo(super().membername)

    return AsItIs


def _as_it_is(name: str) -> PackURI:
    return _as_it_is_type()(name)


def link(paragraph: Paragraph, address: str) -> None:
    """An address that can be clicked."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml.ns import nsdecls, qn
    from docx.oxml.parser import parse_xml
    from docx.shared import RGBColor

    part: Any = paragraph.part
    relation = part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    run = paragraph.add_run(address)
    run.font.color.rgb, run.font.underline = RGBColor(0x0B, 0x57, 0xD0), True
    hyperlink = parse_xml(f"<w:hyperlink {nsdecls('w', 'r')}/>")
    hyperlink.set(qn("r:id"), relation)
    run._r.addprevious(hyperlink)
    hyperlink.append(run._r)


def remarks(document: Document, told: Sequence[str]) -> None:
    """What is missing, as a list."""
    for remark in told:
        document.add_paragraph(clean(remark), style="List Bullet")


def heading(document: Document, text: str) -> None:
    """On a new page."""
    document.add_heading(clean(text), 1).paragraph_format.page_break_before = True
