"""The API on a database of the test's own, with a direction beside the nine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from services.runtime.db import Sessions
from tests.support.api import Market, api_client
from tests.support.clock import FrozenClock

DIRECTIONS: Final = Path(__file__).parent / "tenth_direction"
"""A tenth direction, beside the nine."""


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock, directions_folder=DIRECTIONS) as client:
        yield client


@pytest.fixture
def market(client: httpx.Client, clock: FrozenClock) -> Market:
    return Market(client, clock)
