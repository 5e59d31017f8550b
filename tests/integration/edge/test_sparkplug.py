"""The agent as a Sparkplug B 3.0 edge node, judged by what it puts on the wire."""

import asyncio
import os
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.backoff import Backoff
from edge.credential import GatewayCredential, write_credential
from edge.journal import journal_summary
from edge.north.session import LOOKS_FOR_CREDENTIAL_EVERY_S
from services.contracts import machinery
from services.contracts.ids import RANDOM_BYTES, uuid7
from services.contracts.journal import EPOCH_METRIC
from services.contracts.sparkplug import (
    BD_SEQ_METRIC,
    REBIRTH_METRIC,
    DataType,
    MessageType,
    decode,
)
from services.contracts.telemetry import Signal
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.edge.fixtures import edge_config, journalled, running_agent
from tests.integration.edge.host import DEVICE, GROUP, HOST_ID, NODE, Heard, Host
from tests.integration.edge.machines import LiveMachine
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration

DATATYPES = {
    Signal.STATE: DataType.STRING,
    Signal.STATE_REASON: DataType.STRING,
    Signal.JOB_ID: DataType.STRING,
    Signal.JOB_PREDICTED_END: DataType.DATETIME,
    Signal.JOB_PREDICTION_SOURCE: DataType.STRING,
    Signal.PARTS: DataType.INT64,
    Signal.EXECUTION: DataType.STRING,
    Signal.SPINDLE_LOAD: DataType.DOUBLE,
}

CREDENTIAL = GatewayCredential(
    gateway_id=uuid7(unix_ms=0, random_bytes=bytes(RANDOM_BYTES)),
    credential_id=uuid7(unix_ms=1, random_bytes=bytes(RANDOM_BYTES)),
    secret="-",  # noqa: S106 - the broker of these tests asks for none
    group=GROUP,
    edge_node=NODE,
    host_id=HOST_ID,
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
async def agent(
    machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
) -> AsyncIterator[None]:
    config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
    async with running_agent(config):
        await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
        yield


def bd_seq(heard: Heard) -> object:
    return next(each.value for each in heard.payload.metrics if each.name == BD_SEQ_METRIC)


@pytest.mark.usefixtures("agent")
class TestBirth:
    async def test_node_birth_names_bd_seq_rebirth_and_epoch(
        self, host: Host, journal: Path
    ) -> None:
        birth = host.of_kind(MessageType.NBIRTH)[0]
        named = {metric.name: metric for metric in birth.payload.metrics}
        assert birth.payload.seq == 0
        assert (birth.qos, birth.retain) == (0, False)
        assert named[BD_SEQ_METRIC].datatype is DataType.INT64
        assert named[REBIRTH_METRIC].value is False
        assert named[REBIRTH_METRIC].alias is None
        assert named[EPOCH_METRIC].value == journal_summary(journal).epoch

    async def test_device_birth_declares_every_signal(self, host: Host) -> None:
        birth = host.of_kind(MessageType.DBIRTH)[0]
        declared = {metric.name: metric.datatype for metric in birth.payload.metrics}
        assert birth.topic.device == DEVICE
        assert {signal: declared[signal.value] for signal in Signal} == DATATYPES

    async def test_data_goes_by_alias_with_values_of_the_declared_type(self, host: Host) -> None:
        await eventually_async(lambda: host.last(Signal.SPINDLE_LOAD) == 35.5)
        for heard in host.of_kind(MessageType.DDATA):
            for metric in heard.payload.metrics:
                assert (metric.name is None) != (metric.alias is None)

    async def test_rebirth_on_command_keeps_bd_seq_and_restarts_seq(self, host: Host) -> None:
        await asyncio.sleep(2.1)
        host.ask_rebirth()
        await eventually_async(lambda: len(host.of_kind(MessageType.NBIRTH)) == 2)
        first, second = host.of_kind(MessageType.NBIRTH)
        assert bd_seq(first) == bd_seq(second)
        await eventually_async(lambda: len(host.of_kind(MessageType.DBIRTH)) == 2)
        born = {each.name: each for each in host.of_kind(MessageType.DBIRTH)[1].payload.metrics}
        assert born[Signal.STATE.value].value == "executing"

    async def test_a_flood_of_rebirth_commands_is_answered_slowly(self, host: Host) -> None:
        for _ in range(50):
            host.ask_rebirth()
        await eventually_async(lambda: len(host.of_kind(MessageType.NBIRTH)) >= 2)
        await asyncio.sleep(0.5)
        assert len(host.of_kind(MessageType.NBIRTH)) <= 3


class TestBeforeEnrolment:
    async def test_machines_are_read_and_the_credential_is_looked_for(
        self,
        machine: LiveMachine,
        nats_server: EmbeddedNats,
        host: Host,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        config = edge_config(
            mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=tmp_path / "journal.db"
        )
        missing = tmp_path / "credential.json"
        broker = config.broker.model_copy(update={"anonymous": False, "credential": missing})
        monkeypatch.setattr(Backoff, "next_delay_s", nobody_was_asked)
        async with running_agent(config.model_copy(update={"broker": broker})):
            await eventually_async(lambda: journalled(config.journal.path).made > 0, within=20)
            await asyncio.sleep(2 * LOOKS_FOR_CREDENTIAL_EVERY_S)
            assert host.of_kind(MessageType.NBIRTH) == []
            write_credential(missing, CREDENTIAL)
            await eventually_async(lambda: host.last(Signal.STATE) == "executing")


def nobody_was_asked(_: Backoff) -> float:
    raise AssertionError("no server refused anything, so there is nothing to hold back from")


@pytest.mark.usefixtures("agent")
class TestReceipts:
    async def test_the_journal_empties_on_receipt(self, host: Host, journal: Path) -> None:
        await eventually_async(lambda: journal_summary(journal).waiting == 0)
        assert host.offsets() == list(range(1, journal_summary(journal).made + 1))

    async def test_what_has_no_receipt_is_kept_and_sent_again(
        self, host: Host, machine: LiveMachine, journal: Path
    ) -> None:
        await eventually_async(lambda: journal_summary(journal).waiting == 0)
        with host.silence():
            await machine.show({machinery.PARTS_PRODUCED: 42})
            await eventually_async(lambda: host.last(Signal.PARTS) == 42)
            copies = host.copies
            await eventually_async(lambda: host.copies > copies)
            assert journal_summary(journal).waiting == 1
        await eventually_async(lambda: journal_summary(journal).waiting == 0)

    async def test_a_receipt_for_another_epoch_deletes_nothing(
        self, host: Host, machine: LiveMachine, journal: Path
    ) -> None:
        with host.silence():
            await machine.show({machinery.PARTS_PRODUCED: 42})
            await eventually_async(lambda: host.last(Signal.PARTS) == 42)
            host.receipt(journal_summary(journal).epoch ^ 1, [(1, 2**63)])
            copies = host.copies
            await eventually_async(lambda: host.copies > copies)
            assert journal_summary(journal).waiting == 1

    async def test_unreadable_commands_change_nothing(
        self, host: Host, machine: LiveMachine
    ) -> None:
        host.command_bytes(b"\xff\xff not a payload")
        host.receipt(1, [])
        await machine.show({machinery.PARTS_PRODUCED: 44})
        await eventually_async(lambda: host.last(Signal.PARTS) == 44)
        assert len(host.of_kind(MessageType.NBIRTH)) == 1


class TestPrimaryHost:
    async def test_nothing_is_born_before_the_host_is_there(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        host.say(online=False)
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        async with running_agent(config):
            before = await eventually_async(lambda: journalled(journal).made)
            assert host.heard == []
            host.say(online=True)
            await eventually_async(lambda: host.last(Signal.STATE) == "executing")
            await eventually_async(lambda: len(host.rows) >= before)
        made_before = [row for (_, offset), row in host.rows.items() if offset <= before]
        assert len(made_before) == before
        assert all(row.is_historical for row in made_before)

    async def test_a_host_that_leaves_is_waited_for_in_a_new_session(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        async with running_agent(config):
            await eventually_async(lambda: host.last(Signal.STATE) == "executing")
            host.say(online=False)
            await eventually_async(lambda: host.of_kind(MessageType.NDEATH))
            await machine.show({machinery.PARTS_PRODUCED: 50})
            host.say(online=True)
            await eventually_async(lambda: host.last(Signal.PARTS) == 50)
        await eventually_async(lambda: len(host.of_kind(MessageType.NDEATH)) == 2)
        births, deaths = host.of_kind(MessageType.NBIRTH), host.of_kind(MessageType.NDEATH)
        assert [bd_seq(each) for each in births] == [bd_seq(each) for each in deaths] == [0, 1]

    async def test_old_news_of_the_host_is_ignored(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        async with running_agent(config):
            await eventually_async(lambda: host.last(Signal.STATE) == "executing")
            host.say(online=False, timestamp_ms=1)
            await machine.show({machinery.PARTS_PRODUCED: 51})
            await eventually_async(lambda: host.last(Signal.PARTS) == 51)
            host.say(online=True)
        assert len(host.of_kind(MessageType.NBIRTH)) == 1


class TestDeath:
    async def test_a_stopped_agent_says_so_with_its_own_bd_seq(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        config = edge_config(mqtt_url=nats_server.mqtt_url, opcua_url=machine.url, journal=journal)
        async with running_agent(config):
            await eventually_async(lambda: len(host.of_kind(MessageType.NBIRTH)) == 1)
        async with running_agent(config):
            await eventually_async(lambda: len(host.of_kind(MessageType.NBIRTH)) == 2)
        await eventually_async(lambda: len(host.of_kind(MessageType.NDEATH)) == 2)
        births, deaths = host.of_kind(MessageType.NBIRTH), host.of_kind(MessageType.NDEATH)
        assert [bd_seq(each) for each in births] == [bd_seq(each) for each in deaths] == [0, 1]
        assert [metric.name for metric in deaths[0].payload.metrics] == [BD_SEQ_METRIC]
        assert (deaths[0].payload.seq, deaths[0].qos, deaths[0].retain) == (None, 1, False)


class TestConnect:
    async def test_the_connect_packet_carries_the_will_of_a_clean_session(
        self, machine: LiveMachine, tmp_path: Path
    ) -> None:
        packets: asyncio.Queue[bytes] = asyncio.Queue()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            packets.put_nowait(await reader.read(4096))
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        config = edge_config(
            mqtt_url=f"mqtt://127.0.0.1:{port}", opcua_url=machine.url, journal=tmp_path / "j"
        )
        async with server, running_agent(config):
            first, second = [await asyncio.wait_for(packets.get(), 10) for _ in range(2)]
        connects = [Connect(first), Connect(second)]
        assert {connect.level for connect in connects} == {4}
        assert {connect.client_id for connect in connects} == {"gw-1"}
        assert {connect.flags for connect in connects} == {0b0000_1110}  # Will QoS 1, clean
        assert {connect.will_topic for connect in connects} == {"spBv1.0/park-1/NDEATH/gw-1"}
        wills = [decode(connect.will) for connect in connects]
        assert [will.seq for will in wills] == [None, None]
        assert [[(m.name, m.value) for m in will.metrics] for will in wills] == [
            [(BD_SEQ_METRIC, 0)],
            [(BD_SEQ_METRIC, 1)],
        ]


class Connect:
    """An MQTT 3.1.1 CONNECT packet (§3.1) taken apart."""

    def __init__(self, packet: bytes) -> None:
        assert packet[0] == 0x10
        at = 2 if packet[1] < 0x80 else 3
        assert packet[at + 2 : at + 6] == b"MQTT"
        self.level, self.flags = packet[at + 6], packet[at + 7]
        fields, at = [], at + 10
        while at < len(packet):
            length = int.from_bytes(packet[at : at + 2], "big")
            fields.append(packet[at + 2 : at + 2 + length])
            at += 2 + length
        self.client_id, self.will_topic = fields[0].decode(), fields[1].decode()
        self.will = fields[2]


class TestHealth:
    async def test_metrics_tell_the_truth_about_a_machine(
        self, machine: LiveMachine, nats_server: EmbeddedNats, host: Host, journal: Path
    ) -> None:
        port = 20_000 + os.getpid() % 20_000
        config = edge_config(
            mqtt_url=nats_server.mqtt_url,
            opcua_url=machine.url,
            journal=journal,
            metrics_port=port,
        )
        async with running_agent(config):
            await eventually_async(lambda: host.last(Signal.STATE) == "executing")
            await machine.show_text(machinery.PARTS_PRODUCED, "many")
            await eventually_async(lambda: host.last(Signal.PARTS) is None)
            text = await asyncio.to_thread(scraped, port)
            assert 'nonagon_edge_items{device="mill-07",kind="desired"} 7.0' in text
            assert 'nonagon_edge_items{device="mill-07",kind="bad"} 1.0' in text
            assert 'nonagon_edge_machine_online{device="mill-07"} 1.0' in text
            assert "nonagon_edge_platform_live 1.0" in text
            await machine.close()
            await eventually_async(lambda: host.last(Signal.STATE) == "unknown", within=20)
            text = await asyncio.to_thread(scraped, port)
            assert 'nonagon_edge_machine_online{device="mill-07"} 0.0' in text
            assert 'nonagon_edge_items{device="mill-07",kind="actual"} 0.0' in text


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())
