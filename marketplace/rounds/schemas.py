"""Rounds as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.rounds.domain import (
    CREDIT_MAX,
    ONGOING,
    TITLE_MAX,
    WINDOWS_MAX,
    Entry,
    FairnessTerms,
    Method,
    Outcome,
    Reason,
    Round,
    RoundResult,
    RoundState,
)
from services.capacity.domain import Visibility
from services.contracts.documents import Document, Instant
from services.runtime.web import Language, OwnOrganisation

Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_TERMS: Final = FairnessTerms()
_TEXTS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.NO_CANDIDATE: (
        "Nothing you may see fitted it; match the demand to read why.",
        "没有您可见的资源符合要求；请对该需求单独匹配以查看原因。",
    ),
    Reason.CONTENDED: (
        "More wanted its time than it holds; scarcity adds {scarcity} to its price. Pool it again.",
        "该时段供不应求：稀缺使其价格高出 {scarcity}。请再次参加，等待会计入。",
    ),
    Reason.SLOT_TAKEN: (
        "What it won was taken before it could be held, and nothing else was left; pool it again.",
        "分配的时段在预留前已被占用，且已无其他时段；请再次参加。",
    ),
    Reason.DEMAND_OVER: (
        "Its window had gone by when the round was decided; state it anew.",
        "轮次结算时其时间窗已过；请重新提出需求。",
    ),
}


class TermsIn(Document):
    """The fairness rule: whom waiting helps, and by how much at most."""

    patience_windows: int = Field(
        default=_TERMS.patience_windows,
        ge=0,
        le=WINDOWS_MAX,
        description="rounds a firm loses before it gets a credit",
    )
    credit_per_window_minor: int = Field(
        default=_TERMS.credit_per_window_minor, ge=0, le=CREDIT_MAX
    )
    credit_max_minor: int = Field(default=_TERMS.credit_max_minor, ge=0, le=CREDIT_MAX)


class RoundIn(Document):
    """A round of a park or of a chain space; of neither: of everybody, by the platform only."""

    organisation_id: OwnOrganisation = None
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    park: Code | None = None
    space_id: UUID | None = None
    process: Code | None = Field(default=None, description="demands of this process and below only")
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    closes_at: Instant
    fairness: TermsIn = TermsIn()


class PooledDemandIn(Document):
    demand_id: UUID


class TermsOut(BaseModel):
    patience_windows: int
    credit_per_window_minor: int
    credit_max_minor: int


class RoundResultOut(BaseModel):
    """Totals in minor units; ``faults`` of a sound round are none."""

    method: Method
    state_hash: str
    demands: int
    planned: int = Field(description="demands that won free time")
    cost_minor: int = Field(description="with what leaving demands out counts for")
    bound_minor: int = Field(description="no assignment of the round costs less")
    gap_minor: int = Field(description="by how much the decision may miss the best; 0: proven")
    cost_of_fairness_minor: int = Field(description="what the fairness rule made it dearer by")
    faults: list[str] = Field(description="what the independent check found wrong")
    held: int = Field(description="demands a slot is held for; counted once closed")
    unserved: int

    @classmethod
    def of(cls, result: RoundResult) -> Self:
        return cls.model_validate(result, from_attributes=True)


class RoundOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who opened it")
    title: str
    visibility: Visibility = Field(description="who may join: park, space or public")
    park: str | None
    space_id: UUID | None
    process: str | None
    currency: str
    closes_at: datetime
    fairness: TermsOut
    state: RoundState
    result: RoundResultOut | None = Field(description="once it is decided")
    created_at: datetime

    @classmethod
    def of(cls, one: Round) -> Self:
        return cls(
            id=one.id,
            organisation_id=one.organisation_id,
            title=one.title,
            visibility=one.visibility,
            park=one.park,
            space_id=one.space_id,
            process=one.process,
            currency=one.currency,
            closes_at=one.closes_at,
            fairness=TermsOut.model_validate(one.terms, from_attributes=True),
            state=one.state,
            result=None if one.result is None else RoundResultOut.of(one.result),
            created_at=one.created_at,
        )


class OutcomeOut(BaseModel):
    """How an own demand came out. ``text`` says why it was not served."""

    id: UUID
    demand_id: UUID
    outcome: Outcome
    reason: Reason | None
    text: str | None
    booking_id: UUID | None = Field(description="to be confirmed before its hold ends")
    price_minor: int | None
    options: int | None = Field(description="suppliers that fitted")
    scarcity_minor: int | None = Field(
        description="price signal: by how much the time it wanted most would have to be dearer for"
        " nobody else to want it; the dual price of method slots, an estimate in method hours"
    )
    updated_at: datetime

    @classmethod
    def of(cls, entry: Entry, language: Language) -> Self:
        return cls(
            id=entry.id,
            demand_id=entry.demand_id,
            outcome=Outcome.PLANNED if entry.outcome in ONGOING else entry.outcome,
            reason=entry.reason,
            text=_text(entry, language),
            booking_id=entry.booking_id,
            price_minor=entry.price_minor,
            options=entry.options,
            scarcity_minor=entry.scarcity_minor,
            updated_at=entry.updated_at,
        )


def _text(entry: Entry, language: Language) -> str | None:
    if entry.reason is None:
        return None
    english, chinese = _TEXTS[entry.reason]
    chosen = chinese if language == "zh" else english
    return chosen.format(scarcity=f"{(entry.scarcity_minor or 0) / 100:,.2f}")
