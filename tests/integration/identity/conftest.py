"""The API with people of an invented town."""

from collections.abc import Iterator

import httpx
import pytest

from services.runtime.db import Sessions
from tests.integration.identity.town import Town
from tests.support.api import served_app
from tests.support.clock import FrozenClock


@pytest.fixture
def town(sessions: Sessions, clock: FrozenClock) -> Iterator[Town]:
    with (
        served_app(sessions, clock) as (_, address),
        httpx.Client(base_url=f"{address}/api/v1/", trust_env=False, timeout=30) as client,
    ):
        yield Town(client, sessions, clock)
