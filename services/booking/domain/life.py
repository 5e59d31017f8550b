"""What a booking is and the states it passes: held → confirmed → started → finished, or ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
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


class BookingState(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    STARTED = "started"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NO_SHOW = "no_show"


TRANSITIONS: Final[Mapping[BookingState, frozenset[BookingState]]] = MappingProxyType(
    {
        BookingState.HELD: frozenset(
            {BookingState.CONFIRMED, BookingState.CANCELLED, BookingState.EXPIRED}
        ),
        BookingState.CONFIRMED: frozenset(
            {BookingState.STARTED, BookingState.CANCELLED, BookingState.NO_SHOW}
        ),
        BookingState.STARTED: frozenset({BookingState.FINISHED}),
        BookingState.FINISHED: frozenset(),
        BookingState.CANCELLED: frozenset(),
        BookingState.EXPIRED: frozenset(),
        BookingState.NO_SHOW: frozenset(),
    }
)
ACTIVE: Final = frozenset({BookingState.HELD, BookingState.CONFIRMED, BookingState.STARTED})
"""The states in which a booking occupies its resource."""


class TransitionRefusedError(DomainError):
    code: ClassVar[str] = "booking-transition-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is {state} and cannot become {wanted}; read it again to see its life."
    )
    zh: ClassVar[str] = "预订 {booking_id} 当前为 {state}，不能变为 {wanted}；请重新读取其状态。"


class HoldExpiredError(DomainError):
    code: ClassVar[str] = "hold-expired"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The hold {booking_id} expired at {hold_until} and its slot is free again; hold it anew."
    )
    zh: ClassVar[str] = "预占 {booking_id} 已于 {hold_until} 过期，时段已释放；请重新预占。"


class VersionMismatchError(DomainError):
    code: ClassVar[str] = "booking-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "预订 {booking_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


@dataclass(frozen=True, slots=True)
class Booking:
    """``units`` of a resource for ``interval`` (without the resource's buffers).

    The first ``setup_minutes`` of the interval are set-up, the rest is what was asked and is
    charged by the hour.

    ``organisation_id`` books, ``provider_id`` owns the resource.

    ``at_risk_by`` is the companion that ``at_risk_reason`` tells of, ``None`` for the resource
    itself. ``hold_until`` is set while held and stays on what expired; ``price`` is absent when a
    firm books its own resource. ``leg`` is its number, from 1, in the joint booking ``joint_id``.
    """

    id: BookingId
    organisation_id: OrganisationId
    provider_id: OrganisationId
    resource_id: ResourceId
    offer_id: OfferId | None
    demand_id: DemandId | None
    interval: Interval
    units: int
    state: BookingState
    hold_until: datetime | None
    price: Annotated[Money | None, CONFIDENTIAL]
    at_risk_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int = 1
    setup_minutes: int = 0
    at_risk_by: ResourceId | None = None
    joint_id: JointId | None = None
    leg: int | None = None

    @property
    def risky(self) -> ResourceId | None:
        """What puts it at risk."""
        return (self.at_risk_by or self.resource_id) if self.at_risk else None

    @property
    def parties(self) -> frozenset[OrganisationId]:
        return frozenset({self.organisation_id, self.provider_id})

    @property
    def at_risk(self) -> bool:
        return self.at_risk_reason is not None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    def is_overdue(self, now: datetime) -> bool:
        """Whether this hold has outlived its time; at ``hold_until`` itself it has."""
        return (
            self.state is BookingState.HELD
            and self.hold_until is not None
            and now >= self.hold_until
        )


def moved(booking: Booking, to: BookingState, *, now: datetime) -> Booking:
    """``booking`` in the state ``to``. Leaving the active states ends any risk.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    if to not in TRANSITIONS[booking.state]:
        raise TransitionRefusedError(booking_id=booking.id, state=booking.state, wanted=to)
    return replace(
        booking,
        state=to,
        hold_until=booking.hold_until if to is BookingState.EXPIRED else None,
        at_risk_reason=booking.at_risk_reason if to in ACTIVE else None,
        at_risk_by=booking.at_risk_by if to in ACTIVE else None,
        updated_at=now,
        version=booking.version + 1,
    )


def confirmed(booking: Booking, *, now: datetime) -> Booking:
    """The held ``booking`` made firm.

    Raises:
        HoldExpiredError: the hold is over, whether or not it was cleaned up yet.
        TransitionRefusedError: it is not held.
    """
    if booking.state is BookingState.EXPIRED or booking.is_overdue(now):
        raise HoldExpiredError(booking_id=booking.id, hold_until=booking.hold_until)
    return moved(booking, BookingState.CONFIRMED, now=now)


def check_version(booking: Booking, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        VersionMismatchError: the booking has moved on since.
    """
    if expected is not None and expected != booking.version:
        raise VersionMismatchError(
            booking_id=booking.id, version=booking.version, expected=expected
        )
