"""The demand table."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.runtime.tables import instant


class DemandRow(SQLModel, table=True):
    """``certificates`` are objects of kind and scope; the window is [start_at, end_at)."""

    __tablename__: ClassVar[str] = "demand"
    __table_args__ = (
        CheckConstraint("start_at < end_at", name="window_not_empty"),
        CheckConstraint("minutes > 0 AND quantity > 0 AND units > 0", name="asks_something"),
        CheckConstraint("budget_minor >= 0", name="budget_not_negative"),
        CheckConstraint("nominal_mm > 0", name="nominal_positive"),
        CheckConstraint("cardinality(envelope_mm) = 3", name="envelope_has_three_edges"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place_whole"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    process: str
    minutes: int
    start_at: datetime = instant()
    end_at: datetime = instant()
    material: str | None = None
    envelope_mm: list[int] | None = Field(
        default=None, sa_column=Column(ARRAY(Integer), nullable=True)
    )
    tolerance_um: int | None = None
    nominal_mm: float | None = None
    certificates: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    currency: str
    budget_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    latitude: float | None = None
    longitude: float | None = None
    radius_km: int | None = None
    quantity: int
    units: int
    measured_only: bool
    state: str
    created_at: datetime = instant()


class DemandDraftRow(SQLModel, table=True):
    """What was said so far, whole or not; once published the demand has its id."""

    __tablename__: ClassVar[str] = "demand_draft"
    __table_args__ = (
        CheckConstraint("jsonb_typeof(body) = 'object'", name="body_object"),
        CheckConstraint("version >= 1", name="version_positive"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()
