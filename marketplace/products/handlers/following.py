"""What orders follow: their legs finish, or are lost before they were firm."""

from datetime import datetime

from sqlmodel import Session

from marketplace.products import store
from marketplace.products.domain.order import ProductOrderState, finished
from marketplace.products.handlers.ordering import give_up
from services.contracts.ids import BookingId
from services.runtime.clock import Clock


def follow_finish(*, session: Session, booking_id: BookingId, at: datetime) -> None:
    """Mark the milestone of a finished leg done; the maker's with the last leg."""
    order = store.order_of_booking(session, booking_id)
    if order is not None:
        store.save_milestones(session, order.id, finished(order.milestones, booking_id, at=at))


def follow_loss(*, session: Session, clock: Clock, booking_id: BookingId) -> None:
    """Give up a held order that lost a leg: the joint booking falls as a whole."""
    order = store.order_of_booking(session, booking_id)
    if order is not None and order.state is ProductOrderState.HELD:
        give_up(session, clock, order)
