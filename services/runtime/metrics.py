"""Prometheus metrics, and the small server that shows them in processes without an HTTP door."""

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Info,
    generate_latest,
)

from services.runtime.embedded.ports import LOOPBACK, PortInUseError

DELAY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""From a machine's timestamp to a commit: milliseconds when well, minutes after an outage."""

Health = Callable[[], Mapping[str, str]]
"""What keeps a process from its work, part → cause; empty when it is ready."""


def registry_for(process: str) -> CollectorRegistry:
    """A registry of one process's own metrics, naming the process and the version."""
    registry = CollectorRegistry()
    build = Info("nonagon_build", "Which process this is", registry=registry)
    build.info({"process": process, "version": version("nonagon")})
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """``registry`` and what Python and the operating system say of the process, as text."""
    return generate_latest(REGISTRY) + generate_latest(registry)


class MetricsServer:
    """Answers ``/livez``, ``/readyz`` and ``/metrics`` on loopback until closed."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(port: int, health: Health, registry: CollectorRegistry) -> MetricsServer:
    """Start answering in a thread of its own.

    Args:
        port: 0 for any free one.
        health: asked on every ``/readyz``; it must not block for long.
        registry: the process's own metrics.

    Raises:
        PortInUseError: somebody listens there.
    """

    class Handler(_Handler):
        pages: Mapping[str, Callable[[], "_Page"]] = {
            "/livez": lambda: _json(HTTPStatus.OK, {"alive": True}),
            "/readyz": lambda: _readiness(health()),
            "/metrics": lambda: _Page(HTTPStatus.OK, CONTENT_TYPE_LATEST, exposition(registry)),
        }

    try:
        return MetricsServer(ThreadingHTTPServer((LOOPBACK, port), Handler))
    except OSError as error:
        raise PortInUseError(port=port, server="metrics") from error


class _Page:
    def __init__(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.status = status
        self.media_type = media_type
        self.body = body


def _json(status: HTTPStatus, document: object) -> _Page:
    return _Page(status, "application/json", json.dumps(document, ensure_ascii=False).encode())


def _readiness(causes: Mapping[str, str]) -> _Page:
    checks = {part: {"ok": False, "cause": cause} for part, cause in causes.items()}
    status = HTTPStatus.SERVICE_UNAVAILABLE if causes else HTTPStatus.OK
    return _json(status, {"ready": not causes, "checks": checks})


class _Handler(BaseHTTPRequestHandler):
    pages: Mapping[str, Callable[[], _Page]] = {}

    def do_GET(self) -> None:
        make = self.pages.get(self.path.partition("?")[0])
        page = make() if make else _json(HTTPStatus.NOT_FOUND, {"known": sorted(self.pages)})
        self.send_response(page.status)
        self.send_header("Content-Type", page.media_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)

    def log_message(self, *_: object) -> None:
        """Scrapes are no news."""
