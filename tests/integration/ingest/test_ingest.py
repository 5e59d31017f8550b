"""Ingest between a real broker and a real database, told by a fake edge."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from services.contracts.sparkplug import DataType, MessageType, Metric, Payload, Topic, encode
from services.contracts.telemetry import ResourceState, Signal
from tests.integration.ingest.fake_edge import FakeEdge, parts, state
from tests.integration.ingest.park import Park
from tests.integration.ingest.process import IngestThread
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

Query = Callable[..., list[Any]]


@pytest.fixture
def query(engine: Engine) -> Query:
    def run(sql: str, **values: object) -> list[Any]:
        with engine.begin() as connection:
            return list(connection.execute(text(sql), values))

    return run


def offsets(query: Query) -> list[int]:
    return [
        row.journal_offset
        for row in query("SELECT journal_offset FROM observation ORDER BY journal_offset")
    ]


def alter(engine: Engine, change: str, *, table: str = "observation") -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} {change}"))


def live_state(query: Query, park: Park, device: str) -> tuple[str, str | None]:
    (row,) = query(
        "SELECT state, reason FROM resource_state WHERE resource_id = :id",
        id=park.resources[device],
    )
    return row.state, row.reason


@pytest.mark.usefixtures("ingest")
class TestObservations:
    def test_are_stored_once_and_receipted_exactly(self, edge: FakeEdge, query: Query) -> None:
        edge.birth()
        edge.report("m1", [state("executing"), parts(1)], first_offset=1)
        edge.report("m2", [state("idle")], first_offset=3)
        edge.report("m1", [parts(2), parts(3)], first_offset=5)
        eventually(lambda: edge.receipted() == {1, 2, 3, 5, 6}, what="receipts")
        assert offsets(query) == [1, 2, 3, 5, 6]

    def test_carry_their_values_and_times(self, edge: FakeEdge, query: Query, park: Park) -> None:
        edge.birth()
        end_ms = 1_800_000_000_123
        edge.report(
            "m1",
            [
                state("executing"),
                parts(42),
                (Signal.JOB_PREDICTED_END.value, end_ms, DataType.DATETIME),
                (Signal.SPINDLE_LOAD.value, 41.5, DataType.DOUBLE),
            ],
            first_offset=1,
            source_ms=1_770_000_000_001,
        )
        eventually(lambda: len(edge.receipted()) == 4)
        rows = query("SELECT * FROM observation ORDER BY journal_offset")
        assert rows[0].value_text == "executing"
        assert rows[1].value_number == 42
        assert rows[2].value_at == datetime.fromtimestamp(end_ms / 1000, UTC)
        assert rows[3].value_number == 41.5
        assert {row.resource_id for row in rows} == {park.resources["m1"]}
        assert {row.source_at.timestamp() for row in rows} == {1_770_000_000.001}
        assert live_state(query, park, "m1")[0] == "executing"

    def test_sent_again_are_receipted_again_and_stored_once(
        self, edge: FakeEdge, query: Query, ingest: IngestThread
    ) -> None:
        edge.birth()
        edge.report("m1", [state("executing"), parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1, 2})
        edge.forget_receipts()
        edge.report("m1", [state("executing"), parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1, 2}, what="the second receipt")
        assert offsets(query) == [1, 2]
        assert ingest.metric('nonagon_ingest_observations_total{outcome="duplicate"}') == 2

    def test_of_another_journal_epoch_are_other_observations(
        self, edge: FakeEdge, query: Query
    ) -> None:
        edge.birth()
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        edge.epoch = 8
        edge.report("m1", [parts(2)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        assert [row.epoch for row in query("SELECT epoch FROM observation ORDER BY 1")] == [7, 8]

    def test_of_births_are_not_stored(self, edge: FakeEdge, query: Query) -> None:
        edge.birth({"m1": [state("down"), parts(9)]})
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        assert offsets(query) == [1]


@pytest.mark.usefixtures("ingest")
class TestPoison:
    @pytest.mark.parametrize(
        ("poison", "cause"),
        [
            ((Signal.PARTS.value, "seven", DataType.STRING), "not an integer"),
            ((Signal.PARTS.value, -4, DataType.INT64), "-4"),
            (state("sleeping"), "no state we know"),
            ((Signal.SPINDLE_LOAD.value, float("nan"), DataType.DOUBLE), "finite"),
            ((Signal.JOB_ID.value, "a\x00b", DataType.STRING), "NUL"),
            (("Energy/Total", 3, DataType.INT64), "unknown signal"),
        ],
    )
    def test_is_quarantined_with_cause_and_receipted(
        self,
        edge: FakeEdge,
        query: Query,
        poison: tuple[str, Any, DataType],
        cause: str,
    ) -> None:
        edge.birth()
        edge.report("m1", [parts(1), poison, parts(2)], first_offset=1)
        eventually(lambda: edge.receipted() == {1, 2, 3})
        assert offsets(query) == [1, 3]
        (row,) = query("SELECT topic, cause FROM quarantine")
        assert row.topic == f"spBv1.0/{edge.group}/DDATA/gw/m1"
        assert cause in row.cause


@pytest.mark.usefixtures("ingest")
class TestDataTheDatabaseRefuses:
    @pytest.fixture
    def unlucky(self, engine: Engine) -> set[int]:
        """Part counts this database takes for bad data, though ingest sees nothing wrong."""
        alter(engine, "ADD CONSTRAINT unlucky CHECK (value_number NOT IN (13, 14, 40))")
        return {13, 14, 40}

    def test_is_parked_with_its_cause_and_receipted_and_the_rest_is_stored(
        self, edge: FakeEdge, query: Query, park: Park, unlucky: set[int], ingest: IngestThread
    ) -> None:
        counts = range(1, 41)
        edge.birth()
        edge.report("m1", [parts(count) for count in counts], first_offset=1)
        eventually(lambda: edge.receipted() == set(counts), what="every receipt")

        assert offsets(query) == sorted(set(counts) - unlucky)
        rows = query("SELECT topic, cause, payload FROM quarantine")
        assert len(rows) == len(unlucky)
        assert {row.topic for row in rows} == {f"spBv1.0/{edge.group}/DDATA/gw/m1"}
        assert all("unlucky" in row.cause for row in rows)
        (live,) = query(
            "SELECT part_count FROM resource_state WHERE resource_id = :id",
            id=park.resources["m1"],
        )
        assert live.part_count == 39
        assert ingest.metric('nonagon_ingest_observations_total{outcome="stored"}') == 37

    def test_alone_in_its_batch_blocks_nothing_after_it(
        self, edge: FakeEdge, query: Query, unlucky: set[int]
    ) -> None:
        edge.birth()
        for offset, count in enumerate(sorted(unlucky), start=1):
            edge.report("m1", [parts(count)], first_offset=offset)
            eventually(lambda: edge.receipted() == set(range(1, offset + 1)))  # noqa: B023 - asked at once
        edge.report("m1", [parts(5)], first_offset=4)
        eventually(lambda: edge.receipted() == {1, 2, 3, 4})
        assert offsets(query) == [4]

    def test_of_a_resource_that_is_gone_does_not_hold_up_the_others(
        self, edge: FakeEdge, query: Query, engine: Engine, park: Park
    ) -> None:
        with engine.begin() as connection:
            connection.execute(
                text("DELETE FROM resource_state WHERE resource_id = :id"),
                {"id": park.resources["m1"]},
            )
        edge.birth()
        edge.report("m1", [parts(1)], first_offset=1)
        edge.report("m2", [parts(2)], first_offset=2)
        eventually(lambda: edge.receipted() == {1, 2}, what="both receipts")
        assert offsets(query) == [2]
        (row,) = query("SELECT cause FROM quarantine")
        assert str(park.resources["m1"]) in row.cause

    def test_is_told_apart_from_a_fault_of_ours_which_costs_nothing_but_time(
        self, edge: FakeEdge, query: Query, engine: Engine, ingest: IngestThread
    ) -> None:
        edge.birth()
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        alter(engine, "RENAME TO mislaid")
        edge.report("m1", [parts(2)], first_offset=2)
        eventually(lambda: not ingest.answers("readyz"), what="not ready, and says so")
        assert edge.receipted() == {1}
        alter(engine, "RENAME TO observation", table="mislaid")
        eventually(lambda: edge.receipted() == {1, 2}, within=20)
        assert offsets(query) == [1, 2]
        assert query("SELECT 1 FROM quarantine") == []


@pytest.mark.usefixtures("ingest")
class TestRefusals:
    def test_an_unknown_device_is_quarantined_but_kept_by_its_edge(
        self, nats_server: Any, park: Park, query: Query
    ) -> None:
        edge = FakeEdge(
            nats_server.mqtt_url, group=park.group, node=park.node, devices=["m1", "stranger"]
        )
        edge.connect()
        try:
            edge.birth()
            edge.report("stranger", [parts(1)], first_offset=1)
            edge.report("stranger", [parts(2)], first_offset=2)
            edge.report("m1", [parts(1)], first_offset=3)
            eventually(lambda: edge.receipted() == {3})
            (row,) = eventually(lambda: query("SELECT cause FROM quarantine"))
            assert row.cause == "unknown device stranger"
            assert offsets(query) == [3]
        finally:
            edge.disconnect()

    def test_an_unknown_gateway_is_quarantined_once(
        self, nats_server: Any, query: Query, edge: FakeEdge
    ) -> None:
        intruder = FakeEdge(nats_server.mqtt_url, group="nowhere", node="gw", devices=["m1"])
        intruder.connect()
        try:
            intruder.birth()
            for offset in range(1, 20):
                intruder.report("m1", [parts(offset)], first_offset=offset)
            edge.birth()
            edge.report("m1", [parts(1)], first_offset=1)
            eventually(lambda: edge.receipted() == {1})
            eventually(lambda: query("SELECT 1 FROM quarantine"))
            assert [row.cause for row in query("SELECT cause FROM quarantine")] == [
                "unknown gateway"
            ]
            assert not intruder.receipted()
        finally:
            intruder.disconnect()

    def test_malformed_messages_are_quarantined_with_their_causes(
        self, edge: FakeEdge, query: Query, park: Park
    ) -> None:
        edge.birth()
        here = f"spBv1.0/{park.group}/DDATA/{park.node}/m1"
        edge.publish_raw(here, b"\xff\xff\xff not protobuf")
        edge.publish_raw(f"spBv1.0/{park.group}/DDATA/{park.node}", encode(Payload(seq=1)))
        edge.publish_raw(f"spBv1.0/{park.group}/DDATA/UPPER/m1", encode(Payload(seq=1)))
        edge.publish_raw(here, b"\x00" * (600 * 1024))
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1}, what="good data after the bad")
        causes = " | ".join(row.cause for row in query("SELECT cause FROM quarantine"))
        for expected in ["not a Sparkplug payload", "number of levels", "lower-case", "exceeds"]:
            assert expected in causes
        (longest,) = query("SELECT max(octet_length(payload)) AS kept FROM quarantine")
        assert longest.kept <= 64 * 1024

    def test_a_flood_of_the_same_malformed_message_is_kept_once(
        self, edge: FakeEdge, query: Query, park: Park, ingest: IngestThread
    ) -> None:
        edge.birth()
        for _ in range(300):
            edge.publish_raw(f"spBv1.0/{park.group}/DDATA/{park.node}/m1", b"\xff\xff")
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        assert len(query("SELECT 1 FROM quarantine")) == 1
        assert ingest.metric("nonagon_ingest_quarantine_suppressed_total") == 299

    def test_offsets_that_do_not_fit_the_observations_are_refused(
        self, edge: FakeEdge, query: Query, park: Park
    ) -> None:
        edge.birth()
        metric = Metric(1, DataType.INT64, name=Signal.PARTS.value, timestamp_ms=1)
        epoch = Metric(7, DataType.UINT64, name="Journal/Epoch")
        none = Metric(b"", DataType.UINT64_ARRAY, name="Journal/Offsets")
        topic = str(Topic(park.group, MessageType.DDATA, park.node, "m1"))
        edge.publish_raw(topic, encode(Payload([metric, epoch, none], seq=3)))
        (row,) = eventually(lambda: query("SELECT cause FROM quarantine"))
        assert row.cause == "0 journal offsets for 1 observations"


@pytest.mark.usefixtures("ingest")
class TestSessions:
    def test_a_node_without_birth_is_asked_for_one_and_nothing_is_receipted(
        self, edge: FakeEdge, query: Query
    ) -> None:
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.rebirth_requests == 1)
        edge.report("m1", [parts(2)], first_offset=2)
        edge.birth()
        edge.report("m1", [parts(3)], first_offset=3)
        eventually(lambda: edge.receipted() == {3})
        assert offsets(query) == [3]
        assert edge.rebirth_requests == 1

    def test_messages_missing_for_good_lead_to_one_rebirth_request(self, edge: FakeEdge) -> None:
        edge.birth()
        edge.skip_seq(2)
        edge.report("m1", [parts(1)], first_offset=1)
        eventually(lambda: edge.receipted() == {1}, what="data is used before the gap is judged")
        eventually(lambda: edge.rebirth_requests == 1)

    def test_the_will_of_an_edge_makes_its_machines_unknown_until_they_are_seen_again(
        self, edge: FakeEdge, query: Query, park: Park
    ) -> None:
        edge.birth()
        edge.report("m1", [state(ResourceState.EXECUTING)], first_offset=1)
        eventually(lambda: live_state(query, park, "m1")[0] == "executing")
        edge.cut()
        eventually(lambda: live_state(query, park, "m1") == ("unknown", "link lost"))
        edge.connect()
        edge.birth()
        eventually(lambda: live_state(query, park, "m1")[0] == "executing")

    def test_a_device_death_makes_that_machine_alone_unknown(
        self, edge: FakeEdge, query: Query, park: Park
    ) -> None:
        edge.birth()
        edge.report("m1", [state(ResourceState.IDLE)], first_offset=1)
        edge.report("m2", [state(ResourceState.IDLE)], first_offset=2)
        eventually(lambda: edge.receipted() == {1, 2})
        edge.device_death("m1")
        eventually(lambda: live_state(query, park, "m1") == ("unknown", "link lost"))
        assert live_state(query, park, "m2")[0] == "idle"

    def test_the_death_of_a_session_that_is_over_changes_nothing(
        self, edge: FakeEdge, query: Query, park: Park
    ) -> None:
        edge.bd_seq = 5
        edge.birth()
        edge.report("m1", [state(ResourceState.IDLE)], first_offset=1)
        eventually(lambda: edge.receipted() == {1})
        stale = Payload([Metric(4, DataType.INT64, name="bdSeq")])
        edge.publish_raw(f"spBv1.0/{park.group}/NDEATH/{park.node}", encode(stale))
        edge.report("m1", [parts(1)], first_offset=2)
        eventually(lambda: edge.receipted() == {1, 2})
        assert live_state(query, park, "m1")[0] == "idle"
