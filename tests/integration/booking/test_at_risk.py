"""A machine that goes down flags the bookings it may break; its recovery clears them."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from services.booking import handlers
from services.booking.consumers import CONSUMERS, follow_state
from services.capacity.domain import Resource
from services.contracts.events.booking import JointLegLost, SlotFreed
from services.contracts.events.capacity import (
    GapsRestored,
    ResourceChanged,
    ResourceStateChanged,
)
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
    assert park.read(near).at_risk_reason == f"{state}: E-217"
    assert not park.read(far).at_risk
    assert [event["at_risk"] for event in events(park.session)] == [False, False, True]


def test_work_under_way_is_flagged_too(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    booking = park.hold(machine, offer_id, minutes=180)
    park.confirm(booking.id)
    clock.advance(HOUR)
    park.start(booking.id)
    clock.advance(HOUR)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    assert park.read(booking).at_risk_reason == "down"


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
    assert not park.read(booking).at_risk
    assert [event["at_risk"] for event in events(park.session)] == [False, True, False]


def test_an_unknown_state_neither_flags_nor_clears(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.UNKNOWN)
    tell(park, machine, ResourceState.UNKNOWN)
    assert not park.read(booking).at_risk
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    park.set_state(machine, ResourceState.UNKNOWN, "link lost")
    tell(park, machine, ResourceState.UNKNOWN)
    assert park.read(booking).at_risk


def test_a_late_event_cannot_undo_what_is_true_now(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.IDLE)
    tell(park, machine, ResourceState.DOWN)
    assert not park.read(booking).at_risk


def test_a_repeated_event_tells_nothing_new(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    version = park.read(booking).version
    tell(park, machine, ResourceState.DOWN)
    assert park.read(booking).version == version
    assert len(events(park.session)) == 2


def test_bookings_of_other_resources_are_left_alone(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    other = park.resource()
    booking = park.hold(machine, offer_id)
    park.set_state(other, ResourceState.DOWN)
    tell(park, other, ResourceState.DOWN)
    assert not park.read(booking).at_risk


def test_what_was_cancelled_is_not_flagged_and_keeps_no_flag(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.DOWN)
    tell(park, machine, ResourceState.DOWN)
    park.cancel(booking.id)
    assert not park.read(booking).at_risk
    tell(park, machine, ResourceState.DOWN)
    assert not park.read(booking).at_risk


def test_the_sweep_flags_what_time_moves_into_the_near_day(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    booking = park.hold(machine, offer_id, start=START + 30 * HOUR)
    park.set_state(machine, ResourceState.DOWN)
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 0
    clock.advance(timedelta(hours=7))
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1
    assert park.read(booking).at_risk
    park.set_state(machine, ResourceState.IDLE)
    assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1
    assert not park.read(booking).at_risk


def test_a_hold_is_not_confirmed_while_its_machine_is_down(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    near = park.hold(machine, offer_id)
    far = park.hold(machine, offer_id, start=START + 24 * HOUR)
    park.set_state(machine, ResourceState.DOWN)
    with pytest.raises(handlers.OutOfServiceError):
        park.confirm(near.id)
    park.confirm(far.id)
    park.set_state(machine, ResourceState.IDLE)
    park.confirm(near.id)


def test_nothing_near_is_held_while_the_machine_is_down(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    park.set_state(machine, ResourceState.DOWN)
    with pytest.raises(handlers.SlotNotOfferedError):
        park.hold(machine, offer_id, start=START + 24 * HOUR - timedelta(minutes=1))
    park.hold(machine, offer_id, start=START + 24 * HOUR)


def test_the_consumers_keep_their_names() -> None:
    assert [(one.name, one.event) for one in CONSUMERS] == [
        ("booking-at-risk", ResourceStateChanged),
        ("booking-joint", JointLegLost),
        ("booking-waitlist-freed", SlotFreed),
        ("booking-waitlist-changed", ResourceChanged),
        ("booking-waitlist-restored", GapsRestored),
    ]


def test_a_machine_that_fell_silent_while_down_has_not_recovered(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    for state in (ResourceState.DOWN, ResourceState.UNKNOWN):
        park.set_state(machine, state)
        tell(park, machine, state)
    with pytest.raises(handlers.OutOfServiceError, match="is unknown"):
        park.confirm(booking.id)
    park.set_state(machine, ResourceState.IDLE)
    park.confirm(booking.id)


def test_a_hold_on_a_machine_never_heard_of_is_confirmed(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    park.set_state(machine, ResourceState.UNKNOWN)
    park.confirm(booking.id)
