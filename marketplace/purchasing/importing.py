"""Items of a list from a sheet: each row is checked, and errors are told by row and column."""

from pydantic import BaseModel, Field, ValidationError

from marketplace.purchasing.domain.lists import ITEMS_MAX, ItemTerms
from marketplace.purchasing.schemas import ItemIn
from services.runtime.sheets import SheetKind, read_sheet

IGNORED = frozenset({"number", "pooled"})
"""Columns our own export adds."""


class RowProblemOut(BaseModel):
    row: int = Field(description="as the spreadsheet counts: the header is 1")
    column: str
    text: str


class FilledOut(BaseModel):
    """Whether the list now has the file's items; with ``problems`` it is as it was."""

    is_filled: bool
    items: int
    problems: list[RowProblemOut]


def read_items(data: bytes, kind: SheetKind) -> tuple[list[ItemTerms], list[RowProblemOut]]:
    """The items of a sheet and what is wrong in it.

    Raises:
        SheetUnreadableError: it is no such file.
    """
    items: list[ItemTerms] = []
    problems: list[RowProblemOut] = []
    for row in read_sheet(data, kind):
        cells = {name: cell for name, cell in row.cells.items() if name not in IGNORED}
        try:
            items.append(ItemIn.model_validate(cells).terms())
        except ValidationError as error:
            problems += [
                RowProblemOut(
                    row=row.number,
                    column=str(found["loc"][0]) if found["loc"] else "",
                    text=found["msg"],
                )
                for found in error.errors()
            ]
    if not items and not problems:
        problems.append(RowProblemOut(row=1, column="", text="the file lists no item"))
    if len(items) > ITEMS_MAX:
        text = f"a list has at most {ITEMS_MAX} items"
        problems.append(RowProblemOut(row=ITEMS_MAX + 2, column="", text=text))
    return items, problems
