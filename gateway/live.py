"""The live hub: one per process, fed by the bus, fanned out to every open stream.

Publishing never waits for a reader. Each reader has a bounded dict of pending events in which a
newer event of the same key replaces the older one; a reader that falls too far behind, or that
resumes from an id the ring no longer holds, is told to ``reset``: load its snapshot again.

    hub = LiveHub(boot="3f2a")
    hub.publish(event)
    with hub.subscribe(after=last_event_id) as stream:
        async for live in stream:
            live.topic, live.key, live.data, live.frame
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, NamedTuple, Self

from services.contracts.access import ANONYMOUS, Principal
from services.contracts.events.envelope import Audience, Event

RING_MAX: Final = 2_048
PENDING_KEYS_MAX: Final = 4_096
SUBSCRIBERS_MAX: Final = 2_000
RESET_TOPIC: Final = "reset"
EVERYBODY: Final = Audience(visibility="public")
_KEY_FIELDS: Final = ("booking_id", "demand_id", "offer_id", "resource_id")


class LiveEvent(NamedTuple):
    """One event as streams carry it; ``data`` is JSON, serialised once for all readers."""

    id: str
    topic: str
    key: str
    data: bytes
    audience: Audience

    @property
    def frame(self) -> bytes:
        """The event in the ``text/event-stream`` format."""
        head = f"id: {self.id}\nevent: {self.topic}\ndata: ".encode()
        return head + self.data + b"\n\n"


class TooManySubscribersError(RuntimeError):
    """The process serves as many streams as it may."""


class Subscription:
    """One reader of the hub: an async iterator, and a context manager that leaves the hub."""

    def __init__(self, hub: "LiveHub", listener: Principal) -> None:
        self._hub = hub
        self.listener = listener
        self._pending: dict[str, LiveEvent] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, event: LiveEvent) -> None:
        """Take ``event`` if it is for this reader, replacing an unread one; never blocks."""
        if not event.audience.admits(self.listener):
            return
        self._pending.pop(event.key, None)
        if len(self._pending) >= PENDING_KEYS_MAX:
            self._pending.clear()
            event = self._hub.reset_event()
        self._pending[event.key] = event
        self._wake.set()

    async def batch(self, *, timeout_s: float) -> list[LiveEvent]:
        """Everything unread, oldest first; empty when nothing came for ``timeout_s``.

        Raises:
            StopAsyncIteration: the hub or the reader closed.
        """
        if not self._pending and not self._closed:
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_s)
            except TimeoutError:
                return []
        if self._closed and not self._pending:
            raise StopAsyncIteration
        events = list(self._pending.values())
        self._pending.clear()
        self._wake.clear()
        return events

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._hub.leave(self)

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        while True:
            try:
                events = await self.batch(timeout_s=3600)
            except StopAsyncIteration:
                return
            for event in events:
                yield event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LiveHub:
    """Fans events out to subscriptions. Belongs to one event loop.

    Args:
        boot: unlike that of any earlier process, so that ids of another life are recognised.
    """

    def __init__(self, *, boot: str) -> None:
        self._boot = boot
        self._sequence = 0
        self._ring: deque[LiveEvent] = deque(maxlen=RING_MAX)
        self._subscriptions: set[Subscription] = set()

    @property
    def subscriber_count(self) -> int:
        return len(self._subscriptions)

    @property
    def last_id(self) -> str:
        """The id of the newest event."""
        return self._id(self._sequence)

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every reader of its audience."""
        data = event.model_dump_json(exclude={"audience"}).encode()
        self.publish_json(event.type, _key_of(event), data, audience=event.audience)

    def publish_json(
        self, topic: str, key: str, data: bytes, *, audience: Audience = EVERYBODY
    ) -> None:
        """Hand serialised ``data`` to its audience; ``key`` says which unread event it replaces."""
        self._sequence += 1
        live = LiveEvent(self._id(self._sequence), topic, f"{topic}:{key}", data, audience)
        self._ring.append(live)
        for subscription in self._subscriptions:
            subscription.offer(live)

    def subscribe(
        self, *, after: str | None = None, listener: Principal = ANONYMOUS
    ) -> Subscription:
        """A reader of what ``listener`` may hear, from now on or just after the id ``after``.

        Raises:
            TooManySubscribersError: the process is full.
        """
        if len(self._subscriptions) >= SUBSCRIBERS_MAX:
            raise TooManySubscribersError(f"{SUBSCRIBERS_MAX} streams are open")
        subscription = Subscription(self, listener)
        for event in self._missed(after) if after else ():
            subscription.offer(event)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every stream."""
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def reset_event(self) -> LiveEvent:
        """Tells a reader that it missed events and must load its snapshot again."""
        return LiveEvent(self._id(self._sequence), RESET_TOPIC, RESET_TOPIC, b"{}", EVERYBODY)

    def _missed(self, after: str) -> list[LiveEvent]:
        boot, _, number = after.rpartition("-")
        if boot != self._boot or not number.isdecimal():
            return [self.reset_event()]
        behind = self._sequence - int(number)
        if not 0 <= behind <= len(self._ring):
            return [self.reset_event()]
        return list(self._ring)[len(self._ring) - behind :]

    def _id(self, sequence: int) -> str:
        return f"{self._boot}-{sequence}"


def _key_of(event: Event) -> str:
    for name in _KEY_FIELDS:
        value = getattr(event, name, None)
        if value is not None:
            return str(value)
    return str(event.id)
