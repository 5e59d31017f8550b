"""How a change of a booking is written down and told; giving its slot back."""

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Booking, BookingState, moved
from services.capacity import handlers as capacity
from services.contracts.events.booking import BookingChanged, JointLegLost
from services.contracts.events.envelope import Audience
from services.contracts.ids import JointId
from services.runtime.clock import Clock
from services.runtime.outbox import emit


def leave(*, session: Session, clock: Clock, booking: Booking, to: BookingState) -> Booking:
    """The locked ``booking`` in a state that gives its slot back.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    changed = moved(booking, to, now=clock.now())
    capacity.release(session=session, booking_id=booking.id)
    if booking.joint_id is not None and booking.state is BookingState.HELD:
        _tell_lost(session, clock, booking, booking.joint_id)
    return save(session, clock, changed)


def save(session: Session, clock: Clock, booking: Booking) -> Booking:
    store.save_booking(session, booking)
    tell(session, clock, booking)
    return booking


def _tell_lost(session: Session, clock: Clock, leg: Booking, joint_id: JointId) -> None:
    now = clock.now()
    lost = JointLegLost(
        id=clock.new_id(),
        occurred_at=now,
        joint_id=joint_id,
        booking_id=leg.id,
        organisation_id=leg.organisation_id,
        audience=Audience(organisation_ids=tuple(sorted(leg.parties))),
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
        audience=Audience(organisation_ids=tuple(sorted(booking.parties))),
    )
    emit(session, changed, now=now)
