"""Invoices as the API takes and shows them."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.deals.domain.invoicing import (
    BASIS_POINTS,
    DESCRIPTION_MAX,
    LINES_MAX,
    NET_MAX,
    NUMBER_MAX,
    REASON_MAX,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    InvoiceState,
)
from marketplace.deals.handlers.invoices import Stated
from services.contracts.documents import Day, Document


class InvoiceLineIn(Document):
    description: str = Field(min_length=1, max_length=DESCRIPTION_MAX)
    net_minor: int = Field(ge=1, le=NET_MAX)
    rate: int = Field(ge=0, le=BASIS_POINTS, description="of VAT, in basis points: 1300 is 13 %")
    vat_minor: int = Field(ge=0, le=NET_MAX, description="of the net amount, rounded either way")


class InvoiceIn(Document):
    """A record of an invoice given elsewhere: nothing is sent to any tax system."""

    number: str = Field(min_length=1, max_length=NUMBER_MAX, description="no other of one's own")
    kind: InvoiceKind
    issued_on: Day
    lines: list[InvoiceLineIn] = Field(min_length=1, max_length=LINES_MAX)
    document_id: UUID | None = Field(default=None, description="a file of it, if one was uploaded")

    def stated(self) -> Stated:
        lines = [InvoiceLine(**line.model_dump()) for line in self.lines]
        return Stated(self.number, self.kind, self.issued_on, lines, self.document_id)


class RejectionIn(Document):
    reason: str = Field(min_length=1, max_length=REASON_MAX)


class InvoiceLineOut(BaseModel):
    description: str
    net_minor: int
    rate: int
    vat_minor: int


class InvoiceOut(BaseModel):
    """Totals are the sums of the lines. A credit note names the invoice it ``credits``."""

    id: UUID
    order_id: UUID
    organisation_id: UUID = Field(description="who buys")
    supplier_id: UUID
    number: str
    kind: InvoiceKind
    issued_on: date
    currency: str
    lines: list[InvoiceLineOut]
    net_minor: int
    vat_minor: int
    total_minor: int
    state: InvoiceState
    credits: UUID | None
    document_id: UUID | None
    reason: str | None = Field(description="why the buyer rejects it")
    created_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        return cls.model_validate(invoice, from_attributes=True)
