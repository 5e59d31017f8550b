"""Until the award: requests, bids, quotes and messages."""

from datetime import datetime
from typing import Any, ClassVar, Final
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
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.quoting import QuoteState
from marketplace.deals.domain.requests import MessageKind
from services.runtime.tables import instant

REQUEST_STATES: Final = (
    State.DRAFT, State.PUBLISHED, State.AWARDED, State.EXPIRED, State.WITHDRAWN,
)  # fmt: skip
BID_STATES: Final = (
    State.DRAFT, State.PUBLISHED, State.CLARIFY, State.QUOTED, State.SHORTLISTED, State.SLOT_HELD,
    State.AWARDED, State.NO_BID, State.PASSED_OVER, State.EXPIRED, State.WITHDRAWN,
)  # fmt: skip


def one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def amount() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


class DealRow(SQLModel, table=True):
    """``lines`` are ``Line`` documents; a demand asked for may stand for them."""

    __tablename__: ClassVar[str] = "deal"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(REQUEST_STATES)})", name="state"),
        CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)"
            " AND visibility IN ('organisation', 'park', 'space', 'public')",
            name="of_one_place",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("revision >= 1 AND version >= 1", name="counted"),
        CheckConstraint("state <> 'draft' OR published_at IS NULL", name="draft_unpublished"),
        CheckConstraint("NOT blind OR cardinality(shown_suppliers) = 0", name="blind_shows_nobody"),
        ForeignKeyConstraint(
            ["organisation_id", "demand_id"], ["demand.organisation_id", "demand.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_deal_due", "closes_at", postgresql_where=text("state = 'published'")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    text: str
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    currency: str
    closes_at: datetime = instant()
    needed_by: datetime | None = instant(nullable=True)
    visibility: str
    park: str | None = Field(default=None, foreign_key="park.code")
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    blind: bool
    shown_suppliers: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    demand_id: UUID | None = None
    state: str
    revision: int
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()
    published_at: datetime | None = instant(nullable=True)


class BidRow(SQLModel, table=True):
    """A trigger lets the state move only as ``domain.lifecycle`` says, and by whom it says."""

    __tablename__: ClassVar[str] = "deal_bid"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(BID_STATES)})", name="state"),
        CheckConstraint("supplier_id <> organisation_id", name="of_two"),
        CheckConstraint("revision >= 1", name="revision"),
        ForeignKeyConstraint(["organisation_id", "deal_id"], ["deal.organisation_id", "deal.id"]),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        UniqueConstraint("deal_id", "supplier_id"),
        Index(
            "uq_deal_bid_awarded_once",
            "deal_id",
            unique=True,
            postgresql_where=text("state = 'awarded'"),
        ),
        Index("ix_deal_bid_supplier_id_id", "supplier_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID = Field(foreign_key="organisation.id")
    deal_id: UUID
    state: str
    invited: bool
    revision: int
    reason: str | None = None
    asked_at: datetime = instant()
    answered_at: datetime | None = instant(nullable=True)
    updated_at: datetime = instant()


class QuoteRow(SQLModel, table=True):
    """``lines`` are ``QuoteLine`` documents whose amounts sum to the total."""

    __tablename__: ClassVar[str] = "deal_quote"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(QuoteState)})", name="state"),
        CheckConstraint("total_minor > 0", name="costs_something"),
        CheckConstraint("lead_days >= 0 AND version >= 1 AND revision >= 1", name="counted"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("(joint_id IS NULL) = (hold_until IS NULL)", name="held_until"),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "bid_id"],
            ["deal_bid.organisation_id", "deal_bid.supplier_id", "deal_bid.id"],
        ),
        ForeignKeyConstraint(["organisation_id", "deal_id"], ["deal.organisation_id", "deal.id"]),
        ForeignKeyConstraint(
            ["organisation_id", "joint_id"], ["joint.organisation_id", "joint.id"]
        ),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        UniqueConstraint("bid_id", "version"),
        Index(
            "uq_deal_quote_live",
            "bid_id",
            unique=True,
            postgresql_where=text("state = 'submitted'"),
        ),
        Index("ix_deal_quote_deal_id_id", "deal_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    deal_id: UUID
    bid_id: UUID
    revision: int
    version: int
    state: str
    currency: str
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    total_minor: int = amount()
    lead_days: int
    valid_until: datetime = instant()
    slots: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    milestones: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    note: str
    joint_id: UUID | None = None
    hold_until: datetime | None = instant(nullable=True)
    created_at: datetime = instant()


class MessageRow(SQLModel, table=True):
    """In the thread with ``supplier_id``; a notice is for all who see the request."""

    __tablename__: ClassVar[str] = "deal_message"
    __table_args__ = (
        CheckConstraint(f"kind IN ({one_of(MessageKind)})", name="kind"),
        CheckConstraint("(kind = 'notice') = (supplier_id IS NULL)", name="notice_to_all"),
        CheckConstraint(
            "author_id = organisation_id OR author_id = supplier_id", name="of_a_party"
        ),
        ForeignKeyConstraint(["organisation_id", "deal_id"], ["deal.organisation_id", "deal.id"]),
        Index("ix_deal_message_deal_id_id", "deal_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    deal_id: UUID
    supplier_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    author_id: UUID
    kind: str
    text: str
    created_at: datetime = instant()
