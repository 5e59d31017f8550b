"""The HTTP API served for real on a free port, and a small market built through it."""

import json
import math
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from socket import socket
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from fastapi import FastAPI

from gateway.http.app import create_app
from gateway.http.feed import ConnectBus
from gateway.portal.mount import mount
from marketplace.taxonomy.loader import load_taxonomy
from services.access.handlers.keys import create_key
from services.access.handlers.sessions import open_session
from services.contracts.access import Role
from services.contracts.errors import DomainError
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.support.waiting import eventually, eventually_async
from tests.support.working import sessions_as

Document = dict[str, Any]
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody; clients of HTTP need none of the authorities, which take 23 ms to load."""


class QuickServer(uvicorn.Server):
    """Ends at once: uvicorn's own waits in steps of 100 ms, several for each test."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await eventually_async(lambda: self.should_exit, within=math.inf)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        del sockets
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await eventually_async(self._is_quiet, within=math.inf)
        await self.lifespan.shutdown()

    def _is_quiet(self) -> bool:
        return not self.server_state.connections and not self.server_state.tasks


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of ``app`` while it is served from a thread of its own."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, lifespan="on", proxy_headers=False
    )
    server = QuickServer(config)
    thread = threading.Thread(target=server.run, name="served app", daemon=True)
    thread.start()
    eventually(lambda: server.started, what="the app is served")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.live.close()
        server.should_exit = True
        thread.join(timeout=10)


class Keyring(httpx.Auth):
    """Signs each request as the organisation it speaks of, with a key of its own.

    A request speaks of the organisation its body or query names, else of the owner of the first
    known thing in its path or body. A request with a header of its own is left alone.
    """

    requires_request_body = True

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._providers: dict[str, str] = {}
        self._founder: str | None = None

    def organisation(self, **facts: Any) -> str:
        """A new organisation."""
        with transaction(self._sessions) as session:
            made = identity.create_organisation(session=session, clock=self._clock, **facts)
        return str(made.id)

    def key(self, organisation_id: str, *roles: Role) -> str:
        """A new key of the organisation; of an owner if no roles are given."""
        owner = OrganisationId(UUID(organisation_id))
        with transaction(self._sessions) as session:
            account = identity.create_service_account(
                session=session,
                clock=self._clock,
                organisation_id=owner,
                name=f"test-{self._clock.new_id()}",
                roles=frozenset(roles or {Role.OWNER}),
            )
            _, token = create_key(
                session=session,
                clock=self._clock,
                organisation_id=owner,
                service_account_id=account.id,
                created_by=account.id,
                name="test",
            )
        return token

    def header(self, organisation_id: str, *roles: Role) -> dict[str, str]:
        """What a request carries to be the organisation's, whatever it speaks of."""
        return {"Authorization": f"Bearer {self.key(organisation_id, *roles)}"}

    def owns(self, organisation_id: str, *things: str) -> None:
        """Tell whose ``things`` are that were made elsewhere."""
        self._owners |= dict.fromkeys(things, organisation_id)

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        request.read()
        token = None if "authorization" in request.headers else self._token_for(request)
        if token is not None:
            request.headers["authorization"] = f"Bearer {token}"
        yield request

    def remember(self, response: httpx.Response) -> None:
        """Learn whose the things of an answer are; a hook of the client."""
        if not response.headers.get("content-type", "").startswith("application/json"):
            return
        if not response.read():
            return
        document = response.json()
        if response.is_success and isinstance(document, dict) and "id" in document:
            self._learn(response.request, document)

    def _learn(self, request: httpx.Request, document: Document) -> None:
        is_firm = request.url.path.endswith("/organisations")
        owner = document["id"] if is_firm else document.get("organisation_id")
        self._owners[document["id"]] = owner or self._speaks_of(request) or ""
        if "provider_id" in document:
            self._providers[document["id"]] = document["provider_id"]

    def _token_for(self, request: httpx.Request) -> str | None:
        if request.method == "POST" and request.url.path.endswith("/organisations"):
            return self._founder_session()
        organisation_id = self._speaks_of(request)
        if not organisation_id:
            return None
        if organisation_id not in self._keys:
            try:
                self._keys[organisation_id] = self.key(organisation_id)
            except DomainError:
                return next(iter(self._keys.values()), None)
        return self._keys[organisation_id]

    def _speaks_of(self, request: httpx.Request) -> str | None:
        body = _body(request)
        named = body.get("organisation_id") or request.url.params.get("organisation_id")
        if isinstance(named, str) and _is_uuid(named):
            return named
        words = request.url.path.split("/")
        if words[-1] in {"start", "finish"}:
            return self._providers.get(words[-2])
        things = [*words, *(value for value in body.values() if isinstance(value, str))]
        owned = (self._owners[thing] for thing in things if thing in self._owners)
        return next(owned, next(reversed(self._keys), None))

    def _founder_session(self) -> str:
        if self._founder is None:
            self._founder = person_session(self._sessions, self._clock, "founder@example.com")
        return self._founder


def person_session(sessions: Sessions, clock: Clock, email: str) -> str:
    """The token of a new person who has just signed in."""
    person_id = PersonId(clock.new_id())
    with transaction(sessions) as session:
        identity.create_person(
            session=session,
            clock=clock,
            person_id=person_id,
            email=email,
            name="Test person",
            locale="en",
        )
        _, token = open_session(
            session=session, clock=clock, person_id=person_id, organisation_id=None, client="test"
        )
    return token


def _body(request: httpx.Request) -> Document:
    try:
        document = json.loads(request.content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@contextmanager
def served_app(
    sessions: Sessions,
    clock: Clock,
    *,
    pages: bool = False,
    connect_bus: ConnectBus | None = None,
    **settings: Any,
) -> Iterator[tuple[FastAPI, str]]:
    """The whole API, with the portal's pages if asked, as its own database role; its address."""
    with sessions_as(sessions, pool_max=10) as own:
        app = create_app(
            settings=Settings(**settings),
            sessions=own,
            clock=clock,
            catalogue=load_taxonomy(),
            connect_bus=connect_bus,
        )
        if pages:
            mount(app)
        with served(app) as address:
            yield app, address


@contextmanager
def api_client(sessions: Sessions, clock: Clock, **settings: Any) -> Iterator[httpx.Client]:
    """A client of the whole API, signed by a :class:`Keyring`; paths follow ``/api/v1``."""
    keyring = Keyring(sessions, clock)
    with (
        served_app(sessions, clock, **settings) as (_, address),
        httpx.Client(
            base_url=f"{address}/api/v1/",
            trust_env=False,
            verify=PLAIN,
            timeout=30,
            auth=keyring,
            event_hooks={"response": [keyring.remember]},
        ) as client,
    ):
        yield client


class Market:
    """Registers firms, resources, offers and demands; every answer is checked to be a success."""

    def __init__(self, client: httpx.Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._made = 0

    def get(self, path: str, **query: Any) -> Document:
        response = self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        document: Document = response.json()
        return document

    def post(self, path: str, body: object = None, *, status: int = 201) -> Document:
        response = self.client.post(path, json=body)
        assert response.status_code == status, response.text
        document: Document = response.json()
        return document

    @property
    def keyring(self) -> Keyring:
        """Who signs the client's requests."""
        assert isinstance(self.client.auth, Keyring)
        return self.client.auth

    def organisation(self, name: str = "Test works", *, kind: str = "firm") -> str:
        return self.keyring.organisation(
            name=name, name_zh=f"示例·{name}", kind=OrganisationKind(kind)
        )

    def site(self, organisation_id: str, *, lat: float = 30.5, lon: float = 114.4) -> str:
        self._made += 1
        body = {
            "organisation_id": organisation_id,
            "code": f"site-{self._made}",
            "name": "Works",
            "name_zh": "工厂",
            "region_code": "420111",
            "lat": lat,
            "lon": lon,
        }
        return str(self.post("sites", body)["id"])

    def resource(self, organisation_id: str, site_id: str, **facts: Any) -> str:
        body = {
            "organisation_id": organisation_id,
            "site_id": site_id,
            "kind": "machine",
            "name": "Mill",
            "name_zh": "铣床",
            "capabilities": [{"process": "machining.milling.5axis"}],
        }
        return str(self.post("resources", body | facts)["id"])

    def offer(self, organisation_id: str, resource_ids: list[str], **facts: Any) -> Document:
        body = {
            "organisation_id": organisation_id,
            "direction": 4,
            "title": "Milling",
            "title_zh": "铣削",
            "resource_ids": resource_ids,
            "price": {"price_minor": 30000},
        }
        return self.post("offers", body | facts)

    def demand_facts(self, organisation_id: str, **facts: Any) -> Document:
        """A demand anything of the default resource fits; ``facts`` replace its own."""
        body = {
            "organisation_id": organisation_id,
            "title": "Gripper bodies",
            "process": "machining.milling",
            "hours": 4,
            "window": self.window(),
        }
        return body | facts

    def window(
        self, *, starts_in: timedelta = timedelta(hours=1), lasts: timedelta = timedelta(days=4)
    ) -> dict[str, str]:
        start: datetime = self.clock.now() + starts_in
        return {"start": start.isoformat(), "end": (start + lasts).isoformat()}

    def demand(self, organisation_id: str, **facts: Any) -> Document:
        return self.post("demands", self.demand_facts(organisation_id, **facts))

    def match(self, demand_id: str, **query: Any) -> Document:
        response = self.client.post(f"demands/{demand_id}/matches", params=query)
        assert response.status_code == 201, response.text
        document: Document = response.json()
        return document

    def listed_mill(self, name: str = "Test works", **facts: Any) -> tuple[str, str, Document]:
        """A firm with one offered resource: organisation id, resource id, offer."""
        organisation_id = self.organisation(name)
        resource_id = self.resource(organisation_id, self.site(organisation_id), **facts)
        return organisation_id, resource_id, self.offer(organisation_id, [resource_id])
