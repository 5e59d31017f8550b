"""The OPC UA driver: one supervised session per machine, read-only, resubscribed from scratch.

asyncua's own reconnect can report a live connection with dead subscriptions, so each attempt uses
a fresh client, and a session counts only while the server's clock moves through its subscription.
Only Browse, Read and the subscription services are used; there is no path to Write or Call.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.utils import ServiceError
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import BadTooManyOperations, UaError

from edge.backoff import Backoff
from edge.clock import Clock, SystemClock
from edge.config import EdgeConfig, MachineConfig, SecurityPolicy
from edge.drivers.certificates import Identity, open_identity
from edge.drivers.opcua_channel import Channel, open_channel
from edge.drivers.opcua_nodes import MachineNotFoundError, Resolved, resolve_machine
from edge.drivers.opcua_trust import RefusedError, load_trusted
from edge.drivers.opcua_values import Source, has_overflowed, read_sample
from edge.drivers.protocol import Driver, LinkState, Listener
from edge.machine import Feature, Sample

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 2.0
VERIFY_TIMEOUT_S: Final = 5.0
HEARTBEAT_TIMEOUT_S: Final = 6.0
HEARTBEAT_SAMPLING_MS: Final = 1_000
HEARTBEAT_HANDLE: Final = 1
FIRST_HANDLE: Final = 100
ITEMS_PER_CALL_DEFAULT: Final = 100
QUEUE_SIZE_EVENTS: Final = 1_000
"""States, executions, counters: every change between two publishes counts."""
QUEUE_SIZE_MIN: Final = 10
BATCHES_QUEUED_MAX: Final = 256
LIFETIME_COUNT: Final = 600
KEEPALIVE_COUNT: Final = 10
SEQUENCE_MAX: Final = 2**32 - 1
ANALOG: Final = frozenset({Feature.SPINDLE_LOAD})


class SessionEndedError(Exception):
    """The session cannot be trusted any more; the text says why."""


@dataclass(frozen=True, slots=True)
class _Batch:
    changes: Sequence[tuple[int, ua.DataValue]]


_FAILURES: Final = (
    OSError,
    TimeoutError,
    UaError,
    ServiceError,
    SessionEndedError,
    MachineNotFoundError,
    RefusedError,
)


class OpcUaDriver:
    """Keeps one machine subscribed until cancelled.

    Args:
        machine: where, as what and how protected.
        trust_folder: certificates that count as the machine's, beside those it names.
        identity: to encrypt with; not needed for a machine without protection.
    """

    def __init__(
        self,
        machine: MachineConfig,
        listener: Listener,
        *,
        trust_folder: Path,
        identity: Identity | None,
        clock: Clock | None = None,
    ) -> None:
        self._machine = machine
        self._listener = listener
        self._trust_folder = trust_folder
        self._identity = identity
        self._clock = clock or SystemClock()
        self._backoff = Backoff(max_s=machine.endpoint.retry_max_s)
        self._cause: str | None = None
        self._missing: frozenset[Feature] | None = None
        self._log = log.bind(device=machine.device, endpoint=machine.endpoint.url)

    async def run(self) -> None:
        if not self._machine.endpoint.is_encrypted:
            self._listener.link_protected(SecurityPolicy.NONE, until=None)
            self._log.warning(
                "machine_unprotected",
                cause="`security: none`: anybody on the way can read and change what it says",
            )
        while True:
            try:
                await self._attempt()
            except _FAILURES as error:
                self._fail(error)
            self._enter(LinkState.BACKOFF)
            await asyncio.sleep(self._backoff.next_delay_s())

    def _fail(self, error: Exception) -> None:
        cause = _named(error)
        refusal = error.refusal if isinstance(error, RefusedError) else None
        if cause != self._cause:
            retry_max_s = self._backoff.max_s
            if refusal is None:
                self._log.warning("machine_unavailable", cause=cause, retry_max_s=retry_max_s)
            else:
                self._log.error(
                    "machine_refused", refusal=refusal, cause=cause, retry_max_s=retry_max_s
                )
        self._cause = cause
        self._listener.link_lost(cause, refusal)

    def _enter(self, state: LinkState) -> None:
        self._listener.link_changed(state)

    async def _attempt(self) -> None:
        self._enter(LinkState.CONNECTING)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            channel = await self._open()
        client = channel.client
        try:
            if channel.certificate_until is not None:
                self._listener.link_protected(
                    self._machine.endpoint.security, until=channel.certificate_until
                )
            await _Session(self._machine, self._listener, self._clock, client, self._online).run()
        finally:
            with suppress(Exception):  # a dead server cannot be left politely
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await client.disconnect()

    async def _open(self) -> Channel:
        endpoint = self._machine.endpoint
        trusted = None
        if endpoint.is_encrypted:  # read anew, so that a pin counts without a restart
            trusted = await load_trusted(frozenset(endpoint.trust), self._trust_folder)
        return await open_channel(self._machine, self._identity, trusted, now=self._clock.now())

    def _online(self, resolved: Resolved) -> None:
        self._enter(LinkState.ONLINE)
        self._backoff.reset()
        self._log.info("machine_online", features=len(resolved.nodes))
        self._cause = None
        if resolved.missing and resolved.missing != self._missing:
            self._log.warning("nodes_missing", features=sorted(resolved.missing))
        self._missing = resolved.missing


class _Session:
    """One connected client: resolve, subscribe, verify, then pass on what comes."""

    def __init__(
        self,
        machine: MachineConfig,
        listener: Listener,
        clock: Clock,
        client: Client,
        on_online: Callable[[Resolved], None],
    ) -> None:
        self._machine = machine
        self._listener = listener
        self._clock = clock
        self._client = client
        self._on_online = on_online
        self._batches: asyncio.Queue[_Batch | SessionEndedError] = asyncio.Queue(BATCHES_QUEUED_MAX)
        self._sources: dict[int, Source] = {}
        self._machinery_index = 0
        self._sequence = 0
        self._heartbeat_s = 0.0
        self._bad: set[Feature] = set()

    async def run(self) -> None:
        self._listener.link_changed(LinkState.RESOLVING)
        resolved = await resolve_machine(self._client, self._machine.machine)
        self._machinery_index = resolved.machinery_index
        self._listener.link_changed(LinkState.SUBSCRIBING)
        refused = await self._begin_subscription(resolved)
        self._listener.link_changed(LinkState.VERIFYING)
        first = await self._verify(refused)
        self._heartbeat_s = self._clock.monotonic()
        self._listener.link_up(frozenset(resolved.nodes))
        self._listener.heartbeat()
        self._pass_on(first)
        self._on_online(resolved)
        while True:
            self._pass_on(self._samples(await self._next_batch()))

    async def _begin_subscription(self, resolved: Resolved) -> list[Sample]:
        """Create the subscription and its items; refused items come back as faulty samples."""
        created = await self._client.uaclient.session.create_subscription(
            ua.CreateSubscriptionParameters(
                RequestedPublishingInterval=self._machine.publish_ms,
                RequestedLifetimeCount=LIFETIME_COUNT,
                RequestedMaxKeepAliveCount=KEEPALIVE_COUNT,
                MaxNotificationsPerPublish=0,
                PublishingEnabled=True,
                Priority=0,
            ),
            callback=self._published,
        )
        requests = [_item(HEARTBEAT_HANDLE, _CURRENT_TIME, HEARTBEAT_SAMPLING_MS, 1)]
        for handle, (source, node) in enumerate(resolved.nodes.values(), start=FIRST_HANDLE):
            self._sources[handle] = source
            queue_size = self._queue_size(source.feature)
            requests.append(_item(handle, node, self._machine.sampling_ms, queue_size))
        results = await self._create_items(created.SubscriptionId, requests)
        if not results[0].StatusCode.is_good():
            raise SessionEndedError(f"ServerStatus/CurrentTime: {results[0].StatusCode.name}")
        return [
            self._refusal(handle, result.StatusCode)
            for handle, result in zip(list(self._sources), results[1:], strict=True)
            if not result.StatusCode.is_good()
        ]

    def _queue_size(self, feature: Feature) -> int:
        if feature not in ANALOG:
            return QUEUE_SIZE_EVENTS
        per_publish = self._machine.publish_ms / max(self._machine.sampling_ms, 1)
        return max(math.ceil(per_publish) * 2, QUEUE_SIZE_MIN)

    def _refusal(self, handle: int, status: ua.StatusCode) -> Sample:
        source = self._sources.pop(handle)
        fault = f"{source.label}: the server refused to monitor it: {status.name}"
        return Sample(source.feature, None, self._clock.now(), fault)

    async def _create_items(
        self, subscription_id: int, requests: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult]:
        """In chunks the server says it takes; halved when it takes less than it says."""
        chunk = await self._items_per_call()
        results: list[ua.MonitoredItemCreateResult] = []
        while len(results) < len(requests):
            params = ua.CreateMonitoredItemsParameters(
                SubscriptionId=subscription_id,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=list(requests[len(results) : len(results) + chunk]),
            )
            try:
                results += await self._client.uaclient.session.create_monitored_items(params)
            except BadTooManyOperations:
                if chunk == 1:
                    raise
                chunk = math.ceil(chunk / 2)
        return results

    async def _items_per_call(self) -> int:
        node = self._client.get_node(_MAX_ITEMS_PER_CALL)
        data = await node.read_data_value(raise_on_bad_status=False)
        limit = data.Value.Value if data.Value is not None else None
        if isinstance(limit, int) and limit > 0:
            return min(limit, ITEMS_PER_CALL_DEFAULT)
        return ITEMS_PER_CALL_DEFAULT

    async def _verify(self, refused: list[Sample]) -> list[Sample]:
        """Wait for a first value, good or bad, of every item; name those that stay silent."""
        samples = list(refused)
        silent = {source.feature: source for source in self._sources.values()}
        try:
            async with asyncio.timeout(VERIFY_TIMEOUT_S + self._machine.publish_ms / 1_000):
                while silent:
                    batch = self._samples(await self._receive())
                    samples += batch
                    for sample in batch:
                        silent.pop(sample.feature, None)
        except TimeoutError:
            now = self._clock.now()
            samples += [
                Sample(feature, None, now, f"{source.label}: no first value")
                for feature, source in silent.items()
            ]
        return samples

    async def _next_batch(self) -> _Batch:
        """The next notification, as long as the server's clock keeps moving."""
        left_s = self._heartbeat_s + self._heartbeat_timeout_s - self._clock.monotonic()
        try:
            async with asyncio.timeout(max(left_s, 0)):
                return await self._receive()
        except TimeoutError:
            raise SessionEndedError(
                f"the server's clock has not moved for {self._heartbeat_timeout_s:g} s"
            ) from None

    @property
    def _heartbeat_timeout_s(self) -> float:
        return max(HEARTBEAT_TIMEOUT_S, self._machine.publish_ms * 3 / 1_000)

    async def _receive(self) -> _Batch:
        event = await self._batches.get()
        self._listener.queue_depth(self._batches.qsize())
        if isinstance(event, SessionEndedError):
            raise event
        return event

    def _samples(self, batch: _Batch) -> list[Sample]:
        now = self._clock.now()
        samples = []
        for handle, data in batch.changes:
            if handle == HEARTBEAT_HANDLE:
                self._heartbeat_s = self._clock.monotonic()
                self._listener.heartbeat()
                continue
            source = self._sources.get(handle)
            if source is None:
                continue
            if has_overflowed(data):
                log.warning("server_queue_overflow", device=self._machine.device, node=source.label)
            samples.append(
                read_sample(source, data, machinery_index=self._machinery_index, now=now)
            )
        return samples

    def _pass_on(self, samples: Sequence[Sample]) -> None:
        if not samples:
            return
        for sample in samples:
            if sample.fault is None:
                self._bad.discard(sample.feature)
            elif sample.feature not in self._bad:
                self._bad.add(sample.feature)
                log.warning("bad_value", device=self._machine.device, cause=sample.fault)
        self._listener.items_counted(
            desired=len(Feature), actual=len(self._sources), bad=len(self._bad)
        )
        self._listener.sampled(samples)

    async def _published(self, result: ua.PublishResult) -> None:
        """Called in asyncua's publish loop: it must not wait and must not raise."""
        message = result.NotificationMessage
        if not message.NotificationData:
            return
        changes: list[tuple[int, ua.DataValue]] = []
        for notification in message.NotificationData:
            if isinstance(notification, ua.StatusChangeNotification):
                self._end(f"the server ended the subscription: {notification.Status.name}")
                return
            if isinstance(notification, ua.DataChangeNotification):
                changes += [(item.ClientHandle, item.Value) for item in notification.MonitoredItems]
        expected = self._sequence % SEQUENCE_MAX + 1
        if message.SequenceNumber != expected:
            self._end(f"notification {expected} was lost, got {message.SequenceNumber}")
            return
        self._sequence = expected
        if self._batches.full():
            self._end(f"{BATCHES_QUEUED_MAX} notifications wait; the agent is too slow")
            return
        self._batches.put_nowait(_Batch(changes))

    def _end(self, cause: str) -> None:
        if self._batches.full():
            self._batches.get_nowait()
        self._batches.put_nowait(SessionEndedError(cause))


_CURRENT_TIME: Final = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
_MAX_ITEMS_PER_CALL: Final = ua.NodeId(
    ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)
)


def _item(
    handle: int, node: ua.NodeId, sampling_ms: int, queue_size: int
) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=sampling_ms,
            QueueSize=queue_size,
            DiscardOldest=True,
        ),
    )


def _named(error: BaseException) -> str:
    """A cause a person can act on, also for errors that carry no text."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def create_drivers(
    config: EdgeConfig, listeners: Sequence[tuple[MachineConfig, Listener]]
) -> list[Driver]:
    """A driver for each machine; they share the agent's certificate.

    Raises:
        IdentityUnusableError: the certificate or its key can neither be read nor made.
    """
    clock = SystemClock()
    is_needed = any(machine.endpoint.is_encrypted for machine, _ in listeners)
    identity = open_identity(config, now=clock.now()) if is_needed else None
    return [
        OpcUaDriver(
            machine,
            listener,
            trust_folder=config.trust_folder(machine),
            identity=identity,
            clock=clock,
        )
        for machine, listener in listeners
    ]
