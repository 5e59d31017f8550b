"""Recordings replayed to a real subscriber."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from asyncua.client.client import Client
from asyncua.ua.status_codes import StatusCodes

from gateway.plant.plant import Replay, UnknownDeviceError, open_replay
from gateway.plant.shdr import RecordingUnreadableError
from services.contracts import machinery
from tests.integration.plant.conftest import Start
from tests.integration.plant.test_faults import Seen
from tests.support.opcua import Running, park_of, read, variable
from tests.support.recordings import recording
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration
DEVICES = ("mill-01", "mazak-03")

SHORT = """\
2019-06-12T07:00:00Z|power|UNAVAILABLE
2019-07-02T10:00:00.000Z|avail|AVAILABLE
2019-07-02T10:00:00.000Z|execution|STOPPED
2019-07-02T10:00:00.000Z|mode|MANUAL
<<<<<<< HEAD
2019-07-02T10:00:10.000Z|mode|AUTOMATIC
2019-07-02T10:00:10.000Z|program|115
2019-07-02T10:00:10.000Z|execution|ACTIVE
2019-07-02T10:00:12.000Z|S2load|34.5
2019-07-02T10:00:20.000Z|PartCountAct|1
2019-07-02T10:00:30.000Z|execution|READY
2019-07-02T10:00:04.000Z|execution|UNAVAILABLE
2019-07-02T10:00:04.000Z|avail|UNAVAILABLE
"""


@pytest.fixture
def short(tmp_path: Path) -> Replay:
    path = tmp_path / "short.txt"
    path.write_text(SHORT)
    return open_replay(path, device="mazak-03", park=park_of(*DEVICES))


async def subscribe(client: Client, seen: Seen) -> None:
    subscription = await client.create_subscription(50, seen)
    node = await variable(client, machinery.EXECUTION)
    await subscription.subscribe_data_change(node, queuesize=1_000)


async def status(running: Running) -> dict[str, object]:
    found = await running.tell("replay-status")
    assert isinstance(found, dict)
    return found


async def played(running: Running) -> dict[str, object]:
    for _ in range(300):
        found = await status(running)
        if found["done"]:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"the replay does not end: {found}")


async def test_a_subscriber_sees_every_recorded_execution_in_file_order(start: Start) -> None:
    path = recording("Mazak03-20190702-20190703.txt")
    replay = open_replay(path, device="mazak-03", park=park_of(*DEVICES))
    expected = [row.value for row in replay.recording.rows if row.key == "execution"]
    assert len(expected) == 84
    seen = Seen()
    async with (
        start(*DEVICES, replay=replay, speed=0) as running,
        Client(running.url("mazak-03")) as client,
    ):
        await subscribe(client, seen)
        await eventually_async(lambda: len(seen.values) >= 85, within=20, what="84 executions")
        done = await played(running)
    waiting, *changes = seen.values
    assert waiting.StatusCode is not None
    assert waiting.StatusCode.value == StatusCodes.BadWaitingForInitialData
    assert [value.Value.Value for value in changes if value.Value] == expected
    assert (done["events_total"], done["events_played"]) == (84, 84)
    stamps = [value.SourceTimestamp for value in changes]
    assert all(
        later - earlier >= timedelta(milliseconds=19)  # type: ignore[operator]
        for earlier, later in pairwise(stamps)
    )


async def test_source_timestamps_are_the_recorded_times_at_the_replay_speed(
    start: Start, short: Replay
) -> None:
    seen = Seen()
    async with (
        start(*DEVICES, replay=short, speed=40) as running,
        Client(running.url("mazak-03")) as client,
    ):
        await subscribe(client, seen)
        done = await played(running)
        await eventually_async(lambda: len(seen.values) >= 5)
    assert seen.contents[1:] == ["STOPPED", "ACTIVE", "READY", "UNAVAILABLE"]
    stamps = [value.SourceTimestamp for value in seen.values[1:]]
    assert [
        round((stamp - stamps[0]) / timedelta(milliseconds=1))  # type: ignore[operator]
        for stamp in stamps
    ] == [0, 250, 750, 770]
    assert done["malformed_lines"] == 1
    assert done["malformed"] == [
        {"line": 5, "text": "<<<<<<< HEAD", "cause": "does not begin with a timestamp"}
    ]


async def test_state_mode_program_load_and_parts_follow_the_recording(
    start: Start, short: Replay
) -> None:
    states, seen = Seen(), Seen()
    async with (
        start(*DEVICES, replay=short, speed=0) as running,
        Client(running.url("mazak-03")) as client,
    ):
        subscription = await client.create_subscription(20, states)
        node = await variable(client, machinery.ITEM_STATE_NUMBER)
        await subscription.subscribe_data_change(node, queuesize=100)
        await subscribe(client, seen)
        await played(running)
        await eventually_async(lambda: states.contents[-1] == 0)
        assert states.contents[1:] == [0, 2, 3, 2, 0]
        assert await read(client, machinery.PROGRAM_NAME) == "115"
        assert await read(client, machinery.JOB_IDENTIFIER) == "115"
        assert await read(client, machinery.SPINDLE_LOAD) == 34.5
        assert await read(client, machinery.PARTS_PRODUCED) == 1
        assert await read(client, machinery.OPERATION_MODE_NUMBER) == 0


async def test_waits_for_somebody_to_look(start: Start, short: Replay) -> None:
    async with start(*DEVICES, replay=short, speed=0) as running:
        async with Client(running.url("mazak-03")) as client:
            node = await variable(client, machinery.EXECUTION)
            value = await node.read_data_value(raise_on_bad_status=False)
            assert value.StatusCode is not None
            assert value.StatusCode.value == StatusCodes.BadWaitingForInitialData
        assert (await status(running))["begun"] is False


async def test_a_stopped_server_loses_no_event(start: Start, short: Replay) -> None:
    before, after = Seen(), Seen()
    async with start(*DEVICES, replay=short, speed=20) as running:
        async with Client(running.url("mazak-03")) as client:
            await subscribe(client, before)
            await eventually_async(lambda: "ACTIVE" in before.contents)
        await running.tell("stop-server", "mazak-03")
        await asyncio.sleep(2)
        assert (await status(running))["events_played"] == 2
        await running.tell("start-server", "mazak-03")
        async with Client(running.url("mazak-03")) as client:
            await subscribe(client, after)
            await played(running)
            await eventually_async(lambda: len(after.values) >= 3)
    assert after.contents == ["ACTIVE", "READY", "UNAVAILABLE"]


async def test_the_other_machines_live_their_process(start: Start, short: Replay) -> None:
    async with (
        start(*DEVICES, replay=short, speed=0) as running,
        Client(running.url("mill-01")) as client,
    ):
        assert await read(client, machinery.ITEM_STATE_NUMBER) in {2, 3}


class TestChoosing:
    def test_names_a_device_the_park_does_not_have(self, tmp_path: Path) -> None:
        with pytest.raises(
            UnknownDeviceError, match="no device lathe-99; it has mill-01, mazak-03"
        ):
            open_replay(tmp_path / "any.txt", device="lathe-99", park=park_of(*DEVICES))

    def test_refuses_a_recording_without_executions(self, tmp_path: Path) -> None:
        path = tmp_path / "quiet.txt"
        path.write_text("2019-07-02T10:00:00Z|mode|MANUAL\n")
        with pytest.raises(RecordingUnreadableError, match="no execution event"):
            open_replay(path, device=None, park=park_of(*DEVICES))

    def test_the_first_machine_plays_unless_another_is_named(self, short: Replay) -> None:
        park = park_of(*DEVICES)
        assert open_replay(short.path, device=None, park=park).device == "mill-01"
