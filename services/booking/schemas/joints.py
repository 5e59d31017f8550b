"""What clients send to book several slots as one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.booking.domain import LEGS_MAX, MINUTES_MAX, Joint, JointState, LegAsked
from services.booking.schemas.bookings import BookingOut, PriceOut
from services.contracts.documents import Document, Instant
from services.contracts.ids import OfferId, ResourceId
from services.runtime.web import OwnOrganisation


class LegIn(Document):
    """A slot to hold; the legs of a route may be sent as they came."""

    resource_id: UUID
    offer_id: UUID | None = Field(
        default=None, description="whose price applies; absent for a resource of one's own"
    )
    start: Instant = Field(description="a whole minute")
    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]
    units: Annotated[int, Field(ge=1)] = 1

    def asked(self) -> LegAsked:
        return LegAsked(
            resource_id=ResourceId(self.resource_id),
            offer_id=OfferId(self.offer_id) if self.offer_id else None,
            start=self.start,
            minutes=self.minutes,
            units=self.units,
        )


class JointBookingIn(Document):
    """Slots to hold all or none, in the order of the work."""

    organisation_id: OwnOrganisation = None
    demand_id: UUID | None = None
    legs: Annotated[list[LegIn], Field(min_length=1, max_length=LEGS_MAX)]


class JointBookingOut(BaseModel):
    """Bookings held and confirmed all or none; ``version`` is its ETag."""

    id: UUID
    organisation_id: UUID = Field(description="who books")
    demand_id: UUID | None
    state: JointState
    hold_until: datetime | None
    price: PriceOut | None = Field(description="of all legs; null if in several currencies")
    legs: list[BookingOut]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, joint: Joint) -> "JointBookingOut":
        return cls(
            id=joint.id,
            organisation_id=joint.organisation_id,
            demand_id=joint.demand_id,
            state=joint.state,
            hold_until=joint.hold_until,
            price=PriceOut.of(joint.price),
            legs=[BookingOut.of(leg) for leg in joint.legs],
            created_at=joint.created_at,
            version=joint.version,
        )
