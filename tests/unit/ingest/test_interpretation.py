"""What messages amount to: observations, live signs, deaths, rebirths, refusals."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.batch import Arrival, Batch, DeviceKey, JournalKey, NodeKey
from gateway.ingest.interpretation import Interpreter
from gateway.ingest.node_session import REORDER_TOLERANCE
from services.contracts.intervals import ms_from_utc
from services.contracts.journal import offsets_metrics
from services.contracts.sparkplug import DataType, Metric, Payload, encode
from services.contracts.telemetry import Quality, Signal

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW_MS = ms_from_utc(NOW)
NODE = NodeKey("site", "gw")
DEVICE = DeviceKey(NODE, "m1")


class Node:
    """Feeds an interpreter the messages of one node."""

    def __init__(self) -> None:
        self.interpreter = Interpreter()
        self.batch = Batch()
        self.connection = 1
        self._seq = 0

    def send(
        self,
        kind: str,
        metrics: Sequence[Metric] = (),
        device: str | None = None,
        **payload: Any,
    ) -> Batch:
        if kind == "NBIRTH":
            self._seq = 0
        message = Payload(metrics, seq=self._seq, timestamp_ms=payload.get("sent_ms", NOW_MS))
        self._seq += 1
        topic = f"spBv1.0/site/{kind}/gw" + (f"/{device}" if device else "")
        self.raw(topic, encode(message))
        return self.batch

    def raw(self, topic: str, payload: bytes) -> None:
        self.interpreter.read(Arrival(topic, payload, NOW, self.connection), self.batch)

    def skip(self) -> None:
        self._seq += 1

    def born(self, bd_seq: int = 0) -> "Node":
        self.send("NBIRTH", [Metric(bd_seq, DataType.INT64, name="bdSeq")])
        signals = [
            Metric(None, DataType.INT64 if signal is Signal.PARTS else DataType.STRING, signal, n)
            for n, signal in enumerate(Signal)
        ]
        self.send("DBIRTH", signals, "m1")
        return self


def parts(value: Any, datatype: DataType = DataType.INT64, **facts: Any) -> Metric:
    return Metric(value, datatype, alias=list(Signal).index(Signal.PARTS), **facts)


def journalled(*metrics: Metric, first: int = 1) -> list[Metric]:
    offsets = list(range(first, first + len(metrics)))
    return [*metrics, *offsets_metrics(epoch=7, offsets=offsets)]


class TestObservations:
    def test_take_their_place_from_the_journal_metrics(self) -> None:
        batch = (
            Node()
            .born()
            .send(
                "DDATA",
                journalled(parts(4, timestamp_ms=5), parts(5, timestamp_ms=6), first=9),
                "m1",
            )
        )
        assert [key.offset for key in batch.reported] == [9, 10]
        told = batch.reported[JournalKey(NODE, 7, 10)].observation
        assert (told.value, told.signal, ms_from_utc(told.source_at)) == (5, Signal.PARTS, 6)

    def test_keep_bad_quality_without_a_value(self) -> None:
        metric = parts(None, timestamp_ms=5, quality=Quality.BAD)
        batch = Node().born().send("DDATA", journalled(metric), "m1")
        (told,) = batch.reported.values()
        assert (told.observation.value, told.observation.quality) == (None, Quality.BAD)

    def test_take_a_missing_sign_from_their_birth(self) -> None:
        negative = parts(2**64 - 4, DataType.UINT64, timestamp_ms=5)
        batch = Node().born().send("DDATA", journalled(negative), "m1")
        (poison,) = batch.poison.values()
        assert "is -4" in poison.cause

    def test_without_a_source_timestamp_are_poison_and_never_dated_by_us(self) -> None:
        batch = Node().born().send("DDATA", journalled(parts(4)), "m1")
        assert [one.cause for one in batch.poison.values()] == ["no source timestamp"]
        assert not batch.reported

    def test_from_a_replay_are_no_sign_of_life_now(self) -> None:
        old_ms = NOW_MS - 3_600_000
        metric = parts(4, timestamp_ms=old_ms, is_historical=True)
        (told,) = Node().born().send("DDATA", journalled(metric), "m1").reported.values()
        assert ms_from_utc(told.observation.received_at) == old_ms

    def test_told_twice_in_a_batch_count_once(self) -> None:
        node = Node().born()
        for _ in range(2):
            batch = node.send("DDATA", journalled(parts(4, timestamp_ms=5)), "m1")
        assert (len(batch.reported), batch.repeated) == (1, 1)

    @pytest.mark.parametrize(
        ("place", "cause"),
        [
            ([], "Journal/Epoch"),
            (offsets_metrics(epoch=2**63, offsets=[1]), "Journal/Epoch"),
            (offsets_metrics(epoch=1, offsets=[1])[:1], "Journal/Offsets"),
            (offsets_metrics(epoch=1, offsets=[1, 2]), "2 journal offsets for 1"),
            (offsets_metrics(epoch=1, offsets=[0]), "outside 1 to"),
            (offsets_metrics(epoch=1, offsets=[2**63]), "outside 1 to"),
        ],
    )
    def test_without_a_place_in_a_journal_are_refused(
        self, place: list[Metric], cause: str
    ) -> None:
        batch = Node().born().send("DDATA", [parts(4, timestamp_ms=5), *place], "m1")
        assert not batch.reported
        assert not batch.poison
        (refused,) = batch.refused
        assert cause in refused.cause


class TestLiveSigns:
    def test_of_a_birth_is_its_arrival(self) -> None:
        assert Node().born().batch.seen == {DEVICE: NOW}

    def test_age_is_measured_by_the_senders_clock_alone(self) -> None:
        node = Node().born()
        node.batch = Batch()
        slow_ms = NOW_MS - 86_400_000
        seen = Metric(slow_ms - 4_000, DataType.DATETIME, name="Health/SeenAt")
        batch = node.send("DDATA", [seen], "m1", sent_ms=slow_ms)
        assert batch.seen == {DEVICE: NOW - timedelta(seconds=4)}
        assert not batch.refused


class TestDeaths:
    def test_of_a_node_lose_its_devices(self) -> None:
        node = Node().born()
        batch = node.send("NDEATH", [Metric(0, DataType.INT64, name="bdSeq")])
        assert (batch.lost, batch.seen) == ({DEVICE: NOW}, {})

    def test_followed_by_a_birth_in_the_same_batch_are_no_outage(self) -> None:
        node = Node().born()
        node.send("NDEATH", [Metric(0, DataType.INT64, name="bdSeq")])
        batch = node.born(bd_seq=1).batch
        assert (batch.lost, batch.seen) == ({}, {DEVICE: NOW})

    def test_are_implied_by_a_birth_with_another_bd_seq(self) -> None:
        node = Node().born()
        batch = node.send("NBIRTH", [Metric(1, DataType.INT64, name="bdSeq")])
        assert batch.lost == {DEVICE: NOW}


class TestRebirths:
    def test_are_asked_of_a_node_we_never_saw_born(self) -> None:
        batch = Node().send("DDATA", journalled(parts(1, timestamp_ms=1)), "m1")
        assert batch.rebirths == {NODE: "no birth seen"}
        assert not batch.reported

    def test_are_asked_after_our_connection_was_replaced(self) -> None:
        node = Node().born()
        node.connection = 2
        batch = node.send("DDATA", journalled(parts(1, timestamp_ms=1)), "m1")
        assert batch.rebirths == {NODE: "no birth seen"}

    def test_are_asked_for_an_unknown_alias(self) -> None:
        stranger = Metric(1, DataType.INT64, alias=99, timestamp_ms=1)
        batch = Node().born().send("DDATA", journalled(stranger), "m1")
        assert batch.rebirths == {NODE: "unknown device or alias"}

    def test_are_asked_once_a_gap_outlived_the_tolerance(self) -> None:
        node = Node().born()
        node.skip()
        node.send("DDATA", journalled(parts(1, timestamp_ms=1)), "m1")
        node.interpreter.note_gaps(NOW, node.batch)
        assert not node.batch.rebirths
        node.interpreter.note_gaps(NOW + REORDER_TOLERANCE, node.batch)
        assert node.batch.rebirths == {NODE: "messages missing"}
        assert len(node.batch.reported) == 1


class TestAnything:
    @given(st.binary(max_size=200))
    def test_bytes_are_read_or_refused_never_raised(self, payload: bytes) -> None:
        node = Node().born()
        for kind in ("NBIRTH", "NDEATH", "DBIRTH", "DDEATH", "DDATA", "NDATA", "NCMD"):
            device = "/m1" if kind.startswith("D") else ""
            node.raw(f"spBv1.0/site/{kind}/gw{device}", payload)
        assert not node.batch.reported

    @given(st.text(max_size=60))
    def test_topics_are_read_or_refused_never_raised(self, topic: str) -> None:
        node = Node()
        node.raw(topic, encode(Payload(seq=0)))
        assert len(node.batch.refused) == 1
