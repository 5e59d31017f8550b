"""Launching booked software: a short-lived link for one seat, while its slot lasts. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from services.booking.domain.life import Booking, BookingState
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId, ResourceId

LINK_LASTS: Final = timedelta(minutes=2)
TEMPLATE_PATTERN: Final = r"^https://[^\s{}]+\{token\}[^\s{}]*$"
TEMPLATE_MAX: Final = 500
LAUNCHABLE: Final = (BookingState.CONFIRMED, BookingState.STARTED)


class NotLaunchableError(DomainError):
    code: ClassVar[str] = "launch-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is {state} and runs from {start} to {end}; a confirmed booking is"
        " launched in its time, by one of its {units} seats, not as seat {seat} at {now}."
    )
    zh: ClassVar[str] = (
        "预订 {booking_id} 当前为 {state}，时段为 {start} 至 {end}；仅可在时段内以其"
        " {units} 个席位之一启动已确认的预订，不能在 {now} 启动席位 {seat}。"
    )


class NoLaunchTargetError(DomainError):
    code: ClassVar[str] = "launch-target-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Resource {resource_id} is not launched from here; ask its provider how to use it."
    )
    zh: ClassVar[str] = "资源 {resource_id} 未配置启动地址；请向提供方了解使用方式。"


@dataclass(frozen=True, slots=True)
class LaunchTarget:
    """Where software of a resource is opened: an https address with ``{token}`` in it."""

    resource_id: ResourceId
    organisation_id: OrganisationId
    url_template: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Launch:
    """One seat of a booking was launched; ``id`` is that of its token. Never changed."""

    id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    booking_id: BookingId
    resource_id: ResourceId
    seat: int
    actor_id: UUID | None
    at: datetime
    expires_at: datetime
    """How long the link opens the seat; the session itself may last until ``until``."""
    until: datetime


def launched(
    booking: Booking, *, launch_id: UUID, seat: int, actor_id: UUID | None, now: datetime
) -> Launch:
    """The launch of ``seat`` (from 1) of a booking, now.

    Raises:
        NotLaunchableError: it is not confirmed, not its time, or not one of its seats.
    """
    start, end = booking.interval.start, booking.interval.end
    in_time = start <= now < end
    if booking.state not in LAUNCHABLE or not in_time or not 1 <= seat <= booking.units:
        raise NotLaunchableError(
            booking_id=booking.id,
            state=booking.state,
            start=start,
            end=end,
            units=booking.units,
            seat=seat,
            now=now,
        )
    return Launch(
        id=launch_id,
        organisation_id=booking.organisation_id,
        provider_id=booking.provider_id,
        booking_id=booking.id,
        resource_id=booking.resource_id,
        seat=seat,
        actor_id=actor_id,
        at=now,
        expires_at=min(now + LINK_LASTS, end),
        until=end,
    )
