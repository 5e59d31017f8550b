"""What becomes of a held booking: confirmed, cancelled, started, finished, expired."""

from datetime import datetime
from typing import ClassVar

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    Booking,
    BookingState,
    check_alone,
    check_nobody_came,
    confirmed,
    late_charge,
    moved,
    no_show_charge,
)
from services.booking.handlers.reading import locked
from services.booking.handlers.telling import leave, save
from services.capacity import handlers as capacity
from services.capacity.domain import AVAILABLE, WITHDRAW_HORIZON, WITHDRAWING, LiveState
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId
from services.runtime.clock import Clock


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
    booking = locked(session, booking_id, expected_version, buyer=organisation_id)
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
    return save(session, clock, changed)


def cancel(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Give a held or confirmed slot back; it is free at once.

    The buyer of a confirmed one owes what its terms say; a provider takes nothing for taking back.

    Raises:
        PartOfJointError: its buyer holds it with others, to be cancelled with them. Its provider
            may cancel it alone; then the others fall (``joints.release_fallen``).
        TransitionRefusedError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = locked(session, booking_id, expected_version, party=organisation_id)
    if organisation_id != booking.organisation_id:
        return leave(session=session, clock=clock, booking=booking, to=BookingState.CANCELLED)
    check_alone(booking)
    return give_back(session=session, clock=clock, booking=booking)


def give_back(*, session: Session, clock: Clock, booking: Booking) -> Booking:
    """The locked ``booking``, cancelled by its buyer, who owes what its terms say.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    return leave(
        session=session,
        clock=clock,
        booking=booking,
        to=BookingState.CANCELLED,
        charge=late_charge(booking, now=clock.now()),
    )


def no_show(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Note that nobody came; the rest of the time is free, and the buyer owes by the terms.

    Raises:
        NoShowTooEarlyError: somebody may still come.
        TransitionRefusedError, VersionMismatchError, BookingNotFoundError: as they say.
    """
    booking = locked(session, booking_id, expected_version, provider=organisation_id)
    check_nobody_came(booking, now=clock.now())
    return leave(
        session=session,
        clock=clock,
        booking=booking,
        to=BookingState.NO_SHOW,
        charge=no_show_charge(booking),
    )


def start(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Note that the work of a confirmed booking has begun."""
    booking = locked(session, booking_id, expected_version, provider=organisation_id)
    return save(session, clock, moved(booking, BookingState.STARTED, now=clock.now()))


def finish(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking:
    """Note that the work is done; what is left of its time is free again."""
    booking = locked(session, booking_id, expected_version, provider=organisation_id)
    if clock.now() < booking.interval.end:
        return leave(session=session, clock=clock, booking=booking, to=BookingState.FINISHED)
    return save(session, clock, moved(booking, BookingState.FINISHED, now=clock.now()))


def expire_overdue(*, session: Session, clock: Clock, limit: int) -> int:
    """Expire holds nobody confirmed in time, at most ``limit``; returns how many."""
    overdue = store.lock_overdue(session, now=clock.now(), limit=limit)
    for booking in overdue:
        leave(session=session, clock=clock, booking=booking, to=BookingState.EXPIRED)
    return len(overdue)


def _is_withdrawn(booking: Booking, live: LiveState, *, now: datetime) -> bool:
    """Whether what ``live`` is of cannot be relied on for ``booking``; silence is no recovery."""
    if live.state in WITHDRAWING:
        return booking.interval.start < now + WITHDRAW_HORIZON
    return booking.risky == live.resource_id and live.state not in AVAILABLE
