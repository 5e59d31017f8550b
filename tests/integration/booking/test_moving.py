"""Bookings that change their slot: moved as a whole, or keeping fewer units."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from services.booking.domain import (
    Booking,
    BookingState,
    ChargeReason,
    HoldExpiredError,
    MoveTooLateError,
    NotMovableError,
    SlotInvalidError,
    UnitsNotReleasableError,
    VersionMismatchError,
)
from services.capacity import handlers as capacity
from services.capacity.domain import Companion, Resource, SlotTakenError
from services.contracts.ids import OfferId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import Rate
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
SLOT = START + 48 * HOUR


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    return park.resource(buffer_after_minutes=30)


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


@pytest.fixture
def booking(park: Park, machine: Resource, offer_id: OfferId) -> Booking:
    return park.confirm(park.hold(machine, offer_id, start=SLOT).id)


def taken(park: Park, resource: Resource) -> list[tuple[int, str]]:
    rows = park.session.connection().execute(
        text("SELECT unit, lower(during) AS start FROM reservation WHERE resource_id = :id"),
        {"id": resource.id},
    )
    return sorted((row.unit, row.start.isoformat()) for row in rows)


@contextmanager
def statements(park: Park) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    engine = park.session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_moved_booking_has_its_new_slot_alone_at_the_price_of_now(
    park: Park, machine: Resource, offer_id: OfferId, booking: Booking
) -> None:
    moved = park.move(booking, start=SLOT + 30 * MINUTE, minutes=90)
    assert moved.interval == Interval(SLOT + 30 * MINUTE, SLOT + 2 * HOUR)
    assert (moved.price, moved.version) == (Money(18_500), booking.version + 1)
    assert moved.state is BookingState.CONFIRMED
    assert park.read(booking) == moved
    assert taken(park, machine) == [(0, (SLOT + 30 * MINUTE).isoformat())]
    last = events(park.session)[-1]
    assert (last["booking_id"], last["state"]) == (str(booking.id), "confirmed")
    assert park.hold(machine, offer_id, start=SLOT - HOUR).state is BookingState.HELD


def test_a_booking_keeps_its_slot_when_the_other_is_taken(
    park: Park, machine: Resource, offer_id: OfferId, booking: Booking
) -> None:
    park.hold(machine, offer_id, start=SLOT + 2 * HOUR)
    before = taken(park, machine)
    with pytest.raises(SlotTakenError):
        park.move(booking)  # its buffer would reach into the other
    assert park.read(booking) == booking
    assert taken(park, machine) == before


def test_a_slot_no_rule_allows_moves_nothing(park: Park, booking: Booking) -> None:
    with pytest.raises(SlotInvalidError):
        park.move(booking, start=START - HOUR)
    assert park.read(booking) == booking


def test_a_stale_reading_moves_nothing(park: Park, booking: Booking) -> None:
    with pytest.raises(VersionMismatchError):
        park.move(booking, version=1)


def test_what_is_late_to_cancel_is_late_to_move(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    park.put_terms(machine, free_minutes=120, late_percent=10)
    agreed = park.confirm(park.hold(machine, offer_id, start=SLOT).id)
    clock.set(SLOT - 2 * HOUR - MINUTE)
    moved = park.move(agreed, start=SLOT + HOUR)
    assert moved.terms == agreed.terms
    clock.set(SLOT - HOUR)
    with pytest.raises(MoveTooLateError):
        park.move(moved)
    assert park.cancel(agreed.id).charge is not None


def test_a_hold_moves_but_is_held_no_longer(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    held = park.hold(machine, offer_id, start=SLOT)
    clock.advance(5 * MINUTE)
    assert park.move(held).hold_until == held.hold_until
    clock.set(START + TTL)
    with pytest.raises(HoldExpiredError):
        park.move(held)


def test_what_began_stays_where_it_is(park: Park, booking: Booking, clock: FrozenClock) -> None:
    clock.set(SLOT)
    park.start(booking.id)
    with pytest.raises(NotMovableError):
        park.move(booking)
    with pytest.raises(NotMovableError):
        park.release(booking.id, 1)


@pytest.fixture
def seats(park: Park) -> Resource:
    return park.resource("software_seats", units=80)


def test_eighty_seats_are_taken_and_given_back_in_as_many_statements_as_two(
    park: Park, seats: Resource
) -> None:
    offer = park.offer(seats)
    with statements(park) as of_two:
        two = park.hold(seats, offer, units=2)
        park.release(two.id, 1)
        park.cancel(two.id)
    with statements(park) as of_eighty:
        eighty = park.hold(seats, offer, units=80)
        park.release(eighty.id, 79)
        park.cancel(eighty.id)
    assert len(of_eighty) == len(of_two) > 0


def test_a_list_of_free_time_tells_how_many_seats_are_left(park: Park, seats: Resource) -> None:
    offer = park.offer(seats)
    slot = park.hold(seats, offer, units=12).interval
    assert free(park, seats, slot) == 68
    rest = park.hold(seats, offer, units=68)
    with pytest.raises(SlotTakenError):
        park.hold(seats, offer, units=1)
    park.release(rest.id, 8)
    assert free(park, seats, slot) == 8
    park.hold(seats, offer, units=8)


def free(park: Park, seats: Resource, slot: Interval) -> int:
    gaps = capacity.gaps(
        session=park.session, clock=park.clock, resource_ids=[seats.id], window=slot,
        stale_after=STALE,
    )  # fmt: skip
    return max(gap.free_units for gap in gaps[seats.id])


def test_fewer_seats_cost_what_they_are_quoted_and_never_more_than_before(
    park: Park, seats: Resource
) -> None:
    offer = park.offer(seats, Rate(per_hour_minor=100))
    pool = park.confirm(park.hold(seats, offer, units=10, start=SLOT).id)
    fewer = park.release(pool.id, 4)
    assert (fewer.units, fewer.price, fewer.version) == (6, Money(600), pool.version + 1)
    assert park.read(pool) == fewer
    assert events(park.session)[-1]["units"] == 6


def test_seats_given_back_late_stay_owed_as_far_as_cancelling_them_would_cost(
    park: Park, seats: Resource, clock: FrozenClock
) -> None:
    park.put_terms(seats, free_minutes=60, late_percent=50)
    offer = park.offer(seats, Rate(per_hour_minor=100))
    pool = park.confirm(park.hold(seats, offer, units=10, start=SLOT).id)
    clock.set(SLOT - HOUR)
    fewer = park.release(pool.id, 4)
    assert (fewer.price, fewer.charge) == (Money(800), None)
    charge = park.cancel(pool.id).charge
    assert charge is not None
    assert (charge.amount, charge.reason) == (Money(400), ChargeReason.LATE_CANCELLATION)


@pytest.mark.parametrize("units", [3, 4])
def test_a_booking_keeps_one_unit_at_least(park: Park, seats: Resource, units: int) -> None:
    pool = park.hold(seats, park.offer(seats), units=3)
    with pytest.raises(UnitsNotReleasableError):
        park.release(pool.id, units)


def test_what_units_needed_beside_them_is_given_back_with_them(park: Park) -> None:
    operators = park.resource("expert", units=6)
    line = park.resource(units=3, companions=[Companion(operators.id, 2)])
    booking = park.hold(line, park.offer(line), units=3)
    park.release(booking.id, 2)
    assert len(taken(park, operators)) == 2
    assert len(taken(park, line)) == 1
