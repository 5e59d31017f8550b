"""Projects and their parts. Triggers keep who has a place, and see that stakes are whole."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.projects.domain.agreeing import AgreementKind, AgreementState
from marketplace.projects.domain.deciding import Choice, DecisionState, Weighing
from marketplace.projects.domain.gigs import GigState
from marketplace.projects.domain.planning import PlanKind, PlanState
from marketplace.projects.domain.pooling import PooledState, PoolState
from marketplace.projects.domain.project import MemberState, ProjectKind, ProjectState
from services.capacity.domain import Visibility
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _ids() -> Any:
    return Field(sa_column=Column(ARRAY(Uuid()), nullable=False))


class ProjectRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "project"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(ProjectKind)})", name="kind"),
        CheckConstraint(f"state IN ({_one_of(ProjectState)})", name="state"),
        CheckConstraint(f"visibility IN ({_one_of(Visibility)})", name="visibility"),
        CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)",
            name="place",
        ),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    title: str
    title_zh: str | None = None
    about: str
    state: str
    visibility: str
    park: str | None = Field(default=None, foreign_key="park.code")
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    award_id: UUID | None = Field(default=None, foreign_key="call_award.id")
    joined: list[UUID] = _ids()
    invited: list[UUID] = _ids()
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ProjectMemberRow(SQLModel, table=True):
    """A deferred trigger sees that the stakes of who has joined add up to the whole."""

    __tablename__: ClassVar[str] = "project_member"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(MemberState)})", name="state"),
        CheckConstraint(
            "stake BETWEEN 0 AND 10000 AND (stake = 0 OR state = 'joined')", name="stake"
        ),
        UniqueConstraint("project_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    role: str
    stake: int
    state: str
    invited_at: datetime = instant()
    changed_at: datetime = instant()


class ProjectAgreementRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "project_agreement"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(AgreementKind)})", name="kind"),
        CheckConstraint(f"state IN ({_one_of(AgreementState)})", name="state"),
        UniqueConstraint("project_id", "kind", "number"),
        UniqueConstraint("project_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    number: int
    parts: dict[str, int] = _json()
    document: dict[str, Any] = _json()
    leaver_id: UUID | None = None
    state: str
    created_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)


class ProjectConsentRow(SQLModel, table=True):
    """Never changed."""

    __tablename__: ClassVar[str] = "project_consent"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "agreement_id"],
            ["project_agreement.project_id", "project_agreement.id"],
            name="fk_project_consent_of_agreement",
        ),
        UniqueConstraint("agreement_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    agreement_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = None
    accepts: bool
    at: datetime = instant()


class ProjectPlanItemRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "project_plan_item"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(PlanKind)})", name="kind"),
        CheckConstraint(f"state IN ({_one_of(PlanState)})", name="state"),
        ForeignKeyConstraint(
            ["project_id", "parent_id"],
            ["project_plan_item.project_id", "project_plan_item.id"],
            name="fk_project_plan_item_of_parent",
        ),
        UniqueConstraint("project_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    parent_id: UUID | None = None
    title: str
    about: str
    lead_id: UUID
    due_on: date | None = None
    state: str
    created_at: datetime = instant()
    changed_at: datetime = instant()


class ProjectFileRow(SQLModel, table=True):
    """A version of a file. Never changed; its document cannot be deleted."""

    __tablename__: ClassVar[str] = "project_file"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "document_id"],
            ["document.organisation_id", "document.id"],
            name="fk_project_file_of_document",
        ),
        UniqueConstraint("project_id", "name", "number"),
        UniqueConstraint("project_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str
    number: int
    document_id: UUID
    media_type: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str
    person_id: UUID | None = None
    created_at: datetime = instant()


class ProjectDownloadRow(SQLModel, table=True):
    """That ``organisation_id`` took a version. Never changed."""

    __tablename__: ClassVar[str] = "project_download"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "file_id"],
            ["project_file.project_id", "project_file.id"],
            name="fk_project_download_of_file",
        ),
        Index("ix_project_download_file_id", "file_id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    file_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = None
    at: datetime = instant()


class ProjectDecisionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "project_decision"
    __table_args__ = (
        CheckConstraint(f"weighing IN ({_one_of(Weighing)})", name="weighing"),
        CheckConstraint(f"state IN ({_one_of(DecisionState)})", name="state"),
        CheckConstraint("quorum BETWEEN 0 AND 10000 AND majority BETWEEN 0 AND 10000", name="rule"),
        UniqueConstraint("project_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    text: str
    weighing: str
    quorum: int
    majority: int
    weights: dict[str, int] = _json()
    closes_at: datetime = instant()
    state: str
    created_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)


class ProjectVoteRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "project_vote"
    __table_args__ = (
        CheckConstraint(f"choice IN ({_one_of(Choice)})", name="choice"),
        ForeignKeyConstraint(
            ["project_id", "decision_id"],
            ["project_decision.project_id", "project_decision.id"],
            name="fk_project_vote_of_decision",
        ),
        UniqueConstraint("decision_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    decision_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    person_id: UUID | None = None
    choice: str
    at: datetime = instant()


class GigRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.gigs.LIFE`` says."""

    __tablename__: ClassVar[str] = "gig"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(GigState)})", name="state"),
        CheckConstraint("currency ~ '^[A-Z]{3}$' AND pay_minor > 0", name="pay"),
        CheckConstraint(
            "(worker_id IS NULL) = (state IN ('published', 'cancelled'))"
            " AND (worker_id IS NULL) = (escrow_id IS NULL)",
            name="assigned_with_escrow",
        ),
        CheckConstraint("worker_id <> organisation_id", name="of_two"),
        ForeignKeyConstraint(
            ["organisation_id", "project_id"],
            ["project.organisation_id", "project.id"],
            name="fk_gig_of_project",
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_gig_worker_id_id", "worker_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    about: str
    pay_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    due_at: datetime = instant()
    state: str
    worker_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    team_id: UUID | None = Field(default=None, foreign_key="project.id")
    escrow_id: UUID | None = Field(default=None, foreign_key="ledger_escrow.id")
    handed_in_at: datetime | None = instant(nullable=True)
    hand_ins: int
    work: str | None = None
    reason: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class GigApplicationRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "gig_application"
    __table_args__ = (
        ForeignKeyConstraint(
            ["owner_id", "gig_id"],
            ["gig.organisation_id", "gig.id"],
            name="fk_gig_application_of_gig",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "team_id"],
            ["project.organisation_id", "project.id"],
            name="fk_gig_application_of_team",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "share_rule_id"],
            ["ledger_share_rule.organisation_id", "ledger_share_rule.id"],
            name="fk_gig_application_of_share_rule",
        ),
        CheckConstraint("(team_id IS NULL) = (share_rule_id IS NULL)", name="team_shares"),
        CheckConstraint("owner_id <> organisation_id", name="of_two"),
        UniqueConstraint("gig_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    gig_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    text: str
    team_id: UUID | None = None
    share_rule_id: UUID | None = None
    created_at: datetime = instant()


class TeamIncomeRow(SQLModel, table=True):
    """Written by the worker when the pay was released. Never changed."""

    __tablename__: ClassVar[str] = "team_income"
    __table_args__ = (
        UniqueConstraint("escrow_id"),
        Index("ix_team_income_project_id_id", "project_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    gig_id: UUID = Field(foreign_key="gig.id")
    escrow_id: UUID = Field(foreign_key="ledger_escrow.id")
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    net_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    parts: dict[str, int] = _json()
    at: datetime = instant()


class WorkStandingRow(SQLModel, table=True):
    """What settled gigs say of a worker or a team, in one currency; counted by the worker."""

    __tablename__: ClassVar[str] = "work_standing"
    __table_args__ = (CheckConstraint("kind IN ('team', 'worker')", name="kind"),)

    kind: str = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    settled_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    settled: int
    punctual: int
    first_time: int
    as_of: datetime = instant()


class LotPoolRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "lot_pool"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(PoolState)})", name="state"),
        CheckConstraint(
            "currency ~ '^[A-Z]{3}$' AND unit_minor > 0 AND lot_least > 0", name="terms"
        ),
        CheckConstraint(
            "(state = 'open') = (pooled IS NULL)"
            " AND (state = 'met') = (coalesce(pooled, 0) >= lot_least)",
            name="met_by_pieces",
        ),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    about: str
    unit_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    lot_least: int
    closes_at: datetime = instant()
    state: str
    pooled: int | None = None
    created_at: datetime = instant()


class LotPoolDemandRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "lot_pool_demand"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(PooledState)})", name="state"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint(
            "(escrow_id IS NOT NULL) = (state IN ('ordered', 'settled'))",
            name="ordered_with_escrow",
        ),
        CheckConstraint("owner_id <> organisation_id", name="of_two"),
        ForeignKeyConstraint(
            ["owner_id", "pool_id"],
            ["lot_pool.organisation_id", "lot_pool.id"],
            name="fk_lot_pool_demand_of_pool",
        ),
        UniqueConstraint("pool_id", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    pool_id: UUID
    organisation_id: UUID = Field(foreign_key="organisation.id")
    owner_id: UUID
    quantity: int
    options: str
    state: str
    escrow_id: UUID | None = Field(default=None, foreign_key="ledger_escrow.id")
    created_at: datetime = instant()
