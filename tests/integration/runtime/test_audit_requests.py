"""No request changes anything without an entry: by construction, and through the served API."""

from collections.abc import Iterable, Iterator
from typing import get_args

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlmodel import text

from gateway.http.app import ROUTERS
from services.runtime.audit import handlers
from services.runtime.audit.anchors import Anchors
from services.runtime.audit.entry import Entry
from services.runtime.audit.store import every_entry
from services.runtime.db import Sessions
from services.runtime.web import SAFE_METHODS, SessionDep
from tests.support.api import Market, api_client
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


def calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def routes_of(routes: Iterable[object]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes)


def mutating_routes() -> list[APIRoute]:
    return [
        route
        for router in ROUTERS
        for route in routes_of(router.routes)
        if not SAFE_METHODS.issuperset(route.methods or ())
    ]


def test_every_mutating_route_works_in_the_transaction_that_writes_the_trail() -> None:
    audited = get_args(SessionDep)[1].dependency
    without = {
        f"{' '.join(route.methods or ())} {route.path}"
        for route in mutating_routes()
        if audited not in calls(route.dependant)
        and not route.endpoint.__module__.startswith("services.access.")
    }
    assert len(mutating_routes()) > 30
    assert without == set()


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


def entries(sessions: Sessions) -> list[Entry]:
    """Those of requests; the fixtures work without any."""
    with handlers.reading(sessions) as session:
        return [entry for entry in every_entry(session) if entry.fact.request_id is not None]


def test_a_request_of_the_api_leaves_its_entry(
    client: httpx.Client, sessions: Sessions, clock: FrozenClock
) -> None:
    market = Market(client, clock)
    organisation, resource, offer = market.listed_mill()
    before = {entry.id for entry in entries(sessions)}
    response = client.post(f"offers/{offer['id']}/withdraw", headers={"x-request-id": "req-7"})
    assert response.is_success, response.text

    (entry,) = [entry for entry in entries(sessions) if entry.id not in before]
    assert str(entry.organisation_id) == organisation
    assert entry.fact.action == "offer.withdraw"
    assert entry.fact.path_ids == {"offer_id": offer["id"]}
    assert entry.fact.actor_kind == "service_account"
    assert entry.fact.request_id == "req-7"
    assert resource


def test_signing_up_and_in_is_told_though_its_transactions_are_its_own(
    client: httpx.Client, sessions: Sessions
) -> None:
    person = {"email": "first@example.org", "password": "correct horse battery staple"}
    facts = {"name": "First", "locale": "en", "organisation": None}
    made = httpx.post(f"{client.base_url}sign-up", json=person | facts, trust_env=False)
    assert made.status_code == 201, made.text
    opened = httpx.post(f"{client.base_url}session", json=person, trust_env=False)
    assert opened.is_success, opened.text
    wrong = httpx.post(
        f"{client.base_url}session", json=person | {"password": "wrong"}, trust_env=False
    )
    assert wrong.status_code == 401

    told = [(entry.fact.action, entry.fact.actor_kind) for entry in entries(sessions)]
    assert told == [("person.sign_up", "person"), ("session.open", "person")]


def test_reading_and_refused_requests_leave_none(
    client: httpx.Client, sessions: Sessions, clock: FrozenClock
) -> None:
    market = Market(client, clock)
    organisation = market.organisation()
    before = len(entries(sessions))
    assert client.get("resources").status_code == 200
    refused = client.post("resources", json={"organisation_id": organisation, "kind": "?"})
    assert refused.status_code == 422
    assert len(entries(sessions)) == before


def test_the_trail_of_the_api_is_sound(
    client: httpx.Client, sessions: Sessions, clock: FrozenClock
) -> None:
    market = Market(client, clock)
    for name in ("One", "Two", "Three"):
        market.listed_mill(name)
    with handlers.reading(sessions) as session:
        report = handlers.verify(session=session, anchors=Anchors())
    assert report.is_sound
    assert report.entries >= 9
    with sessions() as session:
        roles = session.connection().execute(text("SELECT current_setting('role')")).scalar_one()
    assert roles == "none", "the fixture is the owner; the API is not"
