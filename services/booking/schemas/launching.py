"""Launch targets and launches as clients send and read them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.booking.domain.launching import TEMPLATE_MAX, TEMPLATE_PATTERN, Launch, LaunchTarget
from services.contracts.documents import Document


class LaunchTargetIn(Document):
    url_template: str = Field(
        pattern=TEMPLATE_PATTERN,
        max_length=TEMPLATE_MAX,
        description="https address with {token} where the signed token goes",
        examples=["https://solver.example.com/open?token={token}"],
    )


class LaunchTargetOut(BaseModel):
    resource_id: UUID
    url_template: str
    updated_at: datetime

    @classmethod
    def of(cls, target: LaunchTarget) -> Self:
        return cls.model_validate(target, from_attributes=True)


class LaunchIn(Document):
    seat: Annotated[int, Field(ge=1, description="of the units booked, from 1")] = 1


class LaunchOut(BaseModel):
    id: UUID
    organisation_id: UUID
    booking_id: UUID
    resource_id: UUID
    seat: int
    actor_id: UUID | None
    at: datetime
    expires_at: datetime = Field(description="until when the link opens the seat")
    until: datetime = Field(description="the end of the slot")

    @classmethod
    def of(cls, launch: Launch) -> Self:
        return cls.model_validate(launch, from_attributes=True)


class LaunchLinkOut(LaunchOut):
    url: str = Field(description="shown this once")

    @classmethod
    def linked(cls, launch: Launch, url: str) -> Self:
        return cls(**LaunchOut.of(launch).model_dump(), url=url)


class LaunchKeysOut(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]
