"""Random lives of bookings against a model: legal states, and never more units than there are."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Booking, BookingState
from services.capacity.domain import SlotTakenError
from services.contracts.errors import DomainError
from services.contracts.ids import BookingId
from tests.integration.booking.park import MINUTE, TTL, open_park
from tests.support.clock import START, FrozenClock

UNITS = 2
BEFORE, AFTER = 10, 20
STEP = 10
OCCUPYING = {BookingState.HELD, BookingState.CONFIRMED, BookingState.STARTED}


class Modelled:
    """What the model knows of one booking; buffers belong to what it occupies."""

    def __init__(self, booking: Booking) -> None:
        self.state = booking.state
        self.start, self.end = booking.interval.start, booking.interval.end
        self.units = booking.units
        self.hold_until = booking.hold_until
        self.ran_to_its_end = False

    def occupies(self, moment: datetime) -> bool:
        return (self.state in OCCUPYING or self.ran_to_its_end) and (
            self.start - BEFORE * MINUTE <= moment < self.end + AFTER * MINUTE
        )


class Lives(RuleBasedStateMachine):
    engine: ClassVar[Engine]
    bookings = Bundle("bookings")

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.whole = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.clock = FrozenClock()
        self.park = open_park(self.session, self.clock)
        self.resource = self.park.resource(
            "software_seats",
            units=UNITS,
            buffer_before_minutes=BEFORE,
            buffer_after_minutes=AFTER,
        )
        self.offer_id = self.park.offer(self.resource)
        self.model: dict[BookingId, Modelled] = {}

    def teardown(self) -> None:
        self.session.close()
        self.whole.rollback()
        self.connection.close()

    def expire_overdue_in_model(self) -> None:
        for one in self.model.values():
            overdue = one.hold_until is not None and one.hold_until <= self.clock.now()
            if one.state is BookingState.HELD and overdue:
                one.state = BookingState.EXPIRED

    def busiest(self, start: datetime, minutes: int) -> int:
        """Most units in use at any step of a slot with its buffers."""
        moment = start - BEFORE * MINUTE
        busiest = 0
        while moment < start + (minutes + AFTER) * MINUTE:
            used = sum(one.units for one in self.model.values() if one.occupies(moment))
            busiest = max(busiest, used)
            moment += STEP * MINUTE
        return busiest

    @rule(
        target=bookings,
        ahead=st.integers(0, 24),
        length=st.integers(3, 9),
        units=st.integers(1, UNITS),
    )
    def hold(self, ahead: int, length: int, units: int) -> Any:
        start, minutes = self.clock.now() + ahead * STEP * MINUTE, length * STEP
        try:
            booking = self.park.hold(
                self.resource, self.offer_id, start=start, minutes=minutes, units=units
            )
        except SlotTakenError:
            self.expire_overdue_in_model()
            # Two bookings that never meet may sit on different units, so that a third,
            # overlapping both, finds none free throughout: a full pool is the only refusal
            # the model is sure of the reason for.
            assert self.busiest(start, minutes) > 0
            return multiple()
        self.expire_overdue_in_model()
        assert self.busiest(start, minutes) + units <= UNITS
        self.model[booking.id] = Modelled(booking)
        return booking.id

    def change(
        self,
        use_case: Callable[..., Booking],
        booking_id: BookingId,
        to: BookingState,
        legal: set[BookingState],
    ) -> None:
        modelled = self.model[booking_id]
        overdue = modelled.hold_until is not None and modelled.hold_until <= self.clock.now()
        allowed = modelled.state in legal and not (to is BookingState.CONFIRMED and overdue)
        try:
            changed = use_case(booking_id)
        except DomainError:
            assert not allowed
        else:
            assert allowed
            modelled.state, modelled.hold_until = changed.state, changed.hold_until
            finished = changed.state is BookingState.FINISHED
            modelled.ran_to_its_end = finished and self.clock.now() >= modelled.end
            assert changed.state is to

    @rule(booking_id=bookings)
    def confirm(self, booking_id: BookingId) -> None:
        self.change(self.park.confirm, booking_id, BookingState.CONFIRMED, {BookingState.HELD})

    @rule(booking_id=bookings)
    def start(self, booking_id: BookingId) -> None:
        self.change(self.park.start, booking_id, BookingState.STARTED, {BookingState.CONFIRMED})

    @rule(booking_id=consumes(bookings))
    def cancel(self, booking_id: BookingId) -> None:
        legal = {BookingState.HELD, BookingState.CONFIRMED}
        self.change(self.park.cancel, booking_id, BookingState.CANCELLED, legal)

    @rule(booking_id=bookings)
    def finish(self, booking_id: BookingId) -> None:
        self.change(self.park.finish, booking_id, BookingState.FINISHED, {BookingState.STARTED})

    @rule(steps=st.integers(1, 4))
    def time_passes(self, steps: int) -> None:
        self.clock.advance(steps * STEP * MINUTE)

    @precondition(lambda self: self.clock.now() >= START + TTL)
    @rule()
    def overdue_holds_expire(self) -> None:
        handlers.expire_overdue(session=self.session, clock=self.clock, limit=100)
        self.expire_overdue_in_model()

    @invariant()
    def stored_states_are_the_models(self) -> None:
        stored = handlers.list_bookings(session=self.session, party=self.park.buyer, limit=1_000)
        assert {one.id: one.state for one in stored} == {
            booking_id: one.state for booking_id, one in self.model.items()
        }

    @invariant()
    def each_unit_is_reserved_by_one_at_a_time(self) -> None:
        rows = self.session.connection().execute(
            text(
                "SELECT count(*) FILTER (WHERE a.booking_id <> b.booking_id), max(a.unit)"
                " FROM reservation a JOIN reservation b"
                " ON a.unit = b.unit AND a.during && b.during"
            )
        )
        overlaps, highest = rows.one()
        assert overlaps == 0
        assert highest is None or highest < UNITS

    @invariant()
    def exactly_what_occupies_is_reserved(self) -> None:
        rows = self.session.connection().execute(
            text("SELECT booking_id, count(*) AS units FROM reservation GROUP BY booking_id")
        )
        reserved = {BookingId(row.booking_id): row.units for row in rows}
        assert reserved == {
            booking_id: one.units
            for booking_id, one in self.model.items()
            if one.state in OCCUPYING or one.ran_to_its_end
        }


def test_no_life_of_bookings_breaks_the_slots(rolled_back_engine: Engine) -> None:
    run_state_machine_as_test(
        type("OnPostgres", (Lives,), {"engine": rolled_back_engine}),
        settings=settings(max_examples=25, stateful_step_count=20, deadline=timedelta(seconds=30)),
    )
