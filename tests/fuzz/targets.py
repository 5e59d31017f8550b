"""What takes bytes from outside, each as a function that lets through whatever is a fault.

An expected refusal is no fault; one without a cause is, and so is a value no column holds.
"""

import csv
import io
import math
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from openpyxl import load_workbook
from pydantic import BaseModel

from gateway.ingest.batch import Arrival, Batch, NodeKey
from gateway.ingest.interpretation import Interpreter
from gateway.ingest.plan import plan_batch
from gateway.ingest.quarantine_budget import QuarantineBudget
from services.capacity.domain import GatewayTwins, stored_text
from services.capacity.domain.calendar import CalendarError, check_calendar, working_time
from services.contracts.ids import GatewayId
from services.contracts.intervals import Interval
from services.contracts.sparkplug import (
    DataType,
    MalformedPayloadError,
    Metric,
    Payload,
    decode,
    encode,
)
from services.contracts.telemetry import Signal
from services.risk.domain.csaf_reading import read_csaf
from services.risk.domain.csv_file import read_csv
from services.risk.domain.imported import FileRefused
from services.runtime.files.media import TYPES, ContentMismatchError, check_content, media_type
from services.runtime.tabular import FORMULA_STARTS, csv_text, xlsx_bytes

NOW: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK: Final = Interval(NOW, NOW + timedelta(days=7))
KINDS: Final = ("NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH", "DDEATH", "DDATA")
INT64: Final = range(-(2**63), 2**63)


def born() -> tuple[Interpreter, Batch]:
    """A node ``gw`` with a device ``m1`` that told all its signals."""
    interpreter, batch = Interpreter(), Batch()
    signals = [
        Metric(None, DataType.INT64 if signal is Signal.PARTS else DataType.STRING, signal, n)
        for n, signal in enumerate(Signal)
    ]
    births = {
        "spBv1.0/site/NBIRTH/gw": Payload([Metric(0, DataType.INT64, name="bdSeq")], seq=0),
        "spBv1.0/site/DBIRTH/gw/m1": Payload(signals, seq=1),
    }
    for topic, payload in births.items():
        interpreter.read(Arrival(topic, encode(payload), NOW, 1), batch)
    return interpreter, batch


def sparkplug(data: bytes) -> None:
    """The first byte says what kind of message the rest is."""
    with suppress(MalformedPayloadError):
        decode(data[1:])
    kind = KINDS[data[0] % len(KINDS)] if data else "DDATA"
    interpreter, batch = born()
    device = "/m1" if kind.startswith("D") else ""
    interpreter.read(Arrival(f"spBv1.0/site/{kind}/gw{device}", data[1:], NOW, 1), batch)
    check_batch(batch)


def causes(batch: Batch) -> set[str]:
    """Why what was kept aside is, as it is stored."""
    twins = {NodeKey("site", "gw"): GatewayTwins(GatewayId(UUID(int=1)), {})}
    plan = plan_batch(batch, twins, QuarantineBudget(), now=NOW)
    return {stored_text(row.cause) for row in plan.quarantine}


def check_batch(batch: Batch) -> None:
    """What was understood can be stored; what was not says why."""
    kept = causes(batch)
    assert bool(kept) or not (batch.refused or batch.poison)
    for cause in kept:
        assert cause.strip()
        assert b"\0" not in cause.encode()
    for reported in batch.reported.values():
        value = reported.observation.value
        if isinstance(value, str):
            assert b"\0" not in value.encode()
        elif isinstance(value, float):
            assert math.isfinite(value)
        elif isinstance(value, int):
            assert value in INT64
        assert reported.observation.source_at.utcoffset() == timedelta(0)


def calendar(data: bytes) -> None:
    """What is accepted can be expanded."""
    text = data.decode(errors="replace")
    with suppress(CalendarError):
        check_calendar(text)
        for during in working_time(text, "Asia/Shanghai", WEEK):
            assert WEEK.start <= during.start < during.end <= WEEK.end


def risk_csv(data: bytes) -> None:
    with suppress(FileRefused):
        assert read_csv(data)


def risk_csaf(data: bytes) -> None:
    with suppress(FileRefused):
        assert read_csaf(data)


def documents(data: bytes) -> None:
    """Every kind a file may claim to be."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        for name in TYPES:
            with suppress(ContentMismatchError):
                check_content(Path(file.name), media_type(name))


class Cells(BaseModel):
    text: str


def tables(data: bytes) -> None:
    """Text leaves as text, whatever a spreadsheet would make of it."""
    item = Cells(text=data.decode(errors="replace"))
    rows = list(csv.reader(io.StringIO(csv_text([item]).removeprefix("\ufeff"), newline="")))
    if len(rows) > 1 and rows[1]:
        assert not rows[1][0].lstrip(" ").startswith(FORMULA_STARTS)
    sheet = load_workbook(io.BytesIO(xlsx_bytes([item], title="probe"))).active
    assert sheet is not None
    assert sheet.cell(2, 1).data_type != "f"


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "calendar": calendar,
    "documents": documents,
    "risk_csaf": risk_csaf,
    "risk_csv": risk_csv,
    "sparkplug": sparkplug,
    "tables": tables,
}
