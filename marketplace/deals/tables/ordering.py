"""From the award on: orders, what is delivered, inspected, disputed and known of both sides."""

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

from marketplace.deals.domain.disputes import Category, DisputeState, ProposalState
from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.tables.quoting import amount, one_of
from services.runtime.tables import instant

ORDER_STATES: Final = (
    State.AWARDED, State.IN_PRODUCTION, State.INSPECTED, State.ACCEPTED, State.DISPUTED,
    State.SETTLED, State.WITHDRAWN,
)  # fmt: skip
_ORDER: Final = ("deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id")


def _of_order() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organisation_id", "supplier_id", "order_id"], _ORDER)


class OrderRow(SQLModel, table=True):
    """Money that is released and refunded is never more than the total, and none without escrow."""

    __tablename__: ClassVar[str] = "deal_order"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(ORDER_STATES)})", name="state"),
        CheckConstraint("total_minor > 0", name="costs_something"),
        CheckConstraint(
            "released_minor >= 0 AND refunded_minor >= 0"
            " AND released_minor + refunded_minor <= total_minor",
            name="pays_at_most_the_total",
        ),
        CheckConstraint(
            "released_minor + refunded_minor = 0 OR funded_at IS NOT NULL", name="pays_once_funded"
        ),
        CheckConstraint(
            "state NOT IN ('in_production', 'inspected', 'accepted', 'disputed', 'settled')"
            " OR funded_at IS NOT NULL",
            name="made_once_funded",
        ),
        CheckConstraint(
            "state <> 'settled' OR released_minor + refunded_minor = total_minor",
            name="settled_whole",
        ),
        CheckConstraint("version >= 1", name="version"),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "bid_id"],
            ["deal_bid.organisation_id", "deal_bid.supplier_id", "deal_bid.id"],
        ),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "quote_id"],
            ["deal_quote.organisation_id", "deal_quote.supplier_id", "deal_quote.id"],
        ),
        ForeignKeyConstraint(["organisation_id", "deal_id"], ["deal.organisation_id", "deal.id"]),
        ForeignKeyConstraint(
            ["organisation_id", "joint_id"], ["joint.organisation_id", "joint.id"]
        ),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        UniqueConstraint("deal_id"),
        UniqueConstraint("quote_id"),
        Index("ix_deal_order_supplier_id_id", "supplier_id", "id"),
        Index("ix_deal_order_organisation_id_id", "organisation_id", "id"),
        Index("ix_deal_order_booking_ids", "booking_ids", postgresql_using="gin"),
        Index("ix_deal_order_escrow_id", "escrow_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    deal_id: UUID
    bid_id: UUID
    quote_id: UUID
    state: str
    currency: str
    total_minor: int = amount()
    joint_id: UUID | None = None
    booking_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    at_risk: bool
    needed_by: datetime | None = instant(nullable=True)
    escrow_id: UUID | None = None
    funded_at: datetime | None = instant(nullable=True)
    released_minor: int = amount()
    refunded_minor: int = amount()
    passed: bool | None = None
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class OrderLineRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deal_order_line"
    __table_args__ = (
        CheckConstraint(
            "quantity > 0 AND 0 <= accepted AND accepted <= delivered AND delivered <= quantity",
            name="delivered_of_quantity",
        ),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        _of_order(),
        UniqueConstraint("order_id", "number"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    number: int
    description: str
    quantity: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit: str
    amount_minor: int = amount()
    delivered: int = amount()
    accepted: int = amount()


class MilestoneRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deal_milestone"
    __table_args__ = (
        CheckConstraint("share BETWEEN 1 AND 10000", name="share"),
        CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        _of_order(),
        UniqueConstraint("order_id", "number"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    number: int
    title: str
    share: int
    amount_minor: int = amount()
    due_at: datetime | None = instant(nullable=True)
    released_at: datetime | None = instant(nullable=True)


class DeliveryRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deal_delivery"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        _of_order(),
        Index("ix_deal_delivery_order_id_id", "order_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    line: int
    quantity: int = amount()
    note: str
    at: datetime = instant()


class InspectionRow(SQLModel, table=True):
    """``report`` is what was sampled and measured, and the findings; it is never changed."""

    __tablename__: ClassVar[str] = "deal_inspection"
    __table_args__ = (
        CheckConstraint("lot > 0", name="lot"),
        _of_order(),
        Index("ix_deal_inspection_order_id_id", "order_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    line: int
    lot: int = amount()
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    passed: bool
    inspected_by: UUID
    created_at: datetime = instant()


class DisputeRow(SQLModel, table=True):
    """An order has one dispute open at a time."""

    __tablename__: ClassVar[str] = "deal_dispute"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(DisputeState)})", name="state"),
        CheckConstraint(f"category IN ({one_of(Category)})", name="category"),
        CheckConstraint("release_minor >= 0 AND refund_minor >= 0", name="split_not_negative"),
        CheckConstraint(
            "(state = 'open') = (release_minor IS NULL)"
            " AND (state = 'open') = (refund_minor IS NULL)"
            " AND (state = 'open') = (ended_at IS NULL)",
            name="ends_with_a_split",
        ),
        CheckConstraint("opened_by IN (organisation_id, supplier_id)", name="of_a_party"),
        _of_order(),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        Index(
            "uq_deal_dispute_open",
            "order_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_deal_dispute_supplier_id_id", "supplier_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    opened_by: UUID
    category: str
    reason: str
    documents: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    state: str
    release_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    refund_minor: int | None = Field(default=None, sa_column=Column(BigInteger))
    because: str | None = None
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class ProposalRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deal_proposal"
    __table_args__ = (
        CheckConstraint(f"state IN ({one_of(ProposalState)})", name="state"),
        CheckConstraint("release_minor >= 0 AND refund_minor >= 0", name="split_not_negative"),
        CheckConstraint("proposed_by IN (organisation_id, supplier_id)", name="of_a_party"),
        _of_order(),
        Index(
            "uq_deal_proposal_open",
            "order_id",
            "proposed_by",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    proposed_by: UUID
    release_minor: int = amount()
    refund_minor: int = amount()
    because: str
    state: str
    created_at: datetime = instant()


class DealFactRow(SQLModel, table=True):
    """Written once and never changed: requests may add facts, and not take them back."""

    __tablename__: ClassVar[str] = "deal_fact"
    __table_args__ = (
        CheckConstraint(f"kind IN ({one_of(FactKind)})", name="kind"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        CheckConstraint("counterparty_id <> organisation_id", name="of_two"),
        UniqueConstraint("organisation_id", "kind", "source_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    counterparty_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    source_id: UUID
    value: int = amount()
    at: datetime = instant()


class DealScoreRow(SQLModel, table=True):
    """What the worker made of an organisation's facts; anybody may read it."""

    __tablename__: ClassVar[str] = "deal_score"
    __table_args__ = (CheckConstraint("sample >= 0", name="sample_not_negative"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    measure: str = Field(primary_key=True)
    sample: int
    value: int | None = Field(default=None, sa_column=Column(BigInteger))
    as_of: datetime = instant()
