"""Projects and gigs as the API takes and shows them."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.projects.domain.agreeing import (
    Agreement,
    AgreementKind,
    AgreementState,
    Consent,
)
from marketplace.projects.domain.deciding import Choice, Decision, DecisionState, Vote, Weighing
from marketplace.projects.domain.gigs import PAY_MAX, GigState
from marketplace.projects.domain.planning import PlanKind, PlanState
from marketplace.projects.domain.pooling import (
    QUANTITY_MAX,
    UNIT_MAX,
    PooledState,
    PoolState,
)
from marketplace.projects.domain.project import (
    MEMBERS_MAX,
    REASON_MAX,
    TEXT_MAX,
    TITLE_MAX,
    WHOLE,
    MemberState,
    ProjectKind,
    ProjectState,
)
from services.capacity.domain import Visibility
from services.contracts.documents import Day, Document, Instant
from services.contracts.ids import OrganisationId

Title = Annotated[str, Field(min_length=1, max_length=TITLE_MAX)]
Text = Annotated[str, Field(max_length=TEXT_MAX)]
Parts = Annotated[int, Field(ge=0, le=WHOLE, description="parts per 10,000")]


class Shown(BaseModel):
    """What is shown of a thing of the domain, field by field."""

    @classmethod
    def of(cls, known: Any) -> Self:
        return cls.model_validate(known, from_attributes=True)


class ProjectIn(Document):
    kind: ProjectKind
    title: Title
    title_zh: Title | None = None
    about: Text = ""
    visibility: Visibility = Visibility.ORGANISATION
    park: str | None = Field(default=None, max_length=40)
    space_id: UUID | None = None
    award_id: UUID | None = Field(default=None, description="the award it carries out")


class ProjectOut(Shown):
    id: UUID
    organisation_id: UUID = Field(description="who leads it")
    kind: ProjectKind
    title: str
    title_zh: str | None
    about: str
    state: ProjectState
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    award_id: UUID | None
    created_at: datetime
    updated_at: datetime


class InviteIn(Document):
    invitee_id: UUID = Field(description="an organisation")
    role: str = Field(default="partner", min_length=1, max_length=40)


class AnswerIn(Document):
    accepts: bool


class MemberOut(Shown):
    id: UUID
    organisation_id: UUID
    person_id: UUID | None = Field(description="who answered for it")
    role: str
    stake: int = Field(description="parts per 10,000")
    state: MemberState
    invited_at: datetime
    changed_at: datetime


class MembersOut(BaseModel):
    items: list[MemberOut]


class PartIn(Document):
    organisation_id: UUID
    part: Parts


class PartOut(BaseModel):
    organisation_id: UUID
    part: int


class PartsIn(Document):
    """One for every member; they add up to 10,000."""

    parts: list[PartIn] = Field(min_length=1, max_length=MEMBERS_MAX)

    def by_member(self) -> dict[OrganisationId, int]:
        return {OrganisationId(one.organisation_id): one.part for one in self.parts}


class StakesIn(PartsIn):
    """Stakes; with ``leaves`` those of the others when the caller leaves."""

    leaves: bool = False


class BackgroundIn(Document):
    """What a member brings (背景知识产权)."""

    organisation_id: UUID
    title: Title
    reference: str = Field(default="", max_length=TITLE_MAX)


class TermsIn(PartsIn):
    """``parts``: shares in what comes out of the project (前景知识产权)."""

    background: list[BackgroundIn] = Field(default_factory=list, max_length=100)
    licence_back: Text = ""
    text: Text = ""

    def document(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"parts"})


class ConsentOut(Shown):
    organisation_id: UUID
    person_id: UUID | None
    accepts: bool
    at: datetime


class AgreementOut(BaseModel):
    id: UUID
    project_id: UUID
    organisation_id: UUID = Field(description="who proposed it")
    kind: AgreementKind
    number: int
    parts: list[PartOut]
    document: dict[str, Any]
    leaver_id: UUID | None
    state: AgreementState
    created_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, known: Agreement) -> Self:
        return cls(**_fields(known, "parts"), parts=_parts(known.parts))


class AnsweredOut(AgreementOut):
    consents: list[ConsentOut]

    @classmethod
    def with_consents(cls, known: Agreement, said: list[Consent]) -> Self:
        consents = [ConsentOut.of(one) for one in said]
        return cls(**_fields(known, "parts"), parts=_parts(known.parts), consents=consents)


class PlanItemIn(Document):
    kind: PlanKind
    title: Title
    about: Text = ""
    parent_id: UUID | None = Field(default=None, description="the work package it lies in")
    lead_id: UUID | None = Field(default=None, description="a member; the caller's if left out")
    due_on: Day | None = None


class PlanStateIn(Document):
    state: PlanState


class PlanItemOut(Shown):
    id: UUID
    kind: PlanKind
    parent_id: UUID | None
    title: str
    about: str
    lead_id: UUID
    due_on: date | None
    state: PlanState
    created_at: datetime
    changed_at: datetime


class FileIn(Document):
    """An own document becomes the next version of the file ``name``."""

    name: Title
    document_id: UUID


class FileVersionOut(Shown):
    id: UUID
    organisation_id: UUID
    name: str
    number: int
    media_type: str
    size: int
    sha256: str
    person_id: UUID | None
    created_at: datetime
    downloads: int


class DecisionIn(Document):
    title: Title
    text: Text = ""
    weighing: Weighing = Weighing.HEADS
    quorum: Parts = 5_000
    majority: Parts = 5_000
    closes_at: Instant


class VoteIn(Document):
    choice: Choice


class VoteOut(Shown):
    organisation_id: UUID
    person_id: UUID | None
    choice: Choice
    at: datetime


class DecisionOut(BaseModel):
    id: UUID
    project_id: UUID
    organisation_id: UUID
    title: str
    text: str
    weighing: Weighing
    quorum: int = Field(description="of all weight, that must vote, parts per 10,000")
    majority: int = Field(description="of yes and no, that yes must pass, parts per 10,000")
    weights: list[PartOut]
    closes_at: datetime
    state: DecisionState
    created_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, known: Decision) -> Self:
        return cls(**_fields(known, "weights"), weights=_parts(known.weights))


class VotedOut(DecisionOut):
    votes: list[VoteOut]

    @classmethod
    def with_votes(cls, known: Decision, cast: list[Vote]) -> Self:
        votes = [VoteOut.of(one) for one in cast]
        return cls(**_fields(known, "weights"), weights=_parts(known.weights), votes=votes)


class GigIn(Document):
    title: Title
    about: Text = ""
    pay_minor: int = Field(ge=1, le=PAY_MAX)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    due_at: Instant


class GigOut(Shown):
    """``work`` and ``reason`` are for publisher and worker alone."""

    id: UUID
    project_id: UUID
    organisation_id: UUID
    title: str
    about: str
    pay_minor: int
    currency: str
    due_at: datetime
    state: GigState
    created_at: datetime
    updated_at: datetime
    worker_id: UUID | None
    team_id: UUID | None
    escrow_id: UUID | None
    handed_in_at: datetime | None
    hand_ins: int
    work: str | None
    reason: str | None

    @classmethod
    def for_viewer(cls, known: Any, viewer: OrganisationId) -> Self:
        shown = cls.of(known)
        if viewer in {shown.organisation_id, shown.worker_id}:
            return shown
        hidden = ("worker_id", "team_id", "escrow_id", "handed_in_at", "work", "reason")
        return shown.model_copy(update=dict.fromkeys(hidden) | {"hand_ins": 0})


class GigApplicationIn(Document):
    text: Text = ""
    team_id: UUID | None = Field(default=None, description="an own team that shares the pay")


class GigApplicationOut(Shown):
    id: UUID
    gig_id: UUID
    organisation_id: UUID
    text: str
    team_id: UUID | None
    created_at: datetime


class AssignIn(Document):
    worker_id: UUID = Field(description="an organisation that applied")


class HandInIn(Document):
    work: str = Field(min_length=1, max_length=TEXT_MAX)


class SendBackIn(Document):
    reason: str = Field(min_length=1, max_length=REASON_MAX)


class PoolIn(Document):
    title: Title
    about: Text = ""
    unit_minor: int = Field(ge=1, le=UNIT_MAX, description="of one piece, tax included")
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    lot_least: int = Field(ge=1, le=QUANTITY_MAX, description="pieces of the least economic lot")
    closes_at: Instant


class PoolOut(Shown):
    id: UUID
    organisation_id: UUID
    title: str
    about: str
    unit_minor: int
    currency: str
    lot_least: int
    closes_at: datetime
    state: PoolState
    pooled: int | None
    created_at: datetime


class PooledIn(Document):
    quantity: int = Field(ge=1, le=QUANTITY_MAX)
    options: Text = ""


class PooledOut(Shown):
    id: UUID
    pool_id: UUID
    organisation_id: UUID
    quantity: int
    options: str
    state: PooledState
    escrow_id: UUID | None
    created_at: datetime


class TeamIncomeOut(BaseModel):
    """``parts`` add up to ``net_minor``: the amount less tax and fee."""

    id: UUID
    gig_id: UUID
    escrow_id: UUID
    amount_minor: int
    net_minor: int
    currency: str
    parts: list[PartOut]
    at: datetime

    @classmethod
    def of(cls, known: Any) -> Self:
        parts = _parts(known.parts)
        return cls(**_fields(known, "parts", "project_id", "organisation_id"), parts=parts)


class StandingOut(Shown):
    """Counted from accepted gigs; rates in parts per 10,000."""

    subject_id: UUID = Field(description="an organisation, or a team's project")
    settled_minor: int
    settled: int
    punctual: int
    first_time: int


class StandingsOut(BaseModel):
    items: list[StandingOut]


def _fields(known: Any, *without: str) -> dict[str, Any]:
    return {name: getattr(known, name) for name in known.__slots__ if name not in without}


def _parts(parts: dict[OrganisationId, int]) -> list[PartOut]:
    return [PartOut(organisation_id=one, part=part) for one, part in sorted(parts.items())]
