"""A document as it is known: who owns it, what it is, how confidential. Pure."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.contracts.confidentiality import Confidentiality
from services.contracts.ids import OrganisationId
from services.runtime.files.media import MediaType


@dataclass(frozen=True, slots=True)
class Document:
    """``subject``: the thing it belongs to, e.g. the demand of a drawing."""

    id: UUID
    organisation_id: OrganisationId
    name: str
    media_type: str
    size: int
    sha256: bytes
    confidentiality: Confidentiality
    subject_kind: str | None
    subject_id: UUID | None
    uploaded_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants to read. ``verifies``: it checks the evidence firms send of themselves.

    ``arbitrates``: it decides disputes, and reads what was named as evidence in them.
    """

    organisation_id: OrganisationId
    verifies: bool
    arbitrates: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A checked file on disk that is not a document yet."""

    draft: Path
    media: MediaType
    size: int
    sha256: bytes
