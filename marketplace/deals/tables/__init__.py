"""Tables of deals.

Every row is the buyer's (``organisation_id``) and most name one supplier too: row security shows it
to these two.
"""

from marketplace.deals.tables.invoicing import InvoiceRow
from marketplace.deals.tables.ordering import (
    DealFactRow,
    DealScoreRow,
    DeliveryRow,
    DisputeRow,
    InspectionRow,
    MilestoneRow,
    OrderLineRow,
    OrderRow,
    ProposalRow,
)
from marketplace.deals.tables.quoting import BidRow, DealRow, MessageRow, QuoteRow

__all__ = [
    "BidRow",
    "DealFactRow",
    "DealRow",
    "DealScoreRow",
    "DeliveryRow",
    "DisputeRow",
    "InspectionRow",
    "InvoiceRow",
    "MessageRow",
    "MilestoneRow",
    "OrderLineRow",
    "OrderRow",
    "ProposalRow",
    "QuoteRow",
]
