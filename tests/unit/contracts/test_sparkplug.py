"""The Sparkplug codec: what is encoded is read back; what is not a payload is refused, no worse."""

import contextlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.sparkplug import (
    METRICS_PER_PAYLOAD_MAX,
    PAYLOAD_BYTES_MAX,
    DataType,
    MalformedPayloadError,
    MalformedTopicError,
    MessageType,
    Metric,
    Payload,
    Topic,
    decode,
    encode,
    pack_uint64_array,
    parse_topic,
    unpack_uint64_array,
)
from services.contracts.telemetry import Quality

UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = {
    DataType.INT8: st.integers(-(2**7), 2**7 - 1),
    DataType.INT16: st.integers(-(2**15), 2**15 - 1),
    DataType.INT32: st.integers(-(2**31), 2**31 - 1),
    DataType.INT64: st.integers(-(2**63), 2**63 - 1),
    DataType.UINT8: st.integers(0, 2**8 - 1),
    DataType.UINT16: st.integers(0, 2**16 - 1),
    DataType.UINT32: st.integers(0, 2**32 - 1),
    DataType.UINT64: UINT64,
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: TEXT,
    DataType.DATETIME: UINT64,
    DataType.TEXT: TEXT,
    DataType.UUID: TEXT,
    DataType.BYTES: st.binary(max_size=20),
    DataType.UINT64_ARRAY: st.lists(UINT64, max_size=5).map(pack_uint64_array),
}
METRICS = st.sampled_from(list(VALUES)).flatmap(
    lambda datatype: st.builds(
        Metric,
        value=st.none() | VALUES[datatype],
        datatype=st.just(datatype),
        name=st.none() | TEXT,
        alias=st.none() | UINT64,
        timestamp_ms=st.none() | UINT64,
        is_historical=st.booleans(),
        quality=st.sampled_from(Quality),
    )
)
PAYLOADS = st.builds(
    Payload,
    metrics=st.lists(METRICS, max_size=6),
    seq=st.none() | st.integers(0, 255),
    timestamp_ms=st.none() | UINT64,
)


def assert_readable(payload: Payload) -> None:
    """Of the types promised, whatever was sent."""
    for metric in payload.metrics:
        assert metric.name is None or isinstance(metric.name, str)
        assert isinstance(metric.value, bool | int | float | str | bytes | None)


class TestRoundTrip:
    def test_every_datatype_has_values_here(self) -> None:
        assert set(VALUES) == set(DataType)

    @given(PAYLOADS)
    def test_keeps_everything(self, payload: Payload) -> None:
        assert decode(encode(payload)) == payload

    def test_keeps_not_a_number(self) -> None:
        (metric,) = decode(encode(Payload([Metric(math.nan, DataType.DOUBLE)]))).metrics
        assert isinstance(metric.value, float)
        assert math.isnan(metric.value)

    def test_carries_negative_integers_as_twos_complement(self) -> None:
        assert b"\x50\xff\xff\xff\xff\x0f" in encode(Payload([Metric(-1, DataType.INT32)]))

    @given(st.lists(UINT64, max_size=20))
    def test_of_arrays_keeps_every_word(self, words: list[int]) -> None:
        assert list(unpack_uint64_array(pack_uint64_array(words))) == words


class TestDecoding:
    @given(st.binary(max_size=300))
    def test_refuses_nonsense_and_raises_nothing_else(self, data: bytes) -> None:
        with contextlib.suppress(MalformedPayloadError):
            decode(data)

    @given(PAYLOADS, st.data())
    def test_refuses_damage_and_raises_nothing_else(
        self, payload: Payload, data: st.DataObject
    ) -> None:
        damaged = bytearray(encode(payload))
        for _ in range(data.draw(st.integers(1, 4))):
            if damaged:
                place = data.draw(st.integers(0, len(damaged) - 1))
                damaged[place] = data.draw(st.integers(0, 255))
        with contextlib.suppress(MalformedPayloadError):
            assert_readable(decode(bytes(damaged)))

    @pytest.mark.parametrize(
        "metric", [b"\x0a\x02\xff\xfe\x20\x0c\x7a\x01x", b"\x0a\x01a\x20\x0c\x7a\x02\xff\xfe"]
    )
    def test_refuses_text_that_is_not_utf8(self, metric: bytes) -> None:
        with pytest.raises(MalformedPayloadError):
            decode(b"\x12" + bytes([len(metric)]) + metric)

    def test_infers_the_datatype_that_data_left_out(self) -> None:
        (metric,) = decode(b"\x12\x04\x10\x07\x58\x05").metrics
        assert metric == Metric(5, DataType.UINT64, alias=7)

    def test_skips_fields_it_does_not_know(self) -> None:
        assert decode(encode(Payload(seq=3)) + b"\xf2\x3e\x02hi").seq == 3

    def test_takes_a_quality_it_does_not_know_as_bad(self) -> None:
        encoded = encode(Payload([Metric(1, DataType.INT32, quality=Quality.STALE)]))
        stale, odd = b"\x18" + b"\xf4\x03", b"\x18" + b"\xf5\x03"
        assert stale in encoded
        assert decode(encoded.replace(stale, odd)).metrics[0].quality is Quality.BAD

    def test_refuses_a_value_under_another_datatype(self) -> None:
        encoded = encode(Payload([Metric("text", DataType.STRING)]))
        with pytest.raises(MalformedPayloadError, match="carries no INT32"):
            decode(encoded.replace(b"\x20\x0c", b"\x20\x03"))

    def test_refuses_what_is_too_long(self) -> None:
        with pytest.raises(MalformedPayloadError, match="exceeds"):
            decode(b"\x00" * (PAYLOAD_BYTES_MAX + 1))

    def test_refuses_too_many_metrics(self) -> None:
        with pytest.raises(MalformedPayloadError, match="metrics exceed"):
            decode(b"\x12\x00" * (METRICS_PER_PAYLOAD_MAX + 1))

    def test_refuses_half_a_word(self) -> None:
        with pytest.raises(MalformedPayloadError, match="of 7 bytes"):
            unpack_uint64_array(b"1234567")


class TestEncoding:
    @pytest.mark.parametrize(
        ("value", "datatype"),
        [
            ("text", DataType.INT32),
            (2**32, DataType.UINT32),
            (-1, DataType.UINT64),
            (2**64, DataType.UINT64),
            (1.5, DataType.INT64),
        ],
    )
    def test_refuses_values_that_do_not_fit(self, value: object, datatype: DataType) -> None:
        with pytest.raises(MalformedPayloadError):
            encode(Payload([Metric(value, datatype)]))  # type: ignore[arg-type]

    def test_refuses_more_than_a_broker_takes(self) -> None:
        with pytest.raises(MalformedPayloadError, match="exceeds"):
            encode(Payload([Metric(b"x" * PAYLOAD_BYTES_MAX, DataType.BYTES)]))


class TestTopics:
    IDS = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)

    @given(st.sampled_from(MessageType), IDS, IDS, IDS)
    def test_are_read_as_written(
        self, kind: MessageType, group: str, node: str, device: str
    ) -> None:
        topic = Topic(group, kind, node, device if kind.value.startswith("D") else None)
        assert parse_topic(str(topic)) == topic

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "spBv1.0/g/NDATA",
            "spAv1.0/g/NDATA/e",
            "spBv1.0/g/NDATA/e/d",
            "spBv1.0/g/DDATA/e",
            "spBv1.0/g/DDATA/e/d/x",
            "spBv1.0/g/XDATA/e",
            "spBv1.0/G/NDATA/e",
            "spBv1.0/g/NDATA/a b",
            "spBv1.0/g/NDATA/" + "a" * 65,
            "spBv1.0//NDATA/e",
            "spBv1.0/g/NDATA/e\n",
        ],
    )
    def test_outside_the_name_space_are_refused(self, text: str) -> None:
        with pytest.raises(MalformedTopicError):
            parse_topic(text)


def test_the_value_of_a_float_is_the_nearest_single() -> None:
    (metric,) = decode(encode(Payload([Metric(0.1, DataType.FLOAT)]))).metrics
    assert metric.value == struct.unpack("<f", struct.pack("<f", 0.1))[0]
