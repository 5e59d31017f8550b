"""Disputes, proposals and scores."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.deals.domain.disputes import (
    DOCUMENTS_MAX,
    REASON_MAX,
    Category,
    Dispute,
    DisputeState,
    Proposal,
    ProposalState,
    Split,
)
from marketplace.deals.domain.quoting import AMOUNT_MAX
from marketplace.deals.domain.scoring import Score
from services.contracts.documents import Document
from services.ledger.domain.escrow import BECAUSE_MAX
from services.runtime.web import Language

Minor = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
Because = Annotated[str, Field(min_length=1, max_length=BECAUSE_MAX // 2)]


class SplitIn(Document):
    """Both together are what the escrow holds."""

    release_minor: Minor = Field(description="to the supplier")
    refund_minor: Minor = Field(description="back to the buyer")

    def split(self) -> Split:
        return Split(self.release_minor, self.refund_minor)


class ProposalIn(Document):
    """Without ``split`` what was accepted is paid, and the rest goes back."""

    split: SplitIn | None = None
    because: Because


class AgreementIn(Document):
    proposal_id: UUID


class DisputeIn(Document):
    category: Category
    reason: str = Field(min_length=1, max_length=REASON_MAX)
    documents: list[UUID] = Field(
        default=[], max_length=DOCUMENTS_MAX, description="evidence, uploaded beforehand"
    )


class DecisionIn(Document):
    split: SplitIn
    because: Because


class SplitOut(BaseModel):
    release_minor: int
    refund_minor: int


class ProposalOut(BaseModel):
    id: UUID
    order_id: UUID
    proposed_by: UUID
    split: SplitOut
    because: str
    state: ProposalState
    created_at: datetime

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        return cls.model_validate(proposal, from_attributes=True)


class DisputeOut(BaseModel):
    """A dispute; ``split`` and ``because`` say how it ended."""

    id: UUID
    order_id: UUID
    organisation_id: UUID = Field(description="who buys")
    supplier_id: UUID
    opened_by: UUID
    category: Category
    reason: str
    documents: list[UUID]
    state: DisputeState
    split: SplitOut | None
    because: str | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        return cls.model_validate(dispute, from_attributes=True)


class ScoreOut(BaseModel):
    """One figure; ``value`` is null while the sample is too small to tell."""

    measure: str
    definition: str
    unit: str
    sample: int = Field(description="how many facts it is made of")
    value: int | None

    @classmethod
    def of(cls, score: Score, language: Language) -> Self:
        measure = score.measure
        return cls(
            measure=measure.name,
            definition=measure.zh if language == "zh" else measure.en,
            unit=measure.unit,
            sample=score.sample,
            value=score.value,
        )


class ScoresOut(BaseModel):
    """What the record says of an organisation as supplier and as buyer; nobody rates anybody."""

    organisation_id: UUID
    scores: list[ScoreOut]
