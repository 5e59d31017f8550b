"""SHDR, the line protocol of MTConnect adapters, as recorded in day files.

``timestamp|key|value[|key|value…]``; a condition is ``timestamp|key|level|native code|severity|
qualifier|text``, a message ``timestamp|key|native code|text``. Recordings are what they are: rows
out of order, older snapshot rows at the top, bursts of repeated rows, stray text. A line that
cannot be read is counted and reported with its number, never fatal.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from services.contracts.errors import DomainError, ErrorKind

UNAVAILABLE: Final = "UNAVAILABLE"
LINE_CHARS_MAX: Final = 65_536
_CONDITION_LEVELS: Final = frozenset({"NORMAL", "WARNING", "FAULT", UNAVAILABLE})
_CONDITION_QUALIFIERS: Final = frozenset({"", "HIGH", "LOW"})
_CONDITION_FIELDS: Final = 6
_MESSAGE_FIELDS: Final = 3
_SHOWN_CHARS: Final = 80


class RecordingUnreadableError(DomainError):
    code = "recording-unreadable"
    kind = ErrorKind.INVALID
    en = "recording {path} cannot be replayed: {cause}"
    zh = "录制文件 {path} 无法回放：{cause}"


@dataclass(frozen=True, slots=True)
class Row:
    """One value of one key; a line with several pairs gives several rows."""

    line: int
    at: datetime
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class MalformedLine:
    line: int
    text: str
    cause: str


@dataclass(frozen=True, slots=True)
class Recording:
    rows: tuple[Row, ...]
    malformed: tuple[MalformedLine, ...]

    @property
    def began_at(self) -> datetime | None:
        """The first instant of the day most rows are of: older snapshot rows do not count."""
        if not self.rows:
            return None
        days = Counter(row.at.date() for row in self.rows)
        day = max(days, key=lambda date: (days[date], date))
        return min(row.at for row in self.rows if row.at.date() == day)


def read_recording(path: Path) -> Recording:
    """Parse the file.

    Raises:
        RecordingUnreadableError: it cannot be opened, or not one of its lines is SHDR.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordingUnreadableError(path=path, cause=error.strerror or error) from error
    recording = parse(text.split("\n"))
    if not recording.rows:
        raise RecordingUnreadableError(path=path, cause="it holds no SHDR row")
    return recording


def parse(lines: Iterable[str]) -> Recording:
    """Read every line; rows keep the order of the file."""
    rows: list[Row] = []
    malformed: list[MalformedLine] = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip("\r\n")
        if not line.strip():
            continue
        try:
            rows.extend(_rows(number, line))
        except ValueError as error:
            malformed.append(MalformedLine(number, line[:_SHOWN_CHARS], str(error)))
    return Recording(tuple(rows), tuple(malformed))


def _rows(number: int, line: str) -> list[Row]:
    if len(line) > LINE_CHARS_MAX:
        raise ValueError(f"{len(line)} characters exceed {LINE_CHARS_MAX}")
    stamp, *fields = line.split("|")
    at = _instant(stamp)
    pairs = _pairs([field.strip() for field in fields])
    if not all(key for key, _ in pairs):
        raise ValueError("a key is empty")
    return [Row(number, at, key, value) for key, value in pairs]


def _instant(stamp: str) -> datetime:
    """``2019-07-02T10:36:16.639Z``, perhaps followed by ``@duration``; without zone it is UTC."""
    try:
        at = datetime.fromisoformat(stamp.partition("@")[0].strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("does not begin with a timestamp") from None


def _pairs(fields: list[str]) -> list[tuple[str, str]]:
    if not fields:
        raise ValueError("has no key")
    if fields[0].startswith("@"):
        return []  # asset and adapter commands carry no value of a data item
    if _is_condition(fields):
        return [(fields[0], fields[1])]
    if len(fields) == _MESSAGE_FIELDS:
        return [(fields[0], fields[2])]
    if len(fields) % 2:
        raise ValueError(f"key {fields[-1]!r} has no value")
    return list(zip(fields[::2], fields[1::2], strict=True))


def _is_condition(fields: list[str]) -> bool:
    return (
        len(fields) == _CONDITION_FIELDS
        and fields[1].upper() in _CONDITION_LEVELS
        and fields[4].upper() in _CONDITION_QUALIFIERS
    )
