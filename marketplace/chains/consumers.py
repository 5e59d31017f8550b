"""What chain spaces follow: orders between their members."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.chains.handlers import orders
from services.contracts.events.deals import OrderChanged
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_order(*, session: Session, clock: Clock, event: OrderChanged) -> None:
    del clock
    orders.follow_order(
        session=session,
        order_id=event.order_id,
        state=event.state,
        at_risk=event.at_risk,
        at=event.occurred_at,
    )


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("chains-order", OrderChanged, follow_order),
)
