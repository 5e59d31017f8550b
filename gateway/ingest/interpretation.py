"""From Sparkplug messages to observations, live signs and refusals. Pure but for its sessions."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gateway.ingest.batch import (
    Arrival,
    Batch,
    DeviceKey,
    JournalKey,
    NodeKey,
    Poison,
    Refused,
    Reported,
)
from gateway.ingest.node_session import NamedMetric, NodeSession
from gateway.ingest.observations import (
    UNIX_MS_MAX,
    PoisonError,
    observed_value,
    signal_of,
    source_time,
)
from services.contracts.intervals import utc_from_ms
from services.contracts.journal import (
    EPOCH_BITS,
    EPOCH_METRIC,
    OFFSETS_METRIC,
    SEEN_AT_METRIC,
    offsets_metrics,
)
from services.contracts.sparkplug import (
    MalformedPayloadError,
    MalformedTopicError,
    MessageType,
    Payload,
    Topic,
    decode,
    encode,
    parse_topic,
    unpack_uint64_array,
)
from services.contracts.telemetry import Observation

NODES_MAX: Final = 10_000
"""Sessions kept; the one unheard of for longest is forgotten first and reborn when it speaks."""
OFFSET_MAX: Final = 2**63 - 1
_UNOBSERVED_PREFIXES: Final = ("Journal/", "Health/")


class NodeSessions:
    """The sessions of every node heard over the present broker connection."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[NodeKey, NodeSession] = OrderedDict()
        self._connection = 0

    def of(self, node: NodeKey, connection: int) -> NodeSession:
        """The session of ``node``.

        All start anew with a new connection: births and deaths may have been missed before it.
        """
        if connection != self._connection:
            self._sessions.clear()
            self._connection = connection
        session = self._sessions.get(node)
        if session is None:
            session = self._sessions[node] = NodeSession()
            if len(self._sessions) > NODES_MAX:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(node)
        return session

    def with_gaps(self, now: datetime) -> Iterator[tuple[NodeKey, NodeSession]]:
        return ((node, session) for node, session in self._sessions.items() if session.has_gap(now))


class Interpreter:
    """Reads messages in the order of their arrival into batches."""

    def __init__(self) -> None:
        self._sessions = NodeSessions()

    def read(self, arrival: Arrival, batch: Batch) -> None:
        """Add what ``arrival`` says to ``batch``; what nobody can read is refused with cause."""
        batch.messages += 1
        try:
            topic = parse_topic(arrival.topic)
            _Message(topic, decode(arrival.payload), arrival, batch).apply(self._sessions)
        except (MalformedTopicError, MalformedPayloadError) as error:
            refuse(arrival, str(error), batch)

    def note_gaps(self, now: datetime, batch: Batch) -> None:
        """Ask nodes for a rebirth whose missing messages have not come in time."""
        for node, session in list(self._sessions.with_gaps(now)):
            session.forget()
            batch.rebirths[node] = "messages missing"


def refuse(arrival: Arrival, cause: str, batch: Batch) -> None:
    batch.refused.append(Refused(arrival.topic, arrival.payload, cause))


class _Message:
    """One decoded message on its way into a batch."""

    def __init__(self, topic: Topic, payload: Payload, arrival: Arrival, batch: Batch) -> None:
        self._topic = topic
        self._payload = payload
        self._arrival = arrival
        self._batch = batch
        self._node = NodeKey(topic.group, topic.node)
        self._sent_at = _sent_at(payload, arrival)

    def apply(self, sessions: NodeSessions) -> None:
        session = sessions.of(self._node, self._arrival.connection)
        kind = self._topic.message_type
        if kind is MessageType.NBIRTH:
            self._lose(session.node_birth(self._payload))
        elif kind is MessageType.NDEATH:
            self._lose(session.node_death(self._payload))
        elif kind is MessageType.NCMD:
            return
        elif not session.is_alive:
            self._ask_rebirth("no birth seen")
        elif not session.in_order(self._payload, self._arrival.received_at):
            session.forget()
            self._ask_rebirth("seq out of range")
        elif self._topic.device is not None:
            self._device_message(session, self._topic.device)

    def _device_message(self, session: NodeSession, device: str) -> None:
        kind = self._topic.message_type
        if kind is MessageType.DDEATH:
            session.device_death(device)
            self._lose(frozenset({device}))
            return
        if kind is MessageType.DBIRTH:
            session.device_birth(device, self._payload)
        named = session.named(device, self._payload.metrics)
        if named is None:
            self._ask_rebirth("unknown device or alias")
        elif kind is MessageType.DBIRTH:
            self._see(device, named, otherwise_now=True)
        else:
            self._data(device, named)

    def _data(self, device: str, named: Sequence[NamedMetric]) -> None:
        self._see(device, named, otherwise_now=False)
        observed = [one for one in named if not one.name.startswith(_UNOBSERVED_PREFIXES)]
        if not observed:
            return
        epoch, offsets = _journal_place(named)
        if len(offsets) != len(observed):
            raise MalformedPayloadError(
                f"{len(offsets)} journal offsets for {len(observed)} observations"
            )
        for one, offset in zip(observed, offsets, strict=True):
            self._observe(device, one, JournalKey(self._node, epoch, offset))

    def _observe(self, device: str, one: NamedMetric, key: JournalKey) -> None:
        try:
            signal, source_at = signal_of(one.name), source_time(one)
            sent_at = self._sent_at
            observation = Observation(
                device=device,
                signal=signal,
                value=observed_value(signal, one),
                quality=one.metric.quality,
                source_at=source_at,
                received_at=min(source_at, sent_at) if one.metric.is_historical else sent_at,
            )
        except PoisonError as error:
            self._batch.poison[key] = self._poison(one, key, str(error))
        else:
            self._batch.report(Reported(key, self._arrival.topic, observation))

    def _poison(self, one: NamedMetric, key: JournalKey, cause: str) -> Poison:
        """Only the metric at fault, still a readable payload, so that a flood stays small."""
        metric = replace(one.metric, name=one.name, alias=None)
        kept = Payload([metric, *offsets_metrics(epoch=key.epoch, offsets=[key.offset])])
        return Poison(key, self._arrival.topic, encode(kept), cause)

    def _see(self, device: str, named: Sequence[NamedMetric], *, otherwise_now: bool) -> None:
        received_at = self._arrival.received_at
        told = next((one.metric.value for one in named if one.name == SEEN_AT_METRIC), None)
        if type(told) is int:
            age = _age(told, self._payload.timestamp_ms)
            self._batch.see(DeviceKey(self._node, device), received_at - age)
        elif otherwise_now:
            self._batch.see(DeviceKey(self._node, device), received_at)

    def _lose(self, devices: frozenset[str]) -> None:
        for device in devices:
            self._batch.lose(DeviceKey(self._node, device), self._arrival.received_at)

    def _ask_rebirth(self, cause: str) -> None:
        self._batch.rebirths.setdefault(self._node, cause)


def _sent_at(payload: Payload, arrival: Arrival) -> datetime:
    """When the agent sent it, by its own clock; a replay is dated by its source instead."""
    if payload.timestamp_ms is None or payload.timestamp_ms > UNIX_MS_MAX:
        return arrival.received_at
    return utc_from_ms(payload.timestamp_ms)


def _age(seen_ms: int, sent_ms: int | None) -> timedelta:
    """How old a live sign was when it was sent, by the sender's clock alone: ours may differ."""
    if sent_ms is None or seen_ms >= sent_ms:
        return timedelta(0)
    return min(timedelta(milliseconds=min(sent_ms - seen_ms, 10**12)), timedelta(days=365))


def _journal_place(named: Sequence[NamedMetric]) -> tuple[int, tuple[int, ...]]:
    found = {one.name: one.metric.value for one in named if one.name.startswith("Journal/")}
    epoch, packed = found.get(EPOCH_METRIC), found.get(OFFSETS_METRIC)
    if type(epoch) is not int or not 0 <= epoch < 1 << EPOCH_BITS:
        raise MalformedPayloadError(f"observations without a usable {EPOCH_METRIC}")
    if not isinstance(packed, bytes):
        raise MalformedPayloadError(f"observations without {OFFSETS_METRIC}")
    offsets = unpack_uint64_array(packed)
    if any(not 1 <= offset <= OFFSET_MAX for offset in offsets):
        raise MalformedPayloadError(f"{OFFSETS_METRIC} outside 1 to 2^63-1")
    return epoch, offsets
