"""The journal keeps every observation, numbers them without gaps, and forgets only on receipt."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.journal import (
    Journal,
    JournalInUseError,
    JournalLimits,
    JournalUnavailableError,
    Row,
    journal_summary,
)
from services.contracts.journal import Receipt
from services.contracts.telemetry import Observation, Quality, Signal
from tests.unit.edge.clocks import START, SetClock

LIMITS = JournalLimits(bytes_max=10**9, age_max=timedelta(hours=1))


def open_journal(
    path: Path, *, limits: JournalLimits = LIMITS, clock: SetClock | None = None
) -> Journal:
    return Journal(path, limits=limits, clock=clock or SetClock())


def part(count: int, *, signal: Signal = Signal.PARTS) -> Observation:
    return Observation("mill-07", signal, count, Quality.GOOD, START, START)


@contextmanager
def reopened(path: Path) -> Iterator[Journal]:
    with closing(open_journal(path)) as journal:
        yield journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


class JournalMachine(RuleBasedStateMachine):
    """Against a model of two sets: what was made, and what has no receipt."""

    @initialize()
    def create(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal"
        self.journal = open_journal(self.path)
        self.epoch = self.journal.epoch
        self.values: list[int] = []
        self.waiting: set[int] = set()

    @rule(count=st.integers(0, 40))
    def append(self, count: int) -> None:
        made = len(self.values)
        rows = self.journal.append([part(made + step) for step in range(count)])
        assert [row.offset for row in rows] == list(range(made + 1, made + count + 1))
        self.values += range(made, made + count)
        self.waiting.update(range(made + 1, made + count + 1))

    @rule(
        ranges=st.lists(
            st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 200), st.integers(0, 2**64 - 1)),
            max_size=5,
        )
    )
    def settle(self, ranges: list[tuple[int, int]]) -> None:
        covered = {
            offset
            for offset in self.waiting
            if any(first <= offset <= last for first, last in ranges)
        }
        assert self.journal.settle(Receipt(self.epoch, ranges)) == len(covered)
        self.waiting -= covered

    @rule(first=st.integers(1, 200), length=st.integers(0, 30))
    def settle_part(self, first: int, length: int) -> None:
        self.settle([(first, first + length)])

    @rule()
    def settle_another_epoch(self) -> None:
        assert self.journal.settle(Receipt(self.epoch ^ 1, [(0, 2**63)])) == 0

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = open_journal(self.path)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        rows = self.journal.rows_after(0, limit=10_000)
        assert [row.offset for row in rows] == sorted(self.waiting)
        assert [row.observation.value for row in rows] == [
            self.values[row.offset - 1] for row in rows
        ]
        assert self.journal.made == len(self.values)
        assert self.journal.stats().waiting == len(self.waiting)
        summary = journal_summary(self.path)
        assert (summary.epoch, summary.made, summary.waiting) == (
            self.epoch,
            len(self.values),
            len(self.waiting),
        )

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestJournalAgainstModel = JournalMachine.TestCase
TestJournalAgainstModel.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


class TestRows:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        value=st.none()
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False),
        quality=st.sampled_from(Quality),
    )
    def test_values_come_back_as_they_were(
        self, tmp_path_factory: pytest.TempPathFactory, value: str | float, quality: Quality
    ) -> None:
        observation = Observation("d", Signal.EXECUTION, value, quality, START, START)
        path = tmp_path_factory.mktemp("journal") / "j"
        with closing(open_journal(path)) as journal:
            journal.append([observation])
        with reopened(path) as journal:
            (row,) = journal.rows_after(0, limit=1)
            assert row == Row(1, observation)
            assert type(row.observation.value) is type(value)

    def test_a_predicted_end_comes_back_as_an_instant(self, path: Path) -> None:
        end = START + timedelta(milliseconds=1)
        with reopened(path) as journal:
            journal.append(
                [Observation("d", Signal.JOB_PREDICTED_END, end, Quality.GOOD, START, START)]
            )
            assert journal.rows_after(0, limit=1)[0].observation.value == end

    def test_newest_rows_come_oldest_first(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(count) for count in range(5)])
            assert [row.offset for row in journal.newest_rows(limit=2)] == [4, 5]

    def test_the_last_value_of_each_signal_outlives_its_receipt(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(1), part(2), part(9, signal=Signal.EXECUTION)])
            journal.settle(Receipt(journal.epoch, [(1, 3)]))
        with reopened(path) as journal:
            latest = {each.signal: each.value for each in journal.latest()}
            assert latest == {Signal.PARTS: 2, Signal.EXECUTION: 9}


class TestFile:
    def test_survives_a_reader_while_open(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(1)])
            assert journal_summary(path).made == 1

    def test_a_second_agent_is_refused(self, path: Path) -> None:
        with reopened(path), pytest.raises(JournalInUseError, match="another agent"):
            open_journal(path)

    def test_every_commit_is_synced(self, path: Path) -> None:
        with reopened(path) as journal:
            (level,) = journal._connection.execute("PRAGMA synchronous").fetchone()  # noqa: SLF001 - no other way to see it
            (mode,) = journal._connection.execute("PRAGMA journal_mode").fetchone()  # noqa: SLF001 - same
            assert (level, mode) == (2, "wal")

    def test_no_journal_has_no_summary(self, path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            journal_summary(path)

    @pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\0" * 4096])
    def test_a_corrupt_file_is_set_aside_and_a_new_epoch_begins(
        self, path: Path, content: bytes
    ) -> None:
        with reopened(path) as journal:
            journal.append([part(1)])
            epoch = journal.epoch
        path.write_bytes(content)
        with reopened(path) as journal:
            assert journal.epoch != epoch
            assert journal.append([part(2)])[0].offset == 1
        (kept,) = path.parent.glob("*.corrupt-*")
        assert kept.read_bytes() == content

    def test_a_page_gone_bad_is_found_on_opening(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(count) for count in range(500)])
            epoch = journal.epoch
        content = bytearray(path.read_bytes())
        for start in range(4096, len(content), 4096):
            content[start : start + 64] = b"\xff" * 64
        path.write_bytes(content)
        with reopened(path) as journal:
            assert journal.epoch != epoch
            assert journal.made == 0

    def test_a_folder_that_cannot_be_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(JournalUnavailableError, match="file"):
            open_journal(tmp_path / "file" / "journal")


class TestFullDisk:
    def test_a_refused_append_takes_no_number_and_loses_nothing(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(1)])
            journal.limit_pages(journal.bytes_used() // 4096)
            with pytest.raises(JournalUnavailableError, match="full"):
                journal.append([part(count) for count in range(2_000)])
            assert journal.made == 1
            journal.limit_pages(10_000)
            rows = journal.append([part(count) for count in range(2_000)])
            assert rows[0].offset == 2
            assert journal.stats().waiting == 2_001

    def test_receipts_make_room(self, path: Path) -> None:
        with reopened(path) as journal:
            journal.append([part(count) for count in range(2_000)])
            journal.limit_pages(journal.bytes_used() // 4096)
            journal.settle(Receipt(journal.epoch, [(1, 2_000)]))
            assert journal.append([part(1)] * 1_000)[-1].offset == 3_000


class TestLimits:
    def test_old_rows_are_given_up_and_counted(self, path: Path) -> None:
        clock = SetClock()
        with closing(open_journal(path, clock=clock)) as journal:
            journal.append([part(1), part(2)])
            assert journal.enforce_limits() == []
            clock.advance(timedelta(hours=1, seconds=1))
            (gap,) = journal.enforce_limits()
            assert (gap.first, gap.last, gap.count, gap.cause) == (1, 2, 2, "age")
            assert journal.stats().waiting == 0
        assert journal_summary(path).evicted == 2

    def test_under_pressure_analog_values_go_first_and_states_last(self, path: Path) -> None:
        limits = JournalLimits(bytes_max=100_000, age_max=timedelta(hours=1))
        kinds = [Signal.STATE, Signal.PARTS, Signal.SPINDLE_LOAD]
        with closing(open_journal(path, limits=limits)) as journal:
            journal.append([part(count, signal=kinds[count % 3]) for count in range(6_000)])
            while gaps := journal.enforce_limits():
                assert gaps[0].cause == "bytes"
            left = dict.fromkeys(kinds, 0)
            for row in journal.rows_after(0, limit=10_000):
                left[row.observation.signal] += 1
            assert journal.bytes_used() <= 100_000
            assert left[Signal.SPINDLE_LOAD] == 0
            assert left[Signal.PARTS] < left[Signal.STATE]


class TestBirthDeathSequence:
    def test_counts_up_across_restarts_and_wraps_at_256(self, path: Path) -> None:
        with reopened(path) as journal:
            drawn = [journal.next_bd_seq() for _ in range(200)]
        with reopened(path) as journal:
            drawn += [journal.next_bd_seq() for _ in range(60)]
        assert drawn == [*range(256), 0, 1, 2, 3]


def test_a_summary_reads_the_file_of_a_killed_writer(path: Path) -> None:
    with reopened(path) as journal:
        journal.append([part(1)])
        copy = path.with_name("copy")
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(
                path.with_name(path.name + suffix).read_bytes()
            )
        assert journal_summary(copy).made == 1
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM observation").fetchone() == (1,)
