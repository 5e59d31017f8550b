"""Tables of credentials. Secrets stand here as hashes, but for TOTP's, which must be computed with.

A row is reached by its person, by its organisation, or by the hash of what the caller presents.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from services.access.domain.attempts import TRIES_MAX
from services.access.domain.credentials import CLIENT_MAX
from services.access.domain.tickets import TicketPurpose
from services.contracts.access import Role
from services.runtime.tables import instant


def _listed(values: Any) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


def _sha256(column: str) -> CheckConstraint:
    return CheckConstraint(f"octet_length({column}) = 32", name=f"{column}_is_sha256")


class SessionRow(SQLModel, table=True):
    """Who signed in, for which organisation they act, and until when."""

    __tablename__: ClassVar[str] = "session"
    __table_args__ = (
        _sha256("token_hash"),
        CheckConstraint(f"length(client) <= {CLIENT_MAX}", name="client_short"),
        # Who leaves an organisation stops acting for it.
        ForeignKeyConstraint(
            ["organisation_id", "person_id"],
            ["membership.organisation_id", "membership.person_id"],
            ondelete="SET NULL (organisation_id)",
        ),
    )

    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    person_id: UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    organisation_id: UUID | None = None
    created_at: datetime = instant()
    expires_at: datetime = instant()
    last_seen_at: datetime = instant()
    strong_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
    client: str


class ApiKeyRow(SQLModel, table=True):
    """What a service account presents; ``roles`` narrow the account's."""

    __tablename__: ClassVar[str] = "api_key"
    __table_args__ = (
        _sha256("token_hash"),
        CheckConstraint("name <> ''", name="named"),
        CheckConstraint(
            f"roles <@ ARRAY[{_listed(Role)}]::text[] AND cardinality(roles) > 0",
            name="roles_known",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "service_account_id"],
            ["service_account.organisation_id", "service_account.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    organisation_id: UUID
    service_account_id: UUID = Field(index=True)
    name: str
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = instant()
    created_by: UUID
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)
    last_used_at: datetime | None = instant(nullable=True)


class PasswordRow(SQLModel, table=True):
    """What a person's password is checked against."""

    __tablename__: ClassVar[str] = "password"
    __table_args__ = (CheckConstraint("verifier LIKE '$argon2id$%'", name="verifier_is_argon2id"),)

    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    verifier: str
    changed_at: datetime = instant()


class TotpRow(SQLModel, table=True):
    """An authenticator app; counts once ``confirmed_at`` is set. ``last_step`` bars replays."""

    __tablename__: ClassVar[str] = "totp"
    __table_args__ = (CheckConstraint("octet_length(secret) >= 20", name="secret_long_enough"),)

    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = instant()
    confirmed_at: datetime | None = instant(nullable=True)
    last_step: int = Field(sa_column=Column(BigInteger, nullable=False))


class RecoveryCodeRow(SQLModel, table=True):
    """A code that stands in for a lost second factor, once; deleted when used."""

    __tablename__: ClassVar[str] = "recovery_code"
    __table_args__ = (_sha256("code_hash"),)

    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    code_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    created_at: datetime = instant()


class PasskeyRow(SQLModel, table=True):
    """A WebAuthn credential; ``credential_hash`` finds it before anybody is known."""

    __tablename__: ClassVar[str] = "passkey"
    __table_args__ = (_sha256("credential_hash"), CheckConstraint("name <> ''", name="named"))

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    credential_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    credential: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sign_count: int = Field(sa_column=Column(BigInteger, nullable=False))
    name: str
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)


class OutsideAccountRow(SQLModel, table=True):
    """The account of a person at an OpenID provider; the hash is of issuer and subject."""

    __tablename__: ClassVar[str] = "outside_account"
    __table_args__ = (_sha256("subject_hash"),)

    subject_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person_id: UUID = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    issuer: str
    created_at: datetime = instant()


class TicketRow(SQLModel, table=True):
    """A single-use secret with an end: password reset, WebAuthn challenge, OpenID state."""

    __tablename__: ClassVar[str] = "ticket"
    __table_args__ = (
        _sha256("token_hash"),
        CheckConstraint(f"purpose IN ({_listed(TicketPurpose)})", name="purpose_known"),
    )

    token_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    purpose: str
    person_id: UUID | None = Field(
        default=None, foreign_key="person.id", ondelete="CASCADE", index=True
    )
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = instant()
    expires_at: datetime = instant()


class AttemptRow(SQLModel, table=True):
    """When a secret of ``subject_hash`` was tried of late, wherever from."""

    __tablename__: ClassVar[str] = "attempt"
    __table_args__ = (
        _sha256("subject_hash"),
        CheckConstraint(
            f"cardinality(tried_at) <= {TRIES_MAX} AND array_position(tried_at, NULL) IS NULL",
            name="tries_bounded",
        ),
    )

    subject_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    tried_at: list[datetime] = Field(
        sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False)
    )
