"""Each rule is asked of both edges."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.plant.blueprint import Blueprint
from services.runtime.embedded.nats import EmbeddedNats
from tests.contract.sparkplug.edges import Edge, births, real_edge, stand_in
from tests.integration.edge.fixtures import blueprint, blueprint_dir, host
from tests.integration.edge.host import Host
from tests.support.waiting import eventually_async

__all__ = ["blueprint", "blueprint_dir", "edge", "host"]


@pytest.fixture(params=["agent", "stand-in"])
async def edge(
    request: pytest.FixtureRequest,
    nats_server: EmbeddedNats,
    host: Host,
    blueprint: Blueprint,
    tmp_path: Path,
) -> AsyncIterator[Edge]:
    if request.param == "agent":
        async with real_edge(nats_server.mqtt_url, host, blueprint, tmp_path) as agent:
            yield agent
    else:
        with stand_in(nats_server.mqtt_url, host) as fake:
            await eventually_async(lambda: births(host) == 1)
            yield fake
