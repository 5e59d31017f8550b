"""Sparkplug B 3.0: topics and the protobuf payload, as plain dataclasses.

The message types are built from a table of the specification's field numbers, so no generated
code is carried. Payloads from peers may hold fields we do not know; protobuf skips them.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from services.contracts.ids import is_sparkplug_id
from services.contracts.telemetry import Quality

NAMESPACE: Final = "spBv1.0"
PAYLOAD_BYTES_MAX: Final = 512 * 1024
METRICS_PER_PAYLOAD_MAX: Final = 5_000
SEQ_MODULUS: Final = 256
REBIRTH_METRIC: Final = "Node Control/Rebirth"
BD_SEQ_METRIC: Final = "bdSeq"
QUALITY_PROPERTY: Final = "Quality"
_NODE_LEVELS: Final = 4
_DEVICE_LEVELS: Final = 5

MetricValue = bool | int | float | str | bytes | None


class MessageType(StrEnum):
    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"


class DataType(IntEnum):
    """Sparkplug B 3.0 §6.4.16; the ones we send or accept."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    BYTES = 17
    UINT64_ARRAY = 29


class MalformedPayloadError(ValueError):
    """Bytes that are no Sparkplug payload, or break a limit or a datatype; the text says which."""


class MalformedTopicError(ValueError):
    """A topic outside the Sparkplug B name space or with an id we refuse."""


@dataclass(frozen=True, slots=True)
class Topic:
    """``spBv1.0/group/TYPE/node[/device]``: the site, the gateway, the machine."""

    group: str
    message_type: MessageType
    node: str
    device: str | None = None

    def __str__(self) -> str:
        parts = [NAMESPACE, self.group, self.message_type.value, self.node]
        return "/".join(parts if self.device is None else [*parts, self.device])


def parse_topic(text: str) -> Topic:
    """Read a topic.

    Raises:
        MalformedTopicError: wrong name space, message type, number of levels, or ids that are
            not ``[a-z0-9_-]{1,64}``.
    """
    levels = text.split("/")
    if levels[0] != NAMESPACE or len(levels) not in {_NODE_LEVELS, _DEVICE_LEVELS}:
        raise MalformedTopicError(f"not a Sparkplug B topic: {text[:200]!r}")
    try:
        message_type = MessageType(levels[2])
    except ValueError:
        raise MalformedTopicError(f"unknown message type in topic {text[:200]!r}") from None
    ids = [levels[1], *levels[3:]]
    if not all(is_sparkplug_id(part) for part in ids):
        raise MalformedTopicError(f"ids must be lower-case letters, digits, _ or -: {text[:200]!r}")
    wants_device = message_type.value.startswith("D")
    if wants_device != (len(levels) == _DEVICE_LEVELS):
        raise MalformedTopicError(f"{message_type} topic with the wrong number of levels: {text!r}")
    return Topic(levels[1], message_type, levels[3], levels[4] if wants_device else None)


def state_topic(host: str) -> str:
    """Where the primary host says whether it is there (Sparkplug B 3.0 §5.8)."""
    return f"{NAMESPACE}/STATE/{host}"


@dataclass(frozen=True, slots=True)
class Metric:
    """``name`` stands in births, ``alias`` alone in data; ``timestamp_ms`` is the source's."""

    value: MetricValue
    datatype: DataType
    name: str | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    is_historical: bool = False
    quality: Quality = Quality.GOOD


@dataclass(frozen=True, slots=True)
class Payload:
    """``seq`` is absent in NDEATH only; ``timestamp_ms`` is the sender's clock."""

    metrics: Sequence[Metric] = field(default_factory=tuple)
    seq: int | None = None
    timestamp_ms: int | None = None


_F = FieldDescriptorProto
_OPTIONAL, _REPEATED = _F.LABEL_OPTIONAL, _F.LABEL_REPEATED
_U32, _U64, _STR, _BYTES = _F.TYPE_UINT32, _F.TYPE_UINT64, _F.TYPE_STRING, _F.TYPE_BYTES
_BOOL, _FLOAT, _DOUBLE, _MSG = _F.TYPE_BOOL, _F.TYPE_FLOAT, _F.TYPE_DOUBLE, _F.TYPE_MESSAGE

# message → (field, number, type, label, message type); numbers from Sparkplug B 3.0 §6.4
_FIELDS: Final[dict[str, list[tuple[str, int, Any, Any, str]]]] = {
    "PropertyValue": [
        ("type", 1, _U32, _OPTIONAL, ""),
        ("is_null", 2, _BOOL, _OPTIONAL, ""),
        ("int_value", 3, _U32, _OPTIONAL, ""),
        ("long_value", 4, _U64, _OPTIONAL, ""),
        ("string_value", 8, _STR, _OPTIONAL, ""),
    ],
    "PropertySet": [
        ("keys", 1, _STR, _REPEATED, ""),
        ("values", 2, _MSG, _REPEATED, "PropertyValue"),
    ],
    "Metric": [
        ("name", 1, _STR, _OPTIONAL, ""),
        ("alias", 2, _U64, _OPTIONAL, ""),
        ("timestamp", 3, _U64, _OPTIONAL, ""),
        ("datatype", 4, _U32, _OPTIONAL, ""),
        ("is_historical", 5, _BOOL, _OPTIONAL, ""),
        ("is_null", 7, _BOOL, _OPTIONAL, ""),
        ("properties", 9, _MSG, _OPTIONAL, "PropertySet"),
        ("int_value", 10, _U32, _OPTIONAL, ""),
        ("long_value", 11, _U64, _OPTIONAL, ""),
        ("float_value", 12, _FLOAT, _OPTIONAL, ""),
        ("double_value", 13, _DOUBLE, _OPTIONAL, ""),
        ("boolean_value", 14, _BOOL, _OPTIONAL, ""),
        ("string_value", 15, _STR, _OPTIONAL, ""),
        ("bytes_value", 16, _BYTES, _OPTIONAL, ""),
    ],
    "Payload": [
        ("timestamp", 1, _U64, _OPTIONAL, ""),
        ("metrics", 2, _MSG, _REPEATED, "Metric"),
        ("seq", 3, _U64, _OPTIONAL, ""),
        ("uuid", 4, _STR, _OPTIONAL, ""),
        ("body", 5, _BYTES, _OPTIONAL, ""),
    ],
}


def _payload_class() -> Any:
    file = FileDescriptorProto(name="sparkplug_b.proto", package="sparkplug", syntax="proto2")
    for message_name, fields in _FIELDS.items():
        message = DescriptorProto(name=message_name)
        for name, number, kind, label, type_name in fields:
            message.field.add(
                name=name,
                number=number,
                type=kind,
                label=label,
                type_name=f".sparkplug.{type_name}" if type_name else None,
            )
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


_PayloadMessage: Final = _payload_class()

_VALUE_FIELD: Final[dict[DataType, str]] = {
    **dict.fromkeys(
        (
            DataType.INT8,
            DataType.INT16,
            DataType.INT32,
            DataType.UINT8,
            DataType.UINT16,
            DataType.UINT32,
        ),
        "int_value",
    ),
    **dict.fromkeys((DataType.INT64, DataType.UINT64, DataType.DATETIME), "long_value"),
    DataType.FLOAT: "float_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    **dict.fromkeys((DataType.STRING, DataType.TEXT, DataType.UUID), "string_value"),
    **dict.fromkeys((DataType.BYTES, DataType.UINT64_ARRAY), "bytes_value"),
}
_SIGNED_BITS: Final = {
    DataType.INT8: 32,
    DataType.INT16: 32,
    DataType.INT32: 32,
    DataType.INT64: 64,
}


def encode(payload: Payload) -> bytes:
    """Protobuf bytes of ``payload``; metrics keep their order.

    Raises:
        MalformedPayloadError: a value does not fit its datatype, or the limits are exceeded.
    """
    if len(payload.metrics) > METRICS_PER_PAYLOAD_MAX:
        raise MalformedPayloadError(
            f"{len(payload.metrics)} metrics exceed {METRICS_PER_PAYLOAD_MAX}"
        )
    message = _PayloadMessage()
    if payload.timestamp_ms is not None:
        message.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _fill(message.metrics.add(), metric)
    encoded: bytes = message.SerializeToString()
    if len(encoded) > PAYLOAD_BYTES_MAX:
        raise MalformedPayloadError(f"payload of {len(encoded)} bytes exceeds {PAYLOAD_BYTES_MAX}")
    return encoded


def _fill(out: Any, metric: Metric) -> None:
    if metric.name is not None:
        out.name = metric.name
    if metric.alias is not None:
        out.alias = metric.alias
    if metric.timestamp_ms is not None:
        out.timestamp = metric.timestamp_ms
    out.datatype = metric.datatype
    if metric.is_historical:
        out.is_historical = True
    if metric.quality is not Quality.GOOD:
        out.properties.keys.append(QUALITY_PROPERTY)
        out.properties.values.add(type=DataType.INT32, int_value=metric.quality)
    if metric.value is None:
        out.is_null = True
        return
    value = metric.value
    bits = _SIGNED_BITS.get(metric.datatype)
    if bits is not None and isinstance(value, int) and value < 0:
        value += 1 << bits  # Sparkplug carries signed integers as two's complement
    try:
        setattr(out, _VALUE_FIELD[metric.datatype], value)
    except (TypeError, ValueError) as error:
        raise MalformedPayloadError(
            f"metric {metric.name or metric.alias}: {value!r} is no {metric.datatype.name}: {error}"
        ) from error


def decode(data: bytes) -> Payload:
    """Read a payload; the datatype of an aliased metric may be absent and is then inferred.

    Raises:
        MalformedPayloadError: not protobuf, over the limits, or a datatype we do not know.
    """
    if len(data) > PAYLOAD_BYTES_MAX:
        raise MalformedPayloadError(f"payload of {len(data)} bytes exceeds {PAYLOAD_BYTES_MAX}")
    try:
        message = _PayloadMessage.FromString(data)
    except DecodeError as error:
        raise MalformedPayloadError(f"not a Sparkplug payload: {error}") from error
    if len(message.metrics) > METRICS_PER_PAYLOAD_MAX:
        raise MalformedPayloadError(
            f"{len(message.metrics)} metrics exceed {METRICS_PER_PAYLOAD_MAX}"
        )
    return Payload(
        metrics=[_read(metric) for metric in message.metrics],
        seq=message.seq if message.HasField("seq") else None,
        timestamp_ms=message.timestamp if message.HasField("timestamp") else None,
    )


def _read(message: Any) -> Metric:
    """One metric. Plain attributes come first: asking for presence costs as much as a value."""
    name, alias = _name(message), message.alias
    if alias == 0 and not message.HasField("alias"):
        alias = None
    datatype = _DATATYPES.get(message.datatype) or _unusual_datatype(message, name or alias)
    value = None if message.is_null else _value(message, datatype, name or alias)
    return Metric(
        value=value,
        datatype=datatype,
        name=name,
        alias=alias,
        timestamp_ms=message.timestamp
        or (message.timestamp if message.HasField("timestamp") else None),
        is_historical=message.is_historical,
        quality=_quality(message.properties) if message.HasField("properties") else Quality.GOOD,
    )


def _name(message: Any) -> str | None:
    name = message.name
    if isinstance(name, str):
        return name if name or message.HasField("name") else None
    raise MalformedPayloadError(f"metric name {name!r} is not UTF-8")


def _value(message: Any, datatype: DataType, who: object) -> MetricValue:
    wanted = _VALUE_FIELD[datatype]
    if not message.HasField(wanted):
        held = _held_field(message)
        if held is not None:
            raise MalformedPayloadError(f"metric {who}: {held} carries no {datatype.name}")
        return None
    value: MetricValue = getattr(message, wanted)
    bits = _SIGNED_BITS.get(datatype)
    if bits is not None and isinstance(value, int) and value >= 1 << (bits - 1):
        return value - (1 << bits)
    if wanted == "string_value" and not isinstance(value, str):
        raise MalformedPayloadError(f"metric {who}: text that is not UTF-8")
    return value


def _held_field(message: Any) -> str | None:
    return next((name for name in _INFERRED if message.HasField(name)), None)


def _unusual_datatype(message: Any, who: object) -> DataType:
    """Data may leave the datatype of an aliased metric out."""
    if message.HasField("datatype"):
        raise MalformedPayloadError(f"metric {who}: unsupported datatype {message.datatype}")
    held = _held_field(message)
    return _INFERRED[held] if held else DataType.STRING


_DATATYPES: Final = {datatype.value: datatype for datatype in DataType}
_INFERRED: Final = {
    "int_value": DataType.UINT32,
    "long_value": DataType.UINT64,
    "float_value": DataType.FLOAT,
    "double_value": DataType.DOUBLE,
    "boolean_value": DataType.BOOLEAN,
    "string_value": DataType.STRING,
    "bytes_value": DataType.BYTES,
}


def _quality(properties: Any) -> Quality:
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key == QUALITY_PROPERTY:
            try:
                return Quality(value.int_value)
            except ValueError:
                return Quality.BAD
    return Quality.GOOD


def pack_uint64_array(values: Sequence[int]) -> bytes:
    """Sparkplug UInt64Array: little-endian 8-byte words (Sparkplug B 3.0 §6.4.17)."""
    return struct.pack(f"<{len(values)}Q", *values)


def unpack_uint64_array(data: bytes) -> tuple[int, ...]:
    """Inverse of :func:`pack_uint64_array`.

    Raises:
        MalformedPayloadError: the length is not a multiple of 8.
    """
    if len(data) % 8:
        raise MalformedPayloadError(f"a UInt64Array of {len(data)} bytes")
    return struct.unpack(f"<{len(data) // 8}Q", data)
