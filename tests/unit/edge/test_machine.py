"""What a machine's samples mean: canonical state, settled pairs, changes only."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.machine import Feature, MachineTwin, Sample, SampleValue
from services.contracts.telemetry import (
    MachineryItemState,
    MachineryOperationMode,
    Observation,
    Quality,
    ResourceState,
    Signal,
    canonical_state,
)
from tests.unit.edge.clocks import START

ALL = frozenset(Feature)
ITEM, MODE = Feature.ITEM_STATE, Feature.OPERATION_MODE


def sample(
    feature: Feature, value: SampleValue, *, ms: int = 0, fault: str | None = None
) -> Sample:
    return Sample(feature, value, START + timedelta(milliseconds=ms), fault)


def pair(item: MachineryItemState, mode: MachineryOperationMode, *, ms: int = 0) -> list[Sample]:
    return [sample(ITEM, item, ms=ms), sample(MODE, mode, ms=ms)]


def linked(*, offered: frozenset[Feature] = ALL) -> MachineTwin:
    twin = MachineTwin("mill-07")
    twin.link_up(offered, now=START)
    return twin


def told(observations: list[Observation], signal: Signal) -> list[object]:
    return [each.value for each in observations if each.signal is signal]


EXECUTING = pair(MachineryItemState.EXECUTING, MachineryOperationMode.PROCESSING)


class TestState:
    @given(item=st.sampled_from(MachineryItemState), mode=st.sampled_from(MachineryOperationMode))
    def test_follows_the_canonical_map(
        self, item: MachineryItemState, mode: MachineryOperationMode
    ) -> None:
        observations = linked().apply(pair(item, mode), now=START)
        assert told(observations, Signal.STATE) == [canonical_state(item, mode).value]

    def test_waits_for_both_parts_of_the_pair(self) -> None:
        twin = linked()
        assert twin.apply([sample(ITEM, MachineryItemState.EXECUTING)], now=START) == []
        observations = twin.apply([sample(MODE, MachineryOperationMode.PROCESSING)], now=START)
        assert told(observations, Signal.STATE) == ["executing"]

    def test_is_told_only_when_it_changes(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        assert twin.apply(EXECUTING, now=START) == []

    @pytest.mark.parametrize("first", [ITEM, MODE])
    @pytest.mark.parametrize("apart_ms", [0, 1, 50])
    def test_a_pair_that_changes_together_has_no_state_in_between(
        self, first: Feature, apart_ms: int
    ) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        changes = {
            ITEM: MachineryItemState.NOT_EXECUTING,
            MODE: MachineryOperationMode.MAINTENANCE,
        }
        batch = [
            sample(feature, value, ms=1_000 + (0 if feature is first else apart_ms))
            for feature, value in changes.items()
        ]
        assert told(twin.apply(batch, now=START), Signal.STATE) == ["maintenance"]

    def test_changes_further_apart_are_two_states(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        batch = [
            sample(ITEM, MachineryItemState.NOT_EXECUTING, ms=1_000),
            sample(MODE, MachineryOperationMode.MAINTENANCE, ms=1_051),
        ]
        assert told(twin.apply(batch, now=START), Signal.STATE) == ["idle", "maintenance"]

    def test_there_and_back_in_one_batch_is_three_states(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        batch = [
            sample(ITEM, item, ms=ms)
            for ms, item in (
                (20, MachineryItemState.EXECUTING),
                (0, MachineryItemState.NOT_EXECUTING),
                (30, MachineryItemState.OUT_OF_SERVICE),
            )
        ]
        states = told(twin.apply(batch, now=START), Signal.STATE)
        assert states == ["idle", "executing", "down"]

    def test_carries_the_time_of_the_change(self) -> None:
        observations = linked().apply(
            pair(MachineryItemState.EXECUTING, MachineryOperationMode.PROCESSING, ms=7),
            now=START + timedelta(seconds=9),
        )
        assert observations[0].source_at == START + timedelta(milliseconds=7)
        assert observations[0].received_at == START + timedelta(seconds=9)

    def test_without_an_operation_mode_the_item_state_decides(self) -> None:
        twin = linked(offered=ALL - {MODE})
        observations = twin.apply([sample(ITEM, MachineryItemState.EXECUTING)], now=START)
        assert told(observations, Signal.STATE) == ["executing"]

    def test_without_any_state_node_it_is_unknown_and_says_so(self) -> None:
        twin = MachineTwin("mill-07")
        observations = twin.link_up(ALL - {ITEM, MODE}, now=START)
        assert told(observations, Signal.STATE) == ["unknown"]
        assert told(observations, Signal.STATE_REASON) == ["the server has no item state"]


class TestDoubt:
    def test_a_fault_makes_the_state_unknown_with_its_reason(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        observations = twin.apply([sample(ITEM, None, fault="Number: expected UInt32")], now=START)
        assert [(each.signal, each.value, each.quality) for each in observations] == [
            (Signal.STATE, "unknown", Quality.BAD),
            (Signal.STATE_REASON, "Number: expected UInt32", Quality.GOOD),
        ]
        assert not twin.is_known

    def test_a_fault_elsewhere_makes_only_that_value_bad(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        (observation,) = twin.apply([sample(Feature.PARTS, None, fault="odd")], now=START)
        assert (observation.value, observation.quality) == (None, Quality.BAD)
        assert twin.is_known

    @pytest.mark.parametrize("value", ["x" * 1_025, "nul\0", "\ud800", 2**63, -(2**63) - 1])
    def test_what_cannot_be_carried_is_bad(self, value: str | int) -> None:
        feature = Feature.EXECUTION if isinstance(value, str) else Feature.PARTS
        (observation,) = linked().apply([sample(feature, value)], now=START)
        assert (observation.value, observation.quality) == (None, Quality.BAD)


class TestLink:
    def test_a_lost_link_is_told_once(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        observations = twin.link_lost(now=START)
        assert [(each.signal, each.value) for each in observations] == [
            (Signal.STATE, "unknown"),
            (Signal.STATE_REASON, "link lost"),
        ]
        assert observations[0].quality is Quality.STALE
        assert twin.link_lost(now=START) == []
        assert twin.state is ResourceState.UNKNOWN

    def test_a_machine_never_reached_is_unknown_too(self) -> None:
        observations = MachineTwin("mill-07").link_lost(now=START)
        assert told(observations, Signal.STATE) == ["unknown"]

    def test_a_new_link_believes_nothing_from_the_old_one(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        twin.link_lost(now=START)
        twin.link_up(ALL, now=START)
        assert twin.apply([sample(ITEM, MachineryItemState.EXECUTING)], now=START) == []

    def test_a_link_that_begins_anew_unannounced_believes_nothing_either(self) -> None:
        twin = linked()
        twin.apply(EXECUTING, now=START)
        twin.link_up(ALL, now=START)
        assert twin.apply([sample(ITEM, MachineryItemState.OUT_OF_SERVICE)], now=START) == []

    def test_what_did_not_change_meanwhile_is_not_told_again(self) -> None:
        twin = linked()
        twin.apply([*EXECUTING, sample(Feature.PARTS, 7)], now=START)
        twin.link_lost(now=START)
        twin.link_up(ALL, now=START)
        observations = twin.apply([*EXECUTING, sample(Feature.PARTS, 7)], now=START)
        assert told(observations, Signal.STATE) == ["executing"]
        assert told(observations, Signal.STATE_REASON) == [None]
        assert told(observations, Signal.PARTS) == []

    def test_values_are_stale_while_the_link_is_lost(self) -> None:
        twin = linked()
        twin.apply([sample(Feature.PARTS, 7)], now=START)
        twin.link_lost(now=START)
        current = twin.current(Signal.PARTS)
        assert current is not None
        assert (current.value, current.quality) == (7, Quality.STALE)


class TestRestore:
    def test_a_restart_tells_the_state_but_no_unchanged_value(self) -> None:
        before = linked()
        batch = [*EXECUTING, sample(Feature.PARTS, 7), sample(Feature.EXECUTION, "ACTIVE")]
        journalled = before.apply(batch, now=START)
        after = MachineTwin("mill-07")
        after.restore(journalled)
        after.link_up(ALL, now=START)
        again = after.apply([*batch, sample(Feature.PARTS, 8, ms=1)], now=START)
        assert told(again, Signal.STATE) == ["executing"]
        assert told(again, Signal.PARTS) == [8]
        assert told(again, Signal.EXECUTION) == []


class TestJob:
    def test_a_predicted_end_names_its_source_and_keeps_milliseconds(self) -> None:
        end = START + timedelta(hours=1, microseconds=1_999)
        observations = linked().apply([sample(Feature.JOB_PREDICTED_END, end)], now=START)
        assert told(observations, Signal.JOB_PREDICTED_END) == [
            START + timedelta(hours=1, milliseconds=1)
        ]
        assert told(observations, Signal.JOB_PREDICTION_SOURCE) == ["prognosis"]

    def test_no_job_from_the_start_is_nothing_to_tell(self) -> None:
        batch = [sample(Feature.JOB_ID, None), sample(Feature.JOB_PREDICTED_END, None)]
        assert linked().apply(batch, now=START) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 200)), min_size=1, max_size=20
    )
)
def test_every_change_of_an_execution_is_told_in_order(steps: list[tuple[str, int]]) -> None:
    """However a server batches them; equal neighbours are no change."""
    twin = linked()
    at, batch = 0, []
    wanted: list[str] = []
    for value, gap in steps:
        at += gap
        batch.append(sample(Feature.EXECUTION, value, ms=at))
        if not wanted or wanted[-1] != value:
            wanted.append(value)
    assert told(twin.apply(batch, now=START), Signal.EXECUTION) == wanted
