"""The journal: every observation, on disk (SQLite, WAL, FULL), until the platform's receipt.

One thread writes. Offsets start at 1 and have no gaps: SQLite's AUTOINCREMENT counter is part of
the transaction, so a failed commit takes no number. The epoch names the file's life; a corrupt
file is set aside and its successor has another epoch, so offsets of the two are never confused.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

import structlog

from edge.clock import Clock, draw_epoch
from services.contracts.intervals import ms_from_utc, utc_from_ms
from services.contracts.journal import Receipt, offset_ranges
from services.contracts.telemetry import Observation, Quality, Signal

log = structlog.get_logger(__name__)

FORMAT_VERSION: Final = 1
BD_SEQ_MODULUS: Final = 256
EVICTION_SHARE: Final = 20
"""An eviction removes a twentieth of the waiting rows, so that it does not run at every commit."""
BUSY_TIMEOUT_S: Final = 5.0
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE_MASK: Final = 0xFF
_Stored = str | int | float | None
_CLASS_ANALOG, _CLASS_COUNTER, _CLASS_STATE = range(3)
_CLASSES: Final = {Signal.SPINDLE_LOAD: _CLASS_ANALOG, Signal.PARTS: _CLASS_COUNTER}

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journal (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observation (
  journal_offset INTEGER PRIMARY KEY AUTOINCREMENT,
  class INTEGER NOT NULL,
  device TEXT NOT NULL,
  signal TEXT NOT NULL,
  value,
  quality INTEGER NOT NULL,
  source_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS latest (
  device TEXT NOT NULL,
  signal TEXT NOT NULL,
  value,
  quality INTEGER NOT NULL,
  source_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  PRIMARY KEY (device, signal)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
  first_offset INTEGER NOT NULL,
  last_offset INTEGER NOT NULL,
  count INTEGER NOT NULL,
  cause TEXT NOT NULL,
  at_ms INTEGER NOT NULL
);
"""
_COLUMNS: Final = "journal_offset, device, signal, value, quality, source_ms, received_ms"
_INSERT: Final = (
    "INSERT INTO observation (class, device, signal, value, quality, source_ms, received_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_UPSERT_LATEST: Final = (
    "INSERT OR REPLACE INTO latest (device, signal, value, quality, source_ms, received_ms)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


class JournalUnavailableError(Exception):
    """The journal cannot be written now (disk full, I/O error); nothing committed is lost."""


class JournalInUseError(Exception):
    """Another agent has this journal open."""


@dataclass(frozen=True, slots=True)
class JournalLimits:
    bytes_max: int
    age_max: timedelta


@dataclass(frozen=True, slots=True)
class Row:
    """An observation with its place in the journal."""

    offset: int
    observation: Observation


@dataclass(frozen=True, slots=True)
class Gap:
    """Observations given up for a limit: ``count`` rows with offsets within ``first..last``."""

    first: int
    last: int
    count: int
    cause: str


@dataclass(frozen=True, slots=True)
class JournalStats:
    waiting: int
    bytes: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """``made``: observations journalled in this epoch; ``waiting``: those without a receipt."""

    epoch: int
    made: int
    waiting: int
    evicted: int = 0


def journal_summary(path: Path) -> JournalSummary:
    """Read a journal beside a running agent, or after it died.

    Raises:
        FileNotFoundError: there is no journal at ``path``.
    """
    if not path.exists():
        raise FileNotFoundError(f"no journal at {path}")
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'journal'").fetchone():
            raise FileNotFoundError(f"no journal yet at {path}")
        (epoch,) = connection.execute("SELECT value FROM journal WHERE key = 'epoch'").fetchone()
        (waiting,) = connection.execute("SELECT count(*) FROM observation").fetchone()
        (evicted,) = connection.execute("SELECT coalesce(sum(count), 0) FROM gap").fetchone()
        return JournalSummary(epoch, _made(connection), waiting, evicted)


def _made(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'observation'"
    ).fetchone()
    return int(row[0]) if row else 0


def _stored(value: _Stored | datetime) -> _Stored:
    return ms_from_utc(value) if isinstance(value, datetime) else value


def _restored(signal: Signal, value: _Stored) -> _Stored | datetime:
    if signal is Signal.JOB_PREDICTED_END and isinstance(value, int):
        return utc_from_ms(value)
    return value


class Journal:
    """An open journal; used from one thread, the one that made it.

    Raises:
        JournalInUseError: another process writes this journal.
        JournalUnavailableError: the file can neither be opened nor created.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: JournalLimits,
        clock: Clock,
        new_epoch: Callable[[], int] = draw_epoch,
    ) -> None:
        self._path = path
        self._limits = limits
        self._clock = clock
        self._new_epoch = new_epoch
        self._lock = _lock(path)
        try:
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def _open(self) -> None:
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            if _primary_code(error) not in _CORRUPT:
                raise JournalUnavailableError(f"journal {self._path}: {error}") from error
            self._set_aside(str(error))
            self._connection = self._connect()
        self.epoch: int = self._value("epoch")
        self.made = _made(self._connection)
        (self._waiting,) = self._connection.execute("SELECT count(*) FROM observation").fetchone()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _corrupt(verdict)  # noqa: TRY301 - closed below like every other failure
            connection.execute("BEGIN IMMEDIATE")  # a reader sees all of a new journal or nothing
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(
                "INSERT OR IGNORE INTO journal VALUES ('epoch', ?), ('format', ?)",
                (self._new_epoch(), FORMAT_VERSION),
            )
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, cause: str) -> None:
        stamp = self._clock.now().strftime("%Y%m%dT%H%M%S%f")
        kept = self._path.with_name(f"{self._path.name}.corrupt-{stamp}")
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
        log.error("journal_corrupt", path=str(self._path), cause=cause, set_aside=str(kept))

    def _value(self, key: str) -> int:
        row = self._connection.execute("SELECT value FROM journal WHERE key = ?", (key,)).fetchone()
        return int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One commit; a corrupt file is replaced, everything else leaves the journal as it was."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise self._unavailable(error) from error
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: sqlite3.Error) -> JournalUnavailableError:
        if _primary_code(error) in _CORRUPT:
            self._connection.close()
            self._set_aside(str(error))
            self._open()
        return JournalUnavailableError(f"journal {self._path}: {error}")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def append(self, observations: Sequence[Observation]) -> list[Row]:
        """Commit ``observations`` in order; all or none.

        Raises:
            JournalUnavailableError: nothing was written; try again.
        """
        if not observations:
            return []
        rows = [_row_values(observation) for observation in observations]
        latest = {(row[1], row[2]): row[1:] for row in rows}
        with self._transaction() as connection:
            connection.executemany(_INSERT, rows)
            connection.executemany(_UPSERT_LATEST, latest.values())
            made = _made(connection)
        first = made - len(rows) + 1
        assert first == self.made + 1, "offsets have a gap"
        self.made = made
        self._waiting += len(rows)
        return [Row(first + place, each) for place, each in enumerate(observations)]

    def next_bd_seq(self) -> int:
        """The birth-death sequence number of the coming CONNECT: 0 first, and 0 after 255."""
        with self._transaction() as connection:
            row = connection.execute("SELECT value FROM journal WHERE key = 'bd_seq'").fetchone()
            bd_seq = 0 if row is None else (int(row[0]) + 1) % BD_SEQ_MODULUS
            connection.execute("INSERT OR REPLACE INTO journal VALUES ('bd_seq', ?)", (bd_seq,))
        return bd_seq

    def settle(self, receipt: Receipt) -> int:
        """Delete what the platform has committed; a receipt for another epoch is ignored."""
        if receipt.epoch != self.epoch:
            return 0
        bounds = [
            (first, min(last, self.made)) for first, last in receipt.ranges if first <= self.made
        ]
        with self._transaction() as connection:
            deleted = connection.executemany(
                "DELETE FROM observation WHERE journal_offset BETWEEN ? AND ?", bounds
            ).rowcount
        self._waiting -= max(deleted, 0)
        return max(deleted, 0)

    def rows_after(self, offset: int, *, limit: int) -> list[Row]:
        """The next waiting rows, oldest first."""
        return self._rows(
            f"SELECT {_COLUMNS} FROM observation WHERE journal_offset > ?"  # noqa: S608 - constant
            " ORDER BY journal_offset LIMIT ?",
            (offset, limit),
        )

    def newest_rows(self, *, limit: int) -> list[Row]:
        """The newest waiting rows, oldest first."""
        return self._rows(
            f"SELECT {_COLUMNS} FROM observation ORDER BY journal_offset DESC LIMIT ?",  # noqa: S608 - constant
            (limit,),
        )[::-1]

    def _rows(self, query: str, arguments: tuple[int, ...]) -> list[Row]:
        with self._reading() as connection:
            return [
                Row(values[0], _observation(values[1:]))
                for values in connection.execute(query, arguments)
            ]

    def latest(self) -> list[Observation]:
        """The last journalled observation of every signal, receipted or not."""
        columns = _COLUMNS.removeprefix("journal_offset, ")
        with self._reading() as connection:
            rows = connection.execute(f"SELECT {columns} FROM latest")  # noqa: S608 - constant
            return [_observation(values) for values in rows]

    def enforce_limits(self) -> list[Gap]:
        """Give up the oldest rows over the limits: analog values, then counters, then states."""
        horizon = ms_from_utc(self._clock.now() - self._limits.age_max)
        gaps = [
            self._evict("WHERE received_ms < ?", (horizon,), "age"),
            self._evict_for_bytes(),
        ]
        return [gap for gap in gaps if gap is not None]

    def _evict_for_bytes(self) -> Gap | None:
        if self.bytes_used() <= self._limits.bytes_max:
            return None
        count = max(self._waiting // EVICTION_SHARE, 1)
        return self._evict("ORDER BY class, journal_offset LIMIT ?", (count,), "bytes")

    def _evict(self, which: str, arguments: tuple[int, ...], cause: str) -> Gap | None:
        query = f"SELECT journal_offset FROM observation {which}"  # noqa: S608 - constant
        with self._reading() as connection:
            offsets = [row[0] for row in connection.execute(query, arguments)]
        if not offsets:
            return None
        gap = Gap(min(offsets), max(offsets), len(offsets), cause)
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM observation WHERE journal_offset BETWEEN ? AND ?",
                offset_ranges(offsets),
            )
            connection.execute(
                "INSERT INTO gap VALUES (?, ?, ?, ?, ?)",
                (gap.first, gap.last, gap.count, gap.cause, ms_from_utc(self._clock.now())),
            )
        self._waiting -= len(offsets)
        return gap

    def bytes_used(self) -> int:
        """Bytes of the file in use; pages freed by receipts are used again and not counted."""
        with self._reading() as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def stats(self) -> JournalStats:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT received_ms FROM observation ORDER BY journal_offset LIMIT 1"
            ).fetchone()
        return JournalStats(self._waiting, self.bytes_used(), utc_from_ms(row[0]) if row else None)

    def limit_pages(self, pages: int) -> None:
        """Refuse to let the file grow beyond ``pages`` pages: a disk quota for the journal."""
        self._connection.execute(f"PRAGMA max_page_count = {int(pages)}")

    def close(self) -> None:
        self._connection.close()
        self._lock.close()


def _lock(path: Path) -> IO[bytes]:
    """Hold the journal for this process; the kernel lets go when it dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(f"{path.name}.lock").open("ab")
    except OSError as error:
        raise JournalUnavailableError(f"journal {path}: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise JournalInUseError(f"journal {path} is in use by another agent") from error
    return handle


def _corrupt(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _primary_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE_MASK


def _row_values(
    observation: Observation,
) -> tuple[int, str, str, _Stored, int, int, int]:
    return (
        _CLASSES.get(observation.signal, _CLASS_STATE),
        observation.device,
        observation.signal.value,
        _stored(observation.value),
        int(observation.quality),
        ms_from_utc(observation.source_at),
        ms_from_utc(observation.received_at),
    )


def _observation(values: Sequence[_Stored]) -> Observation:
    device, name, value, quality, source_ms, received_ms = values
    signal = Signal(str(name))
    assert isinstance(source_ms, int)
    assert isinstance(received_ms, int)
    return Observation(
        device=str(device),
        signal=signal,
        value=_restored(signal, value),
        quality=Quality(int(quality or 0)),
        source_at=utc_from_ms(source_ms),
        received_at=utc_from_ms(received_ms),
    )
