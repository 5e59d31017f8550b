"""How reports move a live state: out of order, twice, late, with absurd clocks."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from services.capacity.domain import (
    LINK_LOST,
    NEVER_REPORTED,
    LiveState,
    ReportedObservation,
    TwinRecord,
    fold,
    seen,
    unseen,
)
from services.contracts.ids import GatewayId, ResourceId
from services.contracts.telemetry import (
    JobPredictionSource,
    Observation,
    Quality,
    ResourceState,
    Signal,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STALE_AFTER = 30 * SECOND
RESOURCE = ResourceId(UUID(int=1))
FRESH = TwinRecord(
    LiveState(RESOURCE, ResourceState.UNKNOWN, NEVER_REPORTED, since=NOW - timedelta(days=1))
)


def report(
    offset: int,
    value: str | float | datetime | None,
    *,
    signal: Signal = Signal.STATE,
    epoch: int = 7,
    at: datetime | None = None,
    received_at: datetime | None = None,
    quality: Quality = Quality.GOOD,
) -> ReportedObservation:
    source_at = at or NOW - timedelta(minutes=10) + offset * SECOND
    return ReportedObservation(
        GatewayId(UUID(int=2)),
        RESOURCE,
        epoch,
        offset,
        Observation("mill-1", signal, value, quality, source_at, received_at or source_at),
    )


def after(*reports: ReportedObservation, record: TwinRecord = FRESH) -> TwinRecord:
    return fold(record, reports, NOW).record


class TestOrder:
    def test_states_change_in_journal_order_whatever_the_order_in_the_batch(self) -> None:
        batch = [
            report(1, "idle"),
            report(2, "executing"),
            report(3, "executing"),
            report(4, "down"),
        ]
        for shuffled in permutations(batch):
            folded = fold(FRESH, shuffled, NOW)
            assert [(change.previous, change.state) for change in folded.changes] == [
                (ResourceState.UNKNOWN, ResourceState.IDLE),
                (ResourceState.IDLE, ResourceState.EXECUTING),
                (ResourceState.EXECUTING, ResourceState.DOWN),
            ]

    def test_since_is_when_the_machine_changed_not_when_it_repeated_itself(self) -> None:
        live = after(report(1, "idle"), report(2, "executing"), report(3, "executing")).live
        assert live.since == NOW - timedelta(minutes=10) + 2 * SECOND
        assert live.source_at == NOW - timedelta(minutes=10) + 3 * SECOND

    def test_an_older_offset_is_history_only(self) -> None:
        record = after(report(5, "down"))
        folded = fold(record, [report(4, "idle")], NOW)
        assert folded.record.live.state is ResourceState.DOWN
        assert folded.changes == ()
        assert [change.state for change in folded.history] == [ResourceState.IDLE]

    def test_a_lower_offset_wins_as_long_as_its_signal_was_not_told_later(self) -> None:
        record = after(report(9, 12, signal=Signal.PARTS))
        record = after(report(3, "idle"), record=record)
        assert (record.live.state, record.live.part_count) == (ResourceState.IDLE, 12)

    def test_another_epoch_wins_only_when_its_time_is_not_older(self) -> None:
        record = after(report(50, "down", at=NOW - 60 * SECOND))
        older = after(report(1, "idle", epoch=3, at=NOW - 61 * SECOND), record=record)
        equal = after(report(1, "idle", epoch=3, at=NOW - 60 * SECOND), record=record)
        assert older.live.state is ResourceState.DOWN
        assert equal.live.state is ResourceState.IDLE

    def test_two_epochs_in_a_batch_apply_in_the_order_of_their_times(self) -> None:
        new = report(1, "executing", epoch=3, at=NOW - 10 * SECOND)
        old = report(90, "idle", epoch=7, at=NOW - 60 * SECOND)
        folded = fold(FRESH, [new, old], NOW)
        assert [change.state for change in folded.changes] == [
            ResourceState.IDLE,
            ResourceState.EXECUTING,
        ]


class TestValues:
    def test_each_signal_has_its_place(self) -> None:
        end = NOW + timedelta(hours=1)
        live = after(
            report(1, "executing"),
            report(2, "job-7", signal=Signal.JOB_ID),
            report(3, end, signal=Signal.JOB_PREDICTED_END),
            report(4, "planned-time", signal=Signal.JOB_PREDICTION_SOURCE),
            report(5, 17, signal=Signal.PARTS),
            report(6, "ACTIVE", signal=Signal.EXECUTION),
            report(7, 55.5, signal=Signal.SPINDLE_LOAD),
        ).live
        assert (live.job_id, live.job_predicted_end, live.part_count, live.execution) == (
            "job-7",
            end,
            17,
            "ACTIVE",
        )
        assert live.prediction_source is JobPredictionSource.PLANNED_TIME
        assert live.seen_at == NOW - timedelta(minutes=10) + 7 * SECOND

    def test_a_cleared_signal_is_forgotten(self) -> None:
        record = after(report(1, "job-7", signal=Signal.JOB_ID))
        assert after(report(2, None, signal=Signal.JOB_ID), record=record).live.job_id is None

    @pytest.mark.parametrize("quality", [Quality.BAD, Quality.STALE])
    def test_bad_quality_is_unknown_and_never_idle(self, quality: Quality) -> None:
        record = after(report(1, "idle"))
        live = after(report(2, "idle", quality=quality), record=record).live
        assert (live.state, live.reason, live.quality) == (
            ResourceState.UNKNOWN,
            "bad quality",
            quality,
        )

    def test_a_state_nobody_knows_is_unknown(self) -> None:
        live = after(report(1, "on fire")).live
        assert (live.state, live.reason) == (ResourceState.UNKNOWN, "unreadable state")

    @pytest.mark.parametrize("count", [float("nan"), float("inf"), -1, 2.0**60, "many"])
    def test_an_impossible_count_is_no_count(self, count: float | str) -> None:
        assert after(report(1, count, signal=Signal.PARTS)).live.part_count is None

    def test_a_reason_of_the_same_instant_explains_the_change(self) -> None:
        at = NOW - 5 * SECOND
        reason = report(1, "spindle overheated", signal=Signal.STATE_REASON, at=at)
        folded = fold(FRESH, [reason, report(2, "down", at=at)], NOW)
        assert [change.reason for change in folded.changes] == ["spindle overheated"]
        assert folded.record.live.reason == "spindle overheated"

    def test_a_reason_does_not_outlive_its_state(self) -> None:
        record = after(report(1, "down"), report(2, "tool broken", signal=Signal.STATE_REASON))
        assert record.live.reason == "tool broken"
        assert after(report(3, "idle"), record=record).live.reason is None


class TestClocks:
    @pytest.mark.parametrize(
        "absurd", [NOW + timedelta(hours=2), datetime(1970, 1, 1, tzinfo=UTC), NOW.replace(9000)]
    )
    def test_an_absurd_source_time_yields_to_the_receive_time(self, absurd: datetime) -> None:
        received_at = NOW - 3 * SECOND
        live = after(report(1, "down", at=absurd, received_at=received_at)).live
        assert (live.state, live.since) == (ResourceState.DOWN, received_at)

    def test_and_to_our_own_clock_when_the_receive_time_is_absurd_too(self) -> None:
        absurd = NOW + timedelta(days=900)
        live = after(report(1, "down", at=absurd)).live
        assert (live.since, live.seen_at) == (NOW, NOW)

    def test_it_does_not_win_against_every_later_epoch(self) -> None:
        record = after(
            report(1, "down", at=NOW + timedelta(days=900), received_at=NOW - 9 * SECOND)
        )
        assert (
            after(report(1, "idle", epoch=8, at=NOW - SECOND), record=record).live.state
            is ResourceState.IDLE
        )

    def test_an_hour_ahead_is_still_believed(self) -> None:
        ahead = NOW + timedelta(hours=1)
        assert after(report(1, "idle", at=ahead)).live.since == ahead


class TestLostLink:
    def lost(self) -> TwinRecord:
        record = after(report(1, "idle", at=NOW - 60 * SECOND))
        return unseen(record, NOW, STALE_AFTER).record

    def test_is_unknown_since_last_seen(self) -> None:
        live = self.lost().live
        assert (live.state, live.reason, live.since) == (
            ResourceState.UNKNOWN,
            LINK_LOST,
            NOW - 60 * SECOND,
        )

    def test_is_told_once(self) -> None:
        assert unseen(self.lost(), NOW, STALE_AFTER).changes == ()

    def test_a_twin_seen_lately_or_never_reported_stays(self) -> None:
        lately = after(report(1, "idle", at=NOW - 30 * SECOND))
        assert unseen(lately, NOW, STALE_AFTER).record == lately
        assert unseen(FRESH, NOW, STALE_AFTER).record == FRESH

    def test_a_fresh_sign_restores_what_the_machine_last_told(self) -> None:
        folded = seen(self.lost(), NOW, NOW)
        assert folded.record.live.state is ResourceState.IDLE
        assert [(change.previous, change.at) for change in folded.changes] == [
            (ResourceState.UNKNOWN, NOW)
        ]

    def test_an_old_sign_proves_nothing(self) -> None:
        later = NOW + timedelta(hours=1)
        folded = seen(self.lost(), NOW, later)
        assert folded.record.live.state is ResourceState.UNKNOWN
        assert folded.changes == ()

    def test_a_sign_does_not_invent_a_state_that_was_never_told(self) -> None:
        folded = seen(FRESH, NOW, NOW)
        assert folded.record.live.state is ResourceState.UNKNOWN
        assert folded.record.live.seen_at == NOW

    def test_a_sign_does_not_hide_bad_quality(self) -> None:
        bad = after(report(1, "idle"), report(2, None, quality=Quality.BAD))
        assert seen(bad, NOW, NOW).record.live.state is ResourceState.UNKNOWN

    def test_a_sign_from_the_future_counts_as_now(self) -> None:
        assert seen(FRESH, NOW + timedelta(days=1), NOW).record.live.seen_at == NOW

    def test_an_older_sign_does_not_move_backwards(self) -> None:
        record = seen(FRESH, NOW, NOW).record
        assert seen(record, NOW - SECOND, NOW).record.live.seen_at == NOW


@pytest.mark.parametrize(("epoch", "offset"), [(-1, 1), (2**63, 1), (0, 0), (0, 2**63)])
def test_a_place_no_journal_has_is_refused(epoch: int, offset: int) -> None:
    with pytest.raises(ValueError, match="no place in a journal"):
        report(offset, "idle", epoch=epoch, at=NOW)
