"""Lists as they leave over HTTP: pages by key, or CSV that a spreadsheet opens safely."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict

PAGE_LIMIT_DEFAULT: Final = 50
PAGE_LIMIT_MAX: Final = 200
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


class Page(BaseModel, Generic[ItemT]):
    """``next`` is the ``after`` of the following page, ``null`` on the last."""

    model_config = ConfigDict(extra="forbid")

    items: list[ItemT]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """``?after=…&limit=…&format=json|csv`` of a list, in order of id."""

    after: Annotated[UUID | None, Query(description="id after which the page begins")] = None
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT_DEFAULT
    format: Annotated[ListFormat, Query(description="csv: the page as a file")] = ListFormat.JSON

    @property
    def fetch(self) -> int:
        """Records to ask for: one more than shown tells whether a page follows."""
        return self.limit + 1

    def answer(
        self, records: Sequence[RecordT], read: Callable[[RecordT], ItemT], *, name: str
    ) -> Page[ItemT] | Response:
        """The page of ``fetch``-ed records as JSON, or as the file ``name``.csv."""
        shown = records[: self.limit]
        items = [read(record) for record in shown]
        following = shown[-1].id if len(records) > self.limit else None
        if self.format is ListFormat.CSV:
            return csv_response(items, name=name, following=following)
        return Page[ItemT](items=items, next=following)


PageDep = Annotated[PageQuery, Depends()]


def csv_response(
    items: Sequence[BaseModel], *, name: str, following: UUID | None = None
) -> Response:
    """A CSV file; ``X-Next-After`` carries the key of the following page."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if following is not None:
        headers["X-Next-After"] = str(following)
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


def _cell(value: Any) -> str | float | None:
    """Numbers stay numbers; text that a spreadsheet would run is quoted with an apostrophe."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
