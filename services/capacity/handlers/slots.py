"""Use cases around time: what is free, taking it, giving it back, what was withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session

from services.capacity import store
from services.capacity.domain import (
    HORIZON_DAYS_MAX,
    Gap,
    Reservation,
    Resource,
    SlotTakenError,
    StateSpan,
    Withdrawal,
    free_gaps,
    state_spans,
    working_time,
)
from services.capacity.handlers.resources import get_resource, resources_by_id
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, ResourceId
from services.contracts.intervals import Interval, clip
from services.runtime.clock import Clock

RESERVE_ATTEMPTS_MAX: Final = 8
"""Each lost attempt means that a rival took a unit meanwhile."""
WINDOW_DAYS_MAX: Final = HORIZON_DAYS_MAX


class WindowTooLongError(DomainError):
    code: ClassVar[str] = "window-too-long"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The window spans {days} days; ask about {max} days or fewer."
    zh: ClassVar[str] = "查询时间窗长达 {days} 天；请不超过 {max} 天。"


@dataclass(frozen=True, slots=True)
class Timeline:
    """A local day of a resource: states it took, when it works, what is taken."""

    resource_id: ResourceId
    day: Interval
    states: Sequence[StateSpan]
    working: Sequence[Interval]
    reserved: Sequence[Interval]
    maintenance: Sequence[Interval]


def gaps(
    *,
    session: Session,
    clock: Clock,
    resource_ids: Sequence[ResourceId],
    window: Interval,
    stale_after: timedelta,
) -> dict[ResourceId, list[Gap]]:
    """Free gaps of each existing resource inside ``window``; see :class:`Gap` for what fits.

    Raises:
        WindowTooLongError: ``window`` is longer than any horizon.
    """
    _check_window(window)
    now = clock.now()
    resources = resources_by_id(session=session, resource_ids=resource_ids)
    facts = store.slot_facts(session, list(resources), window)
    return {
        resource_id: free_gaps(
            resource=resource,
            working=working_time(facts.calendars.get(resource_id), resource.timezone, window),
            reservations=facts.reservations.get(resource_id, ()),
            maintenance=facts.maintenance.get(resource_id, ()),
            withdrawn=facts.withdrawn.get(resource_id, ()),
            live=facts.live.get(resource_id),
            window=window,
            now=now,
            stale_after=stale_after,
        )
        for resource_id, resource in resources.items()
    }


def reserve(
    *,
    session: Session,
    resource_id: ResourceId,
    booking_id: BookingId,
    interval: Interval,
    units: int,
) -> list[int]:
    """Take ``units`` of the resource during ``interval`` and its buffers; returns the unit numbers.

    The lowest free units are taken; after losing a race the choice starts elsewhere, so that
    rivals spread out. The exclusion constraint decides, this only proposes.

    Raises:
        ResourceNotFoundError: no such resource.
        SlotTakenError: fewer units than asked are free throughout.
    """
    resource = get_resource(session=session, resource_id=resource_id)
    during = _with_buffers(resource, interval)
    for attempt in range(RESERVE_ATTEMPTS_MAX):
        free = store.free_units(session, resource_id, resource.units, during)
        if len(free) < units:
            break
        chosen = _choice(free, units, turn=0 if attempt == 0 else booking_id.int + attempt)
        reservations = [Reservation(booking_id, unit, during) for unit in chosen]
        if store.insert_reservations(session, resource_id, reservations):
            return chosen
    raise SlotTakenError(
        resource_id=resource_id,
        start=interval.start.isoformat(),
        end=interval.end.isoformat(),
        units=units,
    )


def release(*, session: Session, booking_id: BookingId) -> None:
    """Give back whatever the booking holds; doing it again changes nothing."""
    store.delete_reservations(session, booking_id)


def list_withdrawals(
    *, session: Session, since: datetime, after: UUID | None, limit: int
) -> list[Withdrawal]:
    """What was withdrawn from ``since`` on, and why; a page by id."""
    return store.withdrawals_since(session, since=since, after=after, limit=limit)


def timeline(*, session: Session, clock: Clock, resource_id: ResourceId, day: date) -> Timeline:
    """The day ``day`` of the resource's own time zone; states up to now.

    Raises:
        ResourceNotFoundError: no such resource.
    """
    resource = get_resource(session=session, resource_id=resource_id)
    whole_day = _local_day(day, resource.timezone)
    facts = store.slot_facts(session, [resource_id], whole_day)
    return Timeline(
        resource_id=resource_id,
        day=whole_day,
        states=state_spans(
            store.state_changes(session, resource_id, whole_day), whole_day, clock.now()
        ),
        working=working_time(facts.calendars.get(resource_id), resource.timezone, whole_day),
        reserved=clip([held.during for held in facts.reservations.get(resource_id, ())], whole_day),
        maintenance=clip(facts.maintenance.get(resource_id, ()), whole_day),
    )


def _check_window(window: Interval) -> None:
    days = window.duration / timedelta(days=1)
    if days > WINDOW_DAYS_MAX:
        raise WindowTooLongError(days=round(days), max=WINDOW_DAYS_MAX)


def _with_buffers(resource: Resource, interval: Interval) -> Interval:
    return interval.widened(before=resource.rule.buffer_before, after=resource.rule.buffer_after)


def _choice(free: Sequence[int], units: int, *, turn: int) -> list[int]:
    """``units`` of ``free`` from ``turn`` on; ascending, so rivals never wait in a circle."""
    start = turn % len(free) if turn else 0
    return sorted([*free[start:], *free[:start]][:units])


def _local_day(day: date, timezone: str) -> Interval:
    zone = ZoneInfo(timezone)
    return Interval(
        datetime.combine(day, time(), zone),
        datetime.combine(day + timedelta(days=1), time(), zone),
    )
