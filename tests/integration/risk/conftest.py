"""A served platform with nobody on it yet."""

from collections.abc import Iterator

import pytest

from services.runtime.db import Sessions
from tests.integration.risk.world import World, served_world
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sessions: Sessions, clock: FrozenClock) -> Iterator[World]:
    with served_world(sessions, clock) as made:
        yield made
