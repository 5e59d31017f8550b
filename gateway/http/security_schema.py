"""How the API's document says what a request must carry: a token, read from each route's policy."""

from typing import Any, Final

from fastapi import FastAPI

from gateway.http.authentication import api_routes, declared_action
from services.access.domain.tokens import SESSION_COOKIE
from services.contracts.policies import POLICIES, Who

SCHEMES: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "an API key `nk_…`, or the token of a session `ns_…`",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "the session of a browser",
    },
}
NEEDED: Final[list[dict[str, list[str]]]] = [{"token": []}, {"cookie": []}]
WELCOME: Final[list[dict[str, list[str]]]] = [{}, *NEEDED]
"""A token is not needed, but shows more."""


def describe_security(app: FastAPI, document: dict[str, Any]) -> None:
    """Add to ``document`` which operations of ``app`` need a token."""
    document["components"]["securitySchemes"] = SCHEMES
    for route in api_routes(app):
        declared = declared_action(route)
        if declared is None:
            continue
        needed = POLICIES[declared.action].who is not Who.ANYONE
        for method in route.methods or ():
            operation = document["paths"][route.path][method.lower()]
            operation["security"] = NEEDED if needed else WELCOME
