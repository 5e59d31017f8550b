"""What is not there, or not as it should be: named once, retried, and no reason to stop."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from edge.config import EdgeConfig
from edge.journal import Journal, journal_summary
from services.contracts import machinery
from services.contracts.sparkplug import MessageType
from services.contracts.telemetry import Signal
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.edge.fixtures import edge_config, journalled, running_agent
from tests.integration.edge.host import Host
from tests.integration.edge.machines import IDLE, LiveMachine
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@contextmanager
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def causes(entries: list[Any], event: str) -> list[str]:
    return [entry["cause"] for entry in entries if entry["event"] == event]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def renamed(config: EdgeConfig, name: str) -> EdgeConfig:
    machine = config.machines[0].model_copy(update={"machine": name})
    return config.model_copy(update={"machines": [machine]})


class TestMachine:
    async def test_an_unreachable_endpoint_is_unknown_and_named_once(
        self, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        url = f"opc.tcp://127.0.0.1:{closed_port()}/mill-07"
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=url, journal=journal)
        with logged() as entries:
            async with running_agent(config):
                await eventually_async(lambda: host.last(Signal.STATE_REASON) == "link lost")
                await asyncio.sleep(3)
        assert host.values(Signal.STATE) == ["unknown"]
        (cause,) = causes(entries, "machine_unavailable")
        assert "Connect call failed" in cause
        assert host.seen_count() == 0

    async def test_a_machine_of_another_name_is_answered_with_those_there(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        with logged() as entries:
            async with running_agent(renamed(config, "Mill 70")):
                await eventually_async(lambda: host.last(Signal.STATE) == "unknown")
        assert causes(entries, "machine_unavailable") == [
            "no machine 'Mill 70' below Machines; there: Mill 07"
        ]

    async def test_a_missing_node_leaves_the_others_alone(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        await machine.remove(machinery.EXECUTION)
        await machine.remove(machinery.ITEM_STATE_NUMBER)
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        with logged() as entries:
            async with running_agent(config):
                await eventually_async(lambda: host.last(Signal.STATE) == "executing")
                await eventually_async(lambda: host.last(Signal.PARTS) == 41)
        (missing,) = [entry for entry in entries if entry["event"] == "nodes_missing"]
        assert missing["features"] == ["execution"]
        assert host.values(Signal.EXECUTION) == []


class TestBroker:
    async def test_an_unreachable_broker_is_named_once_and_the_journal_fills(
        self, machine: LiveMachine, journal: Path
    ) -> None:
        url = f"mqtt://127.0.0.1:{closed_port()}"
        config = edge_config(mqtt_url=url, opcua_url=machine.url, journal=journal)
        with logged() as entries:
            async with running_agent(config):
                await eventually_async(lambda: journalled(journal).waiting > 3)
                await asyncio.sleep(3)
        (cause,) = causes(entries, "broker_unavailable")
        assert url in cause
        assert "refused" in cause


class TestFullDisk:
    async def test_is_named_and_survived_and_no_live_sign_hides_it(
        self,
        machine: LiveMachine,
        nats_server: EmbeddedNats,
        host: Host,
        journal: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        disk = Disk()
        monkeypatch.setattr(Journal, "append", disk.seam())
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        with logged() as entries:
            async with running_agent(config):
                await eventually_async(lambda: host.last(Signal.STATE) == "executing")
                disk.is_full = True
                await machine.show({**IDLE, machinery.PARTS_PRODUCED: 42})
                await eventually_async(lambda: causes(entries, "journal_unavailable"))
                seen = host.seen_count()
                await asyncio.sleep(5.5)
                assert host.seen_count() == seen
                assert len(host.of_kind(MessageType.NBIRTH)) == 1
                disk.is_full = False
                await eventually_async(lambda: host.last(Signal.PARTS) == 42)
        assert host.values(Signal.STATE) == ["executing", "idle"]
        (cause,) = causes(entries, "journal_unavailable")
        assert "database or disk is full" in cause

    async def test_of_a_real_file_system_costs_nothing_that_was_stored_and_no_offset(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, small_disk: Path
    ) -> None:
        journal, ballast = small_disk / "journal.sqlite3", small_disk / "ballast"
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        with logged() as entries:
            async with running_agent(config):
                await eventually_async(lambda: host.last(Signal.STATE) == "executing")
                with host.silence():
                    await machine.show({machinery.PARTS_PRODUCED: 42})
                    await eventually_async(lambda: host.last(Signal.PARTS) == 42)
                    fill(ballast)
                    await machine.show({machinery.PARTS_PRODUCED: 43})
                    await eventually_async(lambda: causes(entries, "journal_unavailable"))
                    assert journal_summary(journal).waiting >= 1
                    await machine.show({machinery.PARTS_PRODUCED: 44})
                    assert host.last(Signal.PARTS) == 42
                    ballast.unlink()
                    await eventually_async(lambda: host.last(Signal.PARTS) == 44)
                await eventually_async(lambda: journal_summary(journal).waiting == 0)
        assert host.values(Signal.PARTS) == [41, 42, 43, 44]
        assert host.offsets() == list(range(1, journal_summary(journal).made + 1))
        assert len({epoch for epoch, _ in host.rows}) == 1
        (cause,) = causes(entries, "journal_unavailable")
        assert "full" in cause
        assert [entry for entry in entries if entry["event"] == "journal_writable_again"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two mebibytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "nonagon-test", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this account may not mount a file system")
    yield place
    unmount = ["umount", str(place)]
    subprocess.run(unmount, check=True)


def fill(path: Path) -> None:
    """Leave no room beside ``path``."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


class Disk:
    """Lets SQLite itself find the disk full: no page may be added and the values need many."""

    def __init__(self) -> None:
        self.is_full = False
        self._append = Journal.append

    def seam(self) -> Any:
        def append(journal: Journal, observations: Any) -> Any:
            journal.limit_pages(1 if self.is_full else 1_000_000)
            wanted = [*observations] * (5_000 if self.is_full else 1)
            return self._append(journal, wanted)

        return append
