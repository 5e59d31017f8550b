"""Random lives of the whole slot market against a naive model of it, on a real database.

Every refusal is foreseen by the model, and after every step what is stored is what it says. Most
steps are taken where rules change: at, and a minute to each side of, the moments of a booking, and
beside what is booked. ``make fuzz`` runs many more examples than CI does (the Hypothesis profile
``fuzz``).
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from services.booking import handlers
from services.booking.domain import Booking, Joint, LegAsked
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from tests.integration.booking import market_model
from tests.integration.booking.market_model import (
    BUYERS,
    CAP,
    NEARLY,
    REFUSALS,
    SLOTS,
    SPECS,
    Life,
    Model,
    Slot,
    Wish,
)
from tests.integration.booking.modelled_market import ModelledMarket
from tests.integration.booking.park import MINUTE, STALE

pytestmark = pytest.mark.integration
TTL = market_model.TTL * MINUTE
EXAMPLES, EXAMPLES_FUZZING, STEPS = 8, 600, 40
LONGER = st.sampled_from((0, 1, 30, 120))
WHICH = st.integers(0, 7)
SEEN_AHEAD = 180
ACTS: Final = (
    "confirm",
    "cancel",
    "refuse",
    "start",
    "finish",
    "nobody_comes",
    "reschedule",
    "give_units_back",
)


@dataclass(frozen=True)
class Act:
    """What is done to a booking; ``slot`` and ``units`` matter to some only."""

    name: str
    slot: Slot
    units: int


class Turn(NamedTuple):
    """A moment of a booking, and what may change there."""

    edge: str
    act: str


TURNS = st.sampled_from(
    [
        Turn("hold_until", "confirm"),
        Turn("hold_until", "reschedule"),
        Turn("free_until", "cancel"),
        Turn("free_until", "reschedule"),
        Turn("free_until", "give_units_back"),
        Turn("start", "cancel"),
        Turn("start", "give_units_back"),
        Turn("no_show_from", "nobody_comes"),
        Turn("end", "finish"),
    ]
)
DEEDS = st.builds(Act, st.sampled_from(ACTS), SLOTS, st.sampled_from((1, 1, 2, 3)))
IN_TROUBLE = st.builds(Act, st.sampled_from(("confirm", "cancel")), SLOTS, st.just(1))
has_bookings = precondition(lambda self: self.model.lives)
has_chains = precondition(lambda self: any(life.joint for life in self.model.lives.values()))


class SlotMarket(ModelledMarket):
    # Holding

    @rule(buyer=BUYERS, slot=SLOTS)
    def hold(self, buyer: int, slot: Slot) -> None:
        self.held(buyer, self.from_now(slot))

    @rule(buyer=BUYERS, slot=SLOTS)
    def hold_and_confirm(self, buyer: int, slot: Slot) -> None:
        booking_id = self.held(buyer, self.from_now(slot))
        if booking_id is not None:
            self.confirm(booking_id)

    @has_bookings
    @rule(which=WHICH, buyer=BUYERS, slot=SLOTS, nearly=NEARLY)
    def hold_right_behind(self, which: int, buyer: int, slot: Slot, nearly: int) -> None:
        """Where the buffers of both just touch, overlap by a minute, or leave one."""
        other = self.model.lives[self.picked(which)].slot
        spec = SPECS[other.resource]
        start = other.end + spec.after + spec.before + nearly
        slot = replace(slot, resource=other.resource, start=max(self.model.now, start))
        self.held(buyer, slot)

    def held(self, buyer: int, slot: Slot) -> UUID | None:
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
            return None
        assert isinstance(found, Booking), found
        self.model.lives[found.id] = expected
        return found.id

    @rule(buyer=BUYERS, legs=st.lists(SLOTS, min_size=2, max_size=3))
    def hold_a_chain(self, buyer: int, legs: list[Slot]) -> None:
        self.held_jointly(buyer, [self.from_now(leg) for leg in legs])

    @rule(
        buyer=BUYERS,
        legs=st.lists(SLOTS, min_size=2, max_size=CAP + 1),
        lost=st.none() | WHICH,
    )
    def hold_a_chain_with_room(self, buyer: int, legs: list[Slot], lost: int | None) -> None:
        """Nothing is in its way but the cap."""
        trial = replace(self.model, lives=dict(self.model.lives))
        free: list[Slot] = []
        for leg in legs:
            slot = self.with_room(leg, trial)
            trial.lives["leg", len(free)] = Life(buyer, slot, trial.places(slot) or [], 0)
            free.append(slot)
        joint_id = self.held_jointly(buyer, free)
        if joint_id is not None and lost is not None:
            self.lose_a_leg(joint_id, lost)

    def held_jointly(self, buyer: int, legs: list[Slot]) -> UUID | None:
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
            return None
        assert isinstance(found, Joint), found
        for leg, life in zip(found.legs, expected, strict=True):
            self.model.lives[leg.id] = replace(life, joint=found.id)
        return found.id

    # The life of one booking

    @has_bookings
    @rule(which=WHICH, deed=DEEDS)
    def something_happens(self, which: int, deed: Act) -> None:
        self.do(deed, self.picked(which))

    @has_bookings
    @rule(which=WHICH, turn=TURNS, nearly=NEARLY, deed=DEEDS)
    def something_happens_just_then(self, which: int, turn: Turn, nearly: int, deed: Act) -> None:
        """At one of its moments, a minute before or after it."""
        self.turn(self.picked(which), turn, nearly, deed)

    @rule(buyer=BUYERS, slot=SLOTS, turn=TURNS, nearly=NEARLY, deed=DEEDS, at_risk=st.booleans())
    def one_lives_up_to_a_turn(
        self, buyer: int, slot: Slot, turn: Turn, nearly: int, deed: Act, *, at_risk: bool
    ) -> None:
        booking_id = self.held(buyer, self.with_room(slot, self.model))
        if booking_id is None:
            return
        if turn.edge != "hold_until":
            self.confirm(booking_id)
        if turn.act == "finish":
            self.start(booking_id)
        if at_risk and slot.resource == "mill":
            self.the_mill_breaks_or_recovers(is_down=True)
        self.turn(booking_id, turn, nearly, deed)
        self.bookings_are_the_models()
        self.the_mill_breaks_or_recovers(is_down=False)

    def with_room(self, slot: Slot, market: Model) -> Slot:
        """``slot`` as early as it is free, with all its turns ahead."""
        first = self.model.now + max(slot.start, SPECS[slot.resource].free + 2)
        starts = range(first, first + SEEN_AHEAD)
        free = (replace(slot, start=start) for start in starts)
        return next(filter(market.places, free), replace(slot, start=first))

    def turn(self, booking_id: UUID, turn: Turn, nearly: int, deed: Act) -> None:
        self.wait_until(self.model.edge(self.model.lives[booking_id], turn.edge) + nearly)
        self.do(replace(deed, name=turn.act), booking_id)

    @rule(buyer=BUYERS, slot=SLOTS, deed=IN_TROUBLE, is_firm=st.booleans())
    def something_happens_while_the_mill_is_down(
        self, buyer: int, slot: Slot, deed: Act, *, is_firm: bool
    ) -> None:
        slot = self.with_room(replace(slot, resource="mill", units=1), self.model)
        booking_id = self.held(buyer, slot)
        if booking_id is None:
            return
        if is_firm:
            self.confirm(booking_id)
        self.the_mill_breaks_or_recovers(is_down=True)
        self.do(deed, booking_id)
        self.bookings_are_the_models()
        self.the_mill_breaks_or_recovers(is_down=False)

    def do(self, deed: Act, booking_id: UUID) -> None:
        match deed.name:
            case "cancel" | "refuse":
                self.cancel(booking_id, by_provider=deed.name == "refuse")
            case "reschedule":
                self.reschedule(booking_id, deed.slot)
            case "give_units_back":
                self.give_units_back(booking_id, deed.units)
            case alone:
                getattr(self, alone)(booking_id)

    def changed(self, found: object, *, allowed: bool) -> bool:
        assert isinstance(found, Booking) == allowed, found
        return allowed

    def is_held_leg(self, life: Life) -> bool:
        return life.joint is not None and life.state == "held"

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

    def cancel(self, booking_id: UUID, *, by_provider: bool) -> None:
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

    def start(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        found = self.tried(lambda: handlers.start(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=life.state == "confirmed"):
            life.state = "started"

    def finish(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        found = self.tried(lambda: handlers.finish(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=life.state == "started"):
            self.model.end(life, "finished")
            life.ran_to_its_end = self.model.now >= life.slot.end

    def nobody_comes(self, booking_id: UUID) -> None:
        life = self.model.lives[booking_id]
        grace = SPECS[life.slot.resource].grace
        allowed = life.state == "confirmed" and self.model.now >= life.slot.start + grace
        fee = self.model.missed_fee(life)
        found = self.tried(lambda: handlers.no_show(**self.common(booking_id, self.park.owner)))
        if self.changed(found, allowed=allowed):
            self.model.end(life, "no_show", fee or None)

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

    def of_chain(self, joint_id: UUID) -> dict[str, Any]:
        return {
            "session": self.session,
            "clock": self.clock,
            "organisation_id": self.buyers[self.legs(joint_id)[0].buyer],
            "joint_id": joint_id,
        }

    @has_chains
    @rule(which=WHICH)
    def confirm_a_chain(self, which: int) -> None:
        joint_id = self.picked_chain(which)
        legs = self.legs(joint_id)
        broken = self.model.mill_is_down and any(leg.slot.resource == "mill" for leg in legs)
        allowed = all(leg.state == "held" for leg in legs) and not broken
        found = self.tried(lambda: handlers.confirm_joint(**self.of_chain(joint_id)))
        assert isinstance(found, Joint) == allowed, found
        if allowed:
            for leg in legs:
                leg.state = "confirmed"

    @has_chains
    @rule(which=WHICH, leg=WHICH)
    def a_provider_leaves_a_chain(self, which: int, leg: int) -> None:
        self.lose_a_leg(self.picked_chain(which), leg)

    def lose_a_leg(self, joint_id: UUID, leg: int) -> None:
        legs = [key for key, life in self.model.lives.items() if life.joint == joint_id]
        self.cancel(legs[leg % len(legs)], by_provider=True)
        self.the_worker_runs()

    @has_chains
    @rule(which=WHICH)
    def cancel_a_chain(self, which: int) -> None:
        joint_id = self.picked_chain(which)
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

    @rule(slot=SLOTS, buyers=st.lists(BUYERS, min_size=1, max_size=3), longer=LONGER)
    def wait(self, slot: Slot, buyers: list[int], longer: int) -> None:
        """Several for the same; whether there is enough for all is another question."""
        for buyer in buyers:
            self.wait_alone(buyer, self.from_now(slot), longer)

    def wait_alone(self, buyer: int, slot: Slot, longer: int) -> None:
        wish = Wish(buyer, slot, slot.end + longer)
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
            return
        assert is_possible
        self.model.wishes[found.id] = wish

    @precondition(lambda self: self.model.wishes)
    @rule(which=WHICH)
    def wait_no_more(self, which: int) -> None:
        entry_id = list(self.model.wishes)[which % len(self.model.wishes)]
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

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.wait_until(self.model.now + minutes)

    def wait_until(self, moment: int) -> None:
        """Nothing, if that is over."""
        minutes = max(0, moment - self.model.now)
        self.clock.advance(minutes * MINUTE)
        self.model.pass_time(minutes)

    @rule(is_down=st.sampled_from((False, False, True)))
    def the_mill_breaks_or_recovers(self, *, is_down: bool) -> None:
        mill = self.resources["mill"]
        self.park.set_state(mill, ResourceState.DOWN if is_down else ResourceState.IDLE)
        handlers.flag_at_risk(session=self.session, clock=self.clock, resource_id=mill.id)
        self.model.set_mill(is_down=is_down)

    @rule()
    def the_worker_runs(self) -> None:
        handlers.expire_overdue(session=self.session, clock=self.clock, limit=100)
        self.fallen_chains_are_released()
        handlers.sweep_waitlists(session=self.session, clock=self.clock)
        self.model.stop_waiting()
        self.park.promote(open_max=CAP)
        self.promote_in_model()

    def fallen_chains_are_released(self) -> None:
        for joint_id in {life.joint for life in self.model.lives.values()} - {None}:
            handlers.release_fallen(session=self.session, clock=self.clock, joint_id=joint_id)
            states = {leg.state for leg in self.legs(joint_id)}
            for leg in self.legs(joint_id):
                if leg.state == "held" and "cancelled" in states:
                    self.model.end(leg, "cancelled")

    def promote_in_model(self) -> None:
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


@pytest.mark.timeout(3_600)
def test_no_life_of_the_slot_market_differs_from_the_model(rolled_back_engine: Engine) -> None:
    is_fuzzing = settings.get_current_profile_name() == "fuzz"
    run_state_machine_as_test(
        type("OnPostgres", (SlotMarket,), {"engine": rolled_back_engine}),
        settings=settings(
            max_examples=EXAMPLES_FUZZING if is_fuzzing else EXAMPLES,
            stateful_step_count=STEPS,
            deadline=timedelta(seconds=60),
        ),
    )
