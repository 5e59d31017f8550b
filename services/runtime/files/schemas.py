"""What the API says about documents."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from services.contracts.confidentiality import Confidentiality
from services.contracts.documents import Document
from services.runtime.files import domain


class DocumentRead(Document):
    id: UUID
    organisation_id: UUID
    name: str
    media_type: str
    size: int = Field(description="bytes")
    sha256: str
    confidentiality: Confidentiality
    subject_kind: str | None
    subject_id: UUID | None
    uploaded_by: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, document: domain.Document) -> "DocumentRead":
        return cls(
            id=document.id,
            organisation_id=document.organisation_id,
            name=document.name,
            media_type=document.media_type,
            size=document.size,
            sha256=document.sha256.hex(),
            confidentiality=document.confidentiality,
            subject_kind=document.subject_kind,
            subject_id=document.subject_id,
            uploaded_by=document.uploaded_by,
            created_at=document.created_at,
        )


class UploadFacts(BaseModel):
    """What an upload is, for recognising its repetition."""

    name: str
    media_type: str
    sha256: str
    confidentiality: Confidentiality
    subject_kind: str | None
    subject_id: UUID | None
