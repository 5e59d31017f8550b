"""HTTP doors of gateways' credentials."""

from uuid import UUID

from fastapi import Response

from services.access.routes.opening import NOT_STORED, counted_by_address
from services.contracts.ids import GatewayId
from services.contracts.policies import Action
from services.devices import handlers
from services.devices.schemas import (
    CredentialIssued,
    CredentialRead,
    EnrolmentIssued,
    EnrolmentRedeem,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(tags=["devices"])


@router.post(
    "/gateways/{gateway_id}/enrolments",
    status_code=201,
    dependencies=[requires(Action.GATEWAY_ENROL)],
)
def create_enrolment(
    gateway_id: UUID,
    acting: ActingDep,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
) -> EnrolmentIssued:
    """A one-time code for the gateway; it expires after an hour and is shown only here."""
    response.headers.update(NOT_STORED)
    return EnrolmentIssued.of(
        handlers.create_enrolment(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            gateway_id=GatewayId(gateway_id),
        )
    )


@router.post(
    "/enrolments/redeem",
    status_code=201,
    dependencies=[requires(Action.ENROLMENT_REDEEM), counted_by_address],
)
def redeem_enrolment(
    asked: EnrolmentRedeem, session: SessionDep, clock: ClockDep, response: Response
) -> CredentialIssued:
    """Exchange a code for the gateway's credential; the code is spent afterwards."""
    response.headers.update(NOT_STORED)
    return CredentialIssued.of(handlers.redeem(session=session, clock=clock, code=asked.code))


@router.get(
    "/gateways/{gateway_id}/credentials",
    response_model=Page[CredentialRead],
    dependencies=[requires(Action.GATEWAY_CREDENTIAL_READ)],
)
def list_gateway_credentials(
    gateway_id: UUID, acting: ActingDep, session: SessionDep, page: PageDep
) -> Page[CredentialRead] | Response:
    """Credentials of a gateway by id, without their secrets."""
    found = handlers.list_credentials(
        session=session,
        organisation_id=acting.organisation_id,
        gateway_id=GatewayId(gateway_id),
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, CredentialRead.of, name="gateway-credentials")


@router.post(
    "/gateways/{gateway_id}/credentials/{credential_id}/revoke",
    dependencies=[requires(Action.GATEWAY_CREDENTIAL_REVOKE)],
)
def revoke_gateway_credential(
    gateway_id: UUID,
    credential_id: UUID,
    acting: ActingDep,
    session: SessionDep,
    clock: ClockDep,
) -> CredentialRead:
    """Take a credential back; a connection made with it is cut within seconds."""
    return CredentialRead.of(
        handlers.revoke_credential(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            gateway_id=GatewayId(gateway_id),
            credential_id=credential_id,
        )
    )
