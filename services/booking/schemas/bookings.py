"""What clients send to book and what they get back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.booking.domain import MINUTES_MAX, Booking, BookingState
from services.booking.schemas.terms import ChargeOut, TermsOut
from services.capacity.domain import UNITS_MAX
from services.contracts.documents import Document, Instant
from services.contracts.money import Money
from services.runtime.web import OwnOrganisation


class BookingIn(Document):
    """A slot to hold. Its price follows from the offer; it is never sent."""

    organisation_id: OwnOrganisation = None
    resource_id: UUID
    offer_id: UUID | None = Field(
        default=None, description="whose price applies; absent for a resource of one's own"
    )
    demand_id: UUID | None = None
    start: Instant = Field(description="a whole minute; set-up begins then")
    minutes: Annotated[
        int, Field(ge=1, le=MINUTES_MAX, description="of work, after the resource's set-up")
    ]
    units: Annotated[int, Field(ge=1)] = 1


class PriceOut(BaseModel):
    minor: int = Field(description="minor units, e.g. fen")
    currency: str

    @classmethod
    def of(cls, price: Money | None) -> "PriceOut | None":
        return None if price is None else cls(minor=price.minor, currency=price.currency)


class MoveIn(Document):
    """Another slot of the same resource; its price follows from the offer."""

    start: Instant = Field(description="a whole minute; set-up begins then")
    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]
    units: Annotated[int, Field(ge=1)] = 1


class UnitsIn(Document):
    """How many units to give back."""

    units: Annotated[int, Field(ge=1, le=UNITS_MAX)]


class BookingOut(BaseModel):
    """A booking; ``version`` is its ETag. ``start`` to ``end`` is all that is occupied."""

    id: UUID
    organisation_id: UUID = Field(description="who books")
    provider_id: UUID = Field(description="whose resource it is")
    resource_id: UUID
    offer_id: UUID | None
    demand_id: UUID | None
    start: datetime
    end: datetime
    units: int
    setup_minutes: int = Field(description="set-up at the beginning; not charged by the hour")
    state: BookingState
    hold_until: datetime | None
    price: PriceOut | None
    at_risk: bool
    at_risk_reason: str | None
    at_risk_resource_id: UUID | None = Field(
        description="what is out of service: the resource, or one that it needs beside itself"
    )
    created_at: datetime
    updated_at: datetime
    version: int
    joint_id: UUID | None = Field(description="the joint booking it is a leg of")
    leg: int | None = Field(description="its number there, from 1")
    replaces_id: UUID | None = Field(description="the booking at risk given back for it")
    terms: TermsOut = Field(description="of cancellation, as agreed when it was held")
    free_until: datetime = Field(description="its buyer cancels for nothing until then")
    charge: ChargeOut | None = Field(description="what its buyer owes for not having used it")

    @classmethod
    def of(cls, booking: Booking) -> "BookingOut":
        return cls(
            id=booking.id,
            organisation_id=booking.organisation_id,
            provider_id=booking.provider_id,
            resource_id=booking.resource_id,
            offer_id=booking.offer_id,
            demand_id=booking.demand_id,
            start=booking.interval.start,
            end=booking.interval.end,
            units=booking.units,
            setup_minutes=booking.setup_minutes,
            state=booking.state,
            hold_until=booking.hold_until,
            price=PriceOut.of(booking.price),
            at_risk=booking.at_risk,
            at_risk_reason=booking.at_risk_reason,
            at_risk_resource_id=booking.risky,
            created_at=booking.created_at,
            updated_at=booking.updated_at,
            version=booking.version,
            joint_id=booking.joint_id,
            leg=booking.leg,
            replaces_id=booking.replaces_id,
            terms=TermsOut.of(booking.terms),
            free_until=booking.free_until,
            charge=ChargeOut.of(booking.charge),
        )
