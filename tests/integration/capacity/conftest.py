"""A park and a machine with a twin, for tests that ask for them."""

import pytest
from sqlmodel import Session

from services.contracts.ids import ResourceId
from tests.integration.capacity.park import Park, build_park, register_machine
from tests.support.clock import FrozenClock


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return build_park(session, clock)


@pytest.fixture
def mill(session: Session, clock: FrozenClock, park: Park) -> ResourceId:
    return register_machine(session, clock, park)
