"""From an OPC UA DataValue to a sample: status, data type and meaning are checked here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import ua

from edge.machine import Feature, Sample, SampleValue
from services.contracts import machinery
from services.contracts.machinery import DataType, MachineVariable
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

NULLABLE: Final = frozenset({Feature.JOB_ID, Feature.JOB_PREDICTED_END})
"""Features whose absence is a fact: no job runs."""
OVERFLOW_BITS: Final = 0x480
"""OPC 10000-4 §7.39: InfoType DataValue with the Overflow bit."""
SHOWN_MAX: Final = 80
FILETIME_ZERO: Final = datetime(1601, 1, 1, tzinfo=UTC)
"""How a DateTime says that it is not set (OPC 10000-6 §5.2.2.5)."""

Reader = Callable[[Any, int], SampleValue]


class UnreadableValueError(ValueError):
    """A value of the right type that means nothing we know."""


@dataclass(frozen=True, slots=True)
class Source:
    """A variable that tells a feature, and how its value is read."""

    feature: Feature
    variable: MachineVariable
    read: Reader

    @property
    def label(self) -> str:
        return "/".join(name for _, name in self.variable.path)


def _state_object(objects: Mapping[int, SampleValue]) -> Reader:
    def read(value: ua.NodeId, machinery_index: int) -> SampleValue:
        identifier = value.Identifier
        if value.NamespaceIndex == machinery_index and isinstance(identifier, int):
            state = objects.get(identifier)
            if state is not None:
                return state
        raise UnreadableValueError(f"expected a state of OPC 40001-1, got {value.to_string()}")

    return read


def _state_number(states: type[MachineryItemState | MachineryOperationMode]) -> Reader:
    def read(value: int, _machinery_index: int) -> SampleValue:
        try:
            return states(value)
        except ValueError:
            raise UnreadableValueError(f"expected a {states.__name__}, got {value}") from None

    return read


def _plain(value: SampleValue, _machinery_index: int) -> SampleValue:
    return value


def _text_or_none(value: str | None, _machinery_index: int) -> SampleValue:
    return value or None


def _instant_or_none(value: datetime, _machinery_index: int) -> SampleValue:
    instant = as_utc(value)
    return None if instant <= FILETIME_ZERO else instant


_OPTIONS: Final[Mapping[Feature, tuple[tuple[MachineVariable, Reader], ...]]] = {
    Feature.ITEM_STATE: (
        (machinery.ITEM_STATE_NUMBER, _state_number(MachineryItemState)),
        (machinery.ITEM_STATE_ID, _state_object(machinery.ITEM_STATE_OBJECTS)),
    ),
    Feature.OPERATION_MODE: (
        (machinery.OPERATION_MODE_NUMBER, _state_number(MachineryOperationMode)),
        (machinery.OPERATION_MODE_ID, _state_object(machinery.OPERATION_MODE_OBJECTS)),
    ),
    Feature.EXECUTION: ((machinery.EXECUTION, _plain),),
    Feature.PARTS: ((machinery.PARTS_PRODUCED, _plain),),
    Feature.JOB_ID: ((machinery.JOB_IDENTIFIER, _text_or_none),),
    Feature.JOB_PREDICTED_END: ((machinery.JOB_PREDICTED_END, _instant_or_none),),
    Feature.SPINDLE_LOAD: ((machinery.SPINDLE_LOAD, _plain),),
}

SOURCES: Final[Mapping[Feature, tuple[Source, ...]]] = {
    feature: tuple(Source(feature, variable, read) for variable, read in options)
    for feature, options in _OPTIONS.items()
}
"""Where each feature is told, best source first; one source per feature is subscribed."""


def read_sample(
    source: Source, data: ua.DataValue, *, machinery_index: int, now: datetime
) -> Sample:
    """Check and read ``data``; what is wrong with it becomes the sample's fault."""
    source_at = as_utc(data.SourceTimestamp or data.ServerTimestamp or now)
    value: SampleValue = None
    fault = _defect(source, data)
    if fault is None and data.Value is not None and not _is_null(data.Value):
        try:
            value = source.read(data.Value.Value, machinery_index)
        except UnreadableValueError as error:
            fault = f"{source.label}: {error}"
    return Sample(source.feature, value, source_at, fault)


def has_overflowed(data: ua.DataValue) -> bool:
    """Whether the server's queue was too short and dropped changes before this one."""
    code = int(data.StatusCode.value) if data.StatusCode is not None else 0
    return code & OVERFLOW_BITS == OVERFLOW_BITS


def as_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _is_null(variant: ua.Variant) -> bool:
    return variant.VariantType is ua.VariantType.Null


def _defect(source: Source, data: ua.DataValue) -> str | None:
    expected: DataType = source.variable.data_type
    if data.StatusCode is not None and not data.StatusCode.is_good():
        return f"{source.label}: expected {expected}, got status {data.StatusCode.name}"
    variant = data.Value
    if variant is None or _is_null(variant):
        nullable = source.feature in NULLABLE
        return None if nullable else f"{source.label}: expected {expected}, got no value"
    if variant.VariantType.name != expected.value or variant.is_array:
        kind = variant.VariantType.name + ("[]" if variant.is_array else "")
        shown = repr(variant.Value)[:SHOWN_MAX]
        return f"{source.label}: expected {expected}, got {kind} {shown}"
    return None
