"""Calls as the API takes and shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.calls.domain import (
    ABOUT_MAX,
    AWARDS_MAX,
    BODY_MAX,
    COMMENT_MAX,
    CRITERIA_MAX,
    DOCUMENTS_MAX,
    KEY_PATTERN,
    NOTICE_DAYS_MAX,
    REASON_MAX,
    REVIEWERS_MAX,
    TITLE_MAX,
    WEIGHT_MAX,
    Appeal,
    AppealState,
    Award,
    Call,
    CallKind,
    Community,
    Criterion,
    Notice,
    Paper,
    Review,
    ReviewState,
    Rules,
    Schedule,
    Scored,
    Screening,
    Stage,
    Submission,
    SubmissionState,
    SubmissionVersion,
)
from services.capacity.domain import Visibility
from services.contracts.documents import Document, Instant
from services.contracts.money import Money
from services.runtime.web import OwnOrganisation

Title = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_MAX)]
Body = Annotated[str, StringConstraints(max_length=BODY_MAX)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=REASON_MAX)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
POINTS_MAX = 100


class CriterionIn(Document):
    key: Key
    name: Title
    name_zh: Title
    weight: int = Field(default=1, ge=0, le=WEIGHT_MAX)
    most: int = Field(default=10, ge=1, le=POINTS_MAX, description="jurors give 0 to this")


class RulesIn(Document):
    criteria: list[CriterionIn] = Field(min_length=1, max_length=CRITERIA_MAX)
    blind: bool = Field(default=True, description="nobody learns who submitted before the award")
    reviewers: int = Field(default=3, ge=1, le=REVIEWERS_MAX, description="of each paper")
    awards: int = Field(default=1, ge=1, le=AWARDS_MAX)
    conflicts: list[Community] = Field(
        default_factory=list,
        max_length=len(Community),
        description="communities shared with a submitter that keep a juror from judging it;"
        " a shared organisation always does",
    )

    def rules(self) -> Rules:
        return Rules(
            criteria=tuple(Criterion(**one.model_dump()) for one in self.criteria),
            blind=self.blind,
            reviewers=self.reviewers,
            awards=self.awards,
            conflicts=tuple(self.conflicts),
        )


class ScheduleIn(Document):
    opens_at: Instant
    submit_until: Instant
    screen_until: Instant
    review_until: Instant
    notice_days: int = Field(default=5, ge=1, le=NOTICE_DAYS_MAX)

    def schedule(self) -> Schedule:
        return Schedule(**{name: getattr(self, name) for name in type(self).model_fields})


class PrizeIn(Document):
    minor: int = Field(ge=1, le=10**12, description="of each award, in minor units")
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")

    def money(self) -> Money:
        return Money(self.minor, self.currency)


class CallIn(Document):
    organisation_id: OwnOrganisation = None
    kind: CallKind
    title: Title
    title_zh: Title
    about: str = Field(default="", max_length=ABOUT_MAX)
    direction: int | None = Field(default=None, ge=1, le=99)
    visibility: Visibility = Visibility.PUBLIC
    park: Code | None = None
    space_id: UUID | None = None
    rules: RulesIn
    schedule: ScheduleIn
    prize: PrizeIn | None = None


class SubmissionIn(Document):
    title: Title
    body: Body = ""
    document_ids: list[UUID] = Field(default_factory=list, max_length=DOCUMENTS_MAX)


class ScreeningIn(Document):
    refused_because: Reason | None = Field(default=None, description="left out: admitted")


class DeclineIn(Document):
    reason: Reason


class ScoresIn(Document):
    scores: dict[Key, Annotated[int, Field(ge=0, le=POINTS_MAX)]] = Field(
        max_length=CRITERIA_MAX, description="points by criterion"
    )
    comment: str = Field(default="", max_length=COMMENT_MAX)


class AppealIn(Document):
    code: Code = Field(description="of a paper the standing notice proposes")
    ground: Reason


class DecisionIn(Document):
    upheld: bool
    reason: Reason


class CriterionOut(BaseModel):
    key: str
    name: str
    name_zh: str
    weight: int
    most: int


class MoneyOut(BaseModel):
    minor: int
    currency: str


class CallOut(BaseModel):
    id: UUID
    organisation_id: UUID
    kind: CallKind
    title: str
    title_zh: str
    about: str
    direction: int | None
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    blind: bool
    reviewers: int
    awards: int
    conflicts: list[Community]
    criteria: list[CriterionOut]
    opens_at: datetime
    submit_until: datetime
    screen_until: datetime
    review_until: datetime
    notice_days: int
    prize: MoneyOut | None
    stage: Stage
    stage_until: datetime
    created_at: datetime

    @classmethod
    def of(cls, call: Call) -> Self:
        said = {
            name: getattr(call, name)
            for name in cls.model_fields
            if hasattr(call, name) and name != "prize"
        }
        rules = {name: getattr(call.rules, name) for name in ("blind", "reviewers", "awards")}
        return cls(
            **said,
            **rules,
            conflicts=list(call.rules.conflicts),
            criteria=_criteria(call),
            opens_at=call.schedule.opens_at,
            submit_until=call.schedule.submit_until,
            screen_until=call.schedule.screen_until,
            review_until=call.schedule.review_until,
            notice_days=call.schedule.notice_days,
            prize=None
            if call.prize is None
            else MoneyOut(minor=call.prize.minor, currency=call.prize.currency),
        )


class JurorsOut(BaseModel):
    person_ids: list[UUID]


class SubmissionOut(BaseModel):
    """An own submission; ``code`` to ``trace`` tell how its paper fares."""

    id: UUID
    organisation_id: UUID
    call_id: UUID
    title: str
    body: str
    document_ids: list[UUID]
    state: SubmissionState
    version: int
    updated_at: datetime
    code: str | None = None
    screening: Screening | None = None
    refused_because: str | None = None
    rank: int | None = None
    score: int | None = Field(default=None, description="of 100,000")
    trace: list[str] = []

    @classmethod
    def of(cls, submission: Submission, paper: Paper | None = None) -> Self:
        shown = cls.model_validate(submission, from_attributes=True)
        if paper is None:
            return shown
        return shown.model_copy(
            update={
                "code": paper.code,
                "screening": paper.screening,
                "refused_because": paper.reason,
                "rank": paper.rank,
                "score": paper.score,
                "trace": list(paper.trace),
            }
        )


class VersionOut(BaseModel):
    version: int
    title: str
    body: str
    document_ids: list[UUID]
    since: datetime


class VersionsOut(BaseModel):
    items: list[VersionOut]

    @classmethod
    def of(cls, versions: Sequence[SubmissionVersion]) -> Self:
        return cls(items=[VersionOut.model_validate(it, from_attributes=True) for it in versions])


class PaperOut(BaseModel):
    """What was submitted, without who did."""

    id: UUID
    call_id: UUID
    code: str
    title: str
    body: str
    documents: int = Field(description="how many its submitter attached")
    screening: Screening
    refused_because: str | None
    rank: int | None
    score: int | None = Field(description="of 100,000")
    trace: list[str]
    excluded: bool
    withdrawn: bool

    @classmethod
    def of(cls, paper: Paper) -> Self:
        said = {name: getattr(paper, name) for name in cls.model_fields if hasattr(paper, name)}
        return cls(**said, refused_because=paper.reason)


class ReviewOut(BaseModel):
    """What a juror is asked to judge."""

    id: UUID
    call_id: UUID
    paper_id: UUID
    state: ReviewState
    reason: str | None
    assigned_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, review: Review) -> Self:
        return cls.model_validate(review, from_attributes=True)


class AskedReviewOut(ReviewOut):
    """With the paper, which names nobody, and the criteria to judge it by."""

    code: str
    title: str
    body: str
    criteria: list[CriterionOut]

    @classmethod
    def with_paper(cls, review: Review, paper: Paper, call: Call) -> Self:
        return cls(
            **ReviewOut.of(review).model_dump(),
            code=paper.code,
            title=paper.title,
            body=paper.body,
            criteria=_criteria(call),
        )


class ScoredOut(BaseModel):
    """A review that is in; by whom is not told."""

    review_id: UUID
    scores: dict[str, int]
    comment: str


class ScoredListOut(BaseModel):
    items: list[ScoredOut]

    @classmethod
    def of(cls, scored: Sequence[Scored]) -> Self:
        return cls(items=[ScoredOut.model_validate(it, from_attributes=True) for it in scored])


class PlaceOut(BaseModel):
    code: str
    title: str
    rank: int
    score: int = Field(description="of 100,000")
    submitter_id: UUID | None = Field(description="in calls that are not blind")


class NoticeOut(BaseModel):
    id: UUID
    call_id: UUID
    number: int
    places: list[PlaceOut]
    opens_at: datetime
    closes_at: datetime


class NoticesOut(BaseModel):
    items: list[NoticeOut]

    @classmethod
    def of(cls, notices: Sequence[Notice]) -> Self:
        return cls(items=[NoticeOut.model_validate(it, from_attributes=True) for it in notices])


class AppealOut(BaseModel):
    id: UUID
    organisation_id: UUID
    call_id: UUID
    code: str
    ground: str
    state: AppealState
    reason: str | None
    created_at: datetime

    @classmethod
    def of(cls, appeal: Appeal) -> Self:
        return cls.model_validate(appeal, from_attributes=True)


class AwardOut(BaseModel):
    """``certificate`` proves it; ``escrow_id``: where winner and owner find the prize."""

    id: UUID
    call_id: UUID
    winner_id: UUID
    code: str
    title: str
    rank: int
    certificate: str
    prize_minor: int | None
    currency: str | None
    escrow_id: UUID | None
    created_at: datetime


class AwardsOut(BaseModel):
    items: list[AwardOut]

    @classmethod
    def of(cls, awards: Sequence[Award]) -> Self:
        return cls(items=[AwardOut.model_validate(it, from_attributes=True) for it in awards])


def _criteria(call: Call) -> list[CriterionOut]:
    return [CriterionOut.model_validate(one, from_attributes=True) for one in call.rules.criteria]
