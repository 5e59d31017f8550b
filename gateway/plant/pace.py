"""When things are due on one machine: seconds of its own time, which freezes with it."""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.plant.clock import Clock


class FreezeCause(StrEnum):
    FAULT = "fault"
    HOLD = "hold"
    SERVER_STOPPED = "server-stopped"
    NOT_STARTED = "not-started"


class Pace:
    """A stopwatch that may be frozen for several causes at once and runs when none is left."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = self._frozen_at = clock.now()
        self._causes = {FreezeCause.NOT_STARTED}
        self._running = asyncio.Event()
        self._stopped = asyncio.Event()

    def freeze(self, cause: FreezeCause) -> None:
        if not self._causes:
            self._frozen_at = self._clock.now()
            self._running.clear()
            self._stopped.set()
        self._causes.add(cause)

    def thaw(self, cause: FreezeCause) -> None:
        if cause not in self._causes:
            return
        self._causes.discard(cause)
        if not self._causes:
            self._zero += self._clock.now() - self._frozen_at
            self._stopped.clear()
            self._running.set()

    @property
    def frozen(self) -> bool:
        return bool(self._causes)

    def due(self, offset_s: float) -> datetime:
        """The wall time ``offset_s`` falls on, if the machine does not freeze (again)."""
        slipped = self._clock.now() - self._frozen_at if self._causes else timedelta()
        return self._zero + slipped + timedelta(seconds=offset_s)

    async def reach(self, offset_s: float) -> datetime:
        """Wait until ``offset_s`` is due and return the instant it was due."""
        while True:
            await self._running.wait()
            due = self.due(offset_s)
            wait_s = (due - self._clock.now()).total_seconds()
            if wait_s <= 0:
                return due
            try:
                await asyncio.wait_for(self._stopped.wait(), wait_s)
            except TimeoutError:
                continue
