"""``/orders``: read, fund, start, deliver, inspect, rework, pay milestones, accept, call off."""

from uuid import UUID

from fastapi import Request, Response

from marketplace.deals.domain.orders import Order
from marketplace.deals.handlers import orders as handlers
from marketplace.deals.routes.tags import tag
from marketplace.deals.schemas.inspections import InspectionIn, InspectionOut
from marketplace.deals.schemas.orders import (
    DeliveryIn,
    DeliveryOut,
    FundingIn,
    OrderOut,
    PaidOut,
    ReleaseIn,
)
from services.contracts.policies import Action
from services.ledger.handlers.callbacks import check_provider
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

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
    return _tagged(response, found)


@router.get(
    "/{order_id}/money",
    response_model=Page[PaidOut],
    dependencies=[requires(Action.ORDER_READ)],
)
def list_money(
    order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PaidOut] | Response:
    """What happened to the money of an order, each step with its reason."""
    found = handlers.list_money(
        session=session,
        party=acting.organisation_id,
        order_id=order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PaidOut.of, name="money")


@router.post("/{order_id}/fund", dependencies=[requires(Action.ORDER_PAY)])
def fund_order(
    request: Request,
    order_id: UUID,
    asked: FundingIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
) -> OrderOut:
    """Ask the buyer's money into the escrow; production may start once it is there."""
    check_provider(asked.method, provider=request.app.state.settings.payment_provider)
    order = handlers.fund(
        session=session,
        clock=clock,
        buyer_id=acting.organisation_id,
        order_id=order_id,
        method=asked.method,
    )
    return _tagged(response, order)


@router.post("/{order_id}/start", dependencies=[requires(Action.ORDER_WORK)])
def start_order(
    order_id: UUID, session: SessionDep, clock: ClockDep, response: Response, acting: ActingDep
) -> OrderOut:
    """Note that production has begun; work on a booking of the order notes it too."""
    order = handlers.start(
        session=session, clock=clock, supplier_id=acting.organisation_id, order_id=order_id
    )
    return _tagged(response, order)


@router.post(
    "/{order_id}/deliveries",
    status_code=201,
    response_model=OrderOut,
    dependencies=[requires(Action.ORDER_WORK)],
)
def deliver(
    order_id: UUID,
    asked: DeliveryIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Hand over a part of a line, or all of it."""

    def work() -> OrderOut:
        order = handlers.deliver(
            session=session,
            clock=clock,
            supplier_id=acting.organisation_id,
            order_id=order_id,
            line=asked.line,
            quantity=asked.quantity,
            remark=asked.note,
        )
        return OrderOut.of(order)

    return creation.once(asked, work)


@router.get(
    "/{order_id}/deliveries",
    response_model=Page[DeliveryOut],
    dependencies=[requires(Action.ORDER_READ)],
)
def list_deliveries(
    order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[DeliveryOut] | Response:
    """What was handed over, in order."""
    found = handlers.list_deliveries(
        session=session,
        party=acting.organisation_id,
        order_id=order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, DeliveryOut.of, name="deliveries")


@router.post(
    "/{order_id}/inspections",
    status_code=201,
    response_model=InspectionOut,
    dependencies=[requires(Action.ORDER_INSPECT)],
)
def inspect_order(
    order_id: UUID,
    asked: InspectionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """File a report; its verdict is computed. The buyer's decides, the supplier's is evidence."""

    def work() -> InspectionOut:
        inspection = handlers.inspect(
            session=session,
            clock=clock,
            inspector_id=acting.organisation_id,
            order_id=order_id,
            line=asked.line,
            lot=asked.lot,
            sampled=asked.samples(),
            characteristics=asked.measurements(),
        )
        return InspectionOut.of(inspection)

    return creation.once(asked, work)


@router.get(
    "/{order_id}/inspections",
    response_model=Page[InspectionOut],
    dependencies=[requires(Action.ORDER_READ)],
)
def list_inspections(
    order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[InspectionOut] | Response:
    """The reports on an order, in order of filing."""
    found = handlers.list_inspections(
        session=session,
        party=acting.organisation_id,
        order_id=order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, InspectionOut.of, name="inspections")


@router.post("/{order_id}/rework", dependencies=[requires(Action.ORDER_ACCEPT)])
def rework_order(
    order_id: UUID, session: SessionDep, clock: ClockDep, response: Response, acting: ActingDep
) -> OrderOut:
    """Send back what did not pass; it is to be delivered anew."""
    order = handlers.send_to_rework(
        session=session, clock=clock, buyer_id=acting.organisation_id, order_id=order_id
    )
    return _tagged(response, order)


@router.post("/{order_id}/releases", dependencies=[requires(Action.ORDER_PAY)])
def release_milestone(
    order_id: UUID,
    asked: ReleaseIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
) -> OrderOut:
    """Pay a milestone to the supplier; each is paid once."""
    order = handlers.release_milestone(
        session=session,
        clock=clock,
        buyer_id=acting.organisation_id,
        order_id=order_id,
        number=asked.milestone,
    )
    return _tagged(response, order)


@router.post("/{order_id}/accept", dependencies=[requires(Action.ORDER_ACCEPT)])
def accept_order(
    order_id: UUID, session: SessionDep, clock: ClockDep, response: Response, acting: ActingDep
) -> OrderOut:
    """Take the order as made: what the escrow holds is paid, and the order is settled."""
    order = handlers.accept(
        session=session, clock=clock, buyer_id=acting.organisation_id, order_id=order_id
    )
    return _tagged(response, order)


@router.post("/{order_id}/call-off", dependencies=[requires(Action.ORDER_ACCEPT)])
def call_off_order(
    order_id: UUID, session: SessionDep, clock: ClockDep, response: Response, acting: ActingDep
) -> OrderOut:
    """Give an order up before any money came; its slots are free again within seconds."""
    order = handlers.call_off(
        session=session, clock=clock, buyer_id=acting.organisation_id, order_id=order_id
    )
    return _tagged(response, order)


def _tagged(response: Response, order: Order) -> OrderOut:
    tag(response, order.version)
    return OrderOut.of(order)
