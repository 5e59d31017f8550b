"""The idea box as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.ideas.domain import (
    AMOUNT_MAX,
    COMMENT_MAX,
    REASON_MAX,
    STAGES_MAX,
    TEXT_MAX,
    TITLE_MAX,
    Box,
    Idea,
    IdeaDecision,
    IdeaState,
    Outcome,
    Tally,
)
from services.contracts.access import Role
from services.contracts.documents import Document, Instant

Minor = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
StageKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class IdeaBoxEdit(Document):
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    about: str = Field(default="", max_length=TEXT_MAX)
    budget_minor: Minor
    closes_at: Instant = Field(description="until when ideas and votes are taken")


class IdeaBoxIn(IdeaBoxEdit):
    account_id: UUID = Field(description="the cost centre the budget is in: /cost-centres")
    amounts_minor: dict[StageKey, Minor] = Field(
        default_factory=dict,
        max_length=STAGES_MAX,
        description="what a stage gives, where not as usual",
    )


class StageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    key: str
    name: str
    name_zh: str
    amount_minor: int
    decided_by: list[Role]


class IdeaBoxOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    title: str
    about: str
    account_id: UUID
    currency: str
    budget_minor: int
    spent_minor: int
    stages: list[StageOut]
    closes_at: datetime
    version: int
    created_at: datetime

    @classmethod
    def of(cls, box: Box) -> Self:
        return cls.model_validate(box)


class IdeaIn(Document):
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    text: str = Field(min_length=1, max_length=TEXT_MAX)


class IdeaOut(BaseModel):
    id: UUID
    organisation_id: UUID
    box_id: UUID
    author_id: UUID
    title: str
    text: str
    state: IdeaState
    stage: int = Field(description="stages passed")
    account_id: UUID | None = Field(description="the team account with its money")
    votes_for: int
    votes_against: int
    own_vote: int | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, idea: Idea, tally: Tally) -> Self:
        return cls(
            id=idea.id,
            organisation_id=idea.organisation_id,
            box_id=idea.box_id,
            author_id=idea.author_id,
            title=idea.title,
            text=idea.text,
            state=idea.state,
            stage=idea.stage,
            account_id=idea.account_id,
            votes_for=tally.ups,
            votes_against=tally.downs,
            own_vote=tally.mine,
            created_at=idea.created_at,
            updated_at=idea.updated_at,
        )


class VoteIn(Document):
    value: Literal[-1, 1] = Field(description="1 for, -1 against; the last one given counts")


class CommentIn(Document):
    text: str = Field(min_length=1, max_length=COMMENT_MAX)


class CommentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    idea_id: UUID
    person_id: UUID
    text: str
    created_at: datetime


class IdeaDecisionIn(Document):
    outcome: Outcome
    reason: str = Field(min_length=1, max_length=REASON_MAX)


class IdeaDecisionOut(BaseModel):
    id: UUID = Field(description="also the fact of its ledger entry")
    idea_id: UUID
    stage: str
    outcome: Outcome
    amount_minor: int
    currency: str
    reason: str
    decided_by: UUID
    decided_at: datetime

    @classmethod
    def of(cls, decision: IdeaDecision) -> Self:
        return cls(
            id=decision.id,
            idea_id=decision.idea_id,
            stage=decision.stage,
            outcome=decision.outcome,
            amount_minor=decision.amount.minor,
            currency=decision.amount.currency,
            reason=decision.reason,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
        )
