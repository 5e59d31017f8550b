"""Ingest while its process, its database or its broker dies: every observation once, in the end."""

from itertools import count

import psycopg
import pytest
from sqlalchemy import Engine

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from tests.faults.ingest.edges import OBSERVATIONS, PersistentEdge, assert_all_stored_once
from tests.integration.ingest.park import Park, register_park
from tests.integration.ingest.process import IngestProcess, IngestThread
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

_groups = count(1)


@pytest.fixture
def park(sessions: Sessions) -> Park:
    group = f"fault-{next(_groups)}"
    return register_park(sessions, SystemClock(), group=group, node="gw", devices=["m1"])


def edge_of(park: Park, nats_server: EmbeddedNats) -> PersistentEdge:
    edge = PersistentEdge(nats_server.mqtt_url, group=park.group, node=park.node, devices=["m1"])
    edge.connect()
    return edge


def test_a_killed_process_resumes_without_loss_or_duplicate(
    database_url: str, engine: Engine, nats_server: EmbeddedNats, park: Park
) -> None:
    edge = edge_of(park, nats_server)
    with IngestProcess(database_url=database_url, mqtt_url=nats_server.mqtt_url) as ingest:
        sending = edge.send_until_receipted(OBSERVATIONS)
        eventually(lambda: len(edge.receipted()) > 20, within=30)
        ingest.kill()
        ingest.start()
        sending.join(timeout=60)
        assert edge.receipted() == set(range(1, OBSERVATIONS + 1))
    edge.disconnect()
    with engine.begin() as connection:
        assert_all_stored_once(connection)


def test_nothing_is_receipted_while_the_database_refuses_and_all_is_after(
    database_url: str,
    engine: Engine,
    nats_server: EmbeddedNats,
    park: Park,
    postgres_server: object,
) -> None:
    edge = edge_of(park, nats_server)
    admin_url = str(vars(postgres_server)["admin_url"])
    name = database_url.rpartition("/")[2]
    with IngestThread(database_url=database_url, mqtt_url=nats_server.mqtt_url) as ingest:
        sending = edge.send_until_receipted(OBSERVATIONS)
        eventually(lambda: len(edge.receipted()) > 5, within=30)
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )
            eventually(lambda: not ingest.answers("readyz"), what="readyz tells")
            assert ingest.answers("livez")
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        sending.join(timeout=60)
        assert edge.receipted() == set(range(1, OBSERVATIONS + 1))
    edge.disconnect()
    engine.dispose()
    with engine.begin() as connection:
        assert_all_stored_once(connection)


def test_a_killed_broker_comes_back_to_an_ingest_that_carries_on(
    database_url: str, engine: Engine, nats_server: EmbeddedNats, park: Park
) -> None:
    edge = edge_of(park, nats_server)
    with IngestThread(database_url=database_url, mqtt_url=nats_server.mqtt_url):
        sending = edge.send_until_receipted(OBSERVATIONS)
        eventually(lambda: len(edge.receipted()) > 5, within=30)
        nats_server.kill()
        nats_server.restart()
        sending.join(timeout=60)
        assert edge.receipted() == set(range(1, OBSERVATIONS + 1))
    edge.disconnect()
    with engine.begin() as connection:
        assert_all_stored_once(connection)
