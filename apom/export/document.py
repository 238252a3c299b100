"""The sheet as a Word document: landscape A4, a cover with totals, a row for each shot, page numbers.

python-docx as it comes looks through all pictures and all rows for each one that is added, which is quadratic: 27 s for a
thousand shots. Here rows are made at once and walked through once, and pictures get numbers of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apom.export.sheet import PROGRESS, Sheet, Shot, clean
from apom.words import N_, _, plural

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row
    from docx.text.paragraph import Paragraph

COLUMNS = ((N_("Shot"), 34), (N_("Picture"), 74), (N_("Prompt"), 112), (N_("Model"), 53))  # mm
PICTURE = (68, 62)  # mm, at most wide and high
PICTURE_PX = 480
MARGIN = 12  # mm
INK = "26324A"


def write(sheet: Sheet, path: Path) -> None:
    """The document at `path`. Raises OSError."""
    import docx

    document = docx.Document()
    _set_up(document, sheet)
    _cover(document, sheet)
    if sheet.shots:
        _table(document, sheet)
    document.save(str(path))


def _set_up(document: Document, sheet: Sheet) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Mm, Pt

    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(MARGIN)
    style: Any = document.styles["Normal"]
    style.font.name, style.font.size = "Calibri", Pt(9)
    style.paragraph_format.space_after = Pt(2)
    document.core_properties.title, document.core_properties.author = clean(sheet.project.name), "apom"
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    footer.add_run(f"{clean(sheet.project.name)} · ")
    _field(footer, "PAGE")
    footer.add_run(" / ")
    _field(footer, "NUMPAGES")


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


def _cover(document: Document, sheet: Sheet) -> None:
    project = sheet.project
    document.add_heading(clean(project.name), 0)
    takes = plural("{n} take", "{n} takes", project.assets_count)
    totals = [f"{sheet.made_at:%Y-%m-%d}", plural("{n} shot", "{n} shots", len(sheet.shots)), takes]
    document.add_paragraph(" · ".join([*totals, *([clean(sheet.spent)] if sheet.spent else [])]))
    if project.notes:
        document.add_paragraph(clean(project.notes))
    for remark in sheet.remarks:
        document.add_paragraph(clean(remark), style="List Bullet")


def _table(document: Document, sheet: Sheet) -> None:
    from docx.shared import Mm

    table = document.add_table(rows=len(sheet.shots) + 1, cols=len(COLUMNS))
    table.style, table.autofit = "Table Grid", False
    for column, (_title, width) in zip(table.columns, COLUMNS, strict=True):
        column.width = Mm(width)
    rows = iter(table.rows)
    _header(next(rows))
    for number, (row, shot) in enumerate(zip(rows, sheet.shots, strict=True), start=1):
        _fill(row, shot, sheet, number)


def _header(row: _Row) -> None:
    """Said again on each page."""
    from docx.oxml.ns import nsdecls
    from docx.oxml.parser import parse_xml
    from docx.shared import RGBColor

    for cell, (title, _width) in zip(row.cells, COLUMNS, strict=True):
        run = cell.paragraphs[0].add_run(_(title))
        run.bold, run.font.color.rgb = True, RGBColor(255, 255, 255)
        shade = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{INK}"/>')
        cell._tc.get_or_add_tcPr().append(shade)
    _mark(row, "w:tblHeader")


def _mark(row: _Row, name: str) -> None:
    from docx.oxml.parser import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _fill(row: _Row, shot: Shot, sheet: Sheet, number: int) -> None:
    from docx.shared import Mm

    _mark(row, "w:cantSplit")
    named, picture, prompt, model = row.cells
    for cell, (_title, width) in zip((named, picture, prompt, model), COLUMNS, strict=True):
        cell.width = Mm(width)
    named.paragraphs[0].add_run(clean(f"{shot.code} {shot.name}")).bold = True
    for text in _about(shot):
        named.add_paragraph(clean(text))
    if shot.thumb is not None:
        _picture(picture.paragraphs[0], shot, number)
    else:
        picture.paragraphs[0].add_run(clean(shot.remark)).italic = True
    prompt.text = clean(shot.prompt)
    for author, text in shot.comments if sheet.choice.comments else ():
        paragraph = prompt.add_paragraph()
        paragraph.add_run(clean(f"{author}: ")).bold = True
        paragraph.add_run(clean(text))
    model.text = clean("\n".join(_recipe(shot, sheet)))


def _about(shot: Shot) -> Sequence[str]:
    length = _("{s} s", s=f"{shot.duration_s:.1f}") if shot.duration_s else ""
    return [text for text in (_(PROGRESS[shot.progress]), length, shot.line) if text]


def _recipe(shot: Shot, sheet: Sheet) -> Sequence[str]:
    seed = _("seed {seed}", seed=shot.seed) if sheet.choice.seeds and shot.seed is not None else ""
    cost = f"{shot.cost:g} {shot.unit}" if sheet.choice.cost and shot.cost is not None else ""
    return [text for text in (shot.model, seed, cost) if text]


def _picture(paragraph: Paragraph, shot: Shot, number: int) -> None:
    """Without python-docx's search for a picture that is the same and for the next free number."""
    from docx.image.image import Image
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.oxml.shape import CT_Inline
    from docx.parts.image import ImagePart
    from docx.shared import Mm

    from apom.media.images import as_jpeg

    assert shot.thumb is not None, "asked before"
    image = Image.from_blob(as_jpeg(shot.thumb, PICTURE_PX))
    part: Any = paragraph.part
    image_part = ImagePart.from_image(image, PackURI(f"/word/media/shot{number}.jpg"))
    part.package.image_parts.append(image_part)
    relation = f"rIdShot{number}"
    part.load_rel(RELATIONSHIP_TYPE.IMAGE, image_part, relation)
    width, height = image.px_width, image.px_height
    scale = min(PICTURE[0] / width, PICTURE[1] / height)
    inline = CT_Inline.new_pic_inline(number, relation, f"{shot.code}.jpg", Mm(width * scale), Mm(height * scale))
    inline.docPr.set("descr", clean(f"{shot.code} {shot.name}: {shot.prompt}"[:500]))
    paragraph.add_run()._r.add_drawing(inline)
