"""The API with people of an invented town; served once per module, empty for each test."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import text

from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.integration.identity.town import Town
from tests.support.api import PLAIN, served_app
from tests.support.clock import START, FrozenClock
from tests.support.servers import PostgresServer


class Served(NamedTuple):
    client: httpx.Client
    sessions: Sessions
    clock: FrozenClock


@pytest.fixture(scope="module")
def served_api(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    url, clock = postgres_server.clone(), FrozenClock()
    engine = engine_for(url, pool_max=5, application="test")
    sessions = sessions_for(engine)
    with (
        served_app(sessions, clock, state_dir=tmp_path_factory.mktemp("state")) as (_, address),
        httpx.Client(
            base_url=f"{address}/api/v1/", trust_env=False, verify=PLAIN, timeout=30
        ) as client,
    ):
        yield Served(client, sessions, clock)
    engine.dispose()
    postgres_server.drop(url)


@pytest.fixture
def town(served_api: Served) -> Town:
    with transaction(served_api.sessions) as session:
        emptied = text("TRUNCATE organisation, person, outbox_event CASCADE")
        session.connection().execute(emptied)
    served_api.clock.set(START)
    return Town(*served_api)
