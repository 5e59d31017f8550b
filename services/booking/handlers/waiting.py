"""Use cases of waiting lists: join, leave, read; and what the worker does, promote.

Whatever frees time marks the lists of the resources concerned as due. The worker looks at each due
list under its lock, first come first, and holds what has become free for the first whom it fits:
one entry in one transaction. Whom nothing fits keeps its place.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    WAITING_MAX,
    Booking,
    Entry,
    EntryState,
    asked_interval,
    check_wait,
    earliest_start,
    left,
    promoted,
)
from services.booking.handlers.holding import hold, price_of
from services.capacity import handlers as capacity
from services.capacity.domain import Gap, Resource, joint_units
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.booking import WaitlistPromoted
from services.contracts.events.envelope import Audience
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.runtime.clock import Clock
from services.runtime.outbox import emit

HOLD_LEAST: Final = timedelta(minutes=1)


class EntryNotFoundError(DomainError):
    code: ClassVar[str] = "waitlist-entry-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No waitlist entry has the id {entry_id}; list /waitlist."
    zh: ClassVar[str] = "没有编号为 {entry_id} 的候补；请查看 /waitlist。"


class TooManyWaitingError(DomainError):
    code: ClassVar[str] = "too-many-waiting"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation waits {most} times already; leave some of /waitlist."
    zh: ClassVar[str] = "贵组织已有 {most} 个候补，达到上限；请先退出部分候补。"


def join_waitlist(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    offer_id: OfferId | None,
    within: Interval,
    minutes: int,
    units: int,
    expires_at: datetime | None = None,
) -> Entry:
    """Wait for ``minutes`` of work on ``units`` of a resource, anywhere inside ``within``.

    Waiting ends at ``expires_at``, or when the work would not fit into the window any more.

    Raises:
        SlotInvalidError: the resource never gives what is asked.
        OfferRequiredError, ListingNotFoundError: there is no price for it.
        TooManyWaitingError: the organisation waits often enough.
        ResourceNotFoundError: no such thing.
    """
    now = clock.now()
    asked_interval(start=within.start, minutes=minutes, units=units)
    capacity.check_window(within)
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    most = joint_units(resource, capacity.companions_of(session=session, resources=[resource]))
    check_wait(resource, within, minutes=minutes, units=units, most=most, now=now)
    price_of(session, resource, organisation_id, offer_id, minutes=minutes, units=units)
    if store.count_waiting(session, organisation_id) >= WAITING_MAX:
        raise TooManyWaitingError(most=WAITING_MAX)
    last = within.end - resource.rule.setup - timedelta(minutes=minutes)
    entry = Entry(
        id=clock.new_id(),
        organisation_id=organisation_id,
        provider_id=resource.organisation_id,
        resource_id=resource_id,
        offer_id=offer_id,
        within=within,
        minutes=minutes,
        units=units,
        state=EntryState.WAITING,
        booking_id=None,
        expires_at=min(last, expires_at or last),
        created_at=now,
        updated_at=now,
    )
    store.insert_entry(session, entry)
    return entry


def leave_waitlist(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, entry_id: UUID
) -> Entry:
    """Wait no more.

    Raises:
        EntryOverError: the entry does not wait.
        EntryNotFoundError: the organisation has none with that id.
    """
    entry = _own(store.lock_entry(session, entry_id), entry_id, organisation_id)
    changed = left(entry, now=clock.now())
    store.save_entry(session, changed)
    return changed


def get_entry(*, session: Session, organisation_id: OrganisationId, entry_id: UUID) -> Entry:
    """An entry of the organisation.

    Raises:
        EntryNotFoundError: it has none with that id.
    """
    return _own(store.find_entry(session, entry_id), entry_id, organisation_id)


def list_entries(
    *,
    session: Session,
    organisation_id: OrganisationId,
    after: UUID | None = None,
    limit: int,
    resource_id: ResourceId | None = None,
    states: Sequence[EntryState] | None = None,
) -> list[Entry]:
    """A page of the organisation's entries in the order of asking."""
    return store.entries_after(
        session,
        organisation_id=organisation_id,
        after=after,
        limit=limit,
        resource_id=resource_id,
        states=states,
    )


def look_again(*, session: Session, resource_ids: Collection[ResourceId]) -> None:
    """Have the waiting lists looked at that what became free of ``resource_ids`` concerns."""
    concerned = capacity.affected_resources(session=session, resource_ids=resource_ids)
    store.mark_due(session, concerned)


def sweep_waitlists(*, session: Session, clock: Clock) -> None:
    """End waiting that is over and have all lists looked at: time alone opens slots too."""
    store.expire_entries(session, now=clock.now())
    store.mark_due(session)


def promote_next(
    *,
    session: Session,
    clock: Clock,
    hold_ttl: timedelta,
    stale_after: timedelta,
    open_max: int | None = None,
) -> bool:
    """Look at one due waiting list and hold what is free for the first whom it fits.

    Returns:
        Whether there was a list to look at; there may be more.
    """
    resource_id = store.due_resource(session)
    if resource_id is None:
        return False
    waiting = store.lock_waiting(session, resource_id)
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    means = _Means(session, clock, hold_ttl, stale_after, open_max)
    if means.promote_first(resource, waiting) is None:
        store.mark_seen(session, [entry.id for entry in waiting])
    return True


class _Means:
    """What it takes to hold for somebody who waits."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        hold_ttl: timedelta,
        stale_after: timedelta,
        open_max: int | None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._hold_ttl = hold_ttl
        self._stale_after = stale_after
        self._open_max = open_max

    def promote_first(self, resource: Resource, waiting: Sequence[Entry]) -> Entry | None:
        """The first of ``waiting`` for whom something is free, promoted to a hold of it."""
        now = self._clock.now()
        patient = [entry for entry in waiting if now < entry.expires_at]
        gaps = self._gaps(resource, patient)
        for entry in patient:
            start = earliest_start(entry, gaps, setup=resource.rule.setup, now=now)
            held = None if start is None else self._held(entry, start)
            if held is not None:
                return self._promoted(entry, held)
        return None

    def _gaps(self, resource: Resource, entries: Sequence[Entry]) -> list[Gap]:
        """What is free of the resource in all the time that somebody waits for."""
        now = self._clock.now()
        starts = [max(now, entry.within.start) for entry in entries]
        last = max((entry.within.end for entry in entries), default=now)
        end = min(last, now + resource.rule.horizon)
        if not starts or min(starts) >= end:
            return []
        found = capacity.availability(
            session=self._session,
            clock=self._clock,
            resources=[resource],
            window=Interval(min(starts), end),
            stale_after=self._stale_after,
        )
        return found[resource.id].gaps

    def _held(self, entry: Entry, start: datetime) -> Booking | None:
        """A hold for ``entry``, or ``None`` if it may not have one: then the next is asked."""
        before_start = start - self._clock.now()
        try:
            with self._session.begin_nested():
                return hold(
                    session=self._session,
                    clock=self._clock,
                    organisation_id=entry.organisation_id,
                    resource_id=entry.resource_id,
                    start=start,
                    minutes=entry.minutes,
                    units=entry.units,
                    offer_id=entry.offer_id,
                    demand_id=None,
                    hold_ttl=min(self._hold_ttl, max(before_start, HOLD_LEAST)),
                    stale_after=self._stale_after,
                    open_max=self._open_max,
                )
        except DomainError:
            return None

    def _promoted(self, entry: Entry, held: Booking) -> Entry:
        now = self._clock.now()
        changed = promoted(entry, held.id, now=now)
        store.save_entry(self._session, changed)
        told = WaitlistPromoted(
            id=self._clock.new_id(),
            occurred_at=now,
            entry_id=entry.id,
            booking_id=held.id,
            resource_id=entry.resource_id,
            organisation_id=entry.organisation_id,
            hold_until=held.hold_until or now,
            audience=Audience(organisation_ids=(entry.organisation_id,)),
        )
        emit(self._session, told, now=now)
        return changed


def _own(entry: Entry | None, entry_id: UUID, organisation_id: OrganisationId) -> Entry:
    """``entry`` if it is of the one who asks; another's is as good as absent."""
    if entry is None or entry.organisation_id != organisation_id:
        raise EntryNotFoundError(entry_id=entry_id)
    return entry
