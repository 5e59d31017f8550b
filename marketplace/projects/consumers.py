"""What projects follow: pay released for gigs."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.projects.handlers import earnings
from marketplace.projects.handlers.gigs import SUBJECT
from services.contracts.events.ledger import EscrowReleased
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_release(*, session: Session, clock: Clock, event: EscrowReleased) -> None:
    if event.subject_kind == SUBJECT:
        earnings.follow_release(
            session=session,
            clock=clock,
            gig_id=event.subject_id,
            escrow_id=event.escrow_id,
            fact_id=event.fact_id,
        )


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("projects-releases", EscrowReleased, follow_release),
)
