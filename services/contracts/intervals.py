"""Half-open intervals ``[start, end)`` of aware datetimes, and set operations on lists of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """``[start, end)``; both aware, ``start < end``.

    Raises:
        ValueError: a bound is naive, or the interval is empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"interval bounds must carry a time zone: {self.start} to {self.end}")
        if self.start >= self.end:
            raise ValueError(f"interval must end after it starts: {self.start} to {self.end}")

    @classmethod
    def starting(cls, start: datetime, duration: timedelta) -> Self:
        return cls(start, start + duration)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def hours(self) -> float:
        return self.duration / timedelta(hours=1)

    def overlaps(self, other: "Interval") -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Interval") -> bool:
        return self.start <= other.start and other.end <= self.end

    def intersection(self, other: "Interval") -> "Interval | None":
        if other.contains(self):
            return self
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def widened(self, *, before: timedelta, after: timedelta) -> "Interval":
        """The interval with a buffer on each side."""
        return Interval(self.start - before, self.end + after)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted, disjoint intervals covering the same instants; touching ones become one."""
    merged: list[Interval] = []
    for current in sorted(intervals, key=attrgetter("start")):
        if merged and current.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, current.end))
        else:
            merged.append(current)
    return merged


def subtract(wanted: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """What is left of ``wanted`` without every instant of ``taken``; sorted and disjoint."""
    holes = merge(taken)
    if not holes:
        return merge(wanted)
    left: list[Interval] = []
    for interval in merge(wanted):
        start = interval.start
        for hole in holes:
            if hole.end <= start:
                continue
            if hole.start >= interval.end:
                break
            if hole.start > start:
                left.append(Interval(start, hole.start))
            start = max(start, hole.end)
        if start < interval.end:
            left.append(Interval(start, interval.end))
    return left


def clip(intervals: Iterable[Interval], window: Interval) -> list[Interval]:
    """The parts of ``intervals`` inside ``window``; sorted and disjoint."""
    parts = (interval.intersection(window) for interval in merge(intervals))
    return [part for part in parts if part is not None]


def utc_from_ms(unix_ms: int) -> datetime:
    """The instant ``unix_ms`` milliseconds after the epoch, exact to the millisecond."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC) + timedelta(milliseconds=unix_ms % 1000)


def ms_from_utc(instant: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    if instant.tzinfo is None:
        raise ValueError(f"instant must carry a time zone: {instant}")
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
