"""Entries of the audit trail, and where each chain ends."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.runtime.audit.entry import HASH_BYTES, PLATFORM, ActorKind
from services.runtime.tables import instant

_WHOSE = f"chain = coalesce(organisation_id, '{PLATFORM}'::uuid)"
_ACTORS = ", ".join(f"'{kind}'" for kind in ActorKind)


def _json() -> Any:
    return Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))


def _hash(name: str) -> Any:
    return Field(sa_column=Column(name, LargeBinary, nullable=False))


class AuditEntryRow(SQLModel, table=True):
    """Only ever added to: a trigger refuses change and removal to everybody."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(_WHOSE, name="chain_of_organisation"),
        CheckConstraint("seq > 0", name="numbered"),
        CheckConstraint(f"actor_kind IN ({_ACTORS})", name="actor_kind_known"),
        CheckConstraint(
            f"octet_length(previous) = {HASH_BYTES} AND octet_length(hash) = {HASH_BYTES}",
            name="hashes_whole",
        ),
        Index(
            "ix_audit_entry_subject",
            "chain",
            "subject_kind",
            "subject_id",
            "seq",
            postgresql_where=text("subject_id IS NOT NULL"),
        ),
    )

    chain: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    organisation_id: UUID | None = None
    id: UUID = Field(unique=True)
    at: datetime = instant()
    actor_kind: str = Field(sa_column=Column(Text, nullable=False))
    actor_id: UUID | None = None
    credential_id: UUID | None = None
    action: str = Field(sa_column=Column(Text, nullable=False))
    path_ids: dict[str, Any] | None = _json()
    subject_kind: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    subject_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    before: Any = _json()
    after: Any = _json()
    request_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    previous: bytes = _hash("previous")
    hash: bytes = _hash("hash")


class AuditHeadRow(SQLModel, table=True):
    """The end of a chain, locked while an entry is added."""

    __tablename__ = "audit_head"
    __table_args__ = (
        CheckConstraint(_WHOSE, name="chain_of_organisation"),
        CheckConstraint(f"seq >= 0 AND octet_length(hash) = {HASH_BYTES}", name="well_formed"),
    )

    chain: UUID = Field(primary_key=True)
    organisation_id: UUID | None = None
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: bytes = _hash("hash")
