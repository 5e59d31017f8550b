"""What service contracts follow: machines that go down, off, silent or into maintenance."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.service_contracts.domain import Warned
from marketplace.service_contracts.handlers import orders
from services.contracts.events.capacity import ResourceStateChanged
from services.contracts.ids import ResourceId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer

_WARNING: Final = frozenset(one.value for one in Warned)


def follow_state(*, session: Session, clock: Clock, event: ResourceStateChanged) -> None:
    """Open the work orders that a change to a warning state calls for."""
    if event.state.value in _WARNING:
        orders.follow_warning(
            session=session,
            clock=clock,
            resource_id=ResourceId(event.resource_id),
            warning=Warned(event.state.value),
            reason=event.reason,
        )


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("service-contracts-state", ResourceStateChanged, follow_state),
)
