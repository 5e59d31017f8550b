"""Health and metrics of the HTTP door."""

from urllib.parse import urljoin

import httpx


def test_is_ready_with_a_database(client: httpx.Client) -> None:
    ready = client.get(_root(client, "/readyz"))

    assert ready.status_code == 200
    assert ready.json()["checks"]["database"] == {"ok": True}


def test_counts_requests_by_route_not_by_path(client: httpx.Client) -> None:
    client.get("offers/0192d3a0-0000-7000-8000-000000000001")
    client.get("no/such/route")

    text = client.get(_root(client, "/metrics")).text

    route = 'route="/api/v1/offers/{offer_id}",status="404"'
    assert f'nonagon_http_requests_total{{method="GET",{route}}} 1.0' in text
    assert 'route="unmatched",status="404"' in text
    assert "0192d3a0" not in text


def _root(client: httpx.Client, path: str) -> str:
    return urljoin(str(client.base_url), path)
