"""A stand-in for a door: answers ``/readyz`` where the real one would, and nothing else.

``python -m tests.support.door NAME --after FILE``, configured like ``gateway.door``.
"""

import signal
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.runtime.logging import configure_logging
from services.runtime.metrics import serve_metrics
from services.runtime.settings import Settings


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    name, _, gate, *_ = sys.argv[1:]
    settings = Settings()
    configure_logging(settings, process=name)
    while not Path(gate).exists():
        time.sleep(0.02)
    port = settings.http_port if name == "http" else settings.metrics_port
    server = serve_metrics(port, dict, CollectorRegistry())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.close()


if __name__ == "__main__":
    main()
