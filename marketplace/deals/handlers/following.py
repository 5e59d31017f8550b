"""What becomes of orders when other contexts tell something; and the scores made of facts."""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.lifecycle import Guard, Move, Party, State
from marketplace.deals.domain.orders import Order
from marketplace.deals.domain.scoring import Fact, FactKind, Score, scores
from marketplace.deals.handlers import slots
from marketplace.deals.handlers.orders import mark_funded, moved, save
from marketplace.deals.handlers.telling import minutes, record
from marketplace.deals.store import facts as fact_store
from marketplace.deals.store import orders as store
from marketplace.deals.store import quotes as quote_store
from services.booking import handlers as booking
from services.contracts.ids import BookingId, OrganisationId
from services.identity import handlers as identity
from services.runtime.clock import Clock

AT_ONCE: Final = 200


def follow_funding(*, session: Session, clock: Clock, escrow_id: UUID) -> None:
    """The escrow of an order holds its money."""
    order = store.lock_by_escrow(session, escrow_id)
    if order is not None:
        mark_funded(session, clock, order)


def follow_work(
    *,
    session: Session,
    clock: Clock,
    booking_id: UUID,
    kind: FactKind,
    planned: datetime,
    at: datetime,
) -> None:
    """Work on a booking of an order began or ended: how late is a fact of the supplier.

    The first work starts a funded order.
    """
    order = store.lock_by_booking(session, booking_id)
    if order is None:
        return
    record(
        session,
        clock,
        kind,
        of=order.supplier_id,
        seen_with=order.organisation_id,
        source_id=booking_id,
        value=minutes(planned, at),
    )
    if order.state is State.AWARDED and Guard.FUNDED in order.guards():
        save(session, clock, order, moved(order, Move.START, Party.PLATFORM))


def follow_replacement(
    *, session: Session, clock: Clock, former_id: UUID, booking_id: UUID
) -> None:
    """An order whose booking at risk was replaced is worked on by the other one."""
    order = store.lock_by_booking(session, former_id)
    if order is None:
        return
    now_booked = tuple(
        BookingId(booking_id) if one == former_id else one for one in order.booking_ids
    )
    changed = replace(order, booking_ids=now_booked)
    store.save_bookings(session, changed)
    save(session, clock, order, changed)
    follow_risk(session=session, clock=clock, booking_id=booking_id)


def follow_risk(*, session: Session, clock: Clock, booking_id: UUID) -> None:
    """An order is at risk while any of its bookings is, by their state of now."""
    order = store.lock_by_booking(session, booking_id)
    if order is None or order.joint_id is None:
        return
    joint = booking.get_joint(
        session=session, organisation_id=order.organisation_id, joint_id=order.joint_id
    )
    at_risk = any(leg.at_risk for leg in joint.legs)
    if at_risk != order.at_risk:
        save(session, clock, order, replace(order, at_risk=at_risk))


def follow_end(*, session: Session, clock: Clock, order_id: UUID) -> None:
    """Give back the slots of an order that is over, as far as their work has not begun."""
    order = store.find_order(session, order_id, party=None)
    if order is not None and order.state in {State.SETTLED, State.WITHDRAWN}:
        _cancel_slots(session, clock, order)


def add_up_scores(*, session: Session, clock: Clock) -> int:
    """Bring the scores of organisations with new facts up to date; how many those were."""
    stale = fact_store.stale_organisations(session, limit=AT_ONCE)
    for organisation_id in stale:
        found = scores(fact_store.facts_of(session, organisation_id))
        fact_store.save_scores(session, organisation_id, found, now=clock.now())
    return len(stale)


def get_scores(*, session: Session, organisation_id: OrganisationId) -> list[Score]:
    """What the record says of an organisation.

    Raises:
        OrganisationNotFoundError: there is none.
    """
    identity.get_organisation(session=session, organisation_id=organisation_id)
    return fact_store.scores_of(session, organisation_id)


def list_facts(
    *,
    session: Session,
    organisation_id: OrganisationId,
    kind: FactKind,
    since: datetime,
    until: datetime,
) -> list[Fact]:
    """The facts of a kind of the organisation, from ``since`` until before ``until``, in order."""
    return fact_store.facts_between(session, organisation_id, kind, since=since, until=until)


def _cancel_slots(session: Session, clock: Clock, order: Order) -> None:
    quote = quote_store.find_quote(session, order.quote_id, party=order.organisation_id)
    if quote is not None:
        slots.cancel(session, clock, quote)
