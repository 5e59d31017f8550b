"""Fees by any terms: never above the price, never less for more, nothing before they are due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking.domain import LIMITS, Terms, TermsInvalidError
from services.booking.domain.waiting import Entry, EntryState, earliest_start
from services.capacity.domain import Gap, Provenance
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.runtime.clock import SystemClock

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TERMS = st.builds(
    Terms,
    late_percent=st.integers(0, 100),
    late_minimum_minor=st.integers(0, 5_000),
    no_show_percent=st.integers(0, 100),
    no_show_minimum_minor=st.integers(0, 5_000),
)


@given(terms=TERMS, price=st.integers(0, 10_000), more=st.integers(0, 10_000))
def test_a_fee_is_within_the_price_and_grows_with_it(terms: Terms, price: int, more: int) -> None:
    for fee in (terms.late_fee, terms.no_show_fee):
        assert 0 <= fee(Money(price)).minor <= price
        assert fee(Money(price)).minor <= fee(Money(price + more)).minor


@pytest.mark.parametrize(
    ("percent", "least", "price", "fee"),
    [
        (50, 0, 101, 51),
        (50, 80, 100, 80),
        (10, 500, 100, 100),
        (0, 0, 100, 0),
        (100, 0, 100, 100),
    ],
)
def test_a_share_is_rounded_half_up_and_has_a_minimum_within_the_price(
    percent: int, least: int, price: int, fee: int
) -> None:
    terms = Terms(late_percent=percent, late_minimum_minor=least)
    assert terms.late_fee(Money(price)) == Money(fee)


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("by", [-1, 1])
def test_terms_out_of_range_are_refused(field: str, by: int) -> None:
    value = -1 if by < 0 else LIMITS[field] + 1
    with pytest.raises(TermsInvalidError):
        Terms(**{field: value})


@given(
    begins=st.integers(-60, 60),
    length=st.integers(1, 240),
    minutes=st.integers(1, 120),
    now=st.integers(0, 60),
    seconds=st.integers(0, 59),
)
def test_the_earliest_start_is_a_whole_minute_inside_gap_and_window(
    begins: int, length: int, minutes: int, now: int, seconds: int
) -> None:
    moment = START + now * MINUTE + timedelta(seconds=seconds)
    gap = Interval(START + begins * MINUTE, START + (begins + length) * MINUTE)
    found = earliest_start(entry(minutes), [gap_of(gap)], setup=10 * MINUTE, now=moment)
    fitting = [
        START + at * MINUTE
        for at in range(-60, 400)
        if START + at * MINUTE >= max(moment, gap.start, START)
        and START + (at + 10 + minutes) * MINUTE <= min(gap.end, START + 180 * MINUTE)
    ]
    assert found == min(fitting, default=None)


def gap_of(interval: Interval) -> Gap:
    resource_id = ResourceId(SystemClock().new_id())
    return Gap(resource_id, interval, 1, Provenance.DECLARED, None)


def entry(minutes: int) -> Entry:
    somebody = OrganisationId(SystemClock().new_id())
    return Entry(
        id=SystemClock().new_id(),
        organisation_id=somebody,
        provider_id=somebody,
        resource_id=ResourceId(SystemClock().new_id()),
        offer_id=None,
        within=Interval(START, START + 180 * MINUTE),
        minutes=minutes,
        units=1,
        state=EntryState.WAITING,
        booking_id=None,
        expires_at=START + 180 * MINUTE,
        created_at=START,
        updated_at=START,
    )
