"""The HTTP door's connection to the bus: feeds the live hub, and asks others for requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import structlog

from gateway.live import LiveHub
from services.contracts.events.envelope import SUBJECT_PREFIX, Event
from services.runtime.bus import Bus, BusUnavailableError

ALL_EVENTS = f"{SUBJECT_PREFIX}>"
SCHEDULED_WITHIN_S: Final = 1.0
"""For the loop to come to a request's question and its answer, beyond what the answer may take."""

ConnectBus = Callable[[], Awaitable[Bus]]

log = structlog.get_logger(__name__)


class LiveFeed:
    """One bus connection that hands every event to the hub; ``is_connected`` tells readiness."""

    def __init__(self, hub: LiveHub, connect: ConnectBus) -> None:
        self._hub = hub
        self._connect = connect
        self._bus: Bus | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_connected(self) -> bool:
        return self._bus is not None and self._bus.is_connected

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect in the background for as long as the block runs; start-up does not wait."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._follow(), name="live feed")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if self._bus is not None:
                await self._bus.close()

    def ask_all(self, subjects: Sequence[str], data: bytes, within_s: float) -> list[bytes]:
        """Ask the same of several subjects at once, from a request's thread.

        Raises:
            BusUnavailableError: not all of them answered within ``within_s`` seconds.
        """
        bus, loop = self._bus, self._loop
        if bus is None or loop is None or not bus.is_connected:
            raise BusUnavailableError("not connected to the broker")
        asked = asyncio.run_coroutine_threadsafe(_ask_all(bus, subjects, data, within_s), loop)
        try:
            return asked.result(within_s + SCHEDULED_WITHIN_S)
        except TimeoutError as error:
            asked.cancel()
            raise BusUnavailableError("asking took too long") from error

    async def _follow(self) -> None:
        try:
            self._bus = await self._connect()
            await self._bus.subscribe_live(ALL_EVENTS, self._publish)
        except Exception:
            log.exception("live feed failed: pages stay up but do not move until a restart")
            raise

    async def _publish(self, event: Event) -> None:
        self._hub.publish(event)


async def _ask_all(bus: Bus, subjects: Sequence[str], data: bytes, within_s: float) -> list[bytes]:
    asked = (bus.ask(subject, data, timeout_s=within_s) for subject in subjects)
    return list(await asyncio.gather(*asked))
