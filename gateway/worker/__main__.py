"""``python -m gateway.worker``: compose the door, run until SIGTERM or SIGINT."""

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from gateway.worker.callouts import Guard
from gateway.worker.consuming import ConsumerLoop
from gateway.worker.jobs import run_job
from gateway.worker.metrics import WorkerMetrics
from gateway.worker.schedule import scheduled_jobs
from marketplace.chains.consumers import CONSUMERS as CHAIN_CONSUMERS
from marketplace.deals.consumers import CONSUMERS as DEAL_CONSUMERS
from marketplace.library.consumers import CONSUMERS as LIBRARY_CONSUMERS
from marketplace.offers.consumers import CONSUMERS as OFFER_CONSUMERS
from marketplace.products.consumers import CONSUMERS as PRODUCT_CONSUMERS
from marketplace.projects.consumers import CONSUMERS as PROJECT_CONSUMERS
from marketplace.service_contracts.consumers import CONSUMERS as SERVICE_CONSUMERS
from marketplace.taxonomy.loader import load_taxonomy
from search.backend import index_for
from search.consumers import consumers as search_consumers
from services.booking.consumers import CONSUMERS as BOOKING_CONSUMERS
from services.contracts.events.devices import GatewayCredentialRevoked
from services.contracts.events.envelope import Event
from services.ledger.consumers import CONSUMERS as LEDGER_CONSUMERS
from services.runtime.audit.handlers import digest_confidential_values
from services.runtime.bus import Bus, BusUnavailableError, OutgoingEvent
from services.runtime.clock import Clock, SystemClock
from services.runtime.consumers import Consumer
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.logging import configure_logging
from services.runtime.metrics import registry_for, serve_metrics
from services.runtime.nkeys import AccountKey
from services.runtime.relay import Publish, Relay
from services.runtime.settings import Settings

CONSUMERS: Final[tuple[Consumer[Any], ...]] = (
    *BOOKING_CONSUMERS,
    *LEDGER_CONSUMERS,
    *OFFER_CONSUMERS,
    *DEAL_CONSUMERS,
    *PRODUCT_CONSUMERS,
    *SERVICE_CONSUMERS,
    *LIBRARY_CONSUMERS,
    *PROJECT_CONSUMERS,
    *CHAIN_CONSUMERS,
)
RELAY_PUBLISH_TIMEOUT_S: Final = 20.0

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the worker door with the settings of the environment."""
    settings = Settings()
    configure_logging(settings, process="worker")
    if settings.database_url is None or settings.nats_url is None:
        sys.exit("worker needs NONAGON_DATABASE_URL and NONAGON_NATS_URL; `nonagon up` sets both")
    asyncio.run(_run_until_signalled(settings, settings.database_url, settings.nats_url))


async def _run_until_signalled(settings: Settings, database_url: str, nats_url: str) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await run(settings, database_url, nats_url, stop)


async def run(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Serve until ``stop``."""
    bus = await _connected(nats_url, stop)
    if bus is None:
        return
    clock, registry = SystemClock(), registry_for("worker")
    metrics = WorkerMetrics(registry)
    engine = engine_for(
        database_url, pool_max=settings.database_pool_max, application="worker", role=WORKER
    )
    sessions = sessions_for(engine)
    digest_confidential_values(sessions, settings)
    relay = Relay(
        sessions=sessions,
        database_url=database_url,
        publish=publish_from_thread(bus, asyncio.get_running_loop(), metrics),
        clock=clock,
    )
    guard = _guard(settings, sessions, clock, metrics)

    def health() -> Mapping[str, str]:
        causes = {"broker": None if bus.is_connected else "not connected", "relay": relay.stuck_on}
        if guard is not None:
            causes["guard"] = None if guard.is_connected else "not connected"
        return {part: cause for part, cause in causes.items() if cause is not None}

    served = (
        serve_metrics(settings.metrics_port, health, registry) if settings.metrics_port else None
    )
    consumers = (*CONSUMERS, *search_consumers(index_for(settings), load_taxonomy()))
    loops = [
        ConsumerLoop(bus=bus, consumer=consumer, sessions=sessions, clock=clock, metrics=metrics)
        for consumer in consumers
    ]
    if guard is not None:
        await bus.subscribe_live(GatewayCredentialRevoked.subject(), _waking(guard))
    jobs = scheduled_jobs(settings=settings, sessions=sessions, clock=clock, metrics=metrics)
    log.info("worker started", consumers=[consumer.name for consumer in consumers])
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_run_relay(relay, stop))
            for loop in loops:
                tasks.create_task(loop.run(stop))
            if guard is not None:
                tasks.create_task(guard.run(stop))
            for job in jobs:
                tasks.create_task(run_job(job, metrics, stop))
    finally:
        await bus.close()
        if served is not None:
            served.close()
        engine.dispose()
        log.info("worker stopped")


def _guard(
    settings: Settings, sessions: Sessions, clock: Clock, metrics: WorkerMetrics
) -> Guard | None:
    """Who decides about gateways; ``None`` for a broker that was not set up to ask us."""
    if settings.nats_guard_url is None or settings.nats_issuer_seed is None:
        log.warning("the broker is not guarded here: it decides alone who may connect")
        return None
    key = AccountKey.read(settings.nats_issuer_seed)
    return Guard(
        url=settings.nats_guard_url, key=key, sessions=sessions, clock=clock, metrics=metrics
    )


def _waking(guard: Guard) -> Callable[[Event], Awaitable[None]]:
    async def wake(_: Event) -> None:
        guard.look_again()

    return wake


async def _connected(nats_url: str, stop: asyncio.Event) -> Bus | None:
    """The bus, waited for as long as it takes; ``None`` when ``stop`` came first."""
    connecting = asyncio.ensure_future(Bus.connect(nats_url, name="worker"))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not connecting.done():
        connecting.cancel()
        return None
    return connecting.result()


async def _run_relay(relay: Relay, stop: asyncio.Event) -> None:
    stopped = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(relay.run, stopped))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.set()
        stopping.cancel()
    await running


def publish_from_thread(
    bus: Bus, loop: asyncio.AbstractEventLoop, metrics: WorkerMetrics
) -> Publish:
    """The bus, as the relay's thread calls it; a missing stream is created for the next try."""

    async def publish_or_prepare(events: Sequence[OutgoingEvent]) -> None:
        try:
            await bus.publish(events)
        except BusUnavailableError:
            if bus.is_connected:
                await bus.ensure_stream()
            raise

    def publish(events: Sequence[OutgoingEvent]) -> None:
        published = asyncio.run_coroutine_threadsafe(publish_or_prepare(events), loop)
        try:
            published.result(RELAY_PUBLISH_TIMEOUT_S)
        except TimeoutError as error:
            published.cancel()
            raise BusUnavailableError("publishing took too long") from error
        metrics.relayed.inc(len(events))

    return publish


if __name__ == "__main__":
    main()
