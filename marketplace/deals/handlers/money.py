"""What deals ask of the ledger: an escrow per order, funded, released, refunded, explained."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.orders import Order, Paid
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowState, EscrowTerms, Subject
from services.runtime.clock import Clock

SUBJECT: Final = "order"
TERMS: Final = EscrowTerms()


def open_escrow(session: Session, clock: Clock, order: Order) -> UUID:
    """Agree what the buyer sets aside for the order; no money moves yet."""
    opened = ledger.open_escrow(
        session=session,
        clock=clock,
        subject=Subject(SUBJECT, order.id),
        payer=order.organisation_id,
        payee=order.supplier_id,
        amount=Money(order.total_minor, order.currency),
        terms=TERMS,
    )
    return opened.id


def request_funding(session: Session, clock: Clock, order: Order, *, method: str) -> bool:
    """Ask the buyer's money for the escrow; whether it is there at once.

    Raises:
        EscrowRefusedError, PaymentUnderWayError, BalanceShortError: it cannot be asked for.
    """
    ledger.request_funding(session=session, clock=clock, escrow_id=_escrow(order), method=method)
    escrow = ledger.find_escrow(session=session, subject=Subject(SUBJECT, order.id))
    return escrow is not None and escrow.state is EscrowState.FUNDED


def release(
    session: Session, clock: Clock, order: Order, minor: int, *, because: str, fact_id: UUID
) -> Order:
    """``order`` with ``minor`` more paid to the supplier; nothing moves for none."""
    if not minor:
        return order
    ledger.release(
        session=session,
        clock=clock,
        escrow_id=_escrow(order),
        amount=Money(minor, order.currency),
        because=because,
        fact_id=fact_id,
    )
    return replace(order, released_minor=order.released_minor + minor)


def refund(
    session: Session, clock: Clock, order: Order, minor: int, *, because: str, fact_id: UUID
) -> Order:
    """``order`` with ``minor`` more paid back to the buyer; nothing moves for none."""
    if not minor:
        return order
    ledger.refund(
        session=session,
        clock=clock,
        escrow_id=_escrow(order),
        amount=Money(minor, order.currency),
        because=because,
        fact_id=fact_id,
    )
    return replace(order, refunded_minor=order.refunded_minor + minor)


def freeze(session: Session, clock: Clock, order: Order, *, because: str) -> None:
    ledger.freeze(session=session, clock=clock, escrow_id=_escrow(order), because=because)


def unfreeze(session: Session, clock: Clock, order: Order, *, because: str) -> None:
    ledger.unfreeze(session=session, clock=clock, escrow_id=_escrow(order), because=because)


def cancel_escrow(session: Session, clock: Clock, order: Order, *, because: str) -> None:
    ledger.cancel_escrow(session=session, clock=clock, escrow_id=_escrow(order), because=because)


def movements(
    session: Session, order: Order, *, viewer: OrganisationId, after: UUID | None, limit: int
) -> list[Paid]:
    """What happened to the order's escrow, and why, in order."""
    found = ledger.list_movements(
        session=session, viewer=viewer, escrow_id=_escrow(order), after=after, limit=limit
    )
    return [
        Paid(
            id=one.id,
            kind=one.kind,
            minor=one.minor,
            because=one.because,
            at=one.at,
            vat_minor=one.vat_minor,
            fee_minor=one.fee_minor,
            net_minor=one.net_minor,
            trace=one.trace,
        )
        for one in found
    ]


def _escrow(order: Order) -> UUID:
    assert order.escrow_id is not None, "an order is awarded with its escrow"
    return order.escrow_id
