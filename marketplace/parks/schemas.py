"""Park services as the API takes and shows them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.parks.domain import (
    ANSWER_HOURS_MAX,
    TEXT_MAX,
    TITLE_MAX,
    ServiceEntry,
    ServiceKind,
    ServiceRequest,
    State,
)
from services.contracts.documents import Document


class ParkServiceIn(Document):
    kind: ServiceKind
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)
    text: str = Field(default="", max_length=TEXT_MAX)
    answer_hours: int = Field(
        default=72, ge=1, le=ANSWER_HOURS_MAX, description="hours within which one answers"
    )


class ParkServiceOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who provides it")
    park: str
    kind: ServiceKind
    title: str
    title_zh: str
    text: str
    answer_hours: int
    created_at: datetime

    @classmethod
    def of(cls, service: ServiceEntry) -> Self:
        return cls.model_validate(service, from_attributes=True)


class ParkRequestIn(Document):
    text: str = Field(min_length=1, max_length=TEXT_MAX)


class ParkAnswerIn(Document):
    accept: bool
    remark: str = Field(min_length=1, max_length=TEXT_MAX)


class ParkRequestOut(BaseModel):
    """``answered_in_time`` follows from the times on record; nobody types it."""

    id: UUID
    organisation_id: UUID = Field(description="who asks")
    provider_id: UUID
    service_id: UUID
    park: str
    text: str
    state: State
    due_at: datetime
    answered_at: datetime | None
    answered_in_time: bool | None
    done_at: datetime | None
    remark: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, request: ServiceRequest) -> Self:
        return cls.model_validate(request, from_attributes=True)
