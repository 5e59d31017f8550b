"""What others hear of deals: events in the transaction of the fact, and facts for the scores."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.orders import Order
from marketplace.deals.domain.requests import Bid, Deal
from marketplace.deals.domain.scoring import Fact, FactKind
from marketplace.deals.store import facts as kept
from services.contracts.events.deals import BidChanged, DealChanged, OrderChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import principal_of

MINUTE: Final = timedelta(minutes=1)


def trail_of(session: Session, buyer: OrganisationId) -> OrganisationId:
    """In whose trail a step is noted: who takes it, or the buyer when the worker does."""
    return principal_of(session).organisation_id or buyer


def tell_deal(session: Session, clock: Clock, deal: Deal) -> None:
    now = clock.now()
    event = DealChanged(
        id=clock.new_id(),
        occurred_at=now,
        deal_id=deal.id,
        organisation_id=deal.organisation_id,
        state=deal.state,
        revision=deal.revision,
        closes_at=deal.terms.closes_at,
        audience=deal.audience,
    )
    emit(session, event, now=now)


def tell_bid(session: Session, clock: Clock, bid: Bid) -> None:
    now = clock.now()
    event = BidChanged(
        id=clock.new_id(),
        occurred_at=now,
        deal_id=bid.deal_id,
        bid_id=bid.id,
        organisation_id=bid.organisation_id,
        supplier_id=bid.supplier_id,
        state=bid.state,
        audience=Audience(organisation_ids=bid.parties),
    )
    emit(session, event, now=now)


def tell_order(session: Session, clock: Clock, order: Order) -> None:
    now = clock.now()
    event = OrderChanged(
        id=clock.new_id(),
        occurred_at=now,
        order_id=order.id,
        deal_id=order.deal_id,
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        state=order.state,
        at_risk=order.at_risk,
        audience=order.audience,
    )
    emit(session, event, now=now)


def record(
    session: Session,
    clock: Clock,
    kind: FactKind,
    *,
    of: OrganisationId,
    seen_with: OrganisationId,
    source_id: UUID,
    value: int,
) -> None:
    """Write a fact, once: the same thing seen again changes nothing."""
    fact = Fact(
        id=clock.new_id(),
        organisation_id=of,
        counterparty_id=seen_with,
        kind=kind,
        source_id=source_id,
        value=value,
        at=clock.now(),
    )
    kept.insert_facts(session, [fact])


def minutes(since: datetime, until: datetime) -> int:
    """Whole minutes; none if ``until`` is earlier."""
    return max(0, (until - since) // MINUTE)


def record_decided(
    session: Session, clock: Clock, bids: Iterable[Bid], *, won: UUID | None
) -> None:
    """Of each supplier whose quote could have been awarded, whether it was."""
    for bid in bids:
        record(
            session,
            clock,
            FactKind.DECIDED,
            of=bid.supplier_id,
            seen_with=bid.organisation_id,
            source_id=bid.id,
            value=int(bid.id == won),
        )
