"""What booking follows: the live state of its resources, and what becomes of joint legs."""

from typing import Any, Final

from sqlmodel import Session

from services.booking import handlers
from services.contracts.events.booking import JointLegLost
from services.contracts.events.capacity import ResourceStateChanged
from services.contracts.ids import JointId, ResourceId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_state(*, session: Session, clock: Clock, event: ResourceStateChanged) -> None:
    """Flag or clear bookings by the state of now: a late or repeated event cannot undo a later."""
    handlers.flag_at_risk(session=session, clock=clock, resource_id=ResourceId(event.resource_id))


def follow_leg(*, session: Session, clock: Clock, event: JointLegLost) -> None:
    """Release the other legs of a held joint booking that lost one."""
    handlers.release_fallen(session=session, clock=clock, joint_id=JointId(event.joint_id))


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("booking-at-risk", ResourceStateChanged, follow_state),
    Consumer("booking-joint", JointLegLost, follow_leg),
)
