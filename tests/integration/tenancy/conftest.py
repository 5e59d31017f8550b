"""The world of these tests, and logins that are really the roles of the database."""

from collections.abc import Iterator

import psycopg
import pytest

from services.runtime.database_roles import APP, REGION, WORKER, enable_logins
from tests.integration.tenancy.world import Connection, World, build
from tests.support.servers import PostgresServer

PASSWORD = "of-the-tests"


@pytest.fixture(scope="module")
def shared_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database the tests of a module only read, or change in transactions rolled back."""
    enable_logins(postgres_server.admin_url, dict.fromkeys((APP, WORKER, REGION), PASSWORD))
    url = postgres_server.clone()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="module")
def world(shared_url: str) -> World:
    with psycopg.connect(shared_url) as connection:
        return build(connection)


@pytest.fixture
def administrator(shared_url: str, world: World) -> Iterator[Connection]:  # noqa: ARG001 - it is there
    with psycopg.connect(shared_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app(shared_url: str, world: World) -> Iterator[Connection]:  # noqa: ARG001 - it is there
    """Logged in as the HTTP door is."""
    with psycopg.connect(login(shared_url, APP), autocommit=True) as connection:
        yield connection


@pytest.fixture
def region(shared_url: str, world: World) -> Iterator[Connection]:  # noqa: ARG001 - it is there
    with psycopg.connect(login(shared_url, REGION), autocommit=True) as connection:
        yield connection


@pytest.fixture
def worker(shared_url: str, world: World) -> Iterator[Connection]:  # noqa: ARG001 - it is there
    with psycopg.connect(login(shared_url, WORKER), autocommit=True) as connection:
        yield connection


def login(url: str, role: str) -> str:
    return f"postgresql://{role}:{PASSWORD}@{url.rpartition('@')[2]}"
