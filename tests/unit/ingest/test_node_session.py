"""Sessions of edge nodes: aliases, births, deaths, order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.node_session import (
    REORDER_TOLERANCE,
    REORDER_WINDOW,
    NodeSession,
    SequenceTracker,
)
from services.contracts.sparkplug import (
    SEQ_MODULUS,
    DataType,
    MalformedPayloadError,
    Metric,
    Payload,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def birth(bd_seq: int) -> Payload:
    return Payload([Metric(bd_seq, DataType.INT64, name="bdSeq")], seq=0)


def device_birth(**aliases: int) -> Payload:
    return Payload(
        [Metric(None, DataType.INT64, name=name, alias=alias) for name, alias in aliases.items()],
        seq=1,
    )


def alive(*devices: str, bd_seq: int = 3) -> NodeSession:
    session = NodeSession()
    session.node_birth(birth(bd_seq))
    for device in devices:
        session.device_birth(device, device_birth(parts=1))
    return session


class TestBirth:
    def test_gives_data_its_names_and_datatypes(self) -> None:
        named = alive("m1").named("m1", [Metric(5, DataType.UINT64, alias=1)])
        assert named is not None
        assert [(one.name, one.datatype) for one in named] == [("parts", DataType.INT64)]

    def test_of_one_device_says_nothing_of_another(self) -> None:
        assert alive("m1").named("m2", [Metric(5, DataType.INT64, alias=1)]) is None

    def test_leaves_other_aliases_unknown(self) -> None:
        assert alive("m1").named("m1", [Metric(5, DataType.INT64, alias=2)]) is None

    def test_with_another_bd_seq_tells_which_devices_died_untold(self) -> None:
        session = alive("m1", "m2", bd_seq=3)
        assert session.node_birth(birth(4)) == {"m1", "m2"}
        assert session.named("m1", [Metric(5, DataType.INT64, alias=1)]) is None

    def test_with_the_same_bd_seq_is_a_rebirth_and_kills_nothing(self) -> None:
        assert alive("m1", bd_seq=3).node_birth(birth(3)) == frozenset()

    def test_without_bd_seq_is_malformed(self) -> None:
        with pytest.raises(MalformedPayloadError, match="bdSeq"):
            NodeSession().node_birth(Payload(seq=0))

    def test_with_one_alias_for_two_metrics_is_malformed(self) -> None:
        with pytest.raises(MalformedPayloadError, match="two metrics"):
            alive().device_birth("m1", device_birth(parts=1, state=1))


class TestDeath:
    def test_ends_the_session_it_belongs_to(self) -> None:
        session = alive("m1", bd_seq=3)
        assert session.node_death(birth(3)) == {"m1"}
        assert not session.is_alive

    def test_of_an_earlier_session_is_ignored(self) -> None:
        session = alive("m1", bd_seq=3)
        assert session.node_death(birth(2)) == frozenset()
        assert session.is_alive

    def test_of_a_device_ends_its_aliases_only(self) -> None:
        session = alive("m1", "m2")
        session.device_death("m1")
        assert session.devices == {"m2"}


class TestOrder:
    def tracker(self) -> SequenceTracker:
        tracker = SequenceTracker()
        tracker.restart()
        return tracker

    def test_wraps_after_255(self) -> None:
        tracker = self.tracker()
        assert all(tracker.accept(seq % SEQ_MODULUS, NOW) for seq in range(1, 600))
        assert not tracker.gave_up(NOW + timedelta(days=1))

    def test_forgives_a_message_that_comes_late(self) -> None:
        tracker = self.tracker()
        assert [tracker.accept(seq, NOW) for seq in (1, 3, 2, 4)] == [True] * 4
        assert not tracker.gave_up(NOW + timedelta(days=1))

    def test_gives_up_only_when_the_tolerance_has_passed(self) -> None:
        tracker = self.tracker()
        assert tracker.accept(3, NOW)
        assert not tracker.gave_up(NOW + REORDER_TOLERANCE - timedelta(milliseconds=1))
        assert tracker.gave_up(NOW + REORDER_TOLERANCE)

    def test_still_waits_while_one_of_two_missing_has_come(self) -> None:
        tracker = self.tracker()
        assert [tracker.accept(seq, NOW) for seq in (3, 1)] == [True, True]
        assert tracker.gave_up(NOW + REORDER_TOLERANCE)

    def test_forgives_a_message_told_twice(self) -> None:
        tracker = self.tracker()
        assert [tracker.accept(seq, NOW) for seq in (1, 1, 2)] == [True] * 3
        assert not tracker.gave_up(NOW + timedelta(days=1))

    def test_refuses_a_jump_beyond_the_window(self) -> None:
        assert not self.tracker().accept(1 + REORDER_WINDOW + 1, NOW)

    @given(st.permutations(range(1, 9)))
    def test_any_order_of_a_short_burst_is_complete(self, burst: list[int]) -> None:
        tracker = self.tracker()
        assert all(tracker.accept(seq, NOW) for seq in burst)
        assert not tracker.gave_up(NOW + timedelta(days=1))

    @given(st.integers(1, 200), st.integers(1, 200))
    def test_a_missing_message_never_goes_unnoticed(self, lost: int, after: int) -> None:
        tracker = self.tracker()
        told = [seq for seq in range(1, lost + after + 1) if seq != lost]
        accepted = [tracker.accept(seq % SEQ_MODULUS, NOW) for seq in told]
        assert not all(accepted) or tracker.gave_up(NOW + REORDER_TOLERANCE)
