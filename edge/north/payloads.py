"""What the agent says in Sparkplug B: births, deaths, data, live signs. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from edge.machine import MachineTwin
from edge.north.window import Parcel
from services.contracts.intervals import ms_from_utc
from services.contracts.journal import (
    EPOCH_METRIC,
    OFFSETS_METRIC,
    SEEN_AT_METRIC,
    offsets_metrics,
)
from services.contracts.sparkplug import BD_SEQ_METRIC, REBIRTH_METRIC, DataType, Metric
from services.contracts.telemetry import Observation, Quality, ResourceState, Signal

DATATYPES: Final[dict[Signal, DataType]] = {
    **dict.fromkeys(Signal, DataType.STRING),
    Signal.JOB_PREDICTED_END: DataType.DATETIME,
    Signal.PARTS: DataType.INT64,
    Signal.SPINDLE_LOAD: DataType.DOUBLE,
}
SIGNALS: Final = tuple(Signal)
ALIASES_PER_DEVICE: Final = 32


class AliasBook:
    """Aliases, unique within the edge node, for every signal of every device."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._aliases = {
            (device, signal): place * ALIASES_PER_DEVICE + number
            for place, device in enumerate(devices)
            for number, signal in enumerate(SIGNALS, start=1)
        }

    def __getitem__(self, key: tuple[str, Signal]) -> int:
        return self._aliases[key]


def death_metrics(bd_seq: int) -> list[Metric]:
    return [Metric(bd_seq, DataType.INT64, name=BD_SEQ_METRIC)]


def node_birth_metrics(*, bd_seq: int, epoch: int, now: datetime) -> list[Metric]:
    now_ms = ms_from_utc(now)
    return [
        Metric(bd_seq, DataType.INT64, name=BD_SEQ_METRIC, timestamp_ms=now_ms),
        Metric(value=False, datatype=DataType.BOOLEAN, name=REBIRTH_METRIC, timestamp_ms=now_ms),
        Metric(epoch, DataType.UINT64, name=EPOCH_METRIC, timestamp_ms=now_ms),
    ]


def device_birth_metrics(
    twin: MachineTwin, aliases: AliasBook, *, seen_at: datetime | None, now: datetime
) -> list[Metric]:
    """Every metric the device will ever send, with the last known values.

    A machine never seen is seen at 0: a birth is no live sign of a machine that does not answer.
    """
    now_ms = ms_from_utc(now)
    seen_ms = 0 if seen_at is None else ms_from_utc(seen_at)
    signals = [
        _metric(_known_or_unknown(twin, signal, now), signal, name=signal.value, alias=alias)
        for signal in SIGNALS
        for alias in (aliases[twin.device, signal],)
    ]
    return [
        *signals,
        Metric(seen_ms, DataType.DATETIME, name=SEEN_AT_METRIC, timestamp_ms=now_ms),
        Metric(None, DataType.UINT64, name=EPOCH_METRIC, timestamp_ms=now_ms),
        Metric(None, DataType.UINT64_ARRAY, name=OFFSETS_METRIC, timestamp_ms=now_ms),
    ]


def data_metrics(parcels: Sequence[Parcel], *, epoch: int, aliases: AliasBook) -> list[Metric]:
    """Journalled observations of one device, then the journal offsets they have."""
    observed = [
        _metric(
            parcel.row.observation,
            parcel.row.observation.signal,
            alias=aliases[parcel.row.observation.device, parcel.row.observation.signal],
            is_historical=parcel.is_historical,
        )
        for parcel in parcels
    ]
    offsets = [parcel.row.offset for parcel in parcels]
    return [*observed, *offsets_metrics(epoch=epoch, offsets=offsets)]


def seen_metrics(now: datetime) -> list[Metric]:
    now_ms = ms_from_utc(now)
    return [Metric(now_ms, DataType.DATETIME, name=SEEN_AT_METRIC, timestamp_ms=now_ms)]


def _known_or_unknown(twin: MachineTwin, signal: Signal, now: datetime) -> Observation:
    known = twin.current(signal)
    if known is not None:
        return known
    value = ResourceState.UNKNOWN.value if signal is Signal.STATE else None
    return Observation(twin.device, signal, value, Quality.STALE, now, now)


def _metric(
    observation: Observation,
    signal: Signal,
    *,
    alias: int,
    name: str | None = None,
    is_historical: bool = False,
) -> Metric:
    value = observation.value
    if isinstance(value, datetime):
        value = ms_from_utc(value)
    if value is not None and DATATYPES[signal] is DataType.DOUBLE:
        value = float(value)
    return Metric(
        value,
        DATATYPES[signal],
        name=name,
        alias=alias,
        timestamp_ms=ms_from_utc(observation.source_at),
        is_historical=is_historical,
        quality=observation.quality,
    )
