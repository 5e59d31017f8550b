"""Bookings as an iCalendar (RFC 5545) that calendar programs subscribe to."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Booking, BookingState
from services.capacity import handlers as capacity
from services.contracts.deferred import Deferred
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.runtime.clock import Clock

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Deferred("icalendar")

EVENTS_MAX: Final = 2_000
"""Bookings in one calendar; the earliest that are not long over."""
PAST: Final = timedelta(days=30)
FUTURE: Final = timedelta(days=400)
STATUS: Final = {
    BookingState.HELD: "TENTATIVE",
    BookingState.CONFIRMED: "CONFIRMED",
    BookingState.STARTED: "CONFIRMED",
    BookingState.FINISHED: "CONFIRMED",
    BookingState.CANCELLED: "CANCELLED",
    BookingState.EXPIRED: "CANCELLED",
    BookingState.NO_SHOW: "CANCELLED",
}
"""RFC 5545 §3.8.1.11; what was cancelled stays, or subscribers would never hear of it."""


def calendar_of(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId | None = None,
) -> bytes:
    """What the organisation books and provides, from 30 days ago on; of one resource, if named.

    An event's UID never changes and its SEQUENCE grows with every change of the booking.

    Returns:
        iCalendar text in UTF-8, at most ``EVENTS_MAX`` events.
    """
    now = clock.now()
    bookings = store.bookings_of_calendar(
        session,
        party=organisation_id,
        resource_id=resource_id,
        overlapping=Interval(now - PAST, now + FUTURE),
        limit=EVENTS_MAX,
    )
    ids = {booking.resource_id for booking in bookings}
    known = capacity.resources_by_id(session=session, resource_ids=ids)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Nonagon//Bookings//EN")
    calendar.add("version", "2.0")
    for booking in bookings:
        resource = known.get(booking.resource_id)
        calendar.add_component(_event(booking, resource.name if resource else ""))
    told: bytes = calendar.to_ical()
    return told


def _event(booking: Booking, name: str) -> "icalendar.Event":
    event = icalendar.Event()
    event.add("uid", f"{booking.id}@nonagon")
    event.add("dtstamp", booking.updated_at)  # RFC 5545 §3.8.7.2: without METHOD, last revised
    event.add("last-modified", booking.updated_at)
    event.add("sequence", booking.version - 1)
    event.add("dtstart", booking.interval.start)
    event.add("dtend", booking.interval.end)
    event.add("status", STATUS[booking.state])
    event.add("transp", "OPAQUE" if booking.is_active else "TRANSPARENT")
    event.add("summary", f"{name or booking.resource_id} × {booking.units}")
    if booking.at_risk_reason is not None:
        event.add("description", booking.at_risk_reason)
    return event
