"""Working time out of an iCalendar (RFC 5545), after the Production Calendar of IDTA 02067.

Each VEVENT is working time or a holiday, by ``X-NONAGON-KIND:WORKING|HOLIDAY``; without it a timed
event is working time and an all-day event a holiday, as calendars of other tools write them.
Holidays remove time. Times without a zone are local to the resource, and a shift keeps its wall
clock across a change to or from summer time. A resource without a calendar works around the clock.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from services.contracts.deferred import Deferred
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.intervals import Interval, clip, subtract

if TYPE_CHECKING:
    import icalendar
    import recurring_ical_events
    from dateutil import rrule as recurrence
else:
    icalendar = Deferred("icalendar")
    recurrence = Deferred("dateutil.rrule")
    recurring_ical_events = Deferred("recurring_ical_events")

KIND_PROPERTY: Final = "X-NONAGON-KIND"
WORKING: Final = "WORKING"
HOLIDAY: Final = "HOLIDAY"
ICS_BYTES_MAX: Final = 128 * 1024
EVENTS_MAX: Final = 500
OCCURRENCES_PER_YEAR_MAX: Final = 5_000
EVENT_DURATION_MAX: Final = timedelta(days=62)
YEAR_RANGE: Final = range(2000, 2101)
RECURRENCES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
FIRST_OCCURRENCE_WITHIN: Final = timedelta(days=5 * 366)
EXPANSIONS_KEPT: Final = 4_096
"""Months of calendars kept in memory: a few kilobytes each."""
_UNREADABLE: Final = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError,
)  # fmt: skip
"""What the libraries raise for texts they did not expect; time zones are looked up as files."""
_YEAR: Final = timedelta(days=366)
_MORE_THAN_A_MONTH: Final = timedelta(days=32)
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
    size = len(ics.encode())
    if size > ICS_BYTES_MAX:
        raise CalendarError(problem=f"{size} bytes exceed {ICS_BYTES_MAX}")
    _check_lines(ics)
    events = _events(_parsed(ics))
    if len(events) > EVENTS_MAX:
        raise CalendarError(problem=f"{len(events)} events exceed {EVENTS_MAX}")
    occurrences = sum(_checked_event(event) for event in events)
    if occurrences > OCCURRENCES_PER_YEAR_MAX:
        raise CalendarError(
            problem=f"it expands to {occurrences} occurrences a year,"
            f" more than {OCCURRENCES_PER_YEAR_MAX}"
        )
    _try_a_year(ics, events)


def working_time(ics: str | None, timezone: str, window: Interval) -> list[Interval]:
    """Working time inside ``window``, in UTC, sorted and disjoint.

    Args:
        ics: a checked calendar; ``None`` works around the clock.
        timezone: IANA zone of times without a zone of their own.
        window: what is asked about; its length bounds the work.
    """
    if ics is None:
        return [window]
    months = (_expanded(ics, timezone, month) for month in _months(window))
    return clip(chain.from_iterable(months), window)


@lru_cache(maxsize=EXPANSIONS_KEPT)
def _expanded(ics: str, timezone: str, days: Interval) -> tuple[Interval, ...]:
    """Working time of whole UTC days; asked by the month, so that different windows share it."""
    zone = ZoneInfo(timezone)
    working: list[Interval] = []
    holidays: list[Interval] = []
    query = recurring_ical_events.of(_parsed(ics))
    for occurrence in query.between(days.start - _MARGIN, days.end + _MARGIN):
        interval = _interval(occurrence, zone)
        if interval is not None:
            (holidays if _kind(occurrence) == HOLIDAY else working).append(interval)
    return tuple(clip(subtract(working, holidays), days))


def _try_a_year(ics: str, events: "Sequence[icalendar.Event]") -> None:
    """Expand once what will be expanded often, so that surprises meet whoever sent the calendar."""
    if not events:
        return
    first = min(_instant(event.start, ZoneInfo("UTC")) for event in events)
    try:
        _expanded(ics, "UTC", Interval.starting(_utc_midnight(first), _YEAR))
    except _UNREADABLE as error:
        raise CalendarError(problem=f"it does not expand: {_told(error)}") from error


def _check_lines(ics: str) -> None:
    """Every content line has a name and a value; folded lines count with the line they continue."""
    line, number = "", 0
    for position, physical in enumerate([*ics.splitlines(), ""], start=1):
        if physical.startswith((" ", "\t")):
            line += physical[1:]
            continue
        if line:
            _check_line(line, number)
        line, number = physical, position


def _check_line(line: str, number: int) -> None:
    try:
        icalendar.parser.Contentline.from_ical(line).parts()  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise CalendarError(problem=f"line {number} is no iCalendar line: {line[:80]!r}") from error


def _parsed(ics: str) -> "icalendar.Calendar":
    try:
        calendar = icalendar.Calendar.from_ical(ics)
    except _UNREADABLE as error:
        raise CalendarError(problem=f"it is no iCalendar object: {_told(error)}") from error
    if not isinstance(calendar, icalendar.Calendar):
        raise CalendarError(problem="it does not begin with BEGIN:VCALENDAR")
    return calendar


def _told(error: Exception) -> str:
    """What was wrong with the text, without the places on this machine that were looked at."""
    return (error.strerror or "no such place") if isinstance(error, OSError) else str(error)[:200]


def _events(calendar: "icalendar.Calendar") -> "list[icalendar.Event]":
    for component in calendar.walk():
        for name, error in component.errors:
            raise CalendarError(problem=f"{_who(component)}, {name}: {error}")
    return [event for event in calendar.walk("VEVENT") if isinstance(event, icalendar.Event)]


def _who(component: "icalendar.Component") -> str:
    title = component.get("SUMMARY") or component.get("UID") or "without summary"
    return f"{component.name} {str(title)[:80]!r}"


def _checked_event(event: "icalendar.Event") -> int:
    """How many occurrences a year the event has.

    Raises:
        CalendarError: it cannot be placed in time, or recurs absurdly.
    """
    if event.get("DTSTART") is None:
        raise CalendarError(problem=f"{_who(event)} has no DTSTART")
    declared = str(event.get(KIND_PROPERTY, "")).upper()
    if declared not in {"", WORKING, HOLIDAY}:
        raise CalendarError(
            problem=f"{_who(event)}: {KIND_PROPERTY} is {declared[:40]!r}, not WORKING or HOLIDAY"
        )
    if event.get("EXRULE") is not None:
        raise CalendarError(problem=f"{_who(event)} has an EXRULE, which RFC 5545 dropped")
    start, duration = _start_and_duration(event)
    if start.year not in YEAR_RANGE:
        raise CalendarError(
            problem=f"{_who(event)} starts in {start.year}, outside"
            f" {YEAR_RANGE.start} to {YEAR_RANGE.stop - 1}"
        )
    if not timedelta() < duration <= EVENT_DURATION_MAX:
        raise CalendarError(
            problem=f"{_who(event)} lasts {duration}; it must last longer than nothing"
            f" and at most {EVENT_DURATION_MAX.days} days"
        )
    return sum(_occurrences_a_year(event, rule, start) for rule in _listed(event, "RRULE")) + 1


def _start_and_duration(event: "icalendar.Event") -> tuple[date, timedelta]:
    try:
        start, end = event.start, event.end
        duration = end - start
    except _UNREADABLE as error:
        raise CalendarError(problem=f"{_who(event)}: {_told(error)}") from error
    zone = event["DTSTART"].params.get("TZID")
    if zone is not None and isinstance(start, datetime) and start.tzinfo is None:
        raise CalendarError(problem=f"{_who(event)}: nobody defines the time zone {zone!r}")
    return start, duration


def _occurrences_a_year(event: "icalendar.Event", rule: Any, start: date) -> int:
    frequency = str(next(iter(rule.get("FREQ", ["none"])))).upper()
    if frequency not in RECURRENCES:
        raise CalendarError(
            problem=f"{_who(event)} recurs {frequency}; use {', '.join(sorted(RECURRENCES))}"
        )
    problem = _rule_problem(frequency, rule)
    if problem is not None:
        raise CalendarError(problem=f"{_who(event)} recurs {frequency} {problem}")
    first = _floating(start)
    count = sum(1 for _ in _bounded_occurrences(event, rule, first, first + _YEAR))
    if count == 0:
        later = _bounded_occurrences(event, rule, first, first + FIRST_OCCURRENCE_WITHIN)
        if next(later, None) is None:
            raise CalendarError(
                problem=f"{_who(event)} recurs by a rule that matches no day"
                f" within {FIRST_OCCURRENCE_WITHIN.days // 366} years"
            )
    return count


def _rule_problem(frequency: str, rule: Any) -> str | None:
    """What could keep the expansion searching day by day, to the year 9999, for a match."""
    interval = next(iter(rule.get("INTERVAL", [1])))
    if interval < 1:
        return "with an INTERVAL below 1"
    if "COUNT" in rule and "UNTIL" in rule:
        return "with both COUNT and UNTIL; give one of them"
    if frequency in {"MONTHLY", "YEARLY"}:
        return None
    searching = sorted({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"} & set(rule))
    if searching:
        return f"with {', '.join(searching)}; use MONTHLY or YEARLY"
    filters = {"BYDAY", "BYMONTH"} if frequency == "DAILY" else {"BYMONTH"}
    if interval > 1 and filters & set(rule):
        return f"with an INTERVAL and {', '.join(sorted(filters & set(rule)))}; drop one of them"
    return None


def _bounded_occurrences(
    event: "icalendar.Event", rule: Any, first: datetime, until: datetime
) -> Iterator[datetime]:
    """Occurrences to ``until``, by the rule without its own end."""
    bounded = {name: value for name, value in rule.items() if name not in {"COUNT", "UNTIL"}}
    text = type(rule)({**bounded, "UNTIL": [until]}).to_ical().decode()
    try:
        yield from islice(recurrence.rrulestr(text, dtstart=first), OCCURRENCES_PER_YEAR_MAX + 1)
    except _UNREADABLE as error:
        raise CalendarError(problem=f"{_who(event)}, RRULE: {_told(error)}") from error


def _listed(event: "icalendar.Event", name: str) -> list[Any]:
    value = event.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _kind(occurrence: "icalendar.Event") -> str:
    declared = str(occurrence.get(KIND_PROPERTY, "")).upper()
    if declared:
        return declared
    return WORKING if isinstance(occurrence.start, datetime) else HOLIDAY


def _interval(occurrence: "icalendar.Event", zone: ZoneInfo) -> Interval | None:
    """The occurrence in UTC; ``None`` when a change to summer time leaves nothing of it."""
    start, end = (_instant(bound, zone) for bound in (occurrence.start, occurrence.end))
    return Interval(start, end) if start < end else None


def _instant(bound: date, zone: ZoneInfo) -> datetime:
    at = bound if isinstance(bound, datetime) else datetime.combine(bound, time())
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def _floating(start: date) -> datetime:
    return datetime.combine(start, start.time() if isinstance(start, datetime) else time())


def _months(window: Interval) -> Iterator[Interval]:
    """The months, as UTC counts them, that ``window`` lies in."""
    start = _utc_midnight(window.start).replace(day=1)
    while start < window.end:
        end = (start + _MORE_THAN_A_MONTH).replace(day=1)
        yield Interval(start, end)
        start = end


def _utc_midnight(instant: datetime) -> datetime:
    return datetime.combine(instant.astimezone(UTC).date(), time(), UTC)
