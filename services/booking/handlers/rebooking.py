"""Replacing a booking whose machine went down: what else there is, and taking it instead."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    Booking,
    BookingState,
    Proposal,
    check_replaceable,
    looked_at,
    proposed,
    work_minutes,
)
from services.booking.handlers.changing import make_firm
from services.booking.handlers.holding import hold
from services.booking.handlers.reading import BookingNotFoundError, get_booking, locked
from services.booking.handlers.telling import leave, tell_replaced
from services.capacity import handlers as capacity
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.matching import handlers as matching
from services.matching.domain import CANDIDATES_MAX, Requirement
from services.matching.service.port import Matcher
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing


def propose_others(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    limit: int,
    stale_after: timedelta,
    matcher: Matcher | None = None,
) -> list[Proposal]:
    """Slots for the same work, as long and as many; the soonest first.

    What the booking names a demand for is looked for as that was matched last: its material,
    tolerance, certificates and all else. Without one every process of the booked resource will do.

    Raises:
        NotAtRiskError: the booking can be kept, or is over.
        BookingNotFoundError: the organisation books none with that id.
    """
    booking = get_booking(session=session, organisation_id=organisation_id, booking_id=booking_id)
    if booking.organisation_id != organisation_id:
        raise BookingNotFoundError(booking_id=booking_id)
    check_replaceable(booking)
    requirement = _requirement_of(session, booking, looked_at(booking, now=clock.now()))
    if requirement is None:
        return []
    found = matching.match_requirement(
        session=session,
        clock=clock,
        requirement=requirement,
        limit=CANDIDATES_MAX,
        stale_after=stale_after,
        viewer=organisation_id,
        matcher=matcher,
        relaxed=False,
    )
    candidates = sorted(found.candidates, key=lambda one: (one.start, one.price.minor))
    return [proposed(booking, one) for one in candidates[:limit]]


def rebook(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    resource_id: ResourceId,
    offer_id: OfferId | None,
    start: datetime,
    hold_ttl: timedelta,
    stale_after: timedelta,
    expected_version: int | None = None,
) -> Booking:
    """Take another slot instead of one at risk, which is given back for nothing; both or neither.

    What was confirmed is confirmed again, at the price and under the terms of the other. It names
    the one it replaces, and takes its place in a joint booking.

    Returns:
        The booking of the other slot.

    Raises:
        SlotTakenError, SlotNotOfferedError and others: as of holding the other slot.
        OutOfServiceError: the other is out of service as well.
        NotAtRiskError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    known = get_booking(session=session, organisation_id=organisation_id, booking_id=booking_id)
    if known.joint_id is not None:
        # All legs first, in the order in which whoever changes several of them takes them.
        store.lock_joint(session, known.joint_id)
    booking = locked(session, booking_id, expected_version, buyer=organisation_id)
    check_replaceable(booking)

    def take_the_other() -> Booking:
        # First, since both may need the same operator.
        leave(session=session, clock=clock, booking=booking, to=BookingState.CANCELLED)
        other = hold(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            resource_id=resource_id,
            start=start,
            minutes=work_minutes(booking),
            units=booking.units,
            offer_id=offer_id,
            demand_id=booking.demand_id,
            hold_ttl=_remaining(booking, hold_ttl, now=clock.now()),
            stale_after=stale_after,
            replaces_id=booking.id,
        )
        if booking.state is not BookingState.HELD:
            other = make_firm(session=session, clock=clock, booking=other)
        tell_replaced(session, clock, booking, other)
        return other if booking.joint_id is None else _in_place(session, booking, other)

    return all_or_nothing(session, take_the_other)


def _in_place(session: Session, former: Booking, other: Booking) -> Booking:
    """``other`` as the leg that ``former`` was."""
    # Later than both, since the version of a joint booking is the sum of its legs'.
    version = former.version + 1 + other.version
    leg = replace(other, joint_id=former.joint_id, leg=former.leg, version=version)
    store.hand_leg_over(session, former, leg)
    return leg


def _remaining(booking: Booking, hold_ttl: timedelta, *, now: datetime) -> timedelta:
    """How long the other is held: as part of a joint booking until all of it runs out."""
    if booking.joint_id is None or booking.hold_until is None:
        return hold_ttl
    return booking.hold_until - now


def _requirement_of(session: Session, booking: Booking, window: Interval) -> Requirement | None:
    """What the work of ``booking`` asks, in ``window``; ``None`` if nobody can tell."""
    resource = capacity.get_resource(session=session, resource_id=booking.resource_id)
    processes = frozenset(one.process for one in resource.capabilities)
    matched = _matched(session, booking)
    # A leg of a chain may do another step than its demand was matched for.
    if matched is not None and not matched.processes.isdisjoint(processes):
        return replace(matched, minutes=work_minutes(booking), window=window, units=booking.units)
    if not processes:
        return None
    return Requirement(
        processes=processes,
        minutes=work_minutes(booking),
        window=window,
        units=booking.units,
        currency=booking.price.currency if booking.price else "CNY",
    )


def _matched(session: Session, booking: Booking) -> Requirement | None:
    """What the booking's demand asked when it was matched last; of the buyer's own alone."""
    if booking.demand_id is None:
        return None
    found = matching.list_matches(session=session, demand_id=booking.demand_id, limit=1)
    own = (one.requirement for one in found if one.organisation_id == booking.organisation_id)
    return next(own, None)
