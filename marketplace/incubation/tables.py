"""Programmes, teams, milestones and facts are the incubator's; introductions the team's."""

from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from marketplace.incubation.domain import (
    FactKind,
    FigureKind,
    IntroductionState,
    MilestoneState,
    Side,
    TeamState,
)
from services.runtime.tables import instant

_TEAM: Final = ["incubated_team.organisation_id", "incubated_team.team_id", "incubated_team.id"]


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _of_team(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organisation_id", "team_id", "incubated_id"], _TEAM, name=f"fk_{table}_of_team"
    )


class ProgrammeRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "incubation_programme"
    __table_args__ = (
        CheckConstraint("title <> '' AND title_zh <> ''", name="named"),
        ForeignKeyConstraint(["organisation_id", "call_id"], ["call.organisation_id", "call.id"]),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("call_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    call_id: UUID
    space_id: UUID = Field(foreign_key="space.id")
    title: str
    title_zh: str
    created_at: datetime = instant()


class TeamRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "incubated_team"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(TeamState)})", name="state"),
        ForeignKeyConstraint(
            ["organisation_id", "programme_id"],
            ["incubation_programme.organisation_id", "incubation_programme.id"],
        ),
        UniqueConstraint("organisation_id", "team_id", "id"),
        UniqueConstraint("award_id"),
        Index("ix_incubated_team_programme_id_id", "programme_id", "id"),
        Index("ix_incubated_team_team_id_id", "team_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    team_id: UUID = Field(foreign_key="organisation.id")
    programme_id: UUID
    award_id: UUID = Field(foreign_key="call_award.id")
    title: str
    state: str
    admitted_at: datetime = instant()


class MilestoneRow(SQLModel, table=True):
    """A trigger lets the team report and the incubator confirm, in this order."""

    __tablename__: ClassVar[str] = "incubation_milestone"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(MilestoneState)})", name="state"),
        CheckConstraint("(state = 'planned') = (said IS NULL)", name="reported_with_words"),
        _of_team("incubation_milestone"),
        Index("ix_incubation_milestone_incubated_id_id", "incubated_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    team_id: UUID
    incubated_id: UUID
    title: str
    due_on: date
    state: str
    said: str | None = None
    created_at: datetime = instant()


class FactRow(SQLModel, table=True):
    """Never changed."""

    __tablename__: ClassVar[str] = "incubation_fact"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(FactKind)})", name="kind"),
        _of_team("incubation_fact"),
        Index("ix_incubation_fact_incubated_id_id", "incubated_id", "id"),
        Index(
            "uq_incubation_fact_ended",
            "incubated_id",
            "kind",
            unique=True,
            postgresql_where=text("kind IN ('admitted', 'ceased', 'graduated')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    team_id: UUID
    incubated_id: UUID
    kind: str
    occurred_on: date
    because: str
    created_at: datetime = instant()


class ApprovalRow(SQLModel, table=True):
    """A public register: whom an incubator vouches for."""

    __tablename__: ClassVar[str] = "investor_approval"
    __table_args__ = (
        CheckConstraint("organisation_id <> investor_id", name="of_another"),
        UniqueConstraint("organisation_id", "investor_id", "id"),
        Index(
            "uq_investor_approval_in_force",
            "organisation_id",
            "investor_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_investor_approval_investor_id", "investor_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    investor_id: UUID = Field(foreign_key="organisation.id")
    because: str
    created_at: datetime = instant()
    withdrawn_at: datetime | None = instant(nullable=True)


class IntroductionRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.LIFE`` says, and by whom it says."""

    __tablename__: ClassVar[str] = "introduction"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(IntroductionState)})", name="state"),
        CheckConstraint(f"asked_by IN ({_one_of(Side)})", name="asked_by"),
        CheckConstraint(
            "(state IN ('consented', 'revoked')) = (consented_at IS NOT NULL)"
            " AND (consented_at IS NULL) = (expires_at IS NULL)"
            " AND (expires_at IS NULL OR expires_at > consented_at)",
            name="consented_for_a_time",
        ),
        ForeignKeyConstraint(
            ["incubator_id", "organisation_id", "incubated_id"],
            _TEAM,
            name="fk_introduction_of_team",
        ),
        ForeignKeyConstraint(
            ["incubator_id", "investor_id", "approval_id"],
            [
                "investor_approval.organisation_id",
                "investor_approval.investor_id",
                "investor_approval.id",
            ],
            name="fk_introduction_to_approved",
        ),
        UniqueConstraint("organisation_id", "investor_id", "id"),
        Index(
            "uq_introduction_asked",
            "organisation_id",
            "investor_id",
            unique=True,
            postgresql_where=text("state = 'asked'"),
        ),
        Index("ix_introduction_investor_id_id", "investor_id", "id"),
        Index("ix_introduction_incubator_id_id", "incubator_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    investor_id: UUID
    incubator_id: UUID
    incubated_id: UUID
    approval_id: UUID
    asked_by: str
    purpose: str
    state: str
    created_at: datetime = instant()
    consented_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)
    ended_at: datetime | None = instant(nullable=True)


class ShownRow(SQLModel, table=True):
    """A figure as it was when consented to, or a document. Never changed."""

    __tablename__: ClassVar[str] = "introduction_item"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(FigureKind)})", name="kind"),
        CheckConstraint(
            "(document_id IS NULL) = (kind IS NOT NULL) AND (kind IS NULL) = (value IS NULL)"
            " AND (kind IS NULL) = (rows IS NULL) AND (kind IS NULL) = (rows_sha256 IS NULL)",
            name="figure_or_document",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "investor_id", "introduction_id"],
            ["introduction.organisation_id", "introduction.investor_id", "introduction.id"],
            name="fk_introduction_item_of_introduction",
        ),
        Index("ix_introduction_item_introduction_id_id", "introduction_id", "id"),
        Index("ix_introduction_item_document_id", "document_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    investor_id: UUID
    introduction_id: UUID
    document_id: UUID | None = None
    kind: str | None = None
    currency: str | None = None
    value: int | None = Field(default=None, sa_column=Column(BigInteger))
    rows: int | None = None
    rows_sha256: str | None = None
