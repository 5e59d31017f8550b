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


class JointLegLost(Event):
    """A leg of a joint booking that was held is given back, or expired: the others fall with it."""

    type: ClassVar[str] = "booking.joint-leg-lost.v1"

    joint_id: UUID
    booking_id: UUID
    organisation_id: UUID


class ChargeDue(Event):
    """The buyer owes the provider a fee, e.g. for cancelling late or not coming."""

    type: ClassVar[str] = "booking.charge-due.v1"

    booking_id: UUID
    organisation_id: UUID
    provider_id: UUID
    amount_minor: int
    currency: str
    reason: str
