"""Use cases around time: what is free, taking it, giving it back, what was withdrawn."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session

from services.capacity import store
from services.capacity.domain import (
    HORIZON_DAYS_MAX,
    Gap,
    LiveState,
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
from services.contracts.ids import BookingId, OrganisationId, ResourceId
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
class Availability:
    """Free gaps of a resource, and its live state when it has a twin."""

    gaps: list[Gap]
    live: LiveState | None


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
    found = availability(
        session=session,
        clock=clock,
        resources=resources_by_id(session=session, resource_ids=resource_ids).values(),
        window=window,
        stale_after=stale_after,
    )
    return {resource_id: each.gaps for resource_id, each in found.items()}


def availability(
    *,
    session: Session,
    clock: Clock,
    resources: Collection[Resource],
    window: Interval,
    stale_after: timedelta,
) -> dict[ResourceId, Availability]:
    """Free gaps of ``resources`` inside ``window`` and the live states they follow from.

    Raises:
        WindowTooLongError: ``window`` is longer than any horizon.
    """
    _check_window(window)
    now = clock.now()
    ids = [resource.id for resource in resources]
    facts = store.slot_facts(session, ids, window)
    states = store.live_states(session, ids)
    working = _WorkingTimes(facts.calendars, window)
    return {
        resource.id: Availability(
            gaps=free_gaps(
                resource=resource,
                working=working.of(resource),
                reservations=facts.reservations.get(resource.id, ()),
                maintenance=facts.maintenance.get(resource.id, ()),
                withdrawn=facts.withdrawn.get(resource.id, ()),
                live=states.get(resource.id),
                window=window,
                now=now,
                stale_after=stale_after,
            ),
            live=states.get(resource.id),
        )
        for resource in resources
    }


class _WorkingTimes:
    """Working time inside one window; resources that share a calendar share its expansion."""

    def __init__(self, calendars: Mapping[ResourceId, str], window: Interval) -> None:
        self._calendars = calendars
        self._window = window
        self._known: dict[tuple[str | None, str], list[Interval]] = {}

    def of(self, resource: Resource) -> list[Interval]:
        key = self._calendars.get(resource.id), resource.timezone
        if key not in self._known:
            self._known[key] = working_time(*key, self._window)
        return self._known[key]


def reserve(
    *,
    session: Session,
    resource: Resource,
    booking_id: BookingId,
    booked_by: OrganisationId,
    interval: Interval,
    units: int,
) -> list[int]:
    """Take ``units`` of the resource for ``booked_by`` during ``interval`` and its buffers.

    The lowest free units are taken; after losing a race the choice starts elsewhere, so that
    rivals spread out. The exclusion constraint decides, this only proposes.

    Raises:
        SlotTakenError: fewer units than asked are free throughout.
    """
    during = _with_buffers(resource, interval)
    for number in range(RESERVE_ATTEMPTS_MAX):
        attempt = store.reserve_units(
            session,
            resource,
            booking_id=booking_id,
            booked_by=booked_by,
            during=during,
            units=units,
            first=(booking_id.int + number) % resource.units if number else 0,
        )
        if attempt.reserved:
            return list(attempt.reserved)
        if attempt.chosen < units:
            break
    raise SlotTakenError(
        resource_id=resource.id,
        start=interval.start.isoformat(),
        end=interval.end.isoformat(),
        units=units,
    )


def is_reserved(*, session: Session, resource: Resource, interval: Interval) -> bool:
    """Whether somebody has a unit of the resource during ``interval`` and its buffers."""
    return store.has_reservation(session, resource.id, _with_buffers(resource, interval))


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
    return timelines(session=session, clock=clock, days=[(resource, day)])[resource_id]


def timelines(
    *, session: Session, clock: Clock, days: Iterable[tuple[Resource, date]]
) -> dict[ResourceId, Timeline]:
    """One day of each resource, in the resource's own time zone; states up to now."""
    local_days = {
        resource.id: (resource, _local_day(day, resource.timezone)) for resource, day in days
    }
    if not local_days:
        return {}
    spans = {resource_id: span for resource_id, (_, span) in local_days.items()}
    hull = Interval(
        min(span.start for span in spans.values()), max(span.end for span in spans.values())
    )
    facts = store.slot_facts(session, list(spans), hull)
    changes = store.state_changes(session, spans)
    working = _WorkingTimes(facts.calendars, hull)
    now = clock.now()
    return {
        resource_id: Timeline(
            resource_id=resource_id,
            day=day,
            states=state_spans(changes.get(resource_id, ()), day, now),
            working=clip(working.of(resource), day),
            reserved=clip([held.during for held in facts.reservations.get(resource_id, ())], day),
            maintenance=clip(facts.maintenance.get(resource_id, ()), day),
        )
        for resource_id, (resource, day) in local_days.items()
    }


def _check_window(window: Interval) -> None:
    days = window.duration / timedelta(days=1)
    if days > WINDOW_DAYS_MAX:
        raise WindowTooLongError(days=round(days), max=WINDOW_DAYS_MAX)


def _with_buffers(resource: Resource, interval: Interval) -> Interval:
    return interval.widened(before=resource.rule.buffer_before, after=resource.rule.buffer_after)


def _local_day(day: date, timezone: str) -> Interval:
    """In UTC: Python subtracts and compares times of one zone by their wall clocks."""
    zone = ZoneInfo(timezone)
    midnights = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return Interval(*midnights)
