"""Tables of the devices context. Codes and secrets stand here as SHA-256 only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from services.runtime.tables import instant


def _of_gateway() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organisation_id", "gateway_id"], ["gateway.organisation_id", "gateway.id"]
    )


def _hash() -> Any:
    return Field(sa_column=Column(LargeBinary, nullable=False, unique=True))


class EnrolmentRow(SQLModel, table=True):
    __tablename__ = "gateway_enrolment"
    __table_args__: Any = (
        _of_gateway(),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_gateway_enrolment_gateway_id", "gateway_id"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_is_sha256"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    gateway_id: UUID
    token_hash: bytes = _hash()
    created_at: datetime = instant()
    created_by: UUID | None = None
    expires_at: datetime = instant()
    redeemed_at: datetime | None = instant(nullable=True)


class CredentialRow(SQLModel, table=True):
    __tablename__ = "gateway_credential"
    __table_args__: Any = (
        _of_gateway(),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_gateway_credential_gateway_id", "gateway_id"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_is_sha256"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    gateway_id: UUID
    token_hash: bytes = _hash()
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
