"""Lists, items, guests, parts, quotes, awards, shares: the lead's rows, shown to the concerned."""

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.purchasing.domain.lists import GuestRole, PartState, State
from marketplace.purchasing.domain.pricing import QuoteState
from services.runtime.tables import instant

_LIST: Final = ("purchase_list.organisation_id", "purchase_list.id")


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _amount(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(BigInteger, nullable=nullable))


def _document() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _of_list() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["organisation_id", "list_id"], _LIST)


class PurchaseListRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "purchase_list"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(State)})", name="state"),
        CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)"
            " AND visibility IN ('organisation', 'park', 'space', 'public')",
            name="of_one_place",
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("quotes_until >= closes_at AND version >= 1", name="in_order"),
        CheckConstraint(
            "state NOT IN ('awarded', 'ordered') OR confirm_by IS NOT NULL", name="confirmed_by"
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_purchase_list_awarded", "confirm_by", postgresql_where=text("state = 'awarded'")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    title: str
    text: str
    currency: str
    closes_at: datetime = instant()
    quotes_until: datetime = instant()
    visibility: str
    park: str | None = Field(default=None, foreign_key="park.code")
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    state: str
    confirm_by: datetime | None = instant(nullable=True)
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class PurchaseItemRow(SQLModel, table=True):
    """A trigger keeps ``pooled`` and ``confirmed``, sums over parts only the lead sees."""

    __tablename__: ClassVar[str] = "purchase_item"
    __table_args__ = (
        CheckConstraint("number >= 1", name="numbered"),
        CheckConstraint("0 <= confirmed AND confirmed <= pooled", name="summed"),
        _of_list(),
    )

    list_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    description: str
    unit: str
    spec: str
    needed_by: datetime | None = instant(nullable=True)
    pooled: int = _amount()
    confirmed: int = _amount()


class PurchaseGuestRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "purchase_guest"
    __table_args__ = (
        CheckConstraint(f"role IN ({_one_of(GuestRole)})", name="role"),
        CheckConstraint("guest_id <> organisation_id", name="of_two"),
        _of_list(),
        Index("ix_purchase_guest_guest_id", "guest_id"),
    )

    list_id: UUID = Field(primary_key=True)
    guest_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    role: str


class PurchasePartRow(SQLModel, table=True):
    """``quantities`` by item number. A trigger lets them change while the list is open only."""

    __tablename__: ClassVar[str] = "purchase_part"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(PartState)})", name="state"),
        CheckConstraint("at_most_minor >= 0", name="limit_not_negative"),
        CheckConstraint(
            "state NOT IN ('confirmed', 'ordered') OR at_most_minor IS NOT NULL",
            name="confirmed_to_a_limit",
        ),
        _of_list(),
        UniqueConstraint("list_id", "member_id"),
        UniqueConstraint("organisation_id", "member_id", "id"),
        Index("ix_purchase_part_member_id_list_id", "member_id", "list_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    member_id: UUID = Field(foreign_key="organisation.id")
    list_id: UUID
    state: str
    quantities: dict[str, int] = _document()
    at_most_minor: int | None = _amount(nullable=True)
    because: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class PurchaseQuoteRow(SQLModel, table=True):
    """``lines`` are ``LinePrice`` documents."""

    __tablename__: ClassVar[str] = "purchase_quote"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(QuoteState)})", name="state"),
        CheckConstraint("supplier_id <> organisation_id", name="of_two"),
        CheckConstraint("lead_days >= 0 AND version >= 1", name="counted"),
        _of_list(),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        UniqueConstraint("list_id", "supplier_id", "version"),
        Index(
            "uq_purchase_quote_live",
            "list_id",
            "supplier_id",
            unique=True,
            postgresql_where=text("state = 'submitted'"),
        ),
        Index("ix_purchase_quote_supplier_id_list_id", "supplier_id", "list_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID = Field(foreign_key="organisation.id")
    list_id: UUID
    version: int
    state: str
    lines: list[dict[str, Any]] = _document()
    lead_days: int
    valid_until: datetime = instant()
    note: str
    created_at: datetime = instant()


class PurchaseAwardRow(SQLModel, table=True):
    """``line`` is the ``LinePrice`` awarded; the worker writes what was ordered in the end."""

    __tablename__: ClassVar[str] = "purchase_award"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND total_minor > 0", name="of_something"),
        CheckConstraint(
            "(final_quantity IS NULL) = (final_minor IS NULL)"
            " AND final_quantity BETWEEN 0 AND quantity"
            " AND (final_minor > 0) = (final_quantity > 0)",
            name="ordered_of_it",
        ),
        _of_list(),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "quote_id"],
            [
                "purchase_quote.organisation_id",
                "purchase_quote.supplier_id",
                "purchase_quote.id",
            ],
            name="fk_purchase_award_to_quote",
        ),
        UniqueConstraint("organisation_id", "list_id", "number"),
        Index("ix_purchase_award_supplier_id", "supplier_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    list_id: UUID
    number: int
    quote_id: UUID
    supplier_id: UUID
    line: dict[str, Any] = _document()
    quantity: int = _amount()
    total_minor: int = _amount()
    final_quantity: int | None = _amount(nullable=True)
    final_minor: int | None = _amount(nullable=True)


class PurchaseShareRow(SQLModel, table=True):
    """Written by the worker, once. A deferred trigger sees that shares sum to their award."""

    __tablename__: ClassVar[str] = "purchase_share"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND amount_minor > 0", name="of_something"),
        ForeignKeyConstraint(
            ["organisation_id", "list_id", "number"],
            [
                "purchase_award.organisation_id",
                "purchase_award.list_id",
                "purchase_award.number",
            ],
            name="fk_purchase_share_of_award",
        ),
        Index("ix_purchase_share_member_id_list_id", "member_id", "list_id"),
    )

    list_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    member_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    organisation_id: UUID = Field(foreign_key="organisation.id")
    quantity: int = _amount()
    amount_minor: int = _amount()
    order_id: UUID
