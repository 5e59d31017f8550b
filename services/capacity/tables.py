"""Tables of the capacity context. What must never be false is a constraint here."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from services.capacity.domain import (
    HORIZON_DAYS_MAX,
    KIND_PATTERN,
    MINUTES_MAX,
    QUANTITY_MAX,
    QUARANTINE_PAYLOAD_MAX,
    UNITS_MAX,
    WITHDRAWING,
    Visibility,
)
from services.contracts.telemetry import ResourceState, Signal
from services.runtime.tables import held_by_triggers, instant

RESERVATION_PARTITIONS: Final = 8
RESERVATION_PARTITION: Final = "reservation_"
"""Before the number of one, from 0."""


def _one_of(column: str, values: Any) -> str:
    quoted = ", ".join(f"'{value}'" for value in sorted(value.value for value in values))
    return f"{column} IN ({quoted})"


def _of_resource() -> ForeignKeyConstraint:
    """The resource is of the same organisation as the row."""
    return ForeignKeyConstraint(
        ["organisation_id", "resource_id"], ["resource.organisation_id", "resource.id"]
    )


def _bounded(column: str) -> str:
    return f"NOT isempty({column}) AND NOT lower_inf({column}) AND NOT upper_inf({column})"


class ResourceRow(SQLModel, table=True):
    """A machine, lab method, seat pool, expert, room: anything with time to share."""

    __tablename__: ClassVar[str] = "resource"
    __table_args__ = (
        CheckConstraint(f"kind ~ '{KIND_PATTERN}'", name="kind_shape"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
        CheckConstraint(f"units BETWEEN 1 AND {UNITS_MAX}", name="units_range"),
        CheckConstraint(
            f"setup_minutes BETWEEN 0 AND {MINUTES_MAX}"
            f" AND buffer_before_minutes BETWEEN 0 AND {MINUTES_MAX}"
            f" AND buffer_after_minutes BETWEEN 0 AND {MINUTES_MAX}"
            f" AND notice_minutes BETWEEN 0 AND {MINUTES_MAX}",
            name="minutes_range",
        ),
        CheckConstraint(f"horizon_days BETWEEN 1 AND {HORIZON_DAYS_MAX}", name="horizon_range"),
        CheckConstraint("minimum_hours > 0", name="minimum_positive"),
        CheckConstraint(
            f"minimum_quantity BETWEEN 1 AND {QUANTITY_MAX}", name="minimum_quantity_range"
        ),
        CheckConstraint(_one_of("visibility", Visibility), name="visibility_known"),
        CheckConstraint("visibility <> 'park' OR park IS NOT NULL", name="park_visible_in_one"),
        CheckConstraint(
            "visibility <> 'space' OR space_id IS NOT NULL", name="space_visible_in_one"
        ),
        ForeignKeyConstraint(["organisation_id", "site_id"], ["site.organisation_id", "site.id"]),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_resource_kind_id", "kind", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    site_id: UUID = Field(index=True)
    kind: str
    name: str
    name_zh: str
    timezone: str
    units: int
    setup_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    horizon_days: int
    minimum_hours: float
    minimum_quantity: int = Field(sa_column_kwargs={"server_default": text("1")})
    visibility: str
    park: str | None = None
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    created_at: datetime = instant()


class CompanionRow(SQLModel, table=True):
    """``units`` of another resource of the same organisation that each booked unit needs."""

    __tablename__: ClassVar[str] = "companion"
    __table_args__ = (
        CheckConstraint("resource_id <> companion_id", name="not_itself"),
        CheckConstraint(f"units BETWEEN 1 AND {UNITS_MAX}", name="units_range"),
        Index("ix_companion_companion_id", "companion_id"),
        _of_resource(),
        ForeignKeyConstraint(
            ["organisation_id", "companion_id"], ["resource.organisation_id", "resource.id"]
        ),
    )

    resource_id: UUID = Field(primary_key=True)
    companion_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    place: int
    units: int


class CapabilityRow(SQLModel, table=True):
    """A process a resource performs and its limits."""

    __tablename__: ClassVar[str] = "capability"
    __table_args__ = (
        CheckConstraint(
            "cardinality(envelope_mm) = 3 AND 0 < ALL (envelope_mm)", name="envelope_is_a_box"
        ),
        CheckConstraint("tolerance_um > 0", name="tolerance_positive"),
        CheckConstraint("jsonb_typeof(certificates) = 'array'", name="certificates_list"),
        CheckConstraint("jsonb_typeof(attributes) = 'object'", name="attributes_object"),
        Index("ix_capability_process", "process"),
        _of_resource(),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    resource_id: UUID = Field(index=True)
    process: str
    materials: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    envelope_mm: list[int] | None = Field(default=None, sa_column=Column(ARRAY(Integer)))
    tolerance_um: int | None = None
    certificates: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    attributes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class WorkingCalendarRow(SQLModel, table=True):
    """Working time as iCalendar text; a resource without a row works around the clock."""

    __tablename__: ClassVar[str] = "working_calendar"
    __table_args__ = (_of_resource(),)

    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    ics: str


class MaintenanceRow(SQLModel, table=True):
    """Planned maintenance of the whole resource."""

    __tablename__: ClassVar[str] = "maintenance"
    __table_args__ = (
        CheckConstraint(_bounded("during"), name="during_bounded"),
        Index("ix_maintenance_during", "resource_id", "during", postgresql_using="gist"),
        _of_resource(),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    resource_id: UUID
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    reason: str


class TwinRow(SQLModel, table=True):
    """Which device of which gateway is the live twin of a resource."""

    __tablename__: ClassVar[str] = "twin"
    __table_args__ = (
        UniqueConstraint("gateway_id", "device"),
        _of_resource(),
        ForeignKeyConstraint(
            ["organisation_id", "gateway_id"],
            ["gateway_member.organisation_id", "gateway_member.gateway_id"],
        ),
    )

    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    gateway_id: UUID
    device: str


class ResourceStateRow(SQLModel, table=True):
    """The latest known of a resource with a twin; ``cursors`` tells each signal's journal place."""

    __tablename__: ClassVar[str] = "resource_state"
    __table_args__ = (
        CheckConstraint(_one_of("state", ResourceState), name="state_known"),
        CheckConstraint(_one_of("reported", ResourceState), name="reported_known"),
        CheckConstraint("part_count >= 0", name="parts_not_negative"),
        CheckConstraint("reliability BETWEEN 0 AND 1000", name="reliability_permille"),
        Index(
            "ix_resource_state_seen_at",
            "seen_at",
            postgresql_where=text("state <> 'unknown'"),
        ),
        _of_resource(),
    )

    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    state: str
    reason: str | None = None
    since: datetime = instant()
    source_at: datetime | None = instant(nullable=True)
    received_at: datetime | None = instant(nullable=True)
    seen_at: datetime | None = instant(nullable=True)
    job_id: str | None = None
    job_predicted_end: datetime | None = instant(nullable=True)
    prediction_source: str | None = None
    part_count: int | None = Field(default=None, sa_column=Column(BigInteger))
    execution: str | None = None
    epoch: int | None = Field(default=None, sa_column=Column(BigInteger))
    journal_offset: int | None = Field(default=None, sa_column=Column(BigInteger))
    quality: int
    reported: str
    reported_reason: str | None = None
    cursors: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )
    reliability: int | None = Field(default=None, sa_column=Column(SmallInteger))
    reliability_until: datetime | None = instant(nullable=True)


class StateChangeRow(SQLModel, table=True):
    """A state a resource took, for its timeline; equal neighbours are merged on reading."""

    __tablename__: ClassVar[str] = "state_change"
    __table_args__ = (
        CheckConstraint(_one_of("state", ResourceState), name="state_known"),
        Index("ix_state_change_resource_id_at", "resource_id", "at", "id"),
        _of_resource(),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    organisation_id: UUID
    resource_id: UUID
    at: datetime = instant()
    state: str
    reason: str | None = None
    recorded_at: datetime = instant()


class ObservationRow(SQLModel, table=True):
    """A value a machine reported, once per place in its gateway's journal.

    ``suspect`` marks a source timestamp that cannot be true. Foreign keys would double the cost of
    this append-only table: whoever stores a row has locked the twin's state, which has them. It
    has no column of its organisation either: no role that serves people may read it.
    """

    __tablename__: ClassVar[str] = "observation"
    __table_args__ = (
        CheckConstraint(_one_of("signal", Signal), name="signal_known"),
        CheckConstraint("epoch >= 0 AND journal_offset >= 1", name="journal_place"),
        CheckConstraint("num_nonnulls(value_text, value_number, value_at) <= 1", name="one_value"),
        Index("ix_observation_resource_id_source_at", "resource_id", "source_at"),
    )

    gateway_id: UUID = Field(primary_key=True)
    epoch: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    journal_offset: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    resource_id: UUID
    signal: str
    value_text: str | None = None
    value_number: float | None = Field(default=None, sa_column=Column(Float(53)))
    value_at: datetime | None = instant(nullable=True)
    quality: int
    source_at: datetime = instant()
    received_at: datetime = instant()
    ingested_at: datetime = instant()
    suspect: bool = False


class QuarantineRow(SQLModel, table=True):
    """A message that could not be understood, cut to what is kept, and why.

    ``organisation_id`` is of the gateway whose topic it came by; a stranger's message has none.
    """

    __tablename__: ClassVar[str] = "quarantine"
    __table_args__ = (
        CheckConstraint(f"octet_length(payload) <= {QUARANTINE_PAYLOAD_MAX}", name="payload_cut"),
        CheckConstraint("payload_bytes >= octet_length(payload)", name="payload_size"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    topic: str
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    payload_bytes: int
    cause: str
    received_at: datetime = instant()


class ReservationRow(SQLModel, table=True):
    """A busy unit, buffers included. The exclusion constraint is the guard of double booking.

    ``organisation_id`` is the provider's, ``booked_by`` the organisation that took it. Rows lie in
    partitions by their resource, each with a guard of its own, which is smaller and quicker so.
    """

    __tablename__: ClassVar[str] = "reservation"
    __table_args__ = (
        ExcludeConstraint(
            ("resource_id", "="),
            ("unit", "="),
            ("during", "&&"),
            name="ex_reservation_no_overlap",
            using="gist",
        ),
        CheckConstraint("unit >= 0", name="unit_not_negative"),
        CheckConstraint(_bounded("during"), name="during_bounded"),
        _of_resource(),
        {"postgresql_partition_by": "HASH (resource_id)"},
    )

    booking_id: UUID = Field(primary_key=True)
    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    booked_by: UUID
    unit: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))


@event.listens_for(ReservationRow.__table__, "after_create")  # type: ignore[attr-defined]
def _divide(_table: object, connection: Connection, **_: object) -> None:
    """Where tables are made from these classes, make the partitions too."""
    for remainder in range(RESERVATION_PARTITIONS):
        connection.execute(
            text(
                f"CREATE TABLE {RESERVATION_PARTITION}{remainder} PARTITION OF reservation"
                f" FOR VALUES WITH (MODULUS {RESERVATION_PARTITIONS}, REMAINDER {remainder})"
            )
        )


held_by_triggers(ReservationRow, ("organisation_id", "resource_id"))


class GapWithdrawalRow(SQLModel, table=True):
    """Near time that was withdrawn and why; at most one stands open per resource."""

    __tablename__: ClassVar[str] = "gap_withdrawal"
    __table_args__ = (
        CheckConstraint(_bounded("during"), name="during_bounded"),
        CheckConstraint(_one_of("cause", WITHDRAWING), name="cause_known"),
        CheckConstraint("restored_at >= withdrawn_at", name="restored_later"),
        Index(
            "uq_gap_withdrawal_open",
            "resource_id",
            unique=True,
            postgresql_where=text("restored_at IS NULL"),
        ),
        Index("ix_gap_withdrawal_withdrawn_at_id", "withdrawn_at", "id"),
        _of_resource(),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    resource_id: UUID
    during: Range[datetime] = Field(sa_column=Column(TSTZRANGE, nullable=False))
    cause: str
    withdrawn_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    restored_at: datetime | None = instant(nullable=True)
