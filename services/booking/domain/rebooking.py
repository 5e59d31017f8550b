"""What may take the place of a booking whose machine went down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from services.booking.domain.life import Booking, BookingState
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.intervals import Interval
from services.matching.domain import Candidate

LOOK_AHEAD: Final = timedelta(days=14)
"""How much later than asked something else is still looked for."""


class NotAtRiskError(DomainError):
    code: ClassVar[str] = "booking-not-at-risk"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is {state} and not at risk; move it, or cancel it by its terms."
    )
    zh: ClassVar[str] = "预订 {booking_id} 当前为 {state} 且无风险；请改期或按条款取消。"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another slot for the same work.

    ``difference_minor`` is what it costs more than the booking, in the booking's currency;
    ``None`` where nothing was to be paid. ``delay`` is how much later it begins.
    """

    candidate: Candidate
    difference_minor: int | None
    delay: timedelta


def check_replaceable(booking: Booking) -> None:
    """Refuse to replace what can be kept, is being worked on, or is over.

    Raises:
        NotAtRiskError: as it says.
    """
    if not booking.at_risk or booking.state not in {BookingState.HELD, BookingState.CONFIRMED}:
        raise NotAtRiskError(booking_id=booking.id, state=booking.state)


def looked_at(booking: Booking, *, now: datetime) -> Interval:
    """Where another slot is looked for: not before the work was to begin, nor before ``now``."""
    start = max(now, booking.interval.start)
    return Interval(start, start + booking.interval.duration + LOOK_AHEAD)


def work_minutes(booking: Booking) -> int:
    """Of the booking, without the set-up of its resource."""
    return booking.interval.duration // timedelta(minutes=1) - booking.setup_minutes


def proposed(booking: Booking, candidate: Candidate) -> Proposal:
    price = booking.price
    comparable = price is not None and price.currency == candidate.price.currency
    difference = candidate.price.minor - price.minor if price and comparable else None
    return Proposal(candidate, difference, candidate.start - booking.interval.start)
