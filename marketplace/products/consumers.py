"""What products follow: the life of the bookings their orders are made of."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.products.handlers import following
from services.contracts.events.booking import BookingChanged
from services.contracts.ids import BookingId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_booking(*, session: Session, clock: Clock, event: BookingChanged) -> None:
    booking_id = BookingId(event.booking_id)
    if event.state == "finished":
        following.follow_finish(session=session, booking_id=booking_id, at=event.occurred_at)
    elif event.state in {"cancelled", "expired"}:
        following.follow_loss(session=session, clock=clock, booking_id=booking_id)


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("products-booking", BookingChanged, follow_booking),
)
