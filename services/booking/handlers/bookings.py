"""Use cases of single bookings: hold, confirm, cancel, start, finish, expire, flag at risk.

The exclusion constraint on capacity's reservations decides who gets a slot. What is checked before
it only gives a better answer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    Booking,
    BookingState,
    Part,
    asked_interval,
    check_alone,
    check_rule,
    check_version,
    confirmed,
    moved,
    occupied,
    risk_of,
    with_risk,
)
from services.capacity import handlers as capacity
from services.capacity.domain import (
    AVAILABLE,
    WITHDRAW_HORIZON,
    WITHDRAWING,
    Gap,
    LiveState,
    Resource,
    joint_units,
    slot_taken,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.booking import BookingChanged, JointLegLost
from services.contracts.events.envelope import Audience
from services.contracts.ids import (
    BookingId,
    DemandId,
    JointId,
    OfferId,
    OrganisationId,
    ResourceId,
)
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.identity import handlers as identity
from services.matching import handlers as matching
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing
from services.runtime.outbox import emit


class BookingNotFoundError(DomainError):
    code: ClassVar[str] = "booking-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No booking has the id {booking_id}; list /bookings."
    zh: ClassVar[str] = "没有编号为 {booking_id} 的预订；请查看 /bookings。"


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


class OutOfServiceError(DomainError):
    code: ClassVar[str] = "resource-out-of-service"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Resource {resource_id} is {state} and its near time is withdrawn; booking {booking_id}"
        " cannot be confirmed. Wait for its recovery or book another."
    )
    zh: ClassVar[str] = (
        "资源 {resource_id} 当前为 {state}，近期时段已撤回；预订 {booking_id} 无法确认。"
        "请等待恢复或改订其他资源。"
    )


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
) -> Booking:
    """Take a free slot until ``hold_ttl`` from now, at the price its listing quotes.

    ``minutes`` are of work, and charged; the slot is longer by the resource's set-up, before them.
    Without an offer an organisation holds a resource of its own, and pays nothing. As ``part`` of a
    joint booking it is held until the time of that.

    Raises:
        SlotInvalidError: the slot breaks the resource's rule, or is over.
        SlotTakenError, CompanionTakenError: another booking has it, or what it needs.
        SlotNotOfferedError: it is not free for another reason.
        OfferRequiredError, ListingNotFoundError: there is no price for it.
        ResourceNotFoundError, OrganisationNotFoundError: no such thing.
    """
    now = clock.now()
    work = asked_interval(start=start, minutes=minutes, units=units)
    identity.get_organisation(session=session, organisation_id=organisation_id)
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    interval = occupied(resource, work)
    companions = capacity.companions_of(session=session, resources=[resource])
    most = joint_units(resource, companions)
    check_rule(resource, interval, units=units, most=most, now=now)
    price = _price(session, resource, organisation_id, offer_id, minutes=minutes, units=units)
    rivals = capacity.takers(session=session, resources=companions.values(), interval=interval)
    for overdue in store.lock_overdue_of(session, resource_id, also=rivals, now=now):
        leave(session=session, clock=clock, booking=overdue, to=BookingState.EXPIRED)
    _check_free(session, clock, resource, interval, units=units, stale_after=stale_after)
    booking = Booking(
        id=BookingId(clock.new_id()),
        organisation_id=organisation_id,
        provider_id=resource.organisation_id,
        resource_id=resource_id,
        offer_id=offer_id,
        demand_id=demand_id,
        interval=interval,
        units=units,
        state=BookingState.HELD,
        hold_until=part.hold_until if part else now + hold_ttl,
        price=price,
        at_risk_reason=None,
        created_at=now,
        updated_at=now,
        setup_minutes=resource.rule.setup_minutes,
        joint_id=part.joint_id if part else None,
        leg=part.leg if part else None,
    )
    _take(session, resource, booking)
    store.insert_booking(session, booking)
    _tell(session, clock, booking)
    return booking


def _take(session: Session, resource: Resource, booking: Booking) -> None:
    """Reserve what ``booking`` occupies."""
    take = partial(
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
        all_or_nothing(session, take)
    else:
        take()


def confirm(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Make a hold firm.

    Raises:
        HoldExpiredError: it is over.
        OutOfServiceError: the resource went out of service meanwhile.
        PartOfJointError: it is held with others, to be confirmed with them.
        TransitionRefusedError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = _locked(session, booking_id, expected_version, buyer=organisation_id)
    check_alone(booking)
    return make_firm(session=session, clock=clock, booking=booking)


def make_firm(*, session: Session, clock: Clock, booking: Booking) -> Booking:
    """The locked ``booking``, confirmed.

    Raises:
        HoldExpiredError, OutOfServiceError, TransitionRefusedError: as they say.
    """
    changed = confirmed(booking, now=clock.now())
    for live in capacity.states_of_booking(session=session, booking_id=booking.id).values():
        if _is_withdrawn(booking, live, now=clock.now()):
            raise OutOfServiceError(
                resource_id=live.resource_id, state=live.state, booking_id=booking.id
            )
    return _save(session, clock, changed)


def cancel(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Give a held or confirmed slot back; it is free at once.

    Raises:
        PartOfJointError: its buyer holds it with others, to be cancelled with them. Its provider
            may cancel it alone; then the others fall (``joints.release_fallen``).
        TransitionRefusedError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = _locked(session, booking_id, expected_version, party=organisation_id)
    if organisation_id == booking.organisation_id:
        check_alone(booking)
    return leave(session=session, clock=clock, booking=booking, to=BookingState.CANCELLED)


def start(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Note that the work of a confirmed booking has begun."""
    booking = _locked(session, booking_id, expected_version, provider=organisation_id)
    return _save(session, clock, moved(booking, BookingState.STARTED, now=clock.now()))


def finish(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Note that the work is done; what is left of its time is free again."""
    booking = _locked(session, booking_id, expected_version, provider=organisation_id)
    if clock.now() < booking.interval.end:
        return leave(session=session, clock=clock, booking=booking, to=BookingState.FINISHED)
    return _save(session, clock, moved(booking, BookingState.FINISHED, now=clock.now()))


def expire_overdue(*, session: Session, clock: Clock, limit: int) -> int:
    """Expire holds nobody confirmed in time, at most ``limit``; returns how many."""
    overdue = store.lock_overdue(session, now=clock.now(), limit=limit)
    for booking in overdue:
        leave(session=session, clock=clock, booking=booking, to=BookingState.EXPIRED)
    return len(overdue)


def flag_at_risk(*, session: Session, clock: Clock, resource_id: ResourceId) -> list[Booking]:
    """Flag or clear the bookings that take the resource by its live state of now.

    Out of service flags what lies in the near horizon; back in service clears everything it had
    flagged; an unknown state proves neither and changes nothing. Bookings take a resource
    themselves or as a companion of another.

    Returns:
        Those changed.
    """
    live = capacity.live_states(session=session, resource_ids=[resource_id]).get(resource_id)
    near = Interval.starting(clock.now(), WITHDRAW_HORIZON)
    if live is not None and live.state in WITHDRAWING:
        resource = capacity.get_resource(session=session, resource_id=resource_id)
        takers = capacity.takers(session=session, resources=[resource], interval=near)
        affected = store.lock_active(session, takers, overlapping=near)
    elif live is None or live.state in AVAILABLE:
        affected = store.lock_flagged_by(session, resource_id)
    else:
        affected = []
    return _mark(session, clock, affected, near)


def sweep_at_risk(*, session: Session, clock: Clock) -> int:
    """Bring every flag up to date: time alone moves bookings into the near horizon."""
    live = capacity.live_states(session=session)
    out_of_service = {one.resource_id for one in live.values() if one.state in WITHDRAWING}
    concerned = sorted(out_of_service | store.resources_with_risk(session))
    return sum(
        len(flag_at_risk(session=session, clock=clock, resource_id=resource_id))
        for resource_id in concerned
    )


def get_booking(
    *, session: Session, organisation_id: OrganisationId, booking_id: BookingId
) -> Booking:
    """The booking ``booking_id``, as buyer or provider.

    Raises:
        BookingNotFoundError: the organisation has no part in one with that id.
    """
    booking = store.find_booking(session, booking_id)
    if booking is None or organisation_id not in booking.parties:
        raise BookingNotFoundError(booking_id=booking_id)
    return booking


def list_bookings(
    *,
    session: Session,
    after: BookingId | None = None,
    limit: int,
    party: OrganisationId | None,
    organisation_id: OrganisationId | None = None,
    resource_ids: Sequence[ResourceId] | None = None,
    states: Sequence[BookingState] | None = None,
    at_risk: bool | None = None,
    overlapping: Interval | None = None,
) -> list[Booking]:
    """A page of bookings in order of creation, of those ``party`` books or provides."""
    return store.bookings_after(
        session,
        after=after,
        limit=limit,
        party=party,
        organisation_id=organisation_id,
        resource_ids=resource_ids,
        states=states,
        at_risk=at_risk,
        overlapping=overlapping,
    )


def _price(
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


def _check_free(
    session: Session,
    clock: Clock,
    resource: Resource,
    interval: Interval,
    *,
    units: int,
    stale_after: timedelta,
) -> None:
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


def _locked(
    session: Session,
    booking_id: BookingId,
    expected_version: int | None,
    *,
    buyer: OrganisationId | None = None,
    provider: OrganisationId | None = None,
    party: OrganisationId | None = None,
) -> Booking:
    """The booking under lock, if it is of the one who asks; another's is as good as absent."""
    booking = store.lock_booking(session, booking_id)
    if booking is None or not (
        booking.organisation_id == buyer
        or booking.provider_id == provider
        or party in booking.parties
    ):
        raise BookingNotFoundError(booking_id=booking_id)
    check_version(booking, expected_version)
    return booking


def _is_withdrawn(booking: Booking, live: LiveState, *, now: datetime) -> bool:
    """Whether what ``live`` is of cannot be relied on for ``booking``; silence is no recovery."""
    if live.state in WITHDRAWING:
        return booking.interval.start < now + WITHDRAW_HORIZON
    return booking.risky == live.resource_id and live.state not in AVAILABLE


def _mark(
    session: Session, clock: Clock, bookings: Sequence[Booking], near: Interval
) -> list[Booking]:
    """Flag or clear each by the states of all it takes; those changed."""
    changed = []
    for booking in bookings:
        states = capacity.states_of_booking(session=session, booking_id=booking.id)
        judged = with_risk(booking, risk_of(booking, states, near=near), now=clock.now())
        if judged is not booking:
            changed.append(_save(session, clock, judged))
    return changed


def leave(*, session: Session, clock: Clock, booking: Booking, to: BookingState) -> Booking:
    """The locked ``booking`` in a state that gives its slot back.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    changed = moved(booking, to, now=clock.now())
    capacity.release(session=session, booking_id=booking.id)
    if booking.joint_id is not None and booking.state is BookingState.HELD:
        _tell_lost(session, clock, booking, booking.joint_id)
    return _save(session, clock, changed)


def _save(session: Session, clock: Clock, booking: Booking) -> Booking:
    store.save_booking(session, booking)
    _tell(session, clock, booking)
    return booking


def _tell_lost(session: Session, clock: Clock, leg: Booking, joint_id: JointId) -> None:
    now = clock.now()
    lost = JointLegLost(
        id=clock.new_id(),
        occurred_at=now,
        joint_id=joint_id,
        booking_id=leg.id,
        organisation_id=leg.organisation_id,
        audience=Audience(organisation_ids=tuple(sorted(leg.parties))),
    )
    emit(session, lost, now=now)


def _tell(session: Session, clock: Clock, booking: Booking) -> None:
    now = clock.now()
    changed = BookingChanged(
        id=clock.new_id(),
        occurred_at=now,
        booking_id=booking.id,
        resource_id=booking.resource_id,
        organisation_id=booking.organisation_id,
        state=booking.state.value,
        at_risk=booking.at_risk,
        at_risk_reason=booking.at_risk_reason,
        start=booking.interval.start,
        end=booking.interval.end,
        units=booking.units,
        audience=Audience(organisation_ids=tuple(sorted(booking.parties))),
    )
    emit(session, changed, now=now)
