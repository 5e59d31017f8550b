"""Tables of programmes: which call runs one, applications and recommendations."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from marketplace.programmes.domain import ApplicationState, PracticeState, ReportState
from services.runtime.tables import instant

_REPORTS = ", ".join(f"'{one}'" for one in sorted(ReportState))
_PRACTICES = ", ".join(f"'{one}'" for one in sorted(PracticeState))
_STATES = ", ".join(f"'{one}'" for one in sorted(ApplicationState))


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


class ProgrammeRunRow(SQLModel, table=True):
    """A call that selects by the rules of a programme, in the version of that day."""

    __tablename__: ClassVar[str] = "programme_run"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        ForeignKeyConstraint(["organisation_id", "call_id"], ["call.organisation_id", "call.id"]),
    )

    call_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    programme: str
    version: int
    since: datetime = instant()


class ProgrammeApplicationRow(SQLModel, table=True):
    """An applicant has one project in a call, by every rule file and by the unique index."""

    __tablename__: ClassVar[str] = "programme_application"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("(state = 'filed') = (submission_id IS NOT NULL)", name="filed_as"),
        ForeignKeyConstraint(["owner_id", "call_id"], ["call.organisation_id", "call.id"]),
        ForeignKeyConstraint(
            ["organisation_id", "submission_id"],
            ["call_submission.organisation_id", "call_submission.id"],
        ),
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_programme_application_one_project",
            "organisation_id",
            "call_id",
            unique=True,
            postgresql_where=text("state <> 'draft'"),
        ),
        Index(None, "recommender_id"),
        Index(None, "call_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    call_id: UUID
    owner_id: UUID
    recommender_id: UUID = Field(foreign_key="organisation.id")
    programme: str
    version: int
    title: str
    directions: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    fields: dict[str, Any] = _json()
    figures: list[dict[str, Any]] = _json()
    findings: list[dict[str, Any]] = _json()
    state: str
    submission_id: UUID | None = None
    created_at: datetime = instant()


class ProgrammeRecommendationRow(SQLModel, table=True):
    """The quota holds however many ask at once: places are numbered, and each is given once."""

    __tablename__: ClassVar[str] = "programme_recommendation"
    __table_args__ = (
        CheckConstraint("place >= 1 AND (quota IS NULL OR place <= quota)", name="within_quota"),
        ForeignKeyConstraint(
            ["applicant_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
        ),
        UniqueConstraint("application_id"),
        UniqueConstraint("organisation_id", "call_id", "place"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    applicant_id: UUID
    owner_id: UUID
    application_id: UUID
    call_id: UUID
    reason: str
    place: int
    quota: int | None = None
    created_at: datetime = instant()


class ProgressReportRow(SQLModel, table=True):
    """A trigger lets its applicant hand it in and the call's owner review it."""

    __tablename__: ClassVar[str] = "progress_report"
    __table_args__ = (
        CheckConstraint(f"state IN ({_REPORTS})", name="state"),
        CheckConstraint("number >= 1", name="numbered"),
        CheckConstraint("state <> 'returned' OR remark IS NOT NULL", name="returned_because"),
        ForeignKeyConstraint(
            ["organisation_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
        ),
        UniqueConstraint("application_id", "number"),
        Index(None, "owner_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    owner_id: UUID = Field(foreign_key="organisation.id")
    application_id: UUID
    number: int
    due_on: date
    said: str
    figures: list[dict[str, Any]] = _json()
    state: str
    submitted_at: datetime = instant()
    remark: str | None = None
    reviewed_at: datetime | None = instant(nullable=True)


class BestPracticeRow(SQLModel, table=True):
    """Nobody but the applicant can change its state, so none is published without consent."""

    __tablename__: ClassVar[str] = "best_practice"
    __table_args__ = (
        CheckConstraint(f"state IN ({_PRACTICES})", name="state"),
        CheckConstraint(
            "state = 'withdrawn' OR (state = 'proposed') = (published_at IS NULL)",
            name="published_at",
        ),
        ForeignKeyConstraint(
            ["applicant_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
        ),
        Index(
            "uq_best_practice_shown",
            "application_id",
            unique=True,
            postgresql_where=text("state <> 'withdrawn'"),
        ),
        Index(None, "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    applicant_id: UUID
    application_id: UUID
    title: str
    text: str
    figures: list[dict[str, Any]] = _json()
    state: str
    created_at: datetime = instant()
    published_at: datetime | None = instant(nullable=True)
