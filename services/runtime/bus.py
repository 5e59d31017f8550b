"""The event bus: NATS JetStream, one stream, every event published under its own subject.

The stream is transport. PostgreSQL keeps the facts, so whoever falls further behind than the
stream reaches back rebuilds from there.
"""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import UUID

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    Header,
    KeyValueConfig,
    PubAck,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.kv import KeyValue
from pydantic import ValidationError

import services.contracts.events
from services.contracts.events.envelope import SUBJECT_PREFIX, Event
from services.runtime.outbox import Position

STREAM: Final = "EVENTS"
STREAM_AGE_MAX_S: Final = 7 * 24 * 3600
STREAM_BYTES_MAX: Final = 512 * 1024 * 1024
DEDUPE_WINDOW_S: Final = 120
CONNECT_TIMEOUT_S: Final = 2
RECONNECT_WAIT_S: Final = 0.5
RECONNECT_FOREVER: Final = -1
PUBLISH_TIMEOUT_S: Final = 5.0
PUBLISH_IN_FLIGHT_MAX: Final = 256
ACK_WAIT_S: Final = 30.0
ACK_PENDING_MAX: Final = 256
FETCH_TIMEOUT_S: Final = 1.0
FOLLOWER_FORGOTTEN_S: Final = 30.0
"""How long the broker keeps the place of a follower that no longer fetches."""
QUESTIONS_PENDING_MAX: Final = 65_536
QUESTIONS_PENDING_BYTES_MAX: Final = 256 * 1024 * 1024
POSITION_HEADER: Final = "Nonagon-Position"

log = structlog.get_logger(__name__)


class UndecodableEventError(ValueError):
    """A message under a known event subject that is not that event; the text says why."""


class BusUnavailableError(Exception):
    """The broker did not do what was asked; nothing is lost, the caller tries again."""


class NobodyAnswersError(BusUnavailableError):
    """Nobody listens where something was asked."""


class EventsMissedError(Exception):
    """The stream no longer has all that came after the given place; read the record again."""


@contextmanager
def _broker_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (NatsError, TimeoutError, OSError) as error:
        raise BusUnavailableError(f"{what}: {error!r}") from error


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event ready to publish; ``event_id`` is what the broker deduplicates by."""

    event_id: UUID
    subject: str
    payload: Mapping[str, Any]
    position: Position | None = None


def _event_types() -> Iterator[type[Event]]:
    package = services.contracts.events
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for member in vars(importlib.import_module(module.name)).values():
            if isinstance(member, type) and issubclass(member, Event) and member is not Event:
                yield member


def _registry() -> Mapping[str, type[Event]]:
    by_subject: dict[str, type[Event]] = {}
    for event_type in _event_types():
        other = by_subject.setdefault(event_type.subject(), event_type)
        assert other is event_type, f"{other} and {event_type} share the type {event_type.type}"
    return MappingProxyType(by_subject)


EVENT_TYPES: Final = _registry()
"""Subject → event class, of every class under ``services.contracts.events``."""


def decode_event(subject: str, data: bytes) -> Event | None:
    """The event in a message; ``None`` for a type this release does not know.

    Raises:
        UndecodableEventError: the type is known and the content does not fit it.
    """
    event_type = EVENT_TYPES.get(subject)
    if event_type is None:
        log.warning("event type unknown, skipped", subject=subject)
        return None
    try:
        return event_type.model_validate_json(data)
    except ValidationError as error:
        raise UndecodableEventError(f"{subject}: {error}") from error


class Delivery:
    """One message from a durable consumer, waiting for its verdict."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self.subject = message.subject
        self.data = message.data

    @property
    def attempt(self) -> int:
        """How often it was delivered, this time included."""
        return self._message.metadata.num_delivered

    async def done(self) -> None:
        """Raises ``BusUnavailableError`` like its siblings; the message then comes again."""
        with _broker_errors("acknowledging failed"):
            await self._message.ack()

    async def retry_after(self, delay_s: float) -> None:
        with _broker_errors("handing back failed"):
            await self._message.nak(delay=delay_s)

    async def give_up(self) -> None:
        """Never deliver it again; the caller has kept it elsewhere."""
        with _broker_errors("giving up failed"):
            await self._message.term()

    async def still_working(self) -> None:
        """Restart the broker's wait for an acknowledgement."""
        with _broker_errors("extending failed"):
            await self._message.in_progress()


class DurableConsumer:
    """A named position in the stream, shared by every process that consumes under that name."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription

    async def fetch(self, batch_max: int) -> list[Delivery]:
        """Up to ``batch_max`` messages; empty when none came within a second.

        Raises:
            BusUnavailableError: the consumer is gone, or the broker is.
        """
        with _broker_errors("fetching failed"):
            try:
                messages = await self._subscription.fetch(batch_max, timeout=FETCH_TIMEOUT_S)
            except TimeoutError:  # nats-py raises its own subclass or the plain one
                return []
        return [Delivery(message) for message in messages]

    async def pending(self) -> int:
        """Messages of the stream this consumer has still to get.

        Raises:
            BusUnavailableError: the consumer is gone, or the broker is.
        """
        with _broker_errors("consumer state unknown"):
            return (await self._subscription.consumer_info()).num_pending or 0

    async def close(self) -> None:
        """Stop fetching; the position stays."""
        with _broker_errors("unsubscribing failed"):
            await self._subscription.unsubscribe()


@dataclass(frozen=True, slots=True)
class FollowedEvent:
    """An event of the stream, undecoded: its place in the stream and in the outbox."""

    subject: str
    data: bytes
    sequence: int
    position: Position | None


class EventFollower:
    """Everything the stream has after one place, in order, for one process that keeps its place.

    Nothing is acknowledged. Whoever finds a message missing follows anew from the last it took.
    """

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription
        self._taken = 0

    async def fetch(self, batch_max: int) -> list[FollowedEvent]:
        """What came next, at most ``batch_max``; empty when nothing did within a second.

        Raises:
            BusUnavailableError: the broker is away, or a message was lost on the way.
        """
        with _broker_errors("following failed"):
            try:
                messages = await self._subscription.fetch(batch_max, timeout=FETCH_TIMEOUT_S)
            except TimeoutError:  # nats-py raises its own subclass or the plain one
                return []
        return [self._taken_next(message) for message in messages]

    def _taken_next(self, message: Msg) -> FollowedEvent:
        place = message.metadata.sequence
        self._taken += 1
        if place.consumer != self._taken:
            raise BusUnavailableError(f"message {self._taken} did not arrive")
        written = (message.headers or {}).get(POSITION_HEADER)
        position = None if written is None else Position.read(written)
        return FollowedEvent(message.subject, message.data, place.stream, position)

    async def close(self) -> None:
        with _broker_errors("unsubscribing failed"):
            await self._subscription.unsubscribe()


class Question:
    """A request somebody waits for."""

    def __init__(self, message: Msg, client: Client) -> None:
        self._message = message
        self._client = client
        self.subject = message.subject
        self.data = message.data

    async def answer(self, data: bytes) -> None:
        """Raises ``BusUnavailableError``: nobody will hear it."""
        with _broker_errors("answering failed"):
            await self._client.publish(self._message.reply, data)


class Bus:
    """One connection to the broker, kept up for ever."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream = client.jetstream(timeout=PUBLISH_TIMEOUT_S)

    @classmethod
    async def connect(cls, url: str, *, name: str) -> Self:
        """Connect as ``name``, waiting for the broker as long as it takes.

        The stream is not touched: doors that only listen need not own it.
        """
        options = {**broker_options(name), "inbox_prefix": f"_INBOX_{name}"}
        return cls(await nats.connect(url, **options))

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    async def ensure_stream(self) -> None:
        """Create the stream, or bring an older one to today's limits.

        Raises:
            BusUnavailableError: the broker cannot be asked now.
        """
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{SUBJECT_PREFIX}>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=STREAM_AGE_MAX_S,
            max_bytes=STREAM_BYTES_MAX,
            duplicate_window=DEDUPE_WINDOW_S,
        )
        with _broker_errors("stream not ready"):
            try:
                await self._stream.stream_info(STREAM)
            except NotFoundError:
                await self._stream.add_stream(config)
            else:
                await self._stream.update_stream(config)

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Publish in order and wait until the stream has acknowledged every one.

        Raises:
            BusUnavailableError: some may be stored and some not; publishing all again is safe,
                the broker drops within the dedupe window what it already has.
        """
        for start in range(0, len(events), PUBLISH_IN_FLIGHT_MAX):
            await self._publish_chunk(events[start : start + PUBLISH_IN_FLIGHT_MAX])

    async def _publish_chunk(self, events: Sequence[OutgoingEvent]) -> None:
        if not self._client.is_connected:
            raise BusUnavailableError("not connected to the broker")
        acks: list[asyncio.Future[PubAck]] = []
        try:
            with _broker_errors("publishing failed"):
                for event in events:
                    acks.append(await self._send(event))  # noqa: PERF401 - cancelled if one fails
                await asyncio.wait_for(asyncio.gather(*acks), PUBLISH_TIMEOUT_S)
        finally:
            for ack in acks:
                ack.cancel()

    async def _send(self, event: OutgoingEvent) -> asyncio.Future[PubAck]:
        headers: dict[str, str] = {Header.MSG_ID: str(event.event_id)}
        if event.position is not None:
            headers[POSITION_HEADER] = str(event.position)
        return await self._stream.publish_async(
            event.subject,
            json.dumps(event.payload).encode(),
            stream=STREAM,
            wait_stall=PUBLISH_TIMEOUT_S,
            headers=headers,
        )

    async def last_sequence(self) -> int:
        """The place of the newest event in the stream; 0 for none.

        Raises:
            BusUnavailableError: the broker or the stream is not there yet.
        """
        with _broker_errors("stream not ready"):
            return (await self._stream.stream_info(STREAM)).state.last_seq

    async def follow(self, subjects: Sequence[str], *, after: int) -> EventFollower:
        """Everything on ``subjects`` after the place ``after`` in the stream, and what comes.

        Raises:
            EventsMissedError: the stream has dropped some of it, or is another one.
            BusUnavailableError: the broker or the stream is not there yet.
        """
        with _broker_errors("stream not ready"):
            state = (await self._stream.stream_info(STREAM)).state
        if not state.first_seq <= after + 1 <= state.last_seq + 1:
            raise EventsMissedError(f"{after + 1} of {state.first_seq} to {state.last_seq}")
        config = ConsumerConfig(
            filter_subjects=list(subjects),
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=FOLLOWER_FORGOTTEN_S,
            mem_storage=True,
        )
        with _broker_errors("follower not ready"):
            subscription = await self._stream.pull_subscribe("", stream=STREAM, config=config)
        return EventFollower(subscription)

    async def ask(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """The answer of whoever listens on ``subject``.

        Raises:
            NobodyAnswersError: nobody listens there.
            BusUnavailableError: the broker is away, or no answer came in time.
        """
        with _broker_errors("asking failed"):
            try:
                return (await self._client.request(subject, data, timeout=timeout_s)).data
            except NoRespondersError as error:
                raise NobodyAnswersError(f"nobody listens on {subject}") from error

    async def listen(self, subject: str, take: Callable[[Question], None]) -> Subscription:
        """Hand every question on ``subject`` to ``take``, which keeps it for later.

        Raises:
            BusUnavailableError: the broker is away.
        """

        async def deliver(message: Msg) -> None:
            if message.reply:
                take(Question(message, self._client))

        with _broker_errors("listening failed"):
            return await self._client.subscribe(
                subject,
                cb=deliver,
                pending_msgs_limit=QUESTIONS_PENDING_MAX,
                pending_bytes_limit=QUESTIONS_PENDING_BYTES_MAX,
            )

    async def bucket(self, name: str, *, ttl_s: float | None = None) -> KeyValue:
        """The JetStream key-value bucket ``name``, made if it is not there.

        Raises:
            BusUnavailableError: the broker is away.
        """
        with _broker_errors(f"bucket {name} not ready"):
            try:
                return await self._stream.key_value(name)
            except BucketNotFoundError:
                config = KeyValueConfig(bucket=name, history=1, ttl=ttl_s)
                return await self._stream.create_key_value(config)

    async def durable(self, name: str, subject: str) -> DurableConsumer:
        """The durable pull consumer ``name`` over ``subject``, created at the stream's start.

        Raises:
            BusUnavailableError: the broker or the stream is not there yet.
        """
        config = ConsumerConfig(
            durable_name=name,
            filter_subject=subject,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=ACK_PENDING_MAX,
        )
        with _broker_errors(f"consumer {name} not ready"):
            subscription = await self._stream.pull_subscribe(
                subject, durable=name, stream=STREAM, config=config
            )
        return DurableConsumer(subscription)

    async def subscribe_live(
        self, subject: str, callback: Callable[[Event], Awaitable[None]]
    ) -> Subscription:
        """Call ``callback`` with each event published from now on, for pages that show the present.

        Nothing is kept for a listener that is away: after a reconnect it reads the state anew.
        End it with ``unsubscribe()`` of what is returned.
        """

        async def deliver(message: Msg) -> None:
            try:
                event = decode_event(message.subject, message.data)
            except UndecodableEventError as error:
                log.error("event undecodable, not shown live", cause=str(error))  # noqa: TRY400 - expected
                return
            if event is not None:
                await callback(event)

        return await self._client.subscribe(subject, cb=deliver)

    async def close(self) -> None:
        """Leave the broker at once; unacknowledged messages are delivered again."""
        await self._client.close()


def broker_options(
    name: str, *, on_reconnect: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """How every connection to the broker is made: as ``name``, kept up for ever."""

    async def reconnected() -> None:
        log.info("broker connection back", connection=name)
        on_reconnect()

    return {
        "name": f"nonagon-{name}",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "reconnect_time_wait": RECONNECT_WAIT_S,
        "max_reconnect_attempts": RECONNECT_FOREVER,
        "error_cb": _on_error,
        "disconnected_cb": _on_disconnected,
        "reconnected_cb": reconnected,
    }


async def _on_error(error: Exception) -> None:
    log.warning("broker connection error", cause=repr(error))


async def _on_disconnected() -> None:
    log.warning("broker connection lost, reconnecting")
