"""Notices as a CSV file (RFC 4180), one a line, as spreadsheets save it."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Final, TypeVar

from services.contracts.errors import DomainError
from services.risk.domain.imported import (
    NOTICES_PER_FILE_MAX,
    PROBLEMS_MAX,
    FileProblem,
    FileRefused,
    checked_number,
)
from services.risk.domain.notice import NoticeContent, NoticeKind, Product, Reference
from services.risk.domain.rating import Severity, rated
from services.risk.domain.tlp import WRITTEN, Tlp
from services.risk.domain.wellformed import InvalidNoticeError, check_content

COLUMNS: Final = (
    "title",
    "title_zh",
    "kind",
    "tlp",
    "severity",
    "cvss_vector",
    "vendor",
    "product",
    "versions",
    "cpe",
    "identifiers",
    "embargo_until",
    "description",
    "remediation",
    "references",
)
REQUIRED: Final = ("kind", "tlp", "vendor", "product")
ENCODINGS: Final = ("utf-8-sig", "gb18030")
"""UTF-8, or what Chinese Excel saves."""
LIST_SEPARATOR: Final = "|"

_Row = Mapping[str, str]
EnumT = TypeVar("EnumT", bound=Enum)


class _CellError(Exception):
    """What is wrong in a column."""

    def __init__(self, column: str, en: str, zh: str) -> None:
        super().__init__(column)
        self.column, self.en, self.zh = column, en, zh


def read_csv(data: bytes) -> list[NoticeContent]:
    """The notices of a file.

    Raises:
        FileRefused: each line and column that is wrong.
    """
    contents: list[NoticeContent] = []
    problems: list[FileProblem] = []
    for line, row in _rows(_text(data)):
        try:
            contents.append(_content(row))
        except _CellError as error:
            problems.append(FileProblem(f"line {line}, {error.column}", error.en, error.zh))
        except DomainError as error:
            problems.append(_refused(line, error))
        if len(contents) > NOTICES_PER_FILE_MAX:
            problems.append(_too_many(line))
        if len(problems) >= PROBLEMS_MAX or len(contents) > NOTICES_PER_FILE_MAX:
            break
    if problems:
        raise FileRefused(problems)
    return checked_number(contents, place="line 2")


def _text(data: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            at = error.start
    raise FileRefused(
        [
            FileProblem(
                f"byte {at}",
                "the file is neither UTF-8 nor GB 18030; save it as CSV UTF-8",
                "文件既非 UTF-8 也非 GB 18030 编码；请另存为 CSV UTF-8",
            )
        ]
    )


def _rows(text: str) -> Iterator[tuple[int, _Row]]:
    """Line of the file where each row ends, and its cells by column."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise FileRefused([_wrong_width(reader.line_num, len(cells), len(header))])
            yield reader.line_num, dict(zip(header, map(str.strip, cells), strict=True))
    except csv.Error as error:
        place = f"line {reader.line_num}"
        raise FileRefused(
            [FileProblem(place, f"this is no CSV: {error}", f"不是有效的 CSV：{error}")]
        ) from error


def _check_header(header: list[str]) -> None:
    known = ", ".join(COLUMNS)
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in header]
    if not {"title", "title_zh"} & set(header):
        missing.append("title")
    problems = [
        FileProblem(f"line 1, {name[:50]!r}", f"unknown column; known: {known}", "未知的列")
        for name in unknown
    ]
    problems += [
        FileProblem("line 1", f"column {name} is missing", f"缺少列 {name}") for name in missing
    ]
    if len(set(header)) != len(header):
        problems.append(FileProblem("line 1", "a column stands there twice", "列名重复"))
    if problems:
        raise FileRefused(problems)


def _content(row: _Row) -> NoticeContent:
    title, title_zh = row.get("title", ""), row.get("title_zh", "")
    severity = row.get("severity")
    content = NoticeContent(
        title=title or title_zh,
        title_zh=title_zh or title,
        kind=_one_of(row, "kind", NoticeKind),
        rating=rated(
            vector=row.get("cvss_vector") or None,
            severity=_one_of(row, "severity", Severity) if severity else None,
        ),
        tlp=_tlp(row),
        products=(_product(row),),
        identifiers=_list(row, "identifiers", str),
        embargo_until=_instant(row, "embargo_until"),
        description=row.get("description", ""),
        remediation=row.get("remediation", ""),
        references=_list(row, "references", Reference),
    )
    check_content(content)
    return content


def _product(row: _Row) -> Product:
    return Product(
        row["vendor"], row["product"], row.get("versions", ""), cpe=row.get("cpe") or None
    )


def _tlp(row: _Row) -> Tlp:
    found = WRITTEN.get(row["tlp"].lower())
    if found is None:
        wanted = ", ".join(Tlp)
        raise _CellError("tlp", f"give one of {wanted}", f"应为以下之一：{wanted}")
    return found


def _one_of(row: _Row, column: str, kind: type[EnumT]) -> EnumT:
    try:
        return kind(row[column].lower())
    except ValueError as error:
        wanted = ", ".join(str(member.value) for member in kind)
        raise _CellError(column, f"give one of {wanted}", f"应为以下之一：{wanted}") from error


_ItemT = TypeVar("_ItemT")


def _list(row: _Row, column: str, make: Callable[[str], _ItemT]) -> tuple[_ItemT, ...]:
    parts = (part.strip() for part in row.get(column, "").split(LIST_SEPARATOR))
    return tuple(make(part) for part in parts if part)


def _instant(row: _Row, column: str) -> datetime | None:
    text = row.get(column)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _CellError(
            column,
            "write it with a time zone, e.g. 2026-03-05T09:00:00+08:00",
            "须带时区，例如 2026-03-05T09:00:00+08:00",
        )
    return at


def _refused(line: int, error: DomainError) -> FileProblem:
    if isinstance(error, InvalidNoticeError):
        facts = error.facts
        return FileProblem(f"line {line}, {facts['field']}", str(facts["en"]), str(facts["zh"]))
    return FileProblem(f"line {line}", error.text("en"), error.text("zh"))


def _wrong_width(line: int, found: int, wanted: int) -> FileProblem:
    return FileProblem(
        f"line {line}",
        f"there are {found} cells where the header has {wanted}",
        f"有 {found} 个单元格，而表头有 {wanted} 个",
    )


def _too_many(line: int) -> FileProblem:
    return FileProblem(
        f"line {line}",
        f"a file may have {NOTICES_PER_FILE_MAX} notices; split it",
        f"一个文件至多 {NOTICES_PER_FILE_MAX} 条通报；请拆分",
    )
