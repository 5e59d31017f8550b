"""A matcher's market after every kind of event: what reading the record anew would give."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from gateway.matcher.reading import Reader, Reading
from marketplace.directions.loader import load_directions
from marketplace.offers import handlers as offers
from marketplace.offers.domain import Offer
from marketplace.offers.pricing import PriceRule
from services.booking import handlers as booking
from services.capacity import handlers as capacity
from services.capacity.domain import CapabilityDeclaration, Companion, Resource, Visibility
from services.contracts.ids import BookingId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState, Signal
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.matching import handlers as matching
from services.matching.ranking import PERMILLE
from services.matching.service.changes import AWAITED
from services.matching.service.projection import Projection
from services.matching.service.shard import Shard
from services.matching.service.sharding import ShardMap
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.outbox import newest
from tests.integration.booking.park import MILLING, hold
from tests.integration.capacity.park import (
    STALE_AFTER,
    Park,
    build_park,
    register,
    reported,
)
from tests.support.matcher import Asker, DistinctClock, RunningMatcher, asking, matcher_running
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
MORNINGS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
    "BEGIN:VEVENT\r\nUID:mornings\r\nDTSTART:20260101T080000\r\nDTEND:20260101T120000\r\n"
    "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class World:
    """A machine with a twin, offered; a matcher that follows what happens to it."""

    def __init__(self, sessions: Sessions, asker: Asker, nats_url: str) -> None:
        self.sessions = sessions
        self.clock = DistinctClock(
            SystemClock().now().replace(hour=9, minute=0, second=0, microsecond=0)
        )
        self._asker = asker
        self._offset = 0
        with transaction(sessions) as session:
            self.park: Park = build_park(session, self.clock)
            self.buyer = identity.create_organisation(
                session=session,
                clock=self.clock,
                name="Buyer",
                name_zh="买方",
                kind=OrganisationKind.FIRM,
            ).id
            self.machine: Resource = register(
                session, self.clock, self.park, capabilities=[CapabilityDeclaration(MILLING)]
            )
            capacity.bind_twin(
                session=session,
                clock=self.clock,
                organisation_id=self.park.organisation_id,
                resource_id=self.machine.id,
                gateway_id=self.park.gateway_id,
                device="mill-1",
            )
            self.offer = self.publish(session, self.machine)
        self._closing = ExitStack()
        self.matcher: RunningMatcher = self._closing.enter_context(
            matcher_running(sessions, self.clock, nats_url)
        )
        asker.relay(sessions, self.clock)

    def publish(self, session: Session, resource: Resource) -> Offer:
        return offers.publish_offer(
            session=session,
            clock=self.clock,
            organisation_id=self.park.organisation_id,
            directions=load_directions(),
            direction=4,
            title="Milling",
            title_zh="铣削",
            resource_ids=[resource.id],
            price=PriceRule(price_minor=20_000),
            visibility=Visibility.PUBLIC,
        )

    def report(self, session: Session, value: Any, signal: Signal = Signal.STATE) -> None:
        self._offset += 1
        row = reported(
            self.park,
            ResourceId(self.machine.id),
            self._offset,
            value,
            at=self.clock.now(),
            signal=signal,
        )
        capacity.record_observations(session=session, clock=self.clock, rows=[row])

    def happens(self, work: Callable[[Session], object]) -> None:
        """Commit what ``work`` does, and let the matcher hear of it."""
        with transaction(self.sessions) as session:
            work(session)
        self._asker.relay(self.sessions, self.clock)
        with transaction(self.sessions) as session:
            needed = newest(session, AWAITED)
        self.matcher.await_position(needed)

    def step(self, what: str, work: Callable[[Session], object]) -> None:
        """Let ``work`` happen; the record says something else then, and so does the matcher."""
        before = self.matcher.state_hash()
        self.happens(work)
        fresh = self.read_anew()
        assert fresh != before, f"{what}: nothing changed that a test could tell"
        eventually(lambda: self.matcher.state_hash() == fresh, what=f"{what}: it is followed")

    def maintenance(self, resource_id: ResourceId, hours: int) -> Callable[[Session], object]:
        """Half a day of it in so many hours."""
        begins = self.clock.now() + hours * HOUR
        return lambda session: capacity.schedule_maintenance(
            session=session,
            clock=self.clock,
            organisation_id=self.park.organisation_id,
            resource_id=resource_id,
            during=Interval(begins, begins + 12 * HOUR),
            reason="planned",
        )

    def read(self) -> Reading:
        reader = Reader(self.sessions, self.clock, shard=Shard(1, 1), stale_after=STALE_AFTER)
        return reader.everything(ShardMap(1))

    def read_anew(self) -> str:
        reading = self.read()
        made = Projection(reading.listings, reading.resources, stale_after=STALE_AFTER)
        return made.engine.state_hash()

    def close(self) -> None:
        self._closing.close()


@pytest.fixture
def world(sessions: Sessions, nats_server: EmbeddedNats) -> Iterator[World]:
    with asking(nats_server.nats_url) as asker:
        world = World(sessions, asker, nats_server.nats_url)
        try:
            yield world
        finally:
            world.close()


def test_what_is_booked_and_planned_leaves_what_the_record_says(world: World) -> None:
    clock, park = world.clock, world.park
    own: dict[str, Any] = {"clock": clock, "organisation_id": park.organisation_id}
    machine = world.machine.id

    def another(session: Session) -> None:
        mill = register(session, clock, park, capabilities=[CapabilityDeclaration(MILLING)])
        world.publish(session, mill)

    def booked(session: Session) -> None:
        held = hold(session, clock, world.buyer, world.machine, world.offer.id)
        bookings.append(held.id)

    def cancelled(session: Session) -> None:
        booking.cancel(
            session=session,
            clock=clock,
            organisation_id=world.buyer,
            booking_id=bookings[0],
        )

    def replanned(session: Session) -> None:
        capacity.put_calendar(session=session, **own, resource_id=machine, ics=MORNINGS)

    def withdrawn(session: Session) -> None:
        offers.withdraw_offer(session=session, **own, offer_id=world.offer.id)

    bookings: list[BookingId] = []
    world.step("an offer is published", another)
    world.step("a slot is held", booked)
    world.step("it is cancelled", cancelled)
    world.step("another calendar", replanned)
    world.step("maintenance is planned", world.maintenance(machine, 90))
    world.step("an offer is withdrawn", withdrawn)


def test_what_stands_beside_a_resource_leaves_what_the_record_says(world: World) -> None:
    own: dict[str, Any] = {"clock": world.clock, "organisation_id": world.park.organisation_id}
    machine = world.machine.id

    def with_operator(session: Session) -> None:
        operator = register(session, world.clock, world.park, name="Op", kind="expert", units=2)
        world.maintenance(operator.id, 30)(session)
        capacity.put_companions(
            session=session, **own, resource_id=machine, companions=[Companion(operator.id, 1)]
        )
        operators.append(operator.id)

    def without(session: Session) -> None:
        capacity.put_companions(session=session, **own, resource_id=machine, companions=())

    operators: list[ResourceId] = []
    world.step("it needs an operator beside it", with_operator)
    world.step("the operator is away", world.maintenance(operators[0], 60))
    world.step("it needs none any more", without)


def test_what_a_twin_says_leaves_what_the_record_says(world: World) -> None:
    clock = world.clock

    def says(value: object, signal: Signal = Signal.STATE) -> Callable[[Session], object]:
        return lambda session: world.report(session, value, signal)

    def missed(session: Session) -> None:
        capacity.mark_unseen(session=session, clock=clock, stale_after=STALE_AFTER)

    world.step("it is idle, and measured", says(ResourceState.IDLE))
    world.step("it goes down", says(ResourceState.DOWN))
    world.step("it comes back", says(ResourceState.IDLE))
    end = clock.now() + timedelta(seconds=20)
    world.step("it says when its job ends", says(end, Signal.JOB_PREDICTED_END))
    clock.advance(timedelta(seconds=21))
    world.step("the job ends", lambda _: None)
    clock.advance(timedelta(seconds=10))
    world.step("it was not seen for long", lambda _: None)
    world.step("that is noticed", missed)


def test_how_reliable_a_machine_was_ranks_it(world: World) -> None:
    def fails(session: Session) -> None:
        for offset, (days, state) in enumerate(((4, ResourceState.DOWN), (2, ResourceState.IDLE))):
            row = reported(
                world.park,
                ResourceId(world.machine.id),
                1_000 + offset,
                state,
                at=world.clock.now() - days * DAY,
            )
            capacity.record_observations(session=session, clock=world.clock, rows=[row])

    world.happens(fails)
    world.step(
        "its days are added up",
        lambda session: capacity.tell_reliability(session=session, clock=world.clock),
    )
    found = world.read().resources[world.machine.id].offered.reliability
    assert found is not None
    assert 0 < found < PERMILLE


def test_a_firm_that_leaves_a_park_is_seen_there_no_longer(world: World) -> None:
    clock, park = world.clock, world.park
    with transaction(world.sessions) as session:
        session.connection().exec_driver_sql(
            "UPDATE listing SET visibility = 'park', park = 'optics'"
        )
    world.happens(lambda session: world.publish(session, world.machine))

    world.happens(
        lambda session: matching.stop_sharing(
            session=session,
            clock=clock,
            organisation_id=park.organisation_id,
            park="optics",
        )
    )

    eventually(
        lambda: world.matcher.state_hash() == world.read_anew(), what="the listing is narrowed"
    )
