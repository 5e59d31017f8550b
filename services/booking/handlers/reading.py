"""Reading bookings, and taking one under lock for whoever may change it."""

from collections.abc import Sequence
from typing import ClassVar

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Booking, BookingState, check_version
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval


class BookingNotFoundError(DomainError):
    code: ClassVar[str] = "booking-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No booking has the id {booking_id}; list /bookings."
    zh: ClassVar[str] = "没有编号为 {booking_id} 的预订；请查看 /bookings。"


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


def locked(
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
