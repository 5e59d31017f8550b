"""Events of the capacity context."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from services.contracts.events.envelope import Event
from services.contracts.telemetry import ResourceState


class ResourceRegistered(Event):
    """A resource of any kind was registered."""

    type: ClassVar[str] = "capacity.resource-registered.v1"

    resource_id: UUID
    organisation_id: UUID
    kind: str


class ResourceChanged(Event):
    """What a resource can give changed: its calendar, maintenance, twin or companions."""

    type: ClassVar[str] = "capacity.resource-changed.v1"

    resource_id: UUID
    organisation_id: UUID


class ResourceStateChanged(Event):
    """The canonical live state of a resource changed."""

    type: ClassVar[str] = "capacity.resource-state-changed.v1"

    resource_id: UUID
    state: ResourceState
    previous: ResourceState | None
    reason: str | None
    since: datetime
    """The machine's own SourceTimestamp of the change."""


class ResourceSeen(Event):
    """Live signs or slow values of a resource moved; coalesced, not one per observation."""

    type: ClassVar[str] = "capacity.resource-seen.v1"

    resource_id: UUID
    seen_at: datetime
    part_count: int | None
    job_id: str | None
    job_predicted_end: datetime | None


class GapsWithdrawn(Event):
    """Free time that was on offer until now is not, and why."""

    type: ClassVar[str] = "capacity.gaps-withdrawn.v1"

    resource_id: UUID
    start: datetime
    end: datetime
    cause: Literal["down", "off", "maintenance", "unknown"]


class GapsRestored(Event):
    """Withdrawn free time is on offer again."""

    type: ClassVar[str] = "capacity.gaps-restored.v1"

    resource_id: UUID
