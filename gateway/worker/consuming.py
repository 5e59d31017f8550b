"""Runs one consumer: fetch, handle once, acknowledge; retry what fails, park what keeps failing."""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.worker.metrics import WorkerMetrics
from services.contracts.events.envelope import Event
from services.runtime.bus import (
    Bus,
    BusUnavailableError,
    Delivery,
    DurableConsumer,
    UndecodableEventError,
    decode_event,
)
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer, handle_once, park
from services.runtime.db import Sessions

FETCH_MAX: Final = 64
RETRY_DELAYS_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
DELIVERIES_MAX: Final = len(RETRY_DELAYS_S) + 1
DATABASE_WAIT_S: Final = 1.0
BROKER_WAIT_S: Final = 1.0
LAG_INTERVAL_S: Final = 15.0
DATABASE_AWAY: Final = (OperationalError, InterfaceError, PoolTimeoutError)
"""Failures that say nothing about the event: it waits and is not counted as tried."""

log = structlog.get_logger(__name__)


class ConsumerLoop:
    """One consumer on its durable position. Events come in order, except those being retried."""

    def __init__(
        self,
        *,
        bus: Bus,
        consumer: Consumer[Any],
        sessions: Sessions,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> None:
        self._bus = bus
        self._consumer = consumer
        self._sessions = sessions
        self._clock = clock
        self._metrics = metrics
        self._log = log.bind(consumer=consumer.name)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop``, setting up stream and consumer anew whenever they are gone."""
        while not stop.is_set():
            try:
                await self._bus.ensure_stream()
                durable = await self._bus.durable(
                    self._consumer.name, self._consumer.event.subject()
                )
                await self._consume(durable, stop)
            except BusUnavailableError as error:
                self._log.warning("consumer waits for the broker", cause=str(error))
                await _wait(stop, BROKER_WAIT_S)

    async def _consume(self, durable: DurableConsumer, stop: asyncio.Event) -> None:
        try:
            looked_at = -LAG_INTERVAL_S
            while not stop.is_set():
                if time.monotonic() - looked_at >= LAG_INTERVAL_S:
                    self._metrics.lag.labels(self._consumer.name).set(await durable.pending())
                    looked_at = time.monotonic()
                for delivery in await durable.fetch(FETCH_MAX):
                    if stop.is_set():
                        return
                    await self.take(delivery, stop)
        finally:
            with suppress(BusUnavailableError):
                await durable.close()

    async def take(self, delivery: Delivery, stop: asyncio.Event) -> None:
        """See ``delivery`` through to its verdict; without one it is delivered again."""
        try:
            event = decode_event(delivery.subject, delivery.data)
        except UndecodableEventError as error:
            await self._park(delivery, str(error), stop)
            return
        if event is None:
            await delivery.done()
            return
        try:
            ran = await self._handle(event, delivery, stop)
        except BusUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its failure
            self._log.exception("consumer failed", event_id=str(event.id), attempt=delivery.attempt)
            await self._failed(delivery, repr(error), stop)
        else:
            if ran is not None:
                await delivery.done()
                self._count("handled" if ran else "repeated")

    async def _handle(self, event: Event, delivery: Delivery, stop: asyncio.Event) -> bool | None:
        """Whether the handler ran; ``None`` when ``stop`` came while the database was away."""
        while not stop.is_set():
            try:
                return await asyncio.to_thread(
                    handle_once, self._sessions, self._clock, self._consumer, event
                )
            except DATABASE_AWAY as error:
                self._log.warning("consumer waits for the database", cause=str(error))
                await delivery.still_working()
                await _wait(stop, DATABASE_WAIT_S)
        return None

    async def _failed(self, delivery: Delivery, cause: str, stop: asyncio.Event) -> None:
        if delivery.attempt >= DELIVERIES_MAX:
            await self._park(delivery, cause, stop)
        else:
            await delivery.retry_after(RETRY_DELAYS_S[delivery.attempt - 1])
            self._count("retried")

    async def _park(self, delivery: Delivery, cause: str, stop: asyncio.Event) -> None:
        event_id, payload = _raw(delivery.data, otherwise=self._clock.new_id())
        while not stop.is_set():
            try:
                await asyncio.to_thread(
                    park,
                    self._sessions,
                    consumer=self._consumer.name,
                    event_id=event_id,
                    subject=delivery.subject,
                    payload=payload,
                    cause=cause,
                    now=self._clock.now(),
                )
            except DATABASE_AWAY as error:
                self._log.warning("parking waits for the database", cause=str(error))
                await delivery.still_working()
                await _wait(stop, DATABASE_WAIT_S)
            else:
                await delivery.give_up()
                self._log.error("event parked", event_id=str(event_id), cause=cause)
                self._count("parked")
                return

    def _count(self, outcome: str) -> None:
        self._metrics.events.labels(self._consumer.name, outcome).inc()


def _raw(data: bytes, *, otherwise: UUID) -> tuple[UUID, dict[str, Any]]:
    """The id and the content of a message as far as they can be read."""
    try:
        payload = json.loads(data)
        return UUID(payload["id"]), payload
    except (ValueError, KeyError, TypeError, AttributeError):
        return otherwise, {"undecodable": data.decode(errors="backslashreplace")}


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
