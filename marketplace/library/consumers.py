"""What the library follows: money for its licences, and who belongs to which park and space."""

from typing import Any, Final

from sqlmodel import Session

from marketplace.library import handlers
from marketplace.library.domain import LICENCE
from services.contracts.events.identity import ParkMembershipChanged, SpaceMembershipChanged
from services.contracts.events.ledger import EscrowFunded
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


def follow_funding(*, session: Session, clock: Clock, event: EscrowFunded) -> None:
    if event.subject_kind == LICENCE:
        handlers.follow_funding(
            session=session,
            clock=clock,
            licence_id=event.subject_id,
            amount=Money(event.amount_minor, event.currency),
        )


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
    Consumer("library-funding", EscrowFunded, follow_funding),
    Consumer("library-park-membership", ParkMembershipChanged, follow_park),
    Consumer("library-space-membership", SpaceMembershipChanged, follow_space),
)
