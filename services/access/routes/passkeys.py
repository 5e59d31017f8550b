"""Passkeys: adding, listing, removing, and signing in with one."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.access.domain.relying_party import RelyingParty, relying_party
from services.access.handlers import passkeys
from services.access.handlers.passkeys import Ceremony
from services.access.routes.opening import (
    NOT_STORED,
    AccessDep,
    ClientDep,
    PersonDep,
    counted_by_address,
    opened,
)
from services.access.schemas import (
    CeremonyOut,
    PasskeyAddedOut,
    PasskeyIn,
    PasskeyOut,
    PasskeyProofIn,
    PasskeysOut,
    ReproofIn,
    SessionOpenedOut,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import SessionDep, requires

router = api_router(tags=["access"])


def _party(request: Request) -> RelyingParty:
    return relying_party(
        public_origin=request.app.state.settings.public_origin,
        scheme=request.scope["scheme"],
        host=request.headers.get("host", ""),
    )


PartyDep = Annotated[RelyingParty, Depends(_party)]


@router.post("/passkeys/options", dependencies=[requires(Action.FACTOR_ADD)])
def begin_passkey(
    asked: ReproofIn, response: Response, access: AccessDep, party: PartyDep, person: PersonDep
) -> CeremonyOut:
    """Begin adding a passkey: what the browser's `navigator.credentials.create` is given."""
    password = None if asked.password is None else asked.password.get_secret_value()
    ceremony = passkeys.begin_registration(
        access=access, party=party, principal=person.principal, password=password
    )
    return _told(response, ceremony)


@router.post("/passkeys", status_code=201, dependencies=[requires(Action.FACTOR_ADD)])
def add_passkey(
    asked: PasskeyIn,
    request: Request,
    response: Response,
    access: AccessDep,
    party: PartyDep,
    person: PersonDep,
) -> PasskeyAddedOut:
    """Keep the passkey the browser made. The session's token is replaced."""
    passkey, signed_in, token = passkeys.finish_registration(
        access=access,
        party=party,
        principal=person.principal,
        ticket=asked.ticket.get_secret_value(),
        name=asked.name,
        credential=asked.credential,
    )
    session_out = opened(request, response, signed_in, token, now=access.clock.now())
    return PasskeyAddedOut(session=session_out, passkey=PasskeyOut.of(passkey))


@router.get("/passkeys", dependencies=[requires(Action.FACTOR_READ)])
def list_passkeys(session: SessionDep, person: PersonDep) -> PasskeysOut:
    """Your passkeys, the oldest first."""
    found = passkeys.list_passkeys(session=session, person_id=person.person_id)
    return PasskeysOut(items=[PasskeyOut.of(passkey) for passkey in found])


@router.delete(
    "/passkeys/{passkey_id}", status_code=204, dependencies=[requires(Action.FACTOR_REMOVE)]
)
def remove_passkey(passkey_id: UUID, session: SessionDep, person: PersonDep) -> None:
    """Forget one of your passkeys."""
    passkeys.remove_passkey(session=session, person_id=person.person_id, passkey_id=passkey_id)


@router.post(
    "/session/passkey/options", dependencies=[requires(Action.SIGN_IN), counted_by_address]
)
def begin_passkey_sign_in(response: Response, access: AccessDep, party: PartyDep) -> CeremonyOut:
    """Begin signing in: what the browser's `navigator.credentials.get` is given."""
    return _told(response, passkeys.begin_proof(access=access, party=party))


@router.post(
    "/session/passkey",
    status_code=201,
    dependencies=[requires(Action.SIGN_IN), counted_by_address],
)
def sign_in_with_passkey(
    asked: PasskeyProofIn,
    request: Request,
    response: Response,
    access: AccessDep,
    party: PartyDep,
    client: ClientDep,
) -> SessionOpenedOut:
    """Sign in with a passkey; it proves both factors."""
    made = passkeys.finish_proof(
        access=access,
        party=party,
        ticket=asked.ticket.get_secret_value(),
        credential=asked.credential,
        client=client,
    )
    return opened(request, response, made.signed_in, made.token, now=access.clock.now())


def _told(response: Response, ceremony: Ceremony) -> CeremonyOut:
    response.headers.update(NOT_STORED)
    return CeremonyOut(ticket=ceremony.ticket, options=ceremony.options)
