"""Contracts, the machines they cover, work orders, sessions with their logs, findings, facts."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.service_contracts.domain import (
    UNFINISHED,
    FactKind,
    RemoteSessionState,
    ServiceContractState,
    ServiceFindingKind,
    ServiceParty,
    SessionEntryKind,
    WorkOrderState,
)
from services.runtime.tables import instant

_PARTIES: Final = ("organisation_id", "provider_id")
_COVERED: Final = (*_PARTIES, "contract_id", "resource_id")


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _of(of: str, column: str, table: str) -> ForeignKeyConstraint:
    """The thing of ``table`` with the same two parties."""
    targets = [f"{table}.{name}" for name in (*_PARTIES, "id")]
    return ForeignKeyConstraint((*_PARTIES, column), targets, name=f"fk_{of}_of_{table}")


class ContractRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.CONTRACT_LIFE`` says, and by whom it says."""

    __tablename__: ClassVar[str] = "service_contract"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(ServiceContractState)})", name="state"),
        CheckConstraint("organisation_id <> provider_id", name="of_two"),
        CheckConstraint(
            "response_minutes > 0 AND session_minutes > 0 AND version >= 1"
            " AND late_discount BETWEEN 0 AND 10000",
            name="counted",
        ),
        UniqueConstraint("organisation_id", "provider_id", "id"),
        Index("ix_service_contract_provider_id_id", "provider_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID = Field(foreign_key="organisation.id")
    title: str
    warnings: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    shows: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    response_minutes: int
    session_minutes: int
    late_discount: int
    price: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class CoveredRow(SQLModel, table=True):
    """A machine a contract covers; it is the owner's."""

    __tablename__: ClassVar[str] = "service_contract_resource"
    __table_args__ = (
        _of("service_contract_resource", "contract_id", "service_contract"),
        ForeignKeyConstraint(
            ("organisation_id", "resource_id"), ("resource.organisation_id", "resource.id")
        ),
        UniqueConstraint(*_COVERED, name="uq_service_contract_resource_of_parties"),
        Index("ix_service_contract_resource_resource_id", "resource_id"),
    )

    contract_id: UUID = Field(primary_key=True)
    resource_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    provider_id: UUID


class WorkOrderRow(SQLModel, table=True):
    """At most one unfinished for a machine under a contract: further warnings join it."""

    __tablename__: ClassVar[str] = "work_order"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(WorkOrderState)})", name="state"),
        CheckConstraint("warnings >= 0 AND version >= 1 AND worked_minutes > 0", name="counted"),
        CheckConstraint(
            "(state = 'closed') = (fee_minor IS NOT NULL)"
            " AND (fee_minor IS NULL) = (closed_at IS NULL) AND fee_minor >= 0"
            " AND (paid_at IS NULL OR closed_at IS NOT NULL)",
            name="fee_when_closed",
        ),
        CheckConstraint(
            "state IN ('open', 'cancelled') OR accepted_at IS NOT NULL", name="answered"
        ),
        ForeignKeyConstraint(
            _COVERED,
            [f"service_contract_resource.{name}" for name in _COVERED],
            name="fk_work_order_of_covered",
        ),
        UniqueConstraint("organisation_id", "provider_id", "id"),
        Index(
            "uq_work_order_unfinished",
            "contract_id",
            "resource_id",
            unique=True,
            postgresql_where=text(f"state IN ({_one_of(UNFINISHED)})"),
        ),
        Index(
            "ix_work_order_due",
            "due_at",
            postgresql_where=text("state = 'open' AND escalated_at IS NULL"),
        ),
        Index("ix_work_order_organisation_id_id", "organisation_id", "id"),
        Index("ix_work_order_provider_id_id", "provider_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID = Field(foreign_key="organisation.id")
    contract_id: UUID
    resource_id: UUID
    cause: str
    reason: str | None = None
    warnings: int
    warned_at: datetime = instant()
    due_at: datetime = instant()
    escalated_at: datetime | None = instant(nullable=True)
    accepted_at: datetime | None = instant(nullable=True)
    worked_minutes: int | None = None
    fee_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    fee_currency: str | None = None
    fee_lines: list[dict[str, Any]] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    state: str
    version: int
    closed_at: datetime | None = instant(nullable=True)
    paid_at: datetime | None = instant(nullable=True)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class SessionRow(SQLModel, table=True):
    """A granted session has an end, decided by the owner."""

    __tablename__: ClassVar[str] = "remote_session"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(RemoteSessionState)})", name="state"),
        CheckConstraint("minutes > 0", name="for_a_time"),
        CheckConstraint(
            "(state <> 'granted' OR expires_at IS NOT NULL) AND expires_at > decided_at",
            name="time_boxed",
        ),
        _of("remote_session", "order_id", "work_order"),
        UniqueConstraint("organisation_id", "provider_id", "id"),
        Index("ix_remote_session_order_id_id", "order_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    order_id: UUID
    purpose: str
    minutes: int
    state: str
    requested_by: UUID | None = None
    requested_at: datetime = instant()
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)


class SessionEntryRow(SQLModel, table=True):
    """Only added. A look is added by the provider, within the time of its session."""

    __tablename__: ClassVar[str] = "remote_session_entry"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(SessionEntryKind)})", name="kind"),
        CheckConstraint(f"party IN ({_one_of(ServiceParty)})", name="party"),
        CheckConstraint("(kind = 'viewed') = (shown IS NOT NULL)", name="shown"),
        _of("remote_session_entry", "session_id", "remote_session"),
        Index("ix_remote_session_entry_session_id_id", "session_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    session_id: UUID
    kind: str
    party: str
    actor_id: UUID | None = None
    at: datetime = instant()
    shown: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


class FindingRow(SQLModel, table=True):
    """Only added, by the provider."""

    __tablename__: ClassVar[str] = "work_order_finding"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(ServiceFindingKind)})", name="kind"),
        _of("work_order_finding", "order_id", "work_order"),
        Index("ix_work_order_finding_order_id_id", "order_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    order_id: UUID
    kind: str
    text: str
    sha256: str | None = None
    at: datetime = instant()


class FactRow(SQLModel, table=True):
    """Only added, once of a kind for each work order."""

    __tablename__: ClassVar[str] = "service_fact"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(FactKind)})", name="kind"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        _of("service_fact", "order_id", "work_order"),
        Index("ix_service_fact_provider_id_at", "provider_id", "at"),
    )

    order_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    value: int
    at: datetime = instant()
