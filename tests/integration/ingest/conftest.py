"""A park, its fake edge and a running ingest door, each on real servers."""

from collections.abc import Iterator
from itertools import count

import pytest

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.ingest.fake_edge import FakeEdge
from tests.integration.ingest.park import Park, register_park
from tests.integration.ingest.process import IngestThread

_groups = count(1)


@pytest.fixture
def park(sessions: Sessions) -> Park:
    group = f"site-{next(_groups)}"
    return register_park(sessions, SystemClock(), group=group, node="gw", devices=["m1", "m2"])


@pytest.fixture
def ingest(database_url: str, nats_server: EmbeddedNats) -> Iterator[IngestThread]:
    with IngestThread(database_url=database_url, mqtt_url=nats_server.mqtt_url) as process:
        yield process


@pytest.fixture
def edge(nats_server: EmbeddedNats, park: Park) -> Iterator[FakeEdge]:
    edge = FakeEdge(nats_server.mqtt_url, group=park.group, node=park.node, devices=["m1", "m2"])
    edge.connect()
    yield edge
    edge.disconnect()
