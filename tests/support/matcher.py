"""Matchers in threads of this process, and a connection to ask them and to publish events by."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from gateway.matcher.__main__ import MatcherDoor, compose
from services.contracts.ids import ResourceId
from services.matching.service.remote import RemoteMatcher
from services.matching.service.shard import Shard
from services.runtime.bus import Bus, OutgoingEvent
from services.runtime.clock import Clock, SystemClock
from services.runtime.db import Sessions
from services.runtime.outbox import Position
from services.runtime.relay import relay_once
from services.runtime.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.waiting import eventually

Result = TypeVar("Result")
WITHIN_S = 30.0


class DistinctClock(FrozenClock):
    """Stands still, but draws ids nobody else draws: the broker drops an id it has seen."""

    def new_id(self) -> Any:
        return SystemClock().new_id()


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Asker:
    """A door's connection: asks matchers, and relays the outbox."""

    def __init__(self, loop: Loop, nats_url: str) -> None:
        self._loop = loop
        self.bus = loop.run(Bus.connect(nats_url, name="asker"))
        loop.run(self.bus.ensure_stream())

    def ask_all(self, subjects: Sequence[str], data: bytes, within_s: float) -> list[bytes]:
        async def ask() -> list[bytes]:
            asked = (self.bus.ask(one, data, timeout_s=within_s) for one in subjects)
            return list(await asyncio.gather(*asked))

        return self._loop.run(ask())

    def publish(self, events: Sequence[OutgoingEvent]) -> None:
        self._loop.run(self.bus.publish(events))

    def relay(self, sessions: Sessions, clock: Clock) -> int:
        """Publish everything in the outbox; how much it was."""
        total = 0
        while count := relay_once(sessions, self.publish, now=clock.now()):
            total += count
        return total

    def remote(self, shards: int = 1, **options: Any) -> RemoteMatcher:
        return RemoteMatcher(self.ask_all, shards=shards, **options)

    def close(self) -> None:
        self._loop.run(self.bus.close())


@contextmanager
def asking(nats_url: str) -> Iterator[Asker]:
    loop = Loop()
    asker = Asker(loop, nats_url)
    try:
        yield asker
    finally:
        asker.close()
        loop.close()


class RunningMatcher:
    """One matcher in a thread of its own."""

    def __init__(self, loop: Loop, door: MatcherDoor) -> None:
        self._loop = loop
        self.door = door

    def state_hash(self) -> str:
        async def take() -> str:
            assert self.door.market.projection is not None
            return self.door.market.projection.engine.state_hash()

        return self._loop.run(take())

    def read_again(self, resource_ids: set[ResourceId]) -> None:
        """Let it read resources from the record, as after an event."""
        self._loop.run(self.door.market.read_again(resource_ids, asyncio.Event()))

    def await_position(self, position: Position) -> None:
        eventually(lambda: self.door.market.position >= position, what="events are counted in")


@contextmanager
def matcher_running(
    sessions: Sessions, clock: Clock, nats_url: str, shard: str = "1/1", **settings: Any
) -> Iterator[RunningMatcher]:
    """A matcher that answers."""
    loop = Loop()
    bus = loop.run(Bus.connect(nats_url, name="matcher"))
    stop = asyncio.Event()

    async def begin() -> tuple[MatcherDoor, asyncio.Task[None]]:
        door = compose(Settings(**settings), sessions, clock, bus, Shard.read(shard))
        return door, asyncio.create_task(door.run(stop))

    async def end(task: asyncio.Task[None]) -> None:
        stop.set()
        await task
        await bus.close()

    door, task = loop.run(begin())
    try:
        eventually(door.answering.answers, within=60, what="the matcher answers")
        yield RunningMatcher(loop, door)
    finally:
        loop.run(end(task))
        loop.close()
