"""Demands from a workbook or CSV: a row each, and for each wrong cell what is wrong and what to do.

A workbook is XLSX (ECMA-376) without formulas. What it unpacks to, its rows and its columns are
bounded before they are read.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from marketplace.demands.domain import DemandFacts, Vocabulary, check_facts
from marketplace.demands.schemas import DemandIn, told_of
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.files.media import XLSX

ROWS_MAX: Final = 1_000
UNPACKED_MAX: Final = 32 * 1024 * 1024
CELL_MAX: Final = 2_000
CSV_TYPE: Final = "text/csv"
_FORMULA: Final = ("=", "＝")


class ImportTypeError(DomainError):
    code: ClassVar[str] = "import-type"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Demands are imported from an Excel workbook (xlsx) or CSV, not {media_type}."
    )
    zh: ClassVar[str] = "需求只能从 Excel 工作簿（xlsx）或 CSV 导入，而非 {media_type}。"


class ImportTooLargeError(DomainError):
    code: ClassVar[str] = "import-too-large"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "The file has more than {rows_max} rows, or unpacks to more than {bytes_max} bytes; split"
        " it."
    )
    zh: ClassVar[str] = "文件超过 {rows_max} 行，或解压后超过 {bytes_max} 字节；请拆分。"


class ImportHeaderError(DomainError):
    code: ClassVar[str] = "import-header"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "The first row names the columns; {problem}. Columns are those of the template:"
        " GET /demands/imports/template."
    )
    zh: ClassVar[str] = "首行应为列名；{problem}。可用列见模板：GET /demands/imports/template。"


class RowsInvalidError(DomainError):
    code: ClassVar[str] = "import-rows-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{count} cells are wrong and nothing was imported; mend them, or take the good rows by"
        " rows=good."
    )
    zh: ClassVar[str] = "有 {count} 处错误，未导入任何行；请修正，或用 rows=good 仅导入正确的行。"


class CellError(DomainError):
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class FormulaCellError(CellError):
    code: ClassVar[str] = "cell-formula"
    en: ClassVar[str] = "the cell is a formula; paste its value instead"
    zh: ClassVar[str] = "单元格为公式；请粘贴其数值"


class CellTooLongError(CellError):
    code: ClassVar[str] = "cell-too-long"
    en: ClassVar[str] = "the cell has more than {most} characters; shorten it"
    zh: ClassVar[str] = "单元格超过 {most} 个字符；请缩短"


class InstantCellError(CellError):
    code: ClassVar[str] = "cell-instant"
    en: ClassVar[str] = "{value!r} is no date with a time; write 2026-03-02 09:00"
    zh: ClassVar[str] = "{value!r} 不是日期时间；请写为 2026-03-02 09:00"


class CertificateCellError(CellError):
    code: ClassVar[str] = "cell-certificate"
    en: ClassVar[str] = "{value!r} names no certificate; write kind or kind:scope, parted by ;"
    zh: ClassVar[str] = "{value!r} 不是证书；请写“种类”或“种类:范围”，以分号分隔"


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A column of the template: where in a demand its value goes."""

    key: str
    zh: str
    place: tuple[str, ...]
    help: str
    help_zh: str


COLUMNS: Final = (
    ColumnOf("title", "名称", ("title",), "what it is called; needed", "需求名称；必填"),
    ColumnOf("process", "工艺", ("process",), "code of the taxonomy; needed", "工艺分类编码；必填"),
    ColumnOf("hours", "工时", ("hours",), "hours of work; needed", "所需工时；必填"),
    ColumnOf("start", "开始", ("window", "start"), "not before; needed", "最早开始；必填"),
    ColumnOf("end", "结束", ("window", "end"), "done by; needed", "最迟完成；必填"),
    ColumnOf("material", "材料", ("material",), "code of the taxonomy", "材料分类编码"),
    ColumnOf("length_mm", "长", ("envelope_mm", "0"), "of the part, whole mm", "工件长，整毫米"),
    ColumnOf("width_mm", "宽", ("envelope_mm", "1"), "of the part, whole mm", "工件宽，整毫米"),
    ColumnOf("height_mm", "高", ("envelope_mm", "2"), "of the part, whole mm", "工件高，整毫米"),
    ColumnOf("tolerance_um", "公差", ("tolerance", "plus_minus_um"), "± µm", "± 微米"),
    ColumnOf("grade", "公差等级", ("tolerance", "grade"), "IT7, or m", "如 IT7 或 m"),
    ColumnOf(
        "nominal_mm", "公称尺寸", ("tolerance", "nominal_mm"), "of the grade", "公差等级对应尺寸"
    ),
    ColumnOf("certificates", "证书", ("certificates",), "kind:scope; kind", "种类:范围；种类"),
    ColumnOf("budget_minor", "预算", ("budget_minor",), "minor units (fen)", "最小货币单位（分）"),
    ColumnOf("currency", "币种", ("currency",), "CNY if left out", "缺省为 CNY"),
    ColumnOf("quantity", "件数", ("quantity",), "1 if left out", "缺省为 1"),
    ColumnOf("units", "并行单元", ("units",), "1 if left out", "缺省为 1"),
    ColumnOf("latitude", "纬度", ("place", "latitude"), "degrees", "度"),
    ColumnOf("longitude", "经度", ("place", "longitude"), "degrees", "度"),
    ColumnOf("radius_km", "半径", ("radius_km",), "around the place", "以地点为中心，千米"),
)
_BY_NAME: Final[Mapping[str, ColumnOf]] = {
    name: column for column in COLUMNS for name in (column.key, column.zh)
}
_BY_PLACE: Final = {column.place: column.key for column in COLUMNS}
_FACTS: Final[Mapping[str, str]] = {
    "window-ends-before-start": "end",
    "window-in-past": "end",
    "window-too-short": "hours",
    "hours-not-positive": "hours",
    "negative-budget": "budget_minor",
    "envelope-not-positive": "length_mm",
    "tolerance-not-positive": "tolerance_um",
    "unknown-tolerance": "grade",
    "tolerance-size": "nominal_mm",
    "tolerance-too-fine": "grade",
    "unknown-process": "process",
    "unknown-material": "material",
    "unknown-certificate": "certificates",
    "radius-without-place": "radius_km",
}
"""The column each fact that cannot be stands in."""
Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellFault:
    """Row as the file counts it, from 1; what is wrong and what to do, in both languages."""

    row: int
    column: str
    code: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row's demand, or its faults."""

    row: int
    facts: DemandFacts | None
    faults: tuple[CellFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How cells are understood: whose demands, what codes mean, where times without a zone are."""

    organisation_id: OrganisationId
    vocabulary: Vocabulary
    timezone: ZoneInfo
    now: datetime


def read_file(path: Path, media_type: str, reading: Reading) -> list[ReadRow]:
    """Every row of a file that says something.

    Raises:
        ImportTypeError, ImportTooLargeError, ImportHeaderError: it cannot be read as rows.
    """
    if media_type not in {XLSX, CSV_TYPE}:
        raise ImportTypeError(media_type=media_type)
    rows = _workbook_rows(path) if media_type == XLSX else _csv_rows(path)
    header = _header(next(rows, (1, ()))[1])
    found = list[ReadRow]()
    for number, cells in rows:
        said = {
            column: value
            for column, value in zip(header, cells, strict=False)
            if column and value not in (None, "")
        }
        if said:
            found.append(_row(number, said, reading))
    return found


def _workbook_rows(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only an import pays for the import

    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > UNPACKED_MAX:
        raise ImportTooLargeError(rows_max=ROWS_MAX, bytes_max=UNPACKED_MAX)
    with path.open("rb") as file:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_col=2 * len(COLUMNS), values_only=True)
        for number, cells in enumerate(rows, start=1):
            _check_number(number)
            yield number, cells


def _csv_rows(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """UTF-8, or GB 18030 as Chinese spreadsheets write it."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
        _check_number(number)
        yield number, cells[: 2 * len(COLUMNS)]


def _check_number(number: int) -> None:
    if number > ROWS_MAX + 1:
        raise ImportTooLargeError(rows_max=ROWS_MAX, bytes_max=UNPACKED_MAX)


def _header(cells: Sequence[Any]) -> list[str]:
    """The key of each column; empty for one without a name."""
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    unknown = [name for name in names if name and name not in _BY_NAME]
    if unknown:
        raise ImportHeaderError(problem=f"{unknown[0][:60]!r}?")
    keys = [_BY_NAME[name].key if name else "" for name in names]
    named = [key for key in keys if key]
    if len(set(named)) != len(named):
        raise ImportHeaderError(problem="twice")
    missing = [key for key in ("title", "process", "hours", "start", "end") if key not in named]
    if missing:
        raise ImportHeaderError(problem=f"{missing[0]} –")
    return keys


def _row(number: int, said: Cells, reading: Reading) -> ReadRow:
    document: dict[str, Any] = {}
    faults = list[CellFault]()
    for key, value in said.items():
        try:
            _put(document, _BY_NAME[key], _cell(key, value, reading.timezone))
        except CellError as error:
            faults.append(_fault(number, key, error))
    if not faults:
        faults = _check_edges(number, document)
    if faults:
        return ReadRow(number, None, tuple(faults))
    try:
        asked = DemandIn.model_validate(document)
        facts = asked.facts(reading.vocabulary, reading.organisation_id)
        check_facts(facts, reading.vocabulary, now=reading.now)
    except ValidationError as error:
        return ReadRow(number, None, tuple(_invalid(number, one) for one in error.errors()))
    except DomainError as error:
        return ReadRow(number, None, (_fault(number, _column_of(error), error),))
    return ReadRow(number, facts)


def _cell(key: str, value: Any, timezone: ZoneInfo) -> Any:
    """A cell as JSON has it.

    Raises:
        CellError: it cannot be.
    """
    if isinstance(value, str):
        value = value.strip()
        if value.startswith(_FORMULA):
            raise FormulaCellError
        if len(value) > CELL_MAX:
            raise CellTooLongError(most=CELL_MAX)
    if key in {"start", "end"}:
        return _instant(value, timezone)
    if key == "certificates":
        return [_certificate(part) for part in str(value).replace("；", ";").split(";") if part]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value) if key in {"title", "process", "material", "grade"} else value


def _instant(value: Any, timezone: ZoneInfo) -> str:
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InstantCellError(value=str(value)[:60]) from error
    zoned = read if read.tzinfo is not None else read.replace(tzinfo=timezone)
    return zoned.isoformat(timespec="seconds")


def _certificate(part: str) -> dict[str, str]:
    kind, _, scope = part.strip().replace("：", ":").partition(":")
    if not kind.strip():
        raise CertificateCellError(value=part[:60])
    return {"kind": kind.strip()} | ({"scope": scope.strip()} if scope.strip() else {})


def _put(document: dict[str, Any], column: ColumnOf, value: Any) -> None:
    *outer, last = column.place
    held = document
    for name in outer:
        held = held.setdefault(name, {})
    held[last] = value


def _check_edges(number: int, document: dict[str, Any]) -> list[CellFault]:
    """Three edges of the part, or none, as a list."""
    edges = document.get("envelope_mm")
    if edges is None:
        return []
    lacking = [
        key
        for key, place in (("length_mm", "0"), ("width_mm", "1"), ("height_mm", "2"))
        if place not in edges
    ]
    document["envelope_mm"] = [edges.get(place) for place in ("0", "1", "2")]
    told = "give all three edges of the part, or none", "工件三边须同时填写或均不填"
    return [CellFault(number, key, "edge-missing", *told) for key in lacking]


def _column_of(error: DomainError) -> str:
    if error.code == "quantity-too-small":
        return str(error.facts["what"])
    return _FACTS[error.code]


def _fault(number: int, column: str, error: DomainError) -> CellFault:
    return CellFault(number, column, error.code, error.text("en"), error.text("zh"))


def _invalid(number: int, error: Any) -> CellFault:
    place = tuple(str(part) for part in error["loc"])
    column = _BY_PLACE.get(place) or _BY_PLACE.get(place[:1])
    if column is None:
        column = next((key for at, key in _BY_PLACE.items() if at[:1] == place[:1]), "title")
    kind = str(error["type"])
    return CellFault(
        number, column, kind.replace("_", "-"), told_of(error, "en"), told_of(error, "zh")
    )


def template() -> bytes:
    """The workbook to fill in: the columns in both languages, and a sheet that explains them."""
    from openpyxl import Workbook  # noqa: PLC0415 - only a template pays for the import

    book = Workbook()
    sheet = book.active
    sheet.title = "demands"
    sheet.append([column.key for column in COLUMNS])
    sheet.freeze_panes = "A2"
    told = book.create_sheet("help 说明")
    told.append(["column", "列", "meaning", "含义"])
    for column in COLUMNS:
        told.append([column.key, column.zh, column.help, column.help_zh])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
