"""How a change of a booking is written down and told; giving its slot back."""

from dataclasses import replace

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Booking, BookingState, Charge, moved
from services.capacity import handlers as capacity
from services.contracts.events.booking import (
    BookingChanged,
    BookingReplaced,
    ChargeDue,
    JointLegLost,
    SlotFreed,
)
from services.contracts.events.envelope import Audience
from services.contracts.ids import JointId
from services.runtime.clock import Clock
from services.runtime.outbox import emit


def leave(
    *,
    session: Session,
    clock: Clock,
    booking: Booking,
    to: BookingState,
    charge: Charge | None = None,
) -> Booking:
    """The locked ``booking`` in a state that gives its slot back, its buyer owing ``charge``.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    changed = replace(moved(booking, to, now=clock.now()), charge=charge)
    capacity.release(session=session, booking_id=booking.id)
    if booking.joint_id is not None and booking.state is BookingState.HELD:
        _tell_lost(session, clock, booking, booking.joint_id)
    tell_freed(session, clock, booking)
    if charge is not None:
        _tell_charge(session, clock, booking, charge)
    return save(session, clock, changed)


def save(session: Session, clock: Clock, booking: Booking) -> Booking:
    store.save_booking(session, booking)
    tell(session, clock, booking)
    return booking


def tell_freed(session: Session, clock: Clock, booking: Booking) -> None:
    """Tell that ``booking`` has less of its resource than before."""
    now = clock.now()
    freed = SlotFreed(
        id=clock.new_id(), occurred_at=now, resource_id=booking.resource_id, booking_id=booking.id
    )
    emit(session, freed, now=now)


def tell_replaced(session: Session, clock: Clock, former: Booking, other: Booking) -> None:
    """Tell that ``other`` stands for ``former``; of both providers only the other's hears."""
    now = clock.now()
    replaced = BookingReplaced(
        id=clock.new_id(),
        occurred_at=now,
        booking_id=other.id,
        replaces_id=former.id,
        organisation_id=other.organisation_id,
        audience=_parties(other),
    )
    emit(session, replaced, now=now)


def _tell_charge(session: Session, clock: Clock, booking: Booking, charge: Charge) -> None:
    now = clock.now()
    due = ChargeDue(
        id=clock.new_id(),
        occurred_at=now,
        booking_id=booking.id,
        organisation_id=booking.organisation_id,
        provider_id=booking.provider_id,
        amount_minor=charge.amount.minor,
        currency=charge.amount.currency,
        reason=charge.reason.value,
        audience=_parties(booking),
    )
    emit(session, due, now=now)


def _parties(booking: Booking) -> Audience:
    return Audience(organisation_ids=tuple(sorted(booking.parties)))


def _tell_lost(session: Session, clock: Clock, leg: Booking, joint_id: JointId) -> None:
    now = clock.now()
    lost = JointLegLost(
        id=clock.new_id(),
        occurred_at=now,
        joint_id=joint_id,
        booking_id=leg.id,
        organisation_id=leg.organisation_id,
        audience=_parties(leg),
    )
    emit(session, lost, now=now)


def tell(session: Session, clock: Clock, booking: Booking) -> None:
    now = clock.now()
    changed = BookingChanged(
        id=clock.new_id(),
        occurred_at=now,
        booking_id=booking.id,
        resource_id=booking.resource_id,
        organisation_id=booking.organisation_id,
        state=booking.state.value,
        at_risk=booking.at_risk,
        at_risk_reason=booking.at_risk_reason,
        start=booking.interval.start,
        end=booking.interval.end,
        units=booking.units,
        audience=_parties(booking),
    )
    emit(session, changed, now=now)
