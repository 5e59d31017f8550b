"""What bounds ingest: quarantine allowance, rebirth requests, the queue, receipts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.batch import Arrival, NodeKey
from gateway.ingest.commands import REBIRTH_INTERVAL, RebirthLimit, receipts
from gateway.ingest.inbox import Inbox
from gateway.ingest.quarantine_budget import (
    BYTES_PER_HOUR_MAX,
    REPEAT_INTERVAL,
    QuarantineBudget,
)
from services.contracts.journal import RANGES_PER_RECEIPT_MAX, read_receipt
from services.contracts.sparkplug import decode

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NODE = NodeKey("site", "gw")


def arrival(size: int = 10) -> Arrival:
    return Arrival("topic", b"x" * size, NOW, 1)


class TestQuarantineBudget:
    def test_keeps_one_message_per_topic_and_cause_in_a_while(self) -> None:
        budget = QuarantineBudget()

        def admits(topic: str, cause: str, now: datetime) -> bool:
            return budget.admits_message(topic=topic, cause=cause, size=1, now=now)

        assert admits("t", "c", NOW)
        assert not admits("t", "c", NOW + REPEAT_INTERVAL - timedelta(seconds=1))
        assert admits("t", "other", NOW)
        assert admits("other", "c", NOW)
        assert admits("t", "c", NOW + REPEAT_INTERVAL)

    def test_spends_no_more_than_the_hours_bytes(self) -> None:
        budget = QuarantineBudget()
        size = 65_536
        kept = sum(
            budget.admits_message(topic=f"t{n}", cause="c", size=size, now=NOW) for n in range(999)
        )
        assert 200 < kept <= BYTES_PER_HOUR_MAX // size
        assert budget.admits_bytes(size, now=NOW + timedelta(hours=1))


class TestRebirthLimit:
    def test_asks_each_node_once_in_the_interval(self) -> None:
        limit = RebirthLimit()
        assert limit.allows(NODE, NOW)
        assert not limit.allows(NODE, NOW + REBIRTH_INTERVAL / 2)
        assert limit.allows(NodeKey("site", "other"), NOW)
        assert limit.allows(NODE, NOW + REBIRTH_INTERVAL)


class TestInbox:
    def test_counts_what_does_not_fit_and_keeps_the_oldest(self) -> None:
        inbox = Inbox(messages_max=2)
        for _ in range(5):
            inbox.put(arrival())
        assert (len(inbox), inbox.dropped) == (2, 3)

    def test_is_bounded_in_bytes_and_frees_them_when_taken(self) -> None:
        inbox = Inbox(bytes_max=100)
        inbox.put(arrival(80))
        inbox.put(arrival(80))
        assert inbox.dropped == 1
        assert inbox.take(0) is not None
        inbox.put(arrival(80))
        assert (len(inbox), inbox.dropped) == (1, 1)

    def test_is_empty_after_the_last(self) -> None:
        assert Inbox().take(0) is None


class TestReceipts:
    @given(st.sets(st.integers(1, 20_000), min_size=1, max_size=6_000))
    def test_cover_exactly_what_is_durable_within_the_limit(self, offsets: set[int]) -> None:
        covered: set[int] = set()
        for topic, payload in receipts(NODE, 7, sorted(offsets), now=NOW):
            assert topic == "spBv1.0/site/NCMD/gw"
            (metric,) = decode(payload).metrics
            receipt = read_receipt(metric)
            assert receipt.epoch == 7
            assert len(receipt.ranges) <= RANGES_PER_RECEIPT_MAX
            for first, last in receipt.ranges:
                covered |= set(range(first, last + 1))
        assert covered == offsets

    def test_of_scattered_offsets_are_divided(self) -> None:
        scattered = range(1, 2 * RANGES_PER_RECEIPT_MAX + 4, 2)
        assert len(list(receipts(NODE, 7, scattered, now=NOW))) == 2
