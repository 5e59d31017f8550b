"""Many at once for the same slot: as many bookings as units, never one more."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from services.booking import handlers
from services.booking.domain import Booking, BookingState
from services.capacity.domain import Companion, Resource, SlotTakenError
from services.contracts.errors import DomainError
from services.contracts.ids import OfferId, OrganisationId
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.integration.booking.park import HOUR, KINDS, committed, count, hold

RIVALS = 16


class Contest:
    """A resource, its offer, and sixteen connections that want it."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.clock = SystemClock()
        self.start = self.clock.now().replace(second=0, microsecond=0) + 2 * HOUR
        self.buyer: OrganisationId
        self.resource: Resource
        self.offer_id: OfferId

    def open(self, kind: str, units: int) -> None:
        with committed(self.sessions, self.clock) as park:
            self.resource = park.resource(kind, units=units)
            self.offer_id = park.offer(self.resource)
            self.buyer = park.buyer

    def hold(self, **asked: Any) -> Booking:
        with transaction(self.sessions) as session:
            return hold(
                session,
                self.clock,
                self.buyer,
                self.resource,
                self.offer_id,
                **{"start": self.start, **asked},
            )

    def all_at_once(self, attempt: Callable[[int], Booking]) -> list[Booking | DomainError]:
        together = threading.Barrier(RIVALS)

        def one(number: int) -> Booking | DomainError:
            together.wait()
            try:
                return attempt(number)
            except DomainError as refusal:
                return refusal

        with ThreadPoolExecutor(RIVALS) as pool:
            return list(pool.map(one, range(RIVALS)))


@pytest.fixture
def contest(database_url: str) -> Iterator[Contest]:
    engine = engine_for(database_url, pool_max=RIVALS, application="rivals")
    yield Contest(sessions_for(engine))
    engine.dispose()


def won(outcomes: list[Booking | DomainError]) -> list[Booking]:
    return [one for one in outcomes if isinstance(one, Booking)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_slot_goes_to_exactly_one_of_sixteen(contest: Contest, kind: str) -> None:
    contest.open(kind, units=1)
    outcomes = contest.all_at_once(lambda _: contest.hold())
    assert len(won(outcomes)) == 1
    assert sum(isinstance(one, SlotTakenError) for one in outcomes) == RIVALS - 1
    with transaction(contest.sessions) as session:
        assert (count(session, "booking"), count(session, "reservation")) == (1, 1)


@pytest.mark.parametrize(("units", "each", "winners"), [(5, 1, 5), (5, 2, 2), (12, 3, 4)])
def test_a_pool_goes_to_as_many_as_it_has_units(
    contest: Contest, units: int, each: int, winners: int
) -> None:
    contest.open("software_seats", units=units)
    outcomes = contest.all_at_once(lambda _: contest.hold(units=each))
    assert len(won(outcomes)) == winners
    assert sum(isinstance(one, SlotTakenError) for one in outcomes) == RIVALS - winners
    with transaction(contest.sessions) as session:
        assert count(session, "reservation") == winners * each


def test_what_two_cells_both_need_goes_to_as_many_as_there_are(contest: Contest) -> None:
    """They name it in opposite order, and yet nobody waits in a circle."""
    with committed(contest.sessions, contest.clock) as park:
        pools = [park.resource("expert", units=3) for _ in range(2)]
        needed = [Companion(one.id) for one in pools]
        cells = [park.resource(units=RIVALS, companions=order) for order in (needed, needed[::-1])]
        offers = [park.offer(cell) for cell in cells]
        buyer = park.buyer

    def attempt(number: int) -> Booking:
        cell, offer_id = cells[number % 2], offers[number % 2]
        with transaction(contest.sessions) as session:
            return hold(session, contest.clock, buyer, cell, offer_id, start=contest.start)

    assert len(won(contest.all_at_once(attempt))) == 3
    with transaction(contest.sessions) as session:
        assert (count(session, "booking"), count(session, "reservation")) == (3, 9)


def test_overlapping_slots_of_different_lengths_never_share_a_unit(contest: Contest) -> None:
    contest.open("machine", units=2)
    contest.all_at_once(
        lambda number: contest.hold(
            start=contest.start + timedelta(minutes=7 * number), minutes=30 + 11 * number
        )
    )
    with transaction(contest.sessions) as session:
        overlaps = session.connection().execute(
            text(
                "SELECT count(*) FROM reservation a JOIN reservation b"
                " ON a.resource_id = b.resource_id AND a.unit = b.unit"
                " AND a.booking_id < b.booking_id AND a.during && b.during"
            )
        )
        assert overlaps.scalar_one() == 0
        assert count(session, "booking") >= 2


def test_an_overdue_hold_passes_to_exactly_one_rival(contest: Contest) -> None:
    contest.open("machine", units=1)
    overdue = contest.hold()
    with transaction(contest.sessions) as session:
        session.connection().execute(text("UPDATE booking SET hold_until = created_at"))
    outcomes = contest.all_at_once(lambda _: contest.hold())
    assert len(won(outcomes)) == 1
    with transaction(contest.sessions) as session:
        left = handlers.get_booking(
            session=session, organisation_id=contest.buyer, booking_id=overdue.id
        )
        assert left.state is BookingState.EXPIRED
        assert count(session, "reservation") == 1


def test_confirm_and_cancel_at_once_leave_one_outcome(contest: Contest) -> None:
    contest.open("machine", units=1)
    booking = contest.hold()

    def change(number: int) -> Booking:
        use_case = handlers.confirm if number % 2 else handlers.cancel
        with transaction(contest.sessions) as session:
            return use_case(
                session=session,
                clock=contest.clock,
                organisation_id=contest.buyer,
                booking_id=booking.id,
                expected_version=1,
            )

    (winner,) = won(contest.all_at_once(change))
    with transaction(contest.sessions) as session:
        left = handlers.get_booking(
            session=session, organisation_id=contest.buyer, booking_id=booking.id
        )
        assert left == winner
        kept = 1 if winner.state is BookingState.CONFIRMED else 0
        assert count(session, "reservation") == kept


def test_a_connection_killed_before_commit_leaves_nothing(
    contest: Contest, engine: Engine, database_url: str
) -> None:
    contest.open("machine", units=1)
    with pytest.raises(OperationalError):
        hold_and_die(contest, database_url)
    with transaction(sessions_for(engine)) as session:
        assert (count(session, "booking"), count(session, "reservation")) == (0, 0)
    assert contest.hold().state is BookingState.HELD


def hold_and_die(contest: Contest, database_url: str) -> None:
    """Hold a slot in a transaction whose server process ends before the commit."""
    with transaction(contest.sessions) as session:
        hold(
            session,
            contest.clock,
            contest.buyer,
            contest.resource,
            contest.offer_id,
            start=contest.start,
        )
        pid = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
