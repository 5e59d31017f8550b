"""A machine goes down: what else there is, and taking it instead without a fee."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, text

from services.booking import handlers
from services.booking.domain import (
    Booking,
    BookingState,
    Joint,
    JointState,
    LegAsked,
    NotAtRiskError,
    Proposal,
)
from services.booking.handlers import BookingNotFoundError
from services.capacity.domain import CapabilityDeclaration, Companion, Resource, SlotTakenError
from services.contracts.ids import DemandId, OfferId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching import handlers as matching
from services.matching.domain import Rate, Requirement
from tests.integration.booking.park import (
    HOUR,
    MILLING,
    STALE,
    TTL,
    Park,
    events,
    open_park,
)
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration
DEARER = Rate(per_hour_minor=15_000)


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def mill(park: Park) -> Resource:
    resource = park.resource()
    park.put_terms(resource, free_minutes=24 * 60, late_percent=50)
    return resource


@pytest.fixture
def booking(park: Park, mill: Resource) -> Booking:
    return park.confirm(park.hold(mill, park.offer(mill), start=START + 2 * HOUR).id)


@pytest.fixture
def other(park: Park) -> tuple[Resource, OfferId]:
    resource = park.resource(notice_minutes=180)
    return resource, park.offer(resource, DEARER)


def fail(park: Park, resource: Resource) -> None:
    park.set_state(resource, ResourceState.DOWN, "E-1")
    handlers.flag_at_risk(session=park.session, clock=park.clock, resource_id=resource.id)


def proposals(park: Park, booking: Booking) -> list[Proposal]:
    return handlers.propose_others(
        session=park.session, clock=park.clock, organisation_id=park.buyer,
        booking_id=booking.id, limit=10, stale_after=STALE,
    )  # fmt: skip


def rebook(park: Park, booking: Booking, resource: Resource, offer_id: OfferId) -> Booking:
    return handlers.rebook(
        session=park.session, clock=park.clock, organisation_id=park.buyer,
        booking_id=booking.id, resource_id=resource.id, offer_id=offer_id,
        start=START + 3 * HOUR, hold_ttl=TTL, stale_after=STALE,
    )  # fmt: skip


def jointly(park: Park, *machines: tuple[Resource, OfferId]) -> Joint:
    asked = [
        LegAsked(resource.id, offer_id, START + (2 + place) * HOUR, 60, 1)
        for place, (resource, offer_id) in enumerate(machines)
    ]
    return handlers.hold_jointly(
        session=park.session, clock=park.clock, organisation_id=park.buyer, legs=asked,
        demand_id=None, hold_ttl=TTL, stale_after=STALE,
    )  # fmt: skip


def read_joint(park: Park, joint: Joint) -> Joint:
    return handlers.get_joint(session=park.session, organisation_id=park.buyer, joint_id=joint.id)


def test_other_slots_are_proposed_the_soonest_first_with_what_they_cost_more(
    park: Park, mill: Resource, booking: Booking, other: tuple[Resource, OfferId]
) -> None:
    fail(park, mill)
    sooner, later = proposals(park, booking)
    assert (sooner.candidate.resource_id, sooner.candidate.start) == (
        other[0].id, START + 3 * HOUR,
    )  # fmt: skip
    assert (sooner.difference_minor, sooner.delay) == (2_500, HOUR)
    # The failed one itself, once its withdrawn day is over.
    assert (later.candidate.resource_id, later.difference_minor) == (mill.id, 0)
    assert later.candidate.start >= START + timedelta(days=1)


def test_what_can_be_kept_is_not_replaced(
    park: Park, booking: Booking, other: tuple[Resource, OfferId]
) -> None:
    with pytest.raises(NotAtRiskError):
        proposals(park, booking)
    with pytest.raises(NotAtRiskError):
        rebook(park, booking, *other)


def test_the_other_slot_is_confirmed_and_the_old_one_given_back_for_nothing(
    park: Park, mill: Resource, booking: Booking, other: tuple[Resource, OfferId]
) -> None:
    fail(park, mill)
    taken = rebook(park, booking, *other)
    assert (taken.state, taken.price) == (BookingState.CONFIRMED, Money(15_000))
    assert (taken.resource_id, taken.interval.start) == (other[0].id, START + 3 * HOUR)
    given = park.read(booking)
    assert (given.state, given.charge) == (BookingState.CANCELLED, None)
    assert (taken.replaces_id, park.read(taken).replaces_id) == (booking.id, booking.id)
    told = events(park.session)[-1]
    assert (told["booking_id"], told["replaces_id"]) == (str(taken.id), str(booking.id))


@pytest.mark.parametrize("is_firm", [True, False])
def test_what_replaces_a_leg_takes_its_place_in_the_joint_booking(
    park: Park, mill: Resource, other: tuple[Resource, OfferId], *, is_firm: bool
) -> None:
    second = park.resource()
    joint = jointly(park, (mill, park.offer(mill)), (second, park.offer(second)))
    if is_firm:
        handlers.confirm_joint(
            session=park.session, clock=park.clock, organisation_id=park.buyer, joint_id=joint.id
        )
    before = read_joint(park, joint)
    fail(park, mill)
    taken = rebook(park, before.legs[0], *other)
    after = read_joint(park, joint)
    assert [leg.id for leg in after.legs] == [taken.id, before.legs[1].id]
    assert (taken.leg, taken.replaces_id) == (1, before.legs[0].id)
    assert after.version > before.version
    assert after.state is (JointState.CONFIRMED if is_firm else JointState.HELD)
    assert not any(leg.at_risk for leg in after.legs)
    assert park.read(before.legs[0]).joint_id is None
    # The leg given back is told, and takes none of the others with it.
    assert handlers.release_fallen(session=park.session, clock=park.clock, joint_id=joint.id) == 0
    if not is_firm:
        assert {leg.hold_until for leg in after.legs} == {joint.hold_until}
        confirmed = handlers.confirm_joint(
            session=park.session, clock=park.clock, organisation_id=park.buyer, joint_id=joint.id
        )
        assert confirmed.state is JointState.CONFIRMED
    park.session.connection().execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE booking SET joint_id = NULL, leg = NULL WHERE joint_id IS NOT NULL",
        "UPDATE booking SET joint_id = NULL, leg = NULL, state = 'cancelled' WHERE leg = 1",
        "UPDATE booking SET joint_id = (SELECT id FROM joint), leg = 2 WHERE joint_id IS NULL",
    ],
    ids=["out of a running one", "and nothing instead", "into one for nothing"],
)
def test_a_joint_booking_keeps_its_legs_whoever_writes(
    park: Park, mill: Resource, other: tuple[Resource, OfferId], change: str
) -> None:
    jointly(park, (mill, park.offer(mill)))
    park.hold(*other, start=START + 3 * HOUR)
    connection = park.session.connection()
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    with pytest.raises(IntegrityError, match="leg"):
        connection.execute(text(change))


def test_a_joint_booking_is_as_it_was_when_the_other_slot_is_gone(
    park: Park, mill: Resource, other: tuple[Resource, OfferId]
) -> None:
    joint = jointly(park, (mill, park.offer(mill)))
    park.hold(*other, start=START + 3 * HOUR)
    fail(park, mill)
    (leg,) = read_joint(park, joint).legs
    with pytest.raises(SlotTakenError):
        rebook(park, leg, *other)
    assert read_joint(park, joint).legs == (leg,)


def test_what_was_only_held_is_held_anew(
    park: Park, mill: Resource, other: tuple[Resource, OfferId]
) -> None:
    held = park.hold(mill, park.offer(mill), start=START + 2 * HOUR)
    fail(park, mill)
    taken = rebook(park, held, *other)
    assert (taken.state, taken.hold_until) == (BookingState.HELD, START + TTL)


def test_a_booking_is_kept_when_the_other_slot_is_gone(
    park: Park, mill: Resource, booking: Booking, other: tuple[Resource, OfferId]
) -> None:
    park.hold(*other, start=START + 3 * HOUR)
    fail(park, mill)
    with pytest.raises(SlotTakenError):
        rebook(park, booking, *other)
    kept = park.read(booking)
    assert (kept.state, kept.at_risk) == (BookingState.CONFIRMED, True)
    park.set_state(mill, ResourceState.IDLE)
    handlers.flag_at_risk(session=park.session, clock=park.clock, resource_id=mill.id)
    with pytest.raises(SlotTakenError):
        park.hold(mill, booking.offer_id, start=START + 2 * HOUR)


def test_both_may_need_the_same_operator(park: Park) -> None:
    operator = park.resource("expert")
    first, second = (park.resource(companions=[Companion(operator.id)]) for _ in range(2))
    booking = park.confirm(park.hold(first, park.offer(first), start=START + 3 * HOUR).id)
    fail(park, first)
    taken = rebook(park, booking, second, park.offer(second))
    assert taken.state is BookingState.CONFIRMED


def test_a_provider_is_proposed_nothing(park: Park, mill: Resource, booking: Booking) -> None:
    fail(park, mill)
    with pytest.raises(BookingNotFoundError):
        handlers.propose_others(
            session=park.session, clock=park.clock, organisation_id=park.owner,
            booking_id=booking.id, limit=10, stale_after=STALE,
        )  # fmt: skip


def test_what_its_demand_was_matched_for_is_asked_of_other_slots_too(park: Park) -> None:
    mill, fine, coarse = (
        park.resource(capability=CapabilityDeclaration(process=MILLING, tolerance_um=tolerance_um))
        for tolerance_um in (10, 10, 100)
    )
    offers = {one.id: park.offer(one) for one in (mill, fine, coarse)}
    demand_id = DemandId(park.clock.new_id())
    asked = Requirement(
        frozenset({MILLING}), 30, Interval(START, START + 9 * HOUR), tolerance_um=20
    )
    found = matching.match_requirement(
        session=park.session, clock=park.clock, requirement=asked, limit=1, stale_after=STALE,
        viewer=park.buyer,
    )  # fmt: skip
    matching.save_match(
        session=park.session, clock=park.clock, organisation_id=park.buyer, demand_id=demand_id,
        requirement=asked, result=found, took_ms=1.0,
    )  # fmt: skip
    held = {
        name: handlers.hold(
            session=park.session, clock=park.clock, organisation_id=park.buyer,
            resource_id=mill.id, start=START + hours * HOUR, minutes=60, units=1,
            offer_id=offers[mill.id], demand_id=named, hold_ttl=TTL, stale_after=STALE,
        )
        for name, hours, named in (("demand", 2, demand_id), ("none", 4, None))
    }  # fmt: skip
    fail(park, mill)
    others = {
        name: {one.candidate.resource_id for one in proposals(park, booking)} - {mill.id}
        for name, booking in held.items()
    }
    assert others == {"demand": {fine.id}, "none": {fine.id, coarse.id}}
