"""Answers questions out of the market in memory: together those that came meanwhile.

Nobody waits for a batch to fill. While one batch is answered, others come in; they are the next. So
batches are single questions under light load and grow with it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.matcher.following import LiveMarket
from gateway.matcher.metrics import MatcherMetrics
from gateway.matcher.replying import Replying
from services.matching.service import wire
from services.matching.service.batches import FindQuestion, find_question
from services.matching.service.port import MatchQuestion
from services.matching.service.shard import Shard
from services.matching.service.wire import MalformedMessageError, Stamp
from services.runtime.bus import Bus, BusUnavailableError, Question
from services.runtime.clock import Clock
from services.runtime.leases import Lease
from services.runtime.outbox import NOWHERE, Position

TOGETHER_MAX: Final = 256
"""Messages of one batch."""
DEMANDS_TOGETHER_MAX: Final = 4_000
REASONED_TOGETHER_MAX: Final = 8
"""Answers with reasons of one batch: each takes a millisecond, in which nobody else is answered."""
BEHIND_MAX: Final = 10_000
BEHIND_WAIT_S: Final = 0.5
"""How long a question waits for the events its asker has seen."""
AWAY_WAIT_S: Final = 0.2
BEHIND, MALFORMED = "behind", "malformed"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    """A decoded question, whoever asks it, and until when it may wait for events."""

    question: Question
    kind: str
    asked: MatchQuestion | FindQuestion | None
    """``None`` when it is no question."""
    until: float
    needs: Position | None
    """How far the market must have come; ``None`` while that is not known."""


class Answering:
    """Answers while the lease is held, as the only one for the shard."""

    def __init__(
        self,
        *,
        bus: Bus,
        shard: Shard,
        lease: Lease,
        market: LiveMarket,
        clock: Clock,
        metrics: MatcherMetrics,
    ) -> None:
        self._bus = bus
        self._shard = shard
        self._lease = lease
        self._market = market
        self._clock = clock
        self._metrics = metrics
        self._arrived: deque[Question] = deque()
        self._fresh: list[_Waiting] = []
        self._behind: deque[_Waiting] = deque()
        self._ask_newest = asyncio.Event()
        self._work = asyncio.Event()
        self._listening = False
        market.on_progress = self._work.set
        metrics.waiting.set_function(
            lambda: len(self._arrived) + len(self._fresh) + len(self._behind)
        )
        metrics.owner.set_function(lambda: int(lease.holds()))

    def answers(self) -> bool:
        """Whether questions are taken."""
        return self._listening

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until ``stop``, whenever the lease is ours."""
        async with asyncio.TaskGroup() as tasks:
            helping = [
                tasks.create_task(work) for work in (self._wake_for_overdue(), self._look_up())
            ]
            while not stop.is_set():
                await _either(self._lease.changed, stop)
                self._lease.changed.clear()
                try:
                    await self._own(stop)
                except BusUnavailableError as error:
                    log.warning("answering waits for the broker", cause=str(error))
                    await asyncio.sleep(AWAY_WAIT_S)
                    self._lease.changed.set()
            for task in helping:
                task.cancel()

    async def _own(self, stop: asyncio.Event) -> None:
        """Listen, and answer for as long as the lease is held."""
        subscriptions = [
            await self._bus.listen(wire.subject(self._shard, kind), self._take)
            for kind in (wire.MATCH, wire.FIND)
        ]
        self._listening = True
        log.info("answers for its shard", shard=str(self._shard), epoch=self._lease.epoch)
        try:
            while self._lease.holds() and not stop.is_set():
                await self._work.wait()
                self._work.clear()
                await self._answer_all()
        finally:
            self._listening = False
            self._arrived.clear()
            self._behind.clear()
            self._fresh.clear()
            for subscription in subscriptions:
                with suppress(Exception):
                    await subscription.unsubscribe()
            log.info("answers no longer", shard=str(self._shard))

    def _take(self, question: Question) -> None:
        self._arrived.append(question)
        self._work.set()

    async def _wake_for_overdue(self) -> None:
        while True:
            await asyncio.sleep(BEHIND_WAIT_S / 5)
            self._work.set()

    async def _look_up(self) -> None:
        """Find out how far fresh questions need the market to be, all that came meanwhile at once.

        An event committed before a question was asked is seen by whoever looks after it came.
        """
        while True:
            await self._ask_newest.wait()
            self._ask_newest.clear()
            fresh, self._fresh = self._fresh, []
            newest = await self._market.newest()
            for waiting in fresh:
                waiting.needs = newest
            self._behind.extend(fresh)
            self._work.set()

    async def _answer_all(self) -> None:
        while self._lease.holds():
            batch = self._next_batch()
            if not batch:
                return
            self._metrics.batch.observe(len(batch))
            replies = self._replies(batch)
            if not self._lease.holds():  # whoever holds it now may have answered otherwise
                return
            for waiting, reply in replies:
                await waiting.question.answer(reply)
            await asyncio.sleep(0)

    def _next_batch(self) -> list[_Waiting]:
        """What can be answered now of what has come; what is behind waits, but not for ever."""
        batch: list[_Waiting] = []
        demands = reasoned = 0
        for waiting in self._candidates():
            batch.append(waiting)
            if isinstance(waiting.asked, MatchQuestion):
                reasoned += 1
            elif isinstance(waiting.asked, FindQuestion):
                demands += len(waiting.asked.asked)
            full = len(batch) >= TOGETHER_MAX or demands >= DEMANDS_TOGETHER_MAX
            if full or reasoned >= REASONED_TOGETHER_MAX:
                break
        return batch

    def _candidates(self) -> Iterator[_Waiting]:
        now = asyncio.get_running_loop().time()
        for _ in range(len(self._behind)):
            waiting = self._behind.popleft()
            if self._is_known(waiting) or waiting.until <= now:
                yield waiting
            else:
                self._behind.append(waiting)
        while self._arrived:
            decoded = _decoded(self._arrived.popleft(), until=now + BEHIND_WAIT_S)
            if self._is_known(decoded) or len(self._behind) + len(self._fresh) >= BEHIND_MAX:
                yield decoded
            else:
                self._fresh.append(decoded)
                self._ask_newest.set()

    def _is_known(self, waiting: _Waiting) -> bool:
        """Whether the market has come as far as the question needs."""
        return waiting.needs is not None and waiting.needs <= self._market.position

    def _replies(self, batch: Sequence[_Waiting]) -> list[tuple[_Waiting, bytes]]:
        projection = self._market.projection
        assert projection is not None, "the lease is sought once the market is read"
        projection.advance(self._clock.now())
        stamp = Stamp(self._lease.epoch, self._market.shards.revision)
        replying = Replying(projection, stamp, self._metrics, joined=self._shard.count > 1)
        known = [one for one in batch if self._is_known(one)]
        finds = [one for one in known if isinstance(one.asked, FindQuestion)]
        found = replying.find([one.asked for one in finds if isinstance(one.asked, FindQuestion)])
        replies = list(zip(finds, found, strict=True))
        for waiting in batch:
            asked = waiting.asked
            if asked is None:
                replies.append((waiting, replying.refuse(waiting.kind, MALFORMED)))
            elif not self._is_known(waiting):
                replies.append((waiting, replying.refuse(waiting.kind, BEHIND)))
            elif isinstance(asked, MatchQuestion):
                replies.append((waiting, replying.match(asked)))
        replying.count_effort()
        return replies


def _decoded(question: Question, *, until: float) -> _Waiting:
    kind = question.subject.rpartition(".")[2]
    asked: MatchQuestion | FindQuestion | None = None
    try:
        if kind == wire.MATCH:
            asked = wire.match_question(question.data)
        else:
            asked = find_question(question.data)
    except MalformedMessageError as error:
        log.warning("question malformed", kind=kind, cause=str(error))
    needs = None if asked is not None and asked.fresh else NOWHERE
    return _Waiting(question, kind, asked, until, needs)


async def _either(event: asyncio.Event, other: asyncio.Event) -> None:
    """Wait until one of both is set."""
    waiting = [asyncio.ensure_future(one.wait()) for one in (event, other)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
