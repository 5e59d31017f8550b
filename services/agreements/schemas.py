"""What the API says about confidentiality agreements."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from services.agreements.domain import (
    TERMS_HASH_PATTERN,
    Nda,
    NdaState,
    Signature,
    Subject,
    SubjectKind,
)
from services.contracts.documents import Document, Instant

TermsHash = Annotated[
    str,
    Field(pattern=TERMS_HASH_PATTERN, description="SHA-256 of the terms' document, in hex"),
]


class NdaCreate(Document):
    """One of the two parties is the organisation the caller acts for."""

    owner_id: UUID = Field(description="the organisation whose secrets are confided")
    counterparty_id: UUID = Field(description="the organisation that may read them")
    subject_kind: SubjectKind | None = Field(default=None, description="null: everything")
    subject_id: UUID | None = None
    terms_sha256: TermsHash
    expires_at: Instant

    @model_validator(mode="after")
    def _subject_whole_or_none(self) -> "NdaCreate":
        if (self.subject_kind is None) != (self.subject_id is None):
            raise ValueError("subject_kind and subject_id come together")
        return self

    def subject(self) -> Subject | None:
        if self.subject_kind is None or self.subject_id is None:
            return None
        return Subject(self.subject_kind.value, self.subject_id)


class NdaSign(Document):
    terms_sha256: TermsHash


class SignatureRead(Document):
    at: datetime
    by: UUID

    @classmethod
    def of(cls, signature: Signature | None) -> "SignatureRead | None":
        return None if signature is None else cls(at=signature.at, by=signature.by)


class NdaRead(Document):
    id: UUID
    owner_id: UUID
    counterparty_id: UUID
    proposed_by: UUID
    subject_kind: str | None
    subject_id: UUID | None
    terms_sha256: str
    state: NdaState
    created_at: datetime
    expires_at: datetime
    owner_signature: SignatureRead | None
    counterparty_signature: SignatureRead | None
    revocation: SignatureRead | None

    @classmethod
    def of(cls, nda: Nda, now: datetime) -> "NdaRead":
        return cls(
            id=nda.id,
            owner_id=nda.organisation_id,
            counterparty_id=nda.counterparty_id,
            proposed_by=nda.proposed_by,
            subject_kind=nda.subject.kind if nda.subject else None,
            subject_id=nda.subject.id if nda.subject else None,
            terms_sha256=nda.terms_hash.hex(),
            state=nda.state(now),
            created_at=nda.created_at,
            expires_at=nda.expires_at,
            owner_signature=SignatureRead.of(nda.owner_signature),
            counterparty_signature=SignatureRead.of(nda.counterparty_signature),
            revocation=SignatureRead.of(nda.revocation),
        )
