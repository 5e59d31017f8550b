"""Samples, reports and handovers as the API takes and shows them."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.tracking.domain import (
    LABEL_MAX,
    METHOD_MAX,
    NUMBER_MAX,
    TEXT_MAX,
    Handover,
    HandoverKind,
    Mark,
    Report,
    Sample,
    SampleState,
    SampleStep,
    TestOutcome,
)
from services.contracts.documents import Document


class SampleIn(Document):
    """A sample for a firm booking of a test."""

    booking_id: UUID
    label: str = Field(min_length=1, max_length=LABEL_MAX)
    method: str = Field(min_length=1, max_length=METHOD_MAX, description="e.g. GB/T 228.1")
    marks: list[Mark] = Field(
        default_factory=list,
        max_length=len(Mark),
        description="accreditation marks the report shall bear; refused out of scope or expired",
    )


class SampleNoteIn(Document):
    note: str = Field(default="", max_length=TEXT_MAX)


class AccreditationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    mark: Mark
    kind: str
    number: str
    issuer: str
    scope: str
    valid_to: date | None


class SampleOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    laboratory_id: UUID
    booking_id: UUID
    label: str
    method: str
    accreditations: list[AccreditationOut]
    state: SampleState
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, sample: Sample) -> Self:
        return cls.model_validate(sample)


class SampleStepOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sample_id: UUID
    state: SampleState
    organisation_id: UUID = Field(description="who says so")
    actor_id: UUID | None
    note: str
    at: datetime

    @classmethod
    def of(cls, step: SampleStep) -> Self:
        return cls.model_validate(step)


class TestReportIn(Document):
    number: str = Field(min_length=1, max_length=NUMBER_MAX)
    outcome: TestOutcome
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the report's file")


class TestReportOut(BaseModel):
    """The report, with the code that verifies it together with its number."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    laboratory_id: UUID
    sample_id: UUID
    number: str
    code: str
    method: str
    marks: list[Mark]
    accreditations: list[AccreditationOut]
    outcome: TestOutcome
    sha256: str
    issued_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate(report)


class VerifiedReportOut(BaseModel):
    """What whoever holds a report may know of it: that it is genuine, and of which file."""

    model_config = ConfigDict(from_attributes=True)

    laboratory_id: UUID
    number: str
    method: str
    marks: list[Mark]
    accreditations: list[AccreditationOut]
    outcome: TestOutcome
    sha256: str
    issued_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate(report)


class HandoverIn(Document):
    kind: HandoverKind
    place: str = Field(min_length=1, max_length=LABEL_MAX)
    note: str = Field(default="", max_length=TEXT_MAX)


class HandoverOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    carrier_id: UUID
    booking_id: UUID
    kind: HandoverKind
    place: str
    note: str
    actor_id: UUID | None
    at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, handover: Handover) -> Self:
        return cls.model_validate(handover)


class HandoversOut(BaseModel):
    items: list[HandoverOut]
