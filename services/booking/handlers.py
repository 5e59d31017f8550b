"""Use cases of booking: hold, confirm, cancel, start, finish, expire, flag at risk."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from services.booking.domain import Booking, BookingState
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.runtime.clock import Clock


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
) -> Booking: ...


def confirm(
    *,
    session: Session,
    clock: Clock,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking: ...


def cancel(
    *,
    session: Session,
    clock: Clock,
    booking_id: BookingId,
    expected_version: int | None = None,
) -> Booking: ...


def start(*, session: Session, clock: Clock, booking_id: BookingId) -> Booking: ...


def finish(*, session: Session, clock: Clock, booking_id: BookingId) -> Booking: ...


def expire_overdue(*, session: Session, clock: Clock, limit: int) -> int: ...


def flag_at_risk(*, session: Session, clock: Clock, resource_id: ResourceId) -> list[Booking]: ...


def get_booking(*, session: Session, booking_id: BookingId) -> Booking: ...


def list_bookings(
    *,
    session: Session,
    after: BookingId | None = None,
    limit: int,
    organisation_id: OrganisationId | None = None,
    resource_ids: Sequence[ResourceId] | None = None,
    states: Sequence[BookingState] | None = None,
    at_risk: bool | None = None,
    overlapping: Interval | None = None,
) -> list[Booking]: ...
