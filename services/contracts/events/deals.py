"""Events of deals: requests for quotation, bids, orders, disputes."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class DealChanged(Event):
    """A request for quotation was published, revised, awarded, withdrawn, or has expired."""

    type: ClassVar[str] = "deals.deal-changed.v1"

    deal_id: UUID
    organisation_id: UUID
    state: str
    revision: int
    closes_at: datetime


class BidChanged(Event):
    """A request moved on in its life with one supplier; only these two hear of it."""

    type: ClassVar[str] = "deals.bid-changed.v1"

    deal_id: UUID
    bid_id: UUID
    organisation_id: UUID
    supplier_id: UUID
    state: str


class MessagePosted(Event):
    """Something was asked or answered about a request; ``supplier_id`` is null for all of them."""

    type: ClassVar[str] = "deals.message-posted.v1"

    deal_id: UUID
    message_id: UUID
    organisation_id: UUID
    supplier_id: UUID | None
    kind: str


class OrderChanged(Event):
    """An order moved to another state, was funded, delivered to, paid from, or is at risk."""

    type: ClassVar[str] = "deals.order-changed.v1"

    order_id: UUID
    deal_id: UUID
    organisation_id: UUID
    supplier_id: UUID
    state: str
    at_risk: bool


class InvoiceChanged(Event):
    """An invoice or credit note was recorded, confirmed or rejected; the two parties hear of it."""

    type: ClassVar[str] = "deals.invoice-changed.v1"

    invoice_id: UUID
    order_id: UUID
    organisation_id: UUID
    supplier_id: UUID
    state: str


class DisputeChanged(Event):
    """A dispute over an order was opened, or ended by an agreement or a decision."""

    type: ClassVar[str] = "deals.dispute-changed.v1"

    dispute_id: UUID
    order_id: UUID
    organisation_id: UUID
    supplier_id: UUID
    state: str
