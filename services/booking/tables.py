"""The tables of bookings. Reservations of capacity refuse overlap; states are checked here."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlmodel import Field, SQLModel

from services.booking.domain import ACTIVE, LEGS_MAX, BookingState
from services.runtime.tables import instant


def _one_of(states: Any) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


class JointRow(SQLModel, table=True):
    """Several bookings of ``organisation_id`` that are held and confirmed all or none.

    There are as many bookings as ``legs`` when the transaction that adds it commits, and they are
    confirmed in one transaction: triggers of the database see to both.
    """

    __tablename__: ClassVar[str] = "joint"
    __table_args__ = (
        CheckConstraint(f"legs BETWEEN 1 AND {LEGS_MAX}", name="legs"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    demand_id: UUID | None = None
    legs: int
    created_at: datetime = instant()


class BookingRow(SQLModel, table=True):
    """One booking of ``organisation_id`` with ``provider_id``, who owns the resource.

    ``during`` is ``[start, end)`` without buffers, with set-up. ``at_risk_resource_id`` is the
    companion that puts it at risk, null for the resource itself.
    """

    __tablename__: ClassVar[str] = "booking"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(BookingState)})", name="state"),
        CheckConstraint("state <> 'held' OR hold_until IS NOT NULL", name="hold_has_end"),
        CheckConstraint("units >= 1", name="units"),
        CheckConstraint("setup_minutes >= 0", name="setup_not_negative"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name="during_bounded",
        ),
        CheckConstraint("(price_minor IS NULL) = (currency IS NULL)", name="price_whole"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("at_risk = (at_risk_reason IS NOT NULL)", name="risk_has_reason"),
        CheckConstraint("at_risk OR at_risk_resource_id IS NULL", name="cause_of_risk"),
        Index(
            "ix_booking_active_resource",
            "resource_id",
            "id",
            postgresql_where=text(f"state IN ({_one_of(ACTIVE)})"),
        ),
        Index("ix_booking_overdue", "hold_until", postgresql_where=text("state = 'held'")),
        Index("ix_booking_organisation_id_id", "organisation_id", "id"),
        Index("ix_booking_provider_id_id", "provider_id", "id"),
        CheckConstraint("(joint_id IS NULL) = (leg IS NULL)", name="leg_of_joint"),
        CheckConstraint("leg >= 1", name="leg"),
        Index(
            "uq_booking_joint_id_leg",
            "joint_id",
            "leg",
            unique=True,
            postgresql_where=text("joint_id IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["provider_id", "resource_id"], ["resource.organisation_id", "resource.id"]
        ),
        ForeignKeyConstraint(
            ["organisation_id", "joint_id"], ["joint.organisation_id", "joint.id"]
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    resource_id: UUID
    offer_id: UUID | None = None
    demand_id: UUID | None = None
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    units: int
    setup_minutes: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    state: str
    hold_until: datetime | None = instant(nullable=True)
    price_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    currency: str | None = None
    at_risk: bool = False
    at_risk_reason: str | None = None
    at_risk_resource_id: UUID | None = None
    joint_id: UUID | None = None
    leg: int | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()
    version: int = 1
