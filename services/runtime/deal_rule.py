"""What belonging to a deal lets its parties read of each other's documents, as SQL.

Row security and the explicit filters of stores say it with the same words. The table is kept by
``marketplace.deals``: a bid is the buyer's and one supplier's part in a request for quotation.
"""

from typing import Final

from services.runtime.nda_rule import CALLER


def within_deal(*, caller: str = CALLER) -> str:
    """The document is of a request the caller takes part in, or of the caller's own bid.

    The buyer's documents of a request (``deal``) are for its suppliers; those of a bid
    (``deal_bid``), by either side, for its two parties. Secret ones need an agreement all the same.

    Args:
        caller: SQL of the reading organisation.
    """
    return (
        "(document.confidentiality <> 'secret' AND EXISTS (SELECT FROM deal_bid"
        f" WHERE {caller} IN (deal_bid.organisation_id, deal_bid.supplier_id)"
        " AND deal_bid.state <> 'draft' AND ((document.subject_kind = 'deal'"
        " AND document.subject_id = deal_bid.deal_id"
        " AND document.organisation_id = deal_bid.organisation_id)"
        " OR (document.subject_kind = 'deal_bid' AND document.subject_id = deal_bid.id"
        " AND document.organisation_id IN (deal_bid.organisation_id, deal_bid.supplier_id)))))"
    )


def dealt_with(table: str) -> str:
    """The row is of an organisation the caller has a request for quotation in common with."""
    return (
        f"EXISTS (SELECT FROM deal_bid WHERE {CALLER} IN"
        " (deal_bid.organisation_id, deal_bid.supplier_id)"
        f" AND {table}.organisation_id IN (deal_bid.organisation_id, deal_bid.supplier_id)"
        " AND deal_bid.state <> 'draft')"
    )


def in_dispute(table: str, order: str) -> str:
    """An order of the row is, or was, in dispute: what arbiters look at.

    Args:
        table: of the row.
        order: its column with the order's id.
    """
    return f"EXISTS (SELECT FROM deal_dispute WHERE deal_dispute.order_id = {table}.{order})"


ARBITERS: Final = ("system_admin",)
"""Platform roles that decide disputes."""
EVIDENCE: Final = (
    "(document.confidentiality <> 'secret' AND EXISTS (SELECT FROM deal_dispute"
    " WHERE document.id = ANY (deal_dispute.documents)))"
)
"""The document was named as evidence in a dispute."""
