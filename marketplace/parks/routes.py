"""Services for teams in a park: published, asked for, answered, confirmed."""

from uuid import UUID

from fastapi import Response

from marketplace.parks import handlers
from marketplace.parks.domain import Move, ServiceKind
from marketplace.parks.schemas import (
    ParkAnswerIn,
    ParkRequestIn,
    ParkRequestOut,
    ParkServiceIn,
    ParkServiceOut,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["parks"])


@router.post(
    "/parks/{code}/services",
    status_code=201,
    response_model=ParkServiceOut,
    dependencies=[requires(Action.PARK_SERVICE_PUBLISH)],
)
def publish_park_service(
    code: str,
    asked: ParkServiceIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Offer the teams of a park a service, as its operator or a member."""

    def work() -> ParkServiceOut:
        service = handlers.publish_service(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            park=code,
            **dict(asked),
        )
        return ParkServiceOut.of(service)

    return creation.once(asked, work)


@router.get(
    "/parks/{code}/services",
    response_model=Page[ParkServiceOut],
    dependencies=[requires(Action.PARK_SERVICE_READ)],
)
def list_park_services(
    code: str,
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    kind: ServiceKind | None = None,
) -> Page[ParkServiceOut] | Response:
    """Services of a park, for its operator and members."""
    found = handlers.list_services(
        session=session,
        organisation_id=acting.organisation_id,
        park=code,
        kind=kind,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ParkServiceOut.of, name="park-services")


@router.post(
    "/park-services/{park_service_id}/requests",
    status_code=201,
    response_model=ParkRequestOut,
    dependencies=[requires(Action.PARK_SERVICE_ASK)],
)
def ask_for_park_service(
    park_service_id: UUID,
    asked: ParkRequestIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask for a service; only its provider reads it."""

    def work() -> ParkRequestOut:
        request = handlers.ask_for_service(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            service_id=park_service_id,
            text=asked.text,
        )
        return ParkRequestOut.of(request)

    return creation.once(asked, work)


@router.get(
    "/park-requests",
    response_model=Page[ParkRequestOut],
    dependencies=[requires(Action.PARK_REQUEST_READ)],
)
def list_park_requests(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ParkRequestOut] | Response:
    """Requests one made and received, in order of asking."""
    found = handlers.list_requests(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, ParkRequestOut.of, name="park-requests")


@router.post(
    "/park-requests/{park_request_id}/answer",
    dependencies=[requires(Action.PARK_REQUEST_ANSWER)],
)
def answer_park_request(
    park_request_id: UUID,
    asked: ParkAnswerIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> ParkRequestOut:
    """Accept or decline as the provider, and say how or why."""
    answered = handlers.move_request(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        request_id=park_request_id,
        move=Move.ACCEPT if asked.accept else Move.DECLINE,
        remark=asked.remark,
    )
    return ParkRequestOut.of(answered)


@router.post(
    "/park-requests/{park_request_id}/confirm",
    dependencies=[requires(Action.PARK_REQUEST_CONFIRM)],
)
def confirm_park_request(
    park_request_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ParkRequestOut:
    """Say as who asked that it was done."""
    done = handlers.move_request(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        request_id=park_request_id,
        move=Move.CONFIRM,
    )
    return ParkRequestOut.of(done)


@router.post(
    "/park-requests/{park_request_id}/withdraw",
    dependencies=[requires(Action.PARK_REQUEST_CONFIRM)],
)
def withdraw_park_request(
    park_request_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ParkRequestOut:
    """Give a request up as who asked."""
    gone = handlers.move_request(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        request_id=park_request_id,
        move=Move.WITHDRAW,
    )
    return ParkRequestOut.of(gone)
