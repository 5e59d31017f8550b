"""Somebody else on the line: no session to a false server, no command to a machine."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.config import SecurityPolicy
from edge.journal import journal_summary
from gateway.plant.blueprint import Blueprint
from gateway.plant.certificates import Identity, issue, make_key
from services.contracts import machinery
from services.contracts.sparkplug import (
    NAMESPACE,
    REBIRTH_METRIC,
    DataType,
    MessageType,
    Metric,
    Payload,
    Topic,
    encode,
)
from services.contracts.telemetry import Signal
from services.runtime.embedded.nats import EmbeddedNats
from tests.faults.edge.processes import free_port
from tests.integration.edge.fixtures import edge_config, running_agent
from tests.integration.edge.host import DEVICE, GROUP, NODE, Host
from tests.integration.edge.machines import LiveMachine
from tests.support.waiting import eventually_async

pytestmark = [pytest.mark.integration, pytest.mark.faults]

COMMANDS = 1_000
NODE_COMMAND = str(Topic(GROUP, MessageType.NCMD, NODE))
DEVICE_COMMAND = f"{NAMESPACE}/{GROUP}/DCMD/{NODE}/{DEVICE}"
"""No type of ours: the agent hears none."""
DAY = timedelta(days=1)


def issued() -> Identity:
    now = datetime.now(UTC)  # noqa: TID251 - certificates are valid now
    return issue(make_key(), DEVICE, valid_from=now - DAY, valid_to=now + DAY)


@pytest.fixture
def identity() -> Identity:
    return issued()


@pytest.fixture
async def machine(blueprint: Blueprint, identity: Identity) -> AsyncIterator[LiveMachine]:
    async with LiveMachine(blueprint, identity=identity, offers_none=False) as live:
        yield live


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def entries() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@asynccontextmanager
async def agent(
    machine: LiveMachine, identity: Identity, broker: EmbeddedNats, journal: Path
) -> AsyncIterator[int]:
    """An agent that trusts ``identity``; the port its health is at."""
    port = free_port()
    config = edge_config(
        mqtt_url=broker.mqtt_url,
        opcua_url=machine.url,
        journal=journal,
        security=SecurityPolicy.AES256_SHA256_RSA_PSS,
        trust=[identity.fingerprint],
        metrics_port=port,
    )
    async with running_agent(config):
        yield port


async def health(port: int) -> str:
    def scrape() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: bytes = answer.read()
            return text.decode()

    return await asyncio.to_thread(scrape)


def refusals(entries: list[Any]) -> list[str]:
    return [str(entry["refusal"]) for entry in entries if entry["event"] == "machine_refused"]


class TestServer:
    async def test_with_a_swapped_certificate_gets_no_session_until_the_pinned_is_back(
        self,
        machine: LiveMachine,
        identity: Identity,
        nats_server: EmbeddedNats,
        host: Host,
        journal: Path,
        entries: list[Any],
    ) -> None:
        async with agent(machine, identity, nats_server, journal) as port:
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
            await machine.shows(issued())
            await eventually_async(lambda: refusals(entries) != [], within=20)
            await eventually_async(lambda: host.last(Signal.STATE) == "unknown", within=20)
            told = len(host.rows)
            await machine.show({machinery.PARTS_PRODUCED: 77})
            await asyncio.sleep(3)
            text = await health(port)
            labels = '{cause="certificate-swapped",device="mill-07"}'
            assert f"nonagon_edge_machine_refused{labels} 1.0" in text
            assert machine.sessions_count == 0
            assert len(host.rows) == told
            await machine.shows(identity)
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
            assert "machine_refused{" not in await health(port)
        assert refusals(entries) == ["certificate-swapped"]
        assert 77 not in host.values(Signal.PARTS)

    async def test_that_offers_no_encryption_any_more_gets_no_session(
        self,
        machine: LiveMachine,
        identity: Identity,
        nats_server: EmbeddedNats,
        host: Host,
        journal: Path,
        entries: list[Any],
    ) -> None:
        async with agent(machine, identity, nats_server, journal) as port:
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
            await machine.shows(None)
            await eventually_async(lambda: host.last(Signal.STATE) == "unknown", within=20)
            await eventually_async(lambda: refusals(entries) != [], within=20)
            await asyncio.sleep(3)
            assert machine.sessions_count == 0
            assert "encryption-not-offered" in await health(port)
            await machine.shows(identity)
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
        assert refusals(entries) == ["encryption-not-offered"]


class TestCommands:
    async def test_a_thousand_reach_no_machine_and_cost_no_observation(
        self,
        machine: LiveMachine,
        identity: Identity,
        nats_server: EmbeddedNats,
        host: Host,
        journal: Path,
    ) -> None:
        injector = Injector(nats_server.mqtt_url)
        async with agent(machine, identity, nats_server, journal) as port:
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
            births = len(host.of_kind(MessageType.NBIRTH))
            for part in range(100, 110):
                await asyncio.to_thread(injector.send, COMMANDS // 10)
                await machine.show({machinery.PARTS_PRODUCED: part})
            await eventually_async(lambda: host.last(Signal.PARTS) == 109, within=20)
            await eventually_async(lambda: journal_summary(journal).waiting == 0, within=20)
            assert "nonagon_edge_machine_online" in await health(port)
            assert machine.sessions_count == 1
            assert len(host.of_kind(MessageType.NBIRTH)) == births
        injector.close()
        host.faults = [fault for fault in host.faults if DEVICE_COMMAND not in fault]
        assert injector.sent_count == COMMANDS
        assert set(machine.attempts.values()) == {0}
        summary = journal_summary(journal)
        assert host.offsets() == list(range(1, summary.made + 1))
        assert summary.evicted == 0
        assert set(range(100, 110)) <= set(host.values(Signal.PARTS))


class Injector:
    """An attacker with the host's rights at the broker: NCMD and DCMD, well-formed and not."""

    def __init__(self, mqtt_url: str) -> None:
        address = urlsplit(mqtt_url)
        self._random = random.Random(11)
        self.sent_count = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="injector", protocol=paho.MQTTv311
        )
        self._client.connect(str(address.hostname), int(address.port or 0))
        self._client.loop_start()

    def send(self, count: int) -> None:
        for _ in range(count):
            payload = self._random.choice((self._well_formed, self._mutated, self._noise))()
            topic = self._random.choice((NODE_COMMAND, DEVICE_COMMAND))
            self._client.publish(topic, payload, qos=1).wait_for_publish(5)
            self.sent_count += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _well_formed(self) -> bytes:
        name = self._random.choice(
            (
                *Signal,
                "Node Control/Reboot",
                "Node Control/Next Server",
                "Node Control/Scan Rate",
                "Device Control/Write",
                "Journal/Acked",
                "Production/Statistics/PartsProducedInLifetime",
            )
        )
        value, datatype = self._random.choice(
            (
                (True, DataType.BOOLEAN),
                (self._random.randrange(2**31), DataType.INT64),
                (self._random.random(), DataType.DOUBLE),
                ("OutOfService", DataType.STRING),
            )
        )
        alias = self._random.choice((None, self._random.randrange(64)))
        return encode(Payload((Metric(value=value, datatype=datatype, name=name, alias=alias),)))

    def _mutated(self) -> bytes:
        content = bytearray(self._well_formed())
        for _ in range(self._random.randint(1, 6)):
            content[self._random.randrange(len(content))] = self._random.randrange(256)
        mutated = bytes(content[: self._random.randint(1, len(content))])
        return mutated.replace(REBIRTH_METRIC.encode(), b"")

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randint(0, 600))
