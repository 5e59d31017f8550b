"""Signing up and in, who am I, acting for another organisation, ending sessions."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query, Request, Response

from services.access.handlers import factors, sessions, signing_in, stepping_up
from services.access.routes.opening import (
    AccessDep,
    ClientDep,
    PersonDep,
    closed,
    counted_by_address,
    opened,
)
from services.access.schemas import (
    ActingIn,
    CodeIn,
    FactorsOut,
    MembershipOut,
    PersonOut,
    SessionOpenedOut,
    SessionOut,
    SessionsOut,
    SignInIn,
    SignUpIn,
    WhoAmIOut,
)
from services.contracts.access import PrincipalKind
from services.contracts.ids import OrganisationId, PersonId
from services.contracts.policies import Action
from services.identity import handlers as identity
from services.runtime.routing import api_router
from services.runtime.web import ClockDep, PrincipalDep, SessionDep, requires

router = api_router(tags=["access"])
SIGN_IN: Final = [requires(Action.SIGN_IN), counted_by_address]


@router.post(
    "/sign-up", status_code=201, dependencies=[requires(Action.SIGN_UP), counted_by_address]
)
def sign_up(
    asked: SignUpIn, request: Request, response: Response, access: AccessDep, client: ClientDep
) -> SessionOpenedOut:
    """Register yourself and, unless you wait for an invitation, the organisation you own."""
    made = signing_in.sign_up(
        access=access,
        email=asked.email,
        password=asked.password.get_secret_value(),
        name=asked.name,
        locale=asked.locale,
        organisation=None if asked.organisation is None else asked.organisation.facts(),
        client=client,
    )
    return opened(request, response, made.signed_in, made.token, now=access.clock.now())


@router.post("/session", status_code=201, dependencies=SIGN_IN)
def sign_in(
    asked: SignInIn, request: Request, response: Response, access: AccessDep, client: ClientDep
) -> SessionOpenedOut:
    """Sign in with a password, and the code of the second factor if there is one."""
    made = signing_in.sign_in(
        access=access,
        email=asked.email,
        password=asked.password.get_secret_value(),
        code=None if asked.code is None else asked.code.get_secret_value(),
        client=client,
    )
    return opened(request, response, made.signed_in, made.token, now=access.clock.now())


@router.get("/session", dependencies=[requires(Action.SESSION_READ)])
def who_am_i(session: SessionDep, principal: PrincipalDep) -> WhoAmIOut:
    """Who asks, for which organisation, and for which others it might."""
    assert principal.id is not None
    assert principal.credential_id is not None
    person_id = PersonId(principal.id)
    is_person = principal.kind is PrincipalKind.PERSON
    person = identity.find_person(session=session, person_id=person_id) if is_person else None
    held = factors.held_factors(session=session, person_id=person_id) if is_person else None
    member_of = identity.memberships_of(session=session, person_id=person_id) if is_person else []
    return WhoAmIOut(
        kind=principal.kind,
        id=principal.id,
        credential_id=principal.credential_id,
        organisation_id=principal.organisation_id,
        roles=sorted(principal.roles),
        strong=principal.strong,
        person=None if person is None else PersonOut.of(person),
        memberships=[MembershipOut.of(membership) for membership in member_of],
        second_factors=None if held is None else FactorsOut.of(held),
    )


@router.put("/session/organisation", dependencies=[requires(Action.SESSION_CHANGE)])
def switch_organisation(
    asked: ActingIn,
    request: Request,
    response: Response,
    session: SessionDep,
    clock: ClockDep,
    access: AccessDep,
    person: PersonDep,
) -> SessionOpenedOut:
    """Act for another organisation you are a member of; the token is replaced."""
    signed_in, token = sessions.switch_organisation(
        session=session,
        clock=clock,
        session_id=person.session_id,
        person_id=person.person_id,
        organisation_id=OrganisationId(asked.organisation_id),
    )
    access.authenticator.forget(person.session_id)
    return opened(request, response, signed_in, token, now=clock.now())


@router.post("/session/second-factor", dependencies=[requires(Action.SESSION_CHANGE)])
def prove_second_factor(
    asked: CodeIn, request: Request, response: Response, access: AccessDep, person: PersonDep
) -> SessionOpenedOut:
    """Prove the second factor later than at sign-in; the token is replaced."""
    signed_in, token = stepping_up.prove_later(
        access=access,
        person_id=person.person_id,
        session_id=person.session_id,
        code=asked.code.get_secret_value(),
    )
    return opened(request, response, signed_in, token, now=access.clock.now())


@router.delete("/session", status_code=204, dependencies=[requires(Action.SESSION_CHANGE)])
def sign_out(
    response: Response,
    session: SessionDep,
    clock: ClockDep,
    access: AccessDep,
    person: PersonDep,
) -> None:
    """End this session."""
    sessions.revoke_session(
        session=session, clock=clock, session_id=person.session_id, person_id=person.person_id
    )
    access.authenticator.forget(person.session_id)
    closed(response)


@router.get("/sessions", dependencies=[requires(Action.SESSION_LIST)])
def list_own_sessions(session: SessionDep, clock: ClockDep, person: PersonDep) -> SessionsOut:
    """Where you are signed in, newest first."""
    found = sessions.list_sessions(session=session, clock=clock, person_id=person.person_id)
    now = clock.now()
    return SessionsOut(
        items=[SessionOut.of(one, current=person.session_id, now=now) for one in found]
    )


@router.delete(
    "/sessions/{session_id}", status_code=204, dependencies=[requires(Action.SESSION_CHANGE)]
)
def end_session(
    session_id: UUID, session: SessionDep, clock: ClockDep, access: AccessDep, person: PersonDep
) -> None:
    """End one of your sessions."""
    sessions.revoke_session(
        session=session, clock=clock, session_id=session_id, person_id=person.person_id
    )
    access.authenticator.forget(session_id)


@router.delete("/sessions", status_code=204, dependencies=[requires(Action.SESSION_CHANGE)])
def end_all_sessions(
    session: SessionDep,
    clock: ClockDep,
    person: PersonDep,
    keep_current: Annotated[bool, Query(description="stay signed in here")] = True,  # noqa: FBT002 - a query parameter
) -> None:
    """End every session, wherever it was opened."""
    sessions.revoke_all(
        session=session,
        clock=clock,
        person_id=person.person_id,
        keep=person.session_id if keep_current else None,
    )
