"""Items, versions and files are the owner's rows; licences, downloads and reuse the licensee's."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.library.domain import ItemState, LicenceState, TermsKind
from services.runtime.tables import instant

_ITEM: Final = ["library_item.organisation_id", "library_item.id"]
_VERSION: Final = [
    "library_version.organisation_id",
    "library_version.item_id",
    "library_version.id",
]
_LICENCE: Final = [
    "library_licence.organisation_id",
    "library_licence.owner_id",
    "library_licence.item_id",
    "library_licence.id",
]
_OF_LICENCE: Final = ["organisation_id", "owner_id", "item_id", "licence_id"]


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


class ItemRow(SQLModel, table=True):
    """``terms`` are the licence terms as a document; ``attributes`` what the direction lets say."""

    __tablename__: ClassVar[str] = "library_item"
    __table_args__ = (
        CheckConstraint("direction >= 1 AND revision >= 1", name="counted"),
        CheckConstraint("jsonb_typeof(attributes) = 'object'", name="attributes_object"),
        CheckConstraint(f"terms->>'kind' IN ({_one_of(TermsKind)})", name="terms_known"),
        CheckConstraint(f"state IN ({_one_of(ItemState)})", name="state"),
        CheckConstraint("visibility <> 'park' OR park IS NOT NULL", name="park_visible_in_one"),
        CheckConstraint(
            "visibility <> 'space' OR space_id IS NOT NULL", name="space_visible_in_one"
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_library_item_organisation_id_state", "organisation_id", "state"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    direction: int
    kind: str
    title: str
    title_zh: str
    abstract: str
    abstract_zh: str
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    visibility: str
    park: str | None = None
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    attributes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    revision: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class VersionRow(SQLModel, table=True):
    """Written once; that it was withdrawn is all that is ever added."""

    __tablename__: ClassVar[str] = "library_version"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number_positive"),
        ForeignKeyConstraint(["organisation_id", "item_id"], _ITEM),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "item_id", "id"),
        UniqueConstraint("item_id", "number"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    item_id: UUID
    number: int
    label: str
    changelog: str
    created_at: datetime = instant()
    withdrawn_at: datetime | None = instant(nullable=True)


class FileRow(SQLModel, table=True):
    """A document as it was when its version was published; it cannot be deleted from then on."""

    __tablename__: ClassVar[str] = "library_file"
    __table_args__ = (
        CheckConstraint("size > 0 AND octet_length(sha256) = 32", name="content_known"),
        ForeignKeyConstraint(
            ["organisation_id", "version_id"],
            ["library_version.organisation_id", "library_version.id"],
        ),
        ForeignKeyConstraint(
            ["organisation_id", "document_id"], ["document.organisation_id", "document.id"]
        ),
        Index("ix_library_file_document_id", "document_id"),
    )

    version_id: UUID = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    name: str
    media_type: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LicenceRow(SQLModel, table=True):
    """A trigger lets nobody but the platform make it active where something is to be paid."""

    __tablename__: ClassVar[str] = "library_licence"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(LicenceState)})", name="state"),
        CheckConstraint("organisation_id <> owner_id", name="of_two"),
        CheckConstraint("used >= 0 AND used <= coalesce(downloads, used)", name="used_as_paid"),
        CheckConstraint(
            "(escrow_id IS NULL) = (terms->>'kind' = 'free')", name="escrow_where_paid"
        ),
        ForeignKeyConstraint(["owner_id", "item_id"], _ITEM),
        ForeignKeyConstraint(
            ["organisation_id", "escrow_id"], ["ledger_escrow.organisation_id", "ledger_escrow.id"]
        ),
        UniqueConstraint(
            "organisation_id", "owner_id", "item_id", "id", name="uq_library_licence_whole"
        ),
        UniqueConstraint("escrow_id"),
        Index("ix_library_licence_item_id_organisation_id", "item_id", "organisation_id"),
        Index("ix_library_licence_owner_id_id", "owner_id", "id"),
        Index("ix_library_licence_organisation_id_id", "organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    item_id: UUID
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    downloads: int | None = None
    used: int
    escrow_id: UUID | None = None
    valid_until: datetime | None = instant(nullable=True)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class AccessRow(SQLModel, table=True):
    """A counted download. Only ever added; a trigger sees that its licence is open."""

    __tablename__: ClassVar[str] = "library_access"
    __table_args__ = (
        ForeignKeyConstraint(_OF_LICENCE, _LICENCE, name="fk_library_access_licence"),
        ForeignKeyConstraint(
            ["owner_id", "item_id", "version_id"], _VERSION, name="fk_library_access_version"
        ),
        Index("ix_library_access_item_id_id", "item_id", "id"),
        Index("ix_library_access_organisation_id_id", "organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    item_id: UUID
    version_id: UUID
    licence_id: UUID
    actor_id: UUID | None = None
    at: datetime = instant()


class ReuseRow(SQLModel, table=True):
    """What a licensee stated; only ever added."""

    __tablename__: ClassVar[str] = "library_reuse"
    __table_args__ = (
        CheckConstraint("minutes_saved >= 0", name="minutes_not_negative"),
        ForeignKeyConstraint(_OF_LICENCE, _LICENCE, name="fk_library_reuse_licence"),
        Index("ix_library_reuse_item_id_id", "item_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    item_id: UUID
    licence_id: UUID
    about: str
    citation: str | None = None
    minutes_saved: int | None = None
    at: datetime = instant()
