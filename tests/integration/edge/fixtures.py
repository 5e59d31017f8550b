"""Fixtures for the agent's tests; imported by the conftest modules that want them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.agent import run_agent
from edge.config import (
    BrokerConfig,
    EdgeConfig,
    EndpointConfig,
    GatewayConfig,
    JournalConfig,
    MachineConfig,
    SecurityPolicy,
)
from edge.journal import JournalSummary, journal_summary
from gateway.plant.blueprint import Blueprint, load_blueprint
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.edge.host import DEVICE, GROUP, HOST_ID, NODE, Host
from tests.integration.edge.machines import NAME, LiveMachine


@pytest.fixture(scope="session")
def blueprint_dir(state_root: Path) -> Path:
    return state_root / "edge"


@pytest.fixture(scope="session")
def blueprint(blueprint_dir: Path) -> Blueprint:
    return load_blueprint(blueprint_dir)


@pytest.fixture
async def machine(blueprint: Blueprint) -> AsyncIterator[LiveMachine]:
    async with LiveMachine(blueprint) as live:
        yield live


@pytest.fixture
def host(nats_server: EmbeddedNats) -> Iterator[Host]:
    with Host(nats_server.mqtt_url) as listening:
        listening.say(online=True)
        yield listening
        assert listening.faults == []


def edge_config(
    *,
    mqtt_url: str,
    opcua_url: str,
    journal: Path,
    metrics_port: int | None = None,
    security: SecurityPolicy = SecurityPolicy.NONE,
    trust: Sequence[str] = (),
) -> EdgeConfig:
    return EdgeConfig(
        schema_version=1,
        gateway=GatewayConfig(group=GROUP, edge_node=NODE, host_id=HOST_ID),
        broker=BrokerConfig(url=mqtt_url, anonymous=True, keepalive_s=5, retry_max_s=1),
        journal=JournalConfig(path=journal),
        machines=[
            MachineConfig(
                device=DEVICE,
                endpoint=EndpointConfig(
                    url=opcua_url, security=security, trust=list(trust), retry_max_s=1
                ),
                machine=NAME,
                publish_ms=50,
                sampling_ms=20,
            )
        ],
        metrics_port=metrics_port,
    )


def journalled(path: Path) -> JournalSummary:
    """The journal's summary; an empty one before the agent has made the file."""
    try:
        return journal_summary(path)
    except FileNotFoundError:
        return JournalSummary(epoch=0, made=0, waiting=0)


@asynccontextmanager
async def running_agent(config: EdgeConfig) -> AsyncIterator[None]:
    """The agent in this event loop; leaving stops it as SIGTERM would."""
    stopping = asyncio.Event()
    agent = asyncio.create_task(run_agent(config, stopping=stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(agent, timeout=10)
