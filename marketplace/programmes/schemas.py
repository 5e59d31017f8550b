"""Programmes as the API takes and shows them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

from marketplace.programmes.domain import (
    DIRECTIONS_MAX,
    FIELDS_MAX,
    KEY_PATTERN,
    TEXT_MAX,
    Application,
    ApplicationState,
    FieldKind,
    Practice,
    PracticeState,
    Programme,
    Recommendation,
    Report,
    ReportState,
    RuleKind,
    preferred,
)
from marketplace.programmes.handlers.following import Due
from services.contracts.documents import Document

WHOLE_MAX = 2**53
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Whole = Annotated[int, Field(strict=True, ge=-WHOLE_MAX, le=WHOLE_MAX)]
Number = Annotated[int, Field(ge=1, le=99)]
Stated = (
    Annotated[bool, Field(strict=True)]
    | Whole
    | Annotated[str, StringConstraints(max_length=TEXT_MAX)]
    | Annotated[list[Whole], Field(max_length=DIRECTIONS_MAX)]
)


class RunIn(Document):
    programme: str = Field(pattern=KEY_PATTERN)


class StatedIn(Document):
    title: Title
    directions: list[Number] = Field(max_length=DIRECTIONS_MAX)
    fields: dict[Name, Stated] = Field(
        default_factory=dict,
        max_length=FIELDS_MAX,
        description="what the applicant states, by field of the programme's form",
    )


class ApplicationIn(StatedIn):
    recommender_id: UUID = Field(description="the organisation asked to recommend the project")


class RecommendationIn(Document):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class DirectionOut(BaseModel):
    number: int
    name: str
    name_zh: str


class RuleOut(BaseModel):
    clause: str
    kind: RuleKind
    said: str
    said_zh: str


class PreferenceOut(BaseModel):
    clause: str
    field: str
    said: str
    said_zh: str


class FormFieldOut(BaseModel):
    key: str
    kind: FieldKind
    name: str
    name_zh: str
    required: bool
    figure: str | None = Field(description="the platform's figure that fills it; else it is stated")
    most: int = Field(description="characters of a text")


class ProgrammeOut(BaseModel):
    key: str
    version: int
    valid_from: date
    name: str
    name_zh: str
    source: str
    directions: list[DirectionOut]
    rules: list[RuleOut]
    preferences: list[PreferenceOut]
    form: list[FormFieldOut]
    stages: list[str]
    term_years: int | None
    progress_reports: bool

    @classmethod
    def of(cls, programme: Programme) -> Self:
        directions = [
            {"number": number, "name": name, "name_zh": name_zh}
            for number, (name, name_zh) in programme.directions.items()
        ]
        said = {name: getattr(programme, name) for name in cls.model_fields}
        return cls.model_validate(said | {"directions": directions}, from_attributes=True)


class ProgrammesOut(BaseModel):
    items: list[ProgrammeOut]

    @classmethod
    def of(cls, programmes: Mapping[str, Programme]) -> Self:
        return cls(items=[ProgrammeOut.of(programmes[key]) for key in sorted(programmes)])


class FigureOut(BaseModel):
    """``source``: the list of the API it is counted from."""

    key: str
    value: int | str | None
    source: str
    as_of: datetime


class FindingOut(BaseModel):
    clause: str
    passed: bool
    en: str
    zh: str


class ApplicationOut(BaseModel):
    id: UUID
    organisation_id: UUID
    call_id: UUID
    recommender_id: UUID
    programme: str
    version: int = Field(description="of the programme's rules")
    title: str
    directions: list[int]
    fields: dict[str, Stated] = Field(description="stated by the applicant")
    figures: list[FigureOut] = Field(description="the platform's own")
    findings: list[FindingOut] = Field(description="every clause, and whether it holds")
    preferences: list[str] = Field(description="clauses of preference it meets, as it states")
    state: ApplicationState
    submission_id: UUID | None
    created_at: datetime

    @classmethod
    def of(cls, application: Application, programmes: Mapping[str, Programme]) -> Self:
        said = {
            name: getattr(application, name)
            for name in cls.model_fields
            if hasattr(application, name)
        }
        programme = programmes.get(application.programme)
        met = [] if programme is None else list(preferred(programme, application.fields))
        return cls.model_validate(said | {"preferences": met}, from_attributes=True)


class RecommendationOut(BaseModel):
    id: UUID
    organisation_id: UUID
    applicant_id: UUID
    application_id: UUID
    call_id: UUID
    reason: str
    place: int = Field(description="its number among the recommender's in the call")
    quota: int | None
    created_at: datetime

    @classmethod
    def of(cls, recommendation: Recommendation) -> Self:
        return cls.model_validate(recommendation, from_attributes=True)


class ReportIn(Document):
    said: str = Field(min_length=1, max_length=TEXT_MAX, description="what was done, in words")


class ReviewIn(Document):
    accepted: bool
    remark: str | None = Field(
        default=None, min_length=1, max_length=TEXT_MAX, description="why it is returned"
    )

    @model_validator(mode="after")
    def _returned_because(self) -> Self:
        if not self.accepted and self.remark is None:
            raise ValueError("say in remark why the report is returned")
        return self


class ReportOut(BaseModel):
    id: UUID
    application_id: UUID
    number: int
    due_on: date
    said: str
    figures: list[FigureOut] = Field(description="the platform's own, on the day it was handed in")
    state: ReportState
    submitted_at: datetime
    remark: str | None
    reviewed_at: datetime | None

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate(report, from_attributes=True)


class DueOut(BaseModel):
    number: int
    due_on: date
    report: ReportOut | None

    @classmethod
    def of(cls, due: Due) -> Self:
        report = None if due.report is None else ReportOut.of(due.report)
        return cls(number=due.number, due_on=due.due_on, report=report)


class ScheduleOut(BaseModel):
    """Every report due over the term of an award; none before it, or if the rules ask for none."""

    items: list[DueOut]

    @classmethod
    def of(cls, schedule: list[Due]) -> Self:
        return cls(items=[DueOut.of(one) for one in schedule])


class PracticeIn(Document):
    application_id: UUID = Field(description="of a project an own call awarded")
    title: Title
    text: str = Field(min_length=1, max_length=TEXT_MAX)


class PracticeOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who proposed the page")
    applicant_id: UUID
    application_id: UUID | None = Field(description="told to the two sides only")
    title: str
    text: str
    figures: list[FigureOut] = Field(description="the platform's, as the project applied with them")
    state: PracticeState
    created_at: datetime
    published_at: datetime | None

    @classmethod
    def of(cls, practice: Practice, reader: UUID | None) -> Self:
        shown = cls.model_validate(practice, from_attributes=True)
        is_side = reader in {practice.organisation_id, practice.applicant_id}
        return shown if is_side else shown.model_copy(update={"application_id": None})
