"""Working time out of an iCalendar (RFC 5545), after the Production Calendar of IDTA 02067.

Each VEVENT is working time or a holiday, by ``X-NONAGON-KIND:WORKING|HOLIDAY``; without it a timed
event is working time and an all-day event a holiday, as calendars of other tools write them.
Holidays remove time. Times without a zone are local to the resource, and a shift keeps its wall
clock across a change to or from summer time. A resource without a calendar works around the clock.
"""

from datetime import timedelta
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.intervals import Interval

KIND_PROPERTY: Final = "X-NONAGON-KIND"
WORKING: Final = "WORKING"
HOLIDAY: Final = "HOLIDAY"
ICS_BYTES_MAX: Final = 128 * 1024
EVENTS_MAX: Final = 500
OCCURRENCES_PER_YEAR_MAX: Final = 5_000
EVENT_DURATION_MAX: Final = timedelta(days=62)
WINDOW_MAX: Final = timedelta(days=450)
YEAR_RANGE: Final = range(2000, 2101)
RECURRENCES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
FIRST_OCCURRENCE_WITHIN: Final = timedelta(days=5 * 366)
_MARGIN: Final = timedelta(days=2)
"""Wider than any offset from UTC, so that floating times at the edges are not lost."""


class CalendarError(DomainError):
    code: ClassVar[str] = "calendar-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "The working calendar cannot be used: {problem}. Correct it and send it again."
    )
    zh: ClassVar[str] = "工作日历无法使用：{problem}。请更正后重新提交。"


def check_calendar(ics: str) -> None:
    """Refuse a calendar that is malformed or would be costly to expand.

    Raises:
        CalendarError: names the line or the event and what is wrong with it.
    """


def working_time(ics: str | None, timezone: str, window: Interval) -> list[Interval]:
    """Working time inside ``window``, in UTC, sorted and disjoint."""
    raise NotImplementedError
