"""Who asks: the token of a request, from its Authorization header or its cookie, made a principal.

A token that is no good is refused even where nobody need sign in: whoever sends one means to be
somebody, and must learn that it is over.
"""

from collections.abc import Callable, Iterator
from typing import Final

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from services.access.domain.tokens import SESSION_COOKIE
from services.access.handlers.authentication import Authenticator, CredentialInvalidError
from services.access.handlers.limiting import RequestLimit
from services.contracts.access import ANONYMOUS, Principal
from services.contracts.policies import BECOMING_KNOWN
from services.runtime.web import Requirement

_BEARER: Final = "bearer"

Authenticate = Callable[[Request], Principal]


class UndeclaredRouteError(RuntimeError):
    """A route says not what it does, so nobody may be let to it."""


def authenticate_with(authenticator: Authenticator, organisations: RequestLimit) -> Authenticate:
    """Looks up the token of a request, and counts it for the organisation it acts for.

    Without a token a request is anonymous.
    """

    def authenticate(request: Request) -> Principal:
        route = request.scope.get("route")
        declared = declared_action(route) if isinstance(route, APIRoute) else None
        if declared is not None and declared.action in BECOMING_KNOWN:
            return ANONYMOUS
        token = presented_token(request)
        if token is None:
            return ANONYMOUS
        principal = authenticator(token)
        if principal.organisation_id is not None:
            organisations.count(str(principal.organisation_id))
        return principal

    return authenticate


def presented_token(request: Request) -> str | None:
    """The token of ``request``: the header's before the cookie's.

    Raises:
        CredentialInvalidError: the header carries something else.
    """
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != _BEARER or not token.strip():
            raise CredentialInvalidError
        return token.strip()
    return request.cookies.get(SESSION_COOKIE) or None


def require_declarations(app: FastAPI) -> None:
    """Refuse an application one of whose API routes declares no action.

    Raises:
        UndeclaredRouteError: which route.
    """
    for route in api_routes(app):
        if declared_action(route) is None:
            raise UndeclaredRouteError(f"{route.methods} {route.path} declares no action")


def api_routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every route the OpenAPI document describes, those of included routers too."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            yield route


def declared_action(route: APIRoute | RouteContext) -> Requirement | None:
    """What ``route`` declared by ``requires``."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, Requirement)), None)
