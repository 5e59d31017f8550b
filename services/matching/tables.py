"""Tables of matching: listings projected from offers, and matches as they were answered."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from services.runtime.tables import instant


def _minor(*, default: int = 0) -> Any:
    return Field(default=default, sa_column=Column(BigInteger, nullable=False))


class ListingRow(SQLModel, table=True):
    """A resource on offer under one offer's rate.

    ``latitude`` and ``longitude`` are its site's, ``processes`` those of its capabilities.
    """

    __tablename__: ClassVar[str] = "listing"
    __table_args__ = (
        CheckConstraint(
            "per_hour_minor >= 0 AND setup_minor >= 0 AND minimum_minor >= 0",
            name="price_not_negative",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place_whole"),
        ForeignKeyConstraint(
            ["organisation_id", "resource_id"], ["resource.organisation_id", "resource.id"]
        ),
        Index("ix_listing_resource_id", "resource_id"),
        Index(
            "ix_listing_processes",
            "processes",
            postgresql_using="gin",
            postgresql_where=text("active"),
        ),
    )

    offer_id: UUID = Field(primary_key=True)
    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    currency: str
    per_hour_minor: int = _minor()
    setup_minor: int = _minor()
    minimum_minor: int = _minor()
    visibility: str
    park: str | None = None
    space_id: UUID | None = None
    processes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    active: bool
    latitude: float | None = None
    longitude: float | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class MatchRow(SQLModel, table=True):
    """What a demand asked and was answered."""

    __tablename__: ClassVar[str] = "match"
    __table_args__ = (
        CheckConstraint("took_ms >= 0", name="took_not_negative"),
        Index("ix_match_demand_id_id", "demand_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    demand_id: UUID
    requirement: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    result: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state_hash: str
    took_ms: float
    created_at: datetime = instant()
