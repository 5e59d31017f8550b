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

from services.booking.domain import (
    ACTIVE,
    FEED_NAME_MAX,
    LEGS_MAX,
    LIMITS,
    BookingState,
    ChargeReason,
    EntryState,
)
from services.runtime.tables import held_by_triggers, instant


def _one_of(states: Any) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


def _in_range(name: str) -> CheckConstraint:
    return CheckConstraint(f"{name} BETWEEN 0 AND {LIMITS[name]}", name=f"{name}_range")


def _nothing() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": text("0")})


def _no_amount() -> Any:
    return Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


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
    companion that puts it at risk, null for the resource itself. The terms it was agreed under
    (``free_minutes`` to ``grace_minutes``) never change; ``charge_minor`` is what they came to.
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
        Index(
            "ix_booking_open_hold",
            "organisation_id",
            "hold_until",
            postgresql_where=text("state = 'held'"),
        ),
        *map(_in_range, LIMITS),
        CheckConstraint("num_nonnulls(charge_minor, charge_reason) <> 1", name="charge_has_reason"),
        CheckConstraint(
            "charge_minor BETWEEN 1 AND coalesce(price_minor, 0)", name="charge_within_price"
        ),
        CheckConstraint(
            f"charge_reason IN ({_one_of(ChargeReason)})"
            " AND (charge_reason = 'no_show') = (state = 'no_show')"
            " AND (charge_reason = 'late_cancellation') = (state = 'cancelled')",
            name="charge_of_state",
        ),
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
        CheckConstraint("replaces_id <> id", name="replaces_another"),
        ForeignKeyConstraint(["replaces_id"], ["booking.id"]),
        Index(
            "uq_booking_replaces_id",
            "replaces_id",
            unique=True,
            postgresql_where=text("replaces_id IS NOT NULL"),
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
    replaces_id: UUID | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()
    version: int = 1
    free_minutes: int = _nothing()
    late_percent: int = _nothing()
    late_minimum_minor: int = _no_amount()
    no_show_percent: int = _nothing()
    no_show_minimum_minor: int = _no_amount()
    grace_minutes: int = _nothing()
    charge_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    charge_reason: str | None = None


held_by_triggers(BookingRow, ("organisation_id",), ("provider_id", "resource_id"))


class CancellationPolicyRow(SQLModel, table=True):
    """The terms new bookings of a resource are agreed under; without a row nothing costs a fee."""

    __tablename__: ClassVar[str] = "cancellation_policy"
    __table_args__ = (
        *map(_in_range, LIMITS),
        ForeignKeyConstraint(
            ["organisation_id", "resource_id"], ["resource.organisation_id", "resource.id"]
        ),
    )

    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    free_minutes: int
    late_percent: int
    late_minimum_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    no_show_percent: int
    no_show_minimum_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    grace_minutes: int
    updated_at: datetime = instant()


class WaitlistEntryRow(SQLModel, table=True):
    """Who waits for time of a resource, in the order of ids.

    ``is_due`` asks the worker to look whether something has become free for it.
    """

    __tablename__: ClassVar[str] = "waitlist_entry"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(EntryState)})", name="state"),
        CheckConstraint(
            "(state = 'promoted') = (booking_id IS NOT NULL)", name="promoted_to_booking"
        ),
        CheckConstraint("units >= 1 AND minutes >= 1", name="something_asked"),
        CheckConstraint(
            "NOT isempty(within) AND NOT lower_inf(within) AND NOT upper_inf(within)",
            name="within_bounded",
        ),
        Index("ix_waitlist_entry_organisation_id_id", "organisation_id", "id"),
        Index(
            "ix_waitlist_entry_waiting",
            "resource_id",
            "id",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_waitlist_entry_due", "id", postgresql_where=text("state = 'waiting' AND is_due")),
        Index("uq_waitlist_entry_booking_id", "booking_id", unique=True),
        ForeignKeyConstraint(
            ["provider_id", "resource_id"], ["resource.organisation_id", "resource.id"]
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    resource_id: UUID
    offer_id: UUID | None = None
    within: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    minutes: int
    units: int
    state: str
    booking_id: UUID | None = Field(default=None, foreign_key="booking.id")
    expires_at: datetime = instant()
    is_due: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    created_at: datetime = instant()
    updated_at: datetime = instant()


class CalendarFeedRow(SQLModel, table=True):
    """A secret address of a calendar of ``organisation_id``; of it only the hash is kept."""

    __tablename__: ClassVar[str] = "calendar_feed"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hashed"),
        CheckConstraint(f"length(name) BETWEEN 1 AND {FEED_NAME_MAX}", name="named"),
        Index("ix_calendar_feed_organisation_id_id", "organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    resource_id: UUID | None = Field(default=None, foreign_key="resource.id")
    name: str
    token_hash: bytes = Field(unique=True)
    created_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class LaunchTargetRow(SQLModel, table=True):
    """Where the software of a resource is opened; its bookers' links are made of it."""

    __tablename__: ClassVar[str] = "launch_target"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "resource_id"], ["resource.organisation_id", "resource.id"]
        ),
    )

    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    url_template: str
    updated_at: datetime = instant()


class LaunchRow(SQLModel, table=True):
    """A seat of a booking was launched. Only ever added."""

    __tablename__: ClassVar[str] = "launch"
    __table_args__ = (
        CheckConstraint("seat >= 1", name="seat_positive"),
        CheckConstraint("at < expires_at AND expires_at <= until", name="ends_in_time"),
        Index("ix_launch_booking_id_id", "booking_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    provider_id: UUID
    booking_id: UUID = Field(foreign_key="booking.id")
    resource_id: UUID
    seat: int
    actor_id: UUID | None = None
    at: datetime = instant()
    expires_at: datetime = instant()
    until: datetime = instant()
