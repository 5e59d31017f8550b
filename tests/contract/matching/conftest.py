"""Each engine, by itself."""

import pytest

from services.matching.engine.interface import EngineFactory
from tests.contract.matching.engines import ENGINES, EXPLAINING


@pytest.fixture(params=ENGINES)
def engine_for(request: pytest.FixtureRequest) -> EngineFactory:
    return ENGINES[request.param]


@pytest.fixture(params=EXPLAINING)
def explaining(request: pytest.FixtureRequest) -> EngineFactory:
    return EXPLAINING[request.param]
