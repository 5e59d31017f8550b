"""Second factors: the authenticator app and the codes to recover with."""

from fastapi import Request, Response

from services.access.handlers import factors, stepping_up
from services.access.routes.opening import NOT_STORED, AccessDep, PersonDep, opened
from services.access.schemas import (
    CodeIn,
    FactorsOut,
    RecoveryCodesOut,
    ReproofIn,
    TotpConfirmedOut,
    TotpOut,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import ClockDep, SessionDep, requires

router = api_router(prefix="/second-factors", tags=["access"])


@router.get("", dependencies=[requires(Action.FACTOR_READ)])
def read_second_factors(session: SessionDep, person: PersonDep) -> FactorsOut:
    """Which second factors you hold."""
    return FactorsOut.of(factors.held_factors(session=session, person_id=person.person_id))


@router.post("/totp", status_code=201, dependencies=[requires(Action.FACTOR_ADD)])
def offer_totp(
    asked: ReproofIn, response: Response, access: AccessDep, person: PersonDep
) -> TotpOut:
    """Begin with an authenticator app: its secret, shown this once. Then confirm a code of it."""
    offer = stepping_up.offer_totp(
        access=access,
        principal=person.principal,
        password=None if asked.password is None else asked.password.get_secret_value(),
    )
    response.headers.update(NOT_STORED)
    return TotpOut(secret=offer.secret, uri=offer.uri)


@router.post("/totp/confirmation", dependencies=[requires(Action.FACTOR_ADD)])
def confirm_totp(
    asked: CodeIn, request: Request, response: Response, access: AccessDep, person: PersonDep
) -> TotpConfirmedOut:
    """Make the app count; recovery codes, shown this once. The token is replaced."""
    codes, signed_in, token = stepping_up.confirm_totp(
        access=access,
        person_id=person.person_id,
        session_id=person.session_id,
        code=asked.code.get_secret_value(),
    )
    session_out = opened(request, response, signed_in, token, now=access.clock.now())
    return TotpConfirmedOut(session=session_out, recovery_codes=codes)


@router.delete("/totp", status_code=204, dependencies=[requires(Action.FACTOR_REMOVE)])
def remove_totp(session: SessionDep, person: PersonDep) -> None:
    """Forget the authenticator app."""
    factors.remove_totp(session=session, person_id=person.person_id)


@router.post("/recovery-codes", status_code=201, dependencies=[requires(Action.FACTOR_REMOVE)])
def renew_recovery_codes(
    response: Response, session: SessionDep, clock: ClockDep, person: PersonDep
) -> RecoveryCodesOut:
    """Ten new recovery codes in place of all earlier ones, shown this once."""
    codes = factors.new_recovery_codes(session=session, clock=clock, person_id=person.person_id)
    response.headers.update(NOT_STORED)
    return RecoveryCodesOut(recovery_codes=codes)
