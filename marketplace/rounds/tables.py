"""Tables of rounds: what was opened and decided, the demands in it, who offered for it."""

from datetime import datetime
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
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, Range
from sqlmodel import Field, SQLModel

from marketplace.rounds.domain import ONGOING, Outcome, RoundState
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


ONGOING_SQL: Final = f"outcome IN ({_one_of(ONGOING)})"


def _minor() -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=True))


class ClearingRoundRow(SQLModel, table=True):
    """``result`` is there once it was decided: a ``RoundResult`` as JSON."""

    __tablename__: ClassVar[str] = "clearing_round"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(RoundState)})", name="state"),
        CheckConstraint("(state = 'open') = (result IS NULL)", name="decided_with_result"),
        CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)"
            " AND visibility IN ('park', 'space', 'public')",
            name="of_one_place",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint(
            "patience_windows >= 0 AND credit_per_window_minor >= 0 AND credit_max_minor >= 0",
            name="terms_not_negative",
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_clearing_round_due", "closes_at", postgresql_where=text("state = 'open'")),
        Index("ix_clearing_round_holding", "id", postgresql_where=text("state = 'holding'")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    visibility: str
    park: str | None = Field(default=None, foreign_key="park.code")
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    process: str | None = None
    currency: str
    closes_at: datetime = instant()
    patience_windows: int
    credit_per_window_minor: int
    credit_max_minor: int
    state: str
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    created_at: datetime = instant()


class ClearingEntryRow(SQLModel, table=True):
    """A demand of ``organisation_id`` in a round. What it won stays until it is held."""

    __tablename__: ClassVar[str] = "clearing_entry"
    __table_args__ = (
        CheckConstraint(f"outcome IN ({_one_of(Outcome)})", name="outcome"),
        CheckConstraint("(outcome = 'held') = (booking_id IS NOT NULL)", name="held_by_booking"),
        CheckConstraint(
            "(outcome = 'unserved') = (reason IS NOT NULL)", name="unserved_for_reason"
        ),
        CheckConstraint(
            "outcome <> 'planned' OR (offer_id IS NOT NULL AND resource_id IS NOT NULL"
            " AND within IS NOT NULL)",
            name="planned_whole",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "demand_id"], ["demand.organisation_id", "demand.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("round_id", "demand_id"),
        Index(
            "uq_clearing_entry_pooled_once",
            "demand_id",
            unique=True,
            postgresql_where=text("outcome NOT IN ('held', 'unserved')"),
        ),
        Index("uq_clearing_entry_booking_id", "booking_id", unique=True),
        Index(
            "ix_clearing_entry_ongoing",
            "round_id",
            "place",
            postgresql_where=text(ONGOING_SQL),
        ),
        Index("ix_clearing_entry_organisation_id_round_id", "organisation_id", "round_id"),
    )

    id: UUID = Field(primary_key=True)
    round_id: UUID = Field(foreign_key="clearing_round.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    demand_id: UUID
    outcome: str
    place: int
    reason: str | None = None
    offer_id: UUID | None = None
    resource_id: UUID | None = None
    within: Range[datetime] | None = Field(default=None, sa_column=Column(TSTZRANGE, nullable=True))
    options: int | None = None
    booking_id: UUID | None = Field(default=None, foreign_key="booking.id")
    price_minor: int | None = _minor()
    scarcity_minor: int | None = _minor()
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ClearingOfferRow(SQLModel, table=True):
    """A firm whose resources fitted a demand of the round, and whether any was taken."""

    __tablename__: ClassVar[str] = "clearing_offer"
    __table_args__ = (
        Index("ix_clearing_offer_organisation_id_round_id", "organisation_id", "round_id"),
    )

    round_id: UUID = Field(primary_key=True, foreign_key="clearing_round.id")
    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    taken: bool
