"""Where fuzzing begins: what is right, and what is wrong in ways that have hurt others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from services.contracts.journal import offsets_metrics
from services.contracts.sparkplug import DataType, Metric, Payload, encode
from services.contracts.telemetry import Signal
from tests.fuzz.targets import KINDS

NOW_MS: Final = 1_772_442_000_000
YEAR_9999_MS: Final = 253_402_300_799_999
CALENDAR: Final = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fuzz//EN\r\nBEGIN:VEVENT\r\nUID:a\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T080000\r\nDTEND:20260105T160000\r\n"
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
CSV: Final = (
    "title,title_zh,kind,tlp,severity,vendor,product,embargo_until\n"
    "Pump,泵,advisory,amber,high,Works,P1,2026-03-02T09:00:00Z\n"
)
CSAF: Final = {
    "document": {
        "category": "csaf_base",
        "csaf_version": "2.0",
        "title": "Pump",
        "distribution": {"tlp": {"label": "AMBER"}},
        "publisher": {"category": "vendor", "name": "Works", "namespace": "https://example.com"},
        "tracking": {
            "id": "W-1", "status": "final", "version": "1",
            "initial_release_date": "2026-03-02T09:00:00Z",
            "current_release_date": "2026-03-02T09:00:00Z",
            "revision_history": [
                {"number": "1", "date": "2026-03-02T09:00:00Z", "summary": "first"}
            ],
        },
    },
    "vulnerabilities": [{"cve": "CVE-2026-1234", "notes": [{"category": "summary", "text": "x"}]}],
}  # fmt: skip


def _messages() -> Iterator[bytes]:
    """A good one of each kind, and metrics that are wrong each in its own way."""
    odd = [
        Metric(1, DataType.INT64, name=Signal.PARTS),
        Metric(2**63 - 1, DataType.INT64, alias=2**63),
        Metric(float("nan"), DataType.DOUBLE, name="Analog/SpindleLoad"),
        Metric(float("inf"), DataType.FLOAT, name="Analog/SpindleLoad"),
        Metric("nul\0inside", DataType.STRING, name=Signal.STATE),
        Metric("x" * 70_000, DataType.STRING, name=Signal.STATE),
        Metric("executing", DataType.STRING, alias=0, timestamp_ms=YEAR_9999_MS),
        Metric("executing", DataType.STRING, alias=0, timestamp_ms=2**64 - 1),
        Metric(value=True, datatype=DataType.BOOLEAN, name=Signal.PARTS),
        Metric(b"\xff\xfe", DataType.BYTES, name=Signal.STATE),
        Metric(None, DataType.STRING, name=Signal.STATE, alias=1),
    ]
    clash = [
        Metric("a", DataType.STRING, name="one", alias=7),
        Metric("b", DataType.STRING, name="two", alias=7),
        Metric("c", DataType.STRING, name="one", alias=8),
    ]
    for place in range(len(KINDS)):
        head = bytes([place])
        yield head
        for sequence in (2, 300):
            yield head + encode(Payload(clash, seq=sequence))
        for number, metric in enumerate(odd, 1):
            told = metric if metric.timestamp_ms else replace(metric, timestamp_ms=NOW_MS)
            journalled = [told, *offsets_metrics(epoch=7, offsets=[number])]
            yield head + encode(Payload(journalled, seq=2, timestamp_ms=YEAR_9999_MS))
    yield b"\6" + nested(1_000)


def nested(depth: int) -> bytes:
    """A metric whose property sets hold property sets, ``depth`` levels down."""
    inner = b""
    for _ in range(depth):
        value = _field(10, inner)  # PropertyValue.propertyset_value
        inner = _field(2, value)  # PropertySet.values
        if len(inner) > 60_000:
            break
    return _field(2, _field(9, inner))  # Payload.metrics, Metric.properties


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def _calendars() -> Iterator[bytes]:
    for old, new in (
        ("WEEKLY", "SECONDLY"),
        ("20260105T080000", "99991231T235959"),
        ("20260105T080000", "00010101T000000"),
        ("BYDAY=MO,TU", "COUNT=99999999"),
        ("BYDAY=MO,TU", "INTERVAL=0"),
        ("DTEND:20260105T160000", "DURATION:P9999999D"),
        ("DTSTART:", "DTSTART;TZID=Nowhere/None:"),
        ("UID:a", "UID:\0"),
        ("END:VCALENDAR", "END:VCALENDAR\r\nEND:VCALENDAR"),
        ("BEGIN:VEVENT", "BEGIN:VEVENT\r\n" * 200),
    ):
        yield CALENDAR.replace(old, new).encode()
    yield CALENDAR.encode()


def _documents() -> Iterator[bytes]:
    yield b"%PDF-1.7\n%%EOF\n"
    yield b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 25
    yield b"\xff\xd8\xff\xe0" + b"\0" * 20 + b"\xff\xd9"
    yield b"ISO-10303-21;\nHEADER;\nENDSEC;\nEND-ISO-10303-21;\n"
    yield b"PK\x03\x04" + b"\0" * 26 + b"PK\x05\x06" + b"\0" * 18
    yield b"a,b\n1,2\n"


CORPUS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "calendar": tuple(_calendars()),
    "documents": tuple(_documents()),
    "risk_csaf": (json.dumps(CSAF).encode(), b"[" * 1_000, b'{"document":' * 500, b"NaN"),
    "risk_csv": (CSV.encode(), CSV.encode("utf-16"), ("﻿" + CSV).encode(), b'"' * 100),
    "sparkplug": tuple(_messages()),
    "tables": (b"=1+1", b"+1", b"-1", b"@x", b"\t=1", "＝1".encode(), b"\0\x0b", b"x" * 40_000),
}
