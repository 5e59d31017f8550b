"""Bus and consumers on a real broker and database: once, in the end; or parked, never lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text
from sqlmodel import Session

from gateway.worker import consuming
from gateway.worker.consuming import ConsumerLoop
from gateway.worker.metrics import WorkerMetrics
from services.contracts.events.capacity import GapsRestored
from services.contracts.events.envelope import Event
from services.runtime.bus import Bus, OutgoingEvent
from services.runtime.clock import Clock, SystemClock
from services.runtime.consumers import Consumer, handle_once
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from tests.support.clock import START, FrozenClock
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.integration

_names = count(1)
SUBJECT = GapsRestored.subject()


class Recorder:
    """A handler that remembers, and fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.events: list[GapsRestored] = []
        self.failures = failures
        self.calls = 0

    def __call__(self, *, session: Session, clock: Clock, event: GapsRestored) -> None:
        assert session.is_active
        assert clock.now()
        self.calls += 1
        if self.calls <= self.failures:
            raise RuntimeError("failing on purpose")
        self.events.append(event)


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[Bus]:
    bus = await Bus.connect(nats_server.nats_url, name="test")
    await bus.ensure_stream()
    yield bus
    await bus.close()


def restored(clock: FrozenClock = FrozenClock()) -> GapsRestored:  # noqa: B008 - ids count up over all tests
    return GapsRestored(id=SystemClock().new_id(), occurred_at=START, resource_id=clock.new_id())


def outgoing(event: Event) -> OutgoingEvent:
    return OutgoingEvent(event.id, event.subject(), event.model_dump(mode="json"))


class Running:
    """A consumer loop in the background."""

    def __init__(self, bus: Bus, sessions: Sessions, recorder: Recorder) -> None:
        self.consumer = Consumer(f"test-{next(_names)}", GapsRestored, recorder)
        self.metrics = WorkerMetrics(CollectorRegistry())
        loop = ConsumerLoop(
            bus=bus,
            consumer=self.consumer,
            sessions=sessions,
            clock=SystemClock(),
            metrics=self.metrics,
        )
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(loop.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await self._task


class TestBus:
    async def test_stores_an_event_published_twice_once(self, bus: Bus, sessions: Sessions) -> None:
        event, recorder = restored(), Recorder()
        for _ in range(3):
            await bus.publish([outgoing(event)])
        running = Running(bus, sessions, recorder)
        last = restored()
        await bus.publish([outgoing(last)])
        await eventually_async(lambda: last in recorder.events)
        await running.stop()
        assert recorder.events.count(event) == 1
        outcomes = running.metrics.events.labels(running.consumer.name, "repeated")
        assert outcomes._value.get() == 0  # noqa: SLF001 - the counter's only reading

    async def test_live_listeners_get_what_is_published_from_now_on(self, bus: Bus) -> None:
        before, after = restored(), restored()
        await bus.publish([outgoing(before)])
        heard: list[Event] = []

        async def hear(event: Event) -> None:
            heard.append(event)

        subscription = await bus.subscribe_live("events.capacity.>", hear)
        await bus.publish([OutgoingEvent(before.resource_id, "events.capacity.future.v9", {})])
        await bus.publish([OutgoingEvent(after.resource_id, SUBJECT, {"id": "broken"})])
        await bus.publish([outgoing(after)])
        await eventually_async(lambda: heard == [after])
        await subscription.unsubscribe()


class TestConsumer:
    async def test_that_fails_is_tried_again(
        self, bus: Bus, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consuming, "RETRY_DELAYS_S", (0.05,) * 7)
        event, recorder = restored(), Recorder(failures=2)
        await bus.publish([outgoing(event)])
        running = Running(bus, sessions, recorder)
        await eventually_async(lambda: event in recorder.events)
        await running.stop()

    async def test_that_keeps_failing_has_its_event_parked_and_goes_on(
        self, bus: Bus, sessions: Sessions, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consuming, "RETRY_DELAYS_S", (0.02,) * 7)
        event, later = restored(), restored()

        class FailsOnOne(Recorder):
            def __call__(self, *, session: Session, clock: Clock, event: Any) -> None:
                if event.id == poison:
                    raise RuntimeError("poisoned")
                super().__call__(session=session, clock=clock, event=event)

        poison, recorder = event.id, FailsOnOne()
        await bus.publish([outgoing(event), outgoing(later)])
        running = Running(bus, sessions, recorder)

        def parked() -> list[Any]:
            with engine.begin() as connection:
                return list(
                    connection.execute(
                        text("SELECT * FROM parked_event WHERE event_id = :id"), {"id": poison}
                    )
                )

        (row,) = await eventually_async(parked)
        await eventually_async(lambda: later in recorder.events)
        await running.stop()
        assert (row.consumer, row.subject) == (running.consumer.name, SUBJECT)
        assert GapsRestored.model_validate(row.payload) == event
        assert "poisoned" in row.cause

    async def test_parks_what_it_cannot_decode(
        self, bus: Bus, sessions: Sessions, engine: Engine
    ) -> None:
        broken_id = SystemClock().new_id()
        payload = {"id": str(broken_id), "unexpected": 1}
        await bus.publish([OutgoingEvent(broken_id, SUBJECT, payload)])
        running = Running(bus, sessions, Recorder())

        def parked() -> list[Any]:
            with engine.begin() as connection:
                query = text("SELECT payload FROM parked_event WHERE event_id = :id")
                return list(connection.execute(query, {"id": broken_id}))

        (row,) = await eventually_async(parked)
        await running.stop()
        assert row.payload == payload

    async def test_handles_once_an_event_delivered_again_after_its_commit(
        self, bus: Bus, sessions: Sessions
    ) -> None:
        event, recorder = restored(), Recorder()
        running = Running(bus, sessions, recorder)
        # The commit of a worker that died before its acknowledgement:
        assert handle_once(sessions, SystemClock(), running.consumer, event)
        await bus.publish([outgoing(event)])
        last = restored()
        await bus.publish([outgoing(last)])
        await eventually_async(lambda: last in recorder.events)
        await running.stop()
        assert recorder.events.count(event) == 1


class TestBrokerOutage:
    async def test_ends_with_every_event_delivered(
        self, bus: Bus, sessions: Sessions, nats_server: EmbeddedNats
    ) -> None:
        recorder = Recorder()
        running = Running(bus, sessions, recorder)
        first, second = restored(), restored()
        await bus.publish([outgoing(first)])
        await eventually_async(lambda: first in recorder.events)
        nats_server.kill()
        nats_server.restart()  # in this thread: the server lives as long as its starter
        await eventually_async(lambda: bus.is_connected)
        await bus.publish([outgoing(second)])
        await eventually_async(lambda: second in recorder.events, within=20)
        await running.stop()
        assert recorder.events.count(first) == 1


def test_an_inbox_row_is_undone_with_the_handler_that_failed(sessions: Sessions) -> None:
    event, recorder = restored(), Recorder(failures=1)
    consumer = Consumer("test-undone", GapsRestored, recorder)
    clock = FrozenClock()
    with pytest.raises(RuntimeError):
        handle_once(sessions, clock, consumer, event)
    clock.advance(timedelta(seconds=1))
    assert handle_once(sessions, clock, consumer, event)
    assert not handle_once(sessions, clock, consumer, event)
    assert recorder.events == [event]
