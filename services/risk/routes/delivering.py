"""What was delivered, to whom, and what they said."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.contracts.policies import Action
from services.risk.handlers import reading
from services.risk.schemas import DeliveryOut
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(prefix="/risk", tags=["risk"])


@router.get(
    "/deliveries",
    response_model=Page[DeliveryOut],
    dependencies=[requires(Action.RISK_NOTICE_READ)],
)
def list_risk_deliveries(
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    page: PageDep,
    unacknowledged: Annotated[bool, Query(description="only those still open")] = False,  # noqa: FBT002 - a query parameter
) -> Page[DeliveryOut] | Response:
    """Notices delivered to you, and until when each must be acknowledged."""
    found = reading.list_received(
        session=session,
        clock=clock,
        acting=acting,
        after=page.after,
        limit=page.fetch,
        open_only=unacknowledged,
    )
    now = clock.now()
    return page.answer(found, lambda one: DeliveryOut.of(one, now), name="risk-deliveries")


@router.get(
    "/notices/{notice_id}/deliveries",
    response_model=Page[DeliveryOut],
    dependencies=[requires(Action.RISK_DELIVERY_READ)],
)
def list_deliveries_of_risk_notice(
    notice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep, page: PageDep
) -> Page[DeliveryOut] | Response:
    """Who received your notice, read it, acknowledged it, and who is late."""
    found = reading.list_deliveries(
        session=session, acting=acting, notice_id=notice_id, after=page.after, limit=page.fetch
    )
    now = clock.now()
    return page.answer(found, lambda one: DeliveryOut.of(one, now), name="risk-deliveries")


@router.post(
    "/notices/{notice_id}/acknowledge", dependencies=[requires(Action.RISK_NOTICE_ACKNOWLEDGE)]
)
def acknowledge_risk_notice(
    notice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> DeliveryOut:
    """Say that your organisation knows; the clock stops."""
    done = reading.acknowledge(session=session, clock=clock, acting=acting, notice_id=notice_id)
    return DeliveryOut.of(done, clock.now())
