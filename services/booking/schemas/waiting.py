"""What clients send to wait for a slot and what they get back."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.booking.domain import MINUTES_MAX, Entry, EntryState
from services.contracts.documents import Document, Instant
from services.runtime.web import OwnOrganisation


class WaitIn(Document):
    """A slot to wait for: so much work, anywhere between ``start`` and ``end``."""

    organisation_id: OwnOrganisation = None
    resource_id: UUID
    offer_id: UUID | None = Field(
        default=None, description="whose price applies; absent for a resource of one's own"
    )
    start: Instant = Field(description="of the window; a whole minute")
    end: Instant = Field(description="of the window")
    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]
    units: Annotated[int, Field(ge=1)] = 1
    expires_at: Instant | None = Field(
        default=None, description="when to stop waiting; absent: when it would fit no more"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("the window ends before it starts")
        return self


class WaitOut(BaseModel):
    """An entry of a waiting list."""

    id: UUID
    organisation_id: UUID
    resource_id: UUID
    offer_id: UUID | None
    start: datetime
    end: datetime
    minutes: int
    units: int
    state: EntryState
    booking_id: UUID | None = Field(description="what is held for it, once promoted")
    expires_at: datetime
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> "WaitOut":
        return cls(
            id=entry.id,
            organisation_id=entry.organisation_id,
            resource_id=entry.resource_id,
            offer_id=entry.offer_id,
            start=entry.within.start,
            end=entry.within.end,
            minutes=entry.minutes,
            units=entry.units,
            state=entry.state,
            booking_id=entry.booking_id,
            expires_at=entry.expires_at,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
        )
