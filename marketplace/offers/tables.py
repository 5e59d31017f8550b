"""The offer table."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import AutoString, Field, SQLModel

from services.runtime.tables import instant


class OfferRow(SQLModel, table=True):
    """``price`` is the price document; ``resource_ids`` name what is offered.

    ``attributes`` are what its direction lets be said; which directions there are is data.
    """

    __tablename__: ClassVar[str] = "offer"
    __table_args__ = (
        CheckConstraint("direction >= 1", name="direction_known"),
        CheckConstraint("jsonb_typeof(attributes) = 'object'", name="attributes_object"),
        CheckConstraint("engage IN ('book', 'request')", name="engage_known"),
        CheckConstraint("cardinality(resource_ids) > 0", name="offers_something"),
        CheckConstraint("(price->>'price_minor')::bigint >= 0", name="price_not_negative"),
        CheckConstraint("visibility <> 'park' OR park IS NOT NULL", name="park_visible_in_one"),
        CheckConstraint(
            "visibility <> 'space' OR space_id IS NOT NULL", name="space_visible_in_one"
        ),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_offer_direction_id", "direction", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    direction: int
    title: str
    title_zh: str
    resource_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    price: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    visibility: str
    park: str | None = None
    space_id: UUID | None = Field(default=None, foreign_key="space.id")
    engage: str = Field(sa_column=Column(AutoString, nullable=False, server_default="book"))
    attributes: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )
    state: str
    version: int
    created_at: datetime = instant()
    updated_at: datetime = instant()


class OfferVersionRow(SQLModel, table=True):
    """What an offer said from ``since`` on; written once and never changed.

    ``visibility`` is unknown of versions from before it was kept.
    """

    __tablename__: ClassVar[str] = "offer_version"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        ForeignKeyConstraint(
            ["organisation_id", "offer_id"], ["offer.organisation_id", "offer.id"]
        ),
    )

    offer_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    organisation_id: UUID
    title: str
    title_zh: str
    price: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    attributes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    visibility: str | None = None
    since: datetime = instant()


class OfferFactRow(SQLModel, table=True):
    """One value of one attribute of an offer, by which it is found; kept by a trigger of ``offer``.

    Each term, at most 200 characters long, and each number once. Row security lets no index be used
    for a condition on JSON: these columns are compared by operators it trusts.
    """

    __tablename__: ClassVar[str] = "offer_fact"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "offer_id"],
            ["offer.organisation_id", "offer.id"],
            ondelete="CASCADE",
        ),
        Index("ix_offer_fact_term", "direction", "name", "term", "offer_id"),
        Index(
            "ix_offer_fact_number",
            "direction",
            "name",
            "number",
            "offer_id",
            postgresql_where=text("number IS NOT NULL"),
        ),
    )

    offer_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True)
    place: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    organisation_id: UUID
    direction: int
    term: str
    number: float | None = None
    visibility: str
    park: str | None = None
    space_id: UUID | None = None


class OfferPromotionRow(SQLModel, table=True):
    """One at a time awaits a review, which is by another person than who asked."""

    __tablename__: ClassVar[str] = "offer_promotion"
    __table_args__ = (
        CheckConstraint("state IN ('approved', 'asked', 'declined')", name="state"),
        CheckConstraint("offer_version >= 1", name="version_positive"),
        CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL) AND (state = 'asked') = (decided_at IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint("decided_by <> asked_by", name="four_eyes"),
        ForeignKeyConstraint(
            ["organisation_id", "offer_id"], ["offer.organisation_id", "offer.id"]
        ),
        Index(
            "uq_offer_promotion_asked",
            "offer_id",
            unique=True,
            postgresql_where=text("state = 'asked'"),
        ),
        Index("ix_offer_promotion_offer_id_id", "offer_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    offer_id: UUID
    offer_version: int
    state: str
    reason: str
    asked_by: UUID
    asked_at: datetime = instant()
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    remark: str | None = None
