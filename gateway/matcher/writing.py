"""Writes bookings for the shard while its lease is held: together those that came meanwhile.

A batch is decided against the market in memory, written by one commit, counted in and only then
answered. Nobody waits for a batch to fill: while one is written, others come in, and are decided as
if all of it were held already; they are the next. So under light load a batch is one slot, and it
grows with the load.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.matcher.batch import Batch
from gateway.matcher.following import LiveMarket
from gateway.matcher.metrics import MatcherMetrics
from services.booking.writing import messages
from services.booking.writing.kill_points import KillPoint, Reached, carry_on
from services.booking.writing.messages import DemandQuestion, HeldReply, HoldQuestion
from services.booking.writing.writer import DurableWriter, Written
from services.matching.service import wire
from services.matching.service.changes import AWAITED_BY_WRITERS
from services.matching.service.shard import Shard
from services.matching.service.wire import MalformedMessageError, Stamp
from services.runtime.bus import Bus, BusUnavailableError, Question
from services.runtime.clock import Clock
from services.runtime.leases import Lease

SLOTS_TOGETHER_MAX: Final = 2_000
"""Of one batch, unless a single question asks for more."""
BEHIND_WAIT_S: Final = 0.5
"""How long a fresh question waits for events committed before it."""
LOOK_EVERY_S: Final = 0.002
AWAY_WAIT_S: Final = 0.2
LEASE_EVERY_S: Final = 0.1
AWAY: Final = (psycopg.OperationalError, DBAPIError, PoolTimeoutError)
BEHIND, MALFORMED, DATABASE = "behind", "malformed", "database"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    question: Question
    asked: HoldQuestion | DemandQuestion


@dataclass(slots=True)
class _Round:
    """A batch, and the questions it answers."""

    batch: Batch
    waiting: list[_Waiting] = field(default_factory=list)
    is_closed: bool = False
    """It is being written: whatever comes now is for the next one."""


class Writing:
    """Writes while the lease is held, as the only one for the shard; PostgreSQL guards the rest."""

    def __init__(
        self,
        *,
        bus: Bus,
        shard: Shard,
        lease: Lease,
        market: LiveMarket,
        clock: Clock,
        metrics: MatcherMetrics,
        writer: DurableWriter,
        hold_ttl: timedelta,
        reached: Reached = carry_on,
    ) -> None:
        self._bus = bus
        self._shard = shard
        self._lease = lease
        self._market = market
        self._clock = clock
        self._metrics = metrics
        self._writer = writer
        self._hold_ttl = hold_ttl
        self._reached = reached
        self._arrived: deque[_Waiting] = deque()
        self._work = asyncio.Event()
        self._listening = False

    def writes(self) -> bool:
        """Whether slots are taken."""
        return self._listening

    async def run(self, stop: asyncio.Event) -> None:
        """Write until ``stop``, whenever the lease is ours."""
        while not stop.is_set():
            if not self._lease.holds():
                await asyncio.sleep(LEASE_EVERY_S)
                continue
            try:
                await self._own(stop)
            except BusUnavailableError as error:
                log.warning("writing waits for the broker", cause=str(error))
                await asyncio.sleep(AWAY_WAIT_S)

    async def _own(self, stop: asyncio.Event) -> None:
        subscriptions = [
            await self._bus.listen(wire.subject(self._shard, kind), self._take)
            for kind in messages.KINDS
        ]
        self._listening = True
        log.info("writes for its shard", shard=str(self._shard), epoch=self._lease.epoch)
        try:
            while self._lease.holds() and not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), LEASE_EVERY_S)
                self._work.clear()
                if self._arrived:
                    await self._write_all(stop)
        finally:
            self._listening = False
            self._arrived.clear()
            for subscription in subscriptions:
                with suppress(Exception):
                    await subscription.unsubscribe()
            log.info("writes no longer", shard=str(self._shard))

    def _take(self, question: Question) -> None:
        kind = question.subject.rpartition(".")[2]
        try:
            self._arrived.append(_Waiting(question, messages.question(kind, question.data)))
        except MalformedMessageError as error:
            log.warning("question malformed", kind=kind, cause=str(error))
            task = asyncio.ensure_future(question.answer(self._refusal(MALFORMED)))
            task.add_done_callback(_heard)
            return
        self._work.set()

    def _refusal(self, cause: str) -> bytes:
        self._metrics.slots.labels(cause).inc()
        return wire.encode(HeldReply(self._stamp(), refused=cause))

    def _stamp(self) -> Stamp:
        return Stamp(self._lease.epoch, self._market.shards.revision)

    async def _write_all(self, stop: asyncio.Event) -> None:
        """Write while there is something.

        A batch is decided while the one before is written, and its own writing begins as soon as
        that one is committed: that one is counted in and answered meanwhile.
        """
        current, writing = self._round(None), None
        await self._gather(current)
        try:
            while current.waiting:
                writing = writing or self._begun(current)
                following = self._round(current.batch)
                await self._prepare(following, writing)
                begun = self._begun(following)
                await self._settle(current, writing, following, begun, stop)
                current, writing = following, begun
                await self._gather(current)
        finally:
            if writing is not None:
                await asyncio.wait({writing})

    def _round(self, earlier: Batch | None) -> "_Round":
        return _Round(Batch(self._market, self._clock, hold_ttl=self._hold_ttl, earlier=earlier))

    async def _gather(self, into: "_Round") -> None:
        """Add what has arrived, and decide it, unless it is being written already."""
        if into.is_closed:
            return
        arrived = list(self._next(into.batch.count))
        if any(one.asked.fresh for one in arrived) and not await self._caught_up():
            for one in arrived:
                if one.asked.fresh:
                    await one.question.answer(self._refusal(BEHIND))
            arrived = [one for one in arrived if not one.asked.fresh]
        for one in arrived:
            into.batch.add(one.asked)
        into.waiting += arrived
        if arrived:
            into.batch.decide()

    def _begun(self, one: "_Round") -> "asyncio.Future[Written] | None":
        """Write what was decided, if it is anything."""
        if not one.batch.has_something_to_write:
            return None
        one.is_closed = True
        return asyncio.ensure_future(asyncio.to_thread(one.batch.write, self._writer))

    async def _settle(
        self,
        current: "_Round",
        writing: "asyncio.Future[Written] | None",
        following: "_Round",
        begun: "asyncio.Future[Written] | None",
        stop: asyncio.Event,
    ) -> None:
        """Count in and answer what was written."""
        try:
            await self._count_in(current.batch, writing, following.batch, begun, stop)
        except AWAY as error:
            log.warning("writing failed, what became of it is open", cause=str(error))
            await self._market.read_again(current.batch.resources, stop)
            for one in current.waiting:
                await one.question.answer(self._refusal(DATABASE))
            return
        for one, outcomes in zip(current.waiting, current.batch.outcomes(), strict=True):
            for outcome in outcomes:
                self._metrics.slots.labels(outcome.declined or "held").inc()
            await one.question.answer(wire.encode(HeldReply(self._stamp(), outcomes=outcomes)))

    async def _count_in(
        self,
        batch: Batch,
        writing: "asyncio.Future[Written] | None",
        following: Batch,
        begun: "asyncio.Future[Written] | None",
        stop: asyncio.Event,
    ) -> None:
        """Let memory show what is written; decide and write again until no other try could help."""
        while writing is not None:
            written = await writing
            self._metrics.written.observe(len(written.held))
            self._reached(KillPoint.BEFORE_MEMORY)
            doubtful = batch.count_in(written)
            if doubtful:
                await self._market.read_again(doubtful, stop)
            writing = None
            batch.earlier = following
            if batch.decide():
                if begun is not None:  # one at a time: they would wait for each other's locks
                    await asyncio.wait({begun})
                writing = asyncio.ensure_future(asyncio.to_thread(batch.write, self._writer))
        if batch.has_refused_repeats:
            await asyncio.to_thread(batch.look_up, self._writer)
        self._reached(KillPoint.BEFORE_REPLY)

    async def _prepare(
        self, following: "_Round", writing: "asyncio.Future[Written] | None"
    ) -> None:
        """Decide what arrives until the batch before is written."""
        while writing is not None and not writing.done():
            self._work.clear()
            if self._arrived and following.batch.count < SLOTS_TOGETHER_MAX:
                await self._gather(following)
                if following.batch.count >= SLOTS_TOGETHER_MAX:
                    following.batch.make_ready()
            more = asyncio.ensure_future(self._work.wait())
            either: set[asyncio.Future[Any]] = {writing, more}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            more.cancel()

    def _next(self, slots: int) -> Iterator[_Waiting]:
        while self._arrived and slots < SLOTS_TOGETHER_MAX:
            one = self._arrived.popleft()
            slots += one.asked.count
            yield one

    async def _caught_up(self) -> bool:
        """Whether the market counts in what was committed by now, other than bookings."""
        newest = await self._market.newest(AWAITED_BY_WRITERS)
        if newest is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(BEHIND_WAIT_S):
                while self._market.position < newest:  # noqa: ASYNC110 - its one event is taken
                    await asyncio.sleep(LOOK_EVERY_S)
        return newest <= self._market.position


def _heard(task: "asyncio.Future[None]") -> None:
    """Nobody waits for a refusal of nonsense."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("refusal not sent", cause=str(task.exception()))
