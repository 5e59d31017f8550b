"""A platform on servers of somebody else's, and platforms that cannot start as configured."""

import socket
from collections.abc import Iterator

import psycopg
import pytest

from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.schema_version import current_version, newest_version
from tests.faults.embedded.conftest import Starter
from tests.support.platform import processes_of
from tests.support.servers import PostgresServer

pytestmark = [pytest.mark.faults, pytest.mark.integration]

DOORS = {"http", "ingest", "matcher", "worker"}
NONAGON_UP = ("-m", "gateway.cli", "up")


@pytest.fixture
def external_database(postgres_server: PostgresServer) -> Iterator[str]:
    """A database nobody has migrated yet."""
    url = postgres_server.empty()
    yield url
    postgres_server.drop(url)


def answers(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


class TestExternalServers:
    def test_are_used_migrated_and_left_running_and_none_is_started(
        self, start: Starter, external_database: str, nats_server: EmbeddedNats
    ) -> None:
        platform = start(
            database_url=external_database,
            nats_url=nats_server.nats_url,
            mqtt_url=nats_server.mqtt_url,
        )
        endpoints = platform.ready()

        assert endpoints.database_url == external_database
        assert (endpoints.nats_url, endpoints.mqtt_url) == (
            nats_server.nats_url,
            nats_server.mqtt_url,
        )
        assert endpoints.pids.keys() == DOORS
        assert not {"postgres", "nats"} & {place.name for place in platform.state_dir.iterdir()}
        assert current_version(external_database) == newest_version() is not None
        platform.end()
        assert answers(external_database)
        assert nats_server.is_ready()

    def test_of_one_kind_leave_the_other_embedded(
        self, start: Starter, external_database: str
    ) -> None:
        endpoints = start(database_url=external_database).ready()

        assert endpoints.pids.keys() == {*DOORS, "nats"}
        assert endpoints.database_url == external_database

    @pytest.mark.parametrize("given", ["nats_url", "mqtt_url"])
    def test_half_a_broker_is_refused_before_anything_starts(
        self, start: Starter, nats_server: EmbeddedNats, given: str
    ) -> None:
        platform = start(command=NONAGON_UP, **{given: getattr(nats_server, given)})

        assert platform.exit_code() == 1
        assert f"only NONAGON_{given.upper()} is set" in platform.output()
        assert processes_of(platform.state_dir) == []
        assert not (platform.state_dir / "postgres").exists()


class TestHttpPort:
    def test_in_use_is_named_and_nothing_is_left(self, start: Starter) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            platform = start(command=NONAGON_UP, http_port=port)

            assert platform.exit_code() == 1
            assert f"Port {port} for http is in use by another program" in platform.output()
        assert processes_of(platform.state_dir) == []
        assert not list(platform.state_dir.glob("run/endpoints.json"))

    def test_once_free_is_the_one_used(self, start: Starter) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

        assert start(http_port=port).ready().http_url == f"http://127.0.0.1:{port}"

    @pytest.mark.parametrize(
        ("door", "setting"), [("http", "http_port"), ("ingest", "metrics_port")]
    )
    def test_in_use_ends_a_door_run_alone_too(
        self, start: Starter, external_database: str, door: str, setting: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            alone = start(
                command=("-m", "gateway.cli", "run", door),
                database_url=external_database,
                nats_url="nats://127.0.0.1:1",
                mqtt_url="mqtt://127.0.0.1:1",
                **{setting: port},
            )
            assert alone.exit_code() == 1
            assert f"Port {port} for" in alone.output()
