"""Real plants for these tests: real OPC UA servers in this process, on free ports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.plant.blueprint import Blueprint, load_blueprint
from gateway.plant.certificates import Certificates
from gateway.plant.clock import SystemClock
from gateway.plant.control import PlantControl
from gateway.plant.park import Park
from gateway.plant.plant import Plant, Replay
from tests.support.opcua import Running, park_of

READY_WITHIN_S = 20


Start = Callable[..., contextlib.AbstractAsyncContextManager[Running]]


@pytest.fixture(scope="session")
def plant_state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def blueprint(plant_state_dir: Path) -> Blueprint:
    return load_blueprint(plant_state_dir)


@pytest.fixture(scope="session")
def certificates(plant_state_dir: Path) -> Certificates:
    return Certificates(plant_state_dir, SystemClock())


@pytest.fixture
def start(blueprint: Blueprint, certificates: Certificates) -> Start:
    """Run a plant of the named devices, or of a whole park; unencrypted unless told otherwise."""

    @contextlib.asynccontextmanager
    async def running(
        *devices: str,
        park: Park | None = None,
        replay: Replay | None = None,
        speed: float = 1.0,
        offers_none: bool = True,
    ) -> AsyncIterator[Running]:
        chosen = park or park_of(*devices)
        plant = Plant(
            chosen,
            blueprint=blueprint,
            certificates=certificates,
            clock=SystemClock(),
            seed=3,
            speed=speed,
            replay=replay,
            offers_none=offers_none,
        )
        stop, ready = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(plant.run(stop=stop, ready=ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait(
            {task, waiting}, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        try:
            if task.done():
                task.result()
            host, _, port = plant.endpoints()[0]["control"].partition(":")
            yield Running(plant, PlantControl(host, int(port)), stop)
        finally:
            stop.set()
            await task

    return running
