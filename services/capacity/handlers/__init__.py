"""Use cases of capacity."""

from services.capacity.handlers.resources import (
    ResourceNotFoundError,
    TwinTakenError,
    bind_twin,
    get_resource,
    list_resources,
    put_calendar,
    register_resource,
    resources_by_id,
    schedule_maintenance,
)
from services.capacity.handlers.slots import (
    Timeline,
    WindowTooLongError,
    gaps,
    list_withdrawals,
    release,
    reserve,
    timeline,
)
from services.capacity.handlers.telemetry import (
    list_quarantine,
    live_states,
    mark_lost,
    mark_unseen,
    quarantine,
    record_observations,
    record_seen,
    twins_of,
)

__all__ = [
    "ResourceNotFoundError",
    "Timeline",
    "TwinTakenError",
    "WindowTooLongError",
    "bind_twin",
    "gaps",
    "get_resource",
    "list_quarantine",
    "list_resources",
    "list_withdrawals",
    "live_states",
    "mark_lost",
    "mark_unseen",
    "put_calendar",
    "quarantine",
    "record_observations",
    "record_seen",
    "register_resource",
    "release",
    "reserve",
    "resources_by_id",
    "schedule_maintenance",
    "timeline",
    "twins_of",
]
