"""Invoices and credit notes of orders."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from marketplace.deals.domain.invoicing import InvoiceKind, InvoiceState
from marketplace.deals.tables.quoting import amount, one_of
from services.runtime.tables import instant


class InvoiceRow(SQLModel, table=True):
    """A trigger keeps the sum within what the order paid, and what is written as it is."""

    __tablename__: ClassVar[str] = "deal_invoice"
    __table_args__ = (
        CheckConstraint(f"kind IN ({one_of(InvoiceKind)})", name="kind"),
        CheckConstraint(f"state IN ({one_of(InvoiceState)})", name="state"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint(
            "net_minor > 0 AND vat_minor >= 0 AND total_minor = net_minor + vat_minor",
            name="adds_up",
        ),
        CheckConstraint("(state = 'recorded') = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="rejected_for_a_reason"),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name="fk_deal_invoice_of_order",
        ),
        ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "credits"],
            ["deal_invoice.organisation_id", "deal_invoice.supplier_id", "deal_invoice.id"],
            name="fk_deal_invoice_credits",
        ),
        UniqueConstraint("organisation_id", "supplier_id", "id"),
        UniqueConstraint("supplier_id", "number"),
        Index("ix_deal_invoice_order_id_id", "order_id", "id"),
        Index("ix_deal_invoice_organisation_id_id", "organisation_id", "id"),
        Index("ix_deal_invoice_supplier_id_id", "supplier_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    supplier_id: UUID
    order_id: UUID
    number: str
    kind: str
    issued_on: date
    currency: str
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    net_minor: int = amount()
    vat_minor: int = amount()
    total_minor: int = amount()
    state: str
    credits: UUID | None = None
    document_id: UUID | None = None
    reason: str | None = None
    created_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)
