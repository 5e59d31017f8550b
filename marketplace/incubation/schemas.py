"""Incubation as the API takes and shows it."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from marketplace.incubation.domain import (
    DOCUMENTS_MAX,
    TEXT_MAX,
    TITLE_MAX,
    Approval,
    Fact,
    FactKind,
    FigureKind,
    Introduction,
    IntroductionState,
    Milestone,
    MilestoneState,
    Programme,
    Shown,
    Side,
    Team,
    TeamState,
)
from services.contracts.access import Acting
from services.contracts.documents import Day, Document, Instant


class ProgrammeIn(Document):
    call_id: UUID = Field(description="an own call of kind cohort")
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)


class ProgrammeOut(BaseModel):
    id: UUID
    organisation_id: UUID
    call_id: UUID
    space_id: UUID | None = Field(
        description="where the cohort is shown mentors, seats and workspace; null outside of it"
    )
    title: str
    title_zh: str
    created_at: datetime

    @classmethod
    def of(cls, programme: Programme, acting: Acting) -> Self:
        """``acting`` is told of the space if it is inside."""
        shown = cls.model_validate(programme, from_attributes=True)
        is_inside = (
            acting.organisation_id == programme.organisation_id
            or programme.space_id in acting.principal.spaces
        )
        return shown if is_inside else shown.model_copy(update={"space_id": None})


class TeamOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who incubates")
    team_id: UUID = Field(description="the team's organisation")
    programme_id: UUID
    title: str
    state: TeamState
    admitted_at: datetime

    @classmethod
    def of(cls, team: Team) -> Self:
        return cls.model_validate(team, from_attributes=True)


class TeamsOut(BaseModel):
    items: list[TeamOut]

    @classmethod
    def of(cls, teams: list[Team]) -> Self:
        return cls(items=[TeamOut.of(one) for one in teams])


class MilestoneIn(Document):
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    due_on: Day


class ReportIn(Document):
    said: str = Field(min_length=1, max_length=TEXT_MAX)


class MilestoneOut(BaseModel):
    id: UUID
    incubated_team_id: UUID
    title: str
    due_on: date
    state: MilestoneState
    said: str | None

    @classmethod
    def of(cls, milestone: Milestone) -> Self:
        return cls(
            id=milestone.id,
            incubated_team_id=milestone.incubated_id,
            title=milestone.title,
            due_on=milestone.due_on,
            state=milestone.state,
            said=milestone.said,
        )


class MilestonesOut(BaseModel):
    items: list[MilestoneOut]

    @classmethod
    def of(cls, milestones: list[Milestone]) -> Self:
        return cls(items=[MilestoneOut.of(one) for one in milestones])


class GraduationIn(Document):
    because: str = Field(min_length=1, max_length=TEXT_MAX)


class SurvivalIn(Document):
    as_of: Day
    is_alive: bool
    because: str = Field(min_length=1, max_length=TEXT_MAX, description="how it is known")


class FactOut(BaseModel):
    id: UUID
    kind: FactKind
    occurred_on: date
    because: str
    created_at: datetime

    @classmethod
    def of(cls, fact: Fact) -> Self:
        return cls.model_validate(fact, from_attributes=True)


class FactsOut(BaseModel):
    items: list[FactOut]

    @classmethod
    def of(cls, facts: list[Fact]) -> Self:
        return cls(items=[FactOut.of(one) for one in facts])


class ApprovalIn(Document):
    investor_id: UUID = Field(description="a verified organisation of kind investor")
    because: str = Field(min_length=1, max_length=TEXT_MAX)


class ApprovalOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who vouches")
    investor_id: UUID
    because: str
    created_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, approval: Approval) -> Self:
        return cls.model_validate(approval, from_attributes=True)


class IntroductionIn(Document):
    """Sent by the team or by the investor."""

    incubated_team_id: UUID
    investor_id: UUID
    purpose: str = Field(min_length=1, max_length=TEXT_MAX)


class IntroductionConsentIn(Document):
    figures: list[FigureKind] = Field(default=[], max_length=len(FigureKind))
    document_ids: list[UUID] = Field(default=[], max_length=DOCUMENTS_MAX)
    expires_at: Instant

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        if not self.figures and not self.document_ids:
            raise ValueError("name a figure or a document to show")
        return self


class IntroductionOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="the team")
    investor_id: UUID
    incubator_id: UUID
    incubated_team_id: UUID
    asked_by: Side
    purpose: str
    state: IntroductionState
    created_at: datetime
    consented_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, introduction: Introduction) -> Self:
        return cls(
            id=introduction.id,
            organisation_id=introduction.organisation_id,
            investor_id=introduction.investor_id,
            incubator_id=introduction.incubator_id,
            incubated_team_id=introduction.incubated_id,
            asked_by=introduction.asked_by,
            purpose=introduction.purpose,
            state=introduction.state,
            created_at=introduction.created_at,
            consented_at=introduction.consented_at,
            expires_at=introduction.expires_at,
            ended_at=introduction.ended_at,
        )


class ShownOut(BaseModel):
    """A figure with the rows behind it, or a document to fetch by ``/documents/{id}/content``."""

    figure: FigureKind | None
    currency: str | None = Field(description="of a value in minor units; null: a count of rows")
    value: int | None
    rows: int | None
    rows_sha256: str | None
    document_id: UUID | None

    @classmethod
    def of(cls, shown: Shown) -> Self:
        figure = shown.figure
        return cls(
            figure=None if figure is None else figure.kind,
            currency=None if figure is None else figure.currency,
            value=None if figure is None else figure.value,
            rows=None if figure is None else figure.rows,
            rows_sha256=None if figure is None else figure.rows_sha256,
            document_id=shown.document_id,
        )


class ShownListOut(BaseModel):
    items: list[ShownOut]

    @classmethod
    def of(cls, shown: list[Shown]) -> Self:
        return cls(items=[ShownOut.of(one) for one in shown])
