"""Fixtures: real PostgreSQL and NATS, started once per test session, and databases to use up.

| fixture | scope | gives |
| --- | --- | --- |
| ``postgres_server`` | session | ``PostgresServer``: ``admin_url``, ``clone()``, ``drop(url)`` |
| ``database_url`` | function | URL of a fresh database with the whole schema, then dropped |
| ``engine`` | function | SQLAlchemy engine on ``database_url`` |
| ``sessions`` | function | ``sessionmaker`` on ``engine``; a door's ``app.state.sessions`` |
| ``session`` | function | one session in a transaction that is rolled back; see below |
| ``nats_server`` | session | ``EmbeddedNats`` open to all: ``nats_url``, ``mqtt_url``, … |
| ``clock`` | function | ``FrozenClock``: ``set(at)``, ``advance(by)`` |

``session`` works in a database of its own that stays empty, so it is the cheap one; it sees nothing
of ``database_url``, and handlers may use savepoints in it. A test that commits, or that has several
connections, takes ``sessions``. A test that kills NATS restarts it, or others would miss it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlmodel import Session

from services.runtime import migrations
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.support.clock import FrozenClock

TEMPLATE = "nonagon_template"
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
}
"""A test's data need not outlive a power cut, and little of its log is kept."""


OPEN_BROKER = Path(__file__).with_name("open-broker.conf")


class PostgresServer:
    """The test session's server; databases are cloned from a template in tens of milliseconds."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._made = 0
        self._left: str | None = None
        self.admin_url = server.url("postgres")
        self._admin = psycopg.connect(self.admin_url, autocommit=True)
        self._create(TEMPLATE, template="template0")
        migrations.upgrade(server.url(TEMPLATE))

    def clone(self) -> str:
        """URL of a new database with the whole schema and no rows."""
        return self._new(TEMPLATE)

    def empty(self) -> str:
        """URL of a new database without anything, not even a schema."""
        return self._new("template0")

    def drop(self, database_url: str) -> None:
        """Delete a clone, whoever is still connected."""
        name = sql.Identifier(database_url.rpartition("/")[2])
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def leave(self, database_url: str) -> None:
        """Delete a clone when the next one is left.

        By then its last connections are gone; while they go PostgreSQL waits in steps of 100 ms.
        """
        earlier, self._left = self._left, database_url
        if earlier is not None:
            self.drop(earlier)

    def _new(self, template: str) -> str:
        self._made += 1
        name = f"test_{self._made}"
        self._create(name, template=template)
        return self._server.url(name)

    def _create(self, name: str, *, template: str) -> None:
        names = map(sql.Identifier, (name, template))
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))

    def close(self) -> None:
        self._admin.close()

    def _run(self, statement: sql.Composed) -> None:
        self._admin.execute(statement)


@pytest.fixture(scope="session")
def state_root() -> Iterator[Path]:
    """A directory an unprivileged account can pass, so that root's servers live in it too."""
    path = Path(tempfile.mkdtemp(prefix="nonagon-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres_server(state_root: Path) -> Iterator[PostgresServer]:
    with (
        EmbeddedPostgres(state_root / "database", options=FORGETFUL) as server,
        closing(PostgresServer(server)) as databases,
    ):
        yield databases


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.clone()
    yield url
    postgres_server.leave(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = engine_for(database_url, pool_max=5, application="test")
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return sessions_for(engine)


@pytest.fixture(scope="session")
def rolled_back_engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    engine = engine_for(postgres_server.clone(), pool_max=5, application="test")
    yield engine
    engine.dispose()


@pytest.fixture
def session(rolled_back_engine: Engine) -> Iterator[Session]:
    with (
        rolled_back_engine.connect() as connection,
        connection.begin() as whole,
        Session(connection, join_transaction_mode="create_savepoint") as session,
    ):
        yield session
        session.close()
        whole.rollback()


@pytest.fixture(scope="session")
def nats_server(state_root: Path) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(state_root / "broker", configuration=OPEN_BROKER) as server:
        yield server


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()
