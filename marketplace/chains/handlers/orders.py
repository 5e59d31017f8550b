"""Use cases of orders in a space: show one, list them, follow what becomes of them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.chains.domain.orders import ChainOrder
from marketplace.chains.store import orders as store
from marketplace.deals.domain.lifecycle import State
from marketplace.deals.handlers import orders as deals
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

ACCEPTED = (State.ACCEPTED, State.SETTLED)


class OtherPartyNotInSpaceError(DomainError):
    code: ClassVar[str] = "other-party-not-in-space"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The other party of order {order_id} is not in chain space {space_id}; only orders between"
        " two members are shown there."
    )
    zh: ClassVar[str] = (
        "订单 {order_id} 的另一方不在产业链空间 {space_id} 中；只能共享成员之间的订单。"
    )


def show_order(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    space_id: UUID,
    order_id: UUID,
) -> ChainOrder:
    """Let the space see the state of an order between two of its members; again changes nothing.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
        OrderNotFoundError: it is no party of such an order.
        OtherPartyNotInSpaceError: the other one is not in the space.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    order = deals.get_order(session=session, party=organisation_id, order_id=order_id)
    for party in (order.organisation_id, order.supplier_id):
        try:
            identity.get_space(session=session, organisation_id=party, space_id=space_id)
        except identity.SpaceNotFoundError:
            raise OtherPartyNotInSpaceError(order_id=order_id, space_id=space_id) from None
    shown = ChainOrder(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        space_id=space_id,
        order_id=order.id,
        state=order.state.value,
        at_risk=order.at_risk,
        needed_by=order.needed_by,
        linked_at=clock.now(),
        updated_at=order.updated_at,
        accepted_at=order.updated_at if order.state in ACCEPTED else None,
    )
    stored = store.insert_order(session, shown)
    if stored.id == shown.id:
        note(session, subject_kind="chain_order", subject_id=stored.id, after=stored)
    return stored


def list_orders(
    *,
    session: Session,
    organisation_id: OrganisationId,
    space_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[ChainOrder]:
    """A page of the orders shown to the space.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    return store.orders_after(session, space_id, after=after, limit=limit)


def follow_order(
    *, session: Session, order_id: UUID, state: str, at_risk: bool, at: datetime
) -> None:
    """What became of an order is seen by the spaces it is shown to."""
    accepted = state in ACCEPTED
    store.follow_order(session, order_id, state=state, at_risk=at_risk, accepted=accepted, at=at)
