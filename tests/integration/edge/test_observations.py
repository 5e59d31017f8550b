"""From a machine's OPC UA server to a host's store: what is observed, and what is never claimed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.contracts import machinery
from services.contracts.sparkplug import MessageType
from services.contracts.telemetry import Quality, Signal
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.edge.fixtures import edge_config, running_agent
from tests.integration.edge.host import Host
from tests.integration.edge.machines import DOWN, EXECUTING, IDLE, SETUP, LiveMachine
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def agent(
    machine: LiveMachine, nats_server: EmbeddedNats, host: Host, tmp_path: Path
) -> AsyncIterator[None]:
    config = edge_config(
        mqtt_url=nats_server.mqtt_url,
        opcua_url=machine.url,
        journal=tmp_path / "journal.sqlite3",
    )
    async with running_agent(config):
        await eventually_async(lambda: host.last(Signal.STATE) == "executing", within=20)
        yield


def stored(host: Host, signal: Signal, quality: Quality) -> list[object]:
    return [
        row.value
        for _, row in sorted(host.rows.items())
        if row.signal is signal and row.quality is quality
    ]


@pytest.mark.usefixtures("agent")
class TestValues:
    async def test_initial_values_arrive_typed(self, host: Host) -> None:
        await eventually_async(lambda: host.last(Signal.SPINDLE_LOAD) == 35.5)
        assert host.last(Signal.PARTS) == 41
        assert host.last(Signal.EXECUTION) == "ACTIVE"
        assert host.last(Signal.JOB_ID) == "J-1"
        assert host.values(Signal.JOB_PREDICTED_END) == []

    async def test_source_timestamps_are_the_machines(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show({machinery.PARTS_PRODUCED: 42})
        await eventually_async(lambda: host.last(Signal.PARTS) == 42)
        row = next(row for row in host.rows.values() if row.value == 42)
        heard = host.of_kind(MessageType.DDATA)[-1]
        assert row.source_ms is not None
        assert heard.payload.timestamp_ms is not None
        assert 0 <= heard.payload.timestamp_ms - row.source_ms < 5_000

    async def test_a_quick_change_of_state_is_not_lost(
        self, host: Host, machine: LiveMachine
    ) -> None:
        for facts in (DOWN, EXECUTING, IDLE):
            await machine.show(facts)
        await eventually_async(lambda: host.last(Signal.STATE) == "idle")
        assert host.values(Signal.STATE) == ["executing", "down", "executing", "idle"]

    async def test_two_nodes_changing_together_make_one_state(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show(SETUP)
        await eventually_async(lambda: host.last(Signal.STATE) == "setup")
        assert host.values(Signal.STATE) == ["executing", "setup"]

    async def test_many_executions_between_two_publishes_all_arrive(
        self, host: Host, machine: LiveMachine
    ) -> None:
        wanted = [f"STEP-{number}" for number in range(300)]
        for execution in wanted:
            await machine.show({machinery.EXECUTION: execution})
        await eventually_async(lambda: host.last(Signal.EXECUTION) == wanted[-1])
        assert host.values(Signal.EXECUTION) == ["ACTIVE", *wanted]

    async def test_a_cleared_job_is_told_as_none(self, host: Host, machine: LiveMachine) -> None:
        await machine.show({machinery.JOB_IDENTIFIER: ""})
        await eventually_async(lambda: host.values(Signal.JOB_ID) == ["J-1", None])
        assert stored(host, Signal.JOB_ID, Quality.GOOD) == ["J-1", None]

    async def test_the_agent_never_writes(self, host: Host, machine: LiveMachine) -> None:
        await machine.show({machinery.PARTS_PRODUCED: 43})
        await eventually_async(lambda: host.last(Signal.PARTS) == 43)
        assert machine.writes_attempted == 0


@pytest.mark.usefixtures("agent")
class TestDoubtfulValues:
    async def test_a_wrong_type_makes_the_state_unknown_and_says_why(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show_text(machinery.ITEM_STATE_NUMBER, "three")
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown")
        assert stored(host, Signal.STATE, Quality.BAD) == ["unknown"]
        reason = str(host.last(Signal.STATE_REASON))
        assert "MachineryItemState/CurrentState/Number" in reason
        assert "expected UInt32, got String 'three'" in reason

    async def test_a_repaired_node_makes_it_known_again(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show_text(machinery.ITEM_STATE_NUMBER, "three")
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown")
        await machine.show(IDLE)
        await eventually_async(lambda: host.last(Signal.STATE) == "idle")
        await eventually_async(lambda: host.last(Signal.STATE_REASON) is None)

    async def test_a_bad_status_is_unknown_never_idle(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show_bad(machinery.OPERATION_MODE_NUMBER)
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown")
        assert "idle" not in host.values(Signal.STATE)
        assert "got status Bad" in str(host.last(Signal.STATE_REASON))

    async def test_a_wrong_type_elsewhere_leaves_the_state_alone(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.show_text(machinery.PARTS_PRODUCED, "many")
        await eventually_async(lambda: stored(host, Signal.PARTS, Quality.BAD) == [None])
        assert host.values(Signal.STATE) == ["executing"]

    async def test_no_live_sign_while_the_state_is_unknown(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await eventually_async(lambda: host.seen_count() > 0)
        await machine.show_bad(machinery.ITEM_STATE_NUMBER)
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown")
        before = host.seen_count()
        with pytest.raises(AssertionError):
            await eventually_async(lambda: host.seen_count() > before, within=6)


@pytest.mark.usefixtures("agent")
class TestLostLink:
    async def test_a_lost_link_is_told_once_and_ends_with_the_truth(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.close()
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown", within=20)
        assert host.last(Signal.STATE_REASON) == "link lost"
        await machine.open({**IDLE, machinery.EXECUTION: "READY", machinery.PARTS_PRODUCED: 41})
        await eventually_async(lambda: host.last(Signal.STATE) == "idle", within=20)
        assert host.values(Signal.STATE) == ["executing", "unknown", "idle"]
        assert host.values(Signal.PARTS) == [41]
        await eventually_async(lambda: host.last(Signal.EXECUTION) == "READY")

    async def test_a_server_whose_clock_stands_still_is_not_believed(
        self, host: Host, machine: LiveMachine
    ) -> None:
        await machine.stop_clock()
        await eventually_async(lambda: host.last(Signal.STATE) == "unknown", within=20)
        assert host.last(Signal.STATE_REASON) == "link lost"
