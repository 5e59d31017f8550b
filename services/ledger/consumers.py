"""What the ledger follows: fees that bookings bring about, and what a provider tells."""

from typing import Any, Final

from sqlmodel import Session

from services.contracts.events.booking import ChargeDue
from services.contracts.events.ledger import ProviderTold
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import Subject
from services.ledger.handlers import callbacks
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


def follow_provider(*, session: Session, clock: Clock, event: ProviderTold) -> None:
    callbacks.follow(session=session, clock=clock, told=event)


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("ledger-charges", ChargeDue, follow_charge),
    Consumer("ledger-provider", ProviderTold, follow_provider),
)
