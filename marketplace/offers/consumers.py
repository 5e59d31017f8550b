"""What offers follow: who belongs to which park and chain space."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.offers import handlers
from services.contracts.events.identity import ParkMembershipChanged, SpaceMembershipChanged
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_park(*, session: Session, clock: Clock, event: ParkMembershipChanged) -> None:
    if not event.is_member:
        handlers.stop_sharing(
            session=session,
            clock=clock,
            organisation_id=OrganisationId(event.organisation_id),
            park=event.park,
        )


def follow_space(*, session: Session, clock: Clock, event: SpaceMembershipChanged) -> None:
    if not event.is_member:
        handlers.stop_sharing(
            session=session,
            clock=clock,
            organisation_id=OrganisationId(event.organisation_id),
            space_id=event.space_id,
        )


CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    Consumer("offers-park-membership", ParkMembershipChanged, follow_park),
    Consumer("offers-space-membership", SpaceMembershipChanged, follow_space),
)
