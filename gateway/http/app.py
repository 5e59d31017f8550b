"""The app factory: middleware, problem documents, health, live events, every context's routes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.middleware import Middleware

from gateway.http import health, problems, stream
from gateway.http.authentication import authenticate_with, require_declarations
from gateway.http.browser_sessions import BrowserSessions
from gateway.http.feed import ConnectBus, LiveFeed
from gateway.http.list_schema import describe_files
from gateway.http.middleware import (
    AccessMetrics,
    AllowedHosts,
    BodyLimit,
    RequestBoundary,
    SecurityHeaders,
)
from gateway.http.revocation import RevocationWatch
from gateway.http.security_schema import describe_security
from gateway.live import LiveHub
from marketplace.calls import routes as calls
from marketplace.chains import routes as chains
from marketplace.deals import routes as deals
from marketplace.demands import routes as demands
from marketplace.directions import routes as directions
from marketplace.directions.loader import load_directions
from marketplace.finance import routes as finance
from marketplace.ideas import routes as ideas
from marketplace.incubation import routes as incubation
from marketplace.library import routes as library
from marketplace.offers import routes as offers
from marketplace.parks import routes as parks
from marketplace.products import routes as products
from marketplace.programmes import routes as programmes
from marketplace.projects import routes as projects
from marketplace.purchasing import routes as purchasing
from marketplace.rounds import routes as rounds
from marketplace.service_contracts import routes as service_contracts
from marketplace.taxonomy import routes as taxonomy
from marketplace.taxonomy.domain import Taxonomy
from marketplace.tracking import routes as tracking
from search import routes as search
from search.backend import index_for
from services.access import routes as access
from services.access.handlers.composition import build_access
from services.agreements import routes as agreements
from services.booking import routes as booking
from services.booking.launcher.sandbox import SandboxLauncher, launch_key_file
from services.booking.writing.asking import RemoteWriter
from services.capacity import routes as capacity
from services.devices import routes as devices
from services.identity import routes as identity
from services.ledger import routes as ledger
from services.matching import routes as matching
from services.matching.service.port import Matcher
from services.matching.service.remote import RemoteMatcher
from services.risk import routes as risk
from services.runtime import audit_routes as audit
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.files import routes as documents
from services.runtime.files.receiving import Intake
from services.runtime.files.storage import FolderStorage, documents_folder
from services.runtime.problem_schema import PROBLEM_NAME, PROBLEM_SCHEMA
from services.runtime.routing import API_PREFIX
from services.runtime.settings import Settings
from services.runtime.storable import require_storable

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
ROUTERS: Final[Sequence[APIRouter]] = (
    *access.ROUTERS,
    *identity.ROUTERS,
    agreements.router,
    documents.router,
    audit.router,
    devices.router,
    capacity.router,
    taxonomy.router,
    directions.router,
    offers.router,
    *demands.ROUTERS,
    rounds.router,
    *deals.ROUTERS,
    *calls.ROUTERS,
    *programmes.ROUTERS,
    finance.router,
    purchasing.router,
    products.router,
    *service_contracts.ROUTERS,
    *tracking.ROUTERS,
    *incubation.ROUTERS,
    ideas.router,
    *library.ROUTERS,
    *projects.ROUTERS,
    chains.router,
    parks.router,
    matching.router,
    *booking.ROUTERS,
    *ledger.ROUTERS,
    *risk.ROUTERS,
    search.router,
    stream.router,
)


class _Api(FastAPI):
    """Describes its problem document once, beside the schemas FastAPI collects."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"][PROBLEM_NAME] = PROBLEM_SCHEMA
            describe_security(self, document)
            describe_files(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def create_app(
    *,
    settings: Settings,
    sessions: Sessions,
    clock: Clock,
    catalogue: Taxonomy,
    connect_bus: ConnectBus | None = None,
) -> FastAPI:
    """The HTTP application; it starts without a database or a bus, and says so in ``/readyz``."""
    registry = CollectorRegistry()
    app = _Api(
        title="Nonagon",
        version=version("nonagon"),
        summary="Share industrial capacity: measured slots, explained matches, safe bookings.",
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(require_storable)],
        lifespan=_lifespan,
        middleware=_middleware(settings, clock, AccessMetrics(registry)),
    )
    app.state.settings = settings
    app.state.sessions = sessions
    app.state.clock = clock
    app.state.catalogue = catalogue
    app.state.directions = load_directions(settings.directions_folder)
    app.state.index_for = index_for(settings)
    app.state.live = LiveHub(boot=clock.new_id().hex[-12:])
    app.state.bus = None if connect_bus is None else LiveFeed(app.state.live, connect_bus)
    app.state.matcher = _matcher(app.state.bus, settings, registry)
    app.state.writer = _writer(app.state.bus, settings, registry)
    app.state.metrics_registry = registry
    app.state.documents = Intake(
        FolderStorage(documents_folder(settings)), bytes_max=settings.document_bytes_max
    )
    app.state.launcher = SandboxLauncher(launch_key_file(settings))
    app.state.access = build_access(settings=settings, sessions=sessions, clock=clock)
    app.state.authenticator = app.state.access.authenticator
    app.state.authenticate = authenticate_with(
        app.state.authenticator, app.state.access.organisations
    )
    app.state.revocations = RevocationWatch(app.state.authenticator)
    Gauge("nonagon_live_streams", "Open live streams", registry=registry).set_function(
        lambda: app.state.live.subscriber_count
    )
    problems.install(app)
    app.include_router(health.router)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    require_declarations(app)
    return app


def _matcher(
    feed: LiveFeed | None, settings: Settings, registry: CollectorRegistry
) -> Matcher | None:
    """Who is asked before the record; nobody without a bus, or where none is to be asked."""
    if feed is None or settings.matcher_shards == 0:
        return None
    questions = Counter(
        "nonagon_http_matcher_questions",
        "Questions to the matcher, answered or by why the record answered instead",
        ["outcome"],
        registry=registry,
    )
    return RemoteMatcher(
        feed.ask_all,
        shards=settings.matcher_shards,
        count=lambda outcome: questions.labels(outcome).inc(),
    )


def _writer(
    feed: LiveFeed | None, settings: Settings, registry: CollectorRegistry
) -> RemoteWriter | None:
    """Who is asked for slots before a request takes them itself; it lives in the matchers."""
    if feed is None or settings.matcher_shards == 0:
        return None
    questions = Counter(
        "nonagon_http_writer_questions",
        "Slots asked of the writer, answered or by why the request went on itself",
        ["outcome"],
        registry=registry,
    )
    remote = RemoteMatcher(
        feed.ask_all,
        shards=settings.matcher_shards,
        count=lambda outcome: questions.labels(outcome).inc(),
    )
    return RemoteWriter(remote)


def _middleware(settings: Settings, clock: Clock, metrics: AccessMetrics) -> list[Middleware]:
    hosts = {*LOOPBACK, settings.http_host, *settings.http_allowed_hosts}
    return [
        Middleware(RequestBoundary, clock=clock, metrics=metrics),
        Middleware(SecurityHeaders),
        Middleware(AllowedHosts, hosts=hosts),
        Middleware(BrowserSessions),
        Middleware(BodyLimit, uploads={f"{API_PREFIX}/documents": settings.document_bytes_max}),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    feed: LiveFeed | None = app.state.bus
    async with feed.running() if feed else nullcontext(), app.state.revocations.running():
        yield
    app.state.live.close()
