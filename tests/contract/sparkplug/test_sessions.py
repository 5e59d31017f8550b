"""Sparkplug B 3.0 sessions as the platform relies on them, kept by agent and stand-in alike.

The host that listens checks ``seq``, aliases and offsets of every message on its own; a test fails
when it found a fault.
"""

import pytest

from services.contracts.journal import EPOCH_METRIC, OFFSETS_METRIC
from services.contracts.sparkplug import (
    BD_SEQ_METRIC,
    REBIRTH_METRIC,
    DataType,
    MessageType,
    Metric,
)
from services.contracts.telemetry import Signal
from tests.contract.sparkplug.edges import Edge, births
from tests.integration.edge.host import DEVICE, Heard, Host
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


def named(heard: Heard) -> dict[str, Metric]:
    return {metric.name: metric for metric in heard.payload.metrics if metric.name}


def bd_seq(heard: Heard) -> int:
    value = named(heard)[BD_SEQ_METRIC].value
    assert isinstance(value, int)
    return value


def of_device(host: Host, kind: MessageType) -> list[Heard]:
    return [heard for heard in host.of_kind(kind) if heard.topic.device == DEVICE]


class TestBirth:
    async def test_of_the_node_opens_the_session(self, edge: Edge, host: Host) -> None:
        assert edge
        birth = host.of_kind(MessageType.NBIRTH)[0]
        assert (birth.payload.seq, birth.qos, birth.retain) == (0, 0, False)
        assert birth.payload.timestamp_ms is not None
        declared = {name: metric.datatype for name, metric in named(birth).items()}
        assert declared == {
            BD_SEQ_METRIC: DataType.INT64,
            REBIRTH_METRIC: DataType.BOOLEAN,
            EPOCH_METRIC: DataType.UINT64,
        }
        assert named(birth)[REBIRTH_METRIC].value is False
        assert bd_seq(birth) == 0

    async def test_of_a_device_declares_every_signal_with_an_alias(
        self, edge: Edge, host: Host
    ) -> None:
        assert edge
        await eventually_async(lambda: of_device(host, MessageType.DBIRTH))
        birth = of_device(host, MessageType.DBIRTH)[0]
        declared = named(birth)
        assert {signal: declared[signal.value].datatype for signal in Signal} == DATATYPES
        aliases = [declared[signal.value].alias for signal in Signal]
        assert None not in aliases
        assert len(set(aliases)) == len(aliases)
        assert (birth.qos, birth.retain) == (0, False)

    async def test_again_on_command_keeps_bd_seq_and_begins_seq_anew(
        self, edge: Edge, host: Host
    ) -> None:
        await edge.show_parts(100)
        await eventually_async(lambda: host.last(Signal.PARTS) == 100)
        known = births(host)
        host.ask_rebirth()
        await edge.obey_rebirth()
        await eventually_async(lambda: births(host) > known)
        await edge.show_parts(101)
        await eventually_async(lambda: host.last(Signal.PARTS) == 101)
        assert {bd_seq(birth) for birth in host.of_kind(MessageType.NBIRTH)} == {0}
        assert len(of_device(host, MessageType.DBIRTH)) == births(host)


class TestData:
    async def test_goes_by_alias_with_its_place_in_the_journal(
        self, edge: Edge, host: Host
    ) -> None:
        for count in range(200, 205):
            await edge.show_parts(count)
            await eventually_async(lambda: host.last(Signal.PARTS) == count)  # noqa: B023 - asked at once
        observed = [
            heard for heard in of_device(host, MessageType.DDATA) if OFFSETS_METRIC in named(heard)
        ]
        for heard in observed:
            assert named(heard).keys() == {EPOCH_METRIC, OFFSETS_METRIC}
            assert (heard.qos, heard.retain) == (0, False)
            for metric in heard.payload.metrics:
                assert (metric.name is None) != (metric.alias is None)
                assert metric.name is not None or metric.timestamp_ms is not None
        assert [value for value in host.values(Signal.PARTS) if value != 41] == [*range(200, 205)]
        assert host.offsets() == list(range(1, len(host.rows) + 1))
        assert len({epoch for epoch, _ in host.rows}) == 1

    async def test_shows_life_where_nothing_changes(self, edge: Edge, host: Host) -> None:
        await edge.show_life()
        await eventually_async(lambda: host.seen_count() > 0)


class TestDeath:
    async def test_by_a_lost_connection_is_the_will_and_the_next_session_counts_on(
        self, edge: Edge, host: Host
    ) -> None:
        lost = bd_seq(host.of_kind(MessageType.NBIRTH)[-1])
        await edge.lose_the_broker()
        await eventually_async(lambda: host.of_kind(MessageType.NDEATH))
        (death,) = host.of_kind(MessageType.NDEATH)
        assert (death.payload.seq, death.qos, death.retain) == (None, 1, False)
        assert bd_seq(death) == lost
        await eventually_async(lambda: bd_seq(host.of_kind(MessageType.NBIRTH)[-1]) == lost + 1)
        await edge.show_parts(300)
        await eventually_async(lambda: host.last(Signal.PARTS) == 300)
