"""``/work-orders``: answer warnings, record findings, report, close, pay."""

from uuid import UUID

from fastapi import Response

from marketplace.service_contracts.domain import Move
from marketplace.service_contracts.handlers import orders, sessions
from marketplace.service_contracts.schemas import (
    RemoteSessionIn,
    RemoteSessionOut,
    ServiceFindingIn,
    ServiceFindingOut,
    WorkOrderOut,
    WorkReportIn,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["service contracts"])


@router.get(
    "/work-orders",
    response_model=Page[WorkOrderOut],
    dependencies=[requires(Action.WORK_READ)],
)
def list_work_orders(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[WorkOrderOut] | Response:
    """Work orders one is a party to, in order of opening."""
    found = orders.list_orders(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, WorkOrderOut.of, name="work-orders")


@router.get("/work-orders/{work_order_id}", dependencies=[requires(Action.WORK_READ)])
def read_work_order(work_order_id: UUID, session: SessionDep, acting: ActingDep) -> WorkOrderOut:
    """One work order; once closed, with its fee and the lines it is the sum of."""
    return WorkOrderOut.of(
        orders.get_order(session=session, party=acting.organisation_id, order_id=work_order_id)
    )


@router.post("/work-orders/{work_order_id}/accept", dependencies=[requires(Action.WORK_DO)])
def accept_work_order(
    work_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WorkOrderOut:
    """Respond to a work order; the clock of the contract stops."""
    done = orders.accept_order(
        session=session, clock=clock, provider_id=acting.organisation_id, order_id=work_order_id
    )
    return WorkOrderOut.of(done)


@router.post(
    "/work-orders/{work_order_id}/findings",
    status_code=201,
    response_model=ServiceFindingOut,
    dependencies=[requires(Action.WORK_DO)],
)
def record_finding(
    work_order_id: UUID,
    asked: ServiceFindingIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Record what was found or is advised; it is never changed."""

    def work() -> ServiceFindingOut:
        made = orders.add_finding(
            session=session,
            clock=clock,
            provider_id=acting.organisation_id,
            order_id=work_order_id,
            kind=asked.kind,
            text=asked.text,
            sha256=asked.sha256,
        )
        return ServiceFindingOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/work-orders/{work_order_id}/findings",
    response_model=Page[ServiceFindingOut],
    dependencies=[requires(Action.WORK_READ)],
)
def list_findings(
    work_order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ServiceFindingOut] | Response:
    """What was found, in order."""
    found = orders.list_findings(
        session=session,
        party=acting.organisation_id,
        order_id=work_order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ServiceFindingOut.of, name="findings")


@router.post("/work-orders/{work_order_id}/report", dependencies=[requires(Action.WORK_DO)])
def report_work_order(
    work_order_id: UUID,
    asked: WorkReportIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> WorkOrderOut:
    """Report the work as done, and how long it took."""
    done = orders.report_order(
        session=session,
        clock=clock,
        provider_id=acting.organisation_id,
        order_id=work_order_id,
        worked_minutes=asked.worked_minutes,
    )
    return WorkOrderOut.of(done)


@router.post("/work-orders/{work_order_id}/return", dependencies=[requires(Action.WORK_CLOSE)])
def return_work_order(
    work_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WorkOrderOut:
    """Return reported work: it is not done."""
    done = orders.answer_report(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        order_id=work_order_id,
        move=Move.RETURN,
    )
    return WorkOrderOut.of(done)


@router.post("/work-orders/{work_order_id}/cancel", dependencies=[requires(Action.WORK_CLOSE)])
def cancel_work_order(
    work_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WorkOrderOut:
    """Cancel a work order nobody has taken up."""
    done = orders.answer_report(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        order_id=work_order_id,
        move=Move.CANCEL,
    )
    return WorkOrderOut.of(done)


@router.post("/work-orders/{work_order_id}/close", dependencies=[requires(Action.WORK_CLOSE)])
def close_work_order(
    work_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WorkOrderOut:
    """Close reported work; its fee is booked as owed."""
    done = orders.close_order(
        session=session, clock=clock, organisation_id=acting.organisation_id, order_id=work_order_id
    )
    return WorkOrderOut.of(done)


@router.post("/work-orders/{work_order_id}/pay", dependencies=[requires(Action.WORK_PAY)])
def pay_work_order(
    work_order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WorkOrderOut:
    """Pay the fee from wallet to wallet."""
    done = orders.pay_fee(
        session=session, clock=clock, organisation_id=acting.organisation_id, order_id=work_order_id
    )
    return WorkOrderOut.of(done)


@router.post(
    "/work-orders/{work_order_id}/remote-sessions",
    status_code=201,
    response_model=RemoteSessionOut,
    dependencies=[requires(Action.REMOTE_REQUEST)],
)
def request_remote_session(
    work_order_id: UUID,
    asked: RemoteSessionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask the owner to be shown the machine for some minutes."""

    def work() -> RemoteSessionOut:
        made = sessions.request_session(
            session=session,
            clock=clock,
            provider_id=acting.organisation_id,
            actor=acting.principal.id,
            order_id=work_order_id,
            purpose=asked.purpose,
            minutes=asked.minutes,
        )
        return RemoteSessionOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/work-orders/{work_order_id}/remote-sessions",
    response_model=Page[RemoteSessionOut],
    dependencies=[requires(Action.WORK_READ)],
)
def list_remote_sessions(
    work_order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[RemoteSessionOut] | Response:
    """Every session of a work order, in order of asking."""
    found = sessions.list_sessions(
        session=session,
        party=acting.organisation_id,
        order_id=work_order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, RemoteSessionOut.of, name="remote-sessions")
