"""Lists as they leave over HTTP: pages by key, or files that a spreadsheet opens safely."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel

from services.contracts.documents import Document

PAGE_LIMIT_DEFAULT: Final = 50
PAGE_LIMIT_MAX: Final = 200
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters by which a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""


class HasId(Protocol):
    @property
    def id(self) -> UUID: ...


RecordT = TypeVar("RecordT", bound=HasId)
ItemT = TypeVar("ItemT", bound=BaseModel)


class ListFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class Page(Document, Generic[ItemT]):
    """``next`` is the ``after`` of the following page, ``null`` on the last."""

    items: list[ItemT]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """``?after=…&limit=…&format=json|csv|xlsx`` of a list, in order of id."""

    after: Annotated[UUID | None, Query(description="id after which the page begins")] = None
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT_DEFAULT
    format: Annotated[ListFormat, Query(description="csv, xlsx: the page as a file")] = (
        ListFormat.JSON
    )

    @property
    def fetch(self) -> int:
        """Records to ask for: one more than shown tells whether a page follows."""
        return self.limit + 1

    def answer(
        self, records: Sequence[RecordT], read: Callable[[RecordT], ItemT], *, name: str
    ) -> Page[ItemT] | Response:
        """The page of ``fetch``-ed records as JSON, or as the file ``name``.csv or .xlsx."""
        shown = records[: self.limit]
        items = [read(record) for record in shown]
        following = shown[-1].id if len(records) > self.limit else None
        if self.format is not ListFormat.JSON:
            return file_response(items, name=name, kind=self.format, following=following)
        return Page[ItemT](items=items, next=following)


PageDep = Annotated[PageQuery, Depends()]


def file_response(
    items: Sequence[BaseModel], *, name: str, kind: ListFormat, following: UUID | str | None = None
) -> Response:
    """A CSV or Excel file; ``X-Next-After`` carries the key of the following page."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind.value}"'}
    if following is not None:
        headers["X-Next-After"] = str(following)
    if kind is ListFormat.XLSX:
        return Response(xlsx_bytes(items, title=name), media_type=XLSX_TYPE, headers=headers)
    return Response(csv_text(items), media_type="text/csv; charset=utf-8", headers=headers)


def csv_text(items: Iterable[BaseModel]) -> str:
    """RFC 4180 with a header row; the byte order mark tells spreadsheets that it is UTF-8."""
    rows = [item.model_dump(mode="json") for item in items]
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    if rows:
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def xlsx_bytes(items: Iterable[BaseModel], *, title: str) -> bytes:
    """An Excel workbook (ECMA-376) of one sheet with a header row; text is never a formula."""
    from openpyxl import Workbook  # noqa: PLC0415 - only an export pays for the import

    rows = [item.model_dump(mode="json") for item in items]
    book = Workbook()
    sheet = book.active
    sheet.title = title
    if rows:
        sheet.append(list(rows[0]))
    for row in rows:
        sheet.append([_text_or_number(value) for value in row.values()])
        for cell in sheet[sheet.max_row]:
            if cell.data_type == "f":
                cell.data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _text_or_number(value: Any) -> str | float | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _NOT_IN_XML.sub("", text)


def _cell(value: Any) -> str | float | None:
    """Numbers stay numbers; text that a spreadsheet would run is quoted with an apostrophe."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
