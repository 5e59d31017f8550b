"""Weekly figures, products and their records, orders: each of one member, read by its space."""

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

from marketplace.chains.domain.tracking import RecordKind
from marketplace.chains.domain.weeks import WEEK_PATTERN, FigureKind, Source
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


class FigureRow(SQLModel, table=True):
    """Rows are only added: a changed figure is a version more."""

    __tablename__: ClassVar[str] = "chain_figure"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(FigureKind)})", name="kind"),
        CheckConstraint(f"source IN ({_one_of(Source)})", name="source"),
        CheckConstraint(f"week ~ '{WEEK_PATTERN}'", name="week"),
        CheckConstraint(
            "0 <= lowest AND lowest <= quantity AND quantity <= highest", name="bounds"
        ),
        CheckConstraint("version >= 1", name="counted"),
        CheckConstraint("organisation_id <> partner_id", name="of_two"),
        UniqueConstraint(
            "space_id",
            "organisation_id",
            "kind",
            "partner_id",
            "item",
            "unit",
            "week",
            "version",
            name="uq_chain_figure_version",
        ),
        Index("ix_chain_figure_space_id_id", "space_id", "id"),
        Index("ix_chain_figure_space_id_item_week", "space_id", "item", "week"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    space_id: UUID = Field(foreign_key="space.id")
    kind: str
    partner_id: UUID = Field(foreign_key="organisation.id")
    item: str
    unit: str
    week: str
    lowest: int = Field(sa_column=Column(BigInteger, nullable=False))
    quantity: int = Field(sa_column=Column(BigInteger, nullable=False))
    highest: int = Field(sa_column=Column(BigInteger, nullable=False))
    source: str
    version: int
    created_at: datetime = instant()


class TrackedProductRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "chain_product"
    __table_args__ = (
        UniqueConstraint("organisation_id", "space_id", "item", "serial"),
        UniqueConstraint("space_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    space_id: UUID = Field(foreign_key="space.id")
    item: str
    serial: str
    created_at: datetime = instant()


class RecordRow(SQLModel, table=True):
    """Rows are only added, and each hash is followed once: the records of a product are a line."""

    __tablename__: ClassVar[str] = "chain_record"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(RecordKind)})", name="kind"),
        CheckConstraint(
            "(position = 1) = (prior_sha256 IS NULL) AND (position = 1) = (kind = 'made')"
            " AND position >= 1",
            name="begins_made",
        ),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="hashed"),
        ForeignKeyConstraint(
            ["space_id", "product_id"],
            ["chain_product.space_id", "chain_product.id"],
            name="fk_chain_record_of_product",
        ),
        ForeignKeyConstraint(
            ["product_id", "prior_sha256"],
            ["chain_record.product_id", "chain_record.sha256"],
            name="fk_chain_record_after_prior",
        ),
        UniqueConstraint("product_id", "position"),
        UniqueConstraint("product_id", "sha256"),
        UniqueConstraint("product_id", "prior_sha256"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    space_id: UUID
    product_id: UUID
    position: int
    kind: str
    facts: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = instant()
    prior_sha256: str | None = None
    sha256: str


class ChainOrderRow(SQLModel, table=True):
    """What an order's parties let the space see of it; the worker keeps it up to date."""

    __tablename__: ClassVar[str] = "chain_order"
    __table_args__ = (
        UniqueConstraint("space_id", "order_id"),
        Index("ix_chain_order_order_id", "order_id"),
        Index("ix_chain_order_space_id_id", "space_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID = Field(foreign_key="organisation.id")
    space_id: UUID = Field(foreign_key="space.id")
    order_id: UUID
    state: str
    at_risk: bool
    needed_by: datetime | None = instant(nullable=True)
    accepted_at: datetime | None = instant(nullable=True)
    linked_at: datetime = instant()
    updated_at: datetime = instant()
