"""Invitations to the acting organisation, and taking one up."""

from uuid import UUID

from fastapi import Response

from services.contracts.policies import Action
from services.identity import handlers
from services.identity.routes.persons import NOT_STORED
from services.identity.schemas.people import (
    InvitationAccept,
    InvitationCreate,
    InvitationMade,
    InvitationRead,
    MembershipRead,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, PrincipalDep, SessionDep, requires

router = api_router(prefix="/invitations", tags=["identity"])


@router.post("", status_code=201, dependencies=[requires(Action.INVITATION_CREATE)])
def create_invitation(
    asked: InvitationCreate,
    response: Response,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> InvitationMade:
    """Invite an address for 7 days. The token is shown this once; Idempotency-Key is not read."""
    invitation, token = handlers.invite(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        email=asked.email,
        roles=asked.roles,
    )
    response.headers.update(NOT_STORED)
    return InvitationMade.made(invitation, token, clock.now())


@router.get(
    "", response_model=Page[InvitationRead], dependencies=[requires(Action.INVITATION_READ)]
)
def list_invitations(
    session: SessionDep, clock: ClockDep, page: PageDep, acting: ActingDep
) -> Page[InvitationRead] | Response:
    """Invitations by id, those that ended included."""
    found = handlers.list_invitations(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    now = clock.now()
    return page.answer(found, lambda one: InvitationRead.of(one, now), name="invitations")


@router.delete(
    "/{invitation_id}", status_code=204, dependencies=[requires(Action.INVITATION_REVOKE)]
)
def revoke_invitation(
    invitation_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Refuse an open invitation's token from now on."""
    handlers.revoke_invitation(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        invitation_id=invitation_id,
    )


@router.post("/accept", dependencies=[requires(Action.INVITATION_ACCEPT)])
def accept_invitation(
    asked: InvitationAccept, session: SessionDep, clock: ClockDep, principal: PrincipalDep
) -> MembershipRead:
    """Become a member by the token sent to your address; then PUT /session/organisation."""
    return MembershipRead.of(
        handlers.accept_invitation(
            session=session,
            clock=clock,
            principal=principal,
            token=asked.token.get_secret_value(),
        )
    )
