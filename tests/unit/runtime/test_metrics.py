"""The small server of doors without HTTP of their own."""

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from services.runtime.embedded.ports import PortInUseError
from services.runtime.metrics import MetricsServer, registry_for, serve_metrics

CAUSES: dict[str, str] = {}


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    CAUSES.clear()
    server = serve_metrics(0, lambda: CAUSES, registry_for("ingest"))
    yield server
    server.close()


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_ready_follows_health_and_names_what_is_wrong(server: MetricsServer) -> None:
    assert get(server, "/readyz")[0] == 200
    CAUSES["database"] = "connection refused"
    status, body = get(server, "/readyz")
    assert status == 503
    assert json.loads(body) == {
        "ready": False,
        "checks": {"database": {"ok": False, "cause": "connection refused"}},
    }
    assert get(server, "/livez")[0] == 200


def test_metrics_name_process_and_version(server: MetricsServer) -> None:
    status, body = get(server, "/metrics")
    assert status == 200
    assert 'nonagon_build_info{process="ingest",version="' in body


def test_an_unknown_page_is_not_found(server: MetricsServer) -> None:
    assert get(server, "/else")[0] == 404


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)):
            serve_metrics(port, dict, registry_for("worker"))
