"""What giving a booking back, or not coming, costs: as agreed, once, and told to both parties."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import (
    Booking,
    BookingState,
    Charge,
    ChargeReason,
    NoShowTooEarlyError,
    Terms,
    TransitionRefusedError,
)
from services.booking.handlers import BookingNotFoundError, TooManyHoldsError
from services.capacity.domain import Resource
from services.capacity.handlers import ResourceNotFoundError
from services.contracts.ids import OfferId
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from tests.integration.booking.park import (
    HOUR,
    MINUTE,
    STALE,
    TTL,
    Park,
    events,
    open_park,
)
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration
TERMS = {
    "free_minutes": 24 * 60, "late_percent": 50, "no_show_percent": 80, "grace_minutes": 20,
}  # fmt: skip
PRICE = 12_500
SLOT = START + 48 * HOUR


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    resource = park.resource()
    park.put_terms(resource, **TERMS)
    return resource


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


@pytest.fixture
def booking(park: Park, machine: Resource, offer_id: OfferId) -> Booking:
    return park.confirm(park.hold(machine, offer_id, start=SLOT).id)


def charges(park: Park) -> list[tuple[str, int]]:
    return [(one["reason"], one["amount_minor"]) for one in events(park.session) if "reason" in one]


def test_cancelling_in_time_costs_nothing(park: Park, booking: Booking, clock: FrozenClock) -> None:
    clock.set(SLOT - 24 * HOUR - MINUTE)
    assert park.cancel(booking.id).charge is None
    assert charges(park) == []


def test_cancelling_from_the_agreed_moment_on_costs_the_share_agreed(
    park: Park, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(booking.free_until)
    cancelled = park.cancel(booking.id)
    assert cancelled.charge == Charge(Money(PRICE // 2), ChargeReason.LATE_CANCELLATION)
    assert park.read(booking) == cancelled
    due = events(park.session)[-2]
    assert (due["organisation_id"], due["provider_id"]) == (str(park.buyer), str(park.owner))
    assert (due["booking_id"], due["currency"]) == (str(booking.id), "CNY")
    assert set(due["audience"]["organisation_ids"]) == {str(park.buyer), str(park.owner)}
    assert charges(park) == [("late_cancellation", PRICE // 2)]


def test_a_hold_is_given_back_for_nothing_however_late(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    assert park.cancel(park.hold(machine, offer_id).id).charge is None


def test_a_provider_who_cancels_leaves_nothing_owed(
    park: Park, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(SLOT - MINUTE)
    refused = park.refuse(booking.id)
    assert (refused.state, refused.charge) == (BookingState.CANCELLED, None)
    assert charges(park) == []


def test_what_its_machine_puts_at_risk_is_given_back_for_nothing(
    park: Park, machine: Resource, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(SLOT - HOUR)
    park.set_state(machine, ResourceState.DOWN)
    handlers.flag_at_risk(session=park.session, clock=clock, resource_id=machine.id)
    assert park.cancel(booking.id).charge is None


def test_terms_changed_later_do_not_touch_what_was_agreed(
    park: Park, machine: Resource, offer_id: OfferId, booking: Booking, clock: FrozenClock
) -> None:
    park.put_terms(machine, free_minutes=60, late_percent=100)
    after = park.hold(machine, offer_id, start=SLOT + 2 * HOUR)
    assert after.terms == Terms(free_minutes=60, late_percent=100)
    clock.set(SLOT - HOUR)
    cancelled = park.cancel(booking.id)
    assert cancelled.terms == Terms(**TERMS)
    assert cancelled.charge == Charge(Money(PRICE // 2), ChargeReason.LATE_CANCELLATION)


def test_cancelling_after_the_start_is_no_cheaper_than_not_coming(
    park: Park, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(SLOT)
    assert park.cancel(booking.id).charge == Charge(Money(10_000), ChargeReason.LATE_CANCELLATION)


def test_nobody_came_once_the_grace_is_over(
    park: Park, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(SLOT + 20 * MINUTE - timedelta(seconds=1))
    with pytest.raises(NoShowTooEarlyError):
        park.no_show(booking.id)
    clock.set(SLOT + 20 * MINUTE)
    missed = park.no_show(booking.id)
    assert missed.state is BookingState.NO_SHOW
    assert missed.charge == Charge(Money(10_000), ChargeReason.NO_SHOW)
    assert charges(park) == [("no_show", 10_000)]
    with pytest.raises(TransitionRefusedError):
        park.no_show(booking.id)


def test_the_time_nobody_came_to_is_free_again(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    missed = park.confirm(park.hold(machine, offer_id, start=SLOT, minutes=240).id)
    clock.set(SLOT + HOUR)
    park.no_show(missed.id)
    assert park.hold(machine, offer_id, start=SLOT + 2 * HOUR).state is BookingState.HELD


def test_a_hold_is_no_appointment_to_miss(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    held = park.hold(machine, offer_id)
    clock.set(START + 2 * HOUR)
    with pytest.raises(TransitionRefusedError):
        park.no_show(held.id)


def test_only_the_provider_says_that_nobody_came(
    park: Park, booking: Booking, clock: FrozenClock
) -> None:
    clock.set(SLOT + HOUR)
    with pytest.raises(BookingNotFoundError):
        handlers.no_show(
            session=park.session, clock=clock, organisation_id=park.buyer, booking_id=booking.id
        )


def test_only_its_owner_sets_the_terms_of_a_resource(park: Park, machine: Resource) -> None:
    with pytest.raises(ResourceNotFoundError):
        handlers.put_terms(
            session=park.session,
            clock=park.clock,
            organisation_id=park.buyer,
            resource_id=machine.id,
            terms=Terms(),
        )
    assert handlers.get_terms(session=park.session, resource_id=machine.id) == Terms(**TERMS)


def hold_capped(park: Park, machine: Resource, offer_id: OfferId, hour: int) -> Booking:
    return handlers.hold(
        session=park.session, clock=park.clock, organisation_id=park.buyer,
        resource_id=machine.id, start=START + hour * HOUR, minutes=60, units=1,
        offer_id=offer_id, demand_id=None, hold_ttl=TTL, stale_after=STALE, open_max=2,
    )  # fmt: skip


def test_an_organisation_holds_no_more_slots_than_its_cap(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    first = hold_capped(park, machine, offer_id, 1)
    clock.advance(5 * MINUTE)
    second = hold_capped(park, machine, offer_id, 2)
    with pytest.raises(TooManyHoldsError) as refused:
        hold_capped(park, machine, offer_id, 3)
    assert refused.value.facts == {"held": 2, "most": 2, "retry_after_s": 600}
    park.confirm(first.id)
    hold_capped(park, machine, offer_id, 3)
    clock.set(second.created_at + TTL)
    assert hold_capped(park, machine, offer_id, 4).state is BookingState.HELD
