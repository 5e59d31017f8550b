"""Several slots held, confirmed, cancelled and expired as one."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.booking import consumers, handlers
from services.booking.domain import (
    Booking,
    BookingState,
    HoldExpiredError,
    Joint,
    JointState,
    JointVersionMismatchError,
    LegAsked,
    PartOfJointError,
)
from services.capacity.domain import Resource, SlotTakenError, Visibility
from services.contracts.events.booking import JointLegLost
from services.contracts.ids import JointId, OfferId, ResourceId
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import (
    HOUR,
    RATE,
    STALE,
    TTL,
    Park,
    committed,
    count,
    events,
    open_park,
)
from tests.support.clock import START, FrozenClock

LEGS = 4


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machines(park: Park) -> list[tuple[Resource, OfferId]]:
    """In falling order of their ids, so that legs are not taken in the order asked."""
    made = [park.resource() for _ in range(LEGS)]
    falling = sorted(made, key=lambda one: one.id, reverse=True)
    return [(resource, park.offer(resource)) for resource in falling]


def chain(machines: list[tuple[Resource, OfferId]]) -> list[LegAsked]:
    """One hour on each, one after the other."""
    return [
        LegAsked(resource.id, offer_id, START + number * HOUR, 60, 1)
        for number, (resource, offer_id) in enumerate(machines, start=1)
    ]


def hold(park: Park, legs: list[LegAsked]) -> Joint:
    return handlers.hold_jointly(
        session=park.session,
        clock=park.clock,
        organisation_id=park.buyer,
        legs=legs,
        demand_id=None,
        hold_ttl=TTL,
        stale_after=STALE,
    )


@pytest.fixture
def joint(park: Park, machines: list[tuple[Resource, OfferId]]) -> Joint:
    return hold(park, chain(machines))


def read(park: Park, joint: Joint) -> Joint:
    return handlers.get_joint(session=park.session, organisation_id=park.buyer, joint_id=joint.id)


def change(use_case: Callable[..., Joint], park: Park, joint: Joint, **more: int) -> Joint:
    return use_case(
        session=park.session,
        clock=park.clock,
        organisation_id=park.buyer,
        joint_id=joint.id,
        **more,
    )


def give_back(park: Park, leg: Booking) -> Booking:
    """Its provider cancels one leg."""
    return handlers.cancel(
        session=park.session,
        clock=park.clock,
        organisation_id=leg.provider_id,
        booking_id=leg.id,
    )


def settle(session: Session, clock: FrozenClock) -> None:
    """Hand every event of a lost leg so far to the consumer, as the worker does."""
    for payload in events(session):
        if "joint_id" in payload:
            event = JointLegLost.model_validate(payload)
            consumers.follow_leg(session=session, clock=clock, event=event)


def states(joint: Joint) -> list[BookingState]:
    return [leg.state for leg in joint.legs]


class TestHold:
    def test_all_legs_are_held_in_the_order_asked_until_the_same(
        self, joint: Joint, machines: list[tuple[Resource, OfferId]]
    ) -> None:
        assert joint.state is JointState.HELD
        assert [leg.resource_id for leg in joint.legs] == [one.id for one, _ in machines]
        assert [leg.leg for leg in joint.legs] == [1, 2, 3, 4]
        assert {leg.hold_until for leg in joint.legs} == {START + TTL}
        assert joint.price == Money(LEGS * 12_500)

    def test_what_was_held_is_read_back_whole(self, park: Park, joint: Joint) -> None:
        park.session.expire_all()
        assert read(park, joint) == joint

    def test_each_leg_is_told_of_as_a_booking(self, park: Park, joint: Joint) -> None:
        told = {one["booking_id"]: one["state"] for one in events(park.session)}
        assert told == {str(leg.id): "held" for leg in joint.legs}

    @pytest.mark.parametrize("taken", range(LEGS))
    def test_one_taken_leg_holds_none_and_is_named(
        self, park: Park, machines: list[tuple[Resource, OfferId]], taken: int
    ) -> None:
        legs = chain(machines)
        resource, offer_id = machines[taken]
        park.hold(resource, offer_id, start=legs[taken].start)
        with pytest.raises(handlers.LegTakenError) as refused:
            hold(park, legs)
        assert refused.value.facts["legs"] == [taken + 1]
        assert isinstance(refused.value.__cause__, SlotTakenError)
        assert f"Leg {taken + 1}: Resource {resource.id}" in str(refused.value)
        assert f"第 {taken + 1} 段" in refused.value.text("zh-CN")
        tables = [count(park.session, name) for name in ("joint", "booking", "reservation")]
        assert tables == [0, 1, 1]
        assert len(events(park.session)) == 1

    def test_legs_that_overlap_on_one_resource_are_refused(
        self, park: Park, machines: list[tuple[Resource, OfferId]]
    ) -> None:
        first = chain(machines)[0]
        with pytest.raises(handlers.LegTakenError):
            hold(park, [first, first])

    def test_a_leg_that_cannot_be_and_one_that_is_not(
        self, park: Park, machines: list[tuple[Resource, OfferId]]
    ) -> None:
        first, second, *_ = chain(machines)
        past = LegAsked(first.resource_id, first.offer_id, START - HOUR, 60, 1)
        with pytest.raises(handlers.LegInvalidError, match=r"Leg 2: .*begins in the past"):
            hold(park, [second, past])
        nowhere = LegAsked(ResourceId(park.clock.new_id()), None, START + HOUR, 60, 1)
        with pytest.raises(handlers.LegNotFoundError, match="Leg 2: "):
            hold(park, [second, nowhere])

    def test_a_private_offer_is_no_leg_for_others(
        self, park: Park, machines: list[tuple[Resource, OfferId]]
    ) -> None:
        machine = park.resource()
        hidden = park.offer(machine, RATE, Visibility.PRIVATE)
        private = LegAsked(machine.id, hidden, START + HOUR, 60, 1)
        with pytest.raises(handlers.LegNotFoundError, match="Leg 2: "):
            hold(park, [chain(machines)[0], private])
        assert count(park.session, "booking") == 0


class TestLife:
    def test_confirmed_all_and_cancelled_all(self, park: Park, joint: Joint) -> None:
        confirmed = change(handlers.confirm_joint, park, joint)
        assert (confirmed.state, confirmed.hold_until) == (JointState.CONFIRMED, None)
        cancelled = change(handlers.cancel_joint, park, joint)
        assert cancelled.state is JointState.CANCELLED
        assert set(states(cancelled)) == {BookingState.CANCELLED}
        assert count(park.session, "reservation") == 0

    def test_a_held_leg_is_neither_confirmed_nor_cancelled_alone(
        self, park: Park, joint: Joint
    ) -> None:
        for use_case in (park.confirm, park.cancel):
            with pytest.raises(PartOfJointError, match="leg 2 of joint booking"):
                use_case(joint.legs[1].id)
        assert set(states(read(park, joint))) == {BookingState.HELD}

    def test_one_that_expired_keeps_all_from_being_confirmed(
        self, park: Park, clock: FrozenClock, joint: Joint
    ) -> None:
        clock.advance(TTL)
        with pytest.raises(handlers.JointNotConfirmableError) as refused:
            change(handlers.confirm_joint, park, joint)
        assert isinstance(refused.value.__cause__, HoldExpiredError)
        assert handlers.expire_overdue(session=park.session, clock=clock, limit=10) == LEGS
        assert read(park, joint).state is JointState.EXPIRED
        assert count(park.session, "reservation") == 0

    def test_one_out_of_service_keeps_all_from_being_confirmed(
        self, park: Park, joint: Joint, machines: list[tuple[Resource, OfferId]]
    ) -> None:
        park.set_state(machines[2][0], ResourceState.DOWN)
        with pytest.raises(handlers.JointNotConfirmableError, match=r"Leg 3: .* is down"):
            change(handlers.confirm_joint, park, joint)
        assert set(states(read(park, joint))) == {BookingState.HELD}

    def test_a_provider_gives_its_leg_back_and_the_others_fall(
        self, park: Park, clock: FrozenClock, joint: Joint
    ) -> None:
        give_back(park, joint.legs[2])
        with pytest.raises(handlers.JointNotConfirmableError, match="Leg 3: "):
            change(handlers.confirm_joint, park, joint)
        settle(park.session, clock)
        assert set(states(read(park, joint))) == {BookingState.CANCELLED}
        assert read(park, joint).state is JointState.CANCELLED
        assert count(park.session, "reservation") == 0

    def test_a_confirmed_leg_given_back_breaks_the_whole_and_takes_no_other_along(
        self, park: Park, clock: FrozenClock, joint: Joint
    ) -> None:
        change(handlers.confirm_joint, park, joint)
        give_back(park, joint.legs[2])
        settle(park.session, clock)
        broken = read(park, joint)
        assert broken.state is JointState.BROKEN
        assert states(broken).count(BookingState.CONFIRMED) == LEGS - 1

    def test_cancelling_keeps_what_has_begun(self, park: Park, joint: Joint) -> None:
        change(handlers.confirm_joint, park, joint)
        park.start(joint.legs[0].id)
        assert read(park, joint).state is JointState.STARTED
        left = change(handlers.cancel_joint, park, joint)
        assert states(left) == [BookingState.STARTED, *[BookingState.CANCELLED] * 3]
        with pytest.raises(handlers.JointNotCancellableError):
            change(handlers.cancel_joint, park, joint)

    def test_finished_legs_finish_the_whole(self, park: Park, joint: Joint) -> None:
        change(handlers.confirm_joint, park, joint)
        for leg in joint.legs:
            park.start(leg.id)
            park.finish(leg.id)
        assert read(park, joint).state is JointState.FINISHED

    def test_a_change_based_on_an_older_reading_is_refused(self, park: Park, joint: Joint) -> None:
        change(handlers.confirm_joint, park, joint, expected_version=LEGS)
        with pytest.raises(JointVersionMismatchError):
            change(handlers.cancel_joint, park, joint, expected_version=LEGS)

    def test_another_firm_knows_of_none(self, park: Park, joint: Joint) -> None:
        park.buyer = park.owner
        for use_case in (handlers.confirm_joint, handlers.cancel_joint):
            with pytest.raises(handlers.JointNotFoundError):
                change(use_case, park, joint)
        with pytest.raises(handlers.JointNotFoundError):
            read(park, joint)

    def test_they_are_listed_in_order_of_creation(self, park: Park, joint: Joint) -> None:
        leg = joint.legs[0]
        tomorrow = START + timedelta(days=1)
        other = hold(park, [LegAsked(leg.resource_id, leg.offer_id, tomorrow, 60, 1)])
        listed = handlers.list_joints(
            session=park.session, organisation_id=park.buyer, after=None, limit=5
        )
        assert listed == [joint, other]
        rest = handlers.list_joints(
            session=park.session, organisation_id=park.buyer, after=joint.id, limit=5
        )
        assert rest == [other]


class TestDatabase:
    """What no code of ours is needed for."""

    @pytest.fixture
    def held(self, sessions: Sessions, clock: FrozenClock) -> JointId:
        with committed(sessions, clock) as park:
            machines = [(one, park.offer(one)) for one in (park.resource(), park.resource())]
            return hold(park, chain(machines)).id

    def test_a_leg_is_not_confirmed_alone(self, sessions: Sessions, held: JointId) -> None:
        whole = "UPDATE booking SET state = 'confirmed', hold_until = NULL WHERE joint_id = :joint"
        with (
            pytest.raises(IntegrityError, match="confirmed whole, or not at all"),
            transaction(sessions) as session,
        ):
            session.connection().execute(text(f"{whole} AND leg = 1"), {"joint": held})
        with transaction(sessions) as session:
            session.connection().execute(text(whole), {"joint": held})

    def test_a_joint_booking_is_not_kept_without_its_legs(
        self, sessions: Sessions, held: JointId
    ) -> None:
        with (
            pytest.raises(IntegrityError, match="held whole, or not at all") as refused,
            transaction(sessions) as session,
        ):
            session.connection().execute(
                text(
                    "INSERT INTO joint SELECT gen_random_uuid(), organisation_id, demand_id, 2,"
                    " created_at FROM joint WHERE id = :joint"
                ),
                {"joint": held},
            )
        assert isinstance(refused.value.orig, psycopg.errors.CheckViolation)
