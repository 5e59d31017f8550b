"""What the ledger follows: fees that bookings bring about."""

from typing import Any, Final

from sqlmodel import Session

from services.contracts.events.booking import ChargeDue
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import Subject
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_charge(*, session: Session, clock: Clock, event: ChargeDue) -> None:
    """Book that the buyer owes the provider a fee: once per booking and reason."""
    handlers.charge(
        session=session,
        clock=clock,
        debtor=OrganisationId(event.organisation_id),
        creditor=OrganisationId(event.provider_id),
        amount=Money(event.amount_minor, event.currency),
        because=event.reason,
        subject=Subject("booking", event.booking_id),
    )


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("ledger-charges", ChargeDue, follow_charge),
)
