"""Every route says what it does, and the committed document says who may."""

from pathlib import Path

import pytest
from fastapi import APIRouter

from gateway.http.access_document import ROLES, access_text
from gateway.http.authentication import (
    UndeclaredRouteError,
    api_routes,
    declared_action,
    require_declarations,
)
from gateway.http.openapi import described_app, openapi_document
from services.contracts.access import Role

COMMITTED = Path(__file__).parents[3] / "docs" / "access.md"


def test_is_committed_as_it_is() -> None:
    assert access_text() == COMMITTED.read_text(encoding="utf-8"), (
        "who may do what changed: python -m gateway.http.access_document > docs/access.md"
    )


def test_names_every_role() -> None:
    assert list(ROLES) == list(Role)


def test_every_route_of_the_api_document_declares_an_action() -> None:
    described = {
        (method.upper(), path)
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }
    declared = {
        (method, route.path)
        for route in api_routes(described_app())
        for method in route.methods or ()
        if declared_action(route) is not None
    }
    assert len(described) >= 60
    assert declared == described


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_an_undeclared_route_keeps_the_application_from_starting(depth: int) -> None:
    app = described_app()
    router = APIRouter()
    router.add_api_route("/backdoor", lambda: None)
    for _ in range(depth):
        outer = APIRouter(prefix="/outer")
        outer.include_router(router)
        router = outer
    app.include_router(router)
    with pytest.raises(UndeclaredRouteError, match="/backdoor"):
        require_declarations(app)
