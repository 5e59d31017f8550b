"""Products with their versions, orders of them, and the milestones of orders."""

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

from marketplace.products.domain.order import ProductOrderState
from marketplace.products.domain.product import ProductState, ProductVisibility
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


class ProductRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "product"
    __table_args__ = (
        CheckConstraint(f"visibility IN ({_one_of(ProductVisibility)})", name="visibility"),
        CheckConstraint(f"state IN ({_one_of(ProductState)})", name="state"),
        CheckConstraint("version >= 1", name="version"),
        UniqueConstraint("organisation_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    visibility: str
    state: str
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ProductVersionRow(SQLModel, table=True):
    """Only added: orders refer to the version they were made from."""

    __tablename__: ClassVar[str] = "product_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ("organisation_id", "product_id"), ("product.organisation_id", "product.id")
        ),
        UniqueConstraint("organisation_id", "product_id", "version"),
    )

    product_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    organisation_id: UUID
    title: str
    title_zh: str
    specification: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = instant()


class ProductOrderRow(SQLModel, table=True):
    """The buyer's; the maker reads it. It keeps what was chosen and what it cost, in lines."""

    __tablename__: ClassVar[str] = "product_order"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(ProductOrderState)})", name="state"),
        CheckConstraint("quantity > 0 AND version >= 1 AND total_minor >= 0", name="counted"),
        ForeignKeyConstraint(
            ("maker_id", "product_id", "product_version"),
            (
                "product_version.organisation_id",
                "product_version.product_id",
                "product_version.version",
            ),
            name="fk_product_order_of_version",
        ),
        ForeignKeyConstraint(
            ("organisation_id", "joint_id"),
            ("joint.organisation_id", "joint.id"),
            name="fk_product_order_of_joint",
        ),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("joint_id"),
        Index("ix_product_order_maker_id_id", "maker_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    maker_id: UUID = Field(foreign_key="organisation.id")
    product_id: UUID
    product_version: int
    choices: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    quantity: int
    total_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    joint_id: UUID
    state: str
    delivered_by: datetime = instant()
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class MilestoneRow(SQLModel, table=True):
    """Read by who pays and who is paid, not by the other firms of the route."""

    __tablename__: ClassVar[str] = "product_milestone"
    __table_args__ = (
        CheckConstraint("number >= 1 AND amount_minor >= 0", name="counted"),
        CheckConstraint("released_at IS NULL OR done_at IS NOT NULL", name="paid_when_done"),
        CheckConstraint(
            "(escrow_id IS NOT NULL) = (amount_minor > 0 AND payee_id <> organisation_id)",
            name="escrowed",
        ),
        ForeignKeyConstraint(
            ("organisation_id", "order_id"), ("product_order.organisation_id", "product_order.id")
        ),
        UniqueConstraint("booking_id"),
        UniqueConstraint("escrow_id"),
        Index("ix_product_milestone_payee_id", "payee_id"),
    )

    order_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    organisation_id: UUID
    payee_id: UUID = Field(foreign_key="organisation.id")
    title: str
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    booking_id: UUID | None = None
    escrow_id: UUID | None = None
    done_at: datetime | None = instant(nullable=True)
    released_at: datetime | None = instant(nullable=True)
