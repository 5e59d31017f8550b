"""Working time out of iCalendar text."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.capacity.domain import CalendarError, check_calendar, working_time
from services.contracts.intervals import Interval

SHANGHAI = "Asia/Shanghai"
BERLIN = "Europe/Berlin"


def calendar(*events: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", *event.split(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


DAY_SHIFT = """X-NONAGON-KIND:WORKING DTSTART:20260105T080000 DTEND:20260105T170000
    RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"""
NIGHT_SHIFT = "DTSTART:20260101T220000 DTEND:20260102T060000 RRULE:FREQ=DAILY"
NATIONAL_DAY = """X-NONAGON-KIND:HOLIDAY DTSTART;VALUE=DATE:20261001 DTEND;VALUE=DATE:20261004"""


def shifts(ics: str | None, zone: str, first: str, last: str) -> list[tuple[str, str]]:
    """Local wall times of the working time between two local days."""
    local = ZoneInfo(zone)
    window = Interval(
        datetime.fromisoformat(first).replace(tzinfo=local),
        datetime.fromisoformat(last).replace(tzinfo=local),
    )
    return [
        tuple(bound.astimezone(local).strftime("%d %H:%M") for bound in (span.start, span.end))  # type: ignore[misc]  # two bounds
        for span in working_time(ics, zone, window)
    ]


class TestShifts:
    def test_recur_on_working_days_in_the_zone_of_the_resource(self) -> None:
        found = shifts(calendar(DAY_SHIFT), SHANGHAI, "2026-03-06", "2026-03-10")
        assert found == [("06 08:00", "06 17:00"), ("09 08:00", "09 17:00")]

    def test_stop_for_a_holiday_of_several_days(self) -> None:
        found = shifts(calendar(DAY_SHIFT, NATIONAL_DAY), SHANGHAI, "2026-09-30", "2026-10-06")
        assert found == [("30 08:00", "30 17:00"), ("05 08:00", "05 17:00")]

    def test_a_timed_holiday_is_a_break(self) -> None:
        lunch = """X-NONAGON-KIND:HOLIDAY DTSTART:20260105T120000 DTEND:20260105T130000
            RRULE:FREQ=DAILY"""
        found = shifts(calendar(DAY_SHIFT, lunch), SHANGHAI, "2026-03-06", "2026-03-07")
        assert found == [("06 08:00", "06 12:00"), ("06 13:00", "06 17:00")]

    def test_without_a_kind_all_day_events_are_holidays(self) -> None:
        feast = "DTSTART;VALUE=DATE:20260306"
        found = shifts(calendar(DAY_SHIFT, feast), SHANGHAI, "2026-03-06", "2026-03-10")
        assert found == [("09 08:00", "09 17:00")]

    def test_an_all_day_event_can_be_working_time(self) -> None:
        day = "X-NONAGON-KIND:WORKING DTSTART;VALUE=DATE:20260306"
        found = shifts(calendar(day), SHANGHAI, "2026-03-05", "2026-03-09")
        assert found == [("06 00:00", "07 00:00")]

    def test_are_cut_at_the_window(self) -> None:
        window = Interval(
            datetime(2026, 3, 6, 2, 30, tzinfo=UTC), datetime(2026, 3, 6, 3, 0, tzinfo=UTC)
        )
        assert working_time(calendar(DAY_SHIFT), SHANGHAI, window) == [window]

    def test_a_night_at_the_end_of_a_month_is_one_shift(self) -> None:
        ics = calendar("DTSTART:20260101T180000Z DTEND:20260102T060000Z RRULE:FREQ=DAILY")
        found = shifts(ics, "UTC", "2026-02-28", "2026-03-02")
        assert found == [
            ("28 00:00", "28 06:00"),
            ("28 18:00", "01 06:00"),
            ("01 18:00", "02 00:00"),
        ]

    def test_without_a_calendar_it_works_around_the_clock(self) -> None:
        assert shifts(None, SHANGHAI, "2026-03-06", "2026-03-10") == [("06 00:00", "10 00:00")]

    def test_an_exception_date_is_free(self) -> None:
        event = f"{DAY_SHIFT} EXDATE:20260306T080000"
        found = shifts(calendar(event), SHANGHAI, "2026-03-06", "2026-03-10")
        assert found == [("09 08:00", "09 17:00")]


class TestSummerTime:
    @pytest.mark.parametrize("zone_of", ["", ";TZID=Europe/Berlin"])
    def test_a_night_shift_keeps_its_wall_clock(self, zone_of: str) -> None:
        shift = NIGHT_SHIFT.replace("DTSTART", f"DTSTART{zone_of}").replace(
            "DTEND", f"DTEND{zone_of}"
        )
        window = Interval(
            datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 30, 6, tzinfo=UTC)
        )
        spring, after = working_time(calendar(shift), BERLIN, window)
        assert spring.duration == timedelta(hours=7)
        assert after == Interval(
            datetime(2026, 3, 29, 20, tzinfo=UTC), datetime(2026, 3, 30, 4, tzinfo=UTC)
        )

    def test_autumn_gives_the_night_an_hour_more(self) -> None:
        window = Interval(
            datetime(2026, 10, 24, 18, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
        )
        (night,) = working_time(calendar(NIGHT_SHIFT), BERLIN, window)
        assert night.duration == timedelta(hours=9)

    def test_a_shift_inside_the_missing_hour_does_no_harm(self) -> None:
        shift = "DTSTART:20260101T023000 DTEND:20260101T031500 RRULE:FREQ=DAILY"
        window = Interval(datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
        assert working_time(calendar(shift), BERLIN, window) == []


class TestRefused:
    @pytest.mark.parametrize(
        ("ics", "names"),
        [
            ("", "no iCalendar object"),
            ("BEGIN:VCALENDAR\r\nwhat is this\r\nEND:VCALENDAR", "line 2 .*'what is this'"),
            (
                "BEGIN:VCALENDAR\r\nSUMMARY:a\r\n b\r\n c\r\n!!\r\nEND:VCALENDAR",
                "line 5 .*'!!'",
            ),
            ("BEGIN:VEVENT\r\nDTSTART:20260101\r\nEND:VEVENT\r\n", "BEGIN:VCALENDAR"),
            (calendar("SUMMARY:Shift DTSTART:tomorrow"), "'Shift', DTSTART: .*tomorrow"),
            (calendar("SUMMARY:Shift"), "'Shift' has no DTSTART"),
            (calendar("DTSTART:20260101T080000 DTEND:20260101T070000"), "lasts"),
            (calendar("DTSTART:20260101T080000"), "lasts 0:00:00"),
            (calendar("DTSTART:20260101T080000 DURATION:P400D"), "at most 62 days"),
            (calendar("DTSTART;VALUE=DATE:17000101"), "starts in 1700"),
            (calendar(f"{DAY_SHIFT} X-NONAGON-KIND:PARTY"), "X-NONAGON-KIND"),
            (
                calendar("DTSTART;TZID=Mars/Base:20260101T080000 DURATION:PT1H"),
                "time zone 'Mars/Base'",
            ),
            (
                calendar("DTSTART;TZID=Mars,Moon:20260105"),
                "no iCalendar object",
            ),
            (calendar(f"DTSTART;TZID={'x' * 300}:20260105T080000"), "File name too long"),
            (calendar("DTSTART;TZID=America:20260105T080000"), "Is a directory"),
            (calendar(f"{NIGHT_SHIFT} EXRULE:FREQ=DAILY"), "EXRULE"),
        ],
    )
    def test_malformed_text_names_the_problem(self, ics: str, names: str) -> None:
        with pytest.raises(CalendarError, match=names):
            check_calendar(ics)

    @pytest.mark.parametrize(
        ("rule", "names"),
        [
            ("FREQ=SECONDLY", "recurs SECONDLY"),
            ("FREQ=MINUTELY", "recurs MINUTELY"),
            ("FREQ=HOURLY", "recurs HOURLY"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL below 1"),
            ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY"),
            ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "INTERVAL and BYDAY"),
            ("FREQ=WEEKLY;INTERVAL=2;BYMONTH=5", "INTERVAL and BYMONTH"),
            ("FREQ=DAILY;COUNT=3;UNTIL=20270101T000000", "both COUNT and UNTIL"),
            ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=30", "matches no day"),
            ("FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))), "occurrences a year"),
        ],
    )
    def test_a_recurrence_that_would_cost_too_much(self, rule: str, names: str) -> None:
        with pytest.raises(CalendarError, match=names):
            check_calendar(calendar(f"DTSTART:20260101T080000 DURATION:PT1M RRULE:{rule}"))

    def test_more_text_or_events_than_a_calendar_needs(self) -> None:
        with pytest.raises(CalendarError, match="exceed 500"):
            check_calendar(calendar(*["DTSTART;VALUE=DATE:20260101"] * 501))
        with pytest.raises(CalendarError, match="bytes exceed"):
            check_calendar(calendar("DTSTART;VALUE=DATE:20260101") + " " * 131_072)

    def test_the_refusal_is_told_in_chinese_too(self) -> None:
        with pytest.raises(CalendarError) as refusal:
            check_calendar("")
        assert "工作日历无法使用" in refusal.value.text("zh-CN")


@pytest.mark.parametrize(
    "ics",
    [
        calendar(DAY_SHIFT, NATIONAL_DAY),
        calendar(NIGHT_SHIFT),
        calendar(),
        calendar("DTSTART:20260101T080000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3"),
        calendar("DTSTART:20260101T080000Z DURATION:PT1H RRULE:FREQ=DAILY;UNTIL=20260601T000000Z"),
        calendar("DTSTART;VALUE=DATE:20240229 RRULE:FREQ=YEARLY"),
        calendar("DTSTART:20260101T080000 DURATION:PT9H RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"),
    ],
)
def test_ordinary_calendars_are_accepted(ics: str) -> None:
    check_calendar(ics)
