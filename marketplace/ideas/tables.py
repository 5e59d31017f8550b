"""Boxes, ideas, votes, comments, decisions: all of one organisation, shown within it only."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.runtime.tables import instant


def _of_idea() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organisation_id", "idea_id"], ["idea.organisation_id", "idea.id"])


class IdeaBoxRow(SQLModel, table=True):
    """``stages`` are as they were when it was opened; no more than the budget is ever given."""

    __tablename__: ClassVar[str] = "idea_box"
    __table_args__ = (
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("spent_minor BETWEEN 0 AND budget_minor", name="within_budget"),
        CheckConstraint("jsonb_array_length(stages) > 0 AND version >= 1", name="staged"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    about: str
    account_id: UUID
    currency: str
    budget_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    spent_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    stages: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    closes_at: datetime = instant()
    version: int
    created_at: datetime = instant()


class IdeaRow(SQLModel, table=True):
    """A trigger lets ``stage`` grow one by one, and nothing happen after the end."""

    __tablename__: ClassVar[str] = "idea"
    __table_args__ = (
        CheckConstraint("state IN ('completed', 'declined', 'open')", name="state"),
        CheckConstraint("stage >= 0", name="stage_counted"),
        ForeignKeyConstraint(
            ["organisation_id", "box_id"], ["idea_box.organisation_id", "idea_box.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_idea_box_id_id", "box_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    box_id: UUID
    author_id: UUID
    title: str
    text: str
    state: str
    stage: int
    account_id: UUID | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class IdeaVoteRow(SQLModel, table=True):
    """One of each person; a trigger refuses those given after the box closed."""

    __tablename__: ClassVar[str] = "idea_vote"
    __table_args__ = (CheckConstraint("value IN (-1, 1)", name="value"), _of_idea())

    idea_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    organisation_id: UUID
    value: int
    given_at: datetime = instant()


class IdeaCommentRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "idea_comment"
    __table_args__ = (_of_idea(), Index("ix_idea_comment_idea_id_id", "idea_id", "id"))

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    idea_id: UUID
    person_id: UUID
    text: str
    created_at: datetime = instant()


class IdeaDecisionRow(SQLModel, table=True):
    """One for each stage of an idea; never changed."""

    __tablename__: ClassVar[str] = "idea_decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('advance', 'decline')", name="outcome"),
        CheckConstraint(
            "amount_minor >= 0 AND (outcome = 'advance' OR amount_minor = 0)", name="amount"
        ),
        _of_idea(),
        UniqueConstraint("idea_id", "stage"),
        Index("ix_idea_decision_idea_id_id", "idea_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    idea_id: UUID
    stage: str
    outcome: str
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    reason: str
    decided_by: UUID
    decided_at: datetime = instant()
