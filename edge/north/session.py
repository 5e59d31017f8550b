"""The agent as a Sparkplug B 3.0 edge node: one state machine from CONNECT to NDEATH."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

import structlog

from edge.backoff import Backoff
from edge.clock import Clock
from edge.config import EdgeConfig
from edge.journal import Journal, JournalUnavailableError, Row
from edge.machine import MachineTwin
from edge.north.identity import NotEnrolledError, sign_in
from edge.north.mqtt import (
    BrokerUnavailableError,
    LinkDown,
    LinkLostError,
    Message,
    MqttLink,
    Will,
)
from edge.north.payloads import (
    AliasBook,
    data_metrics,
    death_metrics,
    device_birth_metrics,
    node_birth_metrics,
    seen_metrics,
)
from edge.north.window import BacklogRead, Parcel, SendWindow
from edge.recorder import Recorder
from services.contracts.intervals import ms_from_utc
from services.contracts.journal import RECEIPT_METRIC, read_receipt
from services.contracts.sparkplug import (
    REBIRTH_METRIC,
    SEQ_MODULUS,
    MalformedPayloadError,
    MessageType,
    Metric,
    Payload,
    Topic,
    decode,
    encode,
    state_topic,
)

log = structlog.get_logger(__name__)

TICK_S: Final = 0.25
SEEN_INTERVAL_S: Final = 5.0
REBIRTH_INTERVAL_S: Final = 2.0
LOOKS_FOR_CREDENTIAL_EVERY_S: Final = 0.5
"""Looking at a file costs no server anything, so whoever enrols the gateway sees it come."""
ROWS_PER_MESSAGE_MAX: Final = 250


class NorthState(StrEnum):
    OFFLINE = "offline"
    CONNECTED = "connected"
    WAIT_HOST = "wait-host"
    BIRTHING = "birthing"
    LIVE = "live"
    DRAINING = "draining"


class Witnessed(Protocol):
    """A device whose live signs can be trusted."""

    @property
    def twin(self) -> MachineTwin: ...

    @property
    def can_vouch(self) -> bool:
        """Whether its values are really good now."""

    @property
    def seen_at(self) -> datetime | None:
        """When they last were."""


class HostOfflineError(Exception):
    """The primary host has left; Sparkplug wants the node to disconnect and wait for it."""


class NodeSession:
    """Keeps the node born while the primary host is there, and publishes the journal."""

    def __init__(
        self,
        *,
        config: EdgeConfig,
        recorder: Recorder,
        devices: Sequence[Witnessed],
        clock: Clock,
    ) -> None:
        self._config = config
        self._recorder = recorder
        self._devices = devices
        self._clock = clock
        self._aliases = AliasBook([device.twin.device for device in devices])
        self._backoff = Backoff(max_s=config.broker.retry_max_s)
        self._window = SendWindow()
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._cause: str | None = None
        self._link: MqttLink
        self._bd_seq = 0
        self._seq = 0
        self._host_is_online = False
        self._host_timestamp = 0
        self._wants_rebirth = False
        self._born_at_s = 0.0
        self._seen_due_s = 0.0
        self.state = NorthState.OFFLINE
        self.connects_count = 0
        self.receipted_count = 0
        self.receipt_at_s: float | None = None
        self.malformed_count = 0
        recorder.on_commit = self._committed
        recorder.on_new_epoch = self._new_epoch

    @property
    def in_flight_count(self) -> int:
        return self._window.in_flight_count

    def stop(self) -> None:
        """Publish what is committed, say NDEATH and leave."""
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Connect again and again until :meth:`stop`."""
        while not self._is_stopping:
            delay_s: float | None = None
            try:
                await self._connection()
            except HostOfflineError:
                log.info("host_offline", host=self._config.gateway.host_id)
            except NotEnrolledError as error:
                self._note_cause(str(error))
                delay_s = LOOKS_FOR_CREDENTIAL_EVERY_S
            except (BrokerUnavailableError, LinkLostError) as error:
                self._note_cause(str(error))
            self.state = NorthState.OFFLINE
            if not self._is_stopping:
                await self._pause(delay_s or self._backoff.next_delay_s())

    async def _pause(self, delay_s: float) -> None:
        until_s = self._clock.monotonic() + delay_s
        while not self._is_stopping and (left_s := until_s - self._clock.monotonic()) > 0:
            await self._woken(left_s)

    async def _woken(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _note_cause(self, cause: str) -> None:
        if cause != self._cause:
            log.warning("broker_unavailable", cause=cause, retry_max_s=self._backoff.max_s)
        self._cause = cause

    async def _connection(self) -> None:
        identity = sign_in(self._config)
        self._bd_seq = await self._next_bd_seq()
        self._host_is_online = False
        will = Will(str(self._topic(MessageType.NDEATH)), self._death())
        self._link = MqttLink(
            url=self._config.broker.url,
            sign_in=identity,
            keepalive_s=self._config.broker.keepalive_s,
            will=will,
            on_event=self._wake.set,
        )
        was_born = False
        try:
            await self._link.connect()
            self.state = NorthState.CONNECTED
            self.connects_count += 1
            await self._link.subscribe([str(self._topic(MessageType.NCMD)), self._host_topic()])
            await self._wait_for_host()
            if not self._is_stopping:
                was_born = True
                await self._be_born()
                self._backoff.reset()
                await self._serve()
        finally:
            await self._link.close(with_death=was_born)

    async def _next_bd_seq(self) -> int:
        try:
            return await self._recorder.ask(Journal.next_bd_seq)
        except JournalUnavailableError:  # the recorder names the cause; the node still connects
            return (self._bd_seq + 1) % SEQ_MODULUS

    async def _wait_for_host(self) -> None:
        self.state = NorthState.WAIT_HOST
        log.info("waiting_for_host", broker=self._config.broker.url, host=self._host_topic())
        self._cause = None
        while not self._host_is_online and not self._is_stopping:
            await self._woken(TICK_S)
            await self._hear()

    async def _serve(self) -> None:
        while not self._is_stopping:
            await self._woken(TICK_S)
            await self._hear()
            if self._wants_rebirth and self._is_rebirth_due():
                await self._be_born()
            await self._publish_rows()
            self._publish_live_signs()
        self.state = NorthState.DRAINING
        await self._recorder.flush()
        await self._publish_rows()

    async def _hear(self) -> None:
        while (event := self._link.pending()) is not None:
            match event:
                case LinkDown(cause):
                    raise LinkLostError(f"MQTT broker {self._config.broker.url}: {cause}")
                case Message(topic, payload) if topic == self._host_topic():
                    self._hear_host(payload)
                case Message(_, payload):
                    await self._hear_command(payload)

    def _hear_host(self, payload: bytes) -> None:
        """Follow the primary host's own birth and death; older news than the last is ignored."""
        try:
            said = json.loads(payload)
            is_online, timestamp = bool(said["online"]), int(said["timestamp"])
        except (ValueError, TypeError, KeyError) as error:
            self._note_malformed(self._host_topic(), error)
            return
        if timestamp < self._host_timestamp:
            return
        self._host_timestamp = timestamp
        was_online, self._host_is_online = self._host_is_online, is_online
        if was_online and not is_online:
            raise HostOfflineError

    async def _hear_command(self, payload: bytes) -> None:
        try:
            for metric in decode(payload).metrics:
                if metric.name == REBIRTH_METRIC and metric.value is True:
                    self._wants_rebirth = True
                elif metric.name == RECEIPT_METRIC:
                    await self._settle(metric)
        except MalformedPayloadError as error:
            self._note_malformed(str(self._topic(MessageType.NCMD)), error)

    async def _settle(self, metric: Metric) -> None:
        receipt = read_receipt(metric)
        if receipt.epoch != self._recorder.epoch:
            return
        self.receipt_at_s = self._clock.monotonic()
        self._window.receipted(receipt.ranges)
        try:
            self.receipted_count += await self._recorder.settle(receipt)
        except JournalUnavailableError as error:  # sent and receipted once more, later
            log.warning("receipt_not_applied", cause=str(error))
        self._wake.set()

    def _note_malformed(self, topic: str, error: Exception) -> None:
        self.malformed_count += 1
        log.warning("malformed_message", topic=topic, cause=str(error))

    def _is_rebirth_due(self) -> bool:
        return self._clock.monotonic() - self._born_at_s >= REBIRTH_INTERVAL_S

    async def _be_born(self) -> None:
        self.state = NorthState.BIRTHING
        self._wants_rebirth = False
        self._born_at_s = self._clock.monotonic()
        now = self._clock.now()
        self._seq = 0
        self._publish(
            MessageType.NBIRTH,
            node_birth_metrics(bd_seq=self._bd_seq, epoch=self._recorder.epoch, now=now),
        )
        for device in self._devices:
            metrics = device_birth_metrics(
                device.twin, self._aliases, seen_at=device.seen_at, now=now
            )
            self._publish(MessageType.DBIRTH, metrics, device=device.twin.device)
        await self._begin_window()
        self._seen_due_s = 0.0
        self.state = NorthState.LIVE
        log.info("born", bd_seq=self._bd_seq, devices=len(self._devices), made=self._recorder.made)

    async def _begin_window(self) -> None:
        head = self._recorder.made
        try:
            newest = await self._recorder.ask(
                lambda journal: journal.newest_rows(limit=self._window.live_max)
            )
        except JournalUnavailableError:
            newest = []
        self._window.begin(head=head, newest=newest)

    async def _publish_rows(self) -> None:
        now_s = self._clock.monotonic()
        self._window.expire(now_s)
        self._publish_parcels(self._window.take_live(now_s))
        while (read := self._window.backlog_read()) is not None:
            try:
                rows = await self._recorder.ask(partial(_read_backlog, read=read))
            except JournalUnavailableError as error:
                log.warning("backlog_unreadable", cause=str(error))
                return
            self._publish_parcels(self._window.take_backlog(read, rows, now_s))

    def _publish_parcels(self, parcels: Sequence[Parcel]) -> None:
        by_device: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            by_device.setdefault(parcel.row.observation.device, []).append(parcel)
        for device, share in by_device.items():
            for start in range(0, len(share), ROWS_PER_MESSAGE_MAX):
                part = share[start : start + ROWS_PER_MESSAGE_MAX]
                metrics = data_metrics(part, epoch=self._recorder.epoch, aliases=self._aliases)
                self._publish(MessageType.DDATA, metrics, device=device)

    def _publish_live_signs(self) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._seen_due_s:
            return
        self._seen_due_s = now_s + SEEN_INTERVAL_S
        for device in self._devices:
            if device.can_vouch:
                metrics = seen_metrics(self._clock.now())
                self._publish(MessageType.DDATA, metrics, device=device.twin.device)

    def _publish(
        self, message_type: MessageType, metrics: Sequence[Metric], *, device: str | None = None
    ) -> None:
        """Send; the sequence number is used up only once the transport has taken the message."""
        payload = Payload(metrics, seq=self._seq, timestamp_ms=ms_from_utc(self._clock.now()))
        self._link.publish(str(self._topic(message_type, device)), encode(payload))
        self._seq = (self._seq + 1) % SEQ_MODULUS

    def _death(self) -> bytes:
        return encode(Payload(death_metrics(self._bd_seq)))

    def _topic(self, message_type: MessageType, device: str | None = None) -> Topic:
        gateway = self._config.gateway
        return Topic(gateway.group, message_type, gateway.edge_node, device)

    def _host_topic(self) -> str:
        return state_topic(self._config.gateway.host_id)

    def _committed(self, rows: Sequence[Row]) -> None:
        self._window.committed(rows)
        self._wake.set()

    def _new_epoch(self) -> None:
        """The journal was replaced: a birth announces the new one, and what is known goes first."""
        self._window.begin(head=0, newest=[])
        for device in self._devices:
            self._recorder.record(device.twin.facts())
        self._wants_rebirth = True
        self._wake.set()


def _read_backlog(journal: Journal, *, read: BacklogRead) -> list[Row]:
    return journal.rows_after(read.after, limit=read.limit)
