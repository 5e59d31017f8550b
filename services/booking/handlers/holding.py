"""Taking a free slot.

The exclusion constraint on capacity's reservations decides who gets it. What is checked before
it only gives a better answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import ClassVar

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    Booking,
    BookingState,
    Part,
    asked_interval,
    check_rule,
    occupied,
)
from services.booking.handlers.telling import leave, tell
from services.capacity import handlers as capacity
from services.capacity.domain import Gap, Resource, joint_units, slot_taken
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.identity import handlers as identity
from services.matching import handlers as matching
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing


class OfferRequiredError(DomainError):
    code: ClassVar[str] = "offer-required"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Resource {resource_id} belongs to another organisation; name the offer that lists it."
    )
    zh: ClassVar[str] = "资源 {resource_id} 属于其他组织；请指明包含该资源的要约。"


class SlotNotOfferedError(DomainError):
    code: ClassVar[str] = "slot-not-offered"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Resource {resource_id} does not offer {start} to {end}: outside its working time, in"
        " maintenance, or withdrawn; choose one of its gaps."
    )
    zh: ClassVar[str] = (
        "资源 {resource_id} 未提供 {start} 至 {end}：不在工作时间内、维护中或已撤回；"
        "请选择其空闲时段。"
    )


class TooManyHoldsError(DomainError):
    code: ClassVar[str] = "too-many-holds"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_MANY
    en: ClassVar[str] = (
        "Your organisation holds {held} slots of at most {most}; confirm or cancel some, or wait"
        " {retry_after_s} s until one runs out."
    )
    zh: ClassVar[str] = (
        "贵组织已预占 {held} 个时段（上限 {most} 个）；请确认或取消部分预占，"
        "或等待 {retry_after_s} 秒至其中一个到期。"
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """What is asked of a resource, allowed by its rule, with its price."""

    resource: Resource
    interval: Interval
    units: int
    price: Money | None
    companions: Mapping[ResourceId, Resource]


def hold(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    start: datetime,
    minutes: int,
    units: int,
    offer_id: OfferId | None,
    demand_id: DemandId | None,
    hold_ttl: timedelta,
    stale_after: timedelta,
    part: Part | None = None,
    open_max: int | None = None,
    replaces_id: BookingId | None = None,
) -> Booking:
    """Take a free slot until ``hold_ttl`` from now, at the price its listing quotes.

    ``minutes`` are of work, and charged; the slot is longer by the resource's set-up, before them.
    Without an offer an organisation holds a resource of its own, and pays nothing. As ``part`` of a
    joint booking it is held until the time of that. The terms of the resource are agreed with it.

    Raises:
        SlotInvalidError: the slot breaks the resource's rule, or is over.
        SlotTakenError, CompanionTakenError, SlotNotOfferedError: it, or what it needs, is not free.
        TooManyHoldsError: the organisation holds ``open_max`` slots already.
        OfferRequiredError, ListingNotFoundError: no price. ResourceNotFoundError: no such thing.
    """
    now = clock.now()
    asked_interval(start=start, minutes=minutes, units=units)
    identity.get_organisation(session=session, organisation_id=organisation_id)
    _check_room(session, organisation_id, most=open_max, now=now)
    slot = quoted(
        session=session,
        organisation_id=organisation_id,
        resource_id=resource_id,
        offer_id=offer_id,
        start=start,
        minutes=minutes,
        units=units,
        now=now,
    )
    make_way(session=session, clock=clock, slot=slot)
    check_free(session=session, clock=clock, slot=slot, stale_after=stale_after)
    until = part.hold_until if part else now + hold_ttl
    booking = replace(
        _held(session, clock, organisation_id, slot, until),
        offer_id=offer_id,
        demand_id=demand_id,
        joint_id=part.joint_id if part else None,
        leg=part.leg if part else None,
        replaces_id=replaces_id,
    )
    take(session, slot.resource, booking)
    store.insert_booking(session, booking)
    tell(session, clock, booking)
    return booking


def _held(
    session: Session, clock: Clock, organisation_id: OrganisationId, slot: Slot, until: datetime
) -> Booking:
    now = clock.now()
    return Booking(
        id=BookingId(clock.new_id()),
        organisation_id=organisation_id,
        provider_id=slot.resource.organisation_id,
        resource_id=slot.resource.id,
        offer_id=None,
        demand_id=None,
        interval=slot.interval,
        units=slot.units,
        state=BookingState.HELD,
        hold_until=until,
        price=slot.price,
        at_risk_reason=None,
        created_at=now,
        updated_at=now,
        setup_minutes=slot.resource.rule.setup_minutes,
        terms=store.find_terms(session, slot.resource.id),
    )


def quoted(
    *,
    session: Session,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    offer_id: OfferId | None,
    start: datetime,
    minutes: int,
    units: int,
    now: datetime,
) -> Slot:
    """The slot asked for, as far as rule and price go; whether it is free is another question.

    Raises:
        SlotInvalidError, OfferRequiredError, ListingNotFoundError, ResourceNotFoundError: as of
            :func:`hold`.
    """
    work = asked_interval(start=start, minutes=minutes, units=units)
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    interval = occupied(resource, work)
    companions = capacity.companions_of(session=session, resources=[resource])
    most = joint_units(resource, companions)
    check_rule(resource, interval, units=units, most=most, now=now)
    price = price_of(session, resource, organisation_id, offer_id, minutes=minutes, units=units)
    return Slot(resource, interval, units, price, companions)


def make_way(*, session: Session, clock: Clock, slot: Slot) -> None:
    """Expire the holds that ran out and would still be in the way of ``slot``."""
    rivals = capacity.takers(
        session=session, resources=slot.companions.values(), interval=slot.interval
    )
    overdue = store.lock_overdue_of(session, slot.resource.id, also=rivals, now=clock.now())
    for booking in overdue:
        leave(session=session, clock=clock, booking=booking, to=BookingState.EXPIRED)


def _check_room(
    session: Session, organisation_id: OrganisationId, *, most: int | None, now: datetime
) -> None:
    if most is None:
        return
    held, first = store.open_holds(session, organisation_id, now=now)
    if held >= most:
        wait = timedelta(0) if first is None else first - now
        retry_after_s = max(1, ceil(wait.total_seconds()))
        raise TooManyHoldsError(held=held, most=most, retry_after_s=retry_after_s)


def take(session: Session, resource: Resource, booking: Booking) -> None:
    """Reserve what ``booking`` occupies."""
    reserve = partial(
        capacity.reserve,
        session=session,
        resource=resource,
        booking_id=booking.id,
        booked_by=booking.organisation_id,
        interval=booking.interval,
        units=booking.units,
    )
    # A joint booking takes the companions of one leg after the other and may meet this one.
    if booking.joint_id is None:
        all_or_nothing(session, reserve)
    else:
        reserve()


def price_of(
    session: Session,
    resource: Resource,
    organisation_id: OrganisationId,
    offer_id: OfferId | None,
    *,
    minutes: int,
    units: int,
) -> Money | None:
    owns = resource.organisation_id == organisation_id
    if offer_id is None:
        if not owns:
            raise OfferRequiredError(resource_id=resource.id)
        return None
    listing = matching.get_listing(
        session=session, offer_id=offer_id, resource_id=resource.id, viewer=organisation_id
    )
    return listing.rate.quote(minutes=minutes, units=units)


def check_free(*, session: Session, clock: Clock, slot: Slot, stale_after: timedelta) -> None:
    """Say why a slot is not free, if it is not.

    Raises:
        SlotTakenError, CompanionTakenError, SlotNotOfferedError: as of :func:`hold`.
    """
    resource, interval, units = slot.resource, slot.interval, slot.units
    found = capacity.availability(
        session=session,
        clock=clock,
        resources=[resource],
        window=interval,
        stale_after=stale_after,
    )
    available = found[resource.id]
    if _has_room(available.gaps, interval, units):
        return
    needed = [
        (resource, available.alone, units),
        *((one.resource, one.gaps, one.units * units) for one in available.companions),
    ]
    short = ((one, count) for one, gaps, count in needed if not _has_room(gaps, interval, count))
    member, count = next(short, (resource, units))
    if capacity.is_reserved(session=session, resource=member, interval=interval):
        raise slot_taken(resource, member, interval, units=count)
    raise SlotNotOfferedError(
        resource_id=member.id, start=interval.start.isoformat(), end=interval.end.isoformat()
    )


def _has_room(gaps: Sequence[Gap], interval: Interval, units: int) -> bool:
    return any(gap.interval.contains(interval) and gap.free_units >= units for gap in gaps)
