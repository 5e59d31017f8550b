"""What a machine tells: canonical states, signals, quality. Shared by edge, ingest and capacity.

Sources: OPC 40001-1 Machinery (MachineryItemState, MachineryOperationMode), MTConnect Execution,
Sparkplug B 3.0 (quality).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class ResourceState(StrEnum):
    """Canonical live state (设备状态) of a resource with a live twin."""

    EXECUTING = "executing"
    IDLE = "idle"
    SETUP = "setup"
    MAINTENANCE = "maintenance"
    DOWN = "down"
    OFF = "off"
    UNKNOWN = "unknown"


class MachineryItemState(IntEnum):
    """OPC 40001-1 §12 MachineryItemState_StateMachineType, StateNumber."""

    NOT_AVAILABLE = 0
    OUT_OF_SERVICE = 1
    NOT_EXECUTING = 2
    EXECUTING = 3


class MachineryOperationMode(IntEnum):
    """OPC 40001-1 §13 MachineryOperationModeStateMachineType, StateNumber."""

    NONE = 0
    MAINTENANCE = 1
    SETUP = 2
    PROCESSING = 3


class Quality(IntEnum):
    """Sparkplug B 3.0 ``Quality`` property values."""

    BAD = 0
    GOOD = 192
    STALE = 500


_FAULT_STATES = {
    MachineryItemState.OUT_OF_SERVICE: ResourceState.DOWN,
    MachineryItemState.NOT_AVAILABLE: ResourceState.OFF,
}


def canonical_state(
    item: MachineryItemState | None, mode: MachineryOperationMode | None
) -> ResourceState:
    """Map the two OPC 40001-1 state machines to one state.

    ``None`` (bad quality, no data) is unknown, never idle.

    Planned maintenance outranks a fault (the machine is out of service on purpose); a fault or
    an absent machine outranks setup.
    """
    if item is None or mode is None:
        return ResourceState.UNKNOWN
    if mode is MachineryOperationMode.MAINTENANCE:
        return ResourceState.MAINTENANCE
    if item in _FAULT_STATES:
        return _FAULT_STATES[item]
    if mode is MachineryOperationMode.SETUP:
        return ResourceState.SETUP
    executing = item is MachineryItemState.EXECUTING
    return ResourceState.EXECUTING if executing else ResourceState.IDLE


class Signal(StrEnum):
    """What an observation is about; the value is also its Sparkplug metric name."""

    STATE = "Capacity/State"
    STATE_REASON = "Capacity/StateReason"
    JOB_ID = "Capacity/Job/Id"
    JOB_PREDICTED_END = "Capacity/Job/PredictedEnd"
    JOB_PREDICTION_SOURCE = "Capacity/Job/PredictionSource"
    PARTS = "Counters/Parts"
    EXECUTION = "Machine/Execution"
    SPINDLE_LOAD = "Analog/SpindleLoad"


class JobPredictionSource(StrEnum):
    """Where a job's predicted end comes from, best first (OPC 40501-1, OPC 40001-3, learned)."""

    PROGNOSIS = "prognosis"
    JOB_END_TIME = "job-end-time"
    PLANNED_TIME = "planned-time"
    LEARNED_CYCLE = "learned-cycle"


@dataclass(frozen=True, slots=True)
class Observation:
    """One value as a machine reported it.

    ``value`` is text for states, ids and executions, an int for counters, a float for analog
    signals, a datetime for ``JOB_PREDICTED_END``; ``None`` when the quality is not good or the
    signal was cleared. ``source_at`` is the machine's own SourceTimestamp; ``received_at`` is
    the agent's clock.
    """

    device: str
    signal: Signal
    value: str | int | float | datetime | None
    quality: Quality
    source_at: datetime
    received_at: datetime
