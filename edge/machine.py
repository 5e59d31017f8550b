"""From what a driver samples to what is observed: settling, canonical state, changes only. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Final

from services.contracts.telemetry import (
    JobPredictionSource,
    MachineryItemState,
    MachineryOperationMode,
    Observation,
    Quality,
    ResourceState,
    Signal,
    canonical_state,
)

SETTLE: Final = timedelta(milliseconds=50)
"""Machines set item state and operation mode one after the other; within this they are one step."""
LINK_LOST: Final = "link lost"
TEXT_MAX: Final = 1_024
INT64_MAX: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Feature(StrEnum):
    """A fact about a machine that a driver can sample."""

    ITEM_STATE = "item state"
    OPERATION_MODE = "operation mode"
    EXECUTION = "execution"
    PARTS = "parts"
    JOB_ID = "job id"
    JOB_PREDICTED_END = "job predicted end"
    SPINDLE_LOAD = "spindle load"


STATE_FEATURES: Final = frozenset({Feature.ITEM_STATE, Feature.OPERATION_MODE})
SIGNAL_OF: Final[Mapping[Feature, Signal]] = {
    Feature.EXECUTION: Signal.EXECUTION,
    Feature.PARTS: Signal.PARTS,
    Feature.JOB_ID: Signal.JOB_ID,
    Feature.JOB_PREDICTED_END: Signal.JOB_PREDICTED_END,
    Feature.SPINDLE_LOAD: Signal.SPINDLE_LOAD,
}

SampleValue = str | int | float | datetime | MachineryItemState | MachineryOperationMode | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading; ``fault`` says why there is no usable value, naming node, expected and got."""

    feature: Feature
    value: SampleValue
    source_at: datetime
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    value: SampleValue
    fault: str | None


class MachineTwin:
    """The last known facts of one machine, and the observations that follow from new samples."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._inputs: dict[Feature, _Known] = {}
        self._offered: frozenset[Feature] = frozenset()
        self._linked = False
        self._state: ResourceState | None = None
        self._current: dict[Signal, Observation] = {}

    @property
    def state(self) -> ResourceState:
        return self._state or ResourceState.UNKNOWN

    @property
    def is_known(self) -> bool:
        """Whether the machine is linked and tells a state: what a live sign vouches for."""
        return self._linked and self.state is not ResourceState.UNKNOWN

    def restore(self, latest: Iterable[Observation]) -> None:
        """Take over what an earlier run journalled, so that unchanged values are not told twice.

        State is not taken over: nobody watched in between, so it is told anew.
        """
        for observation in latest:
            if observation.signal not in {Signal.STATE, Signal.STATE_REASON}:
                self._current[observation.signal] = observation

    def current(self, signal: Signal) -> Observation | None:
        """The last observation, for a birth certificate; stale while the machine is not linked."""
        observation = self._current.get(signal)
        if observation is None or self._linked or observation.quality is not Quality.GOOD:
            return observation
        return replace(observation, quality=Quality.STALE)

    def facts(self) -> list[Observation]:
        """Everything known, to be journalled again when the journal was lost."""
        return list(self._current.values())

    def link_up(self, offered: frozenset[Feature], *, now: datetime) -> list[Observation]:
        """A session is complete; ``offered`` is what this server has of the machine."""
        self._linked = True
        self._offered = offered
        self._inputs.clear()
        return [] if offered & STATE_FEATURES else self._settle(now, now)

    def link_lost(self, *, now: datetime, reason: str = LINK_LOST) -> list[Observation]:
        """Tell once that nothing is known any more."""
        self._linked = False
        self._inputs.clear()
        return self._tell_state(ResourceState.UNKNOWN, reason, now, now, Quality.STALE)

    def apply(self, batch: Sequence[Sample], *, now: datetime) -> list[Observation]:
        """What one notification changed, in the machine's order of time."""
        told: list[Observation] = []
        for step in _steps(batch):
            for sample in step:
                self._inputs[sample.feature] = _Known(sample.value, sample.fault)
                if sample.feature not in STATE_FEATURES:
                    told += self._tell_sample(sample, now)
            if any(sample.feature in STATE_FEATURES for sample in step):
                told += self._settle(step[-1].source_at, now)
        return told

    def _settle(self, source_at: datetime, now: datetime) -> list[Observation]:
        if any(
            feature in self._offered and feature not in self._inputs for feature in STATE_FEATURES
        ):
            return []
        item, item_fault = self._input(Feature.ITEM_STATE)
        mode, mode_fault = self._input(Feature.OPERATION_MODE)
        if Feature.OPERATION_MODE not in self._offered:
            mode, mode_fault = MachineryOperationMode.NONE, None
        state = canonical_state(
            item if isinstance(item, MachineryItemState) else None,
            mode if isinstance(mode, MachineryOperationMode) else None,
        )
        reason = "; ".join(fault for fault in (item_fault, mode_fault) if fault)[:TEXT_MAX] or None
        quality = Quality.BAD if state is ResourceState.UNKNOWN else Quality.GOOD
        return self._tell_state(state, reason, source_at, now, quality)

    def _input(self, feature: Feature) -> tuple[SampleValue, str | None]:
        known = self._inputs.get(feature)
        if known is None:
            return None, f"the server has no {feature.value}"
        return known.value, known.fault

    def _tell_state(
        self,
        state: ResourceState,
        reason: str | None,
        source_at: datetime,
        now: datetime,
        quality: Quality,
    ) -> list[Observation]:
        told = []
        if state is not self._state:
            self._state = state
            told.append(self._observe(Signal.STATE, state.value, quality, source_at, now))
        known = self._current.get(Signal.STATE_REASON)
        if reason != (known.value if known else None):
            told.append(self._observe(Signal.STATE_REASON, reason, Quality.GOOD, source_at, now))
        return told

    def _tell_sample(self, sample: Sample, now: datetime) -> list[Observation]:
        signal = SIGNAL_OF[sample.feature]
        value, quality = _observable(sample)
        told = self._tell_change(signal, value, quality, sample.source_at, now)
        if signal is Signal.JOB_PREDICTED_END:
            source = JobPredictionSource.PROGNOSIS.value if value is not None else None
            told += self._tell_change(
                Signal.JOB_PREDICTION_SOURCE, source, quality, sample.source_at, now
            )
        return told

    def _tell_change(
        self,
        signal: Signal,
        value: str | float | datetime | None,
        quality: Quality,
        source_at: datetime,
        now: datetime,
    ) -> list[Observation]:
        known = self._current.get(signal)
        if known is not None and known.value == value and known.quality is quality:
            return []
        if known is None and value is None and quality is Quality.GOOD:
            return []
        return [self._observe(signal, value, quality, source_at, now)]

    def _observe(
        self,
        signal: Signal,
        value: str | float | datetime | None,
        quality: Quality,
        source_at: datetime,
        now: datetime,
    ) -> Observation:
        observation = Observation(self.device, signal, value, quality, source_at, now)
        self._current[signal] = observation
        return observation


def _observable(sample: Sample) -> tuple[str | int | float | datetime | None, Quality]:
    value = sample.value
    if sample.fault is not None:
        return None, Quality.BAD
    if isinstance(value, str) and not _is_carriable(value):
        return None, Quality.BAD
    if isinstance(value, int) and not -INT64_MAX <= value <= INT64_MAX:
        return None, Quality.BAD
    if isinstance(value, datetime):  # Sparkplug and the journal carry milliseconds
        value = value.replace(microsecond=value.microsecond // 1_000 * 1_000)
    return value, Quality.GOOD


def _is_carriable(text: str) -> bool:
    """Whether protobuf, SQLite and PostgreSQL all take ``text``."""
    return len(text) <= TEXT_MAX and "\0" not in text and not _SURROGATE.search(text)


def _steps(batch: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Samples in order of source time, those of different features close in time as one step.

    A feature that comes twice ends the step before, so that no change between two values is lost.
    """
    step: list[Sample] = []
    seen: set[Feature] = set()
    for sample in sorted(batch, key=attrgetter("source_at")):
        if step and (sample.feature in seen or sample.source_at - step[0].source_at > SETTLE):
            yield step
            step, seen = [], set()
        step.append(sample)
        seen.add(sample.feature)
    if step:
        yield step
