"""What booking follows: live states, what becomes of joint legs, and time that becomes free."""

from typing import Any, Final

from sqlmodel import Session

from services.booking import handlers
from services.contracts.events.booking import JointLegLost, SlotFreed
from services.contracts.events.capacity import (
    GapsRestored,
    ResourceChanged,
    ResourceStateChanged,
)
from services.contracts.ids import JointId, ResourceId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_state(*, session: Session, clock: Clock, event: ResourceStateChanged) -> None:
    """Flag or clear bookings by the state of now: a late or repeated event cannot undo a later."""
    handlers.flag_at_risk(session=session, clock=clock, resource_id=ResourceId(event.resource_id))


def follow_leg(*, session: Session, clock: Clock, event: JointLegLost) -> None:
    """Release the other legs of a held joint booking that lost one."""
    handlers.release_fallen(session=session, clock=clock, joint_id=JointId(event.joint_id))


def follow_free_time(
    *, session: Session, clock: Clock, event: SlotFreed | ResourceChanged | GapsRestored
) -> None:
    """Have whoever waits for the resource looked at."""
    del clock  # when does not matter
    handlers.look_again(session=session, resource_ids=[ResourceId(event.resource_id)])


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("booking-at-risk", ResourceStateChanged, follow_state),
    Consumer("booking-joint", JointLegLost, follow_leg),
    Consumer("booking-waitlist-freed", SlotFreed, follow_free_time),
    Consumer("booking-waitlist-changed", ResourceChanged, follow_free_time),
    Consumer("booking-waitlist-restored", GapsRestored, follow_free_time),
)
