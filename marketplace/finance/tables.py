"""Applications, consents, evidence: the applicant's rows, shown to one recipient."""

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
from sqlmodel import Field, SQLModel

from marketplace.finance.domain import FinancingKind, Item, State
from services.runtime.tables import instant

_APPLICATION: Final = ("organisation_id", "recipient_id", "application_id")
_CONSENT: Final = ("organisation_id", "recipient_id", "consent_id")


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


class ApplicationRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.LIFE`` says, and by whom it says."""

    __tablename__: ClassVar[str] = "financing_application"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(FinancingKind)})", name="kind"),
        CheckConstraint(f"state IN ({_one_of(State)})", name="state"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("amount_minor > 0 AND months > 0 AND version >= 1", name="counted"),
        CheckConstraint("organisation_id <> recipient_id", name="of_two"),
        CheckConstraint(
            "(offered_minor IS NULL) = (offered_rate IS NULL)"
            " AND (offered_minor IS NULL) = (offered_months IS NULL)"
            " AND (state NOT IN ('offered', 'accepted') OR offered_minor > 0)",
            name="offered_whole",
        ),
        UniqueConstraint("organisation_id", "recipient_id", "id"),
        UniqueConstraint("request_id", "recipient_id"),
        Index(
            "uq_financing_application_accepted",
            "request_id",
            unique=True,
            postgresql_where=text("state = 'accepted'"),
        ),
        Index("ix_financing_application_organisation_id_id", "organisation_id", "id"),
        Index("ix_financing_application_recipient_id_id", "recipient_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    recipient_id: UUID = Field(foreign_key="organisation.id")
    request_id: UUID
    kind: str
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    months: int
    purpose: str
    state: str
    offered_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    offered_rate: int | None = None
    offered_months: int | None = None
    remark: str | None = None
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ConsentRow(SQLModel, table=True):
    """Given for named items and a time; it can be taken back, and is never widened."""

    __tablename__: ClassVar[str] = "financing_consent"
    __table_args__ = (
        CheckConstraint("cardinality(items) > 0", name="of_something"),
        CheckConstraint("expires_at > created_at", name="for_a_time"),
        ForeignKeyConstraint(
            _APPLICATION,
            [
                "financing_application.organisation_id",
                "financing_application.recipient_id",
                "financing_application.id",
            ],
            name="fk_financing_consent_of_application",
        ),
        UniqueConstraint("organisation_id", "recipient_id", "id"),
        Index("ix_financing_consent_application_id_id", "application_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    recipient_id: UUID
    application_id: UUID
    items: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = instant()
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class EvidenceRow(SQLModel, table=True):
    """A figure as it was at ``as_of``. Never changed."""

    __tablename__: ClassVar[str] = "financing_evidence"
    __table_args__ = (
        CheckConstraint(f"item IN ({_one_of(Item)})", name="item"),
        CheckConstraint("rows >= 0", name="rows_not_negative"),
        ForeignKeyConstraint(
            _CONSENT,
            [
                "financing_consent.organisation_id",
                "financing_consent.recipient_id",
                "financing_consent.id",
            ],
            name="fk_financing_evidence_of_consent",
        ),
        Index("ix_financing_evidence_consent_id_id", "consent_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    recipient_id: UUID
    consent_id: UUID
    as_of: datetime = instant()
    item: str
    period: str | None = None
    currency: str | None = None
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows: int
    rows_sha256: str
