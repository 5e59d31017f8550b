"""The day of a resource as spans of state, and what was withdrawn from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.capacity.domain.live import StateChange
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

QUARANTINE_PAYLOAD_MAX: Final = 64 * 1024
"""Bytes kept of a message that could not be understood."""


@dataclass(frozen=True, slots=True)
class StateSpan:
    state: ResourceState
    reason: str | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Near time that was withdrawn and why; ``restored_at`` once it was given back."""

    id: UUID
    resource_id: ResourceId
    during: Interval
    cause: ResourceState
    withdrawn_at: datetime
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """A message that could not be understood; ``payload_bytes`` counts what was cut as well."""

    id: UUID
    topic: str
    payload: bytes
    payload_bytes: int
    cause: str
    received_at: datetime
    organisation_id: OrganisationId | None = None
    """Whose gateway it came from; a stranger's has none."""


def state_spans(changes: Sequence[StateChange], day: Interval, now: datetime) -> list[StateSpan]:
    """Spans of equal state inside ``day`` until ``now``, from changes in time order.

    ``changes`` may begin with the one that was in force when the day began.
    """
    until = min(day.end, now)
    spans: list[StateSpan] = []
    for position, change in enumerate(changes):
        following = changes[position + 1].at if position + 1 < len(changes) else until
        start, end = max(change.at, day.start), min(following, until)
        if start >= end:
            continue
        if spans and spans[-1].state is change.state and spans[-1].reason == change.reason:
            start = spans.pop().interval.start
        spans.append(StateSpan(change.state, change.reason, Interval(start, end)))
    return spans
