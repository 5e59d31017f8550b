"""The verified-firm flow (企业认证): a firm asks, a security administrator decides."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.contracts.ids import OrganisationId, PersonId

DOCUMENTS_MAX: Final = 10
REASON_MAX: Final = 1_000
EVIDENCE: Final = "verification"
"""``subject_kind`` of documents that prove who a firm is; the security administrator reads them."""


class RequestState(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """The firm changed its name or credit code before anybody decided."""


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """What a firm said of itself when it asked, and what came of it."""

    id: UUID
    organisation_id: OrganisationId
    name: str
    name_zh: str
    uscc: str
    document_ids: tuple[UUID, ...]
    requested_by: PersonId
    requested_at: datetime
    state: RequestState = RequestState.PENDING
    decided_by: PersonId | None = None
    decided_at: datetime | None = None
    reason: str | None = None
