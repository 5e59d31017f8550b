"""Signing in at an OpenID provider, and linking an account there."""

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from services.access.domain.relying_party import platform_origin
from services.access.handlers import openid
from services.access.handlers.provider import OpenIdRefusedError
from services.access.routes.opening import (
    COOKIE,
    NOT_STORED,
    AccessDep,
    ClientDep,
    PersonDep,
    counted_by_address,
    opened,
)
from services.access.schemas import OutsideSignInOut, ReproofIn
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import requires

router = api_router(tags=["access"])
CALLBACK: Final = "/session/openid/callback"
STATE_COOKIE: Final = dict(COOKIE) | {"key": "__Host-nonagon_openid"}
STATE_LASTS_S: Final = 600
SEE_OTHER: Final = 303
STATE_MAX: Final = 100
CODE_MAX: Final = 4_096
_REDIRECTS: Final[dict[int | str, dict[str, Any]]] = {
    SEE_OTHER: {"description": "To the provider, or back to the platform's first page"}
}


def _redirect_uri(request: Request) -> str:
    origin = platform_origin(
        public_origin=request.app.state.settings.public_origin,
        scheme=request.scope["scheme"],
        host=request.headers.get("host", ""),
    )
    return f"{origin}{request.app.url_path_for(finish_openid_sign_in.__name__)}"


@router.get(
    "/session/openid",
    status_code=SEE_OTHER,
    response_class=RedirectResponse,
    responses=_REDIRECTS,
    dependencies=[requires(Action.SIGN_IN), counted_by_address],
)
def begin_openid_sign_in(request: Request, access: AccessDep) -> Response:
    """Go to the provider to sign in."""
    url, state = openid.begin(access=access, redirect_uri=_redirect_uri(request))
    response = RedirectResponse(url, SEE_OTHER, NOT_STORED)
    response.set_cookie(value=state, max_age=STATE_LASTS_S, **STATE_COOKIE)
    return response


@router.get(
    CALLBACK,
    status_code=SEE_OTHER,
    response_class=RedirectResponse,
    responses=_REDIRECTS,
    dependencies=[requires(Action.SIGN_IN), counted_by_address],
)
def finish_openid_sign_in(
    request: Request,
    access: AccessDep,
    client: ClientDep,
    state: Annotated[str, Query(max_length=STATE_MAX)],
    code: Annotated[str | None, Query(max_length=CODE_MAX)] = None,
    error: Annotated[str | None, Query(max_length=STATE_MAX)] = None,
) -> Response:
    """Where the provider sends the browser back to."""
    if code is None:
        raise OpenIdRefusedError(why=f"it says {error!r}.")
    made = openid.finish(
        access=access,
        state=state,
        held_state=request.cookies.get(STATE_COOKIE["key"]),
        code=code,
        client=client,
    )
    response = RedirectResponse("/", SEE_OTHER)
    response.delete_cookie(**STATE_COOKIE)
    opened(request, response, made.signed_in, made.token, now=access.clock.now())
    return response


@router.post("/outside-accounts", dependencies=[requires(Action.FACTOR_ADD)])
def link_outside_account(
    asked: ReproofIn, request: Request, response: Response, access: AccessDep, person: PersonDep
) -> OutsideSignInOut:
    """Begin linking your account at the provider: where to send the browser."""
    password = None if asked.password is None else asked.password.get_secret_value()
    url, state = openid.begin_link(
        access=access,
        redirect_uri=_redirect_uri(request),
        principal=person.principal,
        password=password,
    )
    response.set_cookie(value=state, max_age=STATE_LASTS_S, **STATE_COOKIE)
    response.headers.update(NOT_STORED)
    return OutsideSignInOut(url=url)
