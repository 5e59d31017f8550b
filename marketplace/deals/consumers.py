"""What deals follow: work on their bookings, money in their escrows, their own decisions."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import disputes, following
from services.contracts.events.booking import BookingChanged, BookingReplaced
from services.contracts.events.deals import DisputeChanged, OrderChanged
from services.contracts.events.ledger import EscrowFunded
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer

ORDER: Final = "order"


def follow_booking(*, session: Session, clock: Clock, event: BookingChanged) -> None:
    """When work began and ended is told by the event; whether it is at risk is looked up."""
    worked = {
        "started": (FactKind.STARTED, event.start),
        "finished": (FactKind.FINISHED, event.end),
    }.get(event.state)
    if worked is not None:
        following.follow_work(
            session=session,
            clock=clock,
            booking_id=event.booking_id,
            kind=worked[0],
            planned=worked[1],
            at=event.occurred_at,
        )
    following.follow_risk(session=session, clock=clock, booking_id=event.booking_id)


def follow_replacement(*, session: Session, clock: Clock, event: BookingReplaced) -> None:
    """What stands for a booking of an order is the order's."""
    following.follow_replacement(
        session=session, clock=clock, former_id=event.replaces_id, booking_id=event.booking_id
    )


def follow_funding(*, session: Session, clock: Clock, event: EscrowFunded) -> None:
    if event.subject_kind == ORDER:
        following.follow_funding(session=session, clock=clock, escrow_id=event.escrow_id)


def follow_decision(*, session: Session, clock: Clock, event: DisputeChanged) -> None:
    """Pay what an arbiter has decided."""
    disputes.carry_out(session=session, clock=clock, dispute_id=event.dispute_id)


def follow_end(*, session: Session, clock: Clock, event: OrderChanged) -> None:
    """Give back the slots of an order that is over."""
    following.follow_end(session=session, clock=clock, order_id=event.order_id)


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("deals-booking", BookingChanged, follow_booking),
    Consumer("deals-replacement", BookingReplaced, follow_replacement),
    Consumer("deals-funding", EscrowFunded, follow_funding),
    Consumer("deals-decision", DisputeChanged, follow_decision),
    Consumer("deals-order-end", OrderChanged, follow_end),
)
