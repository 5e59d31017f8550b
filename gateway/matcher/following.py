"""Keeps the market in memory as the record has it: reads it, then follows the events."""

import asyncio
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.matcher.mapping import read_map
from gateway.matcher.metrics import MatcherMetrics
from gateway.matcher.reading import Reader
from services.contracts.events.envelope import Event
from services.contracts.ids import ResourceId
from services.matching.service.changes import AWAITED, FOLLOWED, Changes
from services.matching.service.projection import Projection
from services.matching.service.sharding import ShardMap
from services.runtime.bus import (
    Bus,
    BusUnavailableError,
    EventFollower,
    EventsMissedError,
    FollowedEvent,
    UndecodableEventError,
    decode_event,
)
from services.runtime.clock import Clock
from services.runtime.outbox import NOWHERE, Position

FETCH_MAX: Final = 500
SWEEP_EVERY_S: Final = 1.0
MAP_EVERY_S: Final = 5.0
AWAY_WAIT_S: Final = 0.5
DATABASE_AWAY: Final = (OperationalError, InterfaceError, PoolTimeoutError)
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class LiveMarket:
    """The projection, and how far it has come; changed by :meth:`run` alone."""

    def __init__(
        self,
        *,
        bus: Bus,
        reader: Reader,
        clock: Clock,
        metrics: MatcherMetrics,
        shards: int,
        stale_after: timedelta,
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._clock = clock
        self._metrics = metrics
        self._stale_after = stale_after
        self.shards = ShardMap(shards)
        self.projection: Projection | None = None
        self.position: Position = NOWHERE
        """The newest event counted in; every one before it is."""
        self.loaded = asyncio.Event()
        """Set once there is a projection."""
        self.on_progress: Callable[[], None] = lambda: None
        self.own: set[UUID] = set()
        """Events of what this process wrote and has counted in; when they come they are old."""
        self._sequence = 0
        self._reading = asyncio.Lock()
        self._booked: set[ResourceId] = set()
        """Counted in since a reading of resources began: it may be older."""

    def note_booked(self, event_ids: Iterable[UUID], resource_ids: Iterable[ResourceId]) -> None:
        """That this process wrote bookings, and the projection counts them in."""
        self.own.update(event_ids)
        self._booked.update(resource_ids)

    async def read_again(self, ids: set[ResourceId], stop: asyncio.Event) -> None:
        """Take resources from the record, for what memory says of them is wrong."""
        await self._take_resources(ids, stop)

    async def newest(self, subjects: Collection[str] = AWAITED) -> Position | None:
        """How far a fresh answer must have come; ``None`` while the database is away."""
        try:
            return await asyncio.to_thread(self._reader.newest, subjects)
        except DATABASE_AWAY as error:
            log.warning("nothing can be answered fresh", cause=str(error))
            return None

    async def run(self, stop: asyncio.Event) -> None:
        """Read everything and follow until ``stop``, whatever is away meanwhile."""
        whole = False
        while not stop.is_set():
            try:
                if not whole:
                    await self._read_everything(stop)
                    whole = True
                await self._follow(stop)
            except EventsMissedError as error:
                log.warning("events were missed, reading everything again", cause=str(error))
                whole = False
            except BusUnavailableError as error:
                log.warning("market waits for the broker", cause=str(error))
                await _wait(stop, AWAY_WAIT_S)

    async def _read_everything(self, stop: asyncio.Event) -> None:
        self._sequence = await self._bus.last_sequence()
        self.shards = await read_map(self._bus, count=self.shards.count)
        made = await self._read(self._projected, stop)
        if made is None:
            return
        self.projection, self.position = made
        self._metrics.listings.set(self.projection.count)
        log.info("market read", listings=self.projection.count, shards=self.shards.count)
        self.loaded.set()

    def _projected(self) -> tuple[Projection, Position]:
        reading = self._reader.everything(self.shards)
        made = Projection(reading.listings, reading.resources, stale_after=self._stale_after)
        made.engine.state_hash()
        _keep_for_good()
        return made, reading.position

    async def _follow(self, stop: asyncio.Event) -> None:
        follower = await self._bus.follow(FOLLOWED, after=self._sequence)
        loop = asyncio.get_running_loop()
        swept = mapped = loop.time()
        try:
            while not stop.is_set():
                await self._take(await follower.fetch(FETCH_MAX), stop)
                now = loop.time()
                if now - swept >= SWEEP_EVERY_S:
                    await self._sweep(stop)
                    swept = now
                if self.shards.count > 1 and now - mapped >= MAP_EVERY_S:
                    await self._check_map()
                    mapped = now
        finally:
            await _close(follower)

    async def _take(self, followed: Sequence[FollowedEvent], stop: asyncio.Event) -> None:
        if not followed or self.projection is None:
            return
        changes = Changes.of(self._others(filter(None, map(_decoded, followed))))
        again = self.projection.sign(changes.signs, now=self._clock.now())
        again |= await self._take_states(changes.states, stop)
        await self._take_offers(changes, stop)
        await self._take_resources(changes.resources | again, stop)
        if stop.is_set():
            return
        self._sequence = followed[-1].sequence
        told = [one.position for one in followed if one.position is not None]
        if told:
            self.position = max(self.position, *told)
        self._metrics.events.inc(len(followed))
        self.on_progress()

    def _others(self, events: Iterable[Event]) -> Iterator[Event]:
        """Those that tell something new."""
        for event in events:
            if event.id in self.own:
                self.own.discard(event.id)
            else:
                yield event

    async def _take_states(self, ids: set[ResourceId], stop: asyncio.Event) -> set[ResourceId]:
        assert self.projection is not None, "read before"
        known = {key for key in ids if key in self.projection}
        if not known:
            return set()
        states = await self._read(lambda: self._reader.states(known), stop)
        self._metrics.read.labels("states").inc(len(known))
        return self.projection.put_states(states or {}, now=self._clock.now())

    async def _take_offers(self, changes: Changes, stop: asyncio.Event) -> None:
        assert self.projection is not None, "read before"
        offers = changes.offers
        if not offers:
            return
        reading = await self._read(lambda: self._reader.offers(offers, self.shards), stop)
        if reading is not None:
            self.projection.put_offers(offers, reading.listings, reading.resources)
            self._metrics.read.labels("offers").inc(len(offers))
            self._metrics.listings.set(self.projection.count)

    async def _take_resources(self, ids: set[ResourceId], stop: asyncio.Event) -> None:
        assert self.projection is not None, "read before"
        while ids and not stop.is_set():
            async with self._reading:
                ids = await self._take_affected(ids, stop)

    async def _take_affected(self, ids: set[ResourceId], stop: asyncio.Event) -> set[ResourceId]:
        """Those that were booked meanwhile, to be read again."""
        assert self.projection is not None, "read before"
        affected = await self._read(lambda: self._reader.affected(ids), stop)
        known = self.projection.offered(affected or ())
        if not known:
            return set()
        self._booked.clear()
        resources = await self._read(lambda: self._reader.resources(known), stop) or {}
        self._metrics.read.labels("resources").inc(len(known))
        late = self._booked & resources.keys()
        self.projection.put_resources({key: resources[key] for key in resources.keys() - late})
        return late

    async def _sweep(self, stop: asyncio.Event) -> None:
        """Read again what the clock alone changes."""
        assert self.projection is not None, "read before"
        now = self._clock.now()
        again = await self._take_states(self.projection.doubtful(now), stop)
        await self._take_resources(again | self.projection.due(now), stop)
        self.projection.advance(now)

    async def _check_map(self) -> None:
        shards = await read_map(self._bus, count=self.shards.count)
        if shards.revision != self.shards.revision:
            raise EventsMissedError("the shard map was changed")

    async def _read(self, work: Callable[[], Result], stop: asyncio.Event) -> Result | None:
        """What ``work`` reads, once the database is there; ``None`` when ``stop`` came first."""
        while not stop.is_set():
            try:
                return await asyncio.to_thread(work)
            except DATABASE_AWAY as error:
                log.warning("market waits for the database", cause=str(error))
                await _wait(stop, AWAY_WAIT_S)
        return None


def _keep_for_good() -> None:
    """Looking for garbage among all that is on offer would hold up every answer meanwhile."""
    gc.collect()
    gc.freeze()


def _decoded(followed: FollowedEvent) -> Event | None:
    try:
        return decode_event(followed.subject, followed.data)
    except UndecodableEventError as error:
        log.error("event undecodable, not followed", cause=str(error))  # noqa: TRY400 - expected
        return None


async def _close(follower: EventFollower) -> None:
    with suppress(BusUnavailableError):
        await follower.close()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
