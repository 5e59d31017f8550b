"""Tables of the identity context."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from services.contracts.access import Role
from services.contracts.ids import SPARKPLUG_ID
from services.identity.domain import (
    PARK_CODE_PATTERN,
    REGION_CODE_PATTERN,
    OrganisationKind,
    RequestState,
    Verification,
)
from services.runtime.tables import instant


def _listed(values: Any) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


_SPARKPLUG = f"^{SPARKPLUG_ID.pattern}$"
_ROLES_KNOWN = f"roles <@ ARRAY[{_listed(Role)}]::text[] AND cardinality(roles) > 0"


class OrganisationRow(SQLModel, table=True):
    __tablename__ = "organisation"
    __table_args__: Any = (
        CheckConstraint(f"kind IN ({_listed(OrganisationKind)})", name="kind_known"),
        CheckConstraint("uscc ~ '^[0-9A-Z]{18}$'", name="uscc_shape"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
        CheckConstraint(f"verification IN ({_listed(Verification)})", name="verification_known"),
        Index(
            "uq_organisation_one_platform",
            "kind",
            unique=True,
            postgresql_where=text("kind = 'platform'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    name: str
    name_zh: str
    kind: str
    uscc: str | None = Field(default=None, unique=True)
    verification: str = Field(
        default="unverified", sa_column_kwargs={"server_default": "unverified"}
    )


class ParkRow(SQLModel, table=True):
    """An industrial park (园区) and the organisation that operates it."""

    __tablename__ = "park"
    __table_args__: Any = (
        CheckConstraint(f"code ~ '{PARK_CODE_PATTERN}'", name="code_shape"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
    )

    code: str = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    name: str
    name_zh: str


class ParkMemberRow(SQLModel, table=True):
    """An organisation the operator admitted to its park."""

    __tablename__ = "park_member"

    park: str = Field(primary_key=True, foreign_key="park.code")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id", index=True)
    admitted_at: datetime = instant()


class SiteRow(SQLModel, table=True):
    __tablename__ = "site"
    __table_args__: Any = (
        CheckConstraint(f"code ~ '{_SPARKPLUG}'", name="code_shape"),
        CheckConstraint(f"region_code ~ '{REGION_CODE_PATTERN}'", name="region_code_shape"),
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="on_earth"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    code: str = Field(unique=True)
    name: str
    name_zh: str
    region_code: str
    park: str | None = Field(default=None, foreign_key="park.code")
    lat: float
    lon: float


class GatewayRow(SQLModel, table=True):
    __tablename__ = "gateway"
    __table_args__: Any = (
        UniqueConstraint("site_id", "edge_node"),
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"edge_node ~ '{_SPARKPLUG}'", name="edge_node_shape"),
        ForeignKeyConstraint(["organisation_id", "site_id"], ["site.organisation_id", "site.id"]),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    site_id: UUID
    edge_node: str


class GatewayMemberRow(SQLModel, table=True):
    """An organisation whose machines a gateway serves: its owner, and whom the owner let in."""

    __tablename__ = "gateway_member"
    __table_args__: Any = (
        ForeignKeyConstraint(["owner_id", "gateway_id"], ["gateway.organisation_id", "gateway.id"]),
        UniqueConstraint("organisation_id", "gateway_id"),
    )

    gateway_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    owner_id: UUID


class PersonRow(SQLModel, table=True):
    """A natural person with an account; ``email`` is in lower case."""

    __tablename__ = "person"
    __table_args__: Any = (
        CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name="email_shape"),
        CheckConstraint("name <> ''", name="named"),
        CheckConstraint("locale IN ('zh', 'en')", name="locale_known"),
    )

    id: UUID = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    locale: str
    created_at: datetime = instant()


class MembershipRow(SQLModel, table=True):
    __tablename__ = "membership"
    __table_args__: Any = (CheckConstraint(_ROLES_KNOWN, name="roles_known"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", index=True)
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = instant()


class ServiceAccountRow(SQLModel, table=True):
    """A program that acts for an organisation."""

    __tablename__ = "service_account"
    __table_args__: Any = (
        CheckConstraint(_ROLES_KNOWN, name="roles_known"),
        CheckConstraint("name <> ''", name="named"),
        UniqueConstraint("organisation_id", "name"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = instant()


class InvitationRow(SQLModel, table=True):
    """A place among an organisation's members, kept for whoever presents the token."""

    __tablename__ = "invitation"
    __table_args__: Any = (
        CheckConstraint(_ROLES_KNOWN, name="roles_known"),
        CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name="email_shape"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    email: str
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    token_hash: bytes = Field(unique=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    accepted_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class SpaceRow(SQLModel, table=True):
    """A chain space (产业链空间): what its members share is seen by them alone."""

    __tablename__ = "space"
    __table_args__: Any = (CheckConstraint("name <> '' AND name_zh <> ''", name="named"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    name: str
    name_zh: str
    created_at: datetime = instant()


class SpaceMemberRow(SQLModel, table=True):
    __tablename__ = "space_member"

    space_id: UUID = Field(primary_key=True, foreign_key="space.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id", index=True)
    joined_at: datetime = instant()


class VerificationRow(SQLModel, table=True):
    """A firm's request to be verified, what it said then, and what was decided."""

    __tablename__ = "verification"
    __table_args__: Any = (
        CheckConstraint(f"state IN ({_listed(RequestState)})", name="state_known"),
        CheckConstraint(
            "state IN ('pending', 'withdrawn')"
            " OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND reason <> '')",
            name="decided_by_somebody",
        ),
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_verification_one_pending",
            "organisation_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str
    name_zh: str
    uscc: str
    document_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    requested_by: UUID
    requested_at: datetime = instant()
    state: str
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    reason: str | None = None
