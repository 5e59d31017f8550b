"""What of a machine's days counts towards its reliability."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capacity.domain import (
    KNOWN_LEAST,
    RELIABILITY_DAYS,
    reliability_days,
    reliability_of,
)

DAY = timedelta(days=1)
SPANS = st.timedeltas(timedelta(0), RELIABILITY_DAYS)


def test_whole_days_before_today_count() -> None:
    now = datetime(2026, 3, 29, 17, 45, 3, 7, tzinfo=UTC)

    days = reliability_days(now)

    assert (days.start, days.end) == (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 29, tzinfo=UTC),
    )
    assert reliability_days(days.end) == days


@pytest.mark.parametrize(
    ("able", "failed", "expected"),
    [
        (DAY, timedelta(0), 1_000),
        (timedelta(0), DAY, 0),
        (2 * DAY, DAY, 666),
        (27 * DAY, timedelta(seconds=1), 999),
        (DAY / 2, DAY / 2, 500),
        (DAY - timedelta(microseconds=1), timedelta(0), None),
        (timedelta(0), timedelta(0), None),
    ],
)
def test_a_failure_counts_and_little_tells_nothing(
    able: timedelta, failed: timedelta, expected: int | None
) -> None:
    assert reliability_of(able=able, failed=failed) == expected


@given(SPANS, SPANS, SPANS)
def test_longer_failure_is_never_more_reliable(
    able: timedelta, failed: timedelta, more: timedelta
) -> None:
    told = reliability_of(able=able + KNOWN_LEAST, failed=failed)
    worse = reliability_of(able=able + KNOWN_LEAST, failed=failed + more)

    assert told is not None
    assert worse is not None
    assert 0 <= worse <= told <= 1_000
