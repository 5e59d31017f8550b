"""Holding, confirming, cancelling and expiring on a real database."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import (
    BookingState,
    HoldExpiredError,
    SlotInvalidError,
    TransitionRefusedError,
    VersionMismatchError,
)
from services.capacity import handlers as capacity
from services.capacity.domain import Resource, SlotTakenError, Visibility
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.identity.domain import OrganisationKind
from services.identity.handlers import OrganisationNotFoundError, create_organisation
from services.matching import handlers as matching
from tests.integration.booking.park import (
    HOUR,
    KINDS,
    MINUTE,
    RATE,
    STALE,
    TTL,
    Park,
    count,
    events,
    open_park,
)
from tests.support.clock import START, FrozenClock

BERLIN_NIGHT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//nonagon//tests//EN
BEGIN:VEVENT
UID:night
X-NONAGON-KIND:WORKING
DTSTART:20260101T010000
DTEND:20260101T050000
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    return park.resource()


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


def free(park: Park, resource: Resource) -> list[tuple[datetime, datetime, int]]:
    window = Interval(park.clock.now(), park.clock.now() + 24 * HOUR)
    gaps = capacity.gaps(
        session=park.session,
        clock=park.clock,
        resource_ids=[resource.id],
        window=window,
        stale_after=STALE,
    )[resource.id]
    return [(gap.interval.start, gap.interval.end, gap.free_units) for gap in gaps]


class TestHold:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_resource_goes_the_same_way(self, park: Park, kind: str) -> None:
        resource = park.resource(kind, units=3 if kind == "software_seats" else 1)
        booking = park.hold(resource, park.offer(resource))
        assert booking.state is BookingState.HELD
        assert booking.hold_until == START + TTL
        assert park.confirm(booking.id).state is BookingState.CONFIRMED
        assert park.cancel(booking.id).state is BookingState.CANCELLED
        assert count(park.session, "reservation") == 0

    def test_what_was_held_is_read_back_whole(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        booking = park.hold(machine, offer_id)
        park.session.expire_all()
        assert park.read(booking) == booking

    def test_price_is_the_listings_quote(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        assert park.hold(machine, offer_id, minutes=90).price == Money(18_500)

    def test_price_of_a_pool_counts_its_units(self, park: Park) -> None:
        seats = park.resource("software_seats", units=80)
        assert park.hold(seats, park.offer(seats), units=12).price == Money(144_500)

    def test_an_owner_needs_no_offer_and_pays_nothing(self, park: Park, machine: Resource) -> None:
        park.buyer = park.owner
        assert park.hold(machine, None).price is None

    def test_anybody_else_needs_one(self, park: Park, machine: Resource) -> None:
        with pytest.raises(handlers.OfferRequiredError):
            park.hold(machine, None)

    def test_an_offer_of_another_resource_gives_no_price(
        self, park: Park, offer_id: OfferId
    ) -> None:
        with pytest.raises(matching.ListingNotFoundError):
            park.hold(park.resource(), offer_id)

    def test_a_withdrawn_offer_gives_no_price(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        matching.withdraw_listing(session=park.session, clock=park.clock, offer_id=offer_id)
        with pytest.raises(matching.ListingNotFoundError):
            park.hold(machine, offer_id)

    def test_a_private_offer_is_the_owners_alone(self, park: Park, machine: Resource) -> None:
        private = park.offer(machine, RATE, Visibility.PRIVATE)
        with pytest.raises(matching.ListingNotFoundError):
            park.hold(machine, private)
        park.buyer = park.owner
        assert park.hold(machine, private).price == Money(12_500)

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"start": START - MINUTE}, "start"),
            ({"start": START + 59 * MINUTE}, "start"),
            ({"start": START + timedelta(days=60)}, "start"),
            ({"start": START + HOUR + timedelta(seconds=1)}, "start"),
            ({"start": datetime(2026, 3, 2, 11)}, "start"),  # noqa: DTZ001 - naive on purpose
            ({"minutes": 59}, "minutes"),
            ({"minutes": 0}, "minutes"),
            ({"minutes": -60}, "minutes"),
            ({"units": 0}, "units"),
            ({"units": 2}, "units"),
        ],
    )
    def test_a_slot_against_the_rule_names_the_field(
        self, park: Park, asked: dict[str, Any], field: str
    ) -> None:
        strict = park.resource(notice_minutes=60, horizon_days=60, minimum_hours=1)
        with pytest.raises(SlotInvalidError) as refusal:
            park.hold(strict, park.offer(strict), **asked)
        assert refusal.value.facts["field"] == field
        assert count(park.session, "reservation") == 0

    def test_the_limits_of_the_rule_can_be_booked(self, park: Park) -> None:
        strict = park.resource(notice_minutes=60, horizon_days=60, minimum_hours=1)
        offer_id = park.offer(strict)
        park.hold(strict, offer_id, start=START + HOUR, minutes=60)
        park.hold(strict, offer_id, start=START + timedelta(days=60) - HOUR, minutes=60)

    def test_unknown_resource_or_organisation_is_not_found(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        absent = replace(machine, id=ResourceId(UUID(int=7)))
        with pytest.raises(capacity.ResourceNotFoundError):
            park.hold(absent, offer_id)
        park.buyer = OrganisationId(UUID(int=7))
        with pytest.raises(OrganisationNotFoundError):
            park.hold(machine, offer_id)

    def test_outside_working_time_is_not_offered(self, park: Park) -> None:
        night = park.resource(calendar=BERLIN_NIGHT, timezone="Europe/Berlin")
        with pytest.raises(handlers.SlotNotOfferedError):
            park.hold(night, park.offer(night))

    def test_planned_maintenance_is_not_offered(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        capacity.schedule_maintenance(
            session=park.session,
            clock=park.clock,
            organisation_id=park.owner,
            resource_id=machine.id,
            during=Interval(START + HOUR, START + 2 * HOUR),
            reason="spindle",
        )
        with pytest.raises(handlers.SlotNotOfferedError):
            park.hold(machine, offer_id, start=START + 90 * MINUTE)

    @pytest.mark.parametrize("shift", [-59, -30, 0, 30, 59])
    def test_an_overlap_is_taken(
        self, park: Park, machine: Resource, offer_id: OfferId, shift: int
    ) -> None:
        park.hold(machine, offer_id, start=START + 2 * HOUR)
        with pytest.raises(SlotTakenError):
            park.hold(machine, offer_id, start=START + 2 * HOUR + shift * MINUTE)
        assert count(park.session, "booking") == 1

    @pytest.mark.parametrize("shift", [-60, 60])
    def test_slots_that_touch_do_not_overlap(
        self, park: Park, machine: Resource, offer_id: OfferId, shift: int
    ) -> None:
        park.hold(machine, offer_id, start=START + 2 * HOUR)
        park.hold(machine, offer_id, start=START + 2 * HOUR + shift * MINUTE)
        assert count(park.session, "reservation") == 2

    @pytest.mark.parametrize(
        ("shift", "fits"),
        [(-101, True), (-100, True), (-99, False), (99, False), (100, True), (101, True)],
    )
    def test_buffers_before_and_after_are_kept_between_bookings(
        self, park: Park, shift: int, *, fits: bool
    ) -> None:
        buffered = park.resource(buffer_before_minutes=10, buffer_after_minutes=30)
        offer_id = park.offer(buffered)
        park.hold(buffered, offer_id, start=START + 5 * HOUR)
        asked = {"start": START + 5 * HOUR + shift * MINUTE, "minutes": 60}
        if fits:
            park.hold(buffered, offer_id, **asked)
        else:
            with pytest.raises(SlotTakenError):
                park.hold(buffered, offer_id, **asked)

    def test_a_buffer_belongs_to_the_side_it_is_declared_for(self, park: Park) -> None:
        """A machine that cools down after its work blocks both neighbours by that time."""
        cooling = park.resource(buffer_after_minutes=30)
        offer_id = park.offer(cooling)
        park.hold(cooling, offer_id, start=START + 5 * HOUR)
        with pytest.raises(SlotTakenError):
            park.hold(cooling, offer_id, start=START + 6 * HOUR + 29 * MINUTE)
        with pytest.raises(SlotTakenError):
            park.hold(cooling, offer_id, start=START + 3 * HOUR + 31 * MINUTE)
        park.hold(cooling, offer_id, start=START + 6 * HOUR + 30 * MINUTE)
        park.hold(cooling, offer_id, start=START + 3 * HOUR + 30 * MINUTE)

    def test_a_pool_is_full_when_its_units_are_gone(self, park: Park) -> None:
        seats = park.resource("software_seats", units=5)
        offer_id = park.offer(seats)
        park.hold(seats, offer_id, units=3)
        park.hold(seats, offer_id, units=2)
        with pytest.raises(SlotTakenError):
            park.hold(seats, offer_id, units=1)

    def test_a_shift_keeps_its_wall_clock_when_summer_time_begins(self, park: Park) -> None:
        night = park.resource(calendar=BERLIN_NIGHT, timezone="Europe/Berlin")
        offer_id = park.offer(night)
        first_hour = datetime.fromisoformat("2026-03-29T01:00:00+01:00")
        with pytest.raises(handlers.SlotNotOfferedError):
            park.hold(night, offer_id, start=first_hour, minutes=4 * 60)
        booking = park.hold(night, offer_id, start=first_hour, minutes=3 * 60)
        assert booking.interval.end == datetime.fromisoformat("2026-03-29T05:00:00+02:00")
        winter = datetime.fromisoformat("2026-03-28T01:00:00+01:00")
        park.hold(night, offer_id, start=winter, minutes=4 * 60)


class TestConfirm:
    def test_a_hold_is_confirmed_until_its_last_moment(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        booking = park.hold(machine, offer_id)
        clock.advance(TTL - timedelta(microseconds=1))
        confirmed = park.confirm(booking.id)
        assert (confirmed.state, confirmed.hold_until) == (BookingState.CONFIRMED, None)
        clock.advance(TTL)
        assert handlers.expire_overdue(session=park.session, clock=clock, limit=9) == 0

    def test_an_expired_hold_is_refused_before_and_after_clean_up(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        booking = park.hold(machine, offer_id)
        clock.advance(TTL)
        with pytest.raises(HoldExpiredError):
            park.confirm(booking.id)
        assert handlers.expire_overdue(session=park.session, clock=clock, limit=9) == 1
        with pytest.raises(HoldExpiredError, match="expired at 2026-03-02 09:15"):
            park.confirm(booking.id)

    def test_a_confirmed_booking_is_not_confirmed_again(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        booking = park.hold(machine, offer_id)
        park.confirm(booking.id)
        with pytest.raises(TransitionRefusedError):
            park.confirm(booking.id)

    def test_a_change_based_on_an_old_reading_is_refused(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        booking = park.hold(machine, offer_id)
        assert park.confirm(booking.id, version=booking.version).version == booking.version + 1
        with pytest.raises(VersionMismatchError):
            park.cancel(booking.id, version=booking.version)

    def test_an_unknown_booking_is_not_found(self, park: Park) -> None:
        with pytest.raises(handlers.BookingNotFoundError):
            park.confirm(BookingId(UUID(int=5)))


class TestGivingBack:
    def test_a_cancelled_slot_is_free_at_once(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        before = free(park, machine)
        booking = park.hold(machine, offer_id)
        assert free(park, machine) != before
        park.cancel(booking.id)
        assert free(park, machine) == before
        park.hold(machine, offer_id)

    def test_an_overdue_hold_gives_way_to_the_next_without_waiting_for_a_job(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        start = START + 2 * HOUR
        overdue = park.hold(machine, offer_id, start=start)
        clock.advance(TTL - MINUTE)
        with pytest.raises(SlotTakenError):
            park.hold(machine, offer_id, start=start)
        clock.advance(MINUTE)
        park.hold(machine, offer_id, start=start)
        left = park.read(overdue)
        assert left.state is BookingState.EXPIRED

    def test_expiry_takes_the_oldest_first_up_to_its_limit(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        held = []
        for hour in range(1, 4):
            held.append(park.hold(machine, offer_id, start=START + hour * HOUR))
            clock.advance(timedelta(seconds=1))
        clock.advance(TTL)
        assert handlers.expire_overdue(session=park.session, clock=clock, limit=2) == 2
        states = [park.read(one).state for one in held]
        assert states == [BookingState.EXPIRED, BookingState.EXPIRED, BookingState.HELD]
        assert count(park.session, "reservation") == 1

    def test_work_finished_early_frees_the_rest(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        booking = park.hold(machine, offer_id, minutes=120)
        park.confirm(booking.id)
        clock.advance(HOUR)
        park.start(booking.id)
        with pytest.raises(TransitionRefusedError):
            park.cancel(booking.id)
        clock.advance(30 * MINUTE)
        done = park.finish(booking.id)
        assert done.state is BookingState.FINISHED
        park.hold(machine, offer_id, start=clock.now() + MINUTE, minutes=60)

    def test_work_finished_on_time_stays_on_the_timeline(
        self, park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
    ) -> None:
        booking = park.hold(machine, offer_id)
        park.confirm(booking.id)
        park.start(booking.id)
        clock.advance(2 * HOUR)
        park.finish(booking.id)
        assert count(park.session, "reservation") == 1


class TestEvents:
    def test_every_change_is_told_once(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        booking = park.hold(machine, offer_id)
        park.confirm(booking.id)
        park.cancel(booking.id)
        told = events(park.session)
        assert [event["state"] for event in told] == ["held", "confirmed", "cancelled"]
        assert {event["booking_id"] for event in told} == {str(booking.id)}

    def test_a_refusal_tells_nothing(
        self, park: Park, machine: Resource, offer_id: OfferId
    ) -> None:
        park.hold(machine, offer_id)
        with pytest.raises(SlotTakenError):
            park.hold(machine, offer_id)
        assert len(events(park.session)) == 1


class TestLists:
    def test_pages_follow_creation_and_filters_combine(self, park: Park) -> None:
        first, second = park.resource(), park.resource("room")
        held = [
            park.hold(resource, park.offer(resource), start=START + hour * HOUR)
            for resource in (first, second)
            for hour in (1, 2)
        ]
        park.cancel(held[0].id)

        def listed(**filters: Any) -> list[BookingId]:
            found = handlers.list_bookings(
                session=park.session, limit=10, **{"party": None, **filters}
            )
            return [one.id for one in found]

        ids = [one.id for one in held]
        assert listed() == ids
        assert listed(after=ids[1]) == ids[2:]
        assert listed(resource_ids=[second.id]) == ids[2:]
        assert listed(states=[BookingState.HELD]) == ids[1:]
        assert listed(organisation_id=park.owner) == []
        assert listed(organisation_id=park.buyer, resource_ids=[first.id]) == ids[:2]
        assert listed(at_risk=True) == []
        assert listed(at_risk=False) == ids
        assert listed(overlapping=Interval(START, START + 2 * HOUR)) == [ids[0], ids[2]]
        page = handlers.list_bookings(session=park.session, limit=3, party=park.buyer)
        assert [one.id for one in page] == ids[:3]


class TestParties:
    """Another's booking is as good as absent; each side has its own part in it."""

    @pytest.fixture
    def held(self, park: Park, machine: Resource, offer_id: OfferId) -> BookingId:
        return park.hold(machine, offer_id).id

    @pytest.fixture
    def stranger(self, session: Session, clock: FrozenClock) -> OrganisationId:
        return create_organisation(
            session=session, clock=clock, name="Third", name_zh="第三方", kind=OrganisationKind.FIRM
        ).id

    @pytest.mark.parametrize(
        "use_case", [handlers.confirm, handlers.cancel, handlers.start, handlers.finish]
    )
    def test_a_stranger_has_no_part(
        self, park: Park, held: BookingId, stranger: OrganisationId, use_case: Any
    ) -> None:
        with pytest.raises(handlers.BookingNotFoundError):
            use_case(
                session=park.session,
                clock=park.clock,
                organisation_id=stranger,
                booking_id=held,
            )
        with pytest.raises(handlers.BookingNotFoundError):
            handlers.get_booking(session=park.session, organisation_id=stranger, booking_id=held)
        assert handlers.list_bookings(session=park.session, limit=9, party=stranger) == []

    def test_only_the_buyer_confirms_and_only_the_provider_works(
        self, park: Park, held: BookingId
    ) -> None:
        asked: dict[str, Any] = {"session": park.session, "clock": park.clock, "booking_id": held}
        with pytest.raises(handlers.BookingNotFoundError):
            handlers.confirm(**asked, organisation_id=park.owner)
        park.confirm(held)
        with pytest.raises(handlers.BookingNotFoundError):
            handlers.start(**asked, organisation_id=park.buyer)
        park.start(held)
        with pytest.raises(handlers.BookingNotFoundError):
            handlers.finish(**asked, organisation_id=park.buyer)

    def test_either_side_cancels(self, park: Park, held: BookingId) -> None:
        cancelled = handlers.cancel(
            session=park.session, clock=park.clock, organisation_id=park.owner, booking_id=held
        )
        assert cancelled.state is BookingState.CANCELLED
