"""Use cases around time: what is free, taking it, giving it back, what was withdrawn."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    StateSpan,
    Withdrawal,
    free_gaps,
    joint_gaps,
    slot_taken,
    state_spans,
    working_time,
)
from services.capacity.handlers.resources import (
    companions_of,
    get_resource,
    resources_by_id,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval, clip
from services.runtime.clock import Clock
from services.runtime.tenancy import also_showing

RESERVE_ATTEMPTS_MAX: Final = 8
"""Each lost attempt means that a rival took a unit meanwhile."""
WINDOW_DAYS_MAX: Final = HORIZON_DAYS_MAX


class WindowTooLongError(DomainError):
    code: ClassVar[str] = "window-too-long"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The window spans {days} days; ask about {max} days or fewer."
    zh: ClassVar[str] = "查询时间窗长达 {days} 天；请不超过 {max} 天。"


@dataclass(frozen=True, slots=True)
class CompanionAvailability:
    """What is free of a companion, of which each booked unit needs ``units``."""

    resource: Resource
    units: int
    gaps: list[Gap]
    live: LiveState | None


@dataclass(frozen=True, slots=True)
class Availability:
    """What is free of a resource, and its live state when it has a twin.

    ``gaps`` can be booked; ``alone`` is free of the resource itself, whatever its companions do.
    """

    gaps: list[Gap]
    live: LiveState | None
    alone: list[Gap]
    companions: tuple[CompanionAvailability, ...] = ()


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
    whole: bool = False,
) -> dict[ResourceId, Availability]:
    """Free gaps of ``resources`` inside ``window`` and the live states they follow from.

    Of a joint resource they are the time in which its companions are free too, be these shown to
    the caller or not. With ``whole``, gaps as :func:`~services.capacity.domain.free_gaps` gives
    them to matching, and the caller answers for the length of the window.

    Raises:
        WindowTooLongError: ``window`` is longer than any horizon.
    """
    if not whole:
        check_window(window)
    companions = companions_of(session=session, resources=resources)
    ids = {resource.id for resource in resources} | companions.keys()
    with also_showing(session, companions):
        free = _FreeTime(
            session, list(ids), window, now=clock.now(), stale_after=stale_after, whole=whole
        )
    return {resource.id: free.joint(resource, companions) for resource in resources}


class _FreeTime:
    """Free time of resources inside one window, from facts read once."""

    def __init__(
        self,
        session: Session,
        ids: Sequence[ResourceId],
        window: Interval,
        *,
        now: datetime,
        stale_after: timedelta,
        whole: bool,
    ) -> None:
        self._facts = store.slot_facts(session, ids, window)
        self._states = store.live_states(session, ids)
        self._working = _WorkingTimes(self._facts.calendars, window)
        self._window = window
        self._now = now
        self._stale_after = stale_after
        self._whole = whole
        self._spare: dict[ResourceId, list[Gap]] = {}

    def joint(self, resource: Resource, known: Mapping[ResourceId, Resource]) -> Availability:
        """What is free of ``resource`` together with its companions, which are ``known``."""
        alone = self._gaps(resource)
        companions = tuple(
            CompanionAvailability(
                resource=known[one.resource_id],
                units=one.units,
                gaps=self._spare_gaps(known[one.resource_id]),
                live=self._states.get(one.resource_id),
            )
            for one in resource.companions
        )
        needed = [(one.gaps, one.units) for one in companions]
        shortest = timedelta(0) if self._whole else resource.rule.shortest
        return Availability(
            gaps=joint_gaps(alone, needed, shortest=shortest),
            live=self._states.get(resource.id),
            alone=alone,
            companions=companions,
        )

    def _spare_gaps(self, companion: Resource) -> list[Gap]:
        if companion.id not in self._spare:
            accompanying = replace(companion, rule=companion.rule.accompanying())
            self._spare[companion.id] = self._gaps(accompanying)
        return self._spare[companion.id]

    def _gaps(self, resource: Resource) -> list[Gap]:
        facts = self._facts
        return free_gaps(
            resource=resource,
            working=self._working.of(resource),
            reservations=facts.reservations.get(resource.id, ()),
            maintenance=facts.maintenance.get(resource.id, ()),
            withdrawn=facts.withdrawn.get(resource.id, ()),
            live=self._states.get(resource.id),
            window=self._window,
            now=self._now,
            stale_after=self._stale_after,
            whole=self._whole,
        )


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
    """Take ``units`` of the resource and what each needs of its companions, all or nothing.

    Everything is taken during ``interval`` and its own buffers, in the order of ids: rivals for
    the same things wait for each other in one direction only.

    Returns:
        The units of the resource itself.

    Raises:
        SlotTakenError: fewer units than needed are free throughout.
        CompanionTakenError: likewise, of a companion.
    """
    if not resource.companions:
        return _take(session, resource, resource, booking_id, booked_by, interval, units)
    known = companions_of(session=session, resources=[resource])
    needed = [(resource, units)]
    needed += [(known[one.resource_id], one.units * units) for one in resource.companions]
    taken: dict[ResourceId, list[int]] = {}
    with session.begin_nested(), also_showing(session, known):
        for member, count in sorted(needed, key=lambda each: each[0].id.bytes):
            taken[member.id] = _take(
                session, resource, member, booking_id, booked_by, interval, count
            )
    return taken[resource.id]


def _take(
    session: Session,
    resource: Resource,
    member: Resource,
    booking_id: BookingId,
    booked_by: OrganisationId,
    interval: Interval,
    units: int,
) -> list[int]:
    """Take units of ``member``, the resource or a companion of it.

    The lowest free units are taken; after losing a race the choice starts elsewhere, so that
    rivals spread out. The exclusion constraint decides, this only proposes.
    """
    during = _with_buffers(member, interval)
    for number in range(RESERVE_ATTEMPTS_MAX):
        attempt = store.reserve_units(
            session,
            member,
            booking_id=booking_id,
            booked_by=booked_by,
            during=during,
            units=units,
            first=(booking_id.int + number) % member.units if number else 0,
        )
        if attempt.reserved:
            return list(attempt.reserved)
        if attempt.chosen < units:
            break
    raise slot_taken(resource, member, interval, units=units)


def is_reserved(*, session: Session, resource: Resource, interval: Interval) -> bool:
    """Whether somebody has a unit of the resource during ``interval`` and its buffers."""
    with also_showing(session, [resource.id]):
        return store.has_reservation(session, resource.id, _with_buffers(resource, interval))


def takers(
    *, session: Session, resources: Collection[Resource], interval: Interval
) -> set[BookingId]:
    """Bookings that have a unit of one of ``resources`` during ``interval`` or near it."""
    ids = {resource.id for resource in resources}
    if not ids:
        return set()
    near = interval.widened(
        before=max(one.rule.buffer_before for one in resources),
        after=max(one.rule.buffer_after for one in resources),
    )
    with also_showing(session, ids):
        return store.takers(session, ids, near)


def states_of_booking(*, session: Session, booking_id: BookingId) -> dict[ResourceId, LiveState]:
    """Latest states of whatever the booking has a unit of and has a twin."""
    members = store.members(session, booking_id)
    with also_showing(session, members):
        return store.live_states(session, list(members))


def release(*, session: Session, booking_id: BookingId) -> None:
    """Give back whatever the booking holds; doing it again changes nothing."""
    store.delete_reservations(session, booking_id)


def keep_units(*, session: Session, booking_id: BookingId, kept: int, of: int) -> None:
    """Give back all but ``kept`` of the ``of`` units of a booking, and what the others needed."""
    store.delete_units(session, booking_id, kept=kept, of=of)


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


def check_window(window: Interval) -> None:
    """Refuse what is too long to be expanded on demand.

    Raises:
        WindowTooLongError: ``window`` is longer than any horizon.
    """
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
