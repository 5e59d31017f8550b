"""Which metric values may become observations, and why others may not. Pure."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.ingest.node_session import NamedMetric
from services.contracts.intervals import utc_from_ms
from services.contracts.sparkplug import DataType, MetricValue
from services.contracts.telemetry import JobPredictionSource, ResourceState, Signal

TEXT_CHARACTERS_MAX: Final = 1_000
PARTS_MAX: Final = 2**53
"""Counters stay exact in every reader that holds numbers as doubles."""
UNIX_MS_MAX: Final = 4_102_444_800_000
"""2100-01-01. Nearer wrong clocks are capacity's to judge: it keeps such times and flags them."""
_SIGNED_BITS: Final = {
    DataType.INT8: 32,
    DataType.INT16: 32,
    DataType.INT32: 32,
    DataType.INT64: 64,
}

ObservedValue = str | int | float | datetime | None


class PoisonError(ValueError):
    """A value that cannot be an observation of its signal, however often it is sent."""


def signal_of(name: str) -> Signal:
    """The signal a metric name stands for.

    Raises:
        PoisonError: no signal of this release has that name.
    """
    try:
        return Signal(name)
    except ValueError:
        raise PoisonError(f"unknown signal {name[:TEXT_CHARACTERS_MAX]!r}") from None


def observed_value(signal: Signal, named: NamedMetric) -> ObservedValue:
    """The value of ``signal`` in a metric; ``None`` where the source had none.

    Raises:
        PoisonError: the wrong type, an unknown word, out of range.
    """
    value = _as_born(named)
    return None if value is None else _READERS[signal](signal, value)


def source_time(named: NamedMetric) -> datetime:
    """The metric's own timestamp, never replaced by ours.

    Raises:
        PoisonError: it has none, or one no calendar of ours holds.
    """
    unix_ms = named.metric.timestamp_ms
    if unix_ms is None:
        raise PoisonError("no source timestamp")
    if unix_ms > UNIX_MS_MAX:
        raise PoisonError(f"source timestamp {unix_ms} ms is after the year 2100")
    return utc_from_ms(unix_ms)


def _as_born(named: NamedMetric) -> MetricValue:
    """The value under its birth's datatype: data may leave the type out, and with it the sign."""
    value = named.metric.value
    bits = _SIGNED_BITS.get(named.datatype)
    if bits is not None and type(value) is int and value >= 1 << (bits - 1):
        return value - (1 << bits)
    return value


def _text(signal: Signal, value: MetricValue) -> str:
    if not isinstance(value, str):
        raise PoisonError(f"{signal} is {type(value).__name__}, not text")
    if len(value) > TEXT_CHARACTERS_MAX:
        raise PoisonError(f"{signal} of {len(value)} characters, over {TEXT_CHARACTERS_MAX}")
    if "\x00" in value:
        raise PoisonError(f"{signal} contains a NUL character")
    return value


def _state(signal: Signal, value: MetricValue) -> str:
    word = _text(signal, value)
    if word not in _STATES:
        raise PoisonError(f"{signal} is {word[:100]!r}, no state we know")
    return word


def _prediction_source(signal: Signal, value: MetricValue) -> str:
    word = _text(signal, value)
    if word not in _PREDICTION_SOURCES:
        raise PoisonError(f"{signal} is {word[:100]!r}, no source of predictions we know")
    return word


def _count(signal: Signal, value: MetricValue) -> int:
    if type(value) is not int:
        raise PoisonError(f"{signal} is {type(value).__name__}, not an integer")
    if not 0 <= value <= PARTS_MAX:
        raise PoisonError(f"{signal} is {value}, not between 0 and {PARTS_MAX}")
    return value


def _instant(signal: Signal, value: MetricValue) -> datetime:
    if type(value) is not int:
        raise PoisonError(f"{signal} is {type(value).__name__}, not a time")
    if not 0 <= value <= UNIX_MS_MAX:
        raise PoisonError(f"{signal} is {value} ms, not between 1970 and 2100")
    return utc_from_ms(value)


def _analog(signal: Signal, value: MetricValue) -> float:
    if type(value) is not float and type(value) is not int:
        raise PoisonError(f"{signal} is {type(value).__name__}, not a number")
    number = float(value)
    if not math.isfinite(number):
        raise PoisonError(f"{signal} is {number}, not a finite number")
    return number


_STATES: Final = frozenset(ResourceState)
_PREDICTION_SOURCES: Final = frozenset(JobPredictionSource)
_READERS: Final[dict[Signal, Callable[[Signal, MetricValue], ObservedValue]]] = {
    Signal.STATE: _state,
    Signal.STATE_REASON: _text,
    Signal.JOB_ID: _text,
    Signal.JOB_PREDICTED_END: _instant,
    Signal.JOB_PREDICTION_SOURCE: _prediction_source,
    Signal.PARTS: _count,
    Signal.EXECUTION: _text,
    Signal.SPINDLE_LOAD: _analog,
}
assert set(_READERS) == set(Signal)
