"""The verified-firm flow as the API takes and shows it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.contracts.documents import Document
from services.identity.domain import RequestState, VerificationRequest
from services.identity.domain.verification import DOCUMENTS_MAX, REASON_MAX


class VerificationCreate(Document):
    document_ids: list[UUID] = Field(
        default_factory=list,
        max_length=DOCUMENTS_MAX,
        description="documents of the organisation with subject_kind verification, e.g. the"
        " business licence (营业执照)",
    )


class VerificationRead(Document):
    id: UUID
    organisation_id: UUID
    name: str
    name_zh: str
    uscc: str
    document_ids: list[UUID]
    requested_by: UUID
    requested_at: datetime
    state: RequestState
    decided_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, request: VerificationRequest) -> "VerificationRead":
        return cls(
            id=request.id,
            organisation_id=request.organisation_id,
            name=request.name,
            name_zh=request.name_zh,
            uscc=request.uscc,
            document_ids=list(request.document_ids),
            requested_by=request.requested_by,
            requested_at=request.requested_at,
            state=request.state,
            decided_at=request.decided_at,
            reason=request.reason,
        )


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class DecisionCreate(Document):
    decision: Verdict
    reason: str = Field(
        min_length=1,
        max_length=REASON_MAX,
        pattern=r"\S",
        description="what was compared, or what is wrong; the organisation reads it",
    )
