"""What a booking is and the states it passes: held → confirmed → started → finished, or ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final

from services.booking.domain.terms import NO_TERMS, Charge, ChargeReason, Terms
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


class NoShowTooEarlyError(DomainError):
    code: ClassVar[str] = "no-show-too-early"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} may still be used: report that nobody came from {at} on."
    )
    zh: ClassVar[str] = "预订 {booking_id} 仍可能被使用：请自 {at} 起再登记未到场。"


class MoveTooLateError(DomainError):
    code: ClassVar[str] = "move-too-late"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} could be moved until {at}; cancel it by its terms and hold anew."
    )
    zh: ClassVar[str] = "预订 {booking_id} 只能在 {at} 之前改期；请按条款取消后重新预占。"


class NotMovableError(DomainError):
    code: ClassVar[str] = "booking-not-movable"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is {state}; only what is held or confirmed can be changed."
    )
    zh: ClassVar[str] = "预订 {booking_id} 当前为 {state}；只有已预占或已确认的预订可以更改。"


class UnitsNotReleasableError(DomainError):
    code: ClassVar[str] = "units-not-releasable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Booking {booking_id} has {units} units and must keep one; give back fewer, or cancel it."
    )
    zh: ClassVar[str] = (
        "预订 {booking_id} 有 {units} 个单元，至少须保留一个；请减少归还数量或取消预订。"
    )


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
    ``terms`` are those it was agreed under, ``charge`` what its buyer came to owe by them.
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
    terms: Terms = NO_TERMS
    charge: Annotated[Charge | None, CONFIDENTIAL] = None
    replaces_id: BookingId | None = None
    """The booking at risk that was given back for it."""

    @property
    def free_until(self) -> datetime:
        """Up to this moment its buyer gives it back for nothing."""
        return self.terms.free_until(self.interval.start)

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


def late_charge(booking: Booking, *, now: datetime) -> Charge | None:
    """What its buyer owes for cancelling ``booking`` at ``now``.

    A hold binds nobody, and what its machine puts at risk is given back for nothing. From the start
    on cancelling is never cheaper than not coming.
    """
    binding = booking.state is BookingState.CONFIRMED and not booking.at_risk
    if booking.price is None or not binding or now < booking.free_until:
        return None
    fee = booking.terms.late_fee(booking.price)
    if now >= booking.interval.start:
        fee = max(fee, booking.terms.no_show_fee(booking.price), key=lambda one: one.minor)
    return Charge(fee, ChargeReason.LATE_CANCELLATION) if fee.minor else None


def no_show_charge(booking: Booking) -> Charge | None:
    """What its buyer owes for not coming to ``booking``; nothing if the machine could not serve."""
    if booking.price is None or booking.at_risk:
        return None
    fee = booking.terms.no_show_fee(booking.price)
    return Charge(fee, ChargeReason.NO_SHOW) if fee.minor else None


def check_nobody_came(booking: Booking, *, now: datetime) -> None:
    """Refuse to say of ``booking`` that nobody came while somebody still may.

    Raises:
        TransitionRefusedError: it is not confirmed.
        NoShowTooEarlyError: its grace is not over.
    """
    if BookingState.NO_SHOW not in TRANSITIONS[booking.state]:
        raise TransitionRefusedError(
            booking_id=booking.id, state=booking.state, wanted=BookingState.NO_SHOW
        )
    earliest = booking.terms.no_show_from(booking.interval.start)
    if now < earliest:
        raise NoShowTooEarlyError(booking_id=booking.id, at=earliest.isoformat())


def check_changeable(booking: Booking, *, now: datetime) -> None:
    """Refuse to change the slot of what is over, begun, or a hold that has run out.

    Raises:
        HoldExpiredError, NotMovableError: as they say.
    """
    if booking.state is BookingState.EXPIRED or booking.is_overdue(now):
        raise HoldExpiredError(booking_id=booking.id, hold_until=booking.hold_until)
    if booking.state not in {BookingState.HELD, BookingState.CONFIRMED}:
        raise NotMovableError(booking_id=booking.id, state=booking.state)


def check_movable(booking: Booking, *, now: datetime) -> None:
    """Refuse to move ``booking`` when cancelling it is no longer free.

    Else whoever is late would move a slot far away and cancel it there for nothing.

    Raises:
        MoveTooLateError: a confirmed one, its free time is over.
        HoldExpiredError, NotMovableError: as they say.
    """
    check_changeable(booking, now=now)
    if late_charge(booking, now=now) is not None:
        raise MoveTooLateError(booking_id=booking.id, at=booking.free_until.isoformat())


def rescheduled(
    booking: Booking,
    *,
    interval: Interval,
    units: int,
    price: Money | None,
    setup_minutes: int,
    now: datetime,
) -> Booking:
    """``booking`` in another slot of its resource, which was found free: no risk goes along."""
    return replace(
        booking,
        interval=interval,
        units=units,
        price=price,
        setup_minutes=setup_minutes,
        at_risk_reason=None,
        at_risk_by=None,
        updated_at=now,
        version=booking.version + 1,
    )


def with_fewer_units(
    booking: Booking, units: int, *, quoted: Money | None, now: datetime
) -> Booking:
    """``booking`` after giving back ``units`` of its own, where the rest is ``quoted`` alone.

    What is given back late stays owed as far as cancelling it would cost, within the price.

    Raises:
        UnitsNotReleasableError: it would keep none.
        HoldExpiredError, NotMovableError: as they say.
    """
    check_changeable(booking, now=now)
    if not 0 < units < booking.units:
        raise UnitsNotReleasableError(booking_id=booking.id, units=booking.units)
    price = booking.price
    if price is not None and quoted is not None:
        price = _reduced(booking, price, Money(min(quoted.minor, price.minor), price.currency), now)
    return replace(
        booking,
        units=booking.units - units,
        price=price,
        updated_at=now,
        version=booking.version + 1,
    )


def _reduced(booking: Booking, price: Money, rest: Money, now: datetime) -> Money:
    if late_charge(booking, now=now) is None:
        return rest
    return rest + booking.terms.late_fee(Money(price.minor - rest.minor, price.currency))
