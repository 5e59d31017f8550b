"""Kill the agent, the broker, the machine: what was journalled arrives, once, and nothing lies."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import dump_config
from edge.journal import journal_summary
from edge.north.window import RESEND_AFTER_S
from gateway.plant.blueprint import Blueprint
from services.contracts.sparkplug import BD_SEQ_METRIC, MessageType
from services.contracts.telemetry import Signal
from services.runtime.embedded.nats import EmbeddedNats
from tests.faults.edge.processes import Child, agent_process, free_port, machine_process
from tests.integration.edge.fixtures import edge_config
from tests.integration.edge.host import Heard, Host
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.faults]

PART_EVERY_MS = 10


@pytest.fixture
def opcua_port() -> int:
    return free_port()


@pytest.fixture
def machine_child(
    blueprint: Blueprint, blueprint_dir: Path, opcua_port: int, tmp_path: Path
) -> Iterator[Child]:
    assert blueprint  # built and kept, so that the child starts at once
    with machine_process(
        port=opcua_port,
        blueprint_dir=blueprint_dir,
        every_ms=PART_EVERY_MS,
        log=tmp_path / "machine.log",
    ) as child:
        yield child


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def agent(
    machine_child: Child,
    opcua_port: int,
    nats_server: EmbeddedNats,
    host: Host,
    journal: Path,
    tmp_path: Path,
) -> Iterator[Child]:
    assert machine_child.is_running()
    opcua_url = f"opc.tcp://127.0.0.1:{opcua_port}/mill-07"
    config = tmp_path / "edge.yaml"
    wanted = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=opcua_url, journal=journal)
    config.write_text(dump_config(wanted), encoding="utf-8")
    with agent_process(config, log=tmp_path / "agent.log") as child:
        eventually(lambda: host.last(Signal.STATE) == "executing", within=60)
        yield child


def parts(host: Host) -> list[int]:
    return [value for value in host.values(Signal.PARTS) if isinstance(value, int)]


def assert_all_arrived(host: Host, journal: Path, machine: Child) -> None:
    """Still the machine, let the agent drain, and compare the two ends."""
    machine.end(signal.SIGKILL)
    eventually(lambda: host.last(Signal.STATE) == "unknown", within=20)
    eventually(lambda: journal_summary(journal).waiting == 0, within=20)
    summary = journal_summary(journal)
    assert {epoch for epoch, _ in host.rows} == {summary.epoch}
    assert host.offsets() == list(range(1, summary.made + 1))
    counted = parts(host)
    assert counted == sorted(set(counted))


def grows(host: Host, by: int) -> None:
    wanted = len(host.rows) + by
    eventually(lambda: len(host.rows) >= wanted, within=40)


def bd_seq(heard: Heard) -> object:
    return next(each.value for each in heard.payload.metrics if each.name == BD_SEQ_METRIC)


class TestAgent:
    def test_sigkill_in_mid_stream_loses_nothing_that_was_journalled(
        self, agent: Child, machine_child: Child, host: Host, journal: Path
    ) -> None:
        for _ in range(3):
            grows(host, 100)
            agent.end(signal.SIGKILL)
            agent.start()
        grows(host, 100)
        assert_all_arrived(host, journal, machine_child)
        copies = host.copies
        time.sleep(RESEND_AFTER_S * 1.5)
        assert host.copies == copies

    def test_sigkill_with_a_backlog_sends_it_after_the_restart(
        self, agent: Child, machine_child: Child, host: Host, journal: Path
    ) -> None:
        with host.silence():
            eventually(lambda: journal_summary(journal).waiting > 300, within=30)
            agent.end(signal.SIGKILL)
        agent.start()
        grows(host, 100)
        assert_all_arrived(host, journal, machine_child)

    def test_sigkill_makes_the_broker_publish_the_will_of_that_session(
        self, agent: Child, host: Host
    ) -> None:
        agent.end(signal.SIGKILL)
        eventually(lambda: host.of_kind(MessageType.NDEATH), within=20)
        (birth,), (death,) = host.of_kind(MessageType.NBIRTH), host.of_kind(MessageType.NDEATH)
        assert bd_seq(birth) == bd_seq(death)
        assert (death.qos, death.retain) == (1, False)

    def test_sigterm_leaves_within_three_seconds(self, agent: Child, host: Host) -> None:
        began_s = time.monotonic()
        assert agent.end(signal.SIGTERM) == 0
        assert time.monotonic() - began_s < 3
        eventually(lambda: host.of_kind(MessageType.NDEATH))

    def test_a_second_agent_on_the_same_journal_is_refused(
        self, agent: Child, tmp_path: Path
    ) -> None:
        assert agent.is_running()
        second = agent_process(tmp_path / "edge.yaml", log=tmp_path / "second.log")
        second.start()
        eventually(lambda: not second.is_running(), within=20)
        assert second.end(signal.SIGKILL) == 1
        assert "in use by another agent" in second.output

    def test_a_metrics_port_in_use_is_named_and_ends_the_start(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            config = edge_config(
                mqtt_url="mqtt://127.0.0.1:1",
                opcua_url="opc.tcp://127.0.0.1:1/mill-07",
                journal=tmp_path / "journal.sqlite3",
                metrics_port=port,
            )
            path = tmp_path / "edge.yaml"
            path.write_text(dump_config(config), encoding="utf-8")
            agent = agent_process(path, log=tmp_path / "agent.log")
            agent.start()
            eventually(lambda: not agent.is_running(), within=20)
        assert agent.end(signal.SIGKILL) == 1
        assert f"metrics_port {port} is in use by another program" in agent.output
        assert "Traceback" not in agent.output


class TestBroker:
    def test_a_killed_broker_costs_no_observation(
        self,
        agent: Child,
        machine_child: Child,
        host: Host,
        journal: Path,
        nats_server: EmbeddedNats,
    ) -> None:
        assert agent.is_running()
        nats_server.kill()
        eventually(lambda: journal_summary(journal).waiting > 100, within=30)
        nats_server.restart()
        grows(host, 200)
        assert_all_arrived(host, journal, machine_child)
        assert agent.output.count("broker_unavailable") <= 3


class TestMachine:
    def test_a_killed_machine_is_unknown_until_every_tag_lives_again(
        self, agent: Child, machine_child: Child, host: Host
    ) -> None:
        assert agent.is_running()
        machine_child.end(signal.SIGKILL)
        eventually(lambda: host.last(Signal.STATE) == "unknown", within=20)
        assert host.last(Signal.STATE_REASON) == "link lost"
        time.sleep(3)
        rows = len(host.rows)
        assert agent.output.count("machine_unavailable") <= 3
        machine_child.start()
        eventually(lambda: host.last(Signal.STATE) == "executing", within=60)
        grows(host, 50)
        later = [row for (_, offset), row in sorted(host.rows.items()) if offset > rows]
        assert {row.signal for row in later} >= {Signal.PARTS, Signal.EXECUTION, Signal.STATE}
        assert host.values(Signal.STATE) == ["executing", "unknown", "executing"]
