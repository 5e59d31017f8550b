"""Real plants for these tests: real OPC UA servers in this process, on free ports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.plant.blueprint import Blueprint, load_blueprint
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


@pytest.fixture
def start(blueprint: Blueprint) -> Start:
    """Run a plant of the named devices, or of a whole park."""

    @contextlib.asynccontextmanager
    async def running(
        *devices: str, park: Park | None = None, replay: Replay | None = None, speed: float = 1.0
    ) -> AsyncIterator[Running]:
        chosen = park or park_of(*devices)
        plant = Plant(
            chosen, blueprint=blueprint, clock=SystemClock(), seed=3, speed=speed, replay=replay
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
