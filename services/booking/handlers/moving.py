"""Changing the slot of a booking that goes on: moving it, and giving back part of its units."""

from datetime import datetime, timedelta

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    Booking,
    check_alone,
    check_changeable,
    check_movable,
    rescheduled,
    with_fewer_units,
)
from services.booking.handlers.holding import check_free, make_way, price_of, quoted, take
from services.booking.handlers.reading import locked
from services.booking.handlers.telling import save, tell_freed
from services.capacity import handlers as capacity
from services.contracts.ids import BookingId, OrganisationId
from services.contracts.money import Money
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing


def reschedule(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    start: datetime,
    minutes: int,
    units: int,
    stale_after: timedelta,
    expected_version: int | None = None,
) -> Booking:
    """Move a booking to another slot of its resource at the price its offer quotes now.

    If that slot is not free the booking keeps its own. Its terms stay those agreed first, and a
    hold is not held any longer.

    Raises:
        SlotTakenError, CompanionTakenError, SlotNotOfferedError: the slot is not free.
        SlotInvalidError, OfferRequiredError, ListingNotFoundError: as of holding one.
        MoveTooLateError: cancelling it is no longer free.
        HoldExpiredError, NotMovableError: it is over, or has begun.
        PartOfJointError: it is held with others, whose order it would break.
        VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = locked(session, booking_id, expected_version, buyer=organisation_id)
    now = clock.now()
    check_alone(booking)
    check_movable(booking, now=now)
    slot = quoted(
        session=session,
        organisation_id=organisation_id,
        resource_id=booking.resource_id,
        offer_id=booking.offer_id,
        start=start,
        minutes=minutes,
        units=units,
        now=now,
    )
    changed = rescheduled(
        booking,
        interval=slot.interval,
        units=units,
        price=slot.price,
        setup_minutes=slot.resource.rule.setup_minutes,
        now=now,
    )
    make_way(session=session, clock=clock, slot=slot)

    def move() -> None:
        capacity.release(session=session, booking_id=booking.id)
        check_free(session=session, clock=clock, slot=slot, stale_after=stale_after)
        take(session, slot.resource, changed)

    all_or_nothing(session, move)
    return _keep(session, clock, changed)


def release_units(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    units: int,
    expected_version: int | None = None,
) -> Booking:
    """Give back ``units`` of a booking and what they needed beside them; it keeps the others.

    The rest is quoted anew, never dearer than before; of what is given back late a part stays owed
    within the price, as its terms say.

    Raises:
        UnitsNotReleasableError: it would keep none.
        HoldExpiredError, NotMovableError: it is over, or has begun.
        ListingNotFoundError: its offer is withdrawn, so that nothing quotes the rest.
        PartOfJointError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = locked(session, booking_id, expected_version, buyer=organisation_id)
    check_alone(booking)
    now = clock.now()
    check_changeable(booking, now=now)
    kept = max(1, booking.units - units)
    changed = with_fewer_units(
        booking, units, quoted=_quote_of(session, booking, units=kept), now=now
    )
    capacity.keep_units(
        session=session, booking_id=booking.id, kept=changed.units, of=booking.units
    )
    return _keep(session, clock, changed)


def _quote_of(session: Session, booking: Booking, *, units: int) -> Money | None:
    """What its offer asks now for ``units`` of the booking's time, in the currency agreed."""
    resource = capacity.get_resource(session=session, resource_id=booking.resource_id)
    work = booking.interval.duration - timedelta(minutes=booking.setup_minutes)
    price = price_of(
        session,
        resource,
        booking.organisation_id,
        booking.offer_id,
        minutes=work // timedelta(minutes=1),
        units=units,
    )
    if price is None or booking.price is None or price.currency != booking.price.currency:
        return None
    return price


def _keep(session: Session, clock: Clock, changed: Booking) -> Booking:
    store.save_slot(session, changed)
    tell_freed(session, clock, changed)
    return save(session, clock, changed)
