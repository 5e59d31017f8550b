"""Lists as pages and as CSV that a spreadsheet opens safely."""

import csv
import io
from dataclasses import dataclass
from uuid import UUID

import pytest
from fastapi import Response
from openpyxl import load_workbook
from pydantic import BaseModel

from services.runtime.tabular import ListFormat, Page, PageQuery, csv_text, xlsx_bytes


class Line(BaseModel):
    id: UUID
    name: str
    amount: float | None = None
    tags: list[str] = []


@dataclass(frozen=True)
class Record:
    id: UUID
    name: str


def read(record: Record) -> Line:
    return Line(id=record.id, name=record.name)


def cells(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


RECORDS = [Record(UUID(int=number), f"mill {number}") for number in range(1, 6)]


class TestPage:
    def test_names_the_next_page_when_there_is_one(self) -> None:
        page = PageQuery(limit=3)
        answer = page.answer(RECORDS[: page.fetch], read, name="mills")
        assert isinstance(answer, Page)
        assert [item.id.int for item in answer.items] == [1, 2, 3]
        assert answer.next == UUID(int=3)

    def test_the_last_page_has_no_next(self) -> None:
        answer = PageQuery(limit=5).answer(RECORDS, read, name="mills")
        assert isinstance(answer, Page)
        assert (len(answer.items), answer.next) == (5, None)

    def test_a_file_carries_the_next_page_in_a_header(self) -> None:
        page = PageQuery(limit=2, format=ListFormat.CSV)
        answer = page.answer(RECORDS[: page.fetch], read, name="mills")
        assert isinstance(answer, Response)
        assert answer.headers["X-Next-After"] == str(UUID(int=2))
        assert answer.headers["Content-Disposition"] == 'attachment; filename="mills.csv"'
        assert [row[1] for row in cells(bytes(answer.body).decode())] == [
            "name",
            "mill 1",
            "mill 2",
        ]


class TestCsv:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", " =1", "-2+cmd|' /C x'!A"]
    )
    def test_text_that_a_spreadsheet_would_run_is_quoted(self, text: str) -> None:
        assert cells(csv_text([Line(id=UUID(int=1), name=text)]))[1][1] == f"'{text}"

    @pytest.mark.parametrize("text", ["mill", "1-2", "武汉", 'a "b", c', "two\nlines"])
    def test_other_text_stays_as_it_is(self, text: str) -> None:
        assert cells(csv_text([Line(id=UUID(int=1), name=text)]))[1][1] == text

    def test_negative_numbers_stay_numbers(self) -> None:
        line = Line(id=UUID(int=1), name="x", amount=-2.5)
        assert cells(csv_text([line]))[1][2] == "-2.5"

    def test_nothing_is_an_empty_cell_and_lists_are_json(self) -> None:
        line = Line(id=UUID(int=1), name="x", tags=["钢", "b"])
        assert cells(csv_text([line]))[1][2:] == ["", '["钢", "b"]']

    def test_an_empty_list_is_an_empty_file(self) -> None:
        assert csv_text([]) == "\ufeff"


class TestWorkbook:
    LINES = (
        Line(id=UUID(int=1), name="=HYPERLINK(1)", amount=2.5, tags=["a"]),
        Line(id=UUID(int=2), name="铣床\x0b", amount=None),
    )

    def test_holds_the_rows_and_runs_no_formula(self) -> None:
        sheet = load_workbook(io.BytesIO(xlsx_bytes(self.LINES, title="mills"))).active
        assert [cell.value for cell in sheet[1]] == ["id", "name", "amount", "tags"]
        name = sheet["B2"]
        assert (name.value, name.data_type) == ("=HYPERLINK(1)", "s")
        assert (sheet["C2"].value, sheet["D2"].value) == (2.5, '["a"]')
        assert (sheet["B3"].value, sheet["C3"].value) == ("铣床", None)

    def test_a_list_answers_with_it(self) -> None:
        page = PageQuery(limit=2, format=ListFormat.XLSX)
        answer = page.answer(RECORDS[: page.fetch], read, name="mills")
        assert isinstance(answer, Response)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="mills.xlsx"'
        assert answer.headers["X-Next-After"] == str(UUID(int=2))
        assert load_workbook(io.BytesIO(bytes(answer.body))).active.max_row == 3

    def test_an_empty_list_is_an_empty_sheet(self) -> None:
        sheet = load_workbook(io.BytesIO(xlsx_bytes([], title="mills"))).active
        assert sheet.max_row == 1
