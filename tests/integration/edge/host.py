"""The platform's side of the wire: a Sparkplug primary host that keeps and checks what it hears."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from services.contracts.journal import (
    EPOCH_METRIC,
    OFFSETS_METRIC,
    SEEN_AT_METRIC,
    Receipt,
    offset_ranges,
    receipt_metric,
)
from services.contracts.sparkplug import (
    BD_SEQ_METRIC,
    NAMESPACE,
    REBIRTH_METRIC,
    DataType,
    MessageType,
    Metric,
    MetricValue,
    Payload,
    Topic,
    decode,
    encode,
    parse_topic,
    state_topic,
    unpack_uint64_array,
)
from services.contracts.telemetry import Quality, Signal

GROUP, NODE, DEVICE = "park-1", "gw-1", "mill-07"
HOST_ID = "nonagon"


@dataclass(frozen=True, slots=True)
class Heard:
    topic: Topic
    payload: Payload
    qos: int
    retain: bool
    at_s: float

    @property
    def kind(self) -> MessageType:
        return self.topic.message_type


@dataclass(frozen=True, slots=True)
class Stored:
    """What a database would keep of one observation."""

    device: str
    signal: Signal
    value: MetricValue
    quality: Quality
    source_ms: int | None
    is_historical: bool


@dataclass(slots=True)
class _Session:
    bd_seq: int
    expected_seq: int = 1
    aliases: dict[tuple[str, int], str] = field(default_factory=dict)


class Host:
    """Subscribes to everything of one node; with ``receipts`` it answers like the platform."""

    def __init__(self, mqtt_url: str, *, receipts: bool = True) -> None:
        self._address = urlsplit(mqtt_url)
        self._lock = threading.RLock()
        self.receipts = receipts
        self.heard: list[Heard] = []
        self.rows: dict[tuple[int, int], Stored] = {}
        self.copies = 0
        self.faults: list[str] = []
        self._session: _Session | None = None
        self._timestamp_ms = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="test-host", protocol=paho.MQTTv311
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async(str(self._address.hostname), int(self._address.port or 0), 10)
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        self._session = None  # births may have been missed: data means nothing until the next
        client.subscribe([(f"{NAMESPACE}/{GROUP}/#", 1)])
        self.ask_rebirth()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        deadline_s = time.monotonic() + 10
        while not self._client.is_connected() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.say(online=False)
        self.close()

    def say(self, *, online: bool, timestamp_ms: int | None = None) -> None:
        """Publish the host's birth or death, newer than the last unless told otherwise."""
        self._timestamp_ms = max(int(time.time_ns() // 1_000_000), self._timestamp_ms + 1)
        stamp = self._timestamp_ms if timestamp_ms is None else timestamp_ms
        body = json.dumps({"online": online, "timestamp": stamp})
        self._client.publish(state_topic(HOST_ID), body, qos=1, retain=True).wait_for_publish(5)

    def forget_state(self) -> None:
        self._client.publish(state_topic(HOST_ID), b"", qos=1, retain=True).wait_for_publish(5)

    def command(self, *metrics: Metric) -> None:
        self.command_bytes(encode(Payload(metrics)))

    def command_bytes(self, payload: bytes) -> None:
        topic = str(Topic(GROUP, MessageType.NCMD, NODE))
        self._client.publish(topic, payload, qos=0)

    def ask_rebirth(self) -> None:
        self.command(Metric(value=True, datatype=DataType.BOOLEAN, name=REBIRTH_METRIC))

    def receipt(self, epoch: int, ranges: list[tuple[int, int]]) -> None:
        self.command(receipt_metric(Receipt(epoch, ranges)))

    def of_kind(self, *kinds: MessageType) -> list[Heard]:
        with self._lock:
            return [heard for heard in self.heard if heard.kind in kinds]

    def values(self, signal: Signal) -> list[MetricValue]:
        """The stored values of ``signal`` in the order of the journal."""
        with self._lock:
            return [row.value for _, row in sorted(self.rows.items()) if row.signal is signal]

    def last(self, signal: Signal) -> MetricValue:
        values = self.values(signal)
        return values[-1] if values else None

    def offsets(self) -> list[int]:
        with self._lock:
            return sorted(offset for _, offset in self.rows)

    def seen_count(self) -> int:
        return sum(
            any(metric.name == SEEN_AT_METRIC for metric in heard.payload.metrics)
            for heard in self.of_kind(MessageType.DDATA)
        )

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Send no receipts."""
        self.receipts = False
        yield
        self.receipts = True

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = parse_topic(message.topic)
            if topic.message_type is MessageType.NCMD:
                return
            heard = Heard(
                topic,
                decode(bytes(message.payload)),
                message.qos,
                message.retain,
                time.monotonic(),
            )
            with self._lock:
                self.heard.append(heard)
                self._follow(heard)
        except Exception as error:  # noqa: BLE001 - shown by the test, not lost in paho's thread
            self.faults.append(f"{message.topic}: {type(error).__name__}: {error}")

    def _follow(self, heard: Heard) -> None:
        named = {metric.name: metric for metric in heard.payload.metrics if metric.name}
        if heard.kind is MessageType.NBIRTH:
            bd_seq = named[BD_SEQ_METRIC].value
            assert isinstance(bd_seq, int)
            self._expect(heard.payload.seq == 0, "NBIRTH with a seq other than 0")
            self._session = _Session(bd_seq)
        elif heard.kind is MessageType.NDEATH:
            self._expect(heard.payload.seq is None, "NDEATH with a seq")
        else:
            self._follow_device(heard)

    def _follow_device(self, heard: Heard) -> None:
        session = self._session
        if session is None:
            return  # heard in the middle of a session; a rebirth comes when somebody asks
        self._expect(
            heard.payload.seq == session.expected_seq,
            f"{heard.kind} seq {heard.payload.seq}, expected {session.expected_seq}",
        )
        session.expected_seq = ((heard.payload.seq or 0) + 1) % 256
        device = heard.topic.device or ""
        if heard.kind is MessageType.DBIRTH:
            for metric in heard.payload.metrics:
                self._expect(metric.name is not None, "DBIRTH metric without name")
                if metric.alias is not None:
                    taken = {alias for _, alias in session.aliases}
                    self._expect(
                        (device, metric.alias) in session.aliases or metric.alias not in taken,
                        f"alias {metric.alias} is not unique in the node",
                    )
                    session.aliases[device, metric.alias] = metric.name or ""
        else:
            self._store(heard, session, device)

    def _store(self, heard: Heard, session: _Session, device: str) -> None:
        named = {metric.name: metric for metric in heard.payload.metrics if metric.name}
        if OFFSETS_METRIC not in named:
            self._expect(set(named) == {SEEN_AT_METRIC}, f"live sign holds {sorted(named)}")
            return
        epoch, packed = named[EPOCH_METRIC].value, named[OFFSETS_METRIC].value
        assert isinstance(epoch, int)
        assert isinstance(packed, bytes)
        offsets = unpack_uint64_array(packed)
        observed = [metric for metric in heard.payload.metrics if metric.name is None]
        self._expect(len(offsets) == len(observed), "offsets and observations differ in number")
        for offset, metric in zip(offsets, observed, strict=True):
            self.copies += (epoch, offset) in self.rows
            self.rows[epoch, offset] = Stored(
                device,
                Signal(session.aliases[device, metric.alias or 0]),
                metric.value,
                metric.quality,
                metric.timestamp_ms,
                metric.is_historical,
            )
        if self.receipts:
            self.receipt(epoch, offset_ranges(offsets))

    def _expect(self, condition: bool, fault: str) -> None:  # noqa: FBT001 - an assertion
        if not condition:
            self.faults.append(fault)
