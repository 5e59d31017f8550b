"""Faults injected at the control port, as a subscribing OPC UA client sees them."""

import asyncio
import socket
from datetime import datetime, timedelta

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaError

from gateway.plant.control import PlantControl, PlantRefusedError, PlantUnreachableError
from gateway.plant.park import Park, ScriptedFault
from services.contracts import machinery
from services.contracts.machinery import MachineVariable
from services.contracts.telemetry import MachineryItemState
from tests.integration.plant.conftest import Start
from tests.support.opcua import Running, park_of, read, variable
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration


class Seen:
    """Collects what a subscription delivers."""

    def __init__(self) -> None:
        self.values: list[ua.DataValue] = []

    def datachange_notification(self, _node: object, _value: object, data: object) -> None:
        self.values.append(data.monitored_item.Value)  # type: ignore[attr-defined]

    @property
    def contents(self) -> list[object]:
        return [value.Value.Value for value in self.values if value.Value is not None]


async def watch(client: Client, wanted: MachineVariable) -> Seen:
    seen = Seen()
    subscription = await client.create_subscription(20, seen)
    await subscription.subscribe_data_change(await variable(client, wanted), queuesize=100)
    await eventually_async(lambda: seen.values, what="a first value")
    return seen


async def test_a_fault_is_out_of_service_until_it_is_cleared(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        seen = await watch(client, machinery.ITEM_STATE_NUMBER)
        before = seen.contents[-1]
        await running.tell("fault", "mill-01")
        await eventually_async(lambda: seen.contents[-1] == MachineryItemState.OUT_OF_SERVICE)
        assert await read(client, machinery.ITEM_STATE) == ua.LocalizedText("OutOfService", "en")
        state = await read(client, machinery.ITEM_STATE_ID)
        assert isinstance(state, ua.NodeId)
        assert state.Identifier == 5004
        assert await read(client, machinery.SPINDLE_LOAD) == 0.0
        await running.tell("clear", "mill-01")
        await eventually_async(lambda: seen.contents[-1] == before)
        stamps = [value.SourceTimestamp for value in seen.values]
        assert len(set(stamps)) == 3
        assert stamps == sorted(stamps, key=str)


async def test_a_faulted_machine_makes_nothing_and_its_job_ends_later(start: Start) -> None:
    async with (
        start("mill-01", speed=36_000.0) as running,
        Client(running.url("mill-01")) as client,
    ):
        parts = await watch(client, machinery.PARTS_PRODUCED)
        await eventually_async(lambda: len(parts.values) > 3, what="parts")
        await running.tell("fault", "mill-01")
        made = await read(client, machinery.PARTS_PRODUCED)
        end = await read(client, machinery.JOB_PREDICTED_END)
        await asyncio.sleep(0.5)
        assert await read(client, machinery.PARTS_PRODUCED) == made
        await running.tell("hold", "mill-01")
        await running.tell("clear", "mill-01")
        later = await read(client, machinery.JOB_PREDICTED_END)
        if isinstance(end, datetime):
            assert isinstance(later, datetime)
            assert later - end > timedelta(seconds=0.5)
        await running.tell("resume", "mill-01")
        await eventually_async(lambda: parts.contents[-1] != made, what="another part")


async def test_bad_quality_takes_state_and_mode_away_and_clear_gives_them_back(
    start: Start,
) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        states = (
            machinery.ITEM_STATE_ID,
            machinery.ITEM_STATE_NUMBER,
            machinery.OPERATION_MODE_ID,
            machinery.OPERATION_MODE_NUMBER,
        )
        before = [await read(client, wanted) for wanted in states]
        await running.tell("bad-quality", "mill-01")
        for wanted in states:
            node = await variable(client, wanted)
            value = await node.read_data_value(raise_on_bad_status=False)
            assert value.StatusCode is not None
            assert value.StatusCode.is_bad()
            assert value.Value is None or value.Value.Value is None
        await running.tell("clear", "mill-01")
        assert [await read(client, wanted) for wanted in states] == before


async def test_a_wrong_type_is_a_text_where_a_number_is_declared(start: Start) -> None:
    async with start("mill-01") as running, Client(running.url("mill-01")) as client:
        seen = await watch(client, machinery.ITEM_STATE_NUMBER)
        number = seen.contents[-1]
        await running.tell("wrong-type", "mill-01")
        await eventually_async(lambda: seen.contents[-1] == "three")
        node = await variable(client, machinery.ITEM_STATE_NUMBER)
        assert await node.read_data_type_as_variant_type() == ua.VariantType.UInt32
        await running.tell("clear", "mill-01")
        await eventually_async(lambda: seen.contents[-1] == number)
        back = (await node.read_data_value()).Value
        assert back is not None
        assert back.VariantType == ua.VariantType.UInt32


async def test_a_stopped_server_is_gone_and_comes_back_on_its_port(start: Start) -> None:
    async with start("mill-01", "mill-02") as running:
        url = running.url("mill-01")
        await running.tell("stop-server", "mill-01")
        with pytest.raises(ConnectionRefusedError):
            await Client(url, timeout=2).connect()
        async with Client(running.url("mill-02")) as other:
            assert await read(other, machinery.ITEM_STATE_NUMBER) is not None
        await running.tell("fault", "mill-01")
        await running.tell("start-server", "mill-01")
        assert running.url("mill-01") == url
        async with Client(url) as client:
            shown = await read(client, machinery.ITEM_STATE_NUMBER)
            assert shown == MachineryItemState.OUT_OF_SERVICE


async def test_stopping_a_server_drops_its_clients(start: Start) -> None:
    async with start("mill-01") as running:
        client = Client(running.url("mill-01"), timeout=2)
        await client.connect()
        await watch(client, machinery.ITEM_STATE_NUMBER)
        await running.tell("stop-server", "mill-01")
        left = [str(task.get_coro()) for task in asyncio.all_tasks()]
        assert not [
            task for task in left if "_subscription_loop" in task or "_timeout_loop" in task
        ]
        with pytest.raises((OSError, UaError, TimeoutError)):
            await read(client, machinery.ITEM_STATE_NUMBER)
        await client.disconnect()


async def test_a_held_machine_stands_still_and_shows_what_it_showed(start: Start) -> None:
    async with (
        start("mill-01", speed=36_000.0) as running,
        Client(running.url("mill-01")) as client,
    ):
        await running.tell("hold", "mill-01")
        await asyncio.sleep(0.2)
        everything = [await read(client, wanted) for wanted in machinery.LIVE_VARIABLES]
        await asyncio.sleep(0.4)
        assert [await read(client, wanted) for wanted in machinery.LIVE_VARIABLES] == everything
        parts = await watch(client, machinery.PARTS_PRODUCED)
        await running.tell("resume", "mill-01")
        await eventually_async(lambda: len(parts.values) > 2, what="parts after resuming")


async def test_scripted_faults_happen_by_themselves(start: Start) -> None:
    park = Park(
        machines=park_of("mill-01", "mill-02").machines,
        faults=(ScriptedFault(device="mill-02", command="fault", after_s=0.2),),
    )
    async with start(park=park) as running, Client(running.url("mill-02")) as client:
        seen = await watch(client, machinery.ITEM_STATE_NUMBER)
        await eventually_async(lambda: seen.contents[-1] == MachineryItemState.OUT_OF_SERVICE)
        one, two = await running.status()
        assert (one["frozen"], two["frozen"]) == (False, True)


class TestControl:
    async def test_names_a_device_it_does_not_have(self, start: Start) -> None:
        async with start("mill-01", "mill-02") as running:
            with pytest.raises(
                PlantRefusedError, match="no device mill-99; it has mill-01, mill-02"
            ):
                await running.tell("fault", "mill-99")

    async def test_names_a_command_it_does_not_know(self, start: Start) -> None:
        async with start("mill-01") as running:
            with pytest.raises(PlantRefusedError, match="no command melt; it knows fault, clear"):
                await running.tell("melt", "mill-01")
            with pytest.raises(PlantRefusedError, match="no command __init__"):
                await running.tell("__init__", "mill-01")

    async def test_says_that_nothing_is_replayed(self, start: Start) -> None:
        async with start("mill-01") as running:
            with pytest.raises(PlantRefusedError, match="--replay"):
                await running.tell("replay-status")

    async def test_tells_the_status_of_every_machine(self, start: Start) -> None:
        async with start("mill-01", "mill-02") as running:
            await running.tell("stop-server", "mill-02")
            one, two = await running.status()
            assert (one["device"], one["listening"]) == ("mill-01", True)
            assert (two["device"], two["listening"]) == ("mill-02", False)
            assert one["item_state"] in {"Executing", "NotExecuting"}
            assert one["writes_attempted"] == 0

    @pytest.mark.parametrize(
        ("line", "cause"),
        [
            (b"fault mill-01\n", "not a line of JSON"),
            (b"[" * 3_000 + b"\n", "not a line of JSON"),
            (b"\xff\xfe\n", "not a line of JSON"),
            (b"[1]\n", "a command is a JSON object"),
            (b"{}\n", "no command None"),
            (b"x" * 10_000 + b"\n", "at most 4096 bytes"),
        ],
    )
    async def test_answers_nonsense_and_lives_on(
        self, start: Start, line: bytes, cause: str
    ) -> None:
        async with start("mill-01") as running:
            answer = await asyncio.to_thread(_say, running, line)
            assert cause in answer
            await running.tell("status")

    async def test_one_connection_carries_many_commands(self, start: Start) -> None:
        async with start("mill-01") as running:
            lines = b'{"device":"mill-01","command":"fault"}\n{"device":"x","command":"clear"}\n'
            answer = await asyncio.to_thread(_say, running, lines)
            first, second = answer.splitlines()
            assert first == '{"ok": true}'
            assert '"code": "plant-unknown-device"' in second

    def test_says_that_no_plant_answers(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with pytest.raises(PlantUnreachableError, match=f"127.0.0.1:{port}.*nonagon plant"):
            PlantControl("127.0.0.1", port).status()


def _say(running: Running, lines: bytes) -> str:
    host, _, port = running.plant.endpoints()[0]["control"].partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(lines)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4_096), b"")).decode()
