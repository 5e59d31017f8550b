"""The very moments at which something begins or ends to hold, and what risk changes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.booking.domain import (
    Booking,
    BookingState,
    NoShowTooEarlyError,
    Terms,
    check_nobody_came,
    late_charge,
    no_show_charge,
    rescheduled,
    with_fewer_units,
)
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from tests.unit.booking.test_domain import HELD

TICK = timedelta(microseconds=1)
TERMS = Terms(
    free_minutes=30, late_percent=50, no_show_percent=80, no_show_minimum_minor=0, grace_minutes=20
)
FIRM = replace(
    HELD, state=BookingState.CONFIRMED, hold_until=None, units=4, price=Money(1_000), terms=TERMS
)
RISKY = replace(FIRM, at_risk_reason="E-1", at_risk_by=ResourceId(HELD.id))
START = FIRM.interval.start
LATE = START - timedelta(minutes=10)


def owed(booking: Booking) -> int:
    """What giving a quarter of it back late leaves owed beyond the quote of the rest."""
    kept = with_fewer_units(booking, 1, quoted=Money(750), now=LATE)
    assert kept.price is not None
    return kept.price.minor - 750


def test_giving_back_late_costs_its_share_and_at_risk_nothing() -> None:
    assert (owed(FIRM), owed(RISKY)) == (125, 0)
    assert late_charge(RISKY, now=LATE) is None
    assert no_show_charge(RISKY) is None


def test_giving_back_is_free_until_its_moment_and_not_at_it() -> None:
    assert late_charge(FIRM, now=FIRM.free_until - TICK) is None
    charge = late_charge(FIRM, now=FIRM.free_until)
    assert charge is not None
    assert charge.amount == Money(500)


def test_from_the_start_on_giving_back_is_no_cheaper_than_not_coming() -> None:
    before, at = (late_charge(FIRM, now=now) for now in (START - TICK, START))
    assert before is not None
    assert at is not None
    assert (before.amount, at.amount) == (Money(500), Money(800))


def test_nobody_came_from_the_very_end_of_the_grace_on() -> None:
    over = START + timedelta(minutes=20)
    with pytest.raises(NoShowTooEarlyError):
        check_nobody_came(FIRM, now=over - TICK)
    check_nobody_came(FIRM, now=over)


def test_no_risk_goes_along_to_another_slot() -> None:
    later = Interval(START + timedelta(days=2), START + timedelta(days=2, hours=1))
    moved = rescheduled(RISKY, interval=later, units=4, price=FIRM.price, setup_minutes=0, now=LATE)
    assert (moved.at_risk, moved.at_risk_by, moved.interval) == (False, None, later)
    assert moved.version == RISKY.version + 1
