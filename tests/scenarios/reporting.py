"""A machine of a story says what it does, as its gateway's telemetry would."""

from datetime import datetime
from itertools import count
from typing import Final
from uuid import UUID

from services.capacity import handlers as capacity
from services.capacity.domain import ReportedObservation
from services.contracts.ids import GatewayId, ResourceId
from services.contracts.telemetry import Observation, Quality, Signal
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

EPOCH: Final = 1
_OFFSETS: Final = count(1)
_SIGNALS: Final = {"state": Signal.STATE, "reason": Signal.STATE_REASON, "job_id": Signal.JOB_ID}


def report(worker: Sessions, clock: Clock, said: dict[str, str]) -> None:
    """``said``: ``gateway`` and ``resource`` by id, and ``state``, ``reason`` or ``job_id``."""
    now = clock.now()
    rows = [
        ReportedObservation(
            GatewayId(UUID(said["gateway"])),
            ResourceId(UUID(said["resource"])),
            EPOCH,
            next(_OFFSETS),
            _observation(signal, said[word], now),
        )
        for word, signal in _SIGNALS.items()
        if word in said
    ]
    with transaction(worker) as session:
        capacity.record_observations(session=session, clock=clock, rows=rows)


def _observation(signal: Signal, value: str, now: datetime) -> Observation:
    return Observation("story", signal, value, Quality.GOOD, now, now)
