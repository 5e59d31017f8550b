"""The API on a database of the test's own."""

from collections.abc import Iterator

import httpx
import pytest

from services.runtime.db import Sessions
from tests.support.api import Market, api_client
from tests.support.clock import FrozenClock


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


@pytest.fixture
def market(client: httpx.Client, clock: FrozenClock) -> Market:
    return Market(client, clock)
