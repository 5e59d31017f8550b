"""Exclusive rights among processes: entries of a JetStream bucket that expire unless renewed.

Who creates the entry holds the right; compare-and-set by revision keeps it to one holder, and the
broker takes it back when the entry is not renewed. A holder that slept does not know that, so it
believes itself for less time than the broker does, and stamps what it says with the revision of its
entry: a later holder's is higher.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from services.runtime.bus import Bus, BusUnavailableError

BUCKET: Final = "leases"
TTL_S: Final = 2.0
"""How long the broker keeps an entry that is not renewed."""
RENEW_EVERY_S: Final = 0.3
TRY_EVERY_S: Final = 0.1
BELIEVED_S: Final = 1.7
"""How long a holder believes in its last renewal, counted from before it was sent."""

log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """The broker gave the right to somebody else, or took it back."""


class Lease:
    """The right to ``name``, sought by :meth:`run` for as long as that runs."""

    def __init__(self, bus: Bus, name: str, holder: str) -> None:
        self._bus = bus
        self._name = name
        self._holder = holder.encode()
        self._believed_until = 0.0
        self._renewed = 0
        self.epoch = 0
        """Revision at which the right was last taken; higher than any earlier holder's."""
        self.changed = asyncio.Event()
        """Set whenever the right is known to be ours: taken, or renewed."""

    def holds(self) -> bool:
        """Whether the right is ours at this moment."""
        return time.monotonic() < self._believed_until

    async def run(self, stop: asyncio.Event) -> None:
        """Seek the right, and keep it, until ``stop``; then give it back."""
        while not stop.is_set():
            try:
                bucket = await self._bus.bucket(BUCKET, ttl_s=TTL_S)
                await self._take(bucket, stop)
                await self._keep(bucket, stop)
            except LeaseLostError:
                log.warning("lease lost", lease=self._name, epoch=self.epoch)
            except BusUnavailableError as error:
                log.warning("lease waits for the broker", lease=self._name, cause=str(error))
                await _wait(stop, RENEW_EVERY_S)

    async def _take(self, bucket: KeyValue, stop: asyncio.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                with _broker_errors("taking a lease failed"):
                    self.epoch = self._renewed = await bucket.create(self._name, self._holder)
            except LeaseLostError:
                await _wait(stop, TRY_EVERY_S)
                continue
            self._believed_until = began + BELIEVED_S
            self.changed.set()
            log.info("lease taken", lease=self._name, epoch=self.epoch)
            return

    async def _keep(self, bucket: KeyValue, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                await _wait(stop, RENEW_EVERY_S)
                began = time.monotonic()
                with _broker_errors("renewing a lease failed"):
                    self._renewed = await bucket.update(
                        self._name, self._holder, last=self._renewed
                    )
                self._believed_until = began + BELIEVED_S
                self.changed.set()
            with suppress(BusUnavailableError, LeaseLostError), _broker_errors("giving back"):
                await bucket.delete(self._name, last=self._renewed)
        finally:
            self._believed_until = 0.0


@contextmanager
def _broker_errors(what: str) -> Iterator[None]:
    try:
        yield
    except KeyWrongLastSequenceError as error:
        raise LeaseLostError from error
    except (NatsError, TimeoutError, OSError) as error:
        raise BusUnavailableError(f"{what}: {error!r}") from error


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
