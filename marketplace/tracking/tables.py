"""Samples with their steps, reports, and handovers of goods."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.tracking.domain import HandoverKind, SampleState, TestOutcome
from services.runtime.tables import instant

_SAMPLE: Final = ("organisation_id", "laboratory_id", "sample_id")


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _of_sample(of: str) -> ForeignKeyConstraint:
    targets = ("sample.organisation_id", "sample.laboratory_id", "sample.id")
    return ForeignKeyConstraint(_SAMPLE, targets, name=f"fk_{of}_of_sample")


class SampleRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.SOURCES`` says, by the laboratory."""

    __tablename__: ClassVar[str] = "sample"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(SampleState)})", name="state"),
        CheckConstraint("version >= 1", name="version"),
        UniqueConstraint("organisation_id", "laboratory_id", "id"),
        Index("ix_sample_laboratory_id_id", "laboratory_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    laboratory_id: UUID = Field(foreign_key="organisation.id")
    booking_id: UUID = Field(foreign_key="booking.id", index=True)
    label: str
    method: str
    accreditations: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class SampleStepRow(SQLModel, table=True):
    """Only added."""

    __tablename__: ClassVar[str] = "sample_step"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(SampleState)})", name="state"),
        CheckConstraint("said_by IN (organisation_id, laboratory_id)", name="said_by_party"),
        _of_sample("sample_step"),
        Index("ix_sample_step_sample_id_id", "sample_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    laboratory_id: UUID
    sample_id: UUID
    said_by: UUID
    state: str
    actor_id: UUID | None = None
    note: str
    at: datetime = instant()


class ReportRow(SQLModel, table=True):
    """Only added, once for a sample; ``token_hash`` is of its number and code together."""

    __tablename__: ClassVar[str] = "test_report"
    __table_args__ = (
        CheckConstraint(f"outcome IN ({_one_of(TestOutcome)})", name="outcome"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        _of_sample("test_report"),
        UniqueConstraint("sample_id"),
        UniqueConstraint("laboratory_id", "number"),
        UniqueConstraint("token_hash"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    laboratory_id: UUID
    sample_id: UUID
    number: str
    code: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    method: str
    accreditations: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    outcome: str
    sha256: str
    issued_at: datetime = instant()


class HandoverRow(SQLModel, table=True):
    """Added by the carrier, once of a kind; the buyer confirms it."""

    __tablename__: ClassVar[str] = "handover"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(HandoverKind)})", name="kind"),
        UniqueConstraint("booking_id", "kind"),
        Index("ix_handover_carrier_id_id", "carrier_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    carrier_id: UUID = Field(foreign_key="organisation.id")
    booking_id: UUID = Field(foreign_key="booking.id")
    kind: str
    place: str
    note: str
    actor_id: UUID | None = None
    at: datetime = instant()
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = instant(nullable=True)
