"""Use cases of orders: read them."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.orders import Order
from marketplace.deals.store import orders as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId


class OrderNotFoundError(DomainError):
    code: ClassVar[str] = "order-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no order {order_id} that you buy or supply; list /orders."
    zh: ClassVar[str] = "没有您买入或供应的订单 {order_id}；请查看 /orders。"


def get_order(*, session: Session, party: OrganisationId, order_id: UUID) -> Order:
    """An order ``party`` buys or supplies.

    Raises:
        OrderNotFoundError: there is none.
    """
    found = store.find_order(session, order_id, party=party)
    if found is None:
        raise OrderNotFoundError(order_id=order_id)
    return found


def list_orders(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Order]:
    """A page of orders one buys or supplies, in order of award."""
    return store.orders_after(session, party=party, after=after, limit=limit)
