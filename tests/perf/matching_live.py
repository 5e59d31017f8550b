"""``make bench NAME=matching-live``: matchers as processes, asked over NATS, beside the record.

PostgreSQL holds the market and one NATS server carries everything; the asker, the broker and the
matcher share whatever cores there are, the matcher itself uses one. First every kind of answer is
compared with the record's (the oracle over a snapshot). Batches are asked with a few in flight.
Single questions arrive on a fixed timetable and are timed from when they were due, so that a slow
answer delays the next (no coordinated omission). Then a second matcher stands by, the owner of the
shard is killed under load while an offer is withdrawn, and every answer is compared.
"""

import argparse
import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
import uvloop
from rich.console import Console
from rich.table import Table
from sqlmodel import Session

from services.contracts.events.marketplace import OfferWithdrawn
from services.matching import handlers
from services.matching.engine.interface import Viewer
from services.matching.service import wire
from services.matching.service.batches import FindQuestion, Found, find_reply
from services.matching.service.port import MatchQuestion
from services.matching.service.record import RecordMatcher
from services.matching.service.shard import Shard
from services.runtime import migrations
from services.runtime.bus import Bus, BusUnavailableError
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.outbox import emit
from services.runtime.relay import relay_once
from services.runtime.settings import child_environment
from tests.perf.live_market import OWNER, LiveMarket, fill
from tests.perf.matching_market import Demands, demands, machines
from tests.perf.report import Bar, Report, finish
from tests.perf.timetable import on_timetable
from tests.support.servers import OPEN_BROKER

SEED: Final = 20261122
LIMIT: Final = 10
STALE: Final = timedelta(seconds=30)
BATCH: Final = 500
IN_FLIGHT: Final = 4
ARRIVALS_PER_S: Final = 1_000
REASONED_PER_S: Final = 100
FAILOVER_PER_S: Final = 200
KILLED_AFTER_S: Final = 2.0
WITHDRAWN_AFTER_S: Final = 1.0
GIVEN_UP_S: Final = 0.5
PERCENTILES: Final = (50, 90, 95, 99, 99.9, 100)
READY_WITHIN_S: Final = 300.0
BATCH_BAR, P99_BAR_MS, RESUMED_BAR_S = 20_000.0, 3.0, 3.0
SHARD: Final = Shard(1, 1)
EVERYBODY: Final = Viewer()


@dataclass(frozen=True)
class Size:
    machines: int
    compared: int
    batches_s: float
    singles: int
    failover_s: float


QUICK: Final = Size(machines=10_000, compared=60, batches_s=5, singles=5_000, failover_s=8)
FULL: Final = Size(machines=30_000, compared=200, batches_s=20, singles=30_000, failover_s=15)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller market, shorter")
    size = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory(prefix="nonagon-bench-") as folder, ExitStack() as running:
        state = Path(folder)
        state.chmod(0o711)
        database = running.enter_context(EmbeddedPostgres(state / "database"))
        migrations.upgrade(database.database_url)
        broker = EmbeddedNats(state / "broker", configuration=OPEN_BROKER)
        running.enter_context(broker)
        bench = Bench(size, database.database_url, broker.nats_url, state)
        try:
            return uvloop.run(bench.run())
        except BusUnavailableError:
            bench.show_logs()
            raise
        finally:
            bench.close()


@dataclass
class Timings:
    """Of single questions, milliseconds from when they were due; ``nan`` without an answer.

    ``late_ms`` is the asker's part: from when a question was due until it began to ask.
    """

    ms: np.ndarray[Any, Any]
    late_ms: np.ndarray[Any, Any]

    def at(self, percent: float) -> float:
        return round(float(np.nanpercentile(self.ms, percent)), 3)

    def summary(self) -> dict[str, float]:
        spread = {f"p{str(one).replace('.', '')}_ms": self.at(one) for one in PERCENTILES}
        return spread | {
            "asked_late_p99_ms": round(float(np.percentile(self.late_ms, 99)), 3),
            "unanswered": int(np.isnan(self.ms).sum()),
        }


class Bench:
    """One market, its demands, and the processes that answer them."""

    def __init__(self, size: Size, database_url: str, nats_url: str, state: Path) -> None:
        self._size = size
        self._urls = (database_url, nats_url)
        self._state = state
        self._clock = SystemClock()
        engine = engine_for(database_url, pool_max=4, application="bench")
        self._sessions: Sessions = sessions_for(engine)
        self._console = Console(stderr=True)
        self._matchers: list[Matcher] = []
        self.wrong = 0

    async def run(self) -> int:
        size = self._size
        held = machines(size.machines, SEED)
        self._market: LiveMarket = fill(self._sessions, held, self._clock.now())
        self._asked: Demands = demands(max(4 * BATCH, size.compared), SEED + 1)
        self._bus = await Bus.connect(self._urls[1], name="bench")
        await self._bus.ensure_stream()
        owner = self._start()
        await owner.answering(self._bus)
        figures: dict[str, Any] = {"machines": size.machines, "matcher_ready_s": owner.ready_s}
        figures["compared"] = await self._compare()
        gc.collect()
        gc.freeze()  # the asker's own pauses are no part of the answers
        used = owner.cpu_s()
        figures["batch_demands_per_s"] = await self._batches()
        demands_answered = figures["batch_demands_per_s"] * size.batches_s
        figures["matcher_cpu_us_per_demand"] = round(
            (owner.cpu_s() - used) / demands_answered * 1e6, 1
        )
        figures["matcher_rss_mib"] = owner.rss_mib()
        await self._singles(figures)
        figures["failover"] = await self._failover(owner)
        await self._bus.close()
        return self._report(figures)

    def _start(self) -> "Matcher":
        matcher = Matcher(*self._urls, self._state, len(self._matchers))
        self._matchers.append(matcher)
        return matcher

    def show_logs(self) -> None:
        for matcher in self._matchers:
            sys.stderr.write(matcher.log())

    def close(self) -> None:
        for matcher in self._matchers:
            matcher.stop()
        self._sessions.kw["bind"].dispose()

    def _question(self, first: int, count: int, *, fresh: bool = False) -> FindQuestion:
        asked = [
            self._market.requirement(self._asked, index % len(self._asked))
            for index in range(first, first + count)
        ]
        return FindQuestion(tuple(asked), LIMIT, self._clock.now(), EVERYBODY, fresh=fresh)

    async def _found(self, data: bytes, *, within_s: float = 10.0) -> Found:
        subject = wire.subject(SHARD, wire.FIND)
        return find_reply(await self._bus.ask(subject, data, timeout_s=within_s)).found()

    async def _compare(self) -> int:
        """Compact answers and answers with reasons, each against the record's."""
        question = self._question(0, self._size.compared)
        found = await self._found(wire.encode(question))
        for requirement, slots in zip(question.asked, found.slots(), strict=True):
            asked = MatchQuestion(requirement, LIMIT, self._clock.now(), EVERYBODY)
            subject = wire.subject(SHARD, wire.MATCH)
            reply = wire.match_reply(
                await self._bus.ask(subject, wire.encode(asked), timeout_s=10.0)
            )
            with transaction(self._sessions) as session:
                expected = self._record(session, asked)
            told = [] if reply.result is None else _identities(reply.result.candidates)
            compact = [(one.offer_id, one.price_minor, one.start) for one in slots]
            considered = reply.result is not None and reply.result.considered
            self.wrong += not (told == compact == _identities(expected.candidates))
            self.wrong += considered != expected.considered
        return self._size.compared

    def _record(self, session: Session, asked: MatchQuestion) -> Any:
        record = RecordMatcher(session=session, clock=self._clock, stale_after=STALE)
        return record.match(asked)

    async def _batches(self) -> float:
        """Demands answered a second, ``IN_FLIGHT`` messages of ``BATCH`` at any time."""
        messages = [wire.encode(self._question(part * BATCH, BATCH)) for part in range(4)]
        ends = time.perf_counter() + self._size.batches_s
        answered = 0

        async def ask(first: int) -> None:
            nonlocal answered
            turn = first
            while time.perf_counter() < ends:
                found = await self._found(messages[turn % len(messages)])
                answered += len(found.counts)
                turn += 1

        began = time.perf_counter()
        await asyncio.gather(*(ask(first) for first in range(IN_FLIGHT)))
        return round(answered / (time.perf_counter() - began))

    async def _singles(self, figures: dict[str, Any]) -> None:
        count = self._size.singles
        stale = [wire.encode(self._question(index, 1)) for index in range(1_000)]
        fresh = [wire.encode(self._question(index, 1, fresh=True)) for index in range(1_000)]
        reasoned = [
            wire.encode(MatchQuestion(self._question(index, 1).asked[0], LIMIT, self._clock.now(),
                                      EVERYBODY, fresh=False))
            for index in range(1_000)
        ]  # fmt: skip
        find, match = (wire.subject(SHARD, kind) for kind in (wire.FIND, wire.MATCH))
        await self._on_timetable(find, stale, ARRIVALS_PER_S, count // 5)
        single = await self._on_timetable(find, stale, ARRIVALS_PER_S, count)
        figures["single_1000_per_s"] = single.summary()
        read = await self._on_timetable(find, fresh, ARRIVALS_PER_S, count // 2)
        figures["single_fresh_1000_per_s"] = read.summary()
        told = await self._on_timetable(match, reasoned, REASONED_PER_S, count // 20)
        figures[f"with_reasons_{REASONED_PER_S}_per_s"] = told.summary()

    async def _on_timetable(
        self, subject: str, messages: Sequence[bytes], per_s: int, count: int
    ) -> Timings:
        ms, late_ms = np.full(count, np.nan), np.zeros(count)

        async def ask(index: int, due: float) -> None:
            late_ms[index] = (time.perf_counter() - due) * 1_000
            try:
                await self._bus.ask(subject, messages[index % len(messages)], timeout_s=5.0)
            except BusUnavailableError:
                return
            ms[index] = (time.perf_counter() - due) * 1_000

        await on_timetable(ask, per_s, count)
        return Timings(ms, late_ms)

    async def _failover(self, owner: "Matcher") -> dict[str, Any]:
        standby = self._start()
        await standby.standing_by()
        watch = Watch(self, self._question(0, 64, fresh=True))
        watch.expect()
        count = round(self._size.failover_s * FAILOVER_PER_S)
        asking = asyncio.create_task(on_timetable(watch.ask, FAILOVER_PER_S, count))
        await asyncio.sleep(KILLED_AFTER_S)
        owner.kill()
        killed = time.perf_counter()
        await asyncio.sleep(WITHDRAWN_AFTER_S)
        await watch.withdraw_the_cheapest()
        await asking
        after = [one for one in watch.answers if one.asked > killed]
        resumed = min((one.at for one in after), default=float("inf")) - killed
        return {
            "resumed_s": round(resumed, 3),
            "answers": len(watch.answers),
            "unanswered": count - len(watch.answers),
            "after_the_withdrawal": sum(one.asked > watch.withdrawn for one in watch.answers),
            "wrong": watch.wrong(),
        }

    def _report(self, figures: dict[str, Any]) -> int:
        failover = figures["failover"]
        single = figures["single_1000_per_s"]["p99_ms"]
        wrong = self.wrong + failover["wrong"]
        rate = figures["batch_demands_per_s"]
        bars = [
            Bar("batch demands/s", rate, BATCH_BAR, rate >= BATCH_BAR),
            Bar("single p99 ms at 1 k/s", single, P99_BAR_MS, single <= P99_BAR_MS),
            Bar("answers resume, s", failover["resumed_s"], RESUMED_BAR_S,
                failover["resumed_s"] <= RESUMED_BAR_S),
            Bar("wrong answers", wrong, 0, wrong == 0),
        ]  # fmt: skip
        table = Table(title="matching-live: one matcher process over NATS", title_justify="left")
        for column in ("what", "reached", "bar", ""):
            table.add_column(column)
        for bar in bars:
            table.add_row(bar.name, f"{bar.value:,}", f"{bar.bar:,}", "ok" if bar.holds else "!!")
        for name, value in figures.items():
            table.add_row(name, str(value), "", "")
        self._console.print(table)
        report = Report("matching-live", figures, {}, {}, identical=wrong == 0, bars=bars)
        return finish(report)

    async def relay(self) -> None:
        """Publish what stands in the outbox."""
        loop = asyncio.get_running_loop()

        def publish(events: Sequence[Any]) -> None:
            asyncio.run_coroutine_threadsafe(self._bus.publish(events), loop).result()

        await asyncio.to_thread(relay_once, self._sessions, publish, now=self._clock.now())


@dataclass(frozen=True)
class _Answer:
    index: int
    asked: float
    at: float
    found: list[Any]


class Watch:
    """Asks the same demands again and again, and knows what each must be answered when."""

    def __init__(self, bench: Bench, question: FindQuestion) -> None:
        self._bench = bench
        self._asked = question.asked
        self._messages = [
            wire.encode(FindQuestion((one,), LIMIT, question.now, EVERYBODY, fresh=True))
            for one in question.asked
        ]
        self._now = question.now
        self._before: list[list[Any]] = []
        self._after: list[list[Any]] = []
        self.answers: list[_Answer] = []
        self.withdrawing = self.withdrawn = float("inf")

    def expect(self) -> None:
        """What the record says now, and what it will say once the best offers are gone."""
        with self._bench._sessions() as session:  # noqa: SLF001 - of one program
            self._before = self._answered(session)
            self._withdraw(session)
            self._after = self._answered(session)
            session.rollback()

    def _answered(self, session: Session) -> list[list[Any]]:
        return [
            _identities(
                self._bench._record(  # noqa: SLF001 - of one program
                    session, MatchQuestion(one, LIMIT, self._now, EVERYBODY)
                ).candidates
            )
            for one in self._asked
        ]

    def _withdraw(self, session: Session) -> None:
        clock = self._bench._clock  # noqa: SLF001 - of one program
        for offer_id in sorted({one[0][0] for one in self._before if one}):
            handlers.withdraw_listing(session=session, clock=clock, offer_id=offer_id)
            event = OfferWithdrawn(
                id=clock.new_id(),
                occurred_at=clock.now(),
                offer_id=offer_id,
                organisation_id=OWNER,
            )
            emit(session, event, now=clock.now())

    async def withdraw_the_cheapest(self) -> None:
        """Take the best offer of every demand off the market."""
        self.withdrawing = time.perf_counter()
        with transaction(self._bench._sessions) as session:  # noqa: SLF001 - of one program
            self._withdraw(session)
        self.withdrawn = time.perf_counter()
        await self._bench.relay()

    async def ask(self, index: int, _: float) -> None:
        number, asked = index % len(self._asked), time.perf_counter()
        try:
            found = await self._bench._found(  # noqa: SLF001 - of one program
                self._messages[number], within_s=GIVEN_UP_S
            )
        except (BusUnavailableError, wire.MalformedMessageError):
            return
        if not len(found.counts):
            return  # refused
        (slots,) = found.slots()
        told = [(one.offer_id, one.price_minor, one.start) for one in slots]
        self.answers.append(_Answer(number, asked, time.perf_counter(), told))

    def wrong(self) -> int:
        """Answers that are neither what was true when they were asked nor until they came."""
        return sum(not self._holds(one) for one in self.answers)

    def _holds(self, one: _Answer) -> bool:
        before, after = self._before[one.index], self._after[one.index]
        if one.asked > self.withdrawn:
            return one.found == after
        if one.at < self.withdrawing:
            return one.found == before
        return one.found in (before, after)


class Matcher:
    """A matcher process."""

    def __init__(self, database_url: str, nats_url: str, state: Path, number: int) -> None:
        environment = child_environment(database_url=database_url, nats_url=nats_url)
        self._log = state / f"matcher-{number}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.matcher"], env=environment, stdout=log, stderr=log
            )
        self._began = time.perf_counter()
        self.ready_s = 0.0

    async def answering(self, bus: Bus) -> None:
        subject = wire.subject(SHARD, wire.FIND)
        empty = wire.encode(FindQuestion((), 1, SystemClock().now(), EVERYBODY))
        await self._until(lambda: _answers(bus, subject, empty))
        self.ready_s = round(time.perf_counter() - self._began, 1)

    async def standing_by(self) -> None:
        async def read() -> bool:
            return b"market read" in self._log.read_bytes()

        await self._until(read)
        await asyncio.sleep(3.0)  # its kernels are loaded after that

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        while not await holds():
            waited = time.perf_counter() - self._began
            if self._process.poll() is not None or waited > READY_WITHIN_S:
                raise RuntimeError(self._log.read_text())
            await asyncio.sleep(0.1)

    def cpu_s(self) -> float:
        used = psutil.Process(self._process.pid).cpu_times()
        return used.user + used.system

    def rss_mib(self) -> int:
        return psutil.Process(self._process.pid).memory_info().rss >> 20

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


async def _answers(bus: Bus, subject: str, data: bytes) -> bool:
    try:
        await bus.ask(subject, data, timeout_s=1.0)
    except BusUnavailableError:
        return False
    return True


def _identities(candidates: Sequence[Any]) -> list[Any]:
    return [(one.offer_id, one.price.minor, one.start) for one in candidates]


if __name__ == "__main__":
    sys.exit(main())
