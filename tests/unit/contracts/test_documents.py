"""Objects are closed; time is told as RFC 3339 tells it, and by nothing else."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.contracts.documents import Day, Document, Instant

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
DAY: TypeAdapter[date] = TypeAdapter(Day)
EITHER = pytest.mark.parametrize("kind", [INSTANT, DAY], ids=["instant", "day"])
INSTANTS = st.datetimes(
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
NUMBERS = st.booleans() | st.integers() | st.floats()


def causes(kind: TypeAdapter[Any], given: object) -> set[str]:
    """Why ``given`` is refused, read as Python and, where it can be written so, as JSON."""
    reads: list[Callable[[], object]] = [lambda: kind.validate_python(given)]
    if given is None or isinstance(given, str | int | float):
        reads.append(lambda: kind.validate_json(json.dumps(given)))
    found = set()
    for read in reads:
        with pytest.raises(ValidationError) as refused:
            read()
        found |= {error["type"] for error in refused.value.errors()}
    return found


class Box(Document):
    width: int


def test_an_object_has_no_unknown_members() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Box.model_validate({"width": 1, "colour": "red"})


@given(INSTANTS)
def test_an_instant_is_read_as_it_is_written(at: datetime) -> None:
    for text in (at.isoformat(), at.isoformat().replace("T", "t")):
        for read in (INSTANT.validate_python(text), INSTANT.validate_json(json.dumps(text))):
            assert (read, read.utcoffset()) == (at, at.utcoffset())
    assert INSTANT.validate_python(at) is at


@given(st.dates())
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert DAY.validate_python(day.isoformat()) == day
    assert DAY.validate_json(f'"{day.isoformat()}"') == day
    assert DAY.validate_python(day) is day


@EITHER
@given(number=NUMBERS)
def test_a_number_is_no_time(kind: TypeAdapter[Any], number: float) -> None:
    assert causes(kind, number)
    assert causes(kind, str(number))


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (0, "datetime_type"),
        (0.5, "datetime_type"),
        (True, "datetime_type"),
        (None, "datetime_type"),
        (b"2026-03-02T09:00:00Z", "datetime_type"),
        ("0", "datetime_parsing"),
        ("1609459200", "datetime_parsing"),
        ("2026-03-02 09:00:00Z", "datetime_parsing"),
        ("2026-03-02_09:00:00Z", "datetime_parsing"),
        ("2026-03-02T09:00Z", "datetime_parsing"),
        ("2026-03-02T09:00:00+0800", "datetime_parsing"),
        ("2026-03-02T09:00:00,5Z", "datetime_parsing"),
        ("2026-03-02T09:00:00\N{MINUS SIGN}08:00", "datetime_parsing"),
        ("2026-03-02T09:00:00Z\n", "datetime_from_date_parsing"),
        ("soon", "datetime_from_date_parsing"),
        ("2026-03-02", "timezone_aware"),
        ("2026-03-02T09:00:00", "timezone_aware"),
    ],
)
def test_what_is_no_instant_is_refused_by_its_cause(given: object, cause: str) -> None:
    assert causes(INSTANT, given) == {cause}


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (0, "date_type"),
        (86400, "date_type"),
        (True, "date_type"),
        (datetime(2026, 3, 2), "date_type"),  # noqa: DTZ001 - a naive one most looks like a day
        ("0", "date_parsing"),
        ("86400", "date_parsing"),
        ("2026-03-02T00:00:00", "date_parsing"),
        ("2026-03-02T00:00:00Z", "date_parsing"),
        ("2026-03-02T09:00:00Z", "date_from_datetime_inexact"),
        ("2026-02-30", "date_from_datetime_parsing"),
        ("soon", "date_from_datetime_parsing"),
    ],
)
def test_what_is_no_day_is_refused_by_its_cause(given: object, cause: str) -> None:
    assert causes(DAY, given) == {cause}


def test_schemas_say_what_is_meant() -> None:
    assert INSTANT.json_schema() == {"type": "string", "format": "date-time"}
    assert DAY.json_schema() == {"type": "string", "format": "date"}
