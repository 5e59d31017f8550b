"""A Sparkplug edge node on a real broker, as little of one as tests of the host need."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from services.contracts.intervals import ms_from_utc
from services.contracts.journal import (
    EPOCH_METRIC,
    RECEIPT_METRIC,
    SEEN_AT_METRIC,
    Receipt,
    offsets_metrics,
    read_receipt,
)
from services.contracts.sparkplug import (
    BD_SEQ_METRIC,
    REBIRTH_METRIC,
    DataType,
    MessageType,
    Metric,
    MetricValue,
    Payload,
    Topic,
    decode,
    encode,
)
from services.contracts.telemetry import ResourceState, Signal
from tests.support.waiting import eventually

Observed = tuple[str, MetricValue, DataType]
DATATYPES = {
    Signal.STATE: DataType.STRING,
    Signal.STATE_REASON: DataType.STRING,
    Signal.JOB_ID: DataType.STRING,
    Signal.JOB_PREDICTED_END: DataType.DATETIME,
    Signal.JOB_PREDICTION_SOURCE: DataType.STRING,
    Signal.PARTS: DataType.INT64,
    Signal.EXECUTION: DataType.STRING,
    Signal.SPINDLE_LOAD: DataType.DOUBLE,
}
PLACES = {signal.value: place for place, signal in enumerate(Signal, start=10)}


def state(word: ResourceState | str) -> Observed:
    return Signal.STATE.value, str(word), DataType.STRING


def parts(count: MetricValue) -> Observed:
    return Signal.PARTS.value, count, DataType.INT64


class FakeEdge:
    """One edge node with its journal epoch; remembers receipts and rebirth requests."""

    def __init__(
        self, mqtt_url: str, *, group: str, node: str, epoch: int = 7, devices: Sequence[str] = ()
    ) -> None:
        host, _, port = mqtt_url.removeprefix("mqtt://").partition(":")
        self._address = host, int(port)
        self.group, self.node, self.epoch = group, node, epoch
        self._devices = devices
        self.bd_seq = -1
        self._seq = 0
        self.receipts: list[Receipt] = []
        self.rebirth_requests = 0
        self._lock = threading.Lock()
        self._client = self._new_client()

    def connect(self) -> None:
        """Begin another session; ``birth`` is for the test to call."""
        self.bd_seq = (self.bd_seq + 1) % 256
        self._client = self._new_client()  # a loop stopped by a cut leaks sockets when restarted
        death = Payload([Metric(self.bd_seq, DataType.INT64, name=BD_SEQ_METRIC)])
        self._client.will_set(self._topic(MessageType.NDEATH), encode(death), qos=1)
        self._client.connect(*self._address, keepalive=5)
        self._client.loop_start()
        eventually(self._client.is_connected)

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"{self.group}-{self.node}")
        client.on_message = self._on_message
        client.on_connect = self._on_connect
        return client

    def disconnect(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def cut(self) -> None:
        """Lose the connection without a word, so that the broker publishes the Will."""
        sock = self._client.socket()
        self._client.loop_stop()
        assert sock is not None
        sock.close()

    def birth(self, values: Mapping[str, Sequence[Observed]] | None = None) -> None:
        self._seq = 0
        metrics = [
            Metric(self.bd_seq, DataType.INT64, name=BD_SEQ_METRIC, timestamp_ms=_now_ms()),
            Metric(value=False, datatype=DataType.BOOLEAN, name=REBIRTH_METRIC),
            Metric(self.epoch, DataType.UINT64, name=EPOCH_METRIC),
        ]
        self._publish(MessageType.NBIRTH, None, metrics)
        for device in self._devices:
            self.device_birth(device, (values or {}).get(device, ()))

    def device_birth(self, device: str, values: Sequence[Observed] = ()) -> None:
        given = {name: value for name, value, _ in values}
        metrics = [
            Metric(
                given.get(signal.value),
                DATATYPES[signal],
                name=signal.value,
                alias=self._alias(device, signal.value),
                timestamp_ms=_now_ms(),
            )
            for signal in Signal
        ]
        self._publish(MessageType.DBIRTH, device, metrics)

    def device_death(self, device: str) -> None:
        self._publish(MessageType.DDEATH, device, [])

    def seen(self, device: str) -> None:
        seen_at = Metric(_now_ms(), DataType.DATETIME, name=SEEN_AT_METRIC)
        self._publish(MessageType.DDATA, device, [seen_at])

    def report(
        self,
        device: str,
        observed: Sequence[Observed],
        *,
        first_offset: int,
        source_ms: int | None = None,
        historical: bool = False,
    ) -> None:
        metrics = [
            Metric(
                value,
                datatype,
                alias=self._alias(device, name),
                name=None if name in PLACES else name,
                timestamp_ms=source_ms or _now_ms(),
                is_historical=historical,
            )
            for name, value, datatype in observed
        ]
        offsets = range(first_offset, first_offset + len(observed))
        place = offsets_metrics(epoch=self.epoch, offsets=list(offsets))
        self._publish(MessageType.DDATA, device, [*metrics, *place])

    def skip_seq(self, count: int) -> None:
        """Pretend that messages were sent and lost."""
        self._seq = (self._seq + count) % 256

    def publish_raw(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=0).wait_for_publish(5)

    def receipted(self) -> set[int]:
        """Offsets of our epoch that any receipt covers."""
        with self._lock:
            return {
                offset
                for receipt in self.receipts
                if receipt.epoch == self.epoch
                for first, last in receipt.ranges
                for offset in range(first, last + 1)
            }

    def forget_receipts(self) -> None:
        with self._lock:
            self.receipts.clear()

    def _alias(self, device: str, name: str) -> int | None:
        """One for each signal of each device: Sparkplug wants them unique in the whole node."""
        if name not in PLACES:
            return None
        return 100 * list(self._devices).index(device) + PLACES[name]

    def _topic(self, kind: MessageType, device: str | None = None) -> str:
        return str(Topic(self.group, kind, self.node, device))

    def _publish(self, kind: MessageType, device: str | None, metrics: Sequence[Metric]) -> None:
        payload = Payload(metrics, seq=self._seq, timestamp_ms=_now_ms())
        self._seq = (self._seq + 1) % 256
        self._client.publish(self._topic(kind, device), encode(payload), qos=0)

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe(f"spBv1.0/{self.group}/NCMD/{self.node}", qos=0)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        for metric in decode(bytes(message.payload)).metrics:
            if metric.name == RECEIPT_METRIC:
                with self._lock:
                    self.receipts.append(read_receipt(metric))
            elif metric.name == REBIRTH_METRIC:
                self.rebirth_requests += 1


def _now_ms() -> int:
    return ms_from_utc(datetime.now(UTC))  # noqa: TID251 - an edge has a clock of its own
