"""What the API says about entries of the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.contracts.documents import Document
from services.runtime.audit.entry import Entry, Head


class AuditEntryRead(Document):
    """``hash`` covers all the rest and ``previous``, the hash of the entry before."""

    id: UUID
    chain: UUID = Field(description="the organisation; all zeros: the platform itself")
    seq: int
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    credential_id: UUID | None = Field(description="the session or API key it was done with")
    action: str
    path_ids: dict[str, Any] | None
    subject_kind: str | None
    subject_id: str | None
    before: Any = Field(description="fields that changed; not public ones without their value")
    after: Any
    request_id: str | None
    previous: str
    hash: str

    @classmethod
    def of(cls, entry: Entry) -> "AuditEntryRead":
        fact = entry.fact
        return cls(
            id=fact.id,
            chain=entry.chain,
            seq=entry.seq,
            at=fact.at,
            actor_kind=fact.actor_kind,
            actor_id=fact.actor_id,
            credential_id=fact.credential_id,
            action=fact.action,
            path_ids=None if fact.path_ids is None else dict(fact.path_ids),
            subject_kind=fact.subject_kind,
            subject_id=fact.subject_id,
            before=fact.before,
            after=fact.after,
            request_id=fact.request_id,
            previous=entry.previous.hex(),
            hash=entry.hash.hex(),
        )


class AuditHeadRead(Document):
    chain: UUID
    seq: int
    hash: str

    @classmethod
    def of(cls, head: Head) -> "AuditHeadRead":
        return cls(chain=head.chain, seq=head.seq, hash=head.hash.hex())
