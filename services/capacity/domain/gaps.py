"""Free gaps (空闲时段): what is left of working time once everything that takes it is removed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import ClassVar, Final

from services.capacity.domain.live import WITHDRAW_HORIZON, WITHDRAWING, LiveState
from services.capacity.domain.resource import CapacityRule, Resource
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, ResourceId
from services.contracts.intervals import Interval, clip, subtract

JOB_HORIZON: Final = timedelta(days=30)
"""A job's predicted end further away than this is cut: it is a wrong value, not a plan."""


class Provenance(StrEnum):
    """How free time is known."""

    DECLARED = "declared"
    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Gap:
    """``free_units`` units that are each free during the whole ``interval``.

    A booking of ``n`` units fits iff it lies inside the interval of a gap with ``free_units >= n``;
    its buffers are already kept clear. Gaps of a pool may overlap: two units from eight to ten and
    one of them until noon are (8-10, 2) and (8-12, 1). With one unit they are disjoint, unless it
    needs a companion that is a pool.
    """

    resource_id: ResourceId
    interval: Interval
    free_units: int
    provenance: Provenance
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A unit taken by a booking, buffers included."""

    booking_id: BookingId
    unit: int
    during: Interval


class SlotTakenError(DomainError):
    code: ClassVar[str] = "slot-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Resource {resource_id} has no {units} unit(s) free from {start} to {end};"
        " choose another of its gaps."
    )
    zh: ClassVar[str] = (
        "资源 {resource_id} 在 {start} 至 {end} 没有 {units} 个空闲单元；请选择其他空闲时段。"
    )


def free_gaps(
    *,
    resource: Resource,
    working: Sequence[Interval],
    reservations: Sequence[Reservation],
    maintenance: Sequence[Interval],
    withdrawn: Sequence[Interval],
    live: LiveState | None,
    window: Interval,
    now: datetime,
    stale_after: timedelta,
    whole: bool = False,
) -> list[Gap]:
    """The gaps of the resource alone inside ``window`` that may be offered at ``now``.

    Args:
        resource: whose units and rule apply.
        working: working time, any order.
        reservations: units taken, buffers included.
        maintenance: planned maintenance of the whole resource.
        withdrawn: near time withdrawn and not restored.
        live: latest state when it has a twin.
        window: what is asked about.
        now: notice, horizon and age count from here.
        stale_after: how old a live sign may be to count as measured.
        whole: leave in what the clock alone takes away: time before the notice or after the
            horizon, gaps shorter than the minimum, and the near time of a resource that is out of
            service. For whoever judges these at every question, as matching does.
    """
    offered: Interval | None = window
    if not whole:
        rule = resource.rule
        offered = window.intersection(Interval(now + rule.notice, now + rule.horizon))
    if offered is None:
        return []
    closed = [*_apart(maintenance, resource.rule), *withdrawn]
    if not whole:
        closed += _closed_by_state(live, now)
    open_time = subtract(clip(working, offered), closed)
    job = _job(live, now, since=min(now, window.start) if whole else now)
    free = _free_time(resource, open_time, reservations, job)
    measured = live is not None and live.is_measured(now, stale_after)
    provenance = Provenance.MEASURED if measured else Provenance.DECLARED
    age_s = None if live is None else live.age_s(now)
    shortest = timedelta(0) if whole else resource.rule.shortest
    return [
        Gap(resource.id, interval, units, provenance, age_s)
        for interval, units in _maximal(free)
        if interval.duration >= shortest
    ]


def _apart(taken: Sequence[Interval], rule: CapacityRule) -> list[Interval]:
    """``taken`` with the room a booking's own buffers need beside it.

    A booking that ends ``buffer_after`` before, or starts ``buffer_before`` after, just touches.
    """
    return [
        interval.widened(before=rule.buffer_after, after=rule.buffer_before) for interval in taken
    ]


def gaps_change_at(live: LiveState | None, now: datetime) -> datetime | None:
    """When the whole gaps of a resource next change though nothing happens; ``None``: never."""
    end = live.job_predicted_end if live is not None else None
    if end is None or end <= now:
        return None
    return min(end, now + timedelta(minutes=1)) if end > now + JOB_HORIZON else end


def _closed_by_state(live: LiveState | None, now: datetime) -> list[Interval]:
    """While what withdrew time lasts, the near horizon moves along with the clock."""
    if live is not None and live.state in WITHDRAWING:
        return [Interval.starting(now, WITHDRAW_HORIZON)]
    return []


def _job(live: LiveState | None, now: datetime, *, since: datetime) -> list[Interval]:
    """The current job, from ``since`` to its end."""
    end = live.job_predicted_end if live is not None else None
    if end is None or end <= now:
        return []
    return [Interval(since, min(end, now + JOB_HORIZON))]


def _free_time(
    resource: Resource,
    open_time: Sequence[Interval],
    reservations: Sequence[Reservation],
    job: Sequence[Interval],
) -> list[tuple[Sequence[Interval], int]]:
    """Free time, disjoint and in order, and the number of units that have exactly it.

    Nothing tells which unit the current job runs on: the first, where bookings go first.
    """
    taken: dict[int, list[Interval]] = defaultdict(list)
    for reservation in reservations:
        taken[reservation.unit].append(reservation.during)
    if job:
        taken[0].extend(job)
    used = [unit for unit in taken if unit < resource.units]
    free: list[tuple[Sequence[Interval], int]] = [
        (subtract(open_time, _apart(taken[unit], resource.rule)), 1) for unit in used
    ]
    if len(used) < resource.units:
        free.append((open_time, resource.units - len(used)))
    return free


def _maximal(free: Sequence[tuple[Sequence[Interval], int]]) -> list[tuple[Interval, int]]:
    """Every interval that cannot grow without losing a unit, with the units free throughout it."""
    if len(free) == 1:
        intervals, units = free[0]
        return [(interval, units) for interval in intervals]
    counted: dict[Interval, int] = defaultdict(int)
    for intervals, units in free:
        for interval in intervals:
            counted[interval] += units
    maximal: list[tuple[Interval, int]] = []
    active: dict[Interval, int] = {}
    by_start = sorted(counted, key=attrgetter("start"))
    for start, group in groupby(by_start, key=attrgetter("start")):
        active = {span: units for span, units in active.items() if span.end > start}
        fresh = {span: counted[span] for span in group}
        active |= fresh
        maximal.extend(_from(start, max(span.end for span in fresh), active))
    return maximal


def _from(
    start: datetime, fresh_end: datetime, active: dict[Interval, int]
) -> list[tuple[Interval, int]]:
    """Maximal intervals beginning at ``start``: only those a span fresh at ``start`` reaches."""
    units_by_end: dict[datetime, int] = defaultdict(int)
    for span, units in active.items():
        units_by_end[span.end] += units
    found: list[tuple[Interval, int]] = []
    units = 0
    for end in sorted(units_by_end, reverse=True):
        units += units_by_end[end]
        if end <= fresh_end:
            found.append((Interval(start, end), units))
    return found
