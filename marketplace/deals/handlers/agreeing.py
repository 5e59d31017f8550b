"""Orders agreed elsewhere: another context has the price, deals keep the order and its escrow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.orders import Order
from marketplace.deals.domain.quoting import PriceDocument, Quote, QuoteState, priced
from marketplace.deals.domain.requests import Bid, Deal, Line, Terms
from marketplace.deals.handlers.choosing import ordered
from marketplace.deals.handlers.telling import tell_bid, tell_deal
from marketplace.deals.store import quotes as quote_store
from marketplace.deals.store import requests as store
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

FIRST: Final = 1


@dataclass(frozen=True, slots=True)
class AgreedLine:
    """``quantity`` for ``amount_minor`` in all."""

    description: str
    quantity: int
    unit: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """What buyer and supplier agreed on; ``text`` says where."""

    title: str
    text: str
    currency: str
    lines: tuple[AgreedLine, ...]
    lead_days: int
    valid_until: datetime
    needed_by: datetime | None = None


def order_agreed(
    *,
    session: Session,
    clock: Clock,
    buyer_id: OrganisationId,
    supplier_id: OrganisationId,
    agreed: Agreed,
) -> Order:
    """The order of what was agreed, with its request, bid and quote already awarded."""
    deal = _deal(clock, buyer_id, agreed)
    store.insert_deal(session, deal)
    bid = _bid(clock, deal, supplier_id)
    store.insert_bid(session, bid)
    quote = _quote(clock, deal, bid, agreed)
    quote_store.insert_quote(session, quote)
    tell_deal(session, clock, deal)
    tell_bid(session, clock, bid)
    note(
        session,
        subject_kind="deal",
        subject_id=deal.id,
        after=deal,
        organisation_id=buyer_id,
    )
    return ordered(session, clock, deal, quote, ())


def _deal(clock: Clock, buyer_id: OrganisationId, agreed: Agreed) -> Deal:
    now = clock.now()
    lines = tuple(
        Line(number, line.description, line.quantity, line.unit)
        for number, line in enumerate(agreed.lines, start=1)
    )
    terms = Terms(
        title=agreed.title,
        text=agreed.text,
        lines=lines,
        currency=agreed.currency,
        closes_at=now,
        visibility=Visibility.ORGANISATION,
        needed_by=agreed.needed_by,
    )
    return Deal(
        id=clock.new_id(),
        organisation_id=buyer_id,
        terms=terms,
        state=State.AWARDED,
        revision=FIRST,
        version=1,
        created_at=now,
        updated_at=now,
        published_at=now,
    )


def _bid(clock: Clock, deal: Deal, supplier_id: OrganisationId) -> Bid:
    now = clock.now()
    return Bid(
        id=clock.new_id(),
        organisation_id=deal.organisation_id,
        supplier_id=supplier_id,
        deal_id=deal.id,
        state=State.AWARDED,
        invited=True,
        revision=FIRST,
        asked_at=now,
        updated_at=now,
        answered_at=now,
    )


def _quote(clock: Clock, deal: Deal, bid: Bid, agreed: Agreed) -> Quote:
    documents = [
        PriceDocument(
            unit_minor=line.amount_minor // line.quantity,
            setup_minor=line.amount_minor % line.quantity,
        )
        for line in agreed.lines
    ]
    return Quote(
        id=clock.new_id(),
        organisation_id=deal.organisation_id,
        supplier_id=bid.supplier_id,
        deal_id=deal.id,
        bid_id=bid.id,
        revision=FIRST,
        version=1,
        state=QuoteState.ACCEPTED,
        currency=agreed.currency,
        lines=priced(deal.terms.lines, documents, currency=agreed.currency),
        total_minor=sum(line.amount_minor for line in agreed.lines),
        lead_days=agreed.lead_days,
        valid_until=agreed.valid_until,
        slots=(),
        milestones=(),
        note=agreed.text,
        created_at=clock.now(),
    )
