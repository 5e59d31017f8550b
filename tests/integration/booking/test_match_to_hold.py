"""What a match offers can be held as it stands, and free time says of every slot what holding does.

Parks are drawn with buffers, set-up, pools, companions, maintenance and machines out of service.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Booking, SlotInvalidError
from services.capacity import handlers as capacity
from services.capacity.domain import Companion, Resource, SlotTakenError
from services.contracts.ids import OfferId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching import handlers as matching
from services.matching.domain import Requirement
from tests.contract.matching.market import Draw
from tests.integration.booking.park import HOUR, MILLING, MINUTE, STALE, Park, open_park
from tests.support.clock import START, FrozenClock

ROUNDS = 10
SEEDS = range(6)
BUFFERS = (0, 0, 10, 45)
SHIFTS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Nonagon//tests//EN
BEGIN:VEVENT
UID:shifts
DTSTART:20260302T080000Z
DTEND:20260302T200000Z
RRULE:FREQ=DAILY
X-NONAGON-KIND:WORKING
END:VEVENT
END:VCALENDAR
"""


class RandomPark:
    """Resources of which some need others, some are booked, broken or in maintenance."""

    def __init__(self, park: Park, draw: Draw) -> None:
        self.park = park
        self.draw = draw
        pools = [self.resource("expert") for _ in range(3)]
        machines = [self.resource("machine", self.companions(pools)) for _ in range(5)]
        self.offers: dict[Any, OfferId] = {one.id: park.offer(one) for one in machines + pools[:1]}
        self.resources = {one.id: one for one in machines + pools}
        for one in self.resources.values():
            self.disturb(one)

    def resource(self, kind: str, companions: Sequence[Companion] = ()) -> Resource:
        one = self.draw.one
        return self.park.resource(
            kind,
            units=one(1, 1, 2, 5),
            calendar=one(None, SHIFTS),
            companions=companions,
            setup_minutes=one(0, 0, 25),
            buffer_before_minutes=one(*BUFFERS),
            buffer_after_minutes=one(*BUFFERS),
            notice_minutes=one(0, 0, 50),
            horizon_days=one(1, 2, 60),
            minimum_hours=one(0.5, 0.5, 2),
        )

    def companions(self, pools: Sequence[Resource]) -> list[Companion]:
        needed = self.draw.some(pools, 2)
        return [Companion(one.id, self.draw.random.randint(1, min(2, one.units))) for one in needed]

    def disturb(self, resource: Resource) -> None:
        state = self.draw.maybe(0.5, lambda: self.draw.one(*ResourceState))
        if state is not None:
            self.park.set_state(resource, state)
        start = START + self.draw.random.randint(0, 40) * HOUR
        if self.draw.random.random() < 0.3:
            capacity.schedule_maintenance(
                session=self.park.session,
                clock=self.park.clock,
                organisation_id=self.park.owner,
                resource_id=resource.id,
                during=Interval.starting(start, 3 * HOUR),
                reason="oil",
            )

    def slot(self, resource: Resource) -> tuple[Interval, int, int]:
        """Somewhere in the next two days: all that is occupied, minutes of work, units."""
        minutes = self.draw.random.randint(20, 300)
        start = START + self.draw.random.randint(0, 300) * 10 * MINUTE
        occupied = Interval.starting(start, minutes * MINUTE + resource.rule.setup)
        return occupied, minutes, self.draw.one(1, 1, 2, 3)

    def requirement(self) -> Requirement:
        minutes = self.draw.random.randint(20, 240)
        opens = START + timedelta(minutes=self.draw.random.randint(0, 1500), seconds=30)
        length = timedelta(minutes=minutes + self.draw.random.randint(0, 1500))
        return Requirement(
            processes=frozenset({MILLING}),
            minutes=minutes,
            window=Interval(opens, opens + length),
            units=self.draw.one(1, 1, 2, 3),
            currency="CNY",
        )

    def hold(self, resource: Resource, start: Any, minutes: int, units: int) -> Booking:
        return handlers.hold(
            session=self.park.session,
            clock=self.park.clock,
            organisation_id=self.park.owner,
            resource_id=resource.id,
            start=start,
            minutes=minutes,
            units=units,
            offer_id=self.offers.get(resource.id),
            demand_id=None,
            hold_ttl=HOUR,
            stale_after=STALE,
        )

    def is_offered(self, resource: Resource, occupied: Interval, units: int) -> bool:
        found = capacity.gaps(
            session=self.park.session,
            clock=self.park.clock,
            resource_ids=[resource.id],
            window=Interval(START, START + 60 * HOUR),
            stale_after=STALE,
        )
        return occupied.duration >= resource.rule.shortest and any(
            gap.interval.contains(occupied) and gap.free_units >= units
            for gap in found[resource.id]
        )


@pytest.fixture(params=SEEDS)
def drawn(request: pytest.FixtureRequest, session: Session, clock: FrozenClock) -> RandomPark:
    clock.advance(timedelta(seconds=37))
    return RandomPark(open_park(session, clock), Draw(request.param))


def test_every_candidate_of_a_match_can_be_held(drawn: RandomPark) -> None:
    held = 0
    for _ in range(ROUNDS):
        asked = drawn.requirement()
        found = matching.match_requirement(
            session=drawn.park.session,
            clock=drawn.park.clock,
            requirement=asked,
            limit=50,
            stale_after=STALE,
        ).candidates
        for candidate in reversed(found):
            nested = drawn.park.session.begin_nested()
            resource = drawn.resources[candidate.resource_id]
            booking = drawn.hold(resource, candidate.start, asked.minutes, asked.units)
            assert booking.interval == Interval(candidate.start, candidate.end)
            assert booking.price == candidate.price
            held += 1
            if candidate is found[0]:
                nested.commit()
            else:
                nested.rollback()
    assert held


def test_a_slot_can_be_held_exactly_when_it_is_free(drawn: RandomPark) -> None:
    outcomes = set()
    for _ in range(4 * ROUNDS):
        resource = drawn.draw.one(*drawn.resources.values())
        occupied, minutes, units = drawn.slot(resource)
        offered = drawn.is_offered(resource, occupied, units)
        try:
            drawn.hold(resource, occupied.start, minutes, units)
        except (SlotInvalidError, SlotTakenError, handlers.SlotNotOfferedError):
            assert not offered
        else:
            assert offered
        outcomes.add(offered)
    assert outcomes == {True, False}


def test_twelve_of_eighty_seats(session: Session, clock: FrozenClock) -> None:
    park = open_park(session, clock)
    seats = park.resource("software_seats", units=80)
    offer_id = park.offer(seats)
    for _ in range(6):
        park.hold(seats, offer_id, units=12)
    with pytest.raises(SlotTakenError):
        park.hold(seats, offer_id, units=12)
    assert park.hold(seats, offer_id, units=8).units == 8
    with pytest.raises(SlotTakenError):
        park.hold(seats, offer_id)


@pytest.mark.parametrize(("before", "after"), [(10, 30), (30, 10), (0, 45), (45, 0)])
def test_neighbours_keep_both_buffers(
    session: Session, clock: FrozenClock, before: int, after: int
) -> None:
    park = open_park(session, clock)
    machine = park.resource(
        buffer_before_minutes=before, buffer_after_minutes=after, setup_minutes=15
    )
    offer_id = park.offer(machine)
    first = park.hold(machine, offer_id)
    apart = (before + after) * MINUTE
    early = first.interval.end + apart - MINUTE
    with pytest.raises(SlotTakenError):
        park.hold(machine, offer_id, start=early)
    assert park.hold(machine, offer_id, start=early + MINUTE).price == first.price
