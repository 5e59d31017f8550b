"""Taking time: nobody gets a unit twice, and what is free follows from what is stored."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, text

from services.capacity import handlers
from services.capacity.domain import CapacityRule, SlotTakenError
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.integration.capacity.park import (
    STALE_AFTER,
    Park,
    build_park,
    register,
    register_machine,
    reported,
)
from tests.support.clock import START, FrozenClock

HOUR = timedelta(hours=1)
RIVALS = 8
BUYER = OrganisationId(UUID(int=99))

pytestmark = pytest.mark.integration


def between(start: float, end: float) -> Interval:
    return Interval(START + start * HOUR, START + end * HOUR)


def booking(number: int) -> BookingId:
    return BookingId(UUID(int=number))


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return build_park(session, clock)


def reserve(
    session: Session, resource_id: ResourceId, number: int, interval: Interval, units: int = 1
) -> list[int]:
    return handlers.reserve(
        session=session,
        resource=handlers.get_resource(session=session, resource_id=resource_id),
        booking_id=booking(number),
        booked_by=BUYER,
        interval=interval,
        units=units,
    )


def free(
    session: Session, clock: FrozenClock, resource_id: ResourceId, window: Interval
) -> list[tuple[float, float, int]]:
    found = handlers.gaps(
        session=session,
        clock=clock,
        resource_ids=[resource_id],
        window=window,
        stale_after=STALE_AFTER,
    )
    return [
        ((gap.interval.start - START) / HOUR, (gap.interval.end - START) / HOUR, gap.free_units)
        for gap in found[resource_id]
    ]


class TestReserve:
    def test_takes_the_lowest_free_units(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        seats = register(session, clock, park, kind="software_seats", units=5).id
        assert reserve(session, seats, 1, between(1, 2), units=2) == [0, 1]
        assert reserve(session, seats, 2, between(1.5, 3), units=2) == [2, 3]
        assert reserve(session, seats, 3, between(2, 3), units=2) == [0, 1]

    def test_refuses_more_units_than_are_free_and_takes_none(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        seats = register(session, clock, park, kind="software_seats", units=3).id
        reserve(session, seats, 1, between(1, 2), units=2)
        with pytest.raises(SlotTakenError, match=r"no 2 unit\(s\) free"):
            reserve(session, seats, 2, between(1, 2), units=2)
        assert reserve(session, seats, 3, between(1, 2), units=1) == [2]

    def test_touching_bookings_fit_side_by_side(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park).id
        reserve(session, mill, 1, between(1, 2))
        reserve(session, mill, 2, between(2, 3))
        with pytest.raises(SlotTakenError):
            reserve(session, mill, 3, between(1.9, 2.1))

    def test_buffers_are_part_of_what_is_taken(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        rule = CapacityRule(buffer_before_minutes=60, buffer_after_minutes=30)
        mill = register(session, clock, park, rule=rule).id
        reserve(session, mill, 1, between(4, 6))
        with pytest.raises(SlotTakenError):
            reserve(session, mill, 2, between(7, 8))
        found = free(session, clock, mill, between(0, 12))
        assert found == [(0, 2.5, 1), (7.5, 12, 1)]
        assert reserve(session, mill, 3, between(7.5, 12)) == [0]
        assert reserve(session, mill, 4, between(0, 2.5)) == [0]

    def test_what_is_released_is_free_again(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park).id
        reserve(session, mill, 1, between(1, 2))
        handlers.release(session=session, booking_id=booking(1))
        handlers.release(session=session, booking_id=booking(1))
        assert reserve(session, mill, 2, between(1, 2)) == [0]

    def test_the_database_refuses_an_overlap_whoever_writes_it(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park).id
        reserve(session, mill, 1, between(1, 2))
        with pytest.raises(IntegrityError, match="resource_id_unit_during_excl"):
            session.connection().execute(
                text(
                    "INSERT INTO reservation"
                    " (organisation_id, booked_by, booking_id, resource_id, unit, during)"
                    " SELECT organisation_id, booked_by, :other, resource_id, unit, during"
                    " FROM reservation"
                ),
                {"other": booking(2)},
            )

    def test_an_unknown_resource_is_named(self, session: Session, clock: FrozenClock) -> None:
        stranger = ResourceId(clock.new_id())
        with pytest.raises(handlers.ResourceNotFoundError, match=str(stranger)):
            reserve(session, stranger, 1, between(1, 2))


class TestRivals:
    """Several connections, each with its own transaction, at the same time."""

    @pytest.fixture
    def sessions(self, database_url: str) -> Iterator[Sessions]:
        engine: Engine = engine_for(database_url, pool_max=RIVALS, application="rivals")
        yield sessions_for(engine)
        engine.dispose()

    def rush(self, sessions: Sessions, resource_id: ResourceId, *, units: int = 1) -> Counter[bool]:
        barrier = Barrier(RIVALS)

        def one(number: int) -> bool:
            barrier.wait()
            try:
                with transaction(sessions) as session:
                    reserve(session, resource_id, number + 1, between(1, 2), units=units)
            except SlotTakenError:
                return False
            return True

        with ThreadPoolExecutor(RIVALS) as pool:
            return Counter(pool.map(one, range(RIVALS)))

    def registered(self, sessions: Sessions, clock: FrozenClock, units: int) -> ResourceId:
        with transaction(sessions) as session:
            return register(session, clock, build_park(session, clock), units=units).id

    def test_one_of_many_wins_a_slot(self, sessions: Sessions, clock: FrozenClock) -> None:
        mill = self.registered(sessions, clock, units=1)
        assert self.rush(sessions, mill) == {True: 1, False: RIVALS - 1}

    def test_a_pool_of_three_has_three_winners(
        self, sessions: Sessions, clock: FrozenClock
    ) -> None:
        seats = self.registered(sessions, clock, units=3)
        assert self.rush(sessions, seats) == {True: 3, False: RIVALS - 3}
        with transaction(sessions) as session:
            units = session.connection().execute(text("SELECT unit FROM reservation ORDER BY unit"))
            assert [unit for (unit,) in units] == [0, 1, 2]

    def test_rivals_for_two_units_each_never_deadlock(
        self, sessions: Sessions, clock: FrozenClock
    ) -> None:
        seats = self.registered(sessions, clock, units=5)
        assert self.rush(sessions, seats, units=2) == {True: 2, False: RIVALS - 2}

    def test_an_uncommitted_rival_is_waited_for(
        self, sessions: Sessions, clock: FrozenClock
    ) -> None:
        mill = self.registered(sessions, clock, units=1)
        with ThreadPoolExecutor(1) as pool:
            with sessions() as first:
                reserve(first, mill, 1, between(1, 2))

                def second() -> list[int]:
                    with transaction(sessions) as session:
                        return reserve(session, mill, 2, between(1, 2))

                waiting = pool.submit(second)
                first.rollback()
            assert waiting.result(timeout=20) == [0]

    def test_the_same_batch_on_two_connections_is_stored_once(
        self, sessions: Sessions, clock: FrozenClock
    ) -> None:
        with transaction(sessions) as session:
            park = build_park(session, clock)
            mill = register_machine(session, clock, park)
        rows = [
            reported(park, mill, offset, state, at=START - timedelta(seconds=100 - offset))
            for offset, state in enumerate(["idle", "executing"] * 40, start=1)
        ]
        barrier = Barrier(4)

        def deliver(turn: int) -> tuple[int, int]:
            mine = FrozenClock(START + (1 + turn) * timedelta(milliseconds=1))
            barrier.wait()
            with transaction(sessions) as session:
                result = handlers.record_observations(
                    session=session, clock=mine, rows=rows if turn % 2 else rows[::-1]
                )
            return result.stored, result.state_changes

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(deliver, range(4)))
        assert sorted(results) == [(0, 0), (0, 0), (0, 0), (80, 80)]


class TestGaps:
    SHIFT = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
        "BEGIN:VEVENT\r\nUID:1\r\nX-NONAGON-KIND:WORKING\r\nDTSTART:20260302T080000\r\n"
        "DTEND:20260302T200000\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )

    def test_working_time_less_bookings_and_maintenance(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park, calendar_ics=self.SHIFT, timezone="UTC").id
        reserve(session, mill, 1, between(2, 4))
        handlers.schedule_maintenance(
            session=session,
            clock=clock,
            organisation_id=park.organisation_id,
            resource_id=mill,
            during=between(6, 7),
            reason="oil",
        )
        assert free(session, clock, mill, between(0, 24)) == [
            (0, 2, 1),
            (4, 6, 1),
            (7, 11, 1),
            (23, 24, 1),
        ]

    def test_a_booking_outside_the_window_keeps_its_buffer_inside(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        rule = CapacityRule(buffer_before_minutes=24 * 60)
        mill = register(session, clock, park, rule=rule).id
        handlers.schedule_maintenance(
            session=session,
            clock=clock,
            organisation_id=park.organisation_id,
            resource_id=mill,
            during=between(1, 2),
            reason="oil",
        )
        assert free(session, clock, mill, between(20, 40)) == [(26, 40, 1)]

    def test_every_resource_asked_about_has_an_answer(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        first = register(session, clock, park).id
        second = register(session, clock, park, kind="expert", units=2).id
        found = handlers.gaps(
            session=session,
            clock=clock,
            resource_ids=[first, second, ResourceId(clock.new_id())],
            window=between(0, 5),
            stale_after=STALE_AFTER,
        )
        assert {key: [gap.free_units for gap in gaps] for key, gaps in found.items()} == {
            first: [1],
            second: [2],
        }

    def test_a_window_of_years_is_refused(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park).id
        with pytest.raises(handlers.WindowTooLongError, match="ask about 400 days"):
            free(session, clock, mill, between(0, 24 * 401))


class TestTimeline:
    def test_shows_the_local_day_with_the_state_it_began_in(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register_machine(session, clock, park)
        midnight = datetime.fromisoformat("2026-03-02T00:00:00+08:00")
        handlers.record_observations(
            session=session,
            clock=clock,
            rows=[
                reported(park, mill, 1, "executing", at=midnight - HOUR),
                reported(park, mill, 2, "idle", at=midnight + 8 * HOUR),
            ],
        )
        reserve(session, mill, 1, Interval(midnight - HOUR, midnight + HOUR))
        day = handlers.timeline(
            session=session, clock=clock, resource_id=mill, day=date(2026, 3, 2)
        )
        assert day.day == Interval(midnight, midnight + 24 * HOUR)
        assert [(span.state.value, span.interval) for span in day.states] == [
            ("executing", Interval(midnight, midnight + 8 * HOUR)),
            ("idle", Interval(midnight + 8 * HOUR, START)),
        ]
        assert day.reserved == [Interval(midnight, midnight + HOUR)]
        assert day.working == [day.day]

    def test_the_day_of_summer_time_has_twenty_three_hours(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        lathe = register(session, clock, park, timezone="Europe/Berlin").id
        day = handlers.timeline(
            session=session, clock=clock, resource_id=lathe, day=date(2026, 3, 29)
        )
        assert sum(span.hours for span in day.working) == day.day.hours == 23

    def test_of_many_resources_each_has_its_own_day_and_facts(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        near = register(session, clock, park, timezone="Asia/Shanghai")
        far = register(session, clock, park, timezone="America/Los_Angeles")
        for number, resource in enumerate((near, far), start=1):
            reserve(session, resource.id, number, between(number, number + 1))
        today = date(2026, 3, 2)
        found = handlers.timelines(session=session, clock=clock, days=[(near, today), (far, today)])
        assert found[near.id].reserved == [between(1, 2)]
        assert found[far.id].reserved == [between(2, 3)]
        assert found[far.id].day.start - found[near.id].day.start == 16 * HOUR
        assert handlers.timelines(session=session, clock=clock, days=[]) == {}
