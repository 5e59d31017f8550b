"""One trade per module: its tests share firms and machines, and make deals of their own."""

from collections.abc import Iterator

import pytest

from services.runtime.db import engine_for, sessions_for
from tests.integration.deals.trade import Trade, trade_on
from tests.support.clock import FrozenClock
from tests.support.servers import PostgresServer


@pytest.fixture(scope="module")
def trade(postgres_server: PostgresServer) -> Iterator[Trade]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with trade_on(sessions_for(engine), FrozenClock()) as made:
        yield made
    engine.dispose()
    postgres_server.drop(url)
