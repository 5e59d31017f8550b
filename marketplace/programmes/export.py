"""The application form (申报书) and the recommendation table (推荐汇总表) as DOCX and PDF.

PDF uses the font STSong-Light of Adobe's Asian font pack by name (ISO 32000-1, 9.7.5.2): no font
file is embedded, and readers bring a Song face of their own.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from marketplace.programmes.domain import Application, FieldKind, FormField, Programme

DOCX_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF_TYPE: Final = "application/pdf"
FONT: Final = "STSong-Light"
LABELS: Final = ("项目 Item", "内容 Content", "来源 Source")
STATED: Final = "申报单位填报 Stated"
TABLE_LABELS: Final = (
    "序号 No.",
    "单位 Unit",
    "项目 Project",
    "方向 Directions",
    "推荐理由 Reason",
    "联系人 Contact",
)


class FileKind(StrEnum):
    DOCX = "docx"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        return DOCX_TYPE if self is FileKind.DOCX else PDF_TYPE


@dataclass(frozen=True, slots=True)
class Sheet:
    """A title, what stands under it, and one table; ``rows`` are as wide as ``labels``."""

    title: str
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def form_sheet(programme: Programme, application: Application) -> Sheet:
    """Every field of the form with whence it comes; room for opinions and seals at the end."""
    figures = {one.key: one for one in application.figures}
    rows = [
        ("项目名称 Project", application.title, STATED),
        ("申报方向 Directions", directions(programme, application.directions), STATED),
    ]
    for field in programme.form:
        figure = None if field.figure is None else figures.get(field.figure)
        if figure is not None:
            source = f"{figure.source} ({figure.as_of:%Y-%m-%d %H:%M} UTC)"
            value = "" if figure.value is None else str(figure.value)
        else:
            source, value = STATED, _said(field, application.fields)
        rows.append((f"{field.name_zh} {field.name}", value, source))
    rows += [("申报单位意见 Applicant's opinion", "（盖章 Seal）", ""),
             ("推荐单位意见 Recommender's opinion", "（盖章 Seal）", "")]  # fmt: skip
    notes = (programme.name, f"{programme.key} v{programme.version}, {programme.source}")
    return Sheet(f"{programme.name_zh} 申报书", notes, LABELS, tuple(rows))


def table_sheet(programme: Programme, rows: Sequence[tuple[Application, str]]) -> Sheet:
    """Recommended projects with the recommender's reasons, in order of recommendation."""
    told = tuple(
        (
            str(number),
            str(next((it.value for it in one.figures if it.key == "organisation_name"), "")),
            one.title,
            directions(programme, one.directions),
            reason,
            str(one.fields.get("contact", "")),
        )
        for number, (one, reason) in enumerate(rows, start=1)
    )
    return Sheet(f"{programme.name_zh} 推荐汇总表", (programme.name,), TABLE_LABELS, told)


def directions(programme: Programme, chosen: Sequence[int]) -> str:
    """Numbers and Chinese names, e.g. ``4 制造能力开放``."""
    return "；".join(
        f"{one} {programme.directions[one][1]}" if one in programme.directions else str(one)
        for one in chosen
    )


def written(sheet: Sheet, kind: FileKind) -> bytes:
    """The sheet as a file."""
    return docx_bytes(sheet) if kind is FileKind.DOCX else pdf_bytes(sheet)


def docx_bytes(sheet: Sheet) -> bytes:
    """An Office Open XML document (ECMA-376)."""
    from docx import Document  # noqa: PLC0415 - only an export pays for the import

    document = Document()
    document.add_heading(sheet.title, level=1)
    for line in sheet.notes:
        document.add_paragraph(line)
    table = document.add_table(rows=1, cols=len(sheet.labels), style="Table Grid")
    for cell, label in zip(table.rows[0].cells, sheet.labels, strict=True):
        cell.text = label
    for row in sheet.rows:
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = value
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pdf_bytes(sheet: Sheet) -> bytes:
    """A PDF on A4; long cells wrap, and a table goes on over pages."""
    from reportlab.lib import colors  # noqa: PLC0415 - only an export pays for the import
    from reportlab.lib.pagesizes import A4  # noqa: PLC0415
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.platypus import (  # noqa: PLC0415
        Paragraph,
        SimpleDocTemplate,
        Spacer,
        Table,
        TableStyle,
    )

    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    text = ParagraphStyle("text", fontName=FONT, fontSize=9, leading=13, wordWrap="CJK")
    title = ParagraphStyle("title", parent=text, fontSize=15, leading=22)
    cells = [
        [Paragraph(escape(value), text) for value in row] for row in (sheet.labels, *sheet.rows)
    ]
    out = io.BytesIO()
    page = SimpleDocTemplate(out, pagesize=A4, title=sheet.title)
    width = page.width / len(sheet.labels)
    grid = TableStyle(
        [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    )
    table = Table(cells, colWidths=[width] * len(sheet.labels), repeatRows=1, splitInRow=1)
    table.setStyle(grid)
    notes = [Paragraph(escape(line), text) for line in sheet.notes]
    page.build([Paragraph(escape(sheet.title), title), *notes, Spacer(1, 8), table])
    return out.getvalue()


def _said(field: FormField, fields: Mapping[str, object]) -> str:
    value = fields.get(field.key)
    if value is None:
        return ""
    if field.kind is FieldKind.BOOLEAN:
        return "是 Yes" if value else "否 No"
    if field.kind in {FieldKind.MONEY, FieldKind.PERCENT} and isinstance(value, int):
        return f"{value / 100:,.2f}" + ("%" if field.kind is FieldKind.PERCENT else " 元")
    return str(value)
