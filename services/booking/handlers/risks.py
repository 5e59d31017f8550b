"""Flagging bookings whose machine, or what it needs beside it, is out of service."""

from collections.abc import Sequence

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Booking, risk_of, with_risk
from services.booking.handlers.telling import save
from services.capacity import handlers as capacity
from services.capacity.domain import AVAILABLE, WITHDRAW_HORIZON, WITHDRAWING
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval
from services.runtime.clock import Clock


def flag_at_risk(*, session: Session, clock: Clock, resource_id: ResourceId) -> list[Booking]:
    """Flag or clear the bookings that take the resource by its live state of now.

    Out of service flags what lies in the near horizon; back in service clears everything it had
    flagged; an unknown state proves neither and changes nothing. Bookings take a resource
    themselves or as a companion of another.

    Returns:
        Those changed.
    """
    live = capacity.live_states(session=session, resource_ids=[resource_id]).get(resource_id)
    near = Interval.starting(clock.now(), WITHDRAW_HORIZON)
    if live is not None and live.state in WITHDRAWING:
        resource = capacity.get_resource(session=session, resource_id=resource_id)
        takers = capacity.takers(session=session, resources=[resource], interval=near)
        affected = store.lock_active(session, takers, overlapping=near)
    elif live is None or live.state in AVAILABLE:
        affected = store.lock_flagged_by(session, resource_id)
    else:
        affected = []
    return _mark(session, clock, affected, near)


def sweep_at_risk(*, session: Session, clock: Clock) -> int:
    """Bring every flag up to date: time alone moves bookings into the near horizon."""
    live = capacity.live_states(session=session)
    out_of_service = {one.resource_id for one in live.values() if one.state in WITHDRAWING}
    concerned = sorted(out_of_service | store.resources_with_risk(session))
    return sum(
        len(flag_at_risk(session=session, clock=clock, resource_id=resource_id))
        for resource_id in concerned
    )


def _mark(
    session: Session, clock: Clock, bookings: Sequence[Booking], near: Interval
) -> list[Booking]:
    """Flag or clear each by the states of all it takes; those changed."""
    changed = []
    for booking in bookings:
        states = capacity.states_of_booking(session=session, booking_id=booking.id)
        judged = with_risk(booking, risk_of(booking, states, near=near), now=clock.now())
        if judged is not booking:
            changed.append(save(session, clock, judged))
    return changed
