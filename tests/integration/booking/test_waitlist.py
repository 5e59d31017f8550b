"""Waiting lists: first come, first promoted, each once, and nobody whom it fits is passed over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from services.booking import handlers
from services.booking.consumers import CONSUMERS
from services.booking.domain import (
    WAITING_MAX,
    Booking,
    BookingState,
    Entry,
    EntryOverError,
    EntryState,
    SlotInvalidError,
)
from services.booking.handlers import EntryNotFoundError, TooManyWaitingError
from services.capacity.domain import Companion, Resource
from services.contracts.events.booking import SlotFreed
from services.contracts.ids import OfferId
from services.contracts.intervals import Interval
from services.runtime.db import sessions_for, transaction
from tests.integration.booking.park import (
    HOUR,
    MINUTE,
    STALE,
    TTL,
    Park,
    committed,
    count,
    events,
    open_park,
)
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration
SOON = Interval(START + HOUR, START + 2 * HOUR)


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    return park.resource()


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


@pytest.fixture
def taken(park: Park, machine: Resource, offer_id: OfferId) -> Booking:
    return park.confirm(park.hold(machine, offer_id).id)


def follow(park: Park) -> None:
    """Hand the events about free time to who follows them, then let the worker promote."""
    handle = {one.event: one.handle for one in CONSUMERS}[SlotFreed]
    rows = park.session.connection().execute(
        text("SELECT payload FROM outbox_event WHERE subject LIKE '%slot-freed%'")
    )
    for row in rows.all():
        event = SlotFreed.model_validate(row.payload)
        handle(session=park.session, clock=park.clock, event=event)
    park.promote()


def state_of(park: Park, entry: Entry) -> tuple[EntryState, BookingState | None]:
    """Of an entry, and of what it was promoted to."""
    now = park.entry(entry)
    listed = handlers.list_bookings(session=park.session, party=park.owner, limit=100)
    states = {one.id: one.state for one in listed}
    return now.state, None if now.booking_id is None else states[now.booking_id]


HELD = (EntryState.PROMOTED, BookingState.HELD)
WAITING = (EntryState.WAITING, None)


def expire(park: Park, clock: FrozenClock) -> None:
    clock.advance(TTL)
    handlers.expire_overdue(session=park.session, clock=clock, limit=10)


@pytest.mark.usefixtures("taken")
def test_who_waits_for_what_is_taken_goes_on_waiting(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    entry = park.join(machine, offer_id, within=SOON)
    park.promote()
    assert state_of(park, entry) == WAITING


def test_what_is_given_back_is_held_for_the_first_who_waits(
    park: Park, machine: Resource, offer_id: OfferId, taken: Booking
) -> None:
    other = park.firm("Other")
    first = park.join(machine, offer_id, within=SOON, by=other)
    second = park.join(machine, offer_id, within=SOON)
    park.promote()
    park.cancel(taken.id)
    follow(park)
    assert (state_of(park, first), state_of(park, second)) == (HELD, WAITING)
    told = events(park.session)[-1]
    assert (told["entry_id"], told["booking_id"]) == (
        str(first.id),
        str(park.entry(first).booking_id),
    )
    assert told["audience"]["organisation_ids"] == [str(other)]


def test_a_promoted_slot_nobody_confirms_goes_to_the_next(
    park: Park, machine: Resource, offer_id: OfferId, taken: Booking, clock: FrozenClock
) -> None:
    first, second = (park.join(machine, offer_id, within=SOON) for _ in range(2))
    park.cancel(taken.id)
    park.promote()
    expire(park, clock)
    follow(park)
    assert state_of(park, first) == (EntryState.PROMOTED, BookingState.EXPIRED)
    assert state_of(park, second) == HELD


@pytest.mark.parametrize("how", ["finish", "no_show", "move", "expire"])
def test_whatever_frees_time_lets_the_next_in(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock, how: str
) -> None:
    held = park.hold(machine, offer_id, minutes=180)
    entry = park.join(machine, offer_id, within=Interval(START + HOUR, START + 4 * HOUR))
    park.promote()
    if how == "expire":
        expire(park, clock)
    elif how == "move":
        park.move(held, start=START + 4 * HOUR)
    else:
        park.confirm(held.id)
        clock.set(START + 90 * MINUTE)
        if how == "no_show":
            park.no_show(held.id)
        else:
            park.start(held.id)
            park.finish(held.id)
    follow(park)
    assert state_of(park, entry) == HELD


def test_who_wants_more_than_is_free_does_not_keep_others_from_it(
    park: Park, clock: FrozenClock
) -> None:
    seats = park.resource("software_seats", units=10)
    offer = park.offer(seats)
    within = Interval(START + HOUR, START + 3 * HOUR)
    held = park.hold(seats, offer, units=10, minutes=120)
    many = park.join(seats, offer, within=within, units=8)
    few = park.join(seats, offer, within=within, units=3)
    park.promote()
    park.release(held.id, 5)
    follow(park)
    assert (state_of(park, many), state_of(park, few)) == (WAITING, HELD)
    expire(park, clock)
    follow(park)
    assert state_of(park, many) == HELD


def test_a_companion_given_back_lets_in_who_waits_for_what_needs_it(park: Park) -> None:
    operator = park.resource("expert")
    mill, lathe = (park.resource(companions=[Companion(operator.id)]) for _ in range(2))
    held = park.hold(mill, park.offer(mill))
    entry = park.join(lathe, park.offer(lathe), within=SOON)
    park.promote()
    park.cancel(held.id)
    follow(park)
    assert state_of(park, entry) == HELD


def test_waiting_ends_when_it_would_fit_no_more(
    park: Park, machine: Resource, offer_id: OfferId, taken: Booking, clock: FrozenClock
) -> None:
    sooner = park.join(machine, offer_id, expires_at=START + 5 * MINUTE)
    later = park.join(machine, offer_id, within=Interval(START + HOUR, START + 130 * MINUTE))
    assert (sooner.expires_at, later.expires_at) == (START + 5 * MINUTE, START + 70 * MINUTE)
    clock.set(START + 5 * MINUTE)
    park.cancel(taken.id)
    park.promote()
    assert (state_of(park, sooner), state_of(park, later)) == (WAITING, HELD)
    handlers.sweep_waitlists(session=park.session, clock=clock)
    assert park.entry(sooner).state is EntryState.EXPIRED


def leave(park: Park, entry_id: UUID) -> None:
    handlers.leave_waitlist(
        session=park.session, clock=park.clock, organisation_id=park.buyer, entry_id=entry_id
    )


def test_who_left_is_not_promoted(
    park: Park, machine: Resource, offer_id: OfferId, taken: Booking
) -> None:
    entry = park.join(machine, offer_id, within=SOON)
    leave(park, entry.id)
    park.cancel(taken.id)
    follow(park)
    assert park.entry(entry).state is EntryState.LEFT
    with pytest.raises(EntryOverError):
        leave(park, entry.id)


def test_another_organisation_has_no_such_entry(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    entry = park.join(machine, offer_id)
    with pytest.raises(EntryNotFoundError):
        handlers.get_entry(session=park.session, organisation_id=park.owner, entry_id=entry.id)


def test_who_holds_as_much_as_it_may_is_passed_over_and_keeps_its_place(
    park: Park, machine: Resource, offer_id: OfferId, taken: Booking
) -> None:
    elsewhere = park.hold(machine, offer_id, start=START + 10 * HOUR)
    full = park.join(machine, offer_id)
    other = park.join(machine, offer_id, within=SOON, by=park.firm("Other"))
    park.cancel(taken.id)
    park.promote(open_max=1)
    assert (state_of(park, full), state_of(park, other)) == (WAITING, HELD)
    park.cancel(elsewhere.id)
    follow(park)
    assert state_of(park, full) == HELD


@pytest.mark.parametrize(
    "asked",
    [
        {"units": 2},
        {"minutes": 121},
        {"minutes": 10},
        {"within": Interval(START - 3 * HOUR, START + 30 * MINUTE)},
    ],
)
def test_what_is_never_given_is_not_waited_for(
    park: Park, machine: Resource, offer_id: OfferId, asked: dict[str, Any]
) -> None:
    with pytest.raises(SlotInvalidError):
        park.join(machine, offer_id, **asked)


def test_an_organisation_waits_a_limited_number_of_times(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    for _ in range(WAITING_MAX):
        park.join(machine, offer_id)
    with pytest.raises(TooManyWaitingError):
        park.join(machine, offer_id)


def test_several_workers_promote_nobody_twice_and_nobody_out_of_turn(
    engine: Engine, clock: FrozenClock
) -> None:
    sessions = sessions_for(engine)
    with committed(sessions, clock) as park:
        seats = park.resource("software_seats", units=3)
        offer = park.offer(seats)
        entries = [park.join(seats, offer, within=SOON) for _ in range(6)]

    def work(_: int) -> None:
        is_left = True
        while is_left:
            with transaction(sessions) as session:
                is_left = handlers.promote_next(
                    session=session, clock=clock, hold_ttl=timedelta(hours=1), stale_after=STALE
                )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with transaction(sessions) as session:
        listed = handlers.list_entries(session=session, organisation_id=park.buyer, limit=10)
        assert [one.id for one in listed] == [one.id for one in entries]
        assert [one.state for one in listed] == [EntryState.PROMOTED] * 3 + [EntryState.WAITING] * 3
        assert count(session, "booking") == 3
