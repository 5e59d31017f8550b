"""``python -m gateway.matcher``: compose the door, run until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from gateway.matcher.answering import Answering
from gateway.matcher.following import LiveMarket
from gateway.matcher.metrics import MatcherMetrics
from gateway.matcher.reading import Reader
from gateway.matcher.writing import Writing
from services.booking.writing.kill_points import Reached, carry_on
from services.booking.writing.writer import DurableWriter
from services.contracts.errors import DomainError
from services.matching.service.shard import Shard
from services.matching.service.warming import warm
from services.runtime.bus import Bus
from services.runtime.clock import Clock, PooledClock
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.leases import Lease
from services.runtime.logging import configure_logging
from services.runtime.metrics import registry_for, serve_metrics
from services.runtime.settings import Settings

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

log = structlog.get_logger(__name__)


def main(shard: str | None = None, *, reached: Reached = carry_on) -> None:
    """Run the matcher of ``shard``, or of the settings' one, with the settings of the environment.

    Args:
        shard: number/count.
        reached: told of the points of the durable writer where dying matters most.

    Raises:
        InvalidShardError: it is no shard.
    """
    settings = Settings()
    kept = Shard.read(shard or settings.matcher_shard)
    configure_logging(settings, process="matcher")
    if settings.database_url is None or settings.nats_url is None:
        sys.exit("matcher needs NONAGON_DATABASE_URL and NONAGON_NATS_URL; `nonagon up` sets both")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(
            _run_until_signalled(settings, settings.database_url, settings.nats_url, kept, reached)
        )


async def _run_until_signalled(
    settings: Settings, database_url: str, nats_url: str, shard: Shard, reached: Reached
) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    engine = engine_for(database_url, pool_max=4, application="matcher", role=WORKER)
    try:
        sessions = sessions_for(engine)
        await run(settings, sessions, PooledClock(), nats_url, shard, stop, reached=reached)
    finally:
        engine.dispose()


async def run(
    settings: Settings,
    sessions: Sessions,
    clock: Clock,
    nats_url: str,
    shard: Shard,
    stop: asyncio.Event,
    *,
    reached: Reached = carry_on,
) -> None:
    """Serve ``shard`` until ``stop``; another process may stand by for the same."""
    bus = await _connected(nats_url, stop)
    if bus is None:
        return
    door = compose(settings, sessions, clock, bus, shard, reached=reached)
    port = settings.metrics_port
    served = serve_metrics(port, door.health, door.registry) if port else None
    log.info("matcher started", shard=str(shard))
    try:
        await door.run(stop)
    finally:
        await bus.close()
        if served is not None:
            served.close()
        log.info("matcher stopped")


@dataclass(frozen=True, slots=True)
class MatcherDoor:
    """The parts of one matcher."""

    bus: Bus
    market: LiveMarket
    lease: Lease
    answering: Answering
    writing: Writing
    registry: CollectorRegistry

    def health(self) -> Mapping[str, str]:
        causes = {
            "broker": None if self.bus.is_connected else "not connected",
            "market": None if self.market.loaded.is_set() else "being read",
        }
        return {part: cause for part, cause in causes.items() if cause is not None}

    async def run(self, stop: asyncio.Event) -> None:
        """Follow, seek the lease and answer until ``stop``."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.market.run(stop))
            tasks.create_task(_seek(self.lease, self.market, stop))
            tasks.create_task(self.answering.run(stop))
            tasks.create_task(self.writing.run(stop))


def compose(
    settings: Settings,
    sessions: Sessions,
    clock: Clock,
    bus: Bus,
    shard: Shard,
    *,
    reached: Reached = carry_on,
) -> MatcherDoor:
    """The matcher of ``shard`` with everything it needs; ``reached`` learns of kill points."""
    registry = registry_for("matcher")
    metrics = MatcherMetrics(registry)
    stale_after = timedelta(seconds=settings.seen_stale_after_s)
    market = LiveMarket(
        bus=bus,
        reader=Reader(sessions, clock, shard=shard, stale_after=stale_after),
        clock=clock,
        metrics=metrics,
        shards=shard.count,
        stale_after=stale_after,
    )
    lease = Lease(bus, f"matcher.{shard.count}.{shard.number}", _name())
    answering = Answering(
        bus=bus, shard=shard, lease=lease, market=market, clock=clock, metrics=metrics
    )
    writing = Writing(
        bus=bus,
        shard=shard,
        lease=lease,
        market=market,
        clock=clock,
        metrics=metrics,
        writer=DurableWriter(sessions, open_max=settings.open_holds_max, reached=reached),
        hold_ttl=timedelta(seconds=settings.hold_ttl_s),
        reached=reached,
    )
    return MatcherDoor(bus, market, lease, answering, writing, registry)


async def _seek(lease: Lease, market: LiveMarket, stop: asyncio.Event) -> None:
    """Seek the lease once every answer would come at once."""
    await asyncio.to_thread(warm)
    loaded = asyncio.ensure_future(market.loaded.wait())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([loaded, stopping], return_when=asyncio.FIRST_COMPLETED)
    loaded.cancel()
    stopping.cancel()
    await lease.run(stop)


async def _connected(nats_url: str, stop: asyncio.Event) -> Bus | None:
    """The bus, waited for as long as it takes; ``None`` when ``stop`` came first."""
    connecting = asyncio.ensure_future(Bus.connect(nats_url, name="matcher"))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not connecting.done():
        connecting.cancel()
        return None
    return connecting.result()


def _name() -> str:
    return f"{socket.gethostname()} {os.getpid()}"


if __name__ == "__main__":
    try:
        main()
    except DomainError as error:
        sys.exit(str(error))
