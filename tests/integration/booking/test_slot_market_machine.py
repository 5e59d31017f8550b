"""Random lives of the whole slot market against a naive model of it, on a real database.

Every refusal is foreseen by the model, and after every step what is stored is what it says.
``make fuzz`` runs many more examples than CI does (the Hypothesis profile ``fuzz``).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Booking, EntryState, Joint, LegAsked
from services.capacity.domain import Companion, Resource
from services.contracts.errors import DomainError
from services.contracts.ids import OfferId, OrganisationId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import Rate
from tests.integration.booking import market_model
from tests.integration.booking.market_model import (
    BOOKABLE,
    BUYERS,
    CAP,
    OVERLAPS,
    PER_MINUTE,
    REFUSALS,
    RESERVED,
    SLOTS,
    SPECS,
    STEP,
    Life,
    Model,
    Slot,
    Wish,
)
from tests.integration.booking.park import MINUTE, STALE, open_park
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration
TTL = market_model.TTL * MINUTE
EXAMPLES, EXAMPLES_FUZZING = 15, 600
ResultT = TypeVar("ResultT")


class SlotMarket(RuleBasedStateMachine):
    engine: ClassVar[Engine]
    bookings = Bundle("bookings")
    chains = Bundle("chains")
    wishes = Bundle("wishes")

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.whole = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.clock = FrozenClock()
        self.model = Model()

    def teardown(self) -> None:
        self.session.close()
        self.whole.rollback()
        self.connection.close()

    @initialize()
    def open(self) -> None:
        self.park = open_park(self.session, self.clock)
        self.buyers: list[OrganisationId] = [self.park.buyer, self.park.firm("Other")]
        self.resources: dict[str, Resource] = {}
        for name in ("operator", *BOOKABLE):
            spec = SPECS[name]
            needs = [Companion(self.resources[spec.needs].id)] if spec.needs else []
            self.resources[name] = self.park.resource(
                units=spec.units,
                buffer_before_minutes=spec.before,
                buffer_after_minutes=spec.after,
                companions=needs,
            )
            self.park.put_terms(
                self.resources[name],
                free_minutes=spec.free,
                late_percent=spec.late,
                late_minimum_minor=spec.least,
                no_show_percent=spec.missed,
                grace_minutes=spec.grace,
            )
        rate = Rate(per_hour_minor=60 * PER_MINUTE)
        self.offers: dict[str, OfferId] = {
            name: self.park.offer(self.resources[name], rate) for name in BOOKABLE
        }
        self.names = {one.id: name for name, one in self.resources.items()}

    # How a use case is tried

    def at(self, minutes: int) -> datetime:
        return START + minutes * MINUTE

    def tried(self, work: Callable[[], ResultT]) -> ResultT | str:
        """What ``work`` gave, or the code of its refusal, which leaves nothing behind."""
        try:
            with self.session.begin_nested():
                return work()
        except DomainError as refusal:
            return refusal.code

    def common(self, booking_id: UUID, by: OrganisationId | None = None) -> dict[str, Any]:
        return {
            "session": self.session,
            "clock": self.clock,
            "organisation_id": by or self.buyers[self.model.lives[booking_id].buyer],
            "booking_id": booking_id,
        }

    def from_now(self, slot: Slot) -> Slot:
        return replace(slot, start=self.model.now + slot.start)

    # Holding

    @rule(target=bookings, buyer=BUYERS, slot=SLOTS)
    def hold(self, buyer: int, slot: Slot) -> Any:
        slot = self.from_now(slot)
        expected = self.model.held(buyer, slot)
        found = self.tried(
            lambda: handlers.hold(
                session=self.session,
                clock=self.clock,
                organisation_id=self.buyers[buyer],
                resource_id=self.resources[slot.resource].id,
                start=self.at(slot.start),
                minutes=slot.minutes,
                units=slot.units,
                offer_id=self.offers[slot.resource],
                demand_id=None,
                hold_ttl=TTL,
                stale_after=STALE,
                open_max=CAP,
            )
        )
        if isinstance(expected, str):
            assert found in REFUSALS[expected]
            return multiple()
        assert isinstance(found, Booking), found
        self.model.lives[found.id] = expected
        return found.id

    @rule(
        target=chains,
        buyer=BUYERS,
        legs=st.lists(SLOTS, min_size=2, max_size=3),
    )
    def hold_a_chain(self, buyer: int, legs: list[Slot]) -> Any:
        legs = [self.from_now(leg) for leg in legs]
        expected = self.model.chained(buyer, legs)
        found = self.tried(
            lambda: handlers.hold_jointly(
                session=self.session,
                clock=self.clock,
                organisation_id=self.buyers[buyer],
                legs=[
                    LegAsked(
                        self.resources[leg.resource].id,
                        self.offers[leg.resource],
                        self.at(leg.start),
                        leg.minutes,
                        leg.units,
                    )
                    for leg in legs
                ],
                demand_id=None,
                hold_ttl=TTL,
                stale_after=STALE,
                open_max=CAP,
            )
        )
        if isinstance(expected, str):
            assert found in REFUSALS[expected]
            return multiple()
        assert isinstance(found, Joint), found
        for leg, life in zip(found.legs, expected, strict=True):
            self.model.lives[leg.id] = replace(life, joint=found.id)
        return found.id

    @rule(target=bookings, joint_id=chains, number=st.integers(0, 2))
    def a_leg(self, joint_id: UUID, number: int) -> Any:
        legs = [key for key, life in self.model.lives.items() if life.joint == joint_id]
        return legs[number % len(legs)]

    # The life of one booking

    def changed(self, found: object, *, allowed: bool) -> bool:
        assert isinstance(found, Booking) == allowed, found
        return allowed

    def is_held_leg(self, life: Life) -> bool:
        return life.joint is not None and life.state == "held"

    @rule(booking_id=bookings)
    def confirm(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        out_of_service = life.slot.resource == "mill" and self.model.mill_is_down
        allowed = life.state == "held" and life.joint is None and not out_of_service
        found = self.tried(lambda: handlers.confirm(**self.common(booking_id)))
        if self.changed(found, allowed=allowed):
            life.state = "confirmed"

    def is_left_lying(self, booking_id: UUID) -> bool:
        """A hold that ran out and nobody has cleaned up: giving it back is as good as that."""
        query = text("SELECT state FROM booking WHERE id = :id")
        stored = self.session.connection().execute(query, {"id": booking_id}).scalar_one()
        return self.model.lives[booking_id].state == "expired" and stored == "held"

    @rule(booking_id=bookings, by_provider=st.booleans())
    def cancel(self, booking_id: UUID, by_provider: bool) -> None:  # noqa: FBT001
        life = self.model.lives[booking_id]
        if self.is_left_lying(booking_id):
            return
        allowed = life.state in {"held", "confirmed"}
        allowed = allowed and (by_provider or not self.is_held_leg(life))
        fee = 0 if by_provider else self.model.late_fee(life)
        by = self.park.owner if by_provider else None
        found = self.tried(lambda: handlers.cancel(**self.common(booking_id, by)))
        if self.changed(found, allowed=allowed):
            self.model.end(life, "cancelled", fee or None)

    @rule(booking_id=bookings)
    def start(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        found = self.tried(lambda: handlers.start(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=life.state == "confirmed"):
            life.state = "started"

    @rule(booking_id=bookings)
    def finish(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        found = self.tried(lambda: handlers.finish(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=life.state == "started"):
            self.model.end(life, "finished")
            life.ran_to_its_end = self.model.now >= life.slot.end

    @rule(booking_id=bookings)
    def nobody_comes(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        grace = SPECS[life.slot.resource].grace
        allowed = life.state == "confirmed" and self.model.now >= life.slot.start + grace
        fee = self.model.missed_fee(life)
        found = self.tried(lambda: handlers.no_show(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=allowed):
            self.model.end(life, "no_show", fee or None)

    @rule(booking_id=bookings, slot=SLOTS)
    def reschedule(self, booking_id: UUID, slot: Slot) -> None:
        life = self.model.lives[booking_id]
        slot = replace(self.from_now(slot), resource=life.slot.resource)
        open_to_change = life.state in {"held", "confirmed"} and not self.is_held_leg(life)
        places = self.model.places(slot, but=booking_id)
        allowed = open_to_change and not self.model.late_fee(life) and places is not None
        found = self.tried(
            lambda: handlers.reschedule(
                **self.common(booking_id),
                start=self.at(slot.start),
                minutes=slot.minutes,
                units=slot.units,
                stale_after=STALE,
            )
        )
        if self.changed(found, allowed=allowed):
            life.slot, life.places = slot, places or []
            life.price, life.at_risk = self.model.quote(slot), False

    @rule(booking_id=bookings, units=st.integers(1, 3))
    def give_units_back(self, booking_id: UUID, units: int) -> None:
        life = self.model.lives[booking_id]
        allowed = (
            life.state in {"held", "confirmed"}
            and not self.is_held_leg(life)
            and units < life.slot.units
        )
        found = self.tried(lambda: handlers.release_units(**self.common(booking_id), units=units))
        if self.changed(found, allowed=allowed):
            life.price = self.model.price_of_fewer(life, units)
            life.places = self.model.with_fewer(life, units)
            life.slot = replace(life.slot, units=life.slot.units - units)

    # Chains

    def legs(self, joint_id: UUID) -> list[Life]:
        return [life for life in self.model.lives.values() if life.joint == joint_id]

    def of_chain(self, joint_id: UUID) -> dict[str, Any]:
        return {
            "session": self.session,
            "clock": self.clock,
            "organisation_id": self.buyers[self.legs(joint_id)[0].buyer],
            "joint_id": joint_id,
        }

    @rule(joint_id=chains)
    def confirm_the_chain(self, joint_id: UUID) -> None:
        legs = self.legs(joint_id)
        broken = self.model.mill_is_down and any(leg.slot.resource == "mill" for leg in legs)
        allowed = all(leg.state == "held" for leg in legs) and not broken
        found = self.tried(lambda: handlers.confirm_joint(**self.of_chain(joint_id)))
        assert isinstance(found, Joint) == allowed, found
        if allowed:
            for leg in legs:
                leg.state = "confirmed"

    @rule(joint_id=chains)
    def cancel_the_chain(self, joint_id: UUID) -> None:
        legs = self.legs(joint_id)
        if any(leg.state == "expired" for leg in legs):
            return
        given = [leg for leg in legs if leg.state in {"held", "confirmed"}]
        fees = [self.model.late_fee(leg) for leg in given]
        found = self.tried(lambda: handlers.cancel_joint(**self.of_chain(joint_id)))
        assert isinstance(found, Joint) == bool(given), found
        for leg, fee in zip(given, fees, strict=True):
            self.model.end(leg, "cancelled", fee or None)

    # Waiting

    @rule(target=wishes, buyer=BUYERS, slot=SLOTS, longer=st.integers(0, 12))
    def wait(self, buyer: int, slot: Slot, longer: int) -> Any:
        slot = self.from_now(slot)
        wish = Wish(buyer, slot, slot.end + longer * STEP)
        found = self.tried(
            lambda: self.park.join(
                self.resources[slot.resource],
                self.offers[slot.resource],
                by=self.buyers[buyer],
                within=Interval(self.at(slot.start), self.at(wish.until)),
                minutes=slot.minutes,
                units=slot.units,
            )
        )
        is_possible = slot.units <= SPECS[slot.resource].units
        is_possible = is_possible and wish.until - slot.minutes > self.model.now
        if isinstance(found, str):
            assert (found, is_possible) == ("slot-invalid", False)
            return multiple()
        assert is_possible
        self.model.wishes[found.id] = wish
        return found.id

    @rule(entry_id=wishes)
    def wait_no_more(self, entry_id: UUID) -> None:
        wish = self.model.wishes[entry_id]
        found = self.tried(
            lambda: handlers.leave_waitlist(
                session=self.session,
                clock=self.clock,
                organisation_id=self.buyers[wish.buyer],
                entry_id=entry_id,
            )
        )
        assert isinstance(found, str) == (wish.state != "waiting")
        wish.state = "left" if wish.state == "waiting" else wish.state

    # What goes on by itself

    @rule(steps=st.integers(1, 4))
    def time_passes(self, steps: int) -> None:
        self.clock.advance(steps * STEP * MINUTE)
        self.model.pass_time(steps * STEP)

    @rule(is_down=st.booleans())
    def the_mill_breaks_or_recovers(self, is_down: bool) -> None:  # noqa: FBT001
        mill = self.resources["mill"]
        self.park.set_state(mill, ResourceState.DOWN if is_down else ResourceState.IDLE)
        handlers.flag_at_risk(session=self.session, clock=self.clock, resource_id=mill.id)
        self.model.set_mill(is_down=is_down)

    @rule(target=bookings)
    def the_worker_runs(self) -> Any:
        handlers.expire_overdue(session=self.session, clock=self.clock, limit=100)
        self.fallen_chains_are_released()
        handlers.sweep_waitlists(session=self.session, clock=self.clock)
        self.model.stop_waiting()
        self.park.promote(open_max=CAP)
        return multiple(*self.promoted_in_model())

    def fallen_chains_are_released(self) -> None:
        for joint_id in {life.joint for life in self.model.lives.values()} - {None}:
            handlers.release_fallen(session=self.session, clock=self.clock, joint_id=joint_id)
            states = {leg.state for leg in self.legs(joint_id)}
            for leg in self.legs(joint_id):
                if leg.state == "held" and "cancelled" in states:
                    self.model.end(leg, "cancelled")

    def promoted_in_model(self) -> list[UUID]:
        made: list[UUID] = []
        for entry_id, life in self.model.promotions():
            wish = self.model.wishes[entry_id]
            entry = handlers.get_entry(
                session=self.session,
                organisation_id=self.buyers[wish.buyer],
                entry_id=entry_id,
            )
            assert entry.booking_id is not None, "the market forgot whom the model promotes"
            wish.state, wish.booking = "promoted", entry.booking_id
            self.model.lives[entry.booking_id] = life
            made.append(entry.booking_id)
        return made

    # What must hold after every step

    @invariant()
    def bookings_are_the_models(self) -> None:
        listed = handlers.list_bookings(session=self.session, party=self.park.owner, limit=1_000)
        assert {one.id: self.facts(one) for one in listed} == {
            key: (life.state, self.buyers[life.buyer], life.slot, *life.cost, life.at_risk)
            for key, life in self.model.lives.items()
        }

    def facts(self, booking: Booking) -> tuple[Any, ...]:
        over = booking.is_overdue(self.clock.now())
        slot = Slot(
            self.names[booking.resource_id],
            (booking.interval.start - START) // MINUTE,
            booking.interval.duration // MINUTE,
            booking.units,
        )
        return (
            "expired" if over else booking.state.value,
            booking.organisation_id,
            slot,
            booking.price.minor if booking.price else None,
            booking.charge.amount.minor if booking.charge else None,
            booking.at_risk and not over,
        )

    @invariant()
    def reservations_are_the_models(self) -> None:
        rows = self.session.connection().execute(
            RESERVED,
            {"now": self.clock.now()},
        )
        stored = {
            (row.booking_id, self.names[row.resource_id], row.unit, *self.span(row)) for row in rows
        }
        assert stored == {(key, *place) for key, place in self.model.taken()}

    def span(self, row: Any) -> tuple[int, int]:
        return (row.start - START) // MINUTE, (row.until - START) // MINUTE

    @invariant()
    def no_unit_is_taken_twice_at_a_time(self) -> None:
        rows = self.session.connection().execute(OVERLAPS)
        assert rows.one() == (0, 0)

    @invariant()
    def nobody_holds_more_than_the_cap(self) -> None:
        for buyer in range(len(self.buyers) if self.model.lives else 0):
            assert self.model.open_holds(buyer) <= CAP

    @invariant()
    def waiting_lists_are_the_models(self) -> None:
        for buyer in {wish.buyer for wish in self.model.wishes.values()}:
            listed = handlers.list_entries(
                session=self.session, organisation_id=self.buyers[buyer], limit=1_000
            )
            assert [(one.id, one.state, one.booking_id) for one in listed] == [
                (key, EntryState(wish.state), wish.booking)
                for key, wish in sorted(self.model.wishes.items())
                if wish.buyer == buyer
            ]


@pytest.mark.timeout(3_600)
def test_no_life_of_the_slot_market_differs_from_the_model(rolled_back_engine: Engine) -> None:
    is_fuzzing = settings.get_current_profile_name() == "fuzz"
    run_state_machine_as_test(
        type("OnPostgres", (SlotMarket,), {"engine": rolled_back_engine}),
        settings=settings(
            max_examples=EXAMPLES_FUZZING if is_fuzzing else EXAMPLES,
            stateful_step_count=30,
            deadline=timedelta(seconds=60),
        ),
    )
