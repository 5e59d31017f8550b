"""Confidentiality agreements."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.runtime.tables import instant


class NdaRow(SQLModel, table=True):
    """``organisation_id`` owns the secret; ``counterparty_id`` may read it once both signed."""

    __tablename__ = "nda"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint("organisation_id <> counterparty_id", name="two_parties"),
        CheckConstraint("proposed_by IN (organisation_id, counterparty_id)", name="by_a_party"),
        CheckConstraint("octet_length(terms_hash) = 32", name="terms_known"),
        CheckConstraint("expires_at > created_at", name="lasts"),
        CheckConstraint(
            "(subject_kind IS NULL) = (subject_id IS NULL)", name="subject_whole_or_none"
        ),
        CheckConstraint(
            "(owner_signed_at IS NULL) = (owner_signed_by IS NULL)"
            " AND (counterparty_signed_at IS NULL) = (counterparty_signed_by IS NULL)"
            " AND (revoked_at IS NULL) = (revoked_by IS NULL)",
            name="signed_by_somebody",
        ),
        Index(None, "counterparty_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    counterparty_id: UUID = Field(foreign_key="organisation.id")
    proposed_by: UUID
    subject_kind: str | None = None
    subject_id: UUID | None = None
    terms_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = instant()
    expires_at: datetime = instant()
    owner_signed_at: datetime | None = instant(nullable=True)
    owner_signed_by: UUID | None = None
    counterparty_signed_at: datetime | None = instant(nullable=True)
    counterparty_signed_by: UUID | None = None
    revoked_at: datetime | None = instant(nullable=True)
    revoked_by: UUID | None = None
