"""Joint resources: a booking takes everything it needs or nothing, and follows all of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.booking import handlers
from services.booking.consumers import follow_state
from services.booking.domain import Booking, BookingState, SlotInvalidError
from services.capacity import handlers as capacity
from services.capacity.domain import (
    Companion,
    CompanionTakenError,
    InvalidCompanionError,
    Provenance,
    Resource,
    SlotTakenError,
    Visibility,
)
from services.contracts.events.capacity import ResourceStateChanged
from services.contracts.ids import BookingId, OfferId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching import handlers as matching
from services.matching.domain import Constraint, MatchResult, Requirement
from tests.integration.booking.park import (
    HOUR,
    MILLING,
    MINUTE,
    STALE,
    TTL,
    Park,
    count,
    open_park,
)
from tests.support.clock import START, FrozenClock

ASKED = Requirement(
    processes=frozenset({MILLING}), minutes=60, window=Interval(START, START + 10 * HOUR)
)


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def operators(park: Park) -> Resource:
    """Two of them, whom nobody outside is shown."""
    return park.resource(
        "expert", units=2, buffer_after_minutes=10, visibility=Visibility.ORGANISATION
    )


@pytest.fixture
def cmm(park: Park) -> Resource:
    return park.resource("lab_method")


@pytest.fixture
def cell(park: Park, operators: Resource, cmm: Resource) -> Resource:
    return park.resource(
        units=3,
        buffer_before_minutes=5,
        companions=[Companion(operators.id), Companion(cmm.id)],
    )


@pytest.fixture
def offer_id(park: Park, cell: Resource) -> OfferId:
    return park.offer(cell)


def match(park: Park) -> MatchResult:
    return matching.match_requirement(
        session=park.session,
        clock=park.clock,
        requirement=ASKED,
        limit=5,
        stale_after=STALE,
    )


def own_hold(park: Park, resource: Resource, **asked: Any) -> Booking:
    slot = {"start": START + HOUR, "minutes": 60, "units": 1, **asked}
    return handlers.hold(
        session=park.session,
        clock=park.clock,
        organisation_id=park.owner,
        resource_id=resource.id,
        offer_id=None,
        demand_id=None,
        hold_ttl=TTL,
        stale_after=STALE,
        **slot,
    )


def reserved(park: Park) -> set[tuple[Any, timedelta, timedelta]]:
    """Resource, and how its reservation lies around an hour from now."""
    rows = park.session.connection().execute(
        text("SELECT resource_id, lower(during) AS since, upper(during) AS until FROM reservation")
    )
    begins = START + HOUR
    return {(row.resource_id, row.since - begins, row.until - begins) for row in rows}


def tell(park: Park, resource: Resource, state: ResourceState) -> None:
    park.set_state(resource, state)
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


class TestHold:
    def test_takes_everything_each_with_its_own_buffers(
        self, park: Park, cell: Resource, operators: Resource, cmm: Resource, offer_id: OfferId
    ) -> None:
        held = park.hold(cell, offer_id)
        assert reserved(park) == {
            (cell.id, -5 * MINUTE, HOUR),
            (operators.id, timedelta(), HOUR + 10 * MINUTE),
            (cmm.id, timedelta(), HOUR),
        }
        park.cancel(held.id)
        assert count(park.session, "reservation") == 0

    def test_units_of_companions_are_for_each_unit_booked(
        self, park: Park, operators: Resource
    ) -> None:
        pair = park.resource(units=3, companions=[Companion(operators.id)])
        park.hold(pair, park.offer(pair), units=2)
        assert count(park.session, "reservation") == 4
        with pytest.raises(CompanionTakenError, match=str(operators.id)):
            own_hold(park, pair)

    def test_no_more_units_than_companions_allow(self, park: Park, cell: Resource) -> None:
        with pytest.raises(SlotInvalidError, match="has 1 units"):
            own_hold(park, cell, units=2)

    def test_is_refused_whole_when_a_companion_is_taken(
        self, park: Park, cell: Resource, cmm: Resource, offer_id: OfferId
    ) -> None:
        own_hold(park, cmm, start=START + 90 * MINUTE)
        before = count(park.session, "reservation")
        with pytest.raises(CompanionTakenError, match=str(cmm.id)):
            park.hold(cell, offer_id)
        assert count(park.session, "reservation") == before

    def test_nothing_is_kept_of_a_reservation_a_rival_broke(
        self, park: Park, cell: Resource, cmm: Resource
    ) -> None:
        own_hold(park, cmm)
        before = count(park.session, "reservation")
        with pytest.raises(SlotTakenError):
            capacity.reserve(
                session=park.session,
                resource=cell,
                booking_id=BookingId(park.clock.new_id()),
                booked_by=park.buyer,
                interval=Interval.starting(START + HOUR, HOUR),
                units=1,
            )
        assert count(park.session, "reservation") == before

    def test_a_companion_booked_along_is_taken_for_others(
        self, park: Park, cell: Resource, cmm: Resource, offer_id: OfferId
    ) -> None:
        park.hold(cell, offer_id)
        with pytest.raises(SlotTakenError):
            own_hold(park, cmm, start=START + HOUR + 59 * MINUTE)
        own_hold(park, cmm, start=START + 2 * HOUR)

    def test_an_overdue_hold_that_took_a_companion_gives_way(
        self, park: Park, cell: Resource, cmm: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        overdue = own_hold(park, cmm)
        clock.advance(TTL)
        park.hold(cell, offer_id)
        left = handlers.get_booking(
            session=park.session, organisation_id=park.owner, booking_id=overdue.id
        )
        assert left.state is BookingState.EXPIRED

    def test_of_a_companion_only_the_buffers_count(self, park: Park) -> None:
        slow = park.resource(
            "expert", notice_minutes=600, horizon_days=1, minimum_hours=8, setup_minutes=60
        )
        machine = park.resource(companions=[Companion(slow.id)])
        held = park.hold(machine, park.offer(machine))
        assert held.interval == Interval.starting(START + HOUR, HOUR)


class TestMatch:
    def test_offers_only_time_in_which_all_are_free(
        self, park: Park, cell: Resource, cmm: Resource, offer_id: OfferId
    ) -> None:
        own_hold(park, cmm, start=START, minutes=90)
        (found,) = match(park).candidates
        assert found.start == START + 90 * MINUTE
        held = park.hold(cell, offer_id, start=found.start)
        assert held.interval == Interval(found.start, found.end)

    def test_free_time_shown_is_the_joint_one(
        self, park: Park, cell: Resource, cmm: Resource
    ) -> None:
        own_hold(park, cmm, start=START + HOUR)
        window = Interval(START, START + 4 * HOUR)
        found = capacity.gaps(
            session=park.session,
            clock=park.clock,
            resource_ids=[cell.id],
            window=window,
            stale_after=STALE,
        )
        assert [(one.interval, one.free_units) for one in found[cell.id]] == [
            (Interval(START, START + HOUR), 1),
            (Interval(START + 2 * HOUR, START + 4 * HOUR), 1),
        ]

    @pytest.mark.usefixtures("offer_id")
    def test_is_measured_only_if_all_are(
        self, park: Park, cell: Resource, operators: Resource, cmm: Resource, clock: FrozenClock
    ) -> None:
        for one in (cell, operators):
            park.set_state(one, ResourceState.IDLE)
        assert match(park).candidates[0].provenance is Provenance.DECLARED
        clock.advance(timedelta(seconds=5))
        park.set_state(cmm, ResourceState.IDLE)
        (found,) = match(park).candidates
        assert (found.provenance, found.age_s) == (Provenance.MEASURED, 5)

    @pytest.mark.usefixtures("cell", "offer_id")
    def test_a_companion_out_of_service_takes_the_slot_away(
        self, park: Park, operators: Resource
    ) -> None:
        park.set_state(operators, ResourceState.OFF)
        result = match(park)
        assert [one.causes for one in result.near_misses] == [(Constraint.LIVE,)]
        park.set_state(operators, ResourceState.IDLE)
        assert len(match(park).candidates) == 1


class TestAtRisk:
    def test_a_companion_out_of_service_flags_and_its_recovery_clears(
        self, park: Park, cell: Resource, operators: Resource, offer_id: OfferId
    ) -> None:
        held = park.hold(cell, offer_id)
        tell(park, operators, ResourceState.DOWN)
        flagged = park.read(held)
        assert (flagged.at_risk_reason, flagged.risky) == ("down", operators.id)
        with pytest.raises(handlers.OutOfServiceError, match=str(operators.id)):
            park.confirm(held.id)
        tell(park, operators, ResourceState.IDLE)
        assert not park.read(held).at_risk
        assert park.confirm(held.id).state is BookingState.CONFIRMED

    def test_two_out_of_service_must_both_recover(
        self, park: Park, cell: Resource, operators: Resource, offer_id: OfferId
    ) -> None:
        held = park.hold(cell, offer_id)
        tell(park, operators, ResourceState.DOWN)
        tell(park, cell, ResourceState.OFF)
        tell(park, operators, ResourceState.IDLE)
        assert park.read(held).risky == cell.id
        tell(park, cell, ResourceState.IDLE)
        assert not park.read(held).at_risk

    def test_another_booking_of_the_companion_alone_is_flagged_as_its_own(
        self, park: Park, operators: Resource
    ) -> None:
        lesson = own_hold(park, operators)
        tell(park, operators, ResourceState.DOWN)
        flagged = handlers.get_booking(
            session=park.session, organisation_id=park.owner, booking_id=lesson.id
        )
        assert (flagged.risky, flagged.at_risk_by) == (operators.id, None)

    def test_time_moves_bookings_near_a_broken_companion(
        self, park: Park, cell: Resource, operators: Resource, clock: FrozenClock
    ) -> None:
        held = own_hold(park, cell, start=START + 25 * HOUR)
        tell(park, operators, ResourceState.DOWN)
        clock.advance(2 * HOUR)
        assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1
        flagged = handlers.get_booking(
            session=park.session, organisation_id=park.owner, booking_id=held.id
        )
        assert flagged.risky == operators.id
        park.set_state(operators, ResourceState.IDLE)
        assert handlers.sweep_at_risk(session=park.session, clock=clock) == 1


class TestChanging:
    def put(self, park: Park, resource: Resource, *companions: Companion) -> None:
        capacity.put_companions(
            session=park.session,
            clock=park.clock,
            organisation_id=park.owner,
            resource_id=resource.id,
            companions=companions,
        )

    def test_new_companions_count_from_now_on(
        self, park: Park, cell: Resource, cmm: Resource, offer_id: OfferId
    ) -> None:
        held = park.hold(cell, offer_id)
        self.put(park, cell, Companion(cmm.id))
        read = capacity.get_resource(session=park.session, resource_id=cell.id)
        assert read.companions == (Companion(cmm.id),)
        park.cancel(held.id)
        assert count(park.session, "reservation") == 0
        park.hold(cell, offer_id)
        assert count(park.session, "reservation") == 2

    def test_chains_are_refused_from_both_ends(
        self, park: Park, cell: Resource, cmm: Resource
    ) -> None:
        table = park.resource("room")
        with pytest.raises(InvalidCompanionError, match="one level deep"):
            self.put(park, cmm, Companion(table.id))
        with pytest.raises(InvalidCompanionError, match="one level deep"):
            park.resource(companions=[Companion(cell.id)])

    def test_another_organisations_resource_is_as_good_as_absent(
        self, park: Park, cmm: Resource
    ) -> None:
        stranger = Park(park.session, park.clock, park.buyer, park.owner, park.site_id)
        with pytest.raises(capacity.ResourceNotFoundError):
            capacity.put_companions(
                session=park.session,
                clock=park.clock,
                organisation_id=stranger.owner,
                resource_id=cmm.id,
                companions=[],
            )

    def test_whoever_keeps_an_engine_is_told_what_to_load_anew(
        self, park: Park, cell: Resource, operators: Resource, cmm: Resource
    ) -> None:
        other = park.resource(companions=[Companion(cmm.id)])
        apart = park.resource()
        affected = capacity.affected_resources

        assert affected(session=park.session, resource_ids=[cell.id]) == {
            cell.id, operators.id, cmm.id, other.id,
        }  # fmt: skip
        assert affected(session=park.session, resource_ids=[cmm.id]) == {cmm.id, cell.id, other.id}
        assert affected(session=park.session, resource_ids=[apart.id]) == {apart.id}
