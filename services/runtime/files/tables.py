"""Documents; their bytes are in the document storage, found by hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.contracts.confidentiality import Confidentiality
from services.runtime.tables import instant

_CLASSES = ", ".join(f"'{one}'" for one in Confidentiality)


class DocumentRow(SQLModel, table=True):
    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"confidentiality IN ({_CLASSES})", name="confidentiality_known"),
        CheckConstraint("size > 0 AND octet_length(sha256) = 32", name="content_known"),
        CheckConstraint("name <> '' AND media_type <> ''", name="named"),
        CheckConstraint(
            "(subject_kind IS NULL) = (subject_id IS NULL)", name="subject_whole_or_none"
        ),
        Index(None, "organisation_id", "subject_kind", "subject_id"),
        Index(None, "sha256"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str
    media_type: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    confidentiality: str
    subject_kind: str | None = None
    subject_id: UUID | None = None
    uploaded_by: UUID | None = None
    created_at: datetime = instant()
