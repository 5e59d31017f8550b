"""The slot market and its model side by side: how both begin, how a use case is tried on both, and
what must hold after every step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from sqlalchemy import Engine
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Booking, EntryState
from services.capacity.domain import Companion, Resource
from services.contracts.errors import DomainError
from services.contracts.ids import OfferId, OrganisationId
from services.matching.domain import Rate
from tests.integration.booking.market_model import (
    BOOKABLE,
    CAP,
    OCCUPYING,
    OVERLAPS,
    PER_MINUTE,
    RESERVED,
    SPECS,
    Life,
    Model,
    Slot,
)
from tests.integration.booking.park import MINUTE, open_park
from tests.support.clock import START, FrozenClock

ResultT = TypeVar("ResultT")


class ModelledMarket(RuleBasedStateMachine):
    engine: ClassVar[Engine]

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

    # Which one is meant

    def picked(self, number: int) -> UUID:
        """A booking: 0 the latest that goes on, higher numbers those before, then those over."""
        lives = self.model.lives
        latest_first = list(reversed(lives))
        keys = sorted(latest_first, key=lambda key: lives[key].state not in OCCUPYING)
        found: UUID = keys[number % len(keys)]
        return found

    def picked_chain(self, number: int) -> UUID:
        """A joint booking: 0 the latest."""
        found = dict.fromkeys(life.joint for life in self.model.lives.values() if life.joint)
        chain: UUID = list(reversed(found))[number % len(found)]
        return chain

    def legs(self, joint_id: UUID) -> list[Life]:
        return [life for life in self.model.lives.values() if life.joint == joint_id]

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
