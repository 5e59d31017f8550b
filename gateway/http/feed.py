"""Feeds the live hub from the bus, whenever the bus is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from gateway.live import LiveHub
from services.contracts.events.envelope import SUBJECT_PREFIX, Event
from services.runtime.bus import Bus

ALL_EVENTS = f"{SUBJECT_PREFIX}>"

ConnectBus = Callable[[], Awaitable[Bus]]

log = structlog.get_logger(__name__)


class LiveFeed:
    """One bus connection that hands every event to the hub; ``is_connected`` tells readiness."""

    def __init__(self, hub: LiveHub, connect: ConnectBus) -> None:
        self._hub = hub
        self._connect = connect
        self._bus: Bus | None = None

    @property
    def is_connected(self) -> bool:
        return self._bus is not None and self._bus.is_connected

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect in the background for as long as the block runs; start-up does not wait."""
        task = asyncio.create_task(self._follow(), name="live feed")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if self._bus is not None:
                await self._bus.close()

    async def _follow(self) -> None:
        try:
            self._bus = await self._connect()
            await self._bus.subscribe_live(ALL_EVENTS, self._publish)
        except Exception:
            log.exception("live feed failed: pages stay up but do not move until a restart")
            raise

    async def _publish(self, event: Event) -> None:
        self._hub.publish(event)
