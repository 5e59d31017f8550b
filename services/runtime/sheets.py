"""Tables as they come in: CSV or Excel files with a header row, read into rows of text."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final
from zipfile import BadZipFile, ZipFile

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.tabular import FORMULA_STARTS

ROWS_MAX: Final = 2_000
COLUMNS_MAX: Final = 50
UNPACKED_MAX: Final = 20_000_000
"""Bytes an Excel file may hold once unpacked."""
CODINGS: Final = ("utf-8-sig", "gb18030")
"""What spreadsheets save CSV as; the second is what a Chinese Excel does by itself."""


class SheetKind(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class SheetUnreadableError(DomainError):
    code: ClassVar[str] = "sheet-unreadable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The file is no readable {kind} table: {en}."
    zh: ClassVar[str] = "该文件不是可读取的 {kind} 表格：{zh}。"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """``number`` as a spreadsheet shows it: the header is 1. Empty cells are left out."""

    number: int
    cells: dict[str, str]


def read_sheet(data: bytes, kind: SheetKind) -> list[SheetRow]:
    """The rows of the first sheet by the names of its header row; empty rows are left out.

    Raises:
        SheetUnreadableError: it is no such file, has no header, or is too large.
    """
    lines = _csv_lines(data) if kind is SheetKind.CSV else _xlsx_lines(data)
    header: list[str] | None = None
    rows: list[SheetRow] = []
    for number, line in enumerate(lines, start=1):
        if header is None:
            header = _header(line, kind)
            continue
        cells = {name: cell for name, cell in zip(header, line, strict=False) if cell and name}
        if cells:
            rows.append(SheetRow(number, cells))
        if number > ROWS_MAX:
            raise SheetUnreadableError(
                kind=kind, en=f"it has more than {ROWS_MAX} rows", zh=f"超过 {ROWS_MAX} 行"
            )
    if header is None:
        raise SheetUnreadableError(kind=kind, en="it is empty", zh="文件为空")
    return rows


def _header(line: Sequence[str], kind: SheetKind) -> list[str]:
    names = [name.strip().lower() for name in line]
    named = [name for name in names if name]
    if not named or len(named) != len(set(named)) or len(names) > COLUMNS_MAX:
        raise SheetUnreadableError(
            kind=kind, en="its first row does not name each column once", zh="首行未为每列唯一命名"
        )
    return names


def _csv_lines(data: bytes) -> Iterator[list[str]]:
    for coding in CODINGS:
        try:
            text = data.decode(coding)
        except UnicodeDecodeError:
            continue
        try:
            for line in csv.reader(io.StringIO(text, newline="")):
                yield [_unquoted(cell.strip()) for cell in line]
        except csv.Error as error:
            raise SheetUnreadableError(kind=SheetKind.CSV, en=str(error), zh=str(error)) from None
        return
    raise SheetUnreadableError(
        kind=SheetKind.CSV, en="it is no text in UTF-8", zh="不是 UTF-8 文本"
    )


def _unquoted(cell: str) -> str:
    """Without the apostrophe that our own export puts before what looks like a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _xlsx_lines(data: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only an import pays for it

    try:
        with ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > UNPACKED_MAX:
            raise SheetUnreadableError(kind=SheetKind.XLSX, en="it is too large", zh="文件过大")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        lines = [
            [_text(cell) for cell in line]
            for line in book.worksheets[0].iter_rows(
                max_row=ROWS_MAX + 2, max_col=COLUMNS_MAX + 1, values_only=True
            )
        ]
    except (BadZipFile, KeyError, ValueError, IndexError, OSError, TypeError) as error:
        raise SheetUnreadableError(
            kind=SheetKind.XLSX, en=f"it cannot be opened ({type(error).__name__})", zh="无法打开"
        ) from None
    for line in lines:
        while line and not line[-1]:
            line.pop()
        yield line


def _text(cell: object) -> str:
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
