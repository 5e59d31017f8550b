"""``python -m gateway.ingest``: compose the door, run until SIGTERM or SIGINT."""

import signal
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from gateway.ingest.capacity import CapacityHandlers
from gateway.ingest.host import SparkplugHost
from gateway.ingest.inbox import Inbox
from gateway.ingest.metrics import IngestMetrics
from gateway.ingest.pipeline import BatchLimits, Pipeline
from gateway.ingest.writer import BatchWriter
from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for
from services.runtime.logging import configure_logging
from services.runtime.metrics import registry_for, serve_metrics
from services.runtime.mqtt_tls import mqtt_client_context
from services.runtime.settings import Settings

CONNECTIONS_MAX: Final = 2
"""One thread writes; the second stands in while a broken one is replaced."""

log = structlog.get_logger(__name__)


def main() -> None:
    """Run the ingest door with the settings of the environment."""
    settings = Settings()
    configure_logging(settings, process="ingest")
    if settings.database_url is None or settings.mqtt_url is None:
        sys.exit("ingest needs NONAGON_DATABASE_URL and NONAGON_MQTT_URL; `nonagon up` sets both")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    run(settings, settings.database_url, settings.mqtt_url, stop)


def run(settings: Settings, database_url: str, mqtt_url: str, stop: threading.Event) -> None:
    """Serve until ``stop``."""
    clock, registry, inbox = SystemClock(), registry_for("ingest"), Inbox()
    engine = engine_for(database_url, pool_max=CONNECTIONS_MAX, application="ingest", role=WORKER)
    host = SparkplugHost(
        url=mqtt_url, inbox=inbox, clock=clock, tls=mqtt_client_context(mqtt_url, settings.mqtt_tls)
    )
    pipeline = Pipeline(
        inbox=inbox,
        writer=BatchWriter(
            sessions=sessions_for(engine), clock=clock, capacity=CapacityHandlers(clock)
        ),
        outbound=host,
        clock=clock,
        limits=BatchLimits(
            observations_max=settings.ingest_batch_max,
            wait=timedelta(milliseconds=settings.ingest_batch_wait_ms),
        ),
        metrics=IngestMetrics(registry),
    )

    def health() -> Mapping[str, str]:
        causes = {"broker": None if host.is_listening else "not listening"}
        causes["database"] = pipeline.stuck_on
        return {part: cause for part, cause in causes.items() if cause is not None}

    served = None
    if settings.metrics_port:
        served = serve_metrics(settings.metrics_port, health, registry)
    host.start()
    log.info("ingest started")
    try:
        pipeline.run(stop)
    finally:
        host.stop()
        if served is not None:
            served.close()
        engine.dispose()
        log.info("ingest stopped")


if __name__ == "__main__":
    main()
