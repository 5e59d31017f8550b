"""The edges the contract is for: the real agent, and the stand-in that tests of ingest use."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gateway.plant.blueprint import Blueprint
from services.contracts import machinery
from services.contracts.sparkplug import MessageType
from services.contracts.telemetry import Signal
from tests.integration.edge.fixtures import edge_config, running_agent
from tests.integration.edge.host import DEVICE, GROUP, NODE, Host
from tests.integration.edge.machines import LiveMachine
from tests.integration.ingest.fake_edge import FakeEdge, parts
from tests.support.waiting import eventually_async


class Edge(Protocol):
    """One edge node with one device, born when a test gets it."""

    async def show_parts(self, count: int) -> None:
        """Let the machine have made ``count`` parts."""

    async def show_life(self) -> None:
        """Have nothing to say for so long that a live sign is due."""

    async def obey_rebirth(self) -> None:
        """Do what the command that is on its way asks for."""

    async def lose_the_broker(self) -> None:
        """Lose the connection without a word, and come back."""


class RealEdge:
    """The agent, between a machine's OPC UA server and a link that a test can cut."""

    def __init__(self, machine: LiveMachine, link: "Link") -> None:
        self._machine, self._link = machine, link

    async def show_parts(self, count: int) -> None:
        await self._machine.show({machinery.PARTS_PRODUCED: count})

    async def show_life(self) -> None:
        """The agent does so by itself."""

    async def obey_rebirth(self) -> None:
        """Likewise."""

    async def lose_the_broker(self) -> None:
        self._link.cut()


class StandIn:
    """The fake edge; it does nothing by itself."""

    def __init__(self, fake: FakeEdge, host: Host) -> None:
        self._fake, self._host = fake, host
        self._offset = 0

    async def show_parts(self, count: int) -> None:
        self._offset += 1
        self._fake.report(DEVICE, [parts(count)], first_offset=self._offset)

    async def show_life(self) -> None:
        self._fake.seen(DEVICE)

    async def obey_rebirth(self) -> None:
        await eventually_async(lambda: self._fake.rebirth_requests > 0)
        self._fake.birth()

    async def lose_the_broker(self) -> None:
        """Back only after the will, which NATS drops if the successor is there at once."""
        self._fake.cut()
        await eventually_async(lambda: self._host.of_kind(MessageType.NDEATH))
        self._fake.connect()
        self._fake.birth()


class Link:
    """Carries bytes between an edge and the broker until it is cut."""

    def __init__(self, broker_url: str) -> None:
        self._broker = urlsplit(broker_url)
        self._writers: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._broker.hostname, self._broker.port)
        self._writers |= {writer, there[1]}
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        self._writers -= {writer, there[1]}

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def real_edge(
    broker_url: str, host: Host, blueprint: Blueprint, folder: Path
) -> AsyncIterator[Edge]:
    link = Link(broker_url)
    async with LiveMachine(blueprint) as machine:
        server = await asyncio.start_server(link.carry, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = edge_config(
            mqtt_url=f"mqtt://127.0.0.1:{port}",
            opcua_url=machine.url,
            journal=folder / "journal.sqlite3",
        )
        async with running_agent(config):
            await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
            yield RealEdge(machine, link)
        link.cut()
        server.close()


@contextmanager
def stand_in(broker_url: str, host: Host) -> Iterator[Edge]:
    fake = FakeEdge(broker_url, group=GROUP, node=NODE, devices=["another", DEVICE])
    fake.connect()
    fake.birth()
    try:
        assert host.faults == []
        yield StandIn(fake, host)
    finally:
        fake.disconnect()


def births(host: Host) -> int:
    return len(host.of_kind(MessageType.NBIRTH))
