"""What clients see of other slots, and send to take one."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, Field

from services.booking.domain import Proposal
from services.booking.schemas.bookings import PriceOut
from services.contracts.documents import Document, Instant


class ProposalOut(BaseModel):
    """Another slot for the work of a booking at risk."""

    resource_id: UUID
    offer_id: UUID
    provider_id: UUID
    start: datetime
    end: datetime
    setup_minutes: int
    units: int
    price: PriceOut | None
    difference_minor: int | None = Field(
        description="what it costs more than the booking; null if that cost nothing"
    )
    delay_minutes: int = Field(description="how much later than the booking it begins")

    @classmethod
    def of(cls, proposal: Proposal) -> "ProposalOut":
        found = proposal.candidate
        return cls(
            resource_id=found.resource_id,
            offer_id=found.offer_id,
            provider_id=found.organisation_id,
            start=found.start,
            end=found.end,
            setup_minutes=found.setup_minutes,
            units=found.units,
            price=PriceOut.of(found.price),
            difference_minor=proposal.difference_minor,
            delay_minutes=proposal.delay // timedelta(minutes=1),
        )


class ProposalsOut(BaseModel):
    """Other slots, the soonest first."""

    items: list[ProposalOut]


class RebookIn(Document):
    """The slot to take instead, as it was proposed."""

    resource_id: UUID
    offer_id: UUID | None = Field(
        default=None, description="whose price applies; absent for a resource of one's own"
    )
    start: Instant = Field(description="a whole minute")
