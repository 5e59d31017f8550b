"""The state machine of a booking."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking.domain import (
    ACTIVE,
    TRANSITIONS,
    Booking,
    BookingState,
    HoldExpiredError,
    Risk,
    SlotInvalidError,
    TransitionRefusedError,
    VersionMismatchError,
    asked_interval,
    check_version,
    confirmed,
    moved,
    risk_of,
    with_risk,
)
from services.capacity.domain import LiveState
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
HELD = Booking(
    id=BookingId(UUID(int=1)),
    organisation_id=OrganisationId(UUID(int=2)),
    provider_id=OrganisationId(UUID(int=4)),
    resource_id=ResourceId(UUID(int=3)),
    offer_id=None,
    demand_id=None,
    interval=Interval(NOW + timedelta(hours=1), NOW + timedelta(hours=2)),
    units=1,
    state=BookingState.HELD,
    hold_until=NOW + timedelta(minutes=15),
    price=None,
    at_risk_reason=None,
    created_at=NOW,
    updated_at=NOW,
)
LEGAL = {
    ("held", "confirmed"),
    ("held", "cancelled"),
    ("held", "expired"),
    ("confirmed", "started"),
    ("confirmed", "cancelled"),
    ("confirmed", "no_show"),
    ("started", "finished"),
}


@pytest.mark.parametrize("source", BookingState)
@pytest.mark.parametrize("target", BookingState)
def test_only_the_legal_steps_are_taken(source: BookingState, target: BookingState) -> None:
    booking = replace(HELD, state=source)
    if (source.value, target.value) in LEGAL:
        after = moved(booking, target, now=LATER)
        assert (after.state, after.version, after.updated_at) == (target, 2, LATER)
    else:
        with pytest.raises(TransitionRefusedError, match=f"is {source} and cannot become {target}"):
            moved(booking, target, now=LATER)


@given(st.lists(st.sampled_from(BookingState), max_size=8))
def test_whatever_is_tried_a_booking_that_ended_stays_ended(steps: list[BookingState]) -> None:
    booking, ended = HELD, None
    for step in steps:
        try:
            booking = moved(booking, step, now=LATER)
        except TransitionRefusedError:
            continue
        assert ended is None
        ended = booking.state if not TRANSITIONS[booking.state] else None
        assert booking.is_active == (booking.state in ACTIVE) == (ended is None)


def test_the_deadline_of_a_hold_goes_with_the_hold_but_stays_on_what_expired() -> None:
    assert moved(HELD, BookingState.CONFIRMED, now=LATER).hold_until is None
    assert moved(HELD, BookingState.CANCELLED, now=LATER).hold_until is None
    assert moved(HELD, BookingState.EXPIRED, now=LATER).hold_until == HELD.hold_until


def test_a_hold_is_overdue_at_its_deadline_not_before() -> None:
    deadline = NOW + timedelta(minutes=15)
    assert not HELD.is_overdue(deadline - timedelta(microseconds=1))
    assert HELD.is_overdue(deadline)
    assert not replace(HELD, state=BookingState.CONFIRMED).is_overdue(deadline)
    with pytest.raises(HoldExpiredError):
        confirmed(HELD, now=deadline)


OPERATOR = ResourceId(UUID(int=5))
DOWN = Risk("down", HELD.resource_id)


def test_risk_is_a_change_only_when_it_changes() -> None:
    flagged = with_risk(HELD, DOWN, now=LATER)
    assert (flagged.at_risk, flagged.at_risk_reason, flagged.version) == (True, "down", 2)
    assert flagged.risky == HELD.resource_id
    assert with_risk(flagged, DOWN, now=LATER) is flagged
    assert with_risk(flagged, replace(DOWN, reason="off"), now=LATER).version == 3
    other = with_risk(flagged, replace(DOWN, resource_id=OPERATOR), now=LATER)
    assert (other.risky, other.at_risk_by, other.version) == (OPERATOR, OPERATOR, 3)
    cleared = with_risk(other, None, now=LATER)
    assert (cleared.at_risk, cleared.risky, cleared.at_risk_by) == (False, None, None)
    ended = replace(HELD, state=BookingState.FINISHED)
    assert with_risk(ended, DOWN, now=LATER) is ended


class TestRiskOfSeveral:
    near = Interval(NOW, NOW + timedelta(days=1))

    def risk(
        self, booking: Booking, own: ResourceState | None, operator: ResourceState | None
    ) -> Risk | None:
        states = {
            key: LiveState(key, state, reason=None, since=NOW)
            for key, state in ((HELD.resource_id, own), (OPERATOR, operator))
            if state is not None
        }
        return risk_of(booking, states, near=self.near)

    @pytest.mark.parametrize(
        ("own", "operator", "cause"),
        [
            (ResourceState.IDLE, ResourceState.IDLE, None),
            (None, None, None),
            (ResourceState.UNKNOWN, ResourceState.UNKNOWN, None),
            (ResourceState.DOWN, ResourceState.IDLE, HELD.resource_id),
            (None, ResourceState.OFF, OPERATOR),
            (ResourceState.DOWN, ResourceState.OFF, HELD.resource_id),
        ],
    )
    def test_the_first_that_is_out_of_service_is_the_cause(
        self,
        own: ResourceState | None,
        operator: ResourceState | None,
        cause: ResourceId | None,
    ) -> None:
        found = self.risk(HELD, own, operator)
        assert (None if found is None else found.resource_id) == cause

    def test_what_flagged_it_stays_the_cause_until_that_recovers(self) -> None:
        flagged = with_risk(HELD, Risk("off", OPERATOR), now=LATER)
        silent = self.risk(flagged, ResourceState.DOWN, ResourceState.UNKNOWN)
        assert silent == Risk("off", OPERATOR)
        assert self.risk(flagged, ResourceState.DOWN, ResourceState.OFF) == Risk("off", OPERATOR)
        assert self.risk(flagged, ResourceState.DOWN, ResourceState.IDLE) == DOWN
        assert self.risk(flagged, ResourceState.UNKNOWN, ResourceState.IDLE) is None

    def test_far_bookings_are_not_at_risk(self) -> None:
        far = replace(HELD, interval=Interval(NOW + timedelta(days=2), NOW + timedelta(days=3)))
        assert self.risk(far, ResourceState.DOWN, None) is None


def test_risk_lasts_while_active_and_ends_with_the_booking() -> None:
    flagged = with_risk(HELD, Risk("down", OPERATOR), now=LATER)
    assert moved(flagged, BookingState.CONFIRMED, now=LATER).at_risk
    cancelled = moved(flagged, BookingState.CANCELLED, now=LATER)
    assert (cancelled.at_risk, cancelled.at_risk_by) == (False, None)


def test_versions_are_compared_only_when_one_is_expected() -> None:
    check_version(HELD, None)
    check_version(HELD, 1)
    with pytest.raises(VersionMismatchError, match="is at version 1, not 2"):
        check_version(HELD, 2)


@pytest.mark.parametrize(("minutes", "units"), [(0, 1), (-1, 1), (10**9, 1), (60, 0)])
def test_a_slot_needs_time_and_units(minutes: int, units: int) -> None:
    with pytest.raises(SlotInvalidError):
        asked_interval(start=NOW, minutes=minutes, units=units)


def test_a_slot_starts_on_a_whole_minute() -> None:
    assert asked_interval(start=NOW, minutes=60, units=1).end == NOW + timedelta(hours=1)
    with pytest.raises(SlotInvalidError):
        asked_interval(start=NOW + timedelta(microseconds=1), minutes=60, units=1)
