"""Which bookings may not be kept, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.booking.domain.life import Booking
from services.capacity.domain import AVAILABLE, WITHDRAWING, LiveState
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval


@dataclass(frozen=True, slots=True)
class Risk:
    """Why a booking may not be kept, and what of its resources is the cause."""

    reason: str
    resource_id: ResourceId


def risk_of(
    booking: Booking, states: Mapping[ResourceId, LiveState], *, near: Interval
) -> Risk | None:
    """What keeps ``booking`` from being relied on; what flagged it stays until that recovers.

    Args:
        booking: an active one.
        states: of whatever it takes and has a twin.
        near: the time that what is out of service gives up.
    """
    if booking.risky is not None and booking.at_risk_reason is not None:
        live = states.get(booking.risky)
        if live is not None and live.state not in AVAILABLE | WITHDRAWING:
            return Risk(booking.at_risk_reason, booking.risky)  # Silence is no recovery.
    if not booking.interval.overlaps(near):
        return None
    by_cause = (booking.risky, booking.resource_id, *sorted(states, key=lambda one: one.bytes))
    for resource_id in by_cause:
        live = None if resource_id is None else states.get(resource_id)
        if live is not None and live.state in WITHDRAWING:
            reason = f"{live.state}: {live.reason}" if live.reason else str(live.state)
            return Risk(reason, live.resource_id)
    return None


def with_risk(booking: Booking, risk: Risk | None, *, now: datetime) -> Booking:
    """``booking`` flagged for ``risk``, or cleared by ``None``; itself when nothing changes."""
    reason = None if risk is None else risk.reason
    by = None if risk is None or risk.resource_id == booking.resource_id else risk.resource_id
    if not booking.is_active or (booking.at_risk_reason, booking.at_risk_by) == (reason, by):
        return booking
    return replace(
        booking,
        at_risk_reason=reason,
        at_risk_by=by,
        updated_at=now,
        version=booking.version + 1,
    )
