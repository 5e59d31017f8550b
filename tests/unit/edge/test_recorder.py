"""Group commit: nothing is lost while the journal refuses, and nobody hears of it too early."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge import recorder as recorder_module
from edge.journal import (
    Gap,
    Journal,
    JournalInUseError,
    JournalLimits,
    JournalUnavailableError,
    Row,
    journal_summary,
)
from edge.recorder import Recorder
from services.contracts.telemetry import Observation, Quality, Signal
from tests.support.waiting import eventually_async
from tests.unit.edge.clocks import START, SetClock

LIMITS = JournalLimits(bytes_max=10**9, age_max=timedelta(hours=1))
ROOMY_PAGES = 100_000


def parts(count: int) -> list[Observation]:
    return [
        Observation("mill-07", Signal.PARTS, number, Quality.GOOD, START, START)
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
async def recorder(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Recorder]:
    monkeypatch.setattr(recorder_module, "RETRY_INTERVAL_S", 0.05)
    recording = await Recorder(lambda: Journal(path, limits=LIMITS, clock=SetClock())).open()
    task = asyncio.create_task(recording.run())
    yield recording
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await recording.close()


async def fill_disk(recorder: Recorder) -> None:
    await recorder.ask(lambda journal: journal.limit_pages(1))


async def free_disk(recorder: Recorder) -> None:
    await recorder.ask(lambda journal: journal.limit_pages(ROOMY_PAGES))


class TestCommit:
    async def test_rows_are_announced_once_they_are_on_disk(
        self, recorder: Recorder, path: Path
    ) -> None:
        announced: list[tuple[int, int]] = []

        def hear(rows: list[Row]) -> None:
            announced.extend((row.offset, journal_summary(path).made) for row in rows)

        recorder.on_commit = hear
        recorder.record(parts(3))
        await eventually_async(lambda: len(announced) == 3)
        assert announced == [(1, 3), (2, 3), (3, 3)]
        assert recorder.made == 3

    async def test_a_second_recorder_is_refused(self, recorder: Recorder, path: Path) -> None:
        assert recorder.is_healthy
        with pytest.raises(JournalInUseError):
            await Recorder(lambda: Journal(path, limits=LIMITS, clock=SetClock())).open()

    async def test_what_is_on_its_way_when_the_agent_stops_is_still_committed(
        self, path: Path
    ) -> None:
        recorder = await Recorder(lambda: Journal(path, limits=LIMITS, clock=SetClock())).open()
        gate = threading.Event()
        busy = asyncio.create_task(recorder.ask(lambda _: gate.wait()))
        recorder.record(parts(2))
        flush = asyncio.create_task(recorder.flush())
        await asyncio.sleep(0)
        assert recorder.pending_count == 2
        flush.cancel()
        await asyncio.gather(flush, return_exceptions=True)
        assert recorder.pending_count == 0
        gate.set()
        await busy
        await recorder.close()
        assert journal_summary(path).made == 2


class JournalWithoutRoomToEvict(Journal):
    """Takes rows but cannot delete any: a disk that filled up in between."""

    def enforce_limits(self) -> list[Gap]:
        raise JournalUnavailableError("disk full")


class TestFullDisk:
    async def test_rows_on_disk_are_not_written_again_when_eviction_fails(self, path: Path) -> None:
        recorder = await Recorder(
            lambda: JournalWithoutRoomToEvict(path, limits=LIMITS, clock=SetClock())
        ).open()
        announced: list[Row] = []
        recorder.on_commit = announced.extend
        recorder.record(parts(3))
        await recorder.flush()
        await recorder.flush()
        assert (recorder.made, len(announced), recorder.pending_count) == (3, 3, 0)
        assert not recorder.is_healthy
        await recorder.close()

    async def test_keeps_trying_and_then_everything_is_there_in_order(
        self, recorder: Recorder
    ) -> None:
        await fill_disk(recorder)
        recorder.record(parts(5_000))
        await eventually_async(lambda: not recorder.is_healthy)
        recorder.record(parts(10))
        for _ in range(40):
            assert recorder.pending_count == 5_010
            await asyncio.sleep(0.005)
        await free_disk(recorder)
        await eventually_async(lambda: recorder.made == 5_010)
        assert recorder.is_healthy
        rows = await recorder.ask(lambda journal: journal.rows_after(0, limit=6_000))
        assert [row.observation.value for row in rows] == [*range(5_000), *range(10)]
        assert recorder.lost_count == 0

    async def test_what_cannot_be_held_in_memory_is_counted(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder_module, "PENDING_MAX", 5_000)
        await fill_disk(recorder)
        recorder.record(parts(5_000))
        await eventually_async(lambda: not recorder.is_healthy)
        recorder.record(parts(7))
        assert (recorder.pending_count, recorder.lost_count) == (5_000, 7)


class TestCorruption:
    async def test_a_journal_that_rots_while_open_is_replaced(
        self, recorder: Recorder, path: Path
    ) -> None:
        recorder.record(parts(2_000))
        await eventually_async(lambda: recorder.made == 2_000)
        epoch, told = recorder.epoch, []
        recorder.on_new_epoch = lambda: told.append(recorder.epoch)
        await recorder.ask(lambda journal: rot(journal, path))
        recorder.record(parts(2_000))
        await eventually_async(lambda: told)
        assert epoch not in told
        await eventually_async(lambda: recorder.made == 2_000)
        assert len(list(path.parent.glob("journal.corrupt-*"))) >= 1


def rot(journal: Journal, path: Path) -> None:
    """Overwrite every page but the first, past the write-ahead log and the page cache."""
    connection = journal._connection  # noqa: SLF001 - damage has no public name
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    with path.open("r+b") as file:
        file.write(content)
    connection.execute("PRAGMA cache_size = 0")
    connection.execute("PRAGMA shrink_memory")
