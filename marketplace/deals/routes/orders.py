"""``/orders``: read what was awarded."""

from uuid import UUID

from fastapi import Response

from marketplace.deals.domain.orders import Order
from marketplace.deals.handlers import orders as handlers
from marketplace.deals.routes.tags import tag
from marketplace.deals.schemas.orders import OrderOut
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, SessionDep, requires

router = api_router(prefix="/orders", tags=["deals"])


@router.get("", response_model=Page[OrderOut], dependencies=[requires(Action.ORDER_READ)])
def list_orders(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[OrderOut] | Response:
    """Orders one buys or supplies, in order of award."""
    found = handlers.list_orders(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, OrderOut.of, name="orders")


@router.get("/{order_id}", dependencies=[requires(Action.ORDER_READ)])
def read_order(
    order_id: UUID, session: SessionDep, response: Response, acting: ActingDep
) -> OrderOut:
    """One order; its ETag is its version."""
    found = handlers.get_order(session=session, party=acting.organisation_id, order_id=order_id)
    return tagged(response, found)


def tagged(response: Response, order: Order) -> OrderOut:
    tag(response, order.version)
    return OrderOut.of(order)
