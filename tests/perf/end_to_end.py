"""``make bench NAME=end-to-end``: demand in, match, durable slot, acknowledgement.

One durable PostgreSQL, one NATS server, one matcher process that writes, and the asker share
whatever cores there are. Demands name a process and a window of hours; each is to get the cheapest
machine with a free half hour in it. First a sample is compared: ours and the peer must take the
same slots. Then ours is asked with a few questions in flight, and on timetables, timed from when
each question was due, until p99 holds. The peer is the same flow as one transaction: a function
that selects the cheapest free slot by a covering index, inserts reservation, booking, event and
saved answer, and tries again when a rival was quicker; called by ``pgbench`` at its best number of
connections. Events are written by both and relayed by neither.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg
import uvloop

from services.booking.writing import messages
from services.booking.writing.messages import DemandAsked, DemandQuestion, Repeatable
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval
from services.matching.domain import Requirement
from services.matching.engine.interface import Viewer
from services.matching.service import wire
from services.matching.service.shard import Shard
from services.runtime import migrations
from services.runtime.bus import Bus, BusUnavailableError
from services.runtime.clock import SystemClock
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.settings import child_environment
from tests.perf.booking import DURABLE, PGBENCH, SEED
from tests.perf.booking_market import BUYERS, NOBODY, PROVIDERS, SLOT_MINUTES, SLOTS, BookingMarket
from tests.perf.booking_peers import CONNECTIONS, empty
from tests.perf.end_to_end_peer import SelectAndInsert
from tests.perf.report import Bar, Report, finish
from tests.support.servers import OPEN_BROKER

WINDOW_SLOTS: Final = 16
IN_FLIGHT: Final = 4
HOLDS_MAX: Final = 1_000_000
"""What an organisation may hold: fifty buyers ask for all; the peer counts nothing."""
SHARES: Final = (0.9, 0.75, 0.6, 0.45, 0.3, 0.15)
"""Of what it does with questions in flight, tried as timetables, the highest first."""
RATE_BAR, P99_BAR_MS, RATIO_BAR = 20_000.0, 25.0, 10.0
READY_WITHIN_S: Final = 120.0
SUBJECT: Final = wire.subject(Shard(1, 1), messages.MATCH_AND_HOLD)


@dataclass(frozen=True)
class Size:
    machines: int
    processes: int
    sample: int
    demands: int
    paced_s: float
    peer_s: int
    rounds: int
    question: int


QUICK: Final = Size(1_000, 20, 1_000, 10_000, 2.0, 2, 2, 100)
FULL: Final = Size(5_000, 50, 5_000, 40_000, 5.0, 4, 3, 100)


@dataclass(frozen=True)
class Demands:
    """Which process and which first half hour each demand asks for, int64 ``(n,)``."""

    process: np.ndarray[Any, Any]
    first: np.ndarray[Any, Any]

    @classmethod
    def drawn(cls, size: Size, count: int, seed: int) -> "Demands":
        draw = np.random.default_rng(seed)
        return cls(
            draw.integers(0, size.processes, count), draw.integers(0, SLOTS - WINDOW_SLOTS, count)
        )

    def __len__(self) -> int:
        return len(self.process)


class Bench:
    def __init__(self, size: Size, database_url: str, nats_url: str, state: Path) -> None:
        self._size = size
        self._urls = database_url, nats_url
        began = SystemClock().now().replace(minute=0, second=0, microsecond=0)
        self._market = BookingMarket(size.machines, began + timedelta(hours=2), size.processes)
        self._admin = psycopg.connect(database_url)
        self._market.fill(self._admin)
        self._peer = SelectAndInsert(self._admin, database_url, PGBENCH, state)
        self._peer.prepare(self._market, WINDOW_SLOTS)
        self._log = state / "matcher.log"
        self._matcher: subprocess.Popen[bytes] | None = None
        self._named = 0

    async def run(self) -> int:
        self._bus = await Bus.connect(self._urls[1], name="bench")
        await self._bus.ensure_stream()
        identical = await self._same_sample()
        flows, peers = [], []
        best = self._best_connections()
        for number in range(self._size.rounds):
            await self._start_anew()
            drawn = Demands.drawn(self._size, self._size.demands, SEED + number)
            flows.append(await self._in_flight(self._questions(drawn)))
            self._stop_matcher()
            empty(self._admin)
            peers.append(
                self._peer.run(best, self._size.peer_s, self._size.processes, SLOTS - WINDOW_SLOTS)
            )
        await self._start_anew()
        paced = await self._paced(statistics.median(flows))
        overlaps = self._overlaps()
        self._stop_matcher()
        await self._bus.close()
        ours, peer = statistics.median(flows), statistics.median(peers)
        figures = {"held_per_s": round(ours), "paced": paced, "overlaps": overlaps}
        theirs = {"held_per_s": round(peer), "connections": best}
        return self._report(figures, theirs, identical=identical and overlaps == 0)

    async def _same_sample(self) -> bool:
        await self._start_anew()
        sample = Demands.drawn(self._size, self._size.sample, SEED - 1)
        for question in self._questions(sample):
            await self._held(question)
        ours = self._standing()
        self._stop_matcher()
        empty(self._admin)
        self._peer.one_by_one(
            list(zip(sample.process.tolist(), sample.first.tolist(), strict=True))
        )
        return ours == self._standing() and len(ours) > 0

    async def _held(self, data: bytes) -> int:
        reply = messages.held_reply(await self._bus.ask(SUBJECT, data, timeout_s=30.0))
        if reply.refused is not None:
            raise RuntimeError(reply.refused)
        return sum(outcome.body is not None for outcome in reply.outcomes)

    async def _in_flight(self, questions: Sequence[bytes]) -> float:
        """Slots held a second, with a few questions under way."""
        waiting, held = iter(questions), 0

        async def ask() -> int:
            count = 0
            for question in waiting:
                count += await self._held(question)
            return count

        began = time.perf_counter()
        held = sum(await asyncio.gather(*(ask() for _ in range(IN_FLIGHT))))
        return held / (time.perf_counter() - began)

    async def _paced(self, most: float) -> list[dict[str, float]]:
        """The first timetable at which p99 holds, and those tried before."""
        found = []
        for number, share in enumerate(SHARES):
            rate = most * share
            count = int(rate * self._size.paced_s)
            drawn = Demands.drawn(self._size, count, SEED + 100 + number)
            took = await self._on_time(self._questions(drawn, size=10), rate / 10)
            figures = {
                "demands_per_s": round(rate),
                "p50_ms": round(float(np.percentile(took, 50)), 2),
                "p99_ms": round(float(np.percentile(took, 99)), 2),
            }
            found.append(figures)
            sys.stderr.write(f"paced {figures}\n")
            if figures["p99_ms"] <= P99_BAR_MS:
                break
        return found

    async def _on_time(self, questions: Sequence[bytes], per_s: float) -> list[float]:
        loop = asyncio.get_running_loop()
        began, took = loop.time() + 0.1, []

        async def ask(data: bytes, due: float) -> None:
            await self._held(data)
            took.append((loop.time() - due) * 1e3)

        async with asyncio.TaskGroup() as tasks:
            for number, data in enumerate(questions):
                due = began + number / per_s
                if (early := due - loop.time()) > 0:
                    await asyncio.sleep(early)
                tasks.create_task(ask(data, due))
        return took

    def _questions(self, drawn: Demands, *, size: int | None = None) -> list[bytes]:
        """Encoded, as they would come in; each demand under a key."""
        step, digest = timedelta(minutes=SLOT_MINUTES), sha256(b"a demand").digest()
        size = size or self._size.question
        found = []
        for first in range(0, len(drawn), size):
            buyer = OrganisationId(UUID(int=1 + PROVIDERS + first // size % BUYERS))
            asked = []
            for index in range(first, min(first + size, len(drawn))):
                start = self._market.began + int(drawn.first[index]) * step
                requirement = Requirement(
                    processes=frozenset({self._market.process(int(drawn.process[index]))}),
                    minutes=SLOT_MINUTES,
                    window=Interval(start, start + WINDOW_SLOTS * step),
                )
                self._named += 1
                once = Repeatable(f"demand {self._named}", digest)
                asked.append(DemandAsked(requirement, once=once))
            question = DemandQuestion(buyer, Viewer(buyer), NOBODY, tuple(asked))
            found.append(wire.encode(question))
        return found

    async def _start_anew(self) -> None:
        """Everything is free, in the record and in memory."""
        self._stop_matcher()
        empty(self._admin)
        self._start_matcher()
        nothing = wire.encode(DemandQuestion(OrganisationId(UUID(int=1)), Viewer(), NOBODY, ()))
        until = time.perf_counter() + READY_WITHIN_S
        while True:
            try:
                await self._bus.ask(SUBJECT, nothing, timeout_s=1.0)
            except BusUnavailableError:
                if time.perf_counter() > until:
                    raise RuntimeError(self._log.read_text()) from None
                await asyncio.sleep(0.1)
            else:
                return

    def _start_matcher(self) -> None:
        environment = child_environment(
            database_url=self._urls[0], nats_url=self._urls[1], open_holds_max=HOLDS_MAX
        )
        with self._log.open("wb") as log:
            self._matcher = subprocess.Popen(
                [sys.executable, "-m", "gateway.matcher"], env=environment, stdout=log, stderr=log
            )

    def _stop_matcher(self) -> None:
        if self._matcher is not None:
            self._matcher.kill()
            self._matcher.wait()
            self._matcher = None

    def close(self) -> None:
        """Leave nothing running."""
        self._stop_matcher()

    def _best_connections(self) -> int:
        empty(self._admin)
        found = {
            connections: self._peer.run(
                connections, self._size.peer_s, self._size.processes, SLOTS - WINDOW_SLOTS
            )
            for connections in CONNECTIONS
        }
        sys.stderr.write(f"peer, held/s by connections: {found}\n")
        return max(found, key=lambda one: found[one])

    def _standing(self) -> set[tuple[Any, ...]]:
        return set(
            self._admin.execute(
                "SELECT resource_id, lower(during), upper(during), price_minor FROM booking"
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

    def _report(self, figures: dict[str, Any], theirs: dict[str, Any], *, identical: bool) -> int:
        held = [one for one in figures["paced"] if one["p99_ms"] <= P99_BAR_MS]
        rate = held[0]["demands_per_s"] if held else 0.0
        ratio = round(figures["held_per_s"] / theirs["held_per_s"], 2)
        return finish(
            Report(
                bench="end-to-end",
                ours={"cores": os.cpu_count(), **figures},
                peers={"one transaction": theirs},
                ratios={"one transaction": ratio},
                identical=identical,
                bars=(
                    Bar("demands a second at p99 <= 25 ms", rate, RATE_BAR, rate >= RATE_BAR),
                    Bar("times one transaction", ratio, RATIO_BAR, ratio >= RATIO_BAR),
                ),
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
        broker = running.enter_context(EmbeddedNats(state / "broker", configuration=OPEN_BROKER))
        bench = Bench(size, database.database_url, broker.nats_url, state)
        running.callback(bench.close)
        return uvloop.run(bench.run())


if __name__ == "__main__":
    raise SystemExit(main())
