"""Events of the booking context."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from services.contracts.events.envelope import Event

BookingState = Literal[
    "held", "confirmed", "started", "finished", "cancelled", "expired", "no_show"
]


class BookingChanged(Event):
    """A booking moved to another state of its life, or its at-risk flag changed."""

    type: ClassVar[str] = "booking.booking-changed.v1"

    booking_id: UUID
    resource_id: UUID
    organisation_id: UUID
    state: BookingState
    at_risk: bool
    at_risk_reason: str | None
    start: datetime
    end: datetime
    units: int


class BookingReplaced(Event):
    """A booking at risk was given back for another one, which takes its place in a joint booking.

    Told beside the ``BookingChanged`` of both.
    """

    type: ClassVar[str] = "booking.booking-replaced.v1"

    booking_id: UUID
    replaces_id: UUID
    organisation_id: UUID


class JointLegLost(Event):
    """A leg of a joint booking that was held is given back, or expired: the others fall with it."""

    type: ClassVar[str] = "booking.joint-leg-lost.v1"

    joint_id: UUID
    booking_id: UUID
    organisation_id: UUID


class ChargeDue(Event):
    """A buyer owes its provider a fee for a booking it gave back late, or did not come to."""

    type: ClassVar[str] = "booking.charge-due.v1"

    booking_id: UUID
    organisation_id: UUID
    """Who owes it: the buyer."""
    provider_id: UUID
    amount_minor: int
    currency: str
    reason: Literal["late_cancellation", "no_show"]


class SlotFreed(Event):
    """A booking has less of its resource than before: it ended, moved, or gave units back."""

    type: ClassVar[str] = "booking.slot-freed.v1"

    resource_id: UUID
    booking_id: UUID


class WaitlistPromoted(Event):
    """A slot became free and is held for who waited for it; to be confirmed in time."""

    type: ClassVar[str] = "booking.waitlist-promoted.v1"

    entry_id: UUID
    booking_id: UUID
    resource_id: UUID
    organisation_id: UUID
    hold_until: datetime


class SeatLaunched(Event):
    """A seat of a booking was launched: its link was given to its booker."""

    type: ClassVar[str] = "booking.seat-launched.v1"

    launch_id: UUID
    booking_id: UUID
    resource_id: UUID
    organisation_id: UUID
    provider_id: UUID
    seat: int
