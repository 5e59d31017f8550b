"""Waiting lists (候补): who wants time of a resource that is not free, in the order of asking."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.booking.domain.slots import SlotInvalidError
from services.capacity.domain import Gap, Resource
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval

WAITING_MAX: Final = 100
"""Entries of one organisation that wait at a time."""
_MINUTE: Final = timedelta(minutes=1)


class EntryState(StrEnum):
    WAITING = "waiting"
    PROMOTED = "promoted"
    """A slot was held for it; what becomes of that its booking tells."""
    LEFT = "left"
    EXPIRED = "expired"


class EntryOverError(DomainError):
    code: ClassVar[str] = "waitlist-entry-over"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Waitlist entry {entry_id} is {state} and waits no more; read it again."
    zh: ClassVar[str] = "候补 {entry_id} 当前为 {state}，已不在等待；请重新读取。"


@dataclass(frozen=True, slots=True)
class Entry:
    """``units`` of a resource for ``minutes`` of work somewhere inside ``within``.

    It waits until ``expires_at`` at most; ``booking_id`` is the hold it was promoted to.
    """

    id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    resource_id: ResourceId
    offer_id: OfferId | None
    within: Interval
    minutes: int
    units: int
    state: EntryState
    booking_id: BookingId | None
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


def check_wait(
    resource: Resource, within: Interval, *, minutes: int, units: int, most: int, now: datetime
) -> None:
    """Refuse to wait for what can never be given.

    ``most`` units can be booked at once, with what they need beside them.

    Raises:
        SlotInvalidError: the window is over or too short, or the resource never gives as much.
    """
    rule = resource.rule
    takes = rule.setup + timedelta(minutes=minutes)
    checks = (
        (within.end - takes > now, "end", "the window is over", "时间窗已结束"),
        (
            within.duration >= takes,
            "end",
            "the window is shorter than the work with its set-up",
            "时间窗短于作业及准备时间",
        ),
        (
            takes >= rule.shortest,
            "minutes",
            f"the resource is booked for {rule.minimum_hours:g} hours or more",
            f"该资源至少预订 {rule.minimum_hours:g} 小时",
        ),
        (units <= most, "units", f"the resource has {most} units", f"该资源共有 {most} 个单元"),
    )
    for holds, field, en, zh in checks:
        if not holds:
            raise SlotInvalidError(field=field, en=en, zh=zh)


def earliest_start(
    entry: Entry, gaps: Iterable[Gap], *, setup: timedelta, now: datetime
) -> datetime | None:
    """The first whole minute at which what ``entry`` wants lies inside one of ``gaps``."""
    takes = setup + timedelta(minutes=entry.minutes)
    starts = [
        start
        for gap in gaps
        if gap.free_units >= entry.units
        for start in [_whole_minute(max(gap.interval.start, entry.within.start, now))]
        if start + takes <= min(gap.interval.end, entry.within.end)
    ]
    return min(starts, default=None)


def left(entry: Entry, *, now: datetime) -> Entry:
    """``entry``, waiting no more by its own wish.

    Raises:
        EntryOverError: it does not wait.
    """
    if entry.state is not EntryState.WAITING:
        raise EntryOverError(entry_id=entry.id, state=entry.state)
    return replace(entry, state=EntryState.LEFT, updated_at=now)


def promoted(entry: Entry, booking_id: BookingId, *, now: datetime) -> Entry:
    """The waiting ``entry``, for which ``booking_id`` is held."""
    return replace(entry, state=EntryState.PROMOTED, booking_id=booking_id, updated_at=now)


def _whole_minute(moment: datetime) -> datetime:
    """The first at or after ``moment``."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + _MINUTE
