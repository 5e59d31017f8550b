"""A machine that goes down flags the bookings it may break; its recovery clears them."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from services.booking import handlers
from services.booking.consumers import CONSUMERS, follow_state
from services.booking.domain import Booking
from services.capacity.domain import Resource
from services.contracts.events.capacity import ResourceStateChanged
from services.contracts.ids import OfferId
from services.contracts.telemetry import ResourceState
from tests.integration.booking.park import HOUR, Park, events, open_park
from tests.support.clock import START, FrozenClock


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    return park.resource()


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


def read(park: Park, booking: Booking) -> Booking:
    return handlers.get_booking(session=park.session, booking_id=booking.id)


def tell(park: Park, resource: Resource, state: ResourceState) -> None:
    event = ResourceStateChanged(
        id=park.clock.new_id(),
        occurred_at=park.clock.now(),
        resource_id=resource.id,
        state=state,
        previous=None,
        reason=None,
        since=park.clock.now(),
    )
    follow_state(session=park.session, clock=park.clock, event=event)


@pytest.mark.parametrize(
    "state", [ResourceState.DOWN, ResourceState.OFF, ResourceState.MAINTENANCE]
)
def test_out_of_service_flags_what_lies_within_a_day(
    park: Park, machine: Resource, offer_id: OfferId, state: ResourceState
) -> None:
    near = park.hold(machine, offer_id, start=START + 23 * HOUR)
    far = park.hold(machine, offer_id, start=START + 24 * HOUR)
    park.set_state(machine, state, "E-217")
    tell(park, machine, state)
    assert read(park, near).at_risk_reason == f"{state}: E-217"
    assert not read(park, far).at_risk
    assert [event["at_risk"] for event in events(park.session)] == [False, False, True]


def test_work_under_way_is_flagged_too(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    booking = park.hold(machine, offer_id, minutes=180)
    handlers.confirm(session=park.session, clock=clock, booking_id=booking.id)
    clock.advance(HOUR)
    handlers.start(session=park.session, clock=clock, booking_id=booking.id)
    clock.advance(HOUR)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    assert read(park, booking).at_risk_reason == "down"


@pytest.mark.parametrize(
    "state", [ResourceState.IDLE, ResourceState.EXECUTING, ResourceState.SETUP]
)
def test_recovery_clears_the_flag(
    park: Park, machine: Resource, offer_id: OfferId, state: ResourceState
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    park.set_state(machine, state)
    tell(park, machine, state)
    assert not read(park, booking).at_risk
    assert [event["at_risk"] for event in events(park.session)] == [False, True, False]


def test_an_unknown_state_neither_flags_nor_clears(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.UNKNOWN)
    tell(park, machine, ResourceState.UNKNOWN)
    assert not read(park, booking).at_risk
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    park.set_state(machine, ResourceState.UNKNOWN, "link lost")
    tell(park, machine, ResourceState.UNKNOWN)
    assert read(park, booking).at_risk


def test_a_late_event_cannot_undo_what_is_true_now(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.IDLE)
    tell(park, machine, ResourceState.DOWN)
    assert not read(park, booking).at_risk


def test_a_repeated_event_tells_nothing_new(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    version = read(park, booking).version
    tell(park, machine, ResourceState.DOWN)
    assert read(park, booking).version == version
    assert len(events(park.session)) == 2


def test_bookings_of_other_resources_are_left_alone(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    other = park.resource()
    booking = park.hold(machine, offer_id)
    park.set_state(other, ResourceState.DOWN)
    tell(park, other, ResourceState.DOWN)
    assert not read(park, booking).at_risk


def test_what_was_cancelled_is_not_flagged_and_keeps_no_flag(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    handlers.cancel(session=park.session, clock=park.clock, booking_id=booking.id)
    assert not read(park, booking).at_risk
    tell(park, machine, ResourceState.DOWN)
    assert not read(park, booking).at_risk


def test_the_sweep_flags_what_time_moves_into_the_near_day(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    booking = park.hold(machine, offer_id, start=START + 30 * HOUR)
    park.set_state(machine, ResourceState.DOWN)
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 0
    clock.advance(timedelta(hours=7))
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1
    assert read(park, booking).at_risk
    park.set_state(machine, ResourceState.IDLE)
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1
    assert not read(park, booking).at_risk


def test_a_hold_is_not_confirmed_while_its_machine_is_down(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    near = park.hold(machine, offer_id)
    far = park.hold(machine, offer_id, start=START + 24 * HOUR)
    park.set_state(machine, ResourceState.DOWN)
    with pytest.raises(handlers.OutOfServiceError):
        handlers.confirm(session=park.session, clock=park.clock, booking_id=near.id)
    handlers.confirm(session=park.session, clock=park.clock, booking_id=far.id)
    park.set_state(machine, ResourceState.IDLE)
    handlers.confirm(session=park.session, clock=park.clock, booking_id=near.id)


def test_nothing_near_is_held_while_the_machine_is_down(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    park.set_state(machine, ResourceState.DOWN)
    with pytest.raises(handlers.SlotNotOfferedError):
        park.hold(machine, offer_id, start=START + 24 * HOUR - timedelta(minutes=1))
    park.hold(machine, offer_id, start=START + 24 * HOUR)


def test_the_consumer_keeps_its_name() -> None:
    assert [(one.name, one.event) for one in CONSUMERS] == [
        ("booking-at-risk", ResourceStateChanged)
    ]


def test_a_machine_that_fell_silent_while_down_has_not_recovered(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    for state in (ResourceState.DOWN, ResourceState.UNKNOWN):
        park.set_state(machine, state)
        tell(park, machine, state)
    with pytest.raises(handlers.OutOfServiceError, match="is unknown"):
        handlers.confirm(session=park.session, clock=park.clock, booking_id=booking.id)
    park.set_state(machine, ResourceState.IDLE)
    handlers.confirm(session=park.session, clock=park.clock, booking_id=booking.id)


def test_a_hold_on_a_machine_never_heard_of_is_confirmed(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.UNKNOWN)
    handlers.confirm(session=park.session, clock=park.clock, booking_id=booking.id)
