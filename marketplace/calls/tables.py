"""Tables of calls. Papers, reviews and scores are the call owner's and name no submitter."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from marketplace.calls.domain import (
    GIVEN_UP,
    OVER,
    AppealState,
    CallKind,
    ReviewState,
    Screening,
    Stage,
    SubmissionState,
)
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_OVER: Final = _one_of(OVER)
_OF_CALL: Final = ("organisation_id", "call_id"), ("call.organisation_id", "call.id")
_OF_PAPER: Final = ("organisation_id", "paper_id"), ("call_paper.organisation_id", "call_paper.id")


def _key(pair: tuple[tuple[str, str], tuple[str, str]]) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(*pair)


def _by_owner() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["owner_id", "call_id"], ["call.organisation_id", "call.id"])


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


class CallRow(SQLModel, table=True):
    """``criteria``: a list of ``Criterion`` as JSON."""

    __tablename__: ClassVar[str] = "call"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(CallKind)})", name="kind"),
        CheckConstraint(f"stage IN ({_one_of(Stage)})", name="stage"),
        CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)"
            " AND visibility IN ('organisation', 'park', 'public', 'space')",
            name="of_one_place",
        ),
        CheckConstraint(
            "opens_at < submit_until AND submit_until < screen_until"
            " AND screen_until < review_until AND notice_days >= 1",
            name="stages_in_order",
        ),
        CheckConstraint("reviewers >= 1 AND awards >= 1", name="judged_and_awarded"),
        CheckConstraint(
            "jsonb_typeof(criteria) = 'array' AND jsonb_array_length(criteria) > 0",
            name="criteria_given",
        ),
        CheckConstraint("conflicts <@ ARRAY['park', 'space']::text[]", name="conflicts_known"),
        CheckConstraint(
            "(prize_minor IS NULL) = (currency IS NULL) AND prize_minor > 0"
            " AND currency ~ '^[A-Z]{3}$'",
            name="prize_is_money",
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_call_due", "stage_until", postgresql_where=text(f"stage NOT IN ({_OVER})")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    title: str
    title_zh: str
    about: str
    direction: int | None = None
    visibility: str
    park: str | None = Field(default=None, foreign_key="park.code")
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    blind: bool
    reviewers: int
    awards: int
    conflicts: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    criteria: list[dict[str, Any]] = _json()
    opens_at: datetime = instant()
    submit_until: datetime = instant()
    screen_until: datetime = instant()
    review_until: datetime = instant()
    notice_days: int
    prize_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    currency: str | None = None
    stage: str
    stage_until: datetime = instant()
    created_at: datetime = instant()


class CallJurorRow(SQLModel, table=True):
    """A person whom the call's owner appointed to judge."""

    __tablename__: ClassVar[str] = "call_juror"
    __table_args__ = (_key(_OF_CALL),)

    call_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", index=True)
    organisation_id: UUID
    appointed_at: datetime = instant()


class CallSubmissionRow(SQLModel, table=True):
    """The submitter's record: the only place that ties a paper to an organisation."""

    __tablename__: ClassVar[str] = "call_submission"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(SubmissionState)})", name="state"),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("title <> ''", name="titled"),
        _by_owner(),
        UniqueConstraint("organisation_id", "id"),
        Index(None, "call_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    call_id: UUID
    title: str
    body: str
    document_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    state: str
    version: int
    updated_at: datetime = instant()


class CallSubmissionVersionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "call_submission_version"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        ForeignKeyConstraint(
            ["organisation_id", "submission_id"],
            ["call_submission.organisation_id", "call_submission.id"],
        ),
    )

    submission_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    organisation_id: UUID
    title: str
    body: str
    document_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    since: datetime = instant()


class CallPaperRow(SQLModel, table=True):
    """What is judged. Its id is the submission's, its organisation the call's owner."""

    __tablename__: ClassVar[str] = "call_paper"
    __table_args__ = (
        CheckConstraint(f"screening IN ({_one_of(Screening)})", name="screening"),
        CheckConstraint(
            "(screening = 'refused') = (reason IS NOT NULL)", name="refused_for_reason"
        ),
        CheckConstraint("(rank IS NULL) = (score IS NULL) AND rank >= 1", name="ranked_whole"),
        CheckConstraint("score BETWEEN 0 AND 100000", name="score_in_bounds"),
        _key(_OF_CALL),
        ForeignKeyConstraint(["id"], ["call_submission.id"]),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("call_id", "code"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    call_id: UUID
    code: str
    title: str
    body: str
    documents: int
    screening: str
    reason: str | None = None
    rank: int | None = None
    score: int | None = None
    trace: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    excluded: bool
    withdrawn: bool


class CallReviewRow(SQLModel, table=True):
    """That a juror judges a paper, and how far that is; the scores are apart."""

    __tablename__: ClassVar[str] = "call_review"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(ReviewState)})", name="state"),
        CheckConstraint("(state = 'assigned') = (decided_at IS NULL)", name="decided_when"),
        CheckConstraint(
            f"(state IN ({_one_of(GIVEN_UP)})) = (reason IS NOT NULL)", name="declined_for_reason"
        ),
        _key(_OF_CALL),
        _key(_OF_PAPER),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("paper_id", "person_id"),
        Index(None, "call_id"),
        Index(None, "person_id", "id"),
        Index("ix_call_review_declined", "call_id", postgresql_where=text("state = 'declined'")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    call_id: UUID
    paper_id: UUID
    person_id: UUID
    state: str
    reason: str | None = None
    assigned_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)


class CallScoreRow(SQLModel, table=True):
    """A review that is in. A juror sees others' of the same paper once the own one is."""

    __tablename__: ClassVar[str] = "call_score"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "review_id"], ["call_review.organisation_id", "call_review.id"]
        ),
        _key(_OF_PAPER),
        CheckConstraint("jsonb_typeof(scores) = 'object'", name="scores_object"),
        Index(None, "paper_id"),
    )

    review_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    call_id: UUID
    paper_id: UUID
    person_id: UUID
    scores: dict[str, int] = _json()
    comment: str


class CallNoticeRow(SQLModel, table=True):
    """``places``: a list of ``Place`` as JSON."""

    __tablename__: ClassVar[str] = "call_notice"
    __table_args__ = (
        CheckConstraint("number >= 1 AND opens_at < closes_at", name="has_window"),
        _key(_OF_CALL),
        UniqueConstraint("call_id", "number"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    call_id: UUID
    number: int
    places: list[dict[str, Any]] = _json()
    opens_at: datetime = instant()
    closes_at: datetime = instant()


class CallAppealRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "call_appeal"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(AppealState)})", name="state"),
        CheckConstraint("(state = 'open') = (reason IS NULL)", name="decided_with_reason"),
        _by_owner(),
        ForeignKeyConstraint(["call_id", "code"], ["call_paper.call_id", "call_paper.code"]),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_call_appeal_open", "call_id", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    call_id: UUID
    code: str
    ground: str
    state: str
    reason: str | None = None
    created_at: datetime = instant()


class CallAwardRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "call_award"
    __table_args__ = (
        CheckConstraint("(prize_minor IS NULL) = (currency IS NULL)", name="prize_is_money"),
        _key(_OF_CALL),
        _key(_OF_PAPER),
        UniqueConstraint("paper_id"),
        UniqueConstraint("certificate"),
        Index(None, "call_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    winner_id: UUID = Field(foreign_key="organisation.id")
    call_id: UUID
    paper_id: UUID
    code: str
    title: str
    rank: int
    certificate: str
    prize_minor: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    currency: str | None = None
    escrow_id: UUID | None = Field(default=None, foreign_key="ledger_escrow.id")
    created_at: datetime = instant()
